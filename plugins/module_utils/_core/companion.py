# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Companions: the devices that must leave their drivers together with one that is handed out."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .address import PciAddress
    from .model import HostInventory, PciDevice

# What the other functions of a graphics card are (pci.ids): the words of the messages.
_CARD_PARTS = {"0403": "audio", "0c03": "USB", "0c80": "serial bus", "0300": "display", "0302": "display"}


@dataclass(frozen=True)
class Companion:
    """One device that follows another, and why."""

    device: PciDevice
    because: str


class Companions:
    """What must leave its driver along with a device; indexed once, since a host may show thousands of functions.

    Two reasons: the kernel hands out whole IOMMU groups (bridges aside), and the audio, USB and serial functions of a
    graphics card belong to the card, also where the groups are not known yet because the IOMMU is off.
    """

    def __init__(self, inventory: HostInventory) -> None:
        self._groups: dict[int, list[PciDevice]] = {}
        self._slots: dict[str, list[PciDevice]] = {}
        for device in inventory.devices:
            if device.is_bridge:
                continue
            self._slots.setdefault(device.address.slot_name, []).append(device)
            if device.iommu_group is not None:
                self._groups.setdefault(device.iommu_group, []).append(device)

    def of(self, device: PciDevice) -> tuple[Companion, ...]:
        """Return the companions of *device*, sorted by address."""
        found: dict[PciAddress, Companion] = {}
        if device.is_display:
            for other in self._slots.get(device.address.slot_name, ()):
                part = _CARD_PARTS.get((other.class_code or "")[:4], "another")
                found[other.address] = Companion(other, f"is the {part} function of the graphics card {device.address}")
        if device.iommu_group is not None:
            for other in self._groups.get(device.iommu_group, ()):
                because = f"shares IOMMU group {device.iommu_group} with {device.address}"
                found[other.address] = Companion(other, because)
        found.pop(device.address, None)
        return tuple(found[address] for address in sorted(found))
