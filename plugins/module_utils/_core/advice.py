# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is no reason to refuse a device and still worth knowing: resets, ACS, interrupt remapping, kernel lockdown."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from .address import PciAddress
from .listing import listed
from .model import HostInventory, PciDevice

_SHOWN = 4
_NO_LOCKDOWN = "none"


def advice(inventory: HostInventory, devices: Sequence[PciDevice]) -> tuple[str, ...]:
    """Return what a person should know of *devices* on this host, a sentence or two each; nothing for no device."""
    if not devices:
        return ()
    return tuple(sentence for look in _LOOKS for sentence in look(inventory, devices))


def _interrupt_remapping(inventory: HostInventory, _devices: Sequence[PciDevice]) -> Iterable[str]:
    if inventory.iommu.enabled and inventory.iommu.interrupt_remapping is False:
        yield (
            "Interrupts are not remapped, so a guest could forge the host's, and VFIO refuses every device unless its option "
            "allow_unsafe_interrupts is set. Switch it on in the firmware setup, and remove intremap=off and nointremap"
        )


def _lockdown(inventory: HostInventory, _devices: Sequence[PciDevice]) -> Iterable[str]:
    if inventory.lockdown not in (None, _NO_LOCKDOWN):
        yield (
            f"Kernel lockdown is at {inventory.lockdown}: only signed modules load, and no program reaches a device past "
            "its driver (UIO, setpci). vfio-pci of the distribution's kernel is not concerned"
        )


def _resets(inventory: HostInventory, devices: Sequence[PciDevice]) -> Iterable[str]:
    """The kernel shows reset_method of those devices alone that it can reset, and older ones than 5.15 of none."""
    if not any(device.reset_methods for device in inventory.devices):
        return
    without = [device for device in devices if not device.reset_methods]
    if without:
        yield (
            f"The kernel knows no way to reset {_named(without)}: what one guest leaves there, the next one finds, and a guest "
            "that ends badly may leave it unusable until the host reboots"
        )
    functions = Counter(device.address.slot_name for device in inventory.devices)
    bus = [one for one in devices if one.reset_methods == ("bus",) and functions[one.address.slot_name] > 1]
    if bus:
        yield (
            f"Only a reset of the whole bus is known for {_named(bus)}: it works only while one guest holds every function there"
        )


def _isolation(inventory: HostInventory, devices: Sequence[PciDevice]) -> Iterable[str]:
    """Ports without ACS let cards talk to each other past the IOMMU, so the kernel puts these into one group."""
    known = {device.address: device for device in inventory.devices}
    ports: dict[PciAddress, PciDevice] = {}
    for device in devices:
        slots = {member.slot_name for member in device.group_members}
        if slots - {device.address.slot_name}:
            ports.update((port.address, port) for port in _ports_above(known, device) if port.acs is False)
    if ports:
        yield (
            f"Several cards share one IOMMU group, and ACS is off or missing on {_named([*ports.values()])}. Switch ACS on in "
            "the firmware setup, or use slots below another port"
        )


_LOOKS: tuple[Callable[[HostInventory, Sequence[PciDevice]], Iterable[str]], ...] = (
    _interrupt_remapping,
    _lockdown,
    _resets,
    _isolation,
)


def _ports_above(known: Mapping[PciAddress, PciDevice], device: PciDevice) -> Iterable[PciDevice]:
    port = None if device.parent is None else known.get(device.parent)
    while port is not None:
        yield port
        port = None if port.parent is None else known.get(port.parent)


def _named(devices: Sequence[PciDevice]) -> str:
    return listed([device.label for device in devices], _SHOWN)
