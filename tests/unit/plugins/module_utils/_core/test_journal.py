# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import contextlib
import copy
import json

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_edit import LineEdit, apply_edits
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import (
    FileRecord,
    FileState,
    Journal,
    PendingReboot,
    ServiceUnit,
    Snapshot,
    ToolRecord,
    Written,
    check_path,
    is_of_a_newer_collection,
    journal_from_text,
    mode_number,
    mode_text,
)

FULL = Journal(
    unfinished="apply",
    files={
        "/etc/a": FileRecord(
            "/etc/a",
            "kernel_arguments",
            FileState("file", b"\xff\0former\n", 0o640, 0, 12, "system_u:object_r:etc_t:s0"),
            real="/etc/real-a",
            foreign=True,
            secret=True,
            written=Written("file:00", 0o640),
            intended=Written("absent"),
            administrator=True,
        ),
        "/etc/link": FileRecord("/etc/link", "devices", FileState("symlink", target="../x"), real="/etc/link"),
        "/etc/new": FileRecord("/etc/new", "devices", FileState(), real="/etc/new"),
        "/etc/nova/nova.conf": FileRecord(
            "/etc/nova/nova.conf",
            "nova",
            FileState("file", mode=0o640, uid=0, gid=64060, sealed="0f" * 32),
            real="/etc/nova/nova.conf",
            foreign=True,
            written=Written("file:01", 0o640, (LineEdit(3, ("a = 1",), ("# a = 1", "a = \udcff")),)),
        ),
    },
    directories=("/etc/ours", "/etc/ours/below"),
    tools={
        "update-grub": ToolRecord("update-grub", ("kernel_arguments",), ("a", "b"), ("c",), ("/boot/*",), None),
        "restart nova-api": ToolRecord(
            "restart nova-api",
            (),
            ("r",),
            ("r",),
            (),
            "aa",
            former="bb",
            service=ServiceUnit("nova-api.service", ("/var/log/a",), "http://localhost:8774/"),
        ),
        "restart nova-compute": ToolRecord(
            "restart nova-compute", (), ("r",), ("r",), (), "a", service=ServiceUnit("nova-compute.service")
        ),
    },
    snapshots={
        "/boot/x": Snapshot("/boot/x", "abc123", "00", 0o600, 0, 0, None),
        "/boot/none": Snapshot("/boot/none", None),
    },
    apply_argv=("/s", "apply"),
    release_argv=("/s", "release"),
    former_drivers={"0000:02:00.0": "e1000e", "0000:03:00.0": None},
    kernel_arguments=("intel_iommu=on",),
    pending_reboot=PendingReboot("boot", ("x",), ("because",), ("y",)),
    secrets_from=("/etc/nova/nova.conf",),
)

# As version 0.1 of this collection wrote it, before there were plans for Nova.
OLDER = """{"version": 1, "written_by": "nova_pci.passthrough", "unfinished": null, "files": {"/etc/a": {"layer": "devices",
"real": "/etc/a", "foreign": false, "secret": false, "administrator": false, "former": {"kind": "file", "content": "eA==",
"mode": "0644", "uid": 0, "gid": 0, "context": null}, "written": {"fingerprint": "file:00", "mode": "0644"},
"intended": null}}, "directories": [], "tools": {"update-grub": {"layers": ["kernel_arguments"], "argv": ["update-grub"],
"undo": ["update-grub"], "touches": ["/boot/grub/grub.cfg"], "stamp": "00", "earlier": []}}, "snapshots": {},
"apply_argv": [], "release_argv": [], "former_drivers": {}, "kernel_arguments": [], "pending_reboot": null}"""


@pytest.mark.parametrize("journal", [FULL, Journal()], ids=["full", "empty"])
def test_there_and_back(journal):
    assert journal_from_text(journal.to_text()) == journal


def test_an_older_journal_is_read_and_written_as_it_was():
    journal = journal_from_text(OLDER)
    assert journal.files["/etc/a"].written == Written("file:00", 0o644)
    assert journal.tools["update-grub"].service is None
    assert json.loads(journal.to_text()) == json.loads(OLDER)


