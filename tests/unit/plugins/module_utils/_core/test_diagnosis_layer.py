# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/diagnosis_layer.py."""

from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core import diagnosis_layer
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.diagnosis_layer import (
    FAILED,
    TITLES,
    failed,
    first_of,
    ok,
    order,
)


def test_every_layer_has_a_title_and_a_place_in_the_order():
    names = {value for key, value in vars(diagnosis_layer).items() if key.isupper() and isinstance(value, str)}
    assert names - set(diagnosis_layer.STATES) == set(TITLES)
    assert [order(ok(name, "", "")) for name in TITLES] == list(range(len(TITLES)))


def test_the_first_of_a_state():
    layers = [ok("flavor", "", "a"), failed("iommu", "c", "b", "x"), failed("driver", "c", "b", "x")]
    assert first_of(layers, FAILED) == layers[1]
    assert first_of(layers[:1], FAILED) is None
    assert layers[1].to_dict()["title"] == "IOMMU is on"
