# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold the cards of a host against what devices.conf records of them: an address outlives its card."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator
from dataclasses import replace

from .model import HostInventory, PciDevice
from .selection import Identity
from .verify import FAILED, OK, PENDING, Finding

_FIX = "run playbooks/site.yml: it plans for the cards as they stand now; journalctl -u nova-compute says what was kept back"


def check_identities(
    inventory: HostInventory, identities: Iterable[Identity], planned: Collection[str], waiting: bool
) -> Iterator[Finding]:
    """Yield a finding for each recorded address.

    Shape: *planned* are the addresses of the plan, of which a missing device is told elsewhere; *waiting* whether the host
    has to reboot.
    """
    for item in identities:
        device = inventory.device(item.address)
        if device is None and str(item.address) in planned:
            continue
        yield replace(_check(inventory, item, device, waiting), address=str(item.address))


def _check(inventory: HostInventory, item: Identity, device: PciDevice | None, waiting: bool) -> Finding:
    check, expected = f"card at {item.address}", ", ".join(_words(item))
    if device is None:
        state, fix = (PENDING, "reboot the host") if waiting else (FAILED, _FIX)
        return Finding(check, state, expected, "the host shows no device at this address", fix)
    now = _as_it_is(inventory, item, device)
    wrong = _differs(item, now)
    unseen = [f"its {name} cannot be read now" for name, recorded, found in _pairs(item, now) if recorded and not found]
    found = ", ".join([*_words(now), *unseen])
    return Finding(check, FAILED, expected, found, _FIX) if wrong else Finding(check, OK, expected, found)


def _as_it_is(inventory: HostInventory, item: Identity, device: PciDevice) -> Identity:
    """What *device* shows of that which is recorded; None where that cannot be told."""
    macs = [interface.mac.lower() for interface in device.network_interfaces if interface.mac]
    mac = None
    if item.mac is not None:
        mac = item.mac if item.mac in macs else next(iter(macs), None)
        if mac is None and _shows_elsewhere(inventory, item.mac, device):
            mac = "another card's"
    same_source = item.serial is not None and device.serial_source == item.serial_source
    return Identity(
        item.address,
        mac,
        device.vendor_id,
        device.product_id,
        device.serial if same_source else None,
        device.serial_source if same_source else None,
        device.physical_slot if item.slot is not None else None,
    )


def _shows_elsewhere(inventory: HostInventory, mac: str, device: PciDevice) -> bool:
    """A virtual function may carry any MAC, so only cards count."""
    return any(
        interface.mac is not None and interface.mac.lower() == mac
        for other in inventory.devices
        if other.address != device.address and other.physical_function is None
        for interface in other.network_interfaces
    )


def _ids(item: Identity) -> str | None:
    return f"{item.vendor_id}:{item.product_id}" if item.vendor_id and item.product_id else None


def _pairs(item: Identity, now: Identity) -> tuple[tuple[str, str | None, str | None], ...]:
    return (
        ("ids", _ids(item), _ids(now)),
        ("serial number", item.serial, now.serial),
        ("MAC", item.mac, now.mac),
        ("slot", item.slot, now.slot),
    )


def _differs(item: Identity, now: Identity) -> bool:
    return any(recorded and found and recorded != found for _name, recorded, found in _pairs(item, now))


def _words(item: Identity) -> list[str]:
    return [name if key == "ids" else f"{key} {name}" for key, name, _now in _pairs(item, item) if name]
