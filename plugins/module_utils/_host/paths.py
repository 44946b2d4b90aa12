# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every path that detection reads, in one record under an injected root."""

from __future__ import annotations

from dataclasses import dataclass

PCI_IDS = (
    "usr/share/misc/pci.ids",
    "usr/share/hwdata/pci.ids",
    "usr/share/misc/pci.ids.gz",
    "usr/share/hwdata/pci.ids.gz",
)

MODPROBE = ("etc/modprobe.d", "run/modprobe.d", "usr/local/lib/modprobe.d")  # the distribution's own files left out


@dataclass(frozen=True)
class Paths:
    """*root* ends in a slash: "/" for the machine itself, another directory for a simulated one."""

    root: str

    @classmethod
    def under(cls, root: str) -> Paths:
        return cls(root.rstrip("/") + "/")

    def _path(self, below: str) -> str:
        return self.root + below

    @property
    def pci_devices(self) -> str:
        return self._path("sys/bus/pci/devices")

    @property
    def pci_drivers(self) -> str:
        return self._path("sys/bus/pci/drivers")

    @property
    def pci_slots(self) -> str:
        return self._path("sys/bus/pci/slots")

    @property
    def blocks(self) -> str:
        return self._path("sys/class/block")

    @property
    def nvme_subsystems(self) -> str:
        return self._path("sys/class/nvme-subsystem")

    @property
    def btrfs(self) -> str:
        return self._path("sys/fs/btrfs")

    @property
    def zfs_pools(self) -> str:
        return self._path("proc/spl/kstat/zfs")

    def udev_block(self, number: str) -> str:
        return self._path(f"run/udev/data/b{number}")

    @property
    def interfaces(self) -> str:
        return self._path("sys/class/net")

    @property
    def vfio_nodes(self) -> str:
        return self._path("sys/class/vfio-dev")

    @property
    def uio_nodes(self) -> str:
        return self._path("sys/class/uio")

    @property
    def verbs_nodes(self) -> str:
        return self._path("sys/class/infiniband_verbs")

    @property
    def framebuffers(self) -> str:
        return self._path("sys/class/graphics")

    @property
    def console_drivers(self) -> str:
        return self._path("sys/class/vtconsole")

    @property
    def memory_map(self) -> str:
        return self._path("proc/iomem")

    @property
    def usb_devices(self) -> str:
        return self._path("sys/bus/usb/devices")

    @property
    def lockdown(self) -> str:
        return self._path("sys/kernel/security/lockdown")

    @property
    def driverctl(self) -> str:
        return self._path("etc/driverctl.d")

    @property
    def os_net_config(self) -> str:
        return self._path("var/lib/os-net-config")

    @property
    def modprobe(self) -> tuple[str, ...]:
        return tuple(self._path(below) for below in MODPROBE)

    @property
    def iommu_units(self) -> str:
        return self._path("sys/class/iommu")

    @property
    def iommu_groups(self) -> str:
        return self._path("sys/kernel/iommu_groups")

    @property
    def firmware_tables(self) -> str:
        return self._path("sys/firmware/acpi/tables")

    @property
    def loaded_modules(self) -> str:
        return self._path("sys/module")

    @property
    def processes(self) -> str:
        return self._path("proc")

    @property
    def mounts(self) -> str:
        return self._path("proc/self/mountinfo")

    @property
    def swaps(self) -> str:
        return self._path("proc/swaps")

    @property
    def ipv4_routes(self) -> str:
        return self._path("proc/net/route")

    @property
    def ipv6_routes(self) -> str:
        return self._path("proc/net/ipv6_route")

    @property
    def ipv4_trie(self) -> str:
        return self._path("proc/net/fib_trie")

    @property
    def ipv6_addresses(self) -> str:
        return self._path("proc/net/if_inet6")

    @property
    def interrupts(self) -> str:
        return self._path("proc/interrupts")

    @property
    def cpuinfo(self) -> str:
        return self._path("proc/cpuinfo")

    @property
    def command_line(self) -> str:
        return self._path("proc/cmdline")

    @property
    def architecture(self) -> str:
        return self._path("proc/sys/kernel/arch")  # since Linux 6.1

    @property
    def kernel_release(self) -> str:
        return self._path("proc/sys/kernel/osrelease")

    @property
    def boot_id(self) -> str:
        return self._path("proc/sys/kernel/random/boot_id")

    @property
    def pci_ids(self) -> tuple[str, ...]:
        return tuple(self._path(below) for below in PCI_IDS)

    def process(self, number: str, below: str) -> str:
        return self._path(f"proc/{number}/{below}")

    def modules(self, release: str, file: str) -> str:
        return self._path(f"lib/modules/{release}/{file}")

    def kernel_configs(self, release: str) -> tuple[str, ...]:
        return (self._path(f"boot/config-{release}"), self.modules(release, "config"), self._path("proc/config.gz"))
