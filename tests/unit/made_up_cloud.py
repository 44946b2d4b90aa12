# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A made-up cloud in which a request for PCI devices finds its host, to be broken in one place or several."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.diagnosis import Diagnosis, diagnose
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.diagnosis_host import HostSight, host_facts
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.guest_devices import GuestDevices
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.guest_domain import GuestDomain
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import HostInventory, PciDevice
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_service import (
    API,
    COMPUTE,
    CONDUCTOR,
    SCHEDULER,
)
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import NIC, NIC_2, device, host
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_nova import MAIN, node

ALIAS = '{"name": "nic", "vendor_id": "8086", "product_id": "10d3", "device_type": "type-PCI"}'
SPECS = ('{"address": "0000:02:00.0"}', '{"address": "0000:03:00.0"}')
FILTERS = "ComputeFilter,PciPassthroughFilter,NUMATopologyFilter"
SERVER = "5f2f7a30-7c53-4a7e-9d0a-6a3d6f3b1c55"
OTHER_SERVER = "0c4d1f0a-41d5-4d5c-8d38-0f0f0f0f0f0f"


def on_vfio(one: PciDevice) -> PciDevice:
    return replace(one, driver="vfio-pci")


@dataclass
class Host:
    """One compute before anything is broken; *changed* files are newer than the processes."""

    name: str = "cmp1"
    alias: tuple[str, ...] = (ALIAS,)
    specs: tuple[str, ...] = SPECS
    more: str = ""  # further lines of [pci]
    virt_type: str = "qemu"
    inventory: HostInventory = field(default_factory=lambda: host(on_vfio(NIC), on_vfio(NIC_2)))
    guests: tuple[GuestDomain, ...] = ()
    listening: bool | None = True
    kvm: bool = True
    numa_nodes: int = 2
    active: bool = True
    changed: bool = False
    drivers: dict[str, str] = field(default_factory=lambda: {"0000:02:00.0": "vfio-pci", "0000:03:00.0": "vfio-pci"})
    silent: bool = False

    def facts(self, version: str) -> dict[str, Any]:
        if self.silent:
            return {}
        lines = [*(f"alias = {text}" for text in self.alias), *(f"device_spec = {text}" for text in self.specs)]
        text = "\n".join(["[pci]", *lines, self.more, "[libvirt]", f"virt_type = {self.virt_type}", ""])
        made = node({MAIN: text}, (COMPUTE,), version=version, modified={MAIN: 200.0 if self.changed else 50.0})
        made = replace(made, services=tuple(replace(one, active=self.active) for one in made.services))
        guests = GuestDevices(self.guests, self.guests, (), self.inventory, ())
        sight = HostSight(
            made, self.inventory, guests, self.listening, self.kvm, self.numa_nodes, self.name, self.drivers
        )
        return host_facts(sight)


@dataclass
class World:
    """Everything that a diagnosis sees; a test breaks it in place."""

    version: str = "26.2.2"
    extra_specs: dict[str, str] = field(default_factory=lambda: {"pci_passthrough:alias": "nic:1"})
    flavor: bool = True
    alias: tuple[str, ...] = (ALIAS,)
    filters: str = FILTERS
    more: str = ""  # further lines of [filter_scheduler]
    inactive: tuple[str, ...] = ()
    changed: bool = False
    controller_silent: bool = False
    hosts: list[Host] = field(default_factory=lambda: [Host()])
    down: tuple[str, ...] = ()
    disabled: dict[str, str] = field(default_factory=dict)
    unlisted: tuple[str, ...] = ()
    no_room: tuple[str, ...] = ()
    controllers: list[dict[str, Any]] = field(default_factory=list)
    providers: list[dict[str, Any]] | None = field(default_factory=list)
    server: dict[str, Any] | None = None
    unreachable: bool = False  # for those who ask nova-api

    @property
    def host(self) -> Host:
        return self.hosts[0]

    def controller(self) -> dict[str, Any]:
        if self.controller_silent:
            return {}
        lines = [*(f"alias = {text}" for text in self.alias)]
        text = "\n".join(["[pci]", *lines, "[filter_scheduler]", f"enabled_filters = {self.filters}", self.more, ""])
        made = node(
            {MAIN: text},
            (API, CONDUCTOR, SCHEDULER),
            version=self.version,
            modified={MAIN: 200.0 if self.changed else 50.0},
        )
        services = tuple(replace(one, started=100.0, active=one.name not in self.inactive) for one in made.services)
        empty = host()
        return host_facts(
            HostSight(replace(made, services=services), empty, GuestDevices((), (), (), empty, ()), name="ctl")
        )

    def cloud(self) -> dict[str, Any]:
        if self.unreachable or "nova-api" in self.inactive:
            return {"asked": "pci.nic", "unanswered": {"seen": "the service cannot be reached", "fix": "Start it"}}
        names = [one.name for one in self.hosts]
        flavor = {"name": "pci.nic", "vcpus": 1, "ram": 192, "disk": 1, "extra_specs": self.extra_specs}
        return {
            "asked": "pci.nic",
            "flavor": flavor if self.flavor else None,
            "flavor_names": [] if self.flavor else ["pci.nik"],
            "server": self.server,
            "computes": [
                {
                    "binary": "nova-compute",
                    "host": name,
                    "state": "down" if name in self.down else "up",
                    "status": "disabled" if name in self.disabled else "enabled",
                    "reason": self.disabled.get(name),
                }
                for name in names
                if name not in self.unlisted
            ],
            "controllers": self.controllers,
            "room": [name for name in names if name not in self.no_room],
            "providers": self.providers,
        }

    def diagnose(self) -> Diagnosis:
        hosts = {one.name: one.facts(self.version) for one in self.hosts}
        return diagnose(self.cloud(), {**hosts, "ctl": self.controller()})


def by_placement(world: World) -> None:
    """Nova of a release that schedules PCI devices by Placement, and does so."""
    world.version = "31.0.0"
    world.more = "pci_in_placement = true"
    world.host.more = "report_in_placement = true"
    world.providers = [provider("0000:02:00.0"), provider("0000:03:00.0")]


def provider(address: str, used: int = 0, reserved: int = 0, kind: str = "CUSTOM_PCI_8086_10D3") -> dict[str, Any]:
    inventory = {"total": 1, "reserved": reserved, "used": used}
    return {"name": f"cmp1_{address}", "traits": ["COMPUTE_MANAGED_PCI_DEVICE"], "inventories": {kind: inventory}}


def guest(*addresses: str, uuid: str = OTHER_SERVER, running: bool = True) -> GuestDomain:
    return GuestDomain(uuid, "instance-1", running, tuple(device(address).address for address in addresses))
