# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The declaration to start from: what it says is what selection chooses from the same hosts."""

from __future__ import annotations

import pytest
import yaml

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration_draft import declaration_draft
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.fleet import (
    can_be_declared,
    display_slots,
    is_part,
    is_wanted,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.selection import select
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.survey import survey
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.tests.unit.machine_builder import build, machine_names
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import ROOT, card, device, host


def draft(*hosts):
    lines = declaration_draft({f"h{number}": survey(one) for number, one in enumerate(hosts)})
    return lines, yaml.safe_load("\n".join(lines))


@pytest.mark.parametrize("machine", machine_names())
def test_every_recorded_machine_gets_what_its_draft_says(machine, tmp_path):
    inventory = build_inventory(read_machine(build(machine, tmp_path)))
    surveyed = survey(inventory)
    _lines, found = draft(inventory)
    selection = select(inventory, parse_declaration(found["pci_passthrough_devices"]))
    assert [str(problem) for problem in selection.problems] == []
    wanted = {
        row["address"]
        for row in surveyed["devices"]
        if is_wanted(row) and can_be_declared(row) and not is_part(row, display_slots(surveyed))
    }
    assert {str(item.device.address) for item in selection.chosen} == wanted


def test_what_a_host_needs_is_in_no_draft():
    assert draft(host(device("0000:02:00.0", uses=(ROOT,))))[1] == {"pci_passthrough_devices": []}


def test_the_text_of_a_draft():
    nic = {"iommu_group": 2, "numa_node": 0, "vendor_name": "Intel", "product_name": "82574L\u2028 NIC"}
    lines, _found = draft(
        host(device("0000:02:00.0", **nic), device("0000:09:00.0", class_code="060000", numa_node=1)),
        host(device("0000:02:00.0", **nic), device("0000:03:00.0", **nic)),
    )
    assert lines == [
        "pci_passthrough_devices:",
        "  # 3 on 2 hosts: Intel 82574L NIC",
        "  - alias: nic-10d3",
        '    vendor_id: "8086"',
        '    product_id: "10d3"',
        "    device_type: type-PCI",
        "    numa_policy: preferred",
        "pci_passthrough_flavors:",
        "  - name: pci.nic-10d3",
        "    devices: {nic-10d3: 1}",
        "    vcpus: 2",
        "    ram: 4096",
        "    disk: 20",
    ]


def test_a_node_that_is_not_known_of_all_is_no_advice():
    lines, _found = draft(host(device("0000:02:00.0", numa_node=0), device("0000:03:00.0")))
    assert "    numa_policy: preferred" not in lines


def test_cards_and_functions_have_aliases_of_their_own():
    _lines, found = draft(host(*card()), host(*card(1)))
    rows = [(row["alias"], row["device_type"]) for row in found["pci_passthrough_devices"]]
    assert rows == [("nic-10c9-pf", "type-PF"), ("nic-10ca-vf", "type-VF")]


def test_two_vendors_with_one_product_id():
    _lines, found = draft(host(device("0000:02:00.0", "8086:1000"), device("0000:03:00.0", "1af4:1000")))
    assert [row["alias"] for row in found["pci_passthrough_devices"]] == ["nic-1af4-1000", "nic-8086-1000"]
