# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read of one machine: plain strings as the kernel prints them (without the last newline), nothing decided.

_host/machine.py fills these records, inventory.py and iommu_state.py read them. They stand in this room, so that
neither has to know the other.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from .reading import ABSENT, Reading


class DeviceSnapshot(NamedTuple):
    """One PCI function: `attributes` and `links` hold what is there or unreadable; what is absent has no key.

    Shape: *path* is the target of the entry in /sys/bus/pci/devices ("../../../devices/pci0000:00/0000:00:03.0");
    *links* maps driver, iommu_group and physfn to the last part of the link's target.
    *vpd* is the read-only part of the vital product data and *serial_capability* the eight bytes of the device serial
    number, both in hexadecimal; so is *acs*, the control register of a bridge's access control services, "0000" without.
    """

    name: str
    path: str | None
    attributes: dict[str, Reading]
    links: dict[str, Reading]
    vpd: Reading = ABSENT
    serial_capability: Reading = ABSENT
    acs: Reading = ABSENT


@dataclass(frozen=True)
class BlockSnapshot:
    """One entry of /sys/class/block; *path* is its link's target, which names the hardware above it."""

    name: str
    path: str
    number: str | None  # major:minor
    slaves: tuple[str, ...] = ()
    mapper_name: str | None = None  # dm/name
    mapper_uuid: str | None = None  # dm/uuid: "LVM-...", "CRYPT-...", "mpath-..."


@dataclass(frozen=True)
class InterfaceSnapshot:
    """One entry of /sys/class/net; *uppers* are the interfaces built on it (master and upper_*)."""

    name: str
    path: str
    mac: Reading = ABSENT
    permanent_mac: Reading = ABSENT  # a bond gives its members one common address; this is the card's own
    uppers: tuple[str, ...] = ()


@dataclass(frozen=True)
class Holder:
    """A process that has a VFIO device open: *node* is what follows /dev/vfio/, as in "14" or "devices/vfio0"."""

    node: str
    process: int
    command: str


class UsbInterface(NamedTuple):
    """One interface of a USB device: its link's target, bInterfaceClass and bInterfaceProtocol."""

    path: str
    class_code: str | None
    protocol: str | None


class TableRoute(NamedTuple):
    """One IPv4 route of a table that procfs does not show, as the kernel told it."""

    table: int
    network: str  # "0.0.0.0/0"
    interface: str


class GroupSnapshot(NamedTuple):
    """One IOMMU group: *type* and *name* as in /sys/kernel/iommu_groups/N/."""

    number: str
    type: Reading = ABSENT
    name: Reading = ABSENT


@dataclass(frozen=True)
class MachineSnapshot:
    """Everything that detection reads, once, at the top."""

    devices: tuple[DeviceSnapshot, ...] = ()
    slots: tuple[tuple[str, Reading], ...] = ()  # (label, address) of /sys/bus/pci/slots
    drivers: tuple[str, ...] = ()  # names under /sys/bus/pci/drivers
    # block devices and what uses them
    blocks: tuple[BlockSnapshot, ...] = ()
    nvme_subsystems: tuple[tuple[str, tuple[str, ...]], ...] = ()  # (subsystem, paths of its controllers)
    btrfs: tuple[tuple[str, ...], ...] = ()  # the block devices of each mounted btrfs
    zfs_pools: tuple[str, ...] = ()
    udev_blocks: tuple[tuple[str, Reading], ...] = ()  # (block device, udev's record of it)
    bcache_members: tuple[str, ...] = ()  # block devices that bcache holds, a running cache above or not
    mounts: Reading = ABSENT  # /proc/self/mountinfo
    other_mounts: tuple[tuple[int, Reading], ...] = ()  # (process, its mountinfo), one of each other mount namespace
    swaps: Reading = ABSENT
    # the network
    interfaces: tuple[InterfaceSnapshot, ...] = ()
    ipv4_routes: Reading = ABSENT  # /proc/net/route
    ipv6_routes: Reading = ABSENT  # /proc/net/ipv6_route
    ipv4_trie: Reading = ABSENT  # /proc/net/fib_trie: addresses, but not whose
    ipv4_addresses: tuple[tuple[str, str], ...] = ()  # (interface, address) where the kernel could be asked
    ipv6_addresses: Reading = ABSENT  # /proc/net/if_inet6
    table_routes: tuple[TableRoute, ...] = ()  # of the tables beside main and local, where the kernel could be asked
    connection: Reading = ABSENT  # SSH_CONNECTION of this process or of the nearest ancestor that has it
    # the console and its keyboard
    framebuffers: tuple[tuple[str, str], ...] = ()  # (name, target) of /sys/class/graphics
    console_drivers: tuple[tuple[str, str], ...] = ()  # (name, bind) of /sys/class/vtconsole
    memory_map: Reading = ABSENT  # /proc/iomem: its nesting alone, the numbers are for root
    usb_interfaces: tuple[UsbInterface, ...] = ()
    # VFIO and other ways to a device past its driver
    holders: tuple[Holder, ...] = ()
    vfio_nodes: tuple[tuple[str, str], ...] = ()  # ("vfio0", address) of /sys/class/vfio-dev
    openers: tuple[Holder, ...] = ()  # of the next: *node* is what follows /dev/
    bypass_nodes: tuple[tuple[str, str], ...] = ()  # ("uio0" or "infiniband/uverbs0", address)
    guests: tuple[tuple[str, Reading], ...] = ()  # (path, text) of libvirt's running guests
    # other tools that have a say over drivers and virtual functions: (path, text)
    driverctl: tuple[tuple[str, Reading], ...] = ()
    os_net_config: tuple[tuple[str, Reading], ...] = ()
    modprobe: tuple[tuple[str, Reading], ...] = ()
    # the IOMMU
    iommu_units: tuple[str, ...] = ()  # names under /sys/class/iommu
    iommu_groups: tuple[GroupSnapshot, ...] = ()
    firmware_tables: tuple[str, ...] = ()
    interrupts: Reading = ABSENT  # the beginning of /proc/interrupts
    # the kernel
    architecture: str = ""
    kernel_release: Reading = ABSENT
    boot_id: Reading = ABSENT
    command_line: Reading = ABSENT
    cpuinfo: Reading = ABSENT  # the beginning of /proc/cpuinfo
    kernel_config: Reading = ABSENT
    lockdown: Reading = ABSENT  # "none [integrity] confidentiality"
    loaded_modules: tuple[str, ...] = ()  # those of vfio_pci and vfio_virqfd that stand under /sys/module
    modules_alias: Reading = ABSENT
    modules_dep: Reading = ABSENT
    modules_builtin: Reading = ABSENT
    modules_builtin_modinfo: Reading = ABSENT
    pci_ids: Reading = ABSENT
    problems: tuple[tuple[str, str], ...] = ()  # (path, why) of what has no Reading of its own
