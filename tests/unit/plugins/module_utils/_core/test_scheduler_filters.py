# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import DeviceEntry
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import ALL_FILTERS, NovaVersion
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.scheduler_filters import (
    filter_refusal,
    merged,
    needed_filters,
    offered_filters,
    unknown_filter_fix,
    unknown_filters,
)

PCI, NUMA = "PciPassthroughFilter", "NUMATopologyFilter"
OLD, NEW = NovaVersion(23), NovaVersion(34)

MERGED = [
    (None, (PCI,), (*NEW.default_filters, PCI)),
    (None, (PCI, NUMA), (*NEW.default_filters, PCI, NUMA)),
    ((), (PCI,), (PCI,)),
    (("B", "A"), (PCI,), ("B", "A", PCI)),
    ((PCI, "A"), (PCI,), (PCI, "A")),
    (("A", PCI, "B", PCI), (PCI,), ("A", PCI, "B")),
    (("A", "A", PCI), (PCI,), ("A", "A", PCI)),
    (("A", NUMA, NUMA), (PCI,), ("A", NUMA, NUMA, PCI)),
    ((NUMA, "A"), (PCI, NUMA), (NUMA, "A", PCI)),
]


@pytest.mark.parametrize(("now", "needed", "result"), MERGED)
def test_the_list_keeps_what_is_there(now, needed, result) -> None:
    assert merged(now, NEW, needed) == result
    assert merged(result, NEW, needed) == result


def test_the_default_is_the_release_s() -> None:
    assert merged(None, OLD, (PCI,))[0] == "AvailabilityZoneFilter"


POLICIES = [
    ([], (PCI,)),
    ([("a1", None)], (PCI,)),
    ([("a1", "legacy")], (PCI,)),
    ([("a1", None), ("b", "required")], (PCI, NUMA)),
    ([("a1", "preferred")], (PCI, NUMA)),
    ([("a1", "socket")], (PCI, NUMA)),
    ([(None, "required")], (PCI,)),
]


@pytest.mark.parametrize(("entries", "needed"), POLICIES)
def test_which_filters_the_devices_need(entries, needed) -> None:
    declared = [DeviceEntry(index, alias=alias, numa_policy=policy) for index, (alias, policy) in enumerate(entries)]
    assert needed_filters(declared) == needed


def test_what_available_filters_offers() -> None:
    assert offered_filters((), NEW) == NEW.filter_classes
    assert offered_filters((ALL_FILTERS, ALL_FILTERS), NEW) == NEW.filter_classes
    assert offered_filters((ALL_FILTERS, "my.filters.MyFilter"), NEW) == {*NEW.filter_classes, "MyFilter"}
    assert offered_filters(("nova.scheduler.filters.compute_filter.ComputeFilter",), NEW) == {"ComputeFilter"}
    assert offered_filters((ALL_FILTERS, "my.filters.all_mine"), NEW) is None


def test_what_cannot_be_known_is_no_problem() -> None:
    assert unknown_filters(("Mine",), ("my.filters.all_mine",), NEW) == ()
    assert filter_refusal(("Mine",), ("my.filters.all_mine",), NEW) is None


def test_a_filter_that_is_no_longer_offered() -> None:
    assert unknown_filters((PCI, "ComputeFilter"), ("my.ComputeFilter",), NEW) == (PCI,)


@pytest.mark.parametrize("version", [OLD, NEW], ids=str)
def test_every_default_list_is_taken(version: NovaVersion) -> None:
    assert filter_refusal(merged(None, version, (PCI, NUMA)), (), version) is None


def test_all_bad_filters_stand_in_one_refusal() -> None:
    refusal = filter_refusal(("AvailabilityZoneFilter", "...", PCI, "..."), (), NEW)
    assert refusal is not None
    assert (refusal.value, refusal.exception) == ("AvailabilityZoneFilter, ..., ...", "SchedulerHostFilterNotFound")
    assert str(refusal) == (
        "'AvailabilityZoneFilter, ..., ...' is no filter of Nova 34 (2026.2 Hibiscus), so nova-scheduler would not start. "
        "Remove AvailabilityZoneFilter: placement looks after availability zones. "
        "Write the names of all filters out; the dots of the guide stand for those that are there already"
    )


FIXES = [
    ("...", "Write the names of all filters out"),
    ("", "Write the names of all filters out"),
    ("ComputeFilter\nPciPassthroughFilter", "Put a comma at the end of each line but the last"),
    ("AvailabilityZoneFilter", "Remove AvailabilityZoneFilter"),
    ("RetryFilter", "Remove RetryFilter: Nova 22 dropped it"),
    ("my.filters.MyFilter", "Write MyFilter, the name of the class alone; its path belongs into available_filters"),
    ("PCIPassthroughFilter", "Did you mean PciPassthroughFilter?"),
    ("'ComputeFilter'", "Did you mean ComputeFilter?"),
    ("[ComputeFilter", "Did you mean ComputeFilter?"),
    ("NumaTopology", "Did you mean NUMATopologyFilter?"),
    ("MyVeryOwn", "Remove MyVeryOwn, or name its class in available_filters"),
]


@pytest.mark.parametrize(("name", "fix"), FIXES)
def test_what_to_do_about_an_unknown_filter(name: str, fix: str) -> None:
    assert unknown_filters((name,), (), NEW) == (name,)
    assert unknown_filter_fix(name, NEW).startswith(fix)
