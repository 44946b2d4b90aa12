# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table: whole lines, compared as a person would read them."""

from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import (
    HostInventory,
    IommuState,
    NetworkInterface,
    PciDevice,
    Use,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.table import device_table

PF = parse_address("0000:03:00.0")
VF = parse_address("0000:03:10.0")

HOST = HostInventory(
    devices=(
        PciDevice(parse_address("0000:00:10.0"), "8086", "1234", class_code="060400", driver="pcieport"),
        PciDevice(
            parse_address("0000:01:00.0"),
            "8086",
            "10d3",
            class_code="020000",
            driver="e1000e",
            iommu_group=13,
            network_interfaces=(NetworkInterface("eth0", None),),
            uses=(Use("route", "eth0 carries the default route"),),
        ),
        PciDevice(
            parse_address("0000:02:00.0"), "8086", "10d3", class_code="020000", driver="vfio-pci", iommu_group=14
        ),
        PciDevice(
            PF, "8086", "10c9", class_code="020000", driver="igb", iommu_group=15, sriov_totalvfs=7, sriov_numvfs=1
        ),
        PciDevice(VF, "8086", "10ca", class_code="020000", driver=None, iommu_group=16, physical_function=PF),
        PciDevice(parse_address("0000:07:00.0"), class_code=None, class_name="Display controller with a long name"),
    ),
    iommu=IommuState(enabled=True, kind="intel", firmware_table="DMAR"),
    architecture="x86_64",
    cpu_vendor="GenuineIntel",
    kernel_release="6.1.0",
    boot_id="b",
    running_command_line="",
    vfio_pci="module",
)

ROWS = [
    {"address": "0000:02:00.0", "verdict": "ready", "num_vfs": 0, "because": None},
    {"address": "0000:03:00.0", "verdict": "to change", "num_vfs": 4, "because": "4 VFs declared"},
    {"address": "0000:77:00.0", "verdict": "refused", "num_vfs": 0, "vendor_id": "8086"},
]


def test_the_table_shows_every_endpoint_once_and_no_bridge():
    assert device_table(HOST, ROWS) == [
        "ADDRESS       IDS        WHAT                      GROUP  DRIVER    VFS            VERDICT",
        "0000:01:00.0  8086:10d3  network eth0              13     e1000e    -              in use: eth0 carries the default route",
        "0000:02:00.0  8086:10d3  network                   14     vfio-pci  -              ready",
        "0000:03:00.0  8086:10c9  network                   15     igb       1/7 (wants 4)  to change: 4 VFs declared",
        "0000:03:10.0  8086:10ca  network                   16     -         -              virtual function of 0000:03:00.0",
        "0000:07:00.0  ????:????  Display controller with~  -      -         -              not declared",
        "0000:77:00.0  8086:-     -                         -      -         -              refused",
    ]


def test_a_long_reason_is_cut_with_a_sign_that_it_was():
    rows = [{"address": "0000:02:00.0", "verdict": "refused", "num_vfs": 0, "because": "x" * 200}]
    line = next(line for line in device_table(HOST, rows) if line.startswith("0000:02"))
    assert line.endswith("x~")
    assert len(line.split("refused: ")[1]) == 90 - len("refused: ")


def test_an_override_stands_in_its_device_s_row():
    rows = [{"address": "0000:02:00.0", "verdict": "ready", "num_vfs": 0, "because": None, "override": "a spare card"}]
    line = next(line for line in device_table(HOST, rows) if line.startswith("0000:02"))
    assert line.endswith("  ready (override: a spare card)")
