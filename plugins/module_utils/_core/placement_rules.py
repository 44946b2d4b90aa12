# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What [pci]report_in_placement tells placement, and what it makes nova-compute refuse.

nova/compute/pci_placement_translator.py, from Nova 26 on.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

from .address import PciAddress
from .device_spec import DeviceSpec
from .errors import NovaRefusal
from .model import TYPE_VF, PciDevice
from .nova_release import NovaVersion
from .pci_pools import pools, tracked
from .standard_traits import STANDARD_TRAITS
from .truth import truth

CUSTOM = "CUSTOM_"
MANAGED = "COMPUTE_MANAGED_PCI_DEVICE"
OWNER = "OWNER_NOVA"
LIVE_MIGRATABLE = "HW_PCI_LIVE_MIGRATABLE"
ONE_TIME_USE = "HW_PCI_ONE_TIME_USE"
_OTHER_CHARACTERS = re.compile("[^0-9A-Za-z]+")

# os_resource_classes.STANDARDS
STANDARD_RESOURCE_CLASSES = frozenset((
    "VCPU", "MEMORY_MB", "DISK_GB", "PCI_DEVICE", "SRIOV_NET_VF", "NUMA_SOCKET", "NUMA_CORE", "NUMA_THREAD",
    "NUMA_MEMORY_MB", "IPV4_ADDRESS", "VGPU", "VGPU_DISPLAY_HEAD", "NET_BW_EGR_KILOBIT_PER_SEC",
    "NET_BW_IGR_KILOBIT_PER_SEC", "PCPU", "MEM_ENCRYPTION_CONTEXT", "FPGA", "PGPU",
    "NET_PACKET_RATE_KILOPACKET_PER_SEC", "NET_PACKET_RATE_EGR_KILOPACKET_PER_SEC",
    "NET_PACKET_RATE_IGR_KILOPACKET_PER_SEC",
))  # fmt: skip


@dataclass(frozen=True)
class Provider:
    """One resource provider below the compute node's: a device, or a PF's VFs."""

    name: str
    resource_class: str
    traits: frozenset[str]
    total: int


@dataclass(frozen=True)
class _Draft:
    """A provider while devices are put to it."""

    resource_class: str
    traits: frozenset[str]
    parent: PciAddress | None = None
    functions: tuple[PciAddress, ...] = field(default=())


def resource_class(requested: str | None, vendor_id: str, product_id: str) -> str:
    """The class under which a device counts; *requested* is the tag, or what an alias asks for."""
    if not requested:
        return f"{CUSTOM}PCI_{vendor_id}_{product_id}".upper()
    name = requested.upper()
    return name if name in STANDARD_RESOURCE_CLASSES or name.startswith(CUSTOM) else _normalised(name)


def traits(text: str | None) -> frozenset[str]:
    """The traits that a tag, or an alias, names: placement's own as they are written, any other as a custom one."""
    return frozenset(_trait(name) for name in text.split(",")) if text else frozenset()


def provider_name(hostname: str, address: PciAddress) -> str:
    """*hostname* is the hypervisor's (`openstack hypervisor list`), *address* that of the device or of the VFs' PF."""
    return f"{hostname}_{str(address).upper()}"


def providers(
    hostname: str,
    devices: Sequence[PciDevice],
    specs: Sequence[DeviceSpec],
    version: NovaVersion,
    vdpa: Collection[PciAddress] = (),
) -> tuple[Provider, ...]:
    """Return what nova-compute reports on a host of which no device is in use; NovaRefusal where it refuses to start."""
    pools(devices, specs, version, vdpa)  # it stores them before it reports, so what cannot be stored ends it first
    for spec in specs:
        if spec.devname is not None:
            problem, fix = "is a devname, which report_in_placement does not allow", "Name the device by its address"
            raise NovaRefusal(spec.devname, problem, fix, "PlacementPciException")
    drafts: dict[PciAddress, _Draft] = {}
    for device, spec in sorted(tracked(devices, specs, vdpa), key=lambda pair: pair[0].address):
        tags = dict(spec.tags)
        if tags.get("physical_network"):
            continue  # it belongs to Neutron; Nova leaves it out
        is_function = device.device_type == TYPE_VF or device.address in vdpa
        place = device.physical_function if is_function and device.physical_function else device.address
        put = _with_function if is_function else _with_device
        drafts[place] = put(drafts.get(place), device, tags, version)
    return tuple(
        Provider(provider_name(hostname, place), draft.resource_class, draft.traits, max(1, len(draft.functions)))
        for place, draft in drafts.items()
    )


