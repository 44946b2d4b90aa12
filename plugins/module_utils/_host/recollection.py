# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run starts from: the host's journal or, where that is lost and the goal can do without, what our marks tell."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .._core.decision import Goal
from .._core.errors import UnreadableJournal
from .._core.journal import FileState, Journal
from .files import Files
from .journal_store import JournalStore


@dataclass(frozen=True)
class Recollection:
    """Shape: *stored* is the journal on the disk, *journal* the same or what stands in for it, *aside* as in Look."""

    stored: Journal | None = None
    journal: Journal | None = None
    aside: str | None = None


def recollect(files: Files, store: JournalStore, goal: Goal) -> Recollection:
    """Read what there is; MachineProblem where the journal cannot be trusted and *goal* knows no other way."""
    aside = None
    marked = goal.marked_paths()
    try:
        stored = store.read()
        lost = f"{store.path} is missing"
    except UnreadableJournal as error:
        if not marked:
            raise
        stored, aside = None, store.aside()
        lost = f"{store.path} {error.problem}; its bytes are kept as {aside}"
    if stored is not None or not marked:
        return Recollection(stored, stored)
    journal = goal.recall(_states(files, marked), lost)
    if journal is None and aside is not None:
        journal = Journal(lost=lost)
    return Recollection(None, journal, aside)


def _states(files: Files, paths: Mapping[str, bool]) -> dict[str, FileState]:
    return {path: files.read(files.real(path) if foreign else path) for path, foreign in paths.items()}
