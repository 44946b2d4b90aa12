# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/model.py: what leaves as plain data."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import PciAddress
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import (
    HostInventory,
    IommuState,
    NetworkInterface,
    PciDevice,
    Use,
)

ADDRESS = PciAddress(0, 0x3B, 0, 0)
PLAIN = PciDevice(ADDRESS)
FULL = PciDevice(
    ADDRESS,
    modules=("ixgbe",),
    group_members=(PciAddress(0, 0x3B, 0, 1),),
    sriov_totalvfs=4,
    virtual_functions=(PciAddress(0, 0x3B, 1, 0),),
    network_interfaces=(NetworkInterface("eno1", "02:00:00:00:00:01"),),
    block_devices=("sda",),
    reset_methods=("flr",),
    parent=PciAddress(0, 0x3A, 0, 0),
    uses=(Use("mount", "/ is mounted from sda"),),
    unreadable=(("vpd", "Permission denied"),),
)
DERIVED = {"device_type", "in_nova_reach"}


@pytest.mark.parametrize("device", [PLAIN, FULL], ids=["plain", "full"])
def test_a_device_leaves_whole_and_plain(device):
    plain = device.to_dict()
    assert set(plain) == {field.name for field in fields(PciDevice)} | DERIVED
    assert json.loads(json.dumps(plain)) == plain


def test_the_parts_of_a_device():
    plain = FULL.to_dict()
    assert plain["address"] == "0000:3b:00.0"
    assert plain["group_members"] == ["0000:3b:00.1"]
    assert plain["virtual_functions"] == ["0000:3b:01.0"]
    assert plain["parent"] == "0000:3a:00.0"
    assert plain["physical_function"] is None
    assert plain["network_interfaces"] == [{"name": "eno1", "mac": "02:00:00:00:00:01"}]
    assert plain["uses"] == [{"kind": "mount", "detail": "/ is mounted from sda"}]
    assert plain["unreadable"] == [{"what": "vpd", "why": "Permission denied"}]
    assert (plain["device_type"], plain["in_nova_reach"]) == ("type-PF", True)


@pytest.mark.parametrize(
    ("device", "kind"),
    [
        (PLAIN, "type-PCI"),
        (PciDevice(ADDRESS, sriov_totalvfs=0), "type-PCI"),
        (PciDevice(ADDRESS, sriov_totalvfs=8, sriov_numvfs=0), "type-PF"),
        (PciDevice(ADDRESS, physical_function=PciAddress(0, 1, 0, 0)), "type-VF"),
        (PciDevice(ADDRESS, physical_function=PciAddress(0, 1, 0, 0), sriov_totalvfs=8), "type-VF"),
    ],
)
def test_device_type(device, kind):
    assert device.device_type == kind


@pytest.mark.parametrize(
    ("code", "bridge", "display"),
    [
        ("060400", True, False),
        ("030000", False, True),
        ("038000", False, True),
        ("020000", False, False),
        (None, False, False),
    ],
)
def test_class(code, bridge, display):
    device = PciDevice(ADDRESS, class_code=code)
    assert (device.is_bridge, device.is_display) == (bridge, display)


@pytest.mark.parametrize(("domain", "reach"), [(0, True), (0xFFFF, True), (0x10000, False)])
def test_a_domain_above_ffff_is_marked(domain, reach):
    assert PciDevice(PciAddress(domain, 0xE1, 0, 0)).to_dict()["in_nova_reach"] is reach


@pytest.mark.parametrize(
    ("device", "label"),
    [
        (PLAIN, "0000:3b:00.0 (????:????)"),
        (PciDevice(ADDRESS, vendor_id="8086", product_id="154d"), "0000:3b:00.0 (8086:154d)"),
        (PciDevice(ADDRESS, vendor_id="8086", product_id="154d", driver="ixgbe"), "0000:3b:00.0 (8086:154d ixgbe)"),
    ],
)
def test_label(device, label):
    assert device.label == label


@pytest.mark.parametrize("configured", [None, ("intel_iommu=on",)])
def test_the_iommu_leaves_whole_and_plain(configured):
    state = IommuState(True, "intel", "DMAR", units=("dmar0",), arguments_configured=configured)
    plain = state.to_dict()
    assert set(plain) == {field.name for field in fields(IommuState)}
    assert plain["arguments_configured"] == (None if configured is None else ["intel_iommu=on"])
    assert json.loads(json.dumps(plain)) == plain


def test_an_inventory_finds_its_devices():
    one, other = PciDevice(ADDRESS, iommu_group=4), PciDevice(PciAddress(0, 0x3B, 0, 1), iommu_group=5)
    inventory = HostInventory((one, other), IommuState(True, None, None), "x86_64", None, "6.1", "b", "ro", "module")
    assert inventory.device(ADDRESS) is one
    assert inventory.device(PciAddress(0, 0, 0, 0)) is None
    assert inventory.group(5) == (other,)
    assert inventory.group(6) == ()