def _with_device(draft: _Draft | None, device: PciDevice, tags: dict[str, Any], version: NovaVersion) -> _Draft:
    """A device of its own: PciResourceProvider.add_parent."""
    if draft is not None:
        raise _dependent(device.address, draft)
    named = _class_of(device, tags)
    return _Draft(named, _traits_of(tags, version, is_device=True), parent=device.address)


def _with_function(draft: _Draft | None, device: PciDevice, tags: dict[str, Any], version: NovaVersion) -> _Draft:
    """One more VF of a PF: PciResourceProvider.add_child."""
    if draft is not None and draft.parent is not None:
        raise _dependent(device.address, draft)
    named = _class_of(device, tags)
    if draft is not None and named != draft.resource_class:
        raise _mixed(device, "resource class", named, draft.resource_class, "PlacementPciMixedResourceClassException")
    reported = _traits_of(tags, version, is_device=False)
    if draft is not None and reported != draft.traits:
        here, there = ",".join(sorted(reported)), ",".join(sorted(draft.traits))
        raise _mixed(device, "traits", here, there, "PlacementPciMixedTraitsException")
    if "one_time_use" in tags and "one_time_use" in version.device_spec_tags:
        problem = "is a virtual function with one_time_use, which only whole devices may have"
        raise NovaRefusal(str(device.address), problem, "Remove one_time_use", "PlacementPciException")
    functions = () if draft is None else draft.functions
    return _Draft(named, reported, functions=(*functions, device.address))


def _class_of(device: PciDevice, tags: dict[str, Any]) -> str:
    requested = tags.get("resource_class")
    if requested and not isinstance(requested, str):
        raise _no_text("resource_class", requested)
    return resource_class(requested, str(device.vendor_id), str(device.product_id))


def _traits_of(tags: dict[str, Any], version: NovaVersion, is_device: bool) -> frozenset[str]:
    named = tags.get("traits")
    if named and not isinstance(named, str):
        raise _no_text("traits", named)
    found = {*traits(named), MANAGED}
    if version.major >= 34:
        found.add(OWNER)
        if truth(tags.get("live_migratable")):
            found.add(LIVE_MIGRATABLE)
    if is_device and "one_time_use" in version.device_spec_tags and truth(tags.get("one_time_use")):
        found.add(ONE_TIME_USE)
    return frozenset(found)


def _trait(name: str) -> str:
    if name in STANDARD_TRAITS:
        return name
    raised = name.upper()
    return raised if raised.startswith(CUSTOM) else _normalised(raised)


def _normalised(name: str) -> str:
    """os_traits.normalize_name, os_resource_classes.normalize_name."""
    return CUSTOM + _OTHER_CHARACTERS.sub("_", name).upper()


def _dependent(address: PciAddress, draft: _Draft) -> NovaRefusal:
    others = ", ".join(str(other) for other in draft.functions or (draft.parent,))
    problem = f"is matched together with {others}: of a PF and its VFs, placement takes either"
    fix = "Match the PF or its VFs, not both"
    return NovaRefusal(str(address), problem, fix, "PlacementPciDependentDeviceException")


def _mixed(device: PciDevice, what: str, here: str, there: str, exception: str) -> NovaRefusal:
    problem = f"has the {what} {here}, and other virtual functions of {device.physical_function} have {there}"
    return NovaRefusal(str(device.address), problem, f"Give all functions of a PF the same {what}", exception)


def _no_text(tag: str, value: object) -> NovaRefusal:
    fix = 'Write one text, with commas where it is several: "HW_A,CUSTOM_B"'
    return NovaRefusal(value, f"is {tag}, which is no text; Nova stops at it", fix, "AttributeError")
