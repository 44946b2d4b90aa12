# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many virtual functions each card gets, and what that takes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .declaration import DRIVER_NATIVE

if TYPE_CHECKING:
    from .address import PciAddress
    from .model import HostInventory
    from .selection import Selection

STATE_READY = "ready"
STATE_TO_CREATE = "to create"
STATE_TO_RECREATE = "to recreate"  # the kernel takes another count only after 0 (EBUSY)


@dataclass(frozen=True)
class VirtualFunctions:
    """The virtual functions of one card. *driver* None leaves the kernel's own choice."""

    address: PciAddress
    entry: str
    alias: str | None
    count: int
    count_now: int
    driver: str | None
    addresses: tuple[PciAddress, ...]  # those that exist now
    vendor_id: str | None
    product_id: str | None
    driver_now: str | None
    iommu_group: int | None
    state: str

    def to_dict(self) -> dict[str, object]:
        return {
            "address": str(self.address),
            "entry": self.entry,
            "alias": self.alias,
            "count": self.count,
            "count_now": self.count_now,
            "driver": self.driver,
            "addresses": [str(address) for address in self.addresses],
            "driver_now": self.driver_now,
            "iommu_group": self.iommu_group,
            "state": self.state,
        }


def plan_virtual_functions(inventory: HostInventory, selection: Selection) -> tuple[VirtualFunctions, ...]:
    """Return one record for each card, sorted. select() has refused counts that cannot be had or changed by now."""
    planned = []
    for parent in selection.parents:
        card = inventory.device(parent.device.address) or parent.device
        now = card.sriov_numvfs or 0
        planned.append(
            VirtualFunctions(
                address=card.address,
                entry=parent.entry.place,
                alias=parent.entry.alias,
                count=parent.num_vfs,
                count_now=now,
                driver=None if parent.driver == DRIVER_NATIVE else parent.driver,
                addresses=card.virtual_functions,
                vendor_id=card.vendor_id,
                product_id=card.product_id,
                driver_now=card.driver,
                iommu_group=card.iommu_group,
                state=_state(parent.num_vfs, now),
            )
        )
    return tuple(sorted(planned, key=lambda item: item.address))


def _state(count: int, now: int) -> str:
    if now == count:
        return STATE_READY
    return STATE_TO_RECREATE if now else STATE_TO_CREATE
