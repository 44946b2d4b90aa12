# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/diagnosis_host.py."""

from __future__ import annotations

import json
from dataclasses import replace

from ansible_collections.nova_pci.passthrough.tests.unit.made_up_cloud import OTHER_SERVER, Host, guest, on_vfio
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import NIC, NIC_2, device, host


def test_a_host_is_plain_data():
    facts = Host(changed=True).facts("26.2.2")
    assert json.loads(json.dumps(facts)) == facts
    (service,) = facts["services"]
    assert service["changed"] == ["/etc/nova/nova.conf"]
    assert facts["compute"]["missing"] == []


def test_devices_that_device_spec_names_and_that_are_gone():
    facts = Host(inventory=host(on_vfio(NIC))).facts("26.2.2")
    assert facts["compute"]["missing"] == ["0000:03:00.0"]


def test_a_group_is_blocked_by_a_driver_of_the_host_and_by_another_server():
    other = device("0000:02:00.1", "8086:1533", driver="igb")
    inventory = host(replace(on_vfio(NIC), group_members=(other.address, NIC_2.address)), other, on_vfio(NIC_2))
    facts = Host(inventory=inventory, guests=(guest("0000:03:00.0"),)).facts("26.2.2")
    row = facts["compute"]["devices"][0]
    assert [one["why"] for one in row["group_blockers"]] == ["is bound to igb", f"is held by the server {OTHER_SERVER}"]
