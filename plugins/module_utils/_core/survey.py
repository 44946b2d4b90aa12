# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one host has, and of each device whether it can be passed through, could be after something, or must not be."""

from __future__ import annotations

from collections.abc import Sequence

from .advice import advice
from .companion import Companions
from .model import HostInventory, PciDevice
from .override import Override, overrule
from .selection import hazards_of
from .table import kind_word
from .verdict import group_verdicts

SCHEMA = 1
READY = "ready"
AFTER = "after"
NO = "no"
_DRIVER = "vfio-pci"
_GUEST = "guest"
_MISSING = "missing"
_DENIED = "Permission denied"


def survey(inventory: HostInventory, overrides: Sequence[Override] = ()) -> dict[str, object]:
    """Return the host as plain data; docs of the module pci_survey_info say what each key holds."""
    overruled = overrule(inventory, overrides)
    reasons = {item.device.address: item.override.reason for item in overruled.covered}
    judged = overruled.inventory
    companions = Companions(judged)
    first = _to_be_done_first(inventory)
    return {
        "schema": SCHEMA,
        "kernel_release": inventory.kernel_release,
        "architecture": inventory.architecture,
        "cpu_vendor": inventory.cpu_vendor,
        "iommu": inventory.iommu.to_dict(),
        "lockdown": inventory.lockdown,
        "vfio_pci": inventory.vfio_pci,
        "first": first,
        "devices": [
            {**_row(companions, device, bool(first)), "override": reasons.get(device.address)}
            for device in judged.devices
        ],
        "groups": [group.to_dict() for group in group_verdicts(inventory, overruled.covered)],
        "overrides": [*overruled.notes, *(str(problem) for problem in overruled.problems)],
        "advice": list(advice(inventory, [device for device in inventory.devices if not device.is_bridge])),
        "needs_root": _needs_root(inventory),
    }


def _row(companions: Companions, device: PciDevice, waits: bool) -> dict[str, object]:
    """*waits*: the whole host is not ready."""
    others = [companion.device for companion in companions.of(device)]
    in_the_way = hazards_of(companions, device, _DRIVER)
    never = device.is_bridge or any(use.vital for one in (device, *others) for use in one.uses)
    return {
        "address": str(device.address),
        "parent": None if device.parent is None else str(device.parent),
        "vendor_id": device.vendor_id,
        "product_id": device.product_id,
        "name": _name(device),
        "kind": kind_word(device),
        "class_code": device.class_code,
        "device_type": device.device_type,
        "iommu_group": device.iommu_group,
        "numa_node": device.numa_node,
        "driver": device.driver,
        "sriov_totalvfs": device.sriov_totalvfs,
        "sriov_numvfs": device.sriov_numvfs,
        "physical_function": None if device.physical_function is None else str(device.physical_function),
        "companions": [str(other.address) for other in others],
        "serial": device.serial,
        "slot": device.physical_slot,
        "network_interfaces": [interface.to_dict() for interface in device.network_interfaces],
        "block_devices": list(device.block_devices),
        "in_guest": any(use.kind == _GUEST for use in device.uses),
        "verdict": NO if never else AFTER if in_the_way or waits else READY,
        "because": list(dict.fromkeys(hazard.reason for hazard in in_the_way)),
        "after": [] if never else list(dict.fromkeys(hazard.fix for hazard in in_the_way)),
        "needs_root": sorted(what for what, why in device.unreadable if why == _DENIED),
    }


def _name(device: PciDevice) -> str | None:
    names = [name for name in (device.vendor_name, device.product_name) if name]
    return " ".join(names) or None


def _to_be_done_first(inventory: HostInventory) -> list[str]:
    """What stands between this host and any passthrough at all."""
    found = []
    if inventory.iommu.reason is not None:
        found.append(f"the IOMMU is off: {inventory.iommu.reason}")
    if inventory.vfio_pci == _MISSING:
        found.append(f"the kernel {inventory.kernel_release} has no vfio-pci: boot one of the distribution that has it")
    return found


def _needs_root(inventory: HostInventory) -> list[str]:
    """What could not be read without root: a use that only shows there may be missing from the verdicts."""
    return sorted({what for what, why in inventory.unreadable if why == _DENIED})
