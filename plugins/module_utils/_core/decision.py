# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records of what one run sees and does. changes.py decides, _host/transaction.py carries out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from .config_edit import LineEdit
from .journal import ABSENT, SYMLINK, FileState, Journal, ServiceUnit, mode_text


@dataclass(frozen=True)
class FileChange:
    """One path from *before* to *after*. *real* is where the bytes go (another path for a foreign symbolic link).

    Of a file of which only lines are ours, *standing* are those before and *edits* those afterwards; of any other file
    *edits* is None.
    """

    path: str
    real: str
    layer: str
    before: FileState
    after: FileState
    sentence: str
    secret: bool = False
    standing: tuple[LineEdit, ...] = ()
    edits: tuple[LineEdit, ...] | None = None

    def to_diff(self) -> dict[str, str]:
        """Return Ansible's before and after; content marked secret is never in it, nor lines that are not ours."""
        if self.edits is not None:
            before, after = self._shown_lines(self.edits)
        else:
            before, after = (_shown(state, self.secret) for state in (self.before, self.after))
            if self.secret and before == after:
                after += "(the content changes)\n"
        return {"before_header": self.path, "after_header": self.path, "before": before, "after": after}

    def _shown_lines(self, edits: tuple[LineEdit, ...]) -> tuple[str, str]:
        """Return the lines that change, numbered as in the file without ours."""
        hunks = {(edit.line, edit.old): (edit.new, edit.old) for edit in self.standing if edit not in edits}
        for edit in edits:
            if edit not in self.standing:
                before, _after = hunks.get((edit.line, edit.old), (edit.old, ()))
                hunks[edit.line, edit.old] = before, edit.new
        places = sorted(hunks)
        return (
            "".join(_numbered(place[0], hunks[place][0]) for place in places),
            "".join(_numbered(place[0], hunks[place][1]) for place in places),
        )


@dataclass(frozen=True)
class ToolRun:
    """One command of the transaction.

    Shape: *fallback* are the commands after a failure that `touches` cannot mend, *service* what the command restarts
    and what then has to be proven to be up.
    """

    name: str
    argv: tuple[str, ...]
    touches: tuple[str, ...]
    fallback: tuple[tuple[str, ...], ...]
    sentence: str
    service: ServiceUnit | None = None


@dataclass(frozen=True)
class Kept:
    path: str
    why: str

    def to_dict(self) -> dict[str, str]:
        return {"path": self.path, "why": self.why}


@dataclass(frozen=True)
class Look:
    """What the host shows at the paths in question.

    Shape: *states* by path (of the real path for foreign files), *reals* the real path of each foreign file, *missing*
    the parents to make of each path, *listings* what lies in each directory we made (None: it is gone),
    *release_ready* that the release script is there to run, *running* the words of /proc/cmdline, *resting* the
    remembered services that run nothing: stopped, masked or gone, *aside* where the bytes of a journal go that cannot be
    read (None: it can).
    """

    states: Mapping[str, FileState]
    reals: Mapping[str, str] = field(default_factory=dict)
    missing: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    listings: Mapping[str, tuple[str, ...] | None] = field(default_factory=dict)
    release_ready: bool = False
    running: tuple[str, ...] = ()
    resting: frozenset[str] = frozenset()
    aside: str | None = None


@dataclass(frozen=True)
class Standing:
    """What stands at the paths that a journal or a plan names.

    Shape: *states* by path, of the real path where the file is not ours; *reals* that real path; *journal_path* where the
    journal belongs.
    """

    journal: Journal | None
    journal_path: str
    states: Mapping[str, FileState]
    reals: Mapping[str, str]


@dataclass(frozen=True)
class Decision:
    """Everything one run does, in order. The journal is *begin* before the first change, *end* (None: none) after.

    Shape: *notes* is what a person has to know besides, *aside* the path that gets the bytes of an unreadable journal
    first, *frees* the addresses of devices that may lose their driver or their virtual functions.
    """

    operation: str
    actions: tuple[str, ...]
    end: Journal | None
    begin: Journal
    release: tuple[str, ...] = ()
    directories_made: tuple[str, ...] = ()
    changes: tuple[FileChange, ...] = ()
    directories_removed: tuple[str, ...] = ()
    tools: tuple[ToolRun, ...] = ()
    runtime: tuple[str, ...] = ()
    kept: tuple[Kept, ...] = ()
    reboot_required: bool = False
    reboot_reasons: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    aside: str | None = None
    frees: tuple[str, ...] = ()

    @property
    def changed(self) -> bool:
        return bool(self.actions)


class Goal(Protocol):
    """What a run is to reach: the plan applied, or everything taken back."""

    def marked_paths(self) -> Mapping[str, bool]:
        """Return the paths to look at where the journal is lost, as paths() does; none: such a host is a new one."""

    def recall(self, states: Mapping[str, FileState], lost: str) -> Journal | None:
        """Return what stands in for a journal of which *lost* says what is wrong; None: nothing here is ours."""

    def paths(self, journal: Journal | None) -> Mapping[str, bool]:
        """Return every path the decision needs to see, and whether it is foreign (its links are followed)."""

    def secrets_from(self, journal: Journal | None) -> tuple[str, ...]:
        """Return the configuration files whose secrets must not be shown, whatever happens."""

    def decide(self, journal: Journal | None, look: Look) -> Decision | None:
        """Return what is to be done, None when the host needs nothing and remembers nothing."""


def _numbered(first: int, lines: tuple[str, ...]) -> str:
    return "".join(f"line {first + number}: {line}\n" for number, line in enumerate(lines))


def _shown(state: FileState, secret: bool) -> str:
    if state.kind == ABSENT:
        return ""
    if state.kind == SYMLINK:
        return f"symbolic link to {state.target}\n"
    if secret:
        return f"mode {mode_text(state.mode) or 'kept'}, content not shown: it is secret\n"
    return state.content.decode("utf-8", "backslashreplace")
