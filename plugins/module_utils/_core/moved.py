# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which cards stand at another address than at the last run, as far as what was recorded of them tells."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .address import PciAddress
    from .declaration import DeviceEntry
    from .model import HostInventory, PciDevice
    from .selection import Identity, Selection

# The key of an entry, and how a note names the card that it means.
_PINS = (("serial", "the card with serial"), ("mac", "the card with MAC"), ("slot", "the card in slot"))


def moved_notes(inventory: HostInventory, selection: Selection, identities: Sequence[Identity]) -> tuple[str, ...]:
    """Return one note for each card that moved. *identities* are those of the last run; without any, nothing is said.

    Only a serial number, MAC or slot that the declaration names tells where a card went. The ids of an address tell no
    more than that another card stands there.
    """
    notes = []
    left: set[PciAddress] = set()
    told: set[PciAddress] = set()
    for key, words in _PINS:
        for (place, pin), devices in _pinned(selection, key).items():
            now = {device.address for device in devices}
            recorded = [item.address for item in identities if _same(getattr(item, key), pin)]
            before = [address for address in recorded if address not in now]
            for device in devices:
                if not before or device.address in told or device.address in recorded:
                    continue
                # A card of several functions moves as a whole, and each keeps its number.
                former = min(before, key=lambda address: (address.function != device.address.function, address))
                before.remove(former)
                left.add(former)
                told.add(device.address)
                notes.append(
                    f"{place}: {words} {pin} was {former} and is {device.label} now; {_holds(inventory, former)}"
                )
    return (*notes, *_exchanged(inventory, [item for item in identities if item.address not in left]))


def _pinned(selection: Selection, key: str) -> dict[tuple[str, str], list[PciDevice]]:
    """(place, serial number, MAC or slot) of the entries -> the devices that they mean by it, each once."""
    claims: list[tuple[PciDevice, DeviceEntry]] = [(item.device, item.entry) for item in selection.chosen]
    claims += [(parent.device, parent.entry) for parent in selection.parents]
    found: dict[tuple[str, str], list[PciDevice]] = {}
    for device, entry in sorted(claims, key=lambda claim: claim[0].address):
        pin = getattr(entry, key)
        if pin is not None and device.physical_function is None:
            devices = found.setdefault((entry.place, pin), [])
            if device not in devices:
                devices.append(device)
    return found


def _same(recorded: str | None, pin: str) -> bool:
    return recorded is not None and recorded.lower() == pin.lower()


def _holds(inventory: HostInventory, address: PciAddress) -> str:
    device = inventory.device(address)
    return (
        f"{address} is empty now" if device is None else f"another card, {device.label}, stands at its former address"
    )


def _exchanged(inventory: HostInventory, identities: Iterable[Identity]) -> list[str]:
    notes = []
    for item in identities:
        device = inventory.device(item.address)
        if device is None or None in (item.vendor_id, item.product_id, device.vendor_id, device.product_id):
            continue
        if (item.vendor_id, item.product_id) != (device.vendor_id, device.product_id):
            notes.append(
                f"{item.address} held {item.vendor_id}:{item.product_id} at the last run and holds "
                f"{device.vendor_id}:{device.product_id} now: a card was added, moved or exchanged"
            )
    return notes
