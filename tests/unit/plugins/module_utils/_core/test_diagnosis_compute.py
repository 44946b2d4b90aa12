# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/diagnosis_compute.py; test_diagnosis.py breaks each of its layers."""

from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.diagnosis_layer import TITLES
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_cloud import World


def test_the_layers_come_in_their_order_and_end_with_the_first_that_fails():
    world = World()
    order = list(TITLES)
    (whole,) = world.diagnose().computes
    names = [layer.name for layer in whole.layers]
    assert names == sorted(names, key=order.index)
    assert names[-1] == "driver"
    world.host.specs = ()
    (broken,) = world.diagnose().computes
    assert [layer.name for layer in broken.layers] == names[: names.index("device_spec") + 1]
