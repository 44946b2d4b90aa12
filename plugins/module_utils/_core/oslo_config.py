# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The text of a configuration file as oslo.config reads it: oslo_config/iniparser.py and cfg.py ConfigParser.

Held against real oslo.config by tests/oracle/oslo_config.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

DEFAULT = "DEFAULT"
_LINE_END = re.compile(
    r"\r\n|\n|\r"
)  # what Python's text files take for the end of a line; str.splitlines() takes more
_UNDECODABLE = re.compile("[\udc80-\udcff]")  # bytes that came through surrogateescape


@dataclass(frozen=True)
class Assignment:
    """One option set in one file.

    Shape: *line* and *last_line* count from 1; *group* is written as in the file; *value* is as oslo.config stores it: continuation
    lines joined by newlines, one pair of quotes around the first line taken off, `$` not yet replaced.
    """

    path: str
    line: int
    last_line: int
    group: str
    name: str
    value: str

    @property
    def place(self) -> str:
        """For people: "/etc/nova/nova.conf line 12"."""
        return f"{self.path} line {self.line}" if self.line else self.path


@dataclass(frozen=True)
class SyntaxTrouble:
    """What makes oslo.config refuse the whole file, and with it the service. *line* is 0 where no line is at fault."""

    path: str
    line: int
    text: str
    problem: str

    def __str__(self) -> str:
        """Without the line itself: it may be a password that lost its equals sign."""
        return f"{self.path} line {self.line} {self.problem}" if self.line else f"{self.path} {self.problem}"


@dataclass(frozen=True)
class ConfigFile:
    """One file. With a trouble *assignments* holds what stands before it, of which the service gets nothing."""

    path: str
    assignments: tuple[Assignment, ...] = ()
    trouble: SyntaxTrouble | None = None

    def of(self, group: str, name: str) -> tuple[Assignment, ...]:
        """The assignments of one option, in the order of their lines; option names are compared by case, groups are not."""
        wanted = normal_group(group)
        return tuple(one for one in self.assignments if one.name == name and normal_group(one.group) == wanted)


def normal_group(group: str) -> str:
    """cfg.py _normalize_group_name: [PCI] is [pci], but [default] is not [DEFAULT]."""
    return group if group == DEFAULT else group.lower()


def split_lines(text: str) -> list[str]:
    """The lines without their ends, numbered as oslo.config numbers them."""
    lines = _LINE_END.split(text)
    return lines[:-1] if not lines[-1] else lines


def parse_config(path: str, text: str) -> ConfigFile:
    """Return what oslo.config makes of *text*, which still has its own line ends, and undecodable bytes as surrogates."""
    return _Parser(path).parse(text)


class _Parser:
    def __init__(self, path: str) -> None:
        self._path = path
        self._group: str | None = None
        self._name: str | None = None
        self._value: list[str] = []
        self._begin = 0
        self._last = 0
        self._done: list[Assignment] = []
        self._trouble: SyntaxTrouble | None = None

    def parse(self, text: str) -> ConfigFile:
        lines = split_lines(text)
        odd = _UNDECODABLE.search(text)
        if odd:  # the file is decoded as a whole, before its first line is looked at
            number = len(split_lines(text[: odd.end()]))
            return ConfigFile(self._path, (), self._fault(number, lines[number - 1], "holds a byte that is not UTF-8"))
        for number, line in enumerate(lines, start=1):
            self._take(number, line.rstrip())
            if self._trouble is not None:
                break
        else:
            self._end_assignment()
        return ConfigFile(self._path, tuple(self._done), self._trouble)

    def _fault(self, number: int, line: str, problem: str) -> SyntaxTrouble:
        self._trouble = SyntaxTrouble(self._path, number, line, problem)
        return self._trouble

    def _take(self, number: int, line: str) -> None:
        if line.startswith((" ", "\t")):
            self._take_continuation(number, line)
            return
        self._end_assignment()
        if self._trouble is not None or not line or line.startswith(("#", ";")):
            return
        if line.startswith("["):
            self._take_section(number, line)
        else:
            self._take_assignment(number, line)

    def _take_continuation(self, number: int, line: str) -> None:
        if self._name is None:
            self._fault(number, line, "is indented and continues no value")
        else:
            self._value.append(line.lstrip())
            self._last = number

    def _take_section(self, number: int, line: str) -> None:
        if not line.endswith("]"):
            self._fault(number, line, "begins a section and does not end in ]")
        elif len(line) <= 2:
            self._fault(number, line, "is a section without a name")
        else:
            self._group = line[1:-1]

    def _take_assignment(self, number: int, line: str) -> None:
        ends = [place for place in (line.find("="), line.find(":")) if place >= 0]
        if not ends:
            self._fault(number, line, "is no assignment: it has neither = nor :")
            return
        name = line[: min(ends)].strip()
        if not name:
            self._fault(number, line, "assigns to no name")
            return
        self._name, self._value = name, [_without_quotes(line[min(ends) + 1 :].strip())]
        self._begin = self._last = number

    def _end_assignment(self) -> None:
        if self._name is None:
            return
        name, self._name = self._name, None
        value = "\n".join(self._value)
        if self._group is None:
            self._fault(self._begin, name, "is set before the first [section]")
        else:
            self._done.append(Assignment(self._path, self._begin, self._last, self._group, name, value))


def _without_quotes(value: str) -> str:
    if value and value[0] == value[-1] and value[0] in "\"'":
        return value[1:-1]
    return value
