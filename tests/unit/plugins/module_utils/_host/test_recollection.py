# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.changes import Applied, Removed
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem, UnreadableJournal
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import Journal
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.places import Places
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.wanted import Wanted
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.journal_store import JournalStore
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.recollection import Recollection, recollect

OURS, PATH = "/etc/ours", "/var/lib/nova-pci-passthrough/journal.json"
LOOKING = Removed(Places(files={OURS: "devices"}))
GOALS = {"apply": Applied(Wanted(boot_id="one")), "remove": Removed(), "remove by marks": LOOKING}
each_goal = pytest.mark.parametrize("goal", GOALS.values(), ids=GOALS)


@pytest.fixture
def files(tmp_path):
    (tmp_path / "etc").mkdir()
    (tmp_path / "etc/ours").write_text("# nova_pci.passthrough\n", encoding="utf-8")
    return Files(str(tmp_path))


@pytest.fixture
def store(files):
    store = JournalStore(files)
    store.prepare()
    return store


@each_goal
def test_a_journal_that_is_there_is_what_counts(files, store, goal):
    store.write(Journal(directories=("/etc/d",)))
    known = recollect(files, store, goal)
    assert known == Recollection(store.read(), store.read())


@each_goal
def test_a_missing_one_is_made_up_for_those_who_look_for_marks(files, store, goal):
    known = recollect(files, store, goal)
    assert (known.stored, known.aside) == (None, None)
    if goal is LOOKING:
        assert list(known.journal.files) == [OURS]
        assert known.journal.lost == f"{PATH} is missing"
    else:
        assert known.journal is None


def test_nothing_is_made_up_where_nothing_is_ours(files, store):
    files.unlink(OURS)
    assert recollect(files, store, LOOKING) == Recollection()


@pytest.mark.parametrize("there", [True, False])
@each_goal
def test_one_that_cannot_be_read_stops_everybody_else(files, store, goal, there, tmp_path):
    (tmp_path / PATH[1:]).write_bytes(b"\xff{")
    if not there:
        files.unlink(OURS)
    if goal is not LOOKING:
        with pytest.raises(UnreadableJournal, match="is not UTF-8"):
            recollect(files, store, goal)
        return
    known = recollect(files, store, goal)
    assert known.stored is None
    assert known.aside == store.aside()
    assert known.journal.lost == f"{PATH} is not UTF-8; its bytes are kept as {known.aside}"
    assert list(known.journal.files) == ([OURS] if there else [])


@each_goal
@pytest.mark.parametrize("content", [b'{"version": 2}', None], ids=["a newer one", "a directory"])
def test_what_is_no_lost_journal_stops_all_of_them(files, store, goal, content, tmp_path):
    if content is None:
        (tmp_path / PATH[1:]).mkdir()
    else:
        (tmp_path / PATH[1:]).write_bytes(content)
    with pytest.raises(MachineProblem) as caught:
        recollect(files, store, goal)
    assert not isinstance(caught.value, UnreadableJournal)
