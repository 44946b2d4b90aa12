# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing single lines of a configuration file that is not ours, so that they can be changed back to the byte."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from .oslo_config import Assignment, parse_config, split_lines

MARK = "# before nova_pci.passthrough: "
_LINE = re.compile(r"([^\r\n]*)(\r\n|\n|\r|\Z)")

Line = tuple[str, str]  # the text and its own end


@dataclass(frozen=True)
class LineEdit:
    """Some lines that give way to others.

    Shape: *line* is the number of old[0], from 1; *old* and *new* hold at least one line each, without their ends.
    """

    line: int
    old: tuple[str, ...]
    new: tuple[str, ...]

    def to_dict(self) -> dict[str, object]:
        return {"line": self.line, "old": list(self.old), "new": list(self.new)}


def apply_edits(text: str, edits: Iterable[LineEdit]) -> str:
    """Return *text* with *edits* done, whose line numbers are those of *text*; ValueError when one does not fit.

    Every line keeps its own kind of line end, and a last line without one stays without.
    """
    ordered = _ordered(edits)
    lines = _split(text)
    for edit in reversed(ordered):
        if not _stands_at(lines, edit.line - 1, edit.old):
            raise ValueError(f"line {edit.line} is not what it was when the edit was planned")
        _replace(lines, edit.line - 1, len(edit.old), edit.new)
    edited = _join(lines)
    if not _leads_back(edited, ordered, text):
        raise ValueError("the lines could not be given back: their ends are of several kinds, or an empty one has none")
    return edited


def undo_edits(text: str, edits: Iterable[LineEdit]) -> str:
    """Return *text* as it was before apply_edits(); what was changed elsewhere since then stays.

    ValueError when the new lines of an edit stand neither where they were put nor at exactly one other place.
    """
    ordered = _ordered(edits)
    lines = _split(text)
    grown = sum(len(edit.new) - len(edit.old) for edit in ordered)
    for edit in reversed(ordered):
        grown -= len(edit.new) - len(edit.old)
        _replace(lines, _find(lines, edit.line - 1 + grown, edit.new), len(edit.new), edit.old)
    return _join(lines)


def replace_assignment(assignment: Assignment, text: str, new_value: str) -> LineEdit:
    """The edit that sets the option to *new_value* in its own place; the former lines stay above it as comments.

    ValueError when *text* does not hold the assignment, or when oslo.config would read another value than *new_value*.
    """
    comments = take_over(assignment, text)
    setting = f"{assignment.name} = {new_value}"
    read = parse_config(assignment.path, f"[{assignment.group}]\n{setting}\n").assignments
    if [one.value for one in read] != [new_value]:
        raise ValueError(f"{new_value!r} cannot be written as one value on one line")
    return LineEdit(comments.line, comments.old, (*comments.new, setting))


def take_over(assignment: Assignment, text: str) -> LineEdit:
    """The edit that turns all lines of the assignment into comments; ValueError when *text* does not hold it."""
    old = tuple(split_lines(text)[assignment.line - 1 : assignment.last_line])
    if assignment not in parse_config(assignment.path, text).assignments:
        raise ValueError(f"{assignment.place} does not set {assignment.name} any more")
    return LineEdit(assignment.line, old, tuple(MARK + line for line in old))


def _leads_back(edited: str, edits: list[LineEdit], text: str) -> bool:
    try:
        return undo_edits(edited, edits) == text
    except ValueError:
        return False


def _ordered(edits: Iterable[LineEdit]) -> list[LineEdit]:
    ordered = sorted(edits, key=lambda edit: edit.line)
    end = 1
    for edit in ordered:
        if not edit.old or not edit.new or any(re.search(r"[\r\n]", line) for line in (*edit.old, *edit.new)):
            raise ValueError("an edit has at least one old and one new line, without their ends")
        if edit.line < end:
            raise ValueError(f"two edits want line {edit.line}")
        end = edit.line + len(edit.old)
    return ordered


def _split(text: str) -> list[Line]:
    return [(match[1], match[2]) for match in _LINE.finditer(text) if match[0]]


def _join(lines: list[Line]) -> str:
    return "".join(line + end for line, end in lines)


def _stands_at(lines: list[Line], index: int, block: tuple[str, ...]) -> bool:
    return index >= 0 and tuple(line for line, _end in lines[index : index + len(block)]) == block


def _find(lines: list[Line], index: int, block: tuple[str, ...]) -> int:
    if _stands_at(lines, index, block):
        return index
    places = [place for place in range(len(lines)) if _stands_at(lines, place, block)]
    if len(places) != 1:
        where = "nowhere" if not places else f"at {len(places)} places"
        raise ValueError(f"{block[-1]!r} stands no longer at line {index + 1} but {where}")
    return places[0]


def _replace(lines: list[Line], index: int, count: int, block: tuple[str, ...]) -> None:
    """The last lines keep the ends of the lines they replace; further ones above them end as the first of those did."""
    ends = [end for _line, end in lines[index : index + count]][-len(block) :]
    usual = ends[0] or (lines[index - 1][1] if index else "\n")
    ends = [usual] * (len(block) - len(ends)) + ends
    lines[index : index + count] = list(zip(block, ends))
