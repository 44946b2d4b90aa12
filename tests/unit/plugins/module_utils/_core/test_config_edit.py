# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Edits of single lines, and their way back to the byte."""

from __future__ import annotations

import random

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_edit import (
    MARK,
    LineEdit,
    apply_edits,
    replace_assignment,
    take_over,
    undo_edits,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.oslo_config import parse_config

PATH = "/etc/nova/nova.conf"
TEXT = "[filter_scheduler]\nenabled_filters = A,\n  B\n# end\n"


def test_replace_an_assignment() -> None:
    (assignment,) = parse_config(PATH, TEXT).assignments
    edit = replace_assignment(assignment, TEXT, "A,B,C")
    assert edit.to_dict() == {
        "line": 2,
        "old": ["enabled_filters = A,", "  B"],
        "new": [f"{MARK}enabled_filters = A,", f"{MARK}  B", "enabled_filters = A,B,C"],
    }
    edited = apply_edits(TEXT, [edit])
    assert edited == (f"[filter_scheduler]\n{MARK}enabled_filters = A,\n{MARK}  B\nenabled_filters = A,B,C\n# end\n")
    assert [one.value for one in parse_config(PATH, edited).assignments] == ["A,B,C"]
    assert undo_edits(edited, [edit]) == TEXT


def test_take_an_assignment_over() -> None:
    (assignment,) = parse_config(PATH, TEXT).assignments
    edit = take_over(assignment, TEXT)
    assert parse_config(PATH, apply_edits(TEXT, [edit])).assignments == ()
    assert undo_edits(apply_edits(TEXT, [edit]), [edit]) == TEXT


@pytest.mark.parametrize("value", ["a\nb", " a", '"a"', "a\r", ""])
def test_a_value_has_to_be_read_back(value: str) -> None:
    (assignment,) = parse_config(PATH, TEXT).assignments
    if value == "":
        assert replace_assignment(assignment, TEXT, value).new[-1] == "enabled_filters = "
        return
    with pytest.raises(ValueError, match="cannot be written"):
        replace_assignment(assignment, TEXT, value)


def test_an_assignment_has_to_stand_in_the_text() -> None:
    (assignment,) = parse_config(PATH, TEXT).assignments
    with pytest.raises(ValueError, match="does not set enabled_filters any more"):
        take_over(assignment, "\n" + TEXT)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\nb", "a\nx\ny"),
        ("b", "x\ny"),
        ("a\r\nb", "a\r\nx\r\ny"),
        ("a\nb\r\nc", "a\nx\r\ny\r\nc"),
        ("a\rb\n", "a\rx\ny\n"),
    ],
)
def test_line_ends_are_kept(text: str, expected: str) -> None:
    edit = LineEdit(text.replace("\r\n", "\n").replace("\r", "\n").split("\n").index("b") + 1, ("b",), ("x", "y"))
    assert apply_edits(text, [edit]) == expected
    assert undo_edits(expected, [edit]) == text


def test_what_was_added_elsewhere_since_stays() -> None:
    text = "a\nb\nc\n"
    edits = [LineEdit(3, ("c",), ("# c", "C")), LineEdit(1, ("a",), ("# a", "A"))]
    edited = apply_edits(text, edits)
    assert edited == "# a\nA\nb\n# c\nC\n"
    assert undo_edits("new\n" + edited + "last", edits) == "new\n" + text + "last"


@pytest.mark.parametrize(
    ("edited", "match"),
    [("# a\nother\nb\n", "nowhere"), ("0\n# a\nA\n# a\nA\n", "at 2 places")],
)
def test_what_cannot_be_found_is_refused(edited: str, match: str) -> None:
    with pytest.raises(ValueError, match=match):
        undo_edits(edited, [LineEdit(1, ("a",), ("# a", "A"))])


@pytest.mark.parametrize(
    ("text", "edits", "match"),
    [
        ("a\n", [LineEdit(1, ("b",), ("c",))], "not what it was"),
        ("a\n", [LineEdit(2, ("a",), ("c",))], "not what it was"),
        ("a\n", [LineEdit(0, ("a",), ("c",))], "two edits want line 0"),
        ("a\nb\n", [LineEdit(1, ("a", "b"), ("c",)), LineEdit(2, ("b",), ("c",))], "two edits want line 2"),
        ("a\n", [LineEdit(1, (), ("c",))], "at least one"),
        ("a\n", [LineEdit(1, ("a",), ())], "at least one"),
        ("a\n", [LineEdit(1, ("a",), ("c\nd",))], "without their ends"),
        ("a\nb\r\n", [LineEdit(1, ("a", "b"), ("c",))], "several kinds"),
        ("a\nb", [LineEdit(2, ("b",), ("",))], "an empty one has none"),
        ("a\rb\n", [LineEdit(2, ("b",), ("",))], "could not be given back"),
    ],
)
def test_an_edit_that_does_not_fit_is_refused(text: str, edits: list[LineEdit], match: str) -> None:
    with pytest.raises(ValueError, match=match):
        apply_edits(text, edits)


def some_text(draw: random.Random) -> str:
    ends = draw.choice((["\n"], ["\r\n"], ["\n", "\r\n", "\r"]))
    text = "".join(
        draw.choice(["", "a", "b", "a = 1", "  é\udce9", "\x0b"]) + draw.choice(ends)
        for _each in range(draw.randrange(9))
    )
    return text + draw.choice(["", "last"])


def some_edits(draw: random.Random, text: str) -> list[LineEdit]:
    lines = text.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    lines = lines if lines[-1] else lines[:-1]
    edits, place = [], 0
    while place < len(lines):
        length = draw.randrange(1, 3)
        old = tuple(lines[place : place + length])
        if draw.random() < 0.4:
            grown = len(old) + draw.randrange(3)
            edits.append(
                LineEdit(place + 1, old, tuple(draw.choice(["a", "x", "  é\udce9"]) for _each in range(grown)))
            )
        place += length
    draw.shuffle(edits)
    return edits


@pytest.mark.parametrize("seed", range(400))
def test_undoing_gives_every_byte_back(seed: int) -> None:
    draw = random.Random(seed)
    text = some_text(draw)
    edits = some_edits(draw, text)
    assert undo_edits(apply_edits(text, edits), edits) == text
