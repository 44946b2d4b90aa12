# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which hosts of a fleet are alike, and what they are warned of."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core import fleet
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.survey import survey
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import GUEST, card, device, host

NIC = device("0000:02:00.0", iommu_group=2)


def of(*devices, **changes):
    return survey(replace(host(*devices), **changes))


def test_hosts_with_the_same_devices_are_one_group_and_the_largest_comes_first():
    surveys = {"c": of(NIC), "b": of(*card()), "a": of(NIC), "silent": {}}
    assert [group.hosts for group in fleet.alike(surveys)] == [("a", "c"), ("b",)]


@pytest.mark.parametrize(
    "other",
    [
        of(device("0000:03:00.0", iommu_group=2)),
        of(device("0000:02:00.0", "8086:10d4", iommu_group=2)),
        of(replace(NIC, uses=(GUEST,))),
        of(replace(NIC, numa_node=1)),
        of(NIC, vfio_pci="missing"),
        of(NIC, unreadable=(("/proc/1/fd", "Permission denied"),)),
    ],
    ids=["address", "ids", "verdict", "node", "host", "root"],
)
def test_what_makes_two_hosts_differ(other):
    assert len(fleet.alike({"a": of(NIC), "b": other})) == 2


def test_a_fleet_of_one_mind_has_no_warning():
    assert fleet.warnings({"a": of(NIC), "b": of(NIC)}) == ()


def test_one_product_of_two_types():
    pf, _vf = card(1)
    plain = replace(pf, sriov_totalvfs=None, sriov_numvfs=None, virtual_functions=())
    (warning,) = fleet.warnings({"a": of(pf), "b": of(plain), "c": of(plain)})
    assert warning.startswith("8086:10c9 is type-PCI on b, c, type-PF on a: one alias fits one device_type.")


def test_both_types_on_each_host_are_no_difference():
    pf, _vf = card(1)
    both = of(pf, device("0000:09:00.0", "8086:10c9"))
    assert fleet.warnings({"a": both, "b": both}) == ()
    (warning,) = fleet.warnings({"a": both, "b": of(pf)})
    assert warning.startswith("8086:10c9 is type-PCI on a, type-PF on a, b: one alias fits one device_type.")


def test_hosts_that_say_less():
    off = of(NIC)
    off["iommu"] = {**off["iommu"], "enabled": False}
    limited = of(NIC, unreadable=(("/proc/1/fd", "Permission denied"),))
    closed = of(replace(NIC, unreadable=(("config", "Permission denied"), ("vpd", "Input/output error"))))
    found = fleet.warnings({"a": of(NIC), "b": {}, "c": off, "d": limited, "e": closed, "f": closed})
    assert [sentence.partition(".")[0] for sentence in found] == [
        "No answer from b",
        "Read without root: d",
        "Only root can read config of the functions of e, f: serial numbers and advice on ACS may be missing; run with -b",
        "The IOMMU runs on some hosts and not on c",
    ]


def test_many_hosts_are_counted():
    assert fleet.listed([f"h{number}" for number in range(8)]) == "h0, h1, h2, h3, h4, h5 and 2 more"


def test_the_parts_of_a_graphics_card_go_along_with_it():
    gpu = device("0000:01:00.0", class_code="030000", driver=None)
    audio = device("0000:01:00.1", class_code="040300", driver=None)
    other = device("0000:05:00.0", class_code="040300", driver=None)
    surveyed = of(gpu, audio, other)
    displays = fleet.display_slots(surveyed)
    assert [fleet.is_part(row, displays) for row in surveyed["devices"]] == [False, True, False]
