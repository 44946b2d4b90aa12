# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.companion import Companions
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import HostInventory
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import (
    AUDIO,
    GPU,
    NIC,
    NIC_2,
    UCSI,
    USB,
    device,
    host,
)


def companions(inventory: object, address: str) -> list[tuple[str, str]]:
    assert isinstance(inventory, HostInventory)
    found = inventory.device(parse_address(address))
    assert found is not None
    return [(str(item.device.address), item.because) for item in Companions(inventory).of(found)]


def test_a_graphics_card_and_its_functions() -> None:
    inventory = host(GPU, AUDIO, USB, UCSI, NIC, device("0000:0a:00.4", "10de:0000", class_code="ff0000"))
    card_name = "function of the graphics card 0000:0a:00.0"
    assert companions(inventory, "0000:0a:00.0") == [
        ("0000:0a:00.1", f"is the audio {card_name}"),
        ("0000:0a:00.2", f"is the USB {card_name}"),
        ("0000:0a:00.3", f"is the serial bus {card_name}"),
        ("0000:0a:00.4", f"is the other {card_name}"),
    ]
    assert companions(inventory, "0000:0a:00.1") == []


def test_functions_of_a_card_follow_it_across_groups() -> None:
    inventory = host(replace(GPU, iommu_group=1), replace(AUDIO, iommu_group=2), replace(USB, iommu_group=1))
    assert companions(inventory, "0000:0a:00.0") == [
        ("0000:0a:00.1", "is the audio function of the graphics card 0000:0a:00.0"),
        ("0000:0a:00.2", "shares IOMMU group 1 with 0000:0a:00.0"),
    ]


def test_bridges_are_no_companions() -> None:
    bridge = device("0000:00:01.0", class_code="060400", iommu_group=14)
    assert companions(host(NIC, NIC_2, bridge), "0000:02:00.0") == []


def test_two_ports_of_one_card_in_unknown_groups_are_on_their_own() -> None:
    inventory = host(replace(NIC, iommu_group=None), device("0000:02:00.1"))
    assert Companions(inventory).of(inventory.devices[0]) == ()


def test_behind_one_conventional_bridge_everything_goes_together_while_groups_are_unknown() -> None:
    bridge = parse_address("0000:05:00.0")
    one = replace(device("0000:06:01.0"), iommu_group=None, express=False, parent=bridge)
    two = replace(device("0000:06:02.0"), iommu_group=None, express=False, parent=bridge)
    elsewhere = replace(device("0000:07:01.0"), iommu_group=None, express=False, parent=parse_address("0000:00:1e.0"))
    on_the_root_bus = replace(device("0000:00:1f.2"), iommu_group=None, express=False, parent=None)
    beside = replace(device("0000:00:1f.3"), iommu_group=None, express=False, parent=None)
    inventory = host(on_the_root_bus, beside, one, two, elsewhere)
    because = "is a conventional PCI device behind the same bridge as 0000:06:01.0"
    assert companions(inventory, "0000:06:01.0") == [("0000:06:02.0", because)]
    assert companions(inventory, "0000:07:01.0") == []
    assert companions(inventory, "0000:00:1f.2") == []
    express = host(replace(one, express=True), replace(two, express=True))
    assert companions(express, "0000:06:01.0") == []
    # Once the kernel has made groups, they alone count.
    grouped = host(replace(one, iommu_group=1), replace(two, iommu_group=2))
    assert companions(grouped, "0000:06:01.0") == []
