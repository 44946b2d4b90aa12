# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Guests and what they hold, joined with what the host says of each device."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .address import PciAddress, parse_address
from .errors import InputProblem
from .guest_domain import GuestDomain, merge_guests, parse_domain
from .inventory import build_inventory
from .model import HostInventory
from .reading import Reading
from .snapshot import MachineSnapshot


@dataclass(frozen=True)
class GuestDevices:
    """Shape: *guests* those that were asked for, *everybody* all; *addresses* are told of whoever holds them."""

    guests: tuple[GuestDomain, ...]
    everybody: tuple[GuestDomain, ...]
    addresses: tuple[PciAddress, ...]
    inventory: HostInventory
    unreadable: tuple[tuple[str, str], ...]

    def runs(self, uuid: str) -> bool:
        return any(guest.uuid == uuid.lower() and guest.running for guest in self.everybody)

    def to_dict(self) -> dict[str, Any]:
        return {
            "guests": [
                {
                    "uuid": guest.uuid,
                    "name": guest.name,
                    "running": guest.running,
                    "devices": [self._device(address) for address in guest.devices],
                }
                for guest in self.guests
            ],
            "devices": [self._device(address) for address in self.addresses],
            "unreadable": [{"what": what, "why": why} for what, why in self.unreadable],
        }

    def _device(self, address: PciAddress) -> dict[str, Any]:
        device = self.inventory.device(address)
        card = None if device is None or device.physical_function is None else device.physical_function
        return {
            **_ids(self.inventory, address),
            "device_type": None if device is None else device.device_type,
            "driver": None if device is None else device.driver,
            "physical_function": None if card is None else _ids(self.inventory, card),
            "held_by": next((one.uuid for one in self.everybody if one.running and address in one.devices), None),
        }


def describe(
    files: Iterable[tuple[str, Reading]],
    problems: Sequence[tuple[str, str]],
    inventory: HostInventory,
    server: str | None = None,
    addresses: Sequence[str] = (),
) -> GuestDevices:
    """Return what libvirt's *files* (path and text) and the host's *inventory* say; InputProblem for a bad address."""
    unreadable = [*problems]
    domains = []
    for path, reading in files:
        try:
            domains.append(parse_domain(reading.text or ""))
        except ValueError as error:
            if not reading.is_absent:  # one that ended meanwhile
                unreadable.append((path, reading.problem or str(error)))
    everybody = merge_guests(domains)
    guests = tuple(guest for guest in everybody if server is None or guest.uuid == server.lower())
    return GuestDevices(guests, everybody, _parsed(addresses), inventory, tuple(unreadable))


def held_devices(found: GuestDevices) -> dict[str, str]:
    """Return in words who holds each device that a running guest holds, by its address; a card stands for its functions."""
    held: dict[str, str] = {}
    for device in found.inventory.devices:
        for use in device.uses:
            if use.kind == "guest":
                held[str(device.address)] = f"is held by a guest: {use.detail}"
    for guest in found.everybody:
        if guest.running:
            held.update(
                dict.fromkeys(map(str, guest.devices), f"is held by the running guest {guest.name} ({guest.uuid})")
            )
    for device in found.inventory.devices:
        card = device.physical_function
        if card is not None and str(device.address) in held:
            held[str(card)] = f"has the virtual function {device.address}, which {held[str(device.address)]}"
    return held


def who_holds(machine: MachineSnapshot) -> dict[str, str]:
    """As held_devices(), from what was read alone."""
    return held_devices(describe(machine.guests, (), build_inventory(machine)))


def _parsed(addresses: Sequence[str]) -> tuple[PciAddress, ...]:
    found = []
    for index, text in enumerate(addresses):
        try:
            found.append(parse_address(text))
        except ValueError:
            fix = "Write domain:bus:slot.function, as in 0000:3b:00.0"
            raise InputProblem(f"addresses[{index}]", text, "is no PCI address", fix) from None
    return tuple(found)


def _ids(inventory: HostInventory, address: PciAddress) -> dict[str, str | None]:
    device = inventory.device(address)
    return {
        "address": str(address),
        "vendor_id": None if device is None else device.vendor_id,
        "product_id": None if device is None else device.product_id,
    }
