# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/diagnosis_controllers.py; test_diagnosis.py breaks each of its layers."""

from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.diagnosis import diagnose
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.diagnosis_layer import DOUBT, FAILED, first_of
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_cloud import ALIAS, World


def test_two_hosts_of_nova_api_that_differ():
    one, other = World(), World(alias=(ALIAS.replace("10d3", "10d4"),))
    hosts = {"cmp1": one.host.facts(one.version), "ctl1": one.controller(), "ctl2": other.controller()}
    layer = first_of(diagnose(one.cloud(), hosts).layers, DOUBT)
    assert layer is not None
    assert (layer.name, layer.where) == ("api_alias", "ctl2")
    assert "10d4" in layer.seen
    assert "10d3" in layer.seen


def test_one_scheduler_that_does_not_ask_placement():
    one, other = World(version="31.0.0", more="pci_in_placement = true"), World(version="31.0.0")
    hosts = {"cmp1": one.host.facts(one.version), "ctl1": one.controller(), "ctl2": other.controller()}
    layer = first_of(diagnose(one.cloud(), hosts).layers, FAILED)
    assert layer is not None
    assert (layer.name, layer.where) == ("placement_switch", "ctl2")
