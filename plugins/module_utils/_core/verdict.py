# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One verdict for each IOMMU group: the kernel hands out groups as a whole, so one needed member condemns all of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

from .model import HostInventory, PciDevice
from .override import Covered

FREE = "free"
IN_GUEST = "in a guest"
NEEDED = "needed"
_GUEST = "guest"


@dataclass(frozen=True)
class GroupVerdict:
    """Shape: *reasons* are all that speak against the group, by address; *covered* those that an override took away."""

    group: int
    members: tuple[str, ...]
    verdict: str
    reasons: tuple[str, ...] = ()
    covered: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        return {
            "group": self.group,
            "members": list(self.members),
            "verdict": self.verdict,
            "reasons": list(self.reasons),
            "covered": list(self.covered),
        }


def group_verdicts(
    inventory: HostInventory, covered: Sequence[Covered] = (), only: Collection[int] | None = None
) -> tuple[GroupVerdict, ...]:
    """Return the verdict on every group, or on those of *only*, by number; none while the IOMMU is off."""
    gone = {item.device.address: frozenset(item.uses) for item in covered}
    groups: dict[int, list[PciDevice]] = {}
    for device in inventory.devices:
        if device.iommu_group is not None and (only is None or device.iommu_group in only):
            groups.setdefault(device.iommu_group, []).append(device)
    found = []
    for number, members in sorted(groups.items()):
        # A bridge in a group of endpoints goes along with them and keeps its driver.
        judged = [device for device in members if not device.is_bridge] or members
        uses = [(device, use) for device in judged for use in device.uses]
        against = [(device, use) for device, use in uses if use not in gone.get(device.address, ())]
        taken = [(device, use) for device, use in uses if use in gone.get(device.address, ())]
        kinds = {use.kind for _device, use in against}
        found.append(
            GroupVerdict(
                group=number,
                members=tuple(str(device.address) for device in members),
                verdict=FREE if not kinds else IN_GUEST if kinds == {_GUEST} else NEEDED,
                reasons=tuple(f"{device.address}: {use.detail}" for device, use in against),
                covered=tuple(f"{device.address}: {use.detail}" for device, use in taken),
            )
        )
    return tuple(found)
