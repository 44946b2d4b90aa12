# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether the card that is recorded at an address still stands there."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.identity_check import check_identities
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import NetworkInterface
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.selection import Identity
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import device, host

HERE, THERE = "0000:02:00.0", "0000:05:00.0"
MAC = "52:54:00:00:00:01"


def recorded(**more: object) -> Identity:
    return Identity(parse_address(HERE), more.pop("mac", None), "8086", "10d3", **more)  # type: ignore[arg-type]


def check(item, *devices, planned=(), waiting=False):
    return [(row.state, row.found) for row in check_identities(host(*devices), [item], planned, waiting)]


def test_the_recorded_card_is_ok_with_everything_that_tells_it():
    card = device(HERE, serial="S1", serial_source="dsn", physical_slot="3")
    item = recorded(serial="S1", serial_source="dsn", slot="3")
    (row,) = check_identities(host(card), [item], (), False)
    assert (row.state, row.check, row.address) == ("ok", f"card at {HERE}", HERE)
    assert row.expected == row.found == "8086:10d3, serial number S1, slot 3"


@pytest.mark.parametrize(
    ("more", "found"),
    [
        ({"serial": "S2", "serial_source": "dsn", "physical_slot": "3"}, "8086:10d3, serial number S2, slot 3"),
        ({"serial": "S1", "serial_source": "dsn", "physical_slot": "4"}, "8086:10d3, serial number S1, slot 4"),
    ],
)
def test_a_twin_is_told_by_what_is_recorded(more, found):
    item = recorded(serial="S1", serial_source="dsn", slot="3")
    assert check(item, device(HERE, **more)) == [("failed", found)]


def test_another_card_is_told_by_its_ids():
    assert check(recorded(), device(HERE, "8086:10c9")) == [("failed", "8086:10c9")]


def test_what_cannot_be_read_now_is_no_difference():
    item = recorded(serial="S1", serial_source="vpd", slot="3", mac=MAC)
    (row,) = check(item, device(HERE, serial="other", serial_source="dsn"))
    assert row[0] == "ok"
    assert row[1] == (
        "8086:10d3, its serial number cannot be read now, its MAC cannot be read now, its slot cannot be read now"
    )


def test_a_mac_counts_while_it_shows():
    shows = (NetworkInterface("eno1", MAC.upper()),)
    assert check(recorded(mac=MAC), device(HERE, network_interfaces=shows))[0][0] == "ok"
    another = (NetworkInterface("eno1", "52:54:00:00:00:02"),)
    assert check(recorded(mac=MAC), device(HERE, network_interfaces=another))[0][0] == "failed"
    assert check(recorded(mac=MAC), device(HERE), device(THERE, network_interfaces=shows)) == [
        ("failed", "8086:10d3, MAC another card's")
    ]


def test_an_empty_place_is_told_once_and_may_wait_for_a_reboot():
    assert check(recorded()) == [("failed", "the host shows no device at this address")]
    assert check(recorded(), waiting=True)[0][0] == "pending reboot"
    assert check(recorded(), planned=(HERE,)) == []
