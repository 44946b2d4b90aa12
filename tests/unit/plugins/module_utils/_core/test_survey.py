# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a survey says of each device of a host."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import Use
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.override import Override
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.survey import survey
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import GUEST, OCCUPIED, ROOT, card, device, host

VITAL = replace(ROOT, vital=True)
DATA = Use("mount", "/srv is mounted from nvme1n1")
FREE = device("0000:02:00.0", iommu_group=2)


def row(inventory, address="0000:02:00.0"):
    (found,) = [row for row in survey(inventory)["devices"] if row["address"] == address]
    return found


def verdict(inventory, address="0000:02:00.0"):
    found = row(inventory, address)
    return found["verdict"], found["because"], found["after"]


def test_a_free_device_is_ready():
    assert verdict(host(FREE)) == ("ready", [], [])


def test_what_the_host_cannot_start_without_is_never_free():
    assert verdict(host(replace(FREE, uses=(VITAL,)))) == ("no", [f"is needed by the host: {ROOT.detail}"], [])


def test_what_somebody_could_free_is_free_after_that():
    assert verdict(host(replace(FREE, uses=(DATA,)))) == (
        "after",
        [f"is needed by the host: {DATA.detail}"],
        [OCCUPIED],
    )


def test_a_group_is_judged_as_a_whole():
    neighbour = device("0000:03:00.0", iommu_group=2, uses=(VITAL,), group_members=(FREE.address,))
    together = host(replace(FREE, group_members=(neighbour.address,)), neighbour)
    assert verdict(together)[0] == "no"
    assert row(together)["companions"] == ["0000:03:00.0"]


def test_a_bridge_is_never_passed_through():
    bridge = device("0000:01:00.0", class_code="060400", driver="pcieport")
    assert verdict(host(bridge), "0000:01:00.0") == ("no", ["is a bridge, and bridges are never handed out"], [])


def test_a_guest_may_hold_a_device_that_stays_on_its_driver():
    found = row(host(replace(FREE, driver="vfio-pci", uses=(GUEST,))))
    assert (found["verdict"], found["in_guest"]) == ("ready", True)
    assert row(host(replace(FREE, uses=(GUEST,))))["verdict"] == "after"


def test_a_card_with_functions_and_the_functions():
    inventory = host(*card(2))
    assert verdict(inventory, "0000:04:00.0")[0] == "after"
    assert [one["verdict"] for one in survey(inventory)["devices"]] == ["after", "ready", "ready"]


@pytest.mark.parametrize(
    ("changes", "first"),
    [
        ({}, []),
        ({"vfio_pci": "missing"}, ["the kernel 6.1.0 has no vfio-pci: boot one of the distribution that has it"]),
    ],
)
def test_a_host_that_is_not_ready_says_so_once(changes, first):
    surveyed = survey(replace(host(FREE), **changes))
    assert surveyed["first"] == first
    assert surveyed["devices"][0]["verdict"] == ("after" if first else "ready")
    assert surveyed["devices"][0]["after"] == []


def test_without_an_iommu_the_reason_is_the_first_step():
    inventory = host(replace(FREE, iommu_group=None))
    off = replace(
        inventory.iommu, enabled=False, reason="the kernel argument intel_iommu=on is missing; add it and reboot"
    )
    surveyed = survey(replace(inventory, iommu=off))
    assert surveyed["first"] == [f"the IOMMU is off: {off.reason}"]
    assert surveyed["devices"][0]["verdict"] == "after"


def test_what_only_root_can_read_is_named():
    hidden = replace(FREE, unreadable=(("vpd", "Permission denied"), ("class", "cannot be understood: 'x'")))
    surveyed = survey(replace(host(hidden), unreadable=(("/proc/1/fd", "Permission denied"), ("zfs", "who knows"))))
    assert surveyed["needs_root"] == ["/proc/1/fd"]
    assert surveyed["devices"][0]["needs_root"] == ["vpd"]


def overridden(device_address, *devices):
    override = Override(0, parse_address(device_address), "nobody needs /srv")
    return survey(host(*devices), [override])


def test_an_override_is_printed_with_its_reason():
    surveyed = overridden("0000:02:00.0", replace(FREE, uses=(DATA,)))
    assert [(row["verdict"], row["override"]) for row in surveyed["devices"]] == [("ready", "nobody needs /srv")]
    assert "although /srv is mounted from nvme1n1. Reason: nobody needs /srv" in surveyed["overrides"][0]
    assert surveyed["groups"][0]["covered"] == [f"0000:02:00.0: {DATA.detail}"]


def test_no_override_covers_the_root_disk():
    surveyed = overridden("0000:02:00.0", replace(FREE, uses=(VITAL,)))
    assert [(row["verdict"], row["override"]) for row in surveyed["devices"]] == [("no", None)]
    assert "which no override covers" in surveyed["overrides"][0]
