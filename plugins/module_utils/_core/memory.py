# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host remembers of earlier runs and a plan has to know."""

from __future__ import annotations

from dataclasses import dataclass

from .devices_conf import remembered_identities
from .journal import Journal, PendingReboot
from .selection import Identity


@dataclass(frozen=True)
class Memory:
    """A reboot that was asked for, what identified the devices of the last run, and the kernel arguments that are ours."""

    pending_reboot: PendingReboot | None = None
    identities: tuple[Identity, ...] = ()
    kernel_arguments: tuple[str, ...] = ()

    def booted_since(self, boot_id: str) -> frozenset[str]:
        """The kernel arguments that a reboot was asked for in an earlier boot than *boot_id*."""
        if self.pending_reboot is None:
            return frozenset()
        waited = self.pending_reboot.waits_for if self.pending_reboot.boot_id != boot_id else ()
        return frozenset((*waited, *self.pending_reboot.ineffective))


def recall(journal: Journal | None, devices_conf: str) -> Memory:
    """Return what *journal* and the text of the host's devices.conf ("" where there is none) remember."""
    identities = remembered_identities(devices_conf)
    if journal is None:
        return Memory(identities=identities)
    return Memory(journal.pending_reboot, identities, journal.kernel_arguments)
