# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.device_spec import parse_device_spec
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import InputProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import HostInventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.offer import make_offer, spec_lines
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.selection import select
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import IDS, NIC, NIC_2, card, host

NIC_ENTRY = {"alias": "nic", **IDS}


def offer_of(inventory: HostInventory, *entries: dict[str, object]):
    selection = select(inventory, parse_declaration(list(entries)))
    assert not selection.problems
    return make_offer(selection)


def lines_of(inventory: HostInventory, spec_by: str, *entries: dict[str, object]) -> list[dict[str, object]]:
    return [json.loads(line) for line in spec_lines(offer_of(inventory, *entries), inventory, spec_by)]


def matched(inventory: HostInventory, lines: list[dict[str, object]]) -> list[str]:
    """What Nova takes with these lines, by the rules that tests/oracle holds against real Nova."""
    physical = {device.address for device in inventory.devices if device.sriov_totalvfs}
    specs = [
        spec
        for line in lines
        for spec in parse_device_spec(json.dumps(line), NovaVersion(34), is_physical_function=physical.__contains__)
    ]
    return [str(device.address) for device in inventory.devices if any(spec.matches(device) for spec in specs)]


def test_each_chosen_device_by_address_and_ids() -> None:
    inventory = host(NIC, NIC_2)
    lines = lines_of(inventory, "address", NIC_ENTRY)
    assert lines == [
        {"vendor_id": "8086", "product_id": "10d3", "address": "0000:02:00.0"},
        {"vendor_id": "8086", "product_id": "10d3", "address": "0000:03:00.0"},
    ]
    assert matched(inventory, lines) == ["0000:02:00.0", "0000:03:00.0"]


def test_another_card_at_the_address_is_not_handed_out() -> None:
    lines = lines_of(host(NIC), "address", NIC_ENTRY)
    assert matched(host(replace(NIC, product_id="ffff")), lines) == []


def test_ids_where_they_mean_the_chosen_devices_only() -> None:
    inventory = host(NIC, NIC_2)
    assert lines_of(inventory, "ids", NIC_ENTRY) == [{"vendor_id": "8086", "product_id": "10d3"}]


def test_ids_that_hand_out_more_than_was_chosen_are_refused() -> None:
    inventory = host(NIC, NIC_2)
    offer = offer_of(inventory, {**NIC_ENTRY, "address": "0000:02:00.0"})
    with pytest.raises(InputProblem, match="would hand out 0000:03:00.0") as caught:
        spec_lines(offer, inventory, "ids")
    assert "device_spec_by: address" in str(caught.value)


def test_ids_of_two_entries_with_different_tags_are_refused() -> None:
    inventory = host(NIC, NIC_2)
    first = {**NIC_ENTRY, "address": "0000:02:00.0", "trusted": True}
    second = {**NIC_ENTRY, "address": "0000:03:00.0"}
    with pytest.raises(InputProblem, match="would hand out"):
        spec_lines(offer_of(inventory, first, second), inventory, "ids")


def test_a_physical_function_goes_without_its_future_functions() -> None:
    alone, later = host(*card()), host(*card(numvfs=2))
    entry = {"alias": "pf", "vendor_id": "8086", "product_id": "10c9", "device_type": "type-PF"}
    lines = lines_of(alone, "address", entry)
    assert matched(alone, lines) == ["0000:04:00.0"]
    assert matched(later, lines) == ["0000:04:00.0"]


@pytest.mark.parametrize("function_id", ["10c9", None])
def test_a_physical_function_whose_functions_may_have_its_ids_is_named_by_pattern(function_id: str | None) -> None:
    """NVMe: the functions' ids are those of the card, so the exact address would take them in."""
    parent, *functions = card(numvfs=2)
    alone = host(replace(card()[0], sriov_vf_product_id=function_id))
    later = host(parent, *(replace(function, product_id="10c9") for function in functions))
    entry = {"alias": "pf", "vendor_id": "8086", "product_id": "10c9", "device_type": "type-PF"}
    lines = lines_of(alone, "address", entry)
    assert matched(alone, lines) == ["0000:04:00.0"]
    assert matched(later, lines) == ["0000:04:00.0"]


def test_functions_are_named_one_by_one_and_the_card_is_not() -> None:
    inventory = host(*card(numvfs=2))
    entry = {"alias": "vf", "vendor_id": "8086", "product_id": "10c9", "num_vfs": 2, "vf_product_id": "10ca"}
    lines = lines_of(inventory, "address", entry)
    assert matched(inventory, lines) == ["0000:04:10.0", "0000:04:10.1"]


def test_tags_travel_and_null_stays_null() -> None:
    entry = {**NIC_ENTRY, "address": "0000:02:00.0", "trusted": True, "physical_network": None}
    assert lines_of(host(NIC), "address", entry) == [
        {
            "vendor_id": "8086",
            "product_id": "10d3",
            "address": "0000:02:00.0",
            "physical_network": None,
            "trusted": "true",
        }
    ]


def test_an_entry_without_alias_and_tag_is_not_for_nova() -> None:
    assert lines_of(host(NIC), "address", IDS) == []


def test_a_tag_alone_is_for_neutron_and_counts() -> None:
    assert len(lines_of(host(NIC), "address", {**IDS, "physical_network": "p"})) == 1


def test_without_an_iommu_nothing_is_handed_out() -> None:
    offer = offer_of(host(replace(NIC, iommu_group=None)), NIC_ENTRY)
    assert offer.offered == ()
    assert offer.withheld == (
        "0000:02:00.0 (8086:10d3 e1000e) is not handed to Nova yet: the IOMMU is off. Reboot and run again",
    )


def test_functions_that_do_not_exist_yet_are_named() -> None:
    creating = {"vendor_id": "8086", "product_id": "10c9", "num_vfs": 2}
    taking = {"alias": "vf", "vendor_id": "8086", "product_id": "10ca", "device_type": "type-VF"}
    offer = offer_of(host(*card()), creating, taking)
    assert offer.offered == ()
    said = "the virtual functions of 0000:04:00.0 (8086:10c9 igb) are not handed to Nova yet: they do not exist"
    assert offer.withheld == (f"{said}. Run the host role first",)
    both = {**creating, "alias": "vf", "vf_product_id": "10ca"}
    assert offer_of(host(*card()), both).withheld == offer.withheld
    assert offer_of(host(*card()), creating).withheld == ()
