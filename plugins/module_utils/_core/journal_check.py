# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold the files of a host against its journal: what somebody else has done to them since this collection wrote them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from .decision import Standing
from .journal import ABSENT, FILE, FileRecord, FileState
from .verify import FAILED, OK, Finding

_ABSENT = FileState()


def check_files(standing: Standing) -> tuple[Finding, ...]:
    """Return a finding for each file of ours and each file with lines of ours; what else a foreign file holds is its owner's."""
    if standing.journal is None:
        return tuple(_lost(standing))
    found = []
    for path, record in standing.journal.files.items():
        if record.written is None or (record.foreign and not record.is_edited):
            continue  # a first run was cut off; or a whole file of somebody else's, in which the plan looks for our words
        happened = _happened(record, standing)
        expected = "with the lines of this collection" if record.is_edited else "as this collection wrote it"
        check = f"file {path}"
        if happened is None:
            found.append(Finding(check, OK, expected, expected))
        else:
            fix = f"see what was done to {path}, keep what is needed elsewhere, then run playbooks/site.yml"
            found.append(Finding(check, FAILED, expected, happened, fix))
    return tuple(found)


def without_explained(actions: Iterable[str], findings: Iterable[Finding]) -> list[str]:
    """Return what a dry run would still do, without what it would do about a file of which a finding speaks already."""
    told = {finding.check.partition(" ")[2] for finding in findings if finding.state != OK}
    return [action for action in actions if told.isdisjoint(action.split())]


def _happened(record: FileRecord, standing: Standing) -> str | None:
    current = standing.states.get(record.path, _ABSENT)
    if record.is_edited:
        return _happened_to_lines(record, current, standing.reals.get(record.path, record.real))
    if record.is_ours(current):
        return None
    return "removed by someone else since" if current.kind == ABSENT else "changed by someone else since"


def _happened_to_lines(record: FileRecord, current: FileState, real: str) -> str | None:
    if real != record.real:
        return f"a link to {real} now; the lines are in {record.real}"
    if current.kind != FILE:
        return "removed by someone else since" if current.kind == ABSENT else "no plain file any more"
    try:
        lines = record.standing(current.text)
    except ValueError:
        return "other lines where this collection wrote its own"
    written = record.written.edits if record.written is not None else ()
    return "without these lines" if written and not lines else None


def _lost(standing: Standing) -> Iterator[Finding]:
    ours = sorted(path for path, state in standing.states.items() if state.carries_mark)
    if ours:
        expected = "the memory of what this collection changed here"
        found = f"no journal, but {ours[0]}" + (f" and {len(ours) - 1} more of our files" if len(ours) > 1 else "")
        fix = "bring it back from a backup; without it playbooks/remove.yml goes by the marks in our files"
        yield Finding(f"journal {standing.journal_path}", FAILED, expected, found, fix)
