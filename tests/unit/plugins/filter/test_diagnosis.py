# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of filter/diagnosis.py."""

from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.filter import diagnosis
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_cloud import World


def test_the_filter_gives_data_and_lines():
    world = World()
    hosts = {"cmp1": world.host.facts(world.version), "ctl": {}}
    (found,) = [function(world.cloud(), hosts) for function in diagnosis.FilterModule().filters().values()]
    assert found["devices"] == {"nic": 1}
    assert found["answer"]["title"]
    assert found["lines"][0] == "pci.nic asks for nic:1"
