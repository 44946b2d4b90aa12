# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A generated grub.cfg: its entries, which of them boots by default, and what its `linux` line hands to the kernel."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from .kernel_cmdline import SPACES, Argument, KernelCommandLine

_VARIABLE = re.compile(r"\$(?:\{([A-Za-z0-9_?]+)\}|([A-Za-z0-9_?]+))")
_SET = re.compile(r"^\s*set\s+([A-Za-z0-9_]+)=(.*)$")
_LINUX = ("linux", "linux16", "linuxefi")
_BLANKS = " \t\n"  # grub-core/script/yylex.l: what else the kernel takes for a blank is a letter to GRUB
# grub-core/lib/cmdline.c check_arg(): these get a backslash in front, unless they begin a "\x" with two digits.
_ESCAPED = re.compile(r"(\\x[0-9a-fA-F]{2})|[\\'\"]")
# Ubuntu's 10_linux ends the line in $vt_handoff, which `gfxmode` sets to vt.handoff=7 or to nothing.
_HARMLESS = {"vt_handoff": ""}


@dataclass(frozen=True)
class Word:
    """One word of a GRUB command as GRUB itself would see it; *known* is False when a variable in it is not."""

    text: str
    known: bool = True


@dataclass(frozen=True)
class MenuEntry:
    """One menuentry. *path* are the indices, titles and ids under which `default` may name it, by level."""

    title: str
    identifier: str | None
    path: tuple[tuple[str, ...], ...]
    linux: tuple[Word, ...] | None  # the words after the kernel's path; None: the entry boots no Linux

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """As the kernel gets them: GRUB drops its quotes and puts its own around a word with a blank (lib/cmdline.c)."""
        line = " ".join(_spelled(word.text) for word in self.linux or () if word.known)
        return KernelCommandLine(line).tokens

    @property
    def all_known(self) -> bool:
        return all(word.known for word in self.linux or ())

    @property
    def is_recovery(self) -> bool:
        return "-recovery-" in (self.identifier or "") or "recovery mode" in self.title

    def is_named(self, default: str) -> bool:
        levels = default.split(">")
        return len(levels) == len(self.path) and all(level in names for level, names in zip(levels, self.path))


def _spelled(text: str) -> str:
    escaped = _ESCAPED.sub(lambda match: match.group(1) or f"\\{match.group(0)}", text)
    return f'"{escaped}"' if " " in text else escaped


def parse_grubenv(text: str) -> dict[str, str]:
    """The variables of a GRUB environment block (grub-editenv): a header line, name=value lines, padding of '#'."""
    variables = {}
    for line in text.split("\n"):
        name, equals, value = line.partition("=")
        if equals and not line.startswith("#"):
            variables[name] = value.replace("\\\\", "\\")
    return variables


def split_words(line: str, variables: Mapping[str, str]) -> tuple[Word, ...]:
    """The words of one GRUB command line under GRUB's quoting rules (docs, "Shell-like scripting": Quoting)."""
    return _WordReader(line, variables).words()


class _WordReader:
    def __init__(self, line: str, variables: Mapping[str, str]) -> None:
        self._line = line
        self._variables = variables
        self._position = 0
        self._word: str | None = None
        self._known = True
        self._words: list[Word] = []

    def words(self) -> tuple[Word, ...]:
        while self._position < len(self._line):
            character = self._line[self._position]
            if character in _BLANKS:
                self._end_word()
                self._position += 1
            elif character in ";|&<>" or (character == "#" and self._word is None):
                break
            else:
                self._read(character)
        self._end_word()
        return tuple(self._words)

    def _end_word(self) -> None:
        if self._word is not None:
            self._words.append(Word(self._word, self._known))
        self._word, self._known = None, True

    def _read(self, character: str) -> None:
        if character == "'":
            end = self._line.find("'", self._position + 1)
            end = len(self._line) if end < 0 else end
            self._add(self._line[self._position + 1 : end])
            self._position = end + 1
        elif character == '"':
            self._position += 1
            self._add("")
            self._double_quoted()
        elif character == "\\":
            self._add(self._line[self._position + 1 : self._position + 2])
            self._position += 2
        elif character == "$":
            self._expand(quoted=False)
        else:
            self._add(character)
            self._position += 1

    def _double_quoted(self) -> None:
        while self._position < len(self._line) and self._line[self._position] != '"':
            character = self._line[self._position]
            following = self._line[self._position + 1 : self._position + 2]
            if character == "\\" and following in ('"', "\\", "$"):
                self._add(following)
                self._position += 2
            elif character == "$":
                self._expand(quoted=True)
            else:
                self._add(character)
                self._position += 1
        self._position += 1

    def _expand(self, quoted: bool) -> None:
        match = _VARIABLE.match(self._line, self._position)
        if match is None:
            self._add("$")
            self._position += 1
            return
        self._position = match.end()
        name = match.group(1) or match.group(2)
        value = self._variables.get(name)
        if value is None:
            self._add(match.group(0))
            self._known = False
            return
        parts = [value] if quoted else re.split("[ \t\n]+", value.strip(_BLANKS))
        for number, part in enumerate(parts):
            if number:
                self._end_word()
            self._add(part)

    def _add(self, text: str) -> None:
        self._word = (self._word or "") + text


