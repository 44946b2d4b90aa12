# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/override.py: one exact address and a reason, and what no override ever covers."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import PassthroughError
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import Use
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.override import (
    Override,
    overrule,
    parse_overrides,
    without_covered,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.selection import Selection, select
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.tests.unit.machine_builder import build
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import (
    GUEST,
    IDS,
    NIC,
    NIC_2,
    chosen,
    complaints,
    device,
    host,
)

PLACE = "pci_passthrough_overrides[0]"
GOOD = {"address": "0000:02:00.0", "reason": "the tool is told to leave it"}
EXAMPLE = 'Write {address: "0000:3b:00.0", reason: why this host can do without it}'
EXACT = 'is no exact PCI address. Write the one address in full and in quotes, as in address: "0000:3b:00.0"'
SENTENCE = "is no reason. Say in a sentence why this host can do without the device; it is printed with every plan"
TOOL = Use("tool", "driverctl binds it to vfio-pci (/etc/driverctl.d/0000:02:00.0)")
ADDRESS = Use("address", "192.0.2.9 is on eth3")
SSH = Use("connection", "the Ansible connection comes in at 192.0.2.2 on eno1", vital=True)
ROOT = Use("mount", "/ is mounted from nvme0n1p2", vital=True)


@pytest.mark.parametrize("raw", [[], (), [GOOD], [GOOD, {**GOOD, "address": "0000:03:00.0"}]])
def test_what_is_accepted(raw):
    assert [one.place for one in parse_overrides(raw)] == [f"pci_passthrough_overrides[{n}]" for n in range(len(raw))]


def test_an_override_is_an_address_and_a_reason_in_one_line():
    raw = [{"address": "0000:3B:00.0", "reason": " spare\n  card "}]
    assert parse_overrides(raw) == (Override(0, parse_address("0000:3b:00.0"), "spare card"),)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        (
            "0000:02:00.0",
            f"pci_passthrough_overrides: '0000:02:00.0' is no list. {EXAMPLE} after a dash, or [] for none",
        ),
        (None, f"pci_passthrough_overrides: None is no list. {EXAMPLE} after a dash, or [] for none"),
        (["0000:02:00.0"], f"{PLACE}: '0000:02:00.0' is no mapping. {EXAMPLE}"),
        ([{"address": "0000:02:00.0"}], f"{PLACE}: {{'address': '0000:02:00.0'}} has no reason. {EXAMPLE}"),
        ([{"reason": "so"}], f"{PLACE}: {{'reason': 'so'}} has no address. {EXAMPLE}"),
        ([{**GOOD, "address": "0000:02:00.*"}], f"{PLACE}.address: '0000:02:00.*' {EXACT}"),
        ([{**GOOD, "address": "02:00.0"}], f"{PLACE}.address: '02:00.0' {EXACT}"),
        ([{**GOOD, "address": 7200}], f"{PLACE}.address: 7200 {EXACT}"),
        ([{**GOOD, "address": {"bus": "02"}}], f"{PLACE}.address: {{'bus': '02'}} {EXACT}"),
        ([{**GOOD, "address": None}], f"{PLACE}.address: None {EXACT}"),
        ([{**GOOD, "reason": ""}], f"{PLACE}.reason: '' {SENTENCE}"),
        ([{**GOOD, "reason": " \n"}], f"{PLACE}.reason: ' \\n' {SENTENCE}"),
        ([{**GOOD, "reason": None}], f"{PLACE}.reason: None {SENTENCE}"),
        ([{**GOOD, "reason": True}], f"{PLACE}.reason: True {SENTENCE}"),
        ([{**GOOD, "reasons": "x"}], f"{PLACE}: 'reasons' is no key of an override. Did you mean reason?"),
        ([{**GOOD, "xyz": "x"}], f"{PLACE}: 'xyz' is no key of an override. The keys are address, reason"),
        (
            [GOOD, GOOD],
            f"pci_passthrough_overrides[1].address: '0000:02:00.0' stands in {PLACE} already. Remove one of the two",
        ),
    ],
)
def test_what_is_refused_names_the_entry_the_value_and_the_fix(raw, problem):
    with pytest.raises(PassthroughError) as error:
        parse_overrides(raw)
    assert str(error.value) == problem


def test_all_problems_come_at_once():
    with pytest.raises(PassthroughError) as error:
        parse_overrides([{"address": "x", "reason": ""}, "y"])
    assert len(str(error.value).splitlines()) == 3


def picked(*devices, entries=(IDS,), overrides=(GOOD,)) -> Selection:
    return select(host(*devices), parse_declaration(list(entries)), (), parse_overrides(list(overrides)))


def test_what_is_covered_is_as_if_it_were_not_there_and_is_said():
    selection = picked(replace(NIC, uses=(TOOL, ADDRESS)))
    assert (chosen(selection), selection.problems) == (["0000:02:00.0"], ())
    assert selection.notes == (
        (
            f"{PLACE}: {NIC.label} may be handed out although {TOOL.detail}; {ADDRESS.detail}. "
            "Reason: the tool is told to leave it"
        ),
    )
    assert [(item.device.address, item.uses) for item in selection.covered] == [(NIC.address, (TOOL, ADDRESS))]


