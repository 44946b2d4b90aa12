# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is known of one machine: frozen records that answer questions about themselves and never read anything.

None always means "the machine has no such thing"; what could not be read stands by name in `unreadable`.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from .address import PciAddress

TYPE_PCI = "type-PCI"
TYPE_PF = "type-PF"
TYPE_VF = "type-VF"
DEVICE_TYPES = (TYPE_PCI, TYPE_PF, TYPE_VF)


def _pairs(unreadable: tuple[tuple[str, str], ...]) -> list[dict[str, object]]:
    return [{"what": what, "why": why} for what, why in unreadable]


@dataclass(frozen=True)
class NetworkInterface:
    name: str
    mac: str | None

    def to_dict(self) -> dict[str, object]:
        return {"name": self.name, "mac": self.mac}


@dataclass(frozen=True)
class Use:
    """One reason for which the host needs a device.

    Shape: *kind* is a short stable word (mount, swap, volume, route, address, member, connection, console, bmc, input,
    guest, process, tool, bridge), *detail* says which one in the user's words ("/ is mounted from vda1"). *vital*: without
    the device the host does not start, or nobody gets to it any more. *passed_up*: it is one of its virtual functions that
    is used. Both follow from the first two.
    """

    kind: str
    detail: str
    vital: bool = field(default=False, compare=False)
    passed_up: bool = field(default=False, compare=False)

    def to_dict(self) -> dict[str, object]:
        return {"kind": self.kind, "detail": self.detail}


@dataclass(frozen=True)
class PciDevice:
    """One PCI function, as sysfs shows it (Documentation/ABI/testing/sysfs-bus-pci)."""

    address: PciAddress
    vendor_id: str | None = None  # four lower-case hex digits, no 0x; so are the next three
    product_id: str | None = None
    subsystem_vendor_id: str | None = None
    subsystem_product_id: str | None = None
    class_code: str | None = None  # six lower-case hex digits: class, subclass, programming interface
    revision: str | None = None  # two lower-case hex digits
    vendor_name: str | None = None  # the names come from the host's pci.ids, when it has one
    product_name: str | None = None
    subsystem_name: str | None = None
    class_name: str | None = None
    driver: str | None = None
    driver_override: str | None = None
    modalias: str | None = None
    modules: tuple[str, ...] = ()  # what modules.alias and modules.builtin.modinfo offer for the modalias
    numa_node: int | None = None  # None also for the kernel's -1
    iommu_group: int | None = None
    group_members: tuple[PciAddress, ...] = ()  # the other devices of its IOMMU group
    sriov_totalvfs: int | None = None
    sriov_numvfs: int | None = None
    sriov_vf_product_id: str | None = None  # what the VFs of this PF call themselves
    virtual_functions: tuple[PciAddress, ...] = ()
    physical_function: PciAddress | None = None
    network_interfaces: tuple[NetworkInterface, ...] = ()
    block_devices: tuple[str, ...] = ()
    boot_vga: bool | None = None
    reset_methods: tuple[str, ...] = ()
    d3cold_allowed: bool | None = None  # whether it may be switched off while nobody uses it
    acs: bool | None = None  # of a PCI Express bridge: whether it keeps what is below it apart
    serial: str | None = None  # stable identity: VPD "SN", else the device serial number capability
    serial_source: str | None = None  # "vpd" or "dsn"
    physical_slot: str | None = None  # the label of /sys/bus/pci/slots
    parent: PciAddress | None = None  # the bridge above it
    express: bool | None = None  # False: conventional PCI; None where that is not known (bridges, VFs)
    uses: tuple[Use, ...] = ()
    unreadable: tuple[tuple[str, str], ...] = ()  # (attribute, the system's word for why)

    @property
    def device_type(self) -> str:
        """As Nova names it: nova/virt/libvirt/host.py _get_device_type; a PF needs no VF enabled to be one."""
        if self.physical_function is not None:
            return TYPE_VF
        if self.sriov_totalvfs:
            return TYPE_PF
        return TYPE_PCI

    @property
    def is_bridge(self) -> bool:
        return self.class_code is not None and self.class_code.startswith("06")

    @property
    def is_display(self) -> bool:
        return self.class_code is not None and self.class_code.startswith("03")

    @property
    def label(self) -> str:
        """How messages name a device: "0000:3b:00.0 (8086:154d ixgbe)"."""
        driver = f" {self.driver}" if self.driver else ""
        return f"{self.address} ({self.vendor_id or '????'}:{self.product_id or '????'}{driver})"

    def to_dict(self) -> dict[str, object]:
        """The device as plain data; docs of the module pci_devices_info say what each key holds."""
        return {
            "address": str(self.address),
            "in_nova_reach": self.address.in_nova_reach,
            "device_type": self.device_type,
            "vendor_id": self.vendor_id,
            "product_id": self.product_id,
            "subsystem_vendor_id": self.subsystem_vendor_id,
            "subsystem_product_id": self.subsystem_product_id,
            "class_code": self.class_code,
            "revision": self.revision,
            "vendor_name": self.vendor_name,
            "product_name": self.product_name,
            "subsystem_name": self.subsystem_name,
            "class_name": self.class_name,
            "driver": self.driver,
            "driver_override": self.driver_override,
            "modalias": self.modalias,
            "modules": list(self.modules),
            "numa_node": self.numa_node,
            "iommu_group": self.iommu_group,
            "group_members": [str(member) for member in self.group_members],
            "sriov_totalvfs": self.sriov_totalvfs,
            "sriov_numvfs": self.sriov_numvfs,
            "sriov_vf_product_id": self.sriov_vf_product_id,
            "virtual_functions": [str(function) for function in self.virtual_functions],
            "physical_function": None if self.physical_function is None else str(self.physical_function),
            "network_interfaces": [interface.to_dict() for interface in self.network_interfaces],
            "block_devices": list(self.block_devices),
            "boot_vga": self.boot_vga,
            "reset_methods": list(self.reset_methods),
            "d3cold_allowed": self.d3cold_allowed,
            "acs": self.acs,
            "serial": self.serial,
            "serial_source": self.serial_source,
            "physical_slot": self.physical_slot,
            "parent": None if self.parent is None else str(self.parent),
            "express": self.express,
            "uses": [use.to_dict() for use in self.uses],
            "unreadable": _pairs(self.unreadable),
        }