@dataclass(frozen=True)
class GrubMenu:
    """The entries in order, and the values of `default` that the file sets, in order, unexpanded."""

    entries: tuple[MenuEntry, ...]
    defaults: tuple[str, ...]
    uses_bls: bool  # the command `blscfg` stands in it: the entries are files under loader/entries

    def default_entry(self, environment: Mapping[str, str]) -> MenuEntry | None:
        """The entry that boots when nobody touches the keyboard (00_header: next_entry, then the set default)."""
        if environment.get("next_entry"):
            found = self._named(environment["next_entry"])
            if found:
                return found
        wanted = next(
            (value for value in reversed(self.defaults) if value not in ("${next_entry}", "$next_entry")), "0"
        )
        if "$" in wanted:
            wanted = environment.get("saved_entry") or "0"
        return self._named(wanted) or (self.entries[0] if self.entries else None)

    def _named(self, default: str) -> MenuEntry | None:
        for candidate in (default, f"{default}>0"):  # a submenu's name stands for its first entry
            for entry in self.entries:
                if entry.is_named(candidate):
                    return entry
        return None


def parse_grub_cfg(text: str) -> GrubMenu:
    return _MenuReader(text).menu()


class _MenuReader:
    def __init__(self, text: str) -> None:
        self._lines = text.split("\n")
        self._variables = self._settled_variables()
        self._stack: list[tuple[str, tuple[str, ...]]] = []
        self._counts = [0]
        self._entries: list[MenuEntry] = []
        self._defaults: list[str] = []
        self._linux: tuple[Word, ...] | None = None
        self._bls = False

    def _settled_variables(self) -> dict[str, str]:
        """Variables that the file sets to one plain text and to no other; what differs by branch is not known."""
        seen: dict[str, set[str]] = {}
        for line in self._lines:
            match = _SET.match(line)
            if match:
                words = split_words(match.group(2), {})
                plain = len(words) <= 1 and all(word.known for word in words)
                seen.setdefault(match.group(1), set()).add(words[0].text if plain and words else "" if plain else "$")
        variables = {name: values.pop() for name, values in seen.items() if len(values) == 1}
        variables = {name: value for name, value in variables.items() if "$" not in value}
        return {**variables, **_HARMLESS}

    def menu(self) -> GrubMenu:
        for line in self._lines:
            self._take(line.strip(SPACES))
        return GrubMenu(tuple(self._entries), tuple(self._defaults), self._bls)

    def _take(self, line: str) -> None:
        command = re.split("[ \t]", line, maxsplit=1)[0]
        if command in ("menuentry", "submenu") and line.endswith("{"):
            self._open(command, split_words(line[:-1], self._variables))
        elif line.endswith("{") and not line.startswith("#"):
            self._stack.append(("block", ()))
        elif line == "}" and self._stack:
            self._close()
        elif command in _LINUX and self._stack and self._stack[-1][0] == "menuentry":
            self._linux = split_words(line, self._variables)[2:]
        elif command == "blscfg":
            self._bls = True
        elif line.startswith("set default="):
            value = line[len("set default=") :].strip()
            self._defaults.append(value[1:-1] if value[:1] in "\"'" and value[-1:] == value[:1] else value)

    def _open(self, command: str, words: tuple[Word, ...]) -> None:
        texts = [word.text for word in words]
        title = texts[1] if len(texts) > 1 else ""
        identifier = None
        for option, value in zip(texts, texts[1:]):
            if option in ("--id", "$menuentry_id_option", "${menuentry_id_option}"):
                identifier = value
        names = [str(self._counts[-1]), title.replace(">", ">>"), title]
        self._counts[-1] += 1
        self._stack.append((command, (*names, identifier) if identifier else tuple(names)))
        if command == "submenu":
            self._counts.append(0)
        self._linux = None

    def _close(self) -> None:
        kind, names = self._stack.pop()
        if kind == "submenu":
            self._counts.pop()
        elif kind == "menuentry":
            path = (*(level for what, level in self._stack if what == "submenu"), names)
            self._entries.append(MenuEntry(names[2], names[3] if len(names) > 3 else None, path, self._linux))
            self._linux = None
