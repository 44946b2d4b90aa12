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

    The kernel hands out whole IOMMU groups (bridges aside). Where the groups are not known yet because the IOMMU is
    off, two things are known all the same: the audio, USB and serial functions of a graphics card belong to the card,
    and all that is behind one bridge to a conventional PCI bus will be one group, for it uses the bridge's requester
    ID (drivers/iommu/iommu.c pci_device_group, pci_for_each_dma_alias).
    """

    def __init__(self, inventory: HostInventory) -> None:
        self._groups: dict[int, list[PciDevice]] = {}
        self._slots: dict[str, list[PciDevice]] = {}
        self._conventional: dict[PciAddress, list[PciDevice]] = {}
        for device in inventory.devices:
            if device.is_bridge:
                continue
            self._slots.setdefault(device.address.slot_name, []).append(device)
            if device.iommu_group is not None:
                self._groups.setdefault(device.iommu_group, []).append(device)
            elif device.express is False and device.parent is not None:
                self._conventional.setdefault(device.parent, []).append(device)

    def of(self, device: PciDevice) -> tuple[Companion, ...]:
        """Return the companions of *device*, sorted by address."""
        found: dict[PciAddress, Companion] = {}
        if device.is_display:
            for other in self._slots.get(device.address.slot_name, ()):
                part = _CARD_PARTS.get((other.class_code or "")[:4], "other")
                found[other.address] = Companion(other, f"is the {part} function of the graphics card {device.address}")
        if device.iommu_group is not None:
            for other in self._groups.get(device.iommu_group, ()):
                because = f"shares IOMMU group {device.iommu_group} with {device.address}"
                found[other.address] = Companion(other, because)
        elif device.express is False and device.parent is not None:
            for other in self._conventional.get(device.parent, ()):
                because = f"is a conventional PCI device behind the same bridge as {device.address}"
                found.setdefault(other.address, Companion(other, because))
        found.pop(device.address, None)
        return tuple(found[address] for address in sorted(found))
