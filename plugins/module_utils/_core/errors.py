# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one family of errors. Only plugins/module_utils/_adapter.py turns them into fail_json()."""

from __future__ import annotations

from collections.abc import Sequence


class PassthroughError(Exception):
    """Base of every error this collection raises on purpose; its text is shown to the user as it stands."""


class InputProblem(PassthroughError):
    """Something the user declared cannot be accepted.

    Shape: *entry* names the place ("pci_passthrough_devices[2]"), *value* what stands there, *problem* what is
    wrong with it, *fix* what to write instead.
    """

    def __init__(self, entry: str, value: object, problem: str, fix: str) -> None:
        self.entry = entry
        self.value = value
        self.problem = problem
        self.fix = fix
        super().__init__(f"{entry}: {value!r} {problem}. {fix}")


class MachineProblem(PassthroughError):
    """The machine cannot be read or changed as planned.

    Shape: *where* is a path, an address or a command line, *problem* what happened, *fix* what to do about it.
    """

    def __init__(self, where: str, problem: str, fix: str) -> None:
        self.where = where
        self.problem = problem
        self.fix = fix
        super().__init__(f"{where}: {problem}. {fix}")


class UnreadableJournal(MachineProblem):
    """A host's journal stands where it belongs and is none: broken off, overwritten, somebody else's.

    Not so for one that must not be read (root is missing) or that a newer collection wrote: nothing is lost there.
    """


class NovaRefusal(PassthroughError):
    """Nova itself would not take a text.

    Shape: *value* is the text, *problem* what Nova finds wrong in words that follow it, *fix* what to write,
    *exception* the name of what Nova raises (a class of nova/exception.py, or TypeError and its like where Nova crashes).
    """

    def __init__(self, value: object, problem: str, fix: str, exception: str) -> None:
        self.value = value
        self.problem = problem
        self.fix = fix
        self.exception = exception
        super().__init__(f"{value!r} {problem}. {fix}")


class SeveralProblems(PassthroughError):
    """All problems of one declaration at once, so that the user mends them in one go."""

    def __init__(self, problems: tuple[PassthroughError, ...]) -> None:
        self.problems = problems
        super().__init__("\n".join(str(problem) for problem in problems))


def raise_problems(problems: Sequence[PassthroughError]) -> None:
    """Raise the one problem as it is and several as SeveralProblems; without any, return."""
    if len(problems) == 1:
        raise problems[0]
    if problems:
        raise SeveralProblems(tuple(problems))
