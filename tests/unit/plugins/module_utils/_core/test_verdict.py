# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/verdict.py: a group is as free as the most needed of its members."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import Use
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.override import overrule, parse_overrides
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.verdict import group_verdicts
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.tests.unit.machine_builder import build
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import GUEST, NIC, NIC_2, ROOT, SSH, device, host

TWIN = device("0000:02:00.1", iommu_group=14)
BRIDGE = device("0000:00:01.0", class_code="060400", iommu_group=14, uses=(Use("bridge", "it is one of the bridges"),))


@pytest.mark.parametrize(
    ("devices", "verdict", "reasons"),
    [
        ([NIC], "free", []),
        ([NIC, TWIN], "free", []),
        ([NIC, replace(TWIN, uses=(ROOT,))], "needed", [f"0000:02:00.1: {ROOT.detail}"]),
        (
            [replace(NIC, uses=(SSH, ROOT)), replace(TWIN, uses=(GUEST,))],
            "needed",
            [f"0000:02:00.0: {SSH.detail}", f"0000:02:00.0: {ROOT.detail}", f"0000:02:00.1: {GUEST.detail}"],
        ),
        ([replace(NIC, uses=(GUEST,)), TWIN], "in a guest", [f"0000:02:00.0: {GUEST.detail}"]),
        ([NIC, BRIDGE], "free", []),
        ([BRIDGE], "needed", ["0000:00:01.0: it is one of the bridges"]),
    ],
    ids=["one", "two", "one of two", "every reason", "guest", "beside a bridge", "bridges alone"],
)
def test_one_verdict_a_group(devices, verdict, reasons):
    (found,) = group_verdicts(host(*devices))
    assert found.to_dict() == {
        "group": 14,
        "members": sorted(str(one.address) for one in devices),
        "verdict": verdict,
        "reasons": reasons,
        "covered": [],
    }


def test_what_an_override_covers_is_told_apart():
    tool = Use("tool", "driverctl binds it")
    inventory = host(replace(NIC, uses=(tool,)))
    covered = overrule(inventory, parse_overrides([{"address": "0000:02:00.0", "reason": "so"}])).covered
    (found,) = group_verdicts(inventory, covered)
    assert (found.verdict, found.reasons, found.covered) == ("free", (), ("0000:02:00.0: driverctl binds it",))


def test_only_the_groups_that_are_asked_for():
    assert [one.group for one in group_verdicts(host(NIC, NIC_2), only={15})] == [15]


def test_no_group_while_the_iommu_is_off():
    assert group_verdicts(host(replace(NIC, iommu_group=None))) == ()


def test_every_need_of_a_built_machine_condemns_its_group(tmp_path):
    found = group_verdicts(build_inventory(read_machine(build("needed-in-every-way", tmp_path))))
    assert [one.verdict for one in found] == ["needed"] * 9 + ["in a guest"] + ["needed"] * 9
    assert all(len(one.members) == 2 and one.reasons for one in found)
