# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of /etc/nova-pci-passthrough/devices.conf; roles/host/templates/devices.conf.j2 prints them."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from .address import parse_address
from .declaration import DRIVER_NATIVE
from .selection import Identity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .address import PciAddress
    from .binding import Binding
    from .selection import Selection
    from .virtual_functions import VirtualFunctions

PATH = "/etc/nova-pci-passthrough/devices.conf"

_IDS = r"([0-9a-f]{4}):([0-9a-f]{4})\s*(?:#.*)?\Z"
_DRIVER_ROW = re.compile(rf"(\S+)\s+(?:driver|vfs\s+\d+)\s+[^#\s]\S*\s+{_IDS}")
_MAC_ROW = re.compile(rf"(\S+)\s+mac\s+([0-9a-f]{{2}}(?::[0-9a-f]{{2}}){{5}})\s+{_IDS}")
_SERIAL_ROW = re.compile(r"(\S+) serial (vpd|dsn) (.+)\Z")
_SLOT_ROW = re.compile(r"(\S+) slot (.+)\Z")
# What a line can hold and a shell's read gives back as it is.
_PLAIN = re.compile(r"[!-~](?:[ -~]*[!-~])?\Z")


@dataclass(frozen=True)
class ConfRow:
    """One line: *what* is driver, vfs, mac, serial or slot; *value* is the rest of the line.

    Why a device is in it stands in the plan alone: the reason is worded anew once the IOMMU groups are known, and the
    file (with the initramfs that holds it) must not change for that.
    """

    address: str
    what: str
    value: str

    def to_dict(self) -> dict[str, object]:
        return {"address": self.address, "what": self.what, "value": self.value}


def devices_conf_rows(
    bindings: Iterable[Binding],
    virtual_functions: Iterable[VirtualFunctions],
    identities: Iterable[Identity] = (),
) -> tuple[ConfRow, ...]:
    """Return the rows in the order of their addresses. Ids and *identities* let the script see that a card has moved."""
    rows = []
    for binding in bindings:
        if binding.follows is None:
            value = f"{binding.driver or DRIVER_NATIVE}{_ids(binding.vendor_id, binding.product_id)}"
            rows.append((binding.address, 1, ConfRow(str(binding.address), "driver", value)))
    for functions in virtual_functions:
        ids = _ids(functions.vendor_id, functions.product_id)
        value = f"{functions.count} {functions.driver or DRIVER_NATIVE}{ids}"
        rows.append((functions.address, 0, ConfRow(str(functions.address), "vfs", value)))
    for identity in identities:
        address = str(identity.address)
        if identity.mac is not None:
            value = f"{identity.mac} {identity.vendor_id}:{identity.product_id}"
            rows.append((identity.address, 2, ConfRow(address, "mac", value)))
        if identity.serial is not None:
            value = f"{identity.serial_source} {identity.serial}"
            rows.append((identity.address, 3, ConfRow(address, "serial", value)))
        if identity.slot is not None:
            rows.append((identity.address, 4, ConfRow(address, "slot", identity.slot)))
    return tuple(row for _address, _rank, row in sorted(rows, key=lambda item: (item[0], item[1])))


def chosen_identities(selection: Selection) -> tuple[Identity, ...]:
    """What to record of devices that were selected by serial number, MAC or slot, so that another one is not taken for it.

    A MAC is unseen once its card is on vfio-pci; there the serial number, where the card has one, speaks for it.
    """
    found: dict[PciAddress, Identity] = {}
    claims = [(item.device, item.entry) for item in selection.chosen]
    claims += [(parent.device, parent.entry) for parent in selection.parents]
    for device, entry in claims:
        if device.physical_function is not None or not (device.vendor_id and device.product_id):
            continue
        known = found.get(device.address, Identity(device.address, None, device.vendor_id, device.product_id))
        if entry.mac is not None:
            known = replace(known, mac=entry.mac)
        if (entry.serial is not None or entry.mac is not None) and _is_plain(device.serial):
            known = replace(known, serial=device.serial, serial_source=device.serial_source)
        if entry.slot is not None and _is_plain(device.physical_slot):
            known = replace(known, slot=device.physical_slot)
        if known.mac is not None or known.serial is not None or known.slot is not None:
            found[device.address] = known
    return tuple(found[address] for address in sorted(found))


def remembered_identities(text: str) -> tuple[Identity, ...]:
    """Return what a devices.conf records of each address; a row that cannot be read is as good as none."""
    found: dict[PciAddress, Identity] = {}
    for line in text.split("\n"):
        for pattern, keys in _ROWS:
            match = pattern.match(line.strip(" \t"))
            if match is None:
                continue
            try:
                address = parse_address(match.group(1))
            except ValueError:
                continue
            known = found.get(address, Identity(address, None, None, None))
            values: dict[str, Any] = dict(zip(keys, match.groups()[1:]))
            found[address] = replace(known, **values)
    return tuple(found.values())


_ROWS = (
    (_DRIVER_ROW, ("vendor_id", "product_id")),
    (_MAC_ROW, ("mac", "vendor_id", "product_id")),
    (_SERIAL_ROW, ("serial_source", "serial")),
    (_SLOT_ROW, ("slot",)),
)


def _is_plain(text: str | None) -> bool:
    return text is not None and _PLAIN.match(text) is not None


def listed_devices(text: str) -> tuple[str, ...]:
    """Return the addresses of a devices.conf that are bound or get virtual functions; others' rows are as good as none."""
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return tuple(dict.fromkeys(row[0] for row in rows if len(row) > 2 and row[1] in ("driver", "vfs")))


def planned_drivers(text: str) -> dict[str, str]:
    """Return the driver that a devices.conf names for each address; that of virtual functions stands with their card alone."""
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return {row[0]: row[2] for row in rows if len(row) > 2 and row[1] == "driver"}


def _ids(vendor_id: str | None, product_id: str | None) -> str:
    return f" {vendor_id}:{product_id}" if vendor_id and product_id else ""
