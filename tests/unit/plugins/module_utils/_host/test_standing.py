# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands at the paths of a journal and of a plan, links of foreign files followed."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import FileRecord, FileState, Journal
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.journal_store import JournalStore
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.standing import read_standing


@pytest.fixture
def files(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "var/lib").mkdir(parents=True)
    (tmp_path / "etc/ours").write_text("a\n", encoding="utf-8")
    (tmp_path / "etc/theirs").symlink_to("real")
    (tmp_path / "etc/real").write_text("b\n", encoding="utf-8")
    return Files(str(tmp_path))


def test_paths_of_the_journal_and_of_the_plan(files):
    store = JournalStore(files)
    store.prepare()
    store.write(Journal(files={"/etc/ours": FileRecord("/etc/ours", "devices", FileState(), "/etc/ours")}))
    found = read_standing(files, store, [{"path": "/etc/theirs", "foreign": True}, {"path": "/etc/none"}])
    assert {path: state.content for path, state in found.states.items()} == {
        "/etc/ours": b"a\n",
        "/etc/theirs": b"b\n",
        "/etc/none": b"",
    }
    assert found.reals["/etc/theirs"] == "/etc/real"
    assert found.journal == store.read()
    assert found.journal_path == "/var/lib/nova-pci-passthrough/journal.json"


def test_a_link_that_is_not_foreign_is_not_followed(files):
    found = read_standing(files, JournalStore(files), [{"path": "/etc/theirs"}])
    assert found.states["/etc/theirs"].target == "real"
    assert found.journal is None


def test_nothing_is_written(files, tmp_path):
    before = sorted(path.name for path in tmp_path.rglob("*"))
    read_standing(files, JournalStore(files), [])
    assert sorted(path.name for path in tmp_path.rglob("*")) == before


def test_what_cannot_be_read_is_a_problem_in_words(files, tmp_path):
    (tmp_path / "etc/loop").symlink_to("loop")
    with pytest.raises(MachineProblem, match="/etc/loop: cannot be read"):
        read_standing(files, JournalStore(files), [{"path": "/etc/loop", "foreign": True}])
