# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One layer between a request for devices and the device: what it is called, how it stands, what mends it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass

OK = "ok"
FAILED = "failed"
DOUBT = "doubt"  # it does not stop this request for sure, and should be mended all the same
UNKNOWN = "not known"
STATES = (OK, FAILED, DOUBT, UNKNOWN)

# In the order in which a request comes to them; first those of the cloud, then those of each compute.
FLAVOR = "flavor"
CONTROLLER_CONFIG = "controller_config"
CONTROLLER_SERVICE = "controller_service"
API_ALIAS = "api_alias"
SCHEDULER_FILTER = "scheduler_filter"
PLACEMENT_SWITCH = "placement_switch"
CONTROLLER_RESTART = "controller_restart"
COMPUTE_CONFIG = "compute_config"
LIBVIRT = "libvirt"
COMPUTE_SERVICE = "compute_service"
COMPUTE_RESTART = "compute_restart"
COMPUTE_ALIAS = "compute_alias"
ROOM = "room"
DEVICE = "device"
DEVICE_SPEC = "device_spec"
DEVICE_TYPE = "device_type"
DEVICE_TAGS = "device_tags"
FREE = "free"
NUMA = "numa"
PLACEMENT_INVENTORY = "placement_inventory"
PLACEMENT_TRAITS = "placement_traits"
HYPERVISOR = "hypervisor"
IOMMU = "iommu"
IOMMU_GROUP = "iommu_group"
DRIVER = "driver"
SERVER = "server"

TITLES = {
    FLAVOR: "flavor asks for devices",
    CONTROLLER_CONFIG: "controllers' settings",
    CONTROLLER_SERVICE: "controllers' services",
    API_ALIAS: "alias on nova-api",
    SCHEDULER_FILTER: "scheduler's filters",
    PLACEMENT_SWITCH: "pci_in_placement",
    CONTROLLER_RESTART: "controllers restarted",
    COMPUTE_CONFIG: "nova-compute's settings",
    LIBVIRT: "libvirt listens",
    COMPUTE_SERVICE: "nova-compute up, enabled",
    COMPUTE_RESTART: "nova-compute restarted",
    COMPUTE_ALIAS: "alias on the compute",
    ROOM: "processors, memory, disk",
    DEVICE: "device is there",
    DEVICE_SPEC: "device_spec matches",
    DEVICE_TYPE: "device_type",
    DEVICE_TAGS: "tags",
    FREE: "enough are free",
    NUMA: "NUMA policy",
    PLACEMENT_INVENTORY: "inventory in Placement",
    PLACEMENT_TRAITS: "traits in Placement",
    HYPERVISOR: "hypervisor",
    IOMMU: "IOMMU is on",
    IOMMU_GROUP: "IOMMU group is whole",
    DRIVER: "driver",
    SERVER: "what the server said",
}


@dataclass(frozen=True)
class Layer:
    """Shape: *name* is one of TITLES, *where* a host ("" for the cloud), *seen* the evidence, *fix* what mends it."""

    name: str
    where: str
    state: str
    seen: str
    fix: str | None = None

    def to_dict(self) -> dict[str, str | None]:
        return {**asdict(self), "title": TITLES[self.name]}


def ok(name: str, where: str, seen: str) -> Layer:
    return Layer(name, where, OK, seen)


def failed(name: str, where: str, seen: str, fix: str) -> Layer:
    return Layer(name, where, FAILED, seen, fix)


def doubt(name: str, where: str, seen: str, fix: str) -> Layer:
    return Layer(name, where, DOUBT, seen, fix)


def unknown(name: str, where: str, seen: str, fix: str | None = None) -> Layer:
    return Layer(name, where, UNKNOWN, seen, fix)


def first_of(layers: Iterable[Layer], state: str) -> Layer | None:
    return next((layer for layer in layers if layer.state == state), None)


def order(layer: Layer) -> int:
    """How far a request has come when it gets to this layer."""
    return list(TITLES).index(layer.name)
