# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The whole plan: whatever is declared on whatever machine, it is refused in words or fit to be carried out."""

from __future__ import annotations

import functools
import json
import tempfile
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import PendingReboot
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.kernel_cmdline import KernelCommandLine
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.memory import Memory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import HostInventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.plan import Wishes, make_plan
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.table import device_table
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.verify import OK, verify
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.wanted import read_plan
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.tests.fuzz.generated import cases, only_ours
from ansible_collections.nova_pci.passthrough.tests.fuzz.test_kernel_command_line import lines, tokens, usual
from ansible_collections.nova_pci.passthrough.tests.fuzz.test_nova_words import GOOD, entries_of
from ansible_collections.nova_pci.passthrough.tests.unit import machine_builder
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._core.test_every_machine import booting

# Patterns of addresses of which Python warns.
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

NAMES = machine_builder.machine_names()


@functools.cache
def inventory_of(name: str) -> HostInventory:
    with tempfile.TemporaryDirectory() as root:
        return build_inventory(read_machine(machine_builder.build(name, root)))


def words_of(name: str) -> dict[str, tuple[Any, ...]]:
    """What selects something on the machine *name*, and keys that mean the same everywhere."""
    devices = [device for device in inventory_of(name).devices if not device.is_bridge][:40]
    there = {
        "vendor_id": {device.vendor_id for device in devices},
        "product_id": {device.product_id for device in devices},
        "class": {(device.class_code or "")[:4] for device in devices},
        "address": {str(device.address) for device in devices if device.address.in_nova_reach},
        "mac": {one.mac for device in devices for one in device.network_interfaces},
        "serial": {device.serial for device in devices},
        "slot": {device.physical_slot for device in devices},
    }
    found = {key: tuple(sorted(text for text in texts if text)) for key, texts in there.items()}
    return {**GOOD, **{key: texts for key, texts in found.items() if texts}}


declared = st.sampled_from(NAMES).flatmap(
    lambda name: st.tuples(st.just(name), st.lists(entries_of(words_of(name)), min_size=1, max_size=3))
)


@cases(700, cost=3)
@given(
    declared,
    st.lists(st.one_of(usual, tokens), max_size=2),
    lines,
    st.sampled_from((None, "initramfs-tools", "dracut")),
    st.booleans(),
)
def test_a_plan_is_refused_or_fit_to_be_carried_out(
    declared_: tuple[str, list[Any]], arguments: list[str], pending: str, tool: str | None, passthrough: bool
) -> None:
    name, raw = declared_
    inventory = inventory_of(name)
    entries = only_ours(parse_declaration, raw)
    if entries is None:
        return
    memory = Memory(PendingReboot("b", tuple(token.text for token in KernelCommandLine(pending).tokens)))
    plan = only_ours(
        make_plan, inventory, booting(inventory), Wishes(entries, passthrough, tuple(arguments)), memory, tool
    )
    if plan is None:
        return
    assert json.loads(json.dumps(plan)) == plan
    device_table(inventory, plan["devices"])
    wanted = read_plan(plan, {file["template"]: "" for file in plan["files"] if "template" in file})
    assert len(wanted.files) == len(plan["files"])
    for finding in verify(plan, inventory, []):
        assert finding.state == OK or finding.fix
    needed = {str(device.address) for device in inventory.devices if any(use.kind != "guest" for use in device.uses)}
    bound = {row["address"] for row in plan["devices"] if row["driver"]}
    assert not needed & bound
