# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.binding import plan_bindings
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.virtual_functions import plan_virtual_functions
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import VF, VFS, card, host, run


@pytest.mark.parametrize(("now", "state"), [(0, "to create"), (4, "ready"), (2, "to recreate")])
def test_functions_are_planned(now: int, state: str) -> None:
    inventory = host(*card(now))
    selection = run(inventory, VFS)
    assert selection.problems == ()
    (planned,) = plan_virtual_functions(inventory, selection)
    assert (planned.state, planned.count, planned.count_now, planned.driver) == (state, 4, now, "vfio-pci")
    assert planned.to_dict()["addresses"] == [str(item) for item in inventory.devices[0].virtual_functions]
    bindings = plan_bindings(inventory, selection)
    assert len(bindings) == (4 if now == 4 else 0)
    assert {str(item.follows) for item in bindings} <= {"0000:04:00.0"}


def test_the_taker_of_functions_names_their_driver() -> None:
    for now in (0, 4):
        inventory = host(*card(now))
        selection = run(inventory, VFS, {**VF, "driver": "native"})
        assert selection.problems == ()
        assert plan_virtual_functions(inventory, selection)[0].driver is None
