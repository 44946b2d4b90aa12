# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.binding import plan_bindings
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import Use
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import (
    AUDIO,
    GPU,
    GPU_IDS,
    GUEST,
    IDS,
    NIC,
    NIC_2,
    UCSI,
    USB,
    device,
    host,
    run,
)


def test_a_graphics_card_takes_its_other_functions_along_while_groups_are_unknown() -> None:
    inventory = host(GPU, AUDIO, USB, UCSI, NIC)
    bindings = plan_bindings(inventory, run(inventory, GPU_IDS))
    assert [(str(item.address), item.role, item.driver, item.because) for item in bindings] == [
        ("0000:0a:00.0", "chosen", "vfio-pci", None),
        ("0000:0a:00.1", "companion", "vfio-pci", "is the audio function of the graphics card 0000:0a:00.0"),
        ("0000:0a:00.2", "companion", "vfio-pci", "is the USB function of the graphics card 0000:0a:00.0"),
        ("0000:0a:00.3", "companion", "vfio-pci", "is the serial bus function of the graphics card 0000:0a:00.0"),
    ]


def test_a_group_is_bound_as_a_whole() -> None:
    other = device("0000:02:00.1", iommu_group=14, product_id="1111")
    inventory = host(NIC, other)
    bindings = plan_bindings(inventory, run(inventory, IDS))
    assert [(item.role, item.because) for item in bindings] == [
        ("chosen", None),
        ("companion", "shares IOMMU group 14 with 0000:02:00.0"),
    ]


def test_identical_cards_can_go_different_ways() -> None:
    selection = run(host(NIC, NIC_2), {"address": "0000:02:00.0"}, {"address": "0000:03:00.0", "driver": "native"})
    assert selection.problems == ()
    assert [item.driver for item in plan_bindings(host(NIC, NIC_2), selection)] == ["vfio-pci", None]


@pytest.mark.parametrize(
    ("now", "uses", "wanted", "state"),
    [
        ("e1000e", (), "vfio-pci", "to bind"),
        (None, (), "vfio-pci", "to bind"),
        ("vfio-pci", (), "vfio-pci", "ready"),
        ("e1000e", (), "native", "ready"),
        ("vfio-pci", (), "native", "to bind"),
        ("vfio-pci", (GUEST,), "native", "held"),
    ],
)
def test_states(now: str | None, uses: tuple[Use, ...], wanted: str, state: str) -> None:
    inventory = host(replace(NIC, driver=now, uses=uses))
    (binding,) = plan_bindings(inventory, run(inventory, {**IDS, "driver": wanted}))
    assert (binding.state, binding.driver_now) == (state, now)
    assert binding.to_dict()["driver"] == (None if wanted == "native" else wanted)
