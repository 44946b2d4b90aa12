# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of filter/inventory_host.py."""

from __future__ import annotations

import yaml

from ansible_collections.nova_pci.passthrough.plugins.filter import inventory_host

HOSTVARS = {
    "compute1": {"ansible_host": "192.0.2.1"},
    "rack7": {"pci_passthrough_nova_host": "nova-7.example.org", "ansible_host": None},
    "bare": {},
}


def find(compute):
    (found,) = [function(compute, HOSTVARS) for function in inventory_host.FilterModule().filters().values()]
    return found


def test_a_host_is_found_by_each_of_its_names():
    assert find("compute1.example.org") == "compute1"
    assert find("192.0.2.1") == "compute1"
    assert find("nova-7.example.org") == "rack7"
    assert find("bare") == "bare"
    assert find("unknown") == ""


def test_it_is_documented_under_its_name():
    assert yaml.safe_load(inventory_host.DOCUMENTATION)["name"] in inventory_host.FilterModule().filters()
