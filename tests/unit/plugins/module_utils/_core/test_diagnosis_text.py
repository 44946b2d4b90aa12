# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/diagnosis_text.py; test_diagnosis.py holds the width of every diagnosis."""

from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.diagnosis_text import diagnosis_text
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_cloud import Host, World


def test_the_end_says_what_fails_and_what_mends_it():
    world = World()
    world.host.specs = ()
    lines = diagnosis_text(world.diagnose())
    assert lines[0] == "pci.nic asks for nic:1"
    assert "First thing that fails: device_spec matches on cmp1: it has no device_spec, so none is" in lines
    assert any(line.startswith("Mend it: Name the devices in [pci]device_spec") for line in lines)


def test_of_a_large_fleet_not_all_is_shown():
    lines = diagnosis_text(World(hosts=[Host(name=f"cmp{number}", specs=()) for number in range(60)]).diagnose())
    assert sum(line.startswith("compute ") for line in lines) == 8
    assert "  and 39 more" in lines


def test_a_state_and_what_was_seen_are_two_columns():
    world = World()
    world.host.specs = ()
    world.host.listening = None
    rows = [line for line in diagnosis_text(world.diagnose()) if " not known" in line]
    assert rows
    assert all("not known  " in row for row in rows)