@dataclass(frozen=True)
class IommuState:
    """The IOMMU as it runs now, and what the next boot would bring."""

    enabled: bool  # groups exist AND are populated; an empty /sys/kernel/iommu_groups is "off"
    kind: str | None  # intel, amd, smmu, smmuv3, virtio; None when unknown
    firmware_table: str | None  # DMAR, IVRS, IORT or VIOT, whichever the firmware hands over
    units: tuple[str, ...] = ()  # names under /sys/class/iommu
    groups: int = 0
    default_domain: str | None = None  # identity, DMA, DMA-FQ, or "mixed"
    interrupt_remapping: bool | None = None
    arguments_running: tuple[str, ...] = ()  # the IOMMU's tokens of /proc/cmdline
    arguments_configured: tuple[str, ...] | None = None  # those of the next boot; None when that is not known
    reason: str | None = None  # when off: why, in words, and what to do
    unreadable: tuple[tuple[str, str], ...] = ()

    def to_dict(self) -> dict[str, object]:
        """The state as plain data; docs of the module iommu_info say what each key holds."""
        configured = self.arguments_configured
        return {
            "enabled": self.enabled,
            "kind": self.kind,
            "firmware_table": self.firmware_table,
            "units": list(self.units),
            "groups": self.groups,
            "default_domain": self.default_domain,
            "interrupt_remapping": self.interrupt_remapping,
            "arguments_running": list(self.arguments_running),
            "arguments_configured": None if configured is None else list(configured),
            "reason": self.reason,
            "unreadable": _pairs(self.unreadable),
        }


@dataclass(frozen=True)
class HostInventory:
    """Everything the decisions need of one host."""

    devices: tuple[PciDevice, ...]  # sorted by address
    iommu: IommuState
    architecture: str  # uname -m
    cpu_vendor: str | None  # GenuineIntel, AuthenticAMD, HygonGenuine...; None on ARM
    kernel_release: str
    boot_id: str
    running_command_line: str  # /proc/cmdline without its newline
    vfio_pci: str  # "module", "builtin" or "missing" in the running kernel; so the next
    vfio_virqfd: str = "missing"
    lockdown: str | None = None  # none, integrity, confidentiality (kernel_lockdown(7)); None: the kernel has none
    unreadable: tuple[tuple[str, str], ...] = ()  # (path, why): what of the machine itself could not be read

    def device(self, address: PciAddress) -> PciDevice | None:
        return next((device for device in self.devices if device.address == address), None)

    def group(self, number: int) -> tuple[PciDevice, ...]:
        return tuple(device for device in self.devices if device.iommu_group == number)
