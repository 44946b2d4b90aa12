# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody else did to files of ours, as far as the journal tells."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_edit import LineEdit
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.decision import Standing
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import (
    FILE,
    OTHER,
    SYMLINK,
    FileRecord,
    FileState,
    Journal,
    Written,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal_check import (
    check_files,
    without_explained,
)

OURS = "/etc/nova-pci-passthrough/devices.conf"
CONF = "/etc/nova/nova.conf"
JOURNAL = "/var/lib/nova-pci-passthrough/journal.json"


def text(content: str) -> FileState:
    return FileState(FILE, content.encode())


def written(content: str, path: str = OURS, **more: object) -> FileRecord:
    return FileRecord(path, "devices", FileState(), path, written=Written(text(content).fingerprint), **more)  # type: ignore[arg-type]


def edited() -> FileRecord:
    """Line 2 of nova.conf was made a comment."""
    before, edit = "[pci]\nalias = x\n", LineEdit(2, ("alias = x",), ("#alias = x",))
    after = text("[pci]\n#alias = x\n")
    return FileRecord(
        CONF,
        "nova",
        text(before).without_content(),
        CONF,
        foreign=True,
        written=Written(after.fingerprint, None, (edit,)),
    )


def check(record: FileRecord | None, now: FileState, real: str | None = None) -> list[tuple[str, str]]:
    journal = None if record is None else Journal(files={record.path: record})
    path = OURS if record is None else record.path
    rows = check_files(Standing(journal, JOURNAL, {path: now}, {path: real or path}))
    return [(row.state, row.found) for row in rows]


def test_a_file_as_it_was_written_is_ok():
    assert check(written("a\n"), text("a\n")) == [("ok", "as this collection wrote it")]


@pytest.mark.parametrize(
    ("now", "found"),
    [
        (text("b\n"), "changed by someone else since"),
        (FileState(), "removed by someone else since"),
        (FileState(SYMLINK, target="/dev/null"), "changed by someone else since"),
        (FileState(OTHER), "changed by someone else since"),
    ],
)
def test_a_file_that_was_changed_or_removed_is_a_failure(now, found):
    assert check(written("a\n"), now) == [("failed", found)]


def test_the_finding_names_the_file_and_what_to_do():
    (row,) = check_files(Standing(Journal(files={OURS: written("a\n")}), JOURNAL, {OURS: text("b\n")}, {OURS: OURS}))
    assert row.check == f"file {OURS}"
    assert "playbooks/site.yml" in (row.fix or "")


def test_what_a_run_was_about_to_write_is_ours_too():
    record = replace(written("a\n"), intended=Written(text("b\n").fingerprint))
    assert check(record, text("b\n"))[0][0] == "ok"


def test_a_first_run_that_was_cut_off_and_a_whole_file_of_others_are_left_to_the_plan():
    assert check(replace(written("a\n"), written=None), text("b\n")) == []
    assert check(written("a\n", "/etc/kernel/cmdline", foreign=True), text("b\n")) == []


@pytest.mark.parametrize(
    ("now", "state", "found"),
    [
        ("[pci]\n#alias = x\n", "ok", "with the lines of this collection"),
        ("[DEFAULT]\nhost = a\n[pci]\n#alias = x\n", "ok", "with the lines of this collection"),
        ("[pci]\nalias = x\n", "failed", "without these lines"),
    ],
)
def test_of_a_file_with_lines_of_ours_only_these_count(now, state, found):
    assert check(edited(), text(now)) == [(state, found)]


def test_a_file_with_lines_of_ours_that_is_gone_or_leads_elsewhere():
    assert check(edited(), FileState()) == [("failed", "removed by someone else since")]
    assert check(edited(), text(""), "/srv/nova.conf") == [
        ("failed", f"a link to /srv/nova.conf now; the lines are in {CONF}")
    ]


def test_a_lost_journal_is_told_where_files_of_ours_are_left():
    marked = text("# nova_pci.passthrough\n")
    assert check(None, marked) == [("failed", f"no journal, but {OURS}")]
    assert check(None, text("an administrator's\n")) == []
    assert check(None, FileState()) == []


def test_what_a_finding_says_is_not_said_again():
    rows = check_files(Standing(Journal(files={OURS: written("a\n")}), JOURNAL, {OURS: text("b\n")}, {OURS: OURS}))
    assert without_explained([f"write {OURS}", "run update-grub"], rows) == ["run update-grub"]
    good = check_files(Standing(Journal(files={OURS: written("a\n")}), JOURNAL, {OURS: text("a\n")}, {OURS: OURS}))
    assert without_explained([f"write {OURS}"], good) == [f"write {OURS}"], "a declaration that is not applied yet"