def test_what_it_stands_in_for_is_remembered_until_the_run_is_through():
    made_up = Journal(unfinished="remove", lost="/journal.json is missing")
    assert journal_from_text(made_up.to_text()) == made_up
    assert "lost" not in Journal().to_text()


@pytest.mark.parametrize(
    ("content", "newer"),
    [
        (b'{"version": 2}', True),
        (b'{"version": 1}', False),
        (b'{"version": "2"}', False),
        (b"[2]", False),
        (b"{", False),
        (b"\xff", False),
        (b"[" * 100000, False),
    ],
)
def test_a_journal_to_come_is_told_from_no_journal(content, newer):
    assert is_of_a_newer_collection(content) is newer


def test_the_order_of_the_files_is_kept():
    assert list(journal_from_text(FULL.to_text()).files) == list(FULL.files)


def places(body, way=()):
    """Yield the way to every place in a JSON object."""
    if isinstance(body, dict):
        for key, inner in body.items():
            yield (*way, key)
            yield from places(inner, (*way, key))


BODY = json.loads(FULL.to_text())


@pytest.mark.parametrize("way", list(places(BODY)), ids=".".join)
def test_no_damaged_place_is_ever_accepted_silently_or_ends_in_a_traceback(way):
    for damage in (None, 1, -0.5, True, [], [1], {}, {"a": 1}, "\0", "x", "no/path", "/a/../b"):
        body = copy.deepcopy(BODY)
        holder = body
        for key in way[:-1]:
            holder = holder[key]
        if damage is None:
            del holder[way[-1]]
        else:
            holder[way[-1]] = damage
        with contextlib.suppress(ValueError):  # any other error is a failure
            journal = journal_from_text(json.dumps(body))
            assert journal_from_text(journal.to_text()) == journal


@pytest.mark.parametrize(
    ("key", "value", "words"),
    [
        ("version", 2, "has version 2; this collection reads version 1"),
        ("version", "1", "has version '1'"),
        ("unfinished", "cook", "unknown operation 'cook'"),
        ("files", [], "holds no object under files"),
        ("directories", "x", "holds no list of texts under directories"),
        ("directories", ["/etc/../x"], "component"),
        ("former_drivers", {"a": 1}, "holds no text under former_drivers.a"),
        ("pending_reboot", 1, "holds no object under pending_reboot"),
    ],
)
def test_complaints_name_the_place(key, value, words):
    with pytest.raises(ValueError, match="^") as caught:
        journal_from_text(json.dumps({**BODY, key: value}))
    assert words in str(caught.value)


def test_a_copy_s_name_cannot_lead_out_of_its_directory():
    body = copy.deepcopy(BODY)
    body["snapshots"]["/boot/x"]["stored"] = "../../etc/passwd"
    with pytest.raises(ValueError, match="names the copy"):
        journal_from_text(json.dumps(body))


TEXT = "[a]\npassword = hidden\nb = 1\n"
EDITS = (LineEdit(3, ("b = 1",), ("# b = 1", "b = 2")),)
OTHERS = (LineEdit(1, ("[a]",), ("[a]", "c = 3")), *EDITS)


