# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what stands at the paths that a journal or a plan names, for _core/journal_check.py."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .._core.decision import Standing
from .._core.errors import MachineProblem
from .._core.journal import check_path
from .files import Files
from .journal_store import JournalStore


def read_standing(files: Files, store: JournalStore, planned: Iterable[Mapping[str, Any]]) -> Standing:
    """*planned*: the rows of a plan's `files`; MachineProblem when a path cannot be read."""
    journal = store.read()
    paths = {check_path(row["path"]): bool(row.get("foreign")) for row in planned}
    if journal is not None:
        paths.update({record.path: record.foreign for record in journal.files.values()})
    states, reals = {}, {}
    for path, foreign in paths.items():
        try:
            reals[path] = files.real(path) if foreign else path
            states[path] = files.read(reals[path])
        except OSError as error:
            raise MachineProblem(path, f"cannot be read ({error.strerror})", "Run as root (become: true)") from None
    return Standing(journal, store.path, states, reals)