def test_an_override_covers_its_own_address_alone():
    selection = picked(*(replace(one, uses=(TOOL,)) for one in (NIC, NIC_2)))
    assert chosen(selection) == ["0000:02:00.0"]
    assert [str(item.device.address) for item in selection.refused] == ["0000:03:00.0"]


def test_a_group_is_free_only_when_each_needed_member_is_covered():
    other = device("0000:02:00.1", "8086:1111", iommu_group=14, uses=(ADDRESS,))
    used = replace(NIC, uses=(TOOL,))
    assert len(complaints(picked(used, other))) == 1
    both = (GOOD, {"address": "0000:02:00.1", "reason": "nothing goes there"})
    assert chosen(picked(used, other, overrides=both)) == ["0000:02:00.0"]


def test_a_group_with_the_root_disk_stays_refused():
    disk = device("0000:02:00.1", "144d:a808", iommu_group=14, uses=(ROOT,))
    (problem,) = complaints(picked(replace(NIC, uses=(TOOL,)), disk))
    assert problem.endswith("Move one of the two cards to another slot, or free the other device")
    assert ROOT.detail in problem


@pytest.mark.parametrize("use", [SSH, ROOT, Use("route", "the default route leaves through eth0", vital=True)])
def test_what_the_host_lives_by_is_never_covered(use):
    selection = picked(replace(NIC, uses=(TOOL, use)), entries=())
    assert complaints(selection) == [
        (
            f"{PLACE}.address: '0000:02:00.0' is what the host starts from or is reached by, which no override covers: "
            f"{use.detail}. Remove {PLACE}, and select another device"
        )
    ]


def test_a_bridge_is_never_covered():
    bridge = replace(NIC, class_code="060400", uses=(Use("bridge", "it is one of the host's bridges"),))
    (problem,) = complaints(picked(bridge, entries=()))
    assert "'0000:02:00.0' is a bridge, and bridges are never handed out" in problem


def test_a_guest_is_asked_and_not_overruled():
    selection = picked(replace(NIC, uses=(GUEST, TOOL)))
    (problem,) = complaints(selection)
    assert "is held by a guest" in problem
    assert "driverctl" not in problem


@pytest.mark.parametrize("uses", [(), (GUEST,)])
def test_an_override_that_covers_nothing_is_said(uses):
    selection = picked(replace(NIC, uses=uses), entries=())
    assert selection.notes == (f"{PLACE}: nothing that an override covers stands against {NIC.label}",)
    assert (selection.problems, selection.covered) == ((), ())


def test_an_override_for_a_device_that_is_not_there_is_said():
    selection = picked(NIC_2)
    assert selection.notes == (f"{PLACE}: this host has no device 0000:02:00.0, so the override has no effect",)
    assert (chosen(selection), selection.problems) == (["0000:03:00.0"], ())


def test_without_an_override_the_host_is_the_same_object():
    inventory = host(NIC)
    assert without_covered(inventory, ()) is inventory
    assert overrule(inventory, ()).inventory is inventory


# ---- on built machines

VITAL = [
    ("lvm-on-md-root", "0000:00:17.0", "/ is mounted from vg0-root (dm-0) over md0 over sda2"),
    ("lvm-on-md-root", "0000:18:00.0", "/ is mounted from vg0-root (dm-0) over md0 over sdb2"),
    ("nvme-root-behind-vmd", "0000:64:00.5", "/ is mounted from"),
    (
        "bond-bridge-vlan",
        "0000:17:00.1",
        "the default route (of 3) leaves through br0 over bond0.100 over bond0 over eth1",
    ),
    ("bond-bridge-vlan", "0000:17:00.0", "the Ansible connection comes in at 192.0.2.20 on br0"),
    ("gpu-with-companions", "0000:02:00.0", "/boot/efi is mounted from nvme0n1p1"),
    ("needed-in-every-way", "0000:01:00.0", "/boot/efi is mounted from nvme0n1p1; / is mounted from nvme0n1p2"),
]


@pytest.mark.parametrize(("machine", "address", "detail"), VITAL)
def test_no_override_reaches_the_root_disk_or_the_way_to_the_host(tmp_path, machine, address, detail):
    inventory = build_inventory(read_machine(build(machine, tmp_path)))
    overruled = overrule(inventory, parse_overrides([{**GOOD, "address": address}]))
    (problem,) = overruled.problems
    assert detail in str(problem)
    assert (overruled.covered, overruled.inventory) == ((), inventory)


@pytest.fixture(scope="module")
def needed(tmp_path_factory):
    return build_inventory(read_machine(build("needed-in-every-way", tmp_path_factory.mktemp("machine"))))


@pytest.mark.parametrize("bus", [number for number in range(2, 0x14) if number != 0x0A])
def test_every_other_need_can_be_answered_for(needed, bus):
    address = f"0000:{bus:02x}:00.0"
    entries = parse_declaration([{"address": address}])
    assert len(select(needed, entries).problems) == 1
    selection = select(needed, entries, (), parse_overrides([{**GOOD, "address": address}]))
    assert (chosen(selection), selection.problems) == ([address], ())
    assert GOOD["reason"] in selection.notes[0]
