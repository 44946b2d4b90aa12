# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where files of ours may lie, and the journal that their marks make up for on a host that has lost its own.

Whole files of ours are known by their mark. What else this collection does leaves none that could be trusted: lines in
files of others, entries of boot loaders, what stood at a path before. That is told, and left.
"""

from __future__ import annotations

import posixpath
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field

from .decision import Decision, Kept
from .journal import ABSENT, MARK, SYMLINK, FileRecord, FileState, Journal, ToolRecord, Written

_WORD = MARK.decode("ascii")


@dataclass(frozen=True)
class PlaceTool:
    """A tool that has to run once one of the files at *paths* is gone."""

    record: ToolRecord
    paths: frozenset[str]


@dataclass(frozen=True)
class Places:
    """Where to look on one host.

    Shape: *files* the layer of each path that can be ours as a whole, links after what they lead to; *foreign* files of
    others in which lines can be ours; *directories* those that bear our name, parents first; *script* gives devices back
    (with *script_list*, which it reads); *arguments* the kernel arguments that a file brings; *notes* what leaves no mark
    and has to be looked for by hand.
    """

    files: Mapping[str, str] = field(default_factory=dict)
    foreign: tuple[str, ...] = ()
    directories: tuple[str, ...] = ()
    tools: tuple[PlaceTool, ...] = ()
    script: str | None = None
    script_list: str | None = None
    arguments: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def paths(self) -> dict[str, bool]:
        """Every path, and whether its links are followed."""
        return {**dict.fromkeys(self.files, False), **dict.fromkeys(self.foreign, True)}

    def recall(self, states: Mapping[str, FileState], lost: str) -> Journal | None:
        """Return the journal that the marks in *states* stand for: nothing was at their paths before, as far as is known."""
        marked = self._marked(states)
        if not marked and not self._kept(states, marked):
            return None
        script = self.script if self.script in marked and self.script_list in marked else None
        return Journal(
            files={path: _record(path, self.files[path], states[path]) for path in marked},
            directories=self.directories,
            tools={tool.record.name: tool.record for tool in self.tools if not tool.paths.isdisjoint(marked)},
            apply_argv=() if script is None else (script, "apply"),
            release_argv=() if script is None else (script, "release"),
            kernel_arguments=tuple(token for path in marked for token in self.arguments.get(path, ())),
            lost=lost,
        )

    def kept(self, states: Mapping[str, FileState], journal: Journal) -> tuple[Kept, ...]:
        """Return what a removal by *journal*, which recall() gave, leaves alone."""
        return self._kept(states, journal.files)

    def told(self, decision: Decision, lost: str) -> tuple[str, ...]:
        """Return what a person has to know of a removal that went by the marks."""
        removed = [change.path for change in decision.changes if change.after.kind == ABSENT]
        found = f"removed by it: {', '.join(removed)}" if removed else "nothing at its paths carries it"
        notes = [f"{lost}. This run went by the mark {_WORD} in files of this collection instead; {found}"]
        if removed:
            notes.append("What stood at these paths before this collection is not known and could not be brought back")
        if self.script_list in removed and not decision.release:
            notes.append(
                "Devices keep their drivers and virtual functions until the next reboot: nothing could give them back"
            )
        return (*notes, *(self.notes if removed else ()))

    def _marked(self, states: Mapping[str, FileState]) -> tuple[str, ...]:
        marked: dict[str, None] = {}
        for path in self.files:
            state = states.get(path, FileState())
            if state.carries_mark or (state.kind == SYMLINK and _end(path, state) in marked):
                marked[path] = None
        return tuple(marked)

    def _kept(self, states: Mapping[str, FileState], marked: Collection[str]) -> tuple[Kept, ...]:
        kept = []
        for path in self.files:
            state = states.get(path, FileState())
            if state.kind != ABSENT and path not in marked:
                what = f"leads to {state.target}, which is no file of this collection" if state.kind == SYMLINK else ""
                kept.append(
                    Kept(path, f"{what or 'does not carry the mark of this collection'}; it is left as it stands")
                )
        for path in self.foreign:
            lines = states.get(path, FileState()).text.split("\n")
            numbers = [str(number) for number, line in enumerate(lines, 1) if _WORD in line]
            if numbers:
                where = f"line{'s' if len(numbers) > 1 else ''} {', '.join(numbers)}"
                kept.append(Kept(path, f"carries our mark in {where}; bring the former text back by hand, {_HOW}"))
        return tuple(kept)


_HOW = "for what this collection wrote beside it cannot be told from the work of others"


def _record(path: str, layer: str, state: FileState) -> FileRecord:
    return FileRecord(path, layer, FileState(), real=path, written=Written(state.fingerprint, state.mode))


def _end(path: str, link: FileState) -> str:
    return posixpath.normpath(posixpath.join(posixpath.dirname(path), link.target or ""))
