# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Prints what detection says of recorded machines, in the lines of machines/NAME.expected.

python tests/unit/machine_table.py NAME...
"""

from __future__ import annotations

import importlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent))
    importlib.import_module("conftest")  # makes the collection importable

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import HostInventory, PciDevice
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.tests.unit import machine_builder


def device_line(device: PciDevice) -> str:
    """The address and whatever the device has, in a fixed order."""
    facts = {
        "ids": f"{device.vendor_id}:{device.product_id}",
        "group": device.iommu_group,
        "with": ",".join(map(str, device.group_members)),
        "driver": device.driver,
        "override": device.driver_override,
        "modules": ",".join(device.modules),
        "node": device.numa_node,
        "below": device.parent,
        "bus": "conventional" if device.express is False else None,
        "pf": device.physical_function,
        "vfs": None if device.sriov_totalvfs is None else f"{device.sriov_numvfs}/{device.sriov_totalvfs}",
        "net": ",".join(f"{interface.name}={interface.mac}" for interface in device.network_interfaces),
        "block": ",".join(device.block_devices),
        "boot_vga": device.boot_vga,
        "reset": ",".join(device.reset_methods),
        "serial": device.serial and f"{device.serial_source}={device.serial}",
        "slot": device.physical_slot,
        "nova": None if device.address.in_nova_reach else "out of reach",
    }
    words = [f"{key}:{fact}" for key, fact in facts.items() if fact not in (None, "")]
    return " ".join([str(device.address), device.device_type, *words])


def lines(inventory: HostInventory) -> Iterator[str]:
    for device in inventory.devices:
        yield device_line(device)
        for use in device.uses:
            yield f"    {use.kind}: {use.detail}"
        for what, why in device.unreadable:
            yield f"    unreadable {what}: {why}"
    for key, fact in inventory.iommu.to_dict().items():
        yield f"iommu {key}: {fact}"
    yield f"kernel: {inventory.architecture} {inventory.cpu_vendor} {inventory.kernel_release}"
    yield f"vfio: vfio_pci {inventory.vfio_pci}, vfio_virqfd {inventory.vfio_virqfd}"
    for what, why in inventory.unreadable:
        yield f"unreadable {what}: {why}"


def main() -> None:
    for name in sys.argv[1:]:
        with tempfile.TemporaryDirectory() as root:
            print("\n".join(lines(build_inventory(read_machine(machine_builder.build(name, root))))))


if __name__ == "__main__":
    main()
