# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of /etc/nova-pci-passthrough/devices.conf; roles/host/templates/devices.conf.j2 prints them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from .address import parse_address
from .declaration import DRIVER_NATIVE
from .selection import Identity

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .binding import Binding
    from .selection import Selection
    from .virtual_functions import VirtualFunctions

PATH = "/etc/nova-pci-passthrough/devices.conf"

_MAC_ROW = re.compile(r"(\S+)\s+mac\s+([0-9a-f]{2}(?::[0-9a-f]{2}){5})\s+([0-9a-f]{4}):([0-9a-f]{4})\s*(?:#.*)?\Z")


@dataclass(frozen=True)
class ConfRow:
    """One line: *what* is driver, vfs or mac; *value* is the rest of the line.

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
    """Return the rows in the order of their addresses. The ids at the end let the script see that a card has moved."""
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
        value = f"{identity.mac} {identity.vendor_id}:{identity.product_id}"
        rows.append((identity.address, 2, ConfRow(str(identity.address), "mac", value)))
    return tuple(row for _address, _rank, row in sorted(rows, key=lambda item: (item[0], item[1])))


def chosen_identities(selection: Selection) -> tuple[Identity, ...]:
    """What to remember of devices that were selected by MAC and will have no interface to show it on."""
    found = []
    claims = [(item.device, item.entry) for item in selection.chosen]
    claims += [(parent.device, parent.entry) for parent in selection.parents]
    for device, entry in claims:
        mac = entry.mac
        if mac is not None and device.physical_function is None and device.vendor_id and device.product_id:
            found.append(Identity(device.address, mac, device.vendor_id, device.product_id))
    return tuple(sorted(found, key=lambda identity: identity.address))


def remembered_identities(text: str) -> tuple[Identity, ...]:
    """Return the "mac" rows of a devices.conf; a row that cannot be read is as good as none."""
    found = []
    for line in text.splitlines():
        match = _MAC_ROW.match(line.strip())
        if match is None:
            continue
        try:
            address = parse_address(match.group(1))
        except ValueError:
            continue
        found.append(Identity(address, match.group(2), match.group(3), match.group(4)))
    return tuple(found)


def listed_devices(text: str) -> tuple[str, ...]:
    """Return the addresses of a devices.conf that are bound or get virtual functions; others' rows are as good as none."""
    rows = [line.split() for line in text.splitlines() if not line.startswith("#")]
    return tuple(dict.fromkeys(row[0] for row in rows if len(row) > 2 and row[1] in ("driver", "vfs")))


def _ids(vendor_id: str | None, product_id: str | None) -> str:
    return f" {vendor_id}:{product_id}" if vendor_id and product_id else ""
