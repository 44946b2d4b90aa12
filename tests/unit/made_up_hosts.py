# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small made-up hosts for the tests of the decisions."""

from __future__ import annotations

from dataclasses import replace

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import (
    HostInventory,
    IommuState,
    PciDevice,
    Use,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.selection import Selection, select

SSH = Use("connection", "Ansible's connection from 10.0.0.1 arrives on eno1")
ROOT = Use("mount", "/ is mounted from nvme0n1p2")
GUEST = Use("guest", "instance-00000007 holds it")
E0, E1 = "pci_passthrough_devices[0]", "pci_passthrough_devices[1]"
OCCUPIED = "Select another device, or free this one first"


def device(address: str, ids: str = "8086:10d3", **more: object) -> PciDevice:
    vendor, product = ids.split(":")
    base = PciDevice(parse_address(address), vendor_id=vendor, product_id=product, class_code="020000", driver="e1000e")
    return replace(base, **more)  # type: ignore[arg-type]


def host(*devices: PciDevice) -> HostInventory:
    return HostInventory(
        devices=tuple(sorted(devices, key=lambda item: item.address)),
        iommu=IommuState(enabled=True, kind="intel", firmware_table="DMAR"),
        architecture="x86_64",
        cpu_vendor="GenuineIntel",
        kernel_release="6.1.0",
        boot_id="b",
        running_command_line="",
        vfio_pci="module",
    )


def card(numvfs: int = 0, total: int = 7, address: str = "0000:04:00.0", **more: object) -> list[PciDevice]:
    """An igb card and its functions, each in a group of its own."""
    pf = parse_address(address)
    functions = [replace(pf, slot=16 + index // 4, function=index % 4) for index in range(numvfs)]
    parent = device(
        address,
        "8086:10c9",
        driver="igb",
        iommu_group=20,
        sriov_totalvfs=total,
        sriov_numvfs=numvfs,
        sriov_vf_product_id="10ca",
        virtual_functions=tuple(functions),
    )
    vfs = [
        device(str(at), "8086:10ca", driver="igbvf", iommu_group=30 + number, physical_function=pf)
        for number, at in enumerate(functions)
    ]
    return [replace(parent, **more), *vfs]  # type: ignore[arg-type]


def chosen(selection: Selection) -> list[str]:
    return [str(item.device.address) for item in selection.chosen]


def run(inventory: HostInventory, *entries: dict[str, object]) -> Selection:
    return select(inventory, parse_declaration(list(entries)))


def complaints(selection: Selection) -> list[str]:
    return [str(problem) for problem in selection.problems]


NIC = device("0000:02:00.0", iommu_group=14)
NIC_2 = device("0000:03:00.0", iommu_group=15)
IDS: dict[str, object] = {"vendor_id": "8086", "product_id": "10d3"}
VFS: dict[str, object] = {"product_id": "10c9", "num_vfs": 4}
VF: dict[str, object] = {"product_id": "10ca", "device_type": "type-VF"}

# A graphics card with three companions; no group is known.
GPU = device("0000:0a:00.0", "10de:1eb8", class_code="030000", driver="nouveau")
AUDIO = device("0000:0a:00.1", "10de:10f8", class_code="040300", driver="snd_hda_intel")
USB = device("0000:0a:00.2", "10de:1ad8", class_code="0c0330", driver="xhci_hcd")
UCSI = device("0000:0a:00.3", "10de:1ad9", class_code="0c8000", driver="nvidia-gpu")
GPU_IDS: dict[str, object] = {"vendor_id": "10de", "product_id": "1eb8"}
