# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the host remembers of earlier runs, for the plan."""

from __future__ import annotations

from .._core.devices_conf import PATH, remembered_identities
from .._core.memory import Memory
from .files import Files
from .journal_store import JournalStore


def read_memory(root: str = "/") -> Memory:
    """Return the pending reboot and the identities kept in devices.conf; MachineProblem when the journal is damaged."""
    files = Files(root)
    journal = JournalStore(files).read()
    return Memory(
        pending_reboot=None if journal is None else journal.pending_reboot,
        identities=remembered_identities(files.text(PATH) or ""),
    )
