# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which driver each address gets: the devices handed out, and what must leave its driver along with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .companion import Companions
from .declaration import DRIVER_NATIVE, DRIVER_VFIO

if TYPE_CHECKING:
    from .address import PciAddress
    from .model import HostInventory, PciDevice
    from .selection import Selection

ROLE_CHOSEN = "chosen"
ROLE_COMPANION = "companion"

STATE_READY = "ready"
STATE_TO_BIND = "to bind"
STATE_HELD = "held"  # a guest has it; libvirt gives it back to its native driver afterwards


@dataclass(frozen=True)
class Binding:
    """One address and its driver.

    Shape: *driver* None leaves the kernel's own choice; *follows* is the card whose row in devices.conf speaks for
    this virtual function, None where the address has a row of its own.
    """

    address: PciAddress
    entry: str
    alias: str | None
    role: str
    because: str | None
    driver: str | None
    driver_now: str | None
    iommu_group: int | None
    device_type: str
    vendor_id: str | None
    product_id: str | None
    state: str
    follows: PciAddress | None = None

    def to_dict(self) -> dict[str, object]:
        return {
            "address": str(self.address),
            "entry": self.entry,
            "alias": self.alias,
            "role": self.role,
            "because": self.because,
            "driver": self.driver,
            "driver_now": self.driver_now,
            "iommu_group": self.iommu_group,
            "device_type": self.device_type,
            "state": self.state,
            "follows": None if self.follows is None else str(self.follows),
        }


def plan_bindings(inventory: HostInventory, selection: Selection) -> tuple[Binding, ...]:
    """Return one Binding for each address, sorted; *selection* has no problems."""
    companions = Companions(inventory)
    parents = {parent.device.address: parent for parent in selection.parents}
    bindings: dict[PciAddress, Binding] = {}
    for item in selection.chosen:
        card = item.device.physical_function
        parent = None if card is None else parents.get(card)
        wanted = item.entry.driver
        if parent is not None and parent.entry.index == item.entry.index:
            wanted = parent.driver
        follows = card if parent is not None and parent.driver == wanted else None
        bindings[item.device.address] = _binding(
            item.device, item.entry.place, wanted, alias=item.entry.alias, follows=follows
        )
    for item in selection.chosen:
        for companion in companions.of(item.device):
            if companion.device.address not in bindings and companion.device.address not in parents:
                # Whatever driver the device itself gets, its companions only have to be off theirs.
                bindings[companion.device.address] = _binding(
                    companion.device, item.entry.place, DRIVER_VFIO, because=companion.because
                )
    return tuple(bindings[address] for address in sorted(bindings))


def _binding(
    device: PciDevice,
    place: str,
    wanted: str,
    *,
    alias: str | None = None,
    because: str | None = None,
    follows: PciAddress | None = None,
) -> Binding:
    return Binding(
        address=device.address,
        entry=place,
        alias=alias,
        role=ROLE_CHOSEN if because is None else ROLE_COMPANION,
        because=because,
        driver=None if wanted == DRIVER_NATIVE else wanted,
        driver_now=device.driver,
        iommu_group=device.iommu_group,
        device_type=device.device_type,
        vendor_id=device.vendor_id,
        product_id=device.product_id,
        state=_state(device, wanted),
        follows=follows,
    )


def _state(device: PciDevice, wanted: str) -> str:
    if wanted != DRIVER_NATIVE:
        return STATE_READY if device.driver == wanted else STATE_TO_BIND
    if device.driver is None or "vfio" not in device.driver:
        return STATE_READY
    return STATE_HELD if any(use.kind == "guest" for use in device.uses) else STATE_TO_BIND
