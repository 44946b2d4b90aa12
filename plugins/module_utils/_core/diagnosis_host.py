# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one host says of its part in a request for devices: its Nova services as they read their configuration, its devices.

Plain data, so that every host's answer can be judged in one place (diagnosis.py); none of it is a secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .device_spec import DeviceSpec
from .errors import NovaRefusal
from .guest_devices import GuestDevices
from .lint_finding import place_of
from .model import HostInventory, PciDevice
from .nova_options import options_of
from .nova_release import NovaVersion
from .nova_service import COMPUTE, SCHEDULER, NovaNode, NovaService
from .pci_pools import Pool, pool_by_device
from .service_start import stops
from .service_view import ServiceView

SCHEMA = 1
_INVALID_ALIAS = "PciInvalidAlias"
_FOR_GUESTS = ("vfio", "pci-stub")  # and their variants: drivers/vfio/vfio_main.c vfio_dev_driver_allowed
_GUEST = "guest"


@dataclass(frozen=True)
class HostSight:
    """Everything that was read of one host.

    Shape: *guests* all of libvirt's, *listening* whether libvirt takes connections (None: not known), *kvm* whether the
    kernel offers it, *numa_nodes* how many there are, *name* the host's own, *drivers* what devices.conf plans by address.
    """

    node: NovaNode
    inventory: HostInventory
    guests: GuestDevices
    listening: bool | None = None
    kvm: bool = True
    numa_nodes: int = 1
    name: str = ""
    drivers: Mapping[str, str] = field(default_factory=dict)


def host_facts(sight: HostSight) -> dict[str, Any]:
    """Return the host as plain data; docs of the module diagnose_host_info say what each key holds."""
    node = sight.node
    version = node.version
    compute = node.service(COMPUTE)
    facts: dict[str, Any] = {
        "schema": SCHEMA,
        "names": _names(sight),
        "version": None if version is None else str(version),
        "services": [] if version is None else [_service(sight, service, version) for service in node.services],
        "compute": None,
        "unreadable": [{"what": what, "why": why} for what, why in node.unreadable],
    }
    if compute is not None and version is not None:
        facts["compute"] = _compute(sight, ServiceView(COMPUTE, compute.config, version, sight.inventory.devices))
    return facts


def _names(sight: HostSight) -> list[str]:
    """By which nova-compute may call itself: [DEFAULT]host, else what the system is called."""
    compute = sight.node.service(COMPUTE)
    own = () if compute is None else compute.config.last("DEFAULT", "host").values
    return [name for name in (*own, sight.name) if name]


def _service(sight: HostSight, service: NovaService, version: NovaVersion) -> dict[str, Any]:
    view = ServiceView(service.name, service.config, version, sight.inventory.devices)
    refusals = stops(
        service.name, service.config, version, view.devices or (), sight.node.libvirt_version, sight.node.qemu_version
    )
    trouble = service.config.trouble is not None
    return {
        "name": service.name,
        "unit": service.unit,
        "active": service.active,
        "changed": _changed(sight.node, service, version),
        "refusals": [_refusal(one) for one in refusals if one.exception != _INVALID_ALIAS],
        "aliases": [] if trouble else list(view.alias_setting.values),
        "alias_places": [] if trouble else [place_of(origin) for origin in view.alias_setting.origins],
        "filters": list(view.filters) if service.name == SCHEDULER and not trouble else None,
        "pci_in_placement": not trouble and view.pci_in_placement,
        "report_in_placement": not trouble and view.report_in_placement,
    }


def _refusal(refusal: NovaRefusal) -> dict[str, str]:
    return {"text": f"{refusal.value} {refusal.problem}", "fix": refusal.fix, "exception": refusal.exception}


def _changed(node: NovaNode, service: NovaService, version: NovaVersion) -> list[str]:
    """The files with PCI settings that are newer than the process, which therefore may not have them."""
    if service.started is None:
        return []
    settings = [option.read(service.config) for option in options_of(service.name, version)]
    paths = {origin.path for setting in settings for origin in setting.origins}
    return sorted(path for path in paths if node.modified.get(path, 0) > service.started)


def _compute(sight: HostSight, view: ServiceView) -> dict[str, Any]:
    inventory = sight.inventory
    try:
        pools = pool_by_device(inventory.devices, view.specs, view.version)
    except NovaRefusal:
        pools = {}  # among the refusals of the service
    there = {device.address for device in inventory.devices}
    named = [(spec, None if spec.address is None else spec.address.exact) for spec in view.specs]
    return {
        "specs": [{"value": line.value, "place": place_of(line.origin)} for line in view.spec_lines],
        "missing": sorted({str(exact) for _spec, exact in named if exact is not None and exact not in there}),
        "iommu": {"enabled": inventory.iommu.enabled, "reason": inventory.iommu.reason},
        "vfio_pci": inventory.vfio_pci,
        "kernel_release": inventory.kernel_release,
        "libvirt": sight.listening,
        "virt_type": _last(view, "libvirt", "virt_type", "kvm"),
        "kvm": sight.kvm,
        "numa_nodes": sight.numa_nodes,
        "devices": [
            _device(sight, device, pools.get(device.address), _holders(sight.guests), _managed(view.specs, device))
            for device in inventory.devices
            if not device.is_bridge
        ],
    }


def _last(view: ServiceView, group: str, name: str, default: str) -> str:
    values = view.config.last(group, name).values
    return values[-1] if values else default


def _managed(specs: tuple[DeviceSpec, ...], device: PciDevice) -> bool:
    """Whether libvirt changes the driver by itself, which it does unless the device's tag says no (31 and later)."""
    first = next((spec for spec in specs if spec.matches(device)), None)
    return first is None or dict(first.tags).get("managed") != "false"


def _holders(guests: GuestDevices) -> dict[str, str]:
    """Who has each device in its definition, by address: Nova counts it as taken while the server is shut off as well."""
    return {str(address): guest.uuid for guest in guests.everybody for address in guest.devices}


def _device(
    sight: HostSight, device: PciDevice, pool: Pool | None, holders: Mapping[str, str], managed: bool
) -> dict[str, Any]:
    address = str(device.address)
    relatives = [address, *map(str, device.virtual_functions)]
    relatives += [] if device.physical_function is None else [str(device.physical_function)]
    return {
        "address": address,
        "vendor_id": device.vendor_id,
        "product_id": device.product_id,
        "device_type": device.device_type,
        "numa_node": device.numa_node,
        "driver": device.driver,
        "planned_driver": sight.drivers.get(address),
        "managed": managed,
        "iommu_group": device.iommu_group,
        "keys": None if pool is None else dict(pool.keys),
        "held_by": next((holders[one] for one in relatives if one in holders), None),
        "uses": [use.detail for use in device.uses if use.kind != _GUEST],
        "group_blockers": _blockers(sight.inventory, device, holders),
    }


def _blockers(inventory: HostInventory, device: PciDevice, holders: Mapping[str, str]) -> list[dict[str, str]]:
    """Those of its IOMMU group with which VFIO does not give it out, each with the reason."""
    found = []
    for member in map(inventory.device, device.group_members):
        if member is None or member.is_bridge:
            continue
        address = str(member.address)
        if address in holders and holders[address] != holders.get(str(device.address)):
            found.append({"address": address, "why": f"is held by the server {holders[address]}"})
        elif member.driver is not None and not any(word in member.driver for word in _FOR_GUESTS):
            found.append({"address": address, "why": f"is bound to {member.driver}"})
    return found
