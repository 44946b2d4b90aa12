# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What of one host Nova may hand out, and the device_spec that says exactly that."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from .declaration import DeviceEntry
from .errors import InputProblem
from .listing import listed
from .model import TYPE_PF, HostInventory, PciDevice
from .selection import Selection

BY_ADDRESS = "address"
BY_IDS = "ids"
SPEC_CHOICES = (BY_ADDRESS, BY_IDS)
_SHOWN = 4


@dataclass(frozen=True)
class Offered:
    """One device that Nova gets, and the entry it is for."""

    device: PciDevice
    entry: DeviceEntry


@dataclass(frozen=True)
class Offer:
    """Shape: *offered* sorted by address; *withheld* what is chosen and would fail in every guest today, in words."""

    offered: tuple[Offered, ...] = ()
    withheld: tuple[str, ...] = ()


def make_offer(selection: Selection) -> Offer:
    """Return what *selection* gives to Nova; entries without alias and tag are the host's own business.

    A device without an IOMMU group is withheld: Nova never looks at the IOMMU, would place the server here, and libvirt
    would refuse it.
    """
    offered, withheld = [], []
    for item in selection.chosen:
        if not item.entry.is_for_nova:
            continue
        if item.device.iommu_group is None:
            withheld.append(f"{item.device.label} is not handed to Nova yet: the IOMMU is off. Reboot and run again")
        else:
            offered.append(Offered(item.device, item.entry))
    missing = [wish.parent for wish in selection.expected if wish.entry.is_for_nova]
    missing += [parent.device for parent in selection.parents if parent.entry.is_for_nova and not parent.has_functions]
    withheld += [
        f"the virtual functions of {card.label} are not handed to Nova yet: they do not exist. Run the host role first"
        for card in missing
    ]
    return Offer(tuple(offered), tuple(dict.fromkeys(withheld)))


def spec_lines(offer: Offer, inventory: HostInventory, spec_by: str) -> tuple[str, ...]:
    """Return the values of device_spec, one JSON object each; InputProblem where ids would hand out more than chosen."""
    if spec_by == BY_IDS:
        return _by_ids(offer.offered, inventory)
    return tuple(
        _json({**_ids(item.device), "address": _address(item.device), **_tags(item)}) for item in offer.offered
    )


def _by_ids(offered: Sequence[Offered], inventory: HostInventory) -> tuple[str, ...]:
    entries = {item.device.address: item.entry for item in offered}
    lines = []
    for item in offered:
        same = [device for device in inventory.devices if _ids(device) == _ids(item.device)]
        others = [device for device in same if entries.get(device.address, item.entry).tags != item.entry.tags]
        others += [device for device in same if device.address not in entries]
        if others:
            shown = listed([device.label for device in others], _SHOWN)
            problem = f"cannot name {item.device.label}: the same ids would hand out {shown} as well"
            fix = f"Write device_spec_by: {BY_ADDRESS}, or declare those devices alike"
            raise InputProblem(item.entry.place, BY_IDS, problem, fix)
        lines.append(_json({**_ids(item.device), **_tags(item)}))
    return tuple(dict.fromkeys(lines))


def _ids(device: PciDevice) -> dict[str, str | None]:
    """The ids stand beside each address, so that another card that moves there is not handed out in its place."""
    return {"vendor_id": device.vendor_id, "product_id": device.product_id}


def _address(device: PciDevice) -> str | dict[str, str]:
    """Nova counts the VFs of a PF in where it is named by its exact address (nova/pci/devspec.py PhysicalPciAddress).

    Ids that differ keep them out; where they do not, a field that is no plain number makes it a pattern.
    """
    address = device.address
    if device.device_type != TYPE_PF or device.sriov_vf_product_id not in (None, device.product_id):
        return str(address)
    return {
        "domain": f"{address.domain:04x}",
        "bus": f"{address.bus:02x}",
        "slot": f"{address.slot:02x}",
        "function": f"[{address.function:x}]",
    }


def _tags(item: Offered) -> dict[str, str | None]:
    return dict(item.entry.tags)


def _json(fields: Mapping[str, object]) -> str:
    return json.dumps(fields)
