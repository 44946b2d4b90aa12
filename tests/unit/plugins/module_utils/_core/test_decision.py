# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_edit import LineEdit
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.decision import Decision, FileChange, Kept
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import FileState, Journal


def change(before, after, secret=False):
    return FileChange("/etc/a", "/etc/a", "layer", before, after, "write /etc/a", secret)


def test_a_diff_of_texts():
    row = change(FileState("file", b"old\n"), FileState("file", "n\u00e4u\n".encode())).to_diff()
    assert row == {"before_header": "/etc/a", "after_header": "/etc/a", "before": "old\n", "after": "näu\n"}


def test_bytes_that_are_no_text_are_still_shown():
    assert change(FileState(), FileState("file", b"\xff\n")).to_diff()["after"] == "\\xff\n"


def test_links_and_nothing():
    row = change(FileState(), FileState("symlink", target="/x")).to_diff()
    assert (row["before"], row["after"]) == ("", "symbolic link to /x\n")


def test_a_secret_shows_that_it_changes_and_nothing_of_it():
    row = change(FileState("file", b"hunter1", 0o640), FileState("file", b"hunter2", 0o640), secret=True).to_diff()
    assert "hunter" not in str(row)
    assert row["before"] != row["after"]
    assert "0640" in row["before"]


class TestEditedFiles:
    ONE = LineEdit(2, ("a = 1",), ("# a = 1", "a = 2"))
    TWO = LineEdit(9, ("b = 1", " more"), ("b = 2",))

    def rows(self, standing, edits):
        state = FileState("file", b"password = hidden\n" * 20)
        shown = FileChange("/etc/a", "/etc/a", "nova", state, state, "edit", True, standing, edits).to_diff()
        assert "hidden" not in str(shown)
        return shown["before"].splitlines(), shown["after"].splitlines()

    def test_the_lines_that_change_with_their_numbers(self):
        assert self.rows((), (self.ONE, self.TWO)) == (
            ["line 2: a = 1", "line 9: b = 1", "line 10:  more"],
            ["line 2: # a = 1", "line 3: a = 2", "line 9: b = 2"],
        )

    def test_the_way_back(self):
        assert self.rows((self.ONE,), ()) == (["line 2: # a = 1", "line 3: a = 2"], ["line 2: a = 1"])

    def test_what_stays_is_not_shown_and_what_is_replaced_is_shown_at_once(self):
        other = LineEdit(2, ("a = 1",), ("a = 3",))
        assert self.rows((self.ONE, self.TWO), (other, self.TWO)) == (
            ["line 2: # a = 1", "line 3: a = 2"],
            ["line 2: a = 3"],
        )


def test_changed_is_whether_there_is_anything_to_do():
    assert not Decision("apply", (), None, Journal()).changed
    assert Decision("apply", ("write /etc/a",), None, Journal()).changed


def test_kept_is_plain_data():
    assert Kept("/a", "why").to_dict() == {"path": "/a", "why": "why"}