class TestEditedFiles:
    def state(self, text, edits=()):
        return FileState("file", apply_edits(text, edits).encode(), 0o640, 1, 2, "context")

    def record(self, written=EDITS, intended=None):
        def known(edits):
            return None if edits is None else Written(self.state(TEXT, edits).fingerprint, 0o640, edits)

        former = self.state(TEXT).without_content()
        return FileRecord("/etc/a", "nova", former, "/etc/a", True, True, known(written), known(intended))

    def test_a_state_without_its_content_is_the_same_state(self):
        full, bare = self.state(TEXT), self.state(TEXT).without_content()
        assert (bare.content, bare.fingerprint, bare.mode) == (b"", full.fingerprint, 0o640)
        assert bare.without_content() == bare
        assert set(bare.to_dict()) == {"kind", "sha256", "mode", "uid", "gid", "context"}

    def test_text_and_bytes_are_the_same_thing(self):
        state = FileState("file", b"\xff\xc3\xa4\r\n", 0o600)
        assert state.with_text(state.text) == state

    def test_nothing_of_the_content_is_in_the_record(self):
        assert "hidden" not in json.dumps(self.record().to_dict())
        assert self.record().is_edited
        assert not FULL.files["/etc/a"].is_edited

    @pytest.mark.parametrize(
        ("written", "intended"),
        [(EDITS, None), (None, EDITS), (EDITS, OTHERS), (OTHERS, EDITS), (EDITS, ()), ((), EDITS)],
    )
    def test_each_set_of_edits_that_may_stand_there_is_taken_back(self, written, intended):
        record = self.record(written, intended)
        for edits in (written or (), intended or (), ()):
            text = apply_edits(TEXT, edits)
            assert record.standing(text) == edits
            assert record.pristine(text) == TEXT
            beside = text.replace("password = hidden", "password = changed\nmore = 1")
            assert record.pristine(beside) == TEXT.replace("password = hidden", "password = changed\nmore = 1")

    def test_our_lines_changed(self):
        text = apply_edits(TEXT, EDITS).replace("b = 2", "b = 3")
        with pytest.raises(ValueError, match="stands no longer"):
            self.record().standing(text)
        assert self.record().pristine(text) == text

    def test_our_lines_gone(self):
        assert self.record().standing("[other]\n") == ()
        assert self.record().pristine("[other]\n") == "[other]\n"


class TestFingerprints:
    def test_content_counts_and_mode_does_not(self):
        one = FileState("file", b"x", 0o644, 0, 0)
        assert one.fingerprint == FileState("file", b"x", 0o600, 5, 5, "c").fingerprint
        assert one.fingerprint != FileState("file", b"y", 0o644).fingerprint

    def test_kinds_never_meet(self):
        states = [FileState(), FileState("file"), FileState("symlink", target="absent"), FileState("other")]
        assert len({state.fingerprint for state in states}) == 4

    def test_ours_is_what_we_wrote_or_were_about_to(self):
        old, new = FileState("file", b"old"), FileState("file", b"new")
        record = FileRecord("/a", "l", FileState(), written=Written(old.fingerprint), intended=Written(new.fingerprint))
        assert record.is_ours(old)
        assert record.is_ours(new)
        assert not record.is_ours(FileState("file", b"theirs"))
        assert not record.is_ours(FileState())


def test_our_mark_is_looked_for_at_the_top():
    assert FileState("file", b"#!/bin/sh\n# nova_pci.passthrough\n").carries_mark
    assert not FileState("file", b"\n" * 50 + b"# nova_pci.passthrough\n").carries_mark
    assert not FileState("symlink", target="nova_pci.passthrough").carries_mark


@pytest.mark.parametrize(
    ("journal", "empty"),
    [
        (Journal(), True),
        (Journal(kernel_arguments=("a",), former_drivers={"a": None}, release_argv=("x",)), True),
        (Journal(unfinished="apply"), False),
        (Journal(directories=("/a",)), False),
        (Journal(pending_reboot=PendingReboot("b")), False),
        (Journal(tools=FULL.tools), False),
        (Journal(files=FULL.files), False),
    ],
)
def test_when_nothing_is_left_to_remember(journal, empty):
    assert journal.is_empty is empty


@pytest.mark.parametrize(
    "path", ["/a", "/etc/x y", "/etc/$(id)", "/etc/ä", "/etc/..a", "/etc/a..", "/...", "/" + "x" * 200]
)
def test_paths_that_are_paths(path):
    assert check_path(path) == path


@pytest.mark.parametrize(
    "path",
    ["", "a", "/", "//a", "/a/", "/a/./b", "/..", "/a\n", "/\0", "/\x7f", "/\ud800", "/a" * 2001, None, 1, b"/a"],
)
def test_paths_that_are_not(path):
    with pytest.raises(ValueError, match=r"path|component|character"):
        check_path(path)


@pytest.mark.parametrize(("text", "number"), [("0644", 0o644), ("755", 0o755), ("4755", 0o4755), (None, None)])
def test_modes(text, number):
    assert mode_number(text) == number
    if text and len(text) == 4:
        assert mode_text(number) == text


@pytest.mark.parametrize("text", ["u=rw", "0o644", "888", "", "64", "06444", 420, True, "-644"])
def test_modes_that_are_none(text):
    with pytest.raises(ValueError, match="no file mode"):
        mode_number(text)
