# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _host/drain_record.py."""

from __future__ import annotations

import os

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.drain_record import (
    PATH,
    forget_drained,
    keep_drained,
    read_drained,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.journal_store import JournalStore


@pytest.fixture
def files(tmp_path):
    return Files(str(tmp_path))


def test_for_root_alone(files):
    assert read_drained(files) is None
    assert keep_drained(files, {"host": "ä"}, dry_run=False)
    assert read_drained(files) == {"host": "ä"}
    place = files.on_disk(PATH)
    assert os.stat(place).st_mode & 0o777 == 0o600
    assert os.stat(os.path.dirname(place)).st_mode & 0o777 == 0o700


def test_it_is_no_leftover_of_a_run_that_crashed(files):
    """A host that was taken back and is about to reboot has it and no journal."""
    keep_drained(files, {"host": "a"}, dry_run=False)
    store = JournalStore(files)
    assert not store.has_leftovers(None)
    store.clear()
    assert read_drained(files) == {"host": "a"}


def test_the_journal_s_directory_stays(files, tmp_path):
    keep_drained(files, {"host": "a"}, dry_run=False)
    journal = tmp_path / "var/lib/nova-pci-passthrough/journal.json"
    journal.write_text("{}")
    assert forget_drained(files, dry_run=False)
    assert journal.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"\xff", b"[" * 100000])
def test_what_is_no_json(files, tmp_path, content):
    keep_drained(files, {}, dry_run=False)
    (tmp_path / PATH[1:]).write_bytes(content)
    with pytest.raises(MachineProblem, match="is no JSON. It says what an earlier run has stopped"):
        read_drained(files)


def test_a_folder_in_its_place(files, tmp_path):
    (tmp_path / PATH[1:]).mkdir(parents=True)
    with pytest.raises(MachineProblem):
        read_drained(files)
