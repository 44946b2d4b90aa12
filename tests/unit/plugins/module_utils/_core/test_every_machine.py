# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Promises that hold on every recorded machine, for every device of it, however it is declared."""

from __future__ import annotations

import contextlib
import functools
import json
import tempfile

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.boot import BootFacts, Evaluation
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import PassthroughError
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.memory import Memory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.plan import Wishes, make_plan
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import value
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.selection import select
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.verify import FAILED, verify
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.wanted import read_plan
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.tests.unit import machine_builder

DRIVERS = ("vfio-pci", "native")
each_machine = pytest.mark.parametrize("name", machine_builder.machine_names())


@functools.cache
def inventory_of(name):
    with tempfile.TemporaryDirectory() as root:
        return build_inventory(read_machine(machine_builder.build(name, root)))


def sample(inventory):
    """All devices, of a machine with many virtual functions every so manieth."""
    return inventory.devices[:: 1 + len(inventory.devices) // 30]


def declarations(device):
    """The ways to mean this device: by its address alone, by its ids (and so its twins), by its class."""
    if device.address.in_nova_reach:
        yield {"address": str(device.address)}
    yield {"vendor_id": device.vendor_id, "product_id": device.product_id}
    if device.class_code is not None:
        yield {"class": device.class_code[:4], "vendor_id": device.vendor_id}


@functools.cache
def selections(name):
    inventory = inventory_of(name)
    return [
        select(inventory, parse_declaration([{**keys, "driver": driver}]))
        for device in sample(inventory)
        for keys in declarations(device)
        for driver in DRIVERS
    ]


def booting(inventory):
    """A Debian host that boots what it runs."""
    line = inventory.running_command_line
    evaluated = Evaluation(linux="", linux_default=line)
    return BootFacts(
        running=line,
        tools=("update-grub", "grub-mkconfig"),
        mkconfig=value("for x in /etc/default/grub.d/*.cfg"),
        mkconfig_name="grub-mkconfig",
        grub_default=value(""),
        evaluated=evaluated,
        evaluated_without=evaluated,
        grub_cfg_path="/boot/grub/grub.cfg",
        grub_cfg=value(f"menuentry 'Debian' {{\n\tlinux /boot/vmlinuz root=/dev/a {line}\n}}\n"),
    )


def planned(name):
    """(device, plan) for every device that may be handed out by its address."""
    inventory = inventory_of(name)
    made = []
    for device in sample(inventory):
        for driver in DRIVERS:
            with contextlib.suppress(PassthroughError):
                entries = parse_declaration([{"address": str(device.address), "driver": driver}])
                plan = make_plan(inventory, booting(inventory), Wishes(entries), Memory(), "initramfs-tools")
                made.append((device, plan))
    return made


plans = functools.cache(planned)


@each_machine
def test_what_the_host_needs_is_never_chosen(name):
    inventory = inventory_of(name)
    needed = {device.address for device in inventory.devices for use in device.uses if use.kind != "guest"}
    for selection in selections(name):
        assert needed.isdisjoint(item.device.address for item in selection.chosen)


@each_machine
def test_every_refusal_says_why_and_what_to_do(name):
    for selection in selections(name):
        for refused in selection.refused:
            assert refused.reason
            assert refused.fix
        for problem in selection.problems:
            assert str(problem)
            assert "Traceback" not in str(problem)


@each_machine
def test_a_bridge_is_never_chosen(name):
    for selection in selections(name):
        assert [item.device for item in selection.chosen if item.device.is_bridge] == []


@each_machine
def test_a_device_goes_with_its_whole_group_or_not_at_all(name):
    """Whoever would be left on a native driver in the group of a device on vfio-pci must be harmless to the guest."""
    inventory = inventory_of(name)
    for device, plan in plans(name):
        rows = {row["address"]: row for row in plan["devices"] if row["driver"] == "vfio-pci"}
        if device.iommu_group is None or str(device.address) not in rows:
            continue
        members = [other for other in inventory.group(device.iommu_group) if not other.is_bridge]
        left = [str(other.address) for other in members if other.driver and str(other.address) not in rows]
        assert [
            one for one in left if inventory_driver(inventory, one) not in ("vfio-pci", "pci-stub", "pcieport")
        ] == []


def inventory_driver(inventory, address):
    return next(device.driver for device in inventory.devices if str(device.address) == address)


@each_machine
def test_a_plan_is_plain_data_that_the_writing_side_understands(name):
    for _device, plan in plans(name):
        assert json.loads(json.dumps(plan)) == plan
        templates = {item["template"]: "x\n" for item in plan["files"] if "template" in item}
        wanted = read_plan(plan, templates)
        assert [file.path for file in wanted.files] == [item["path"] for item in plan["files"]]


@each_machine
def test_the_same_question_gets_the_same_plan(name):
    assert planned(name) == plans(name)


def test_most_machines_have_something_to_hand_out():
    having = [name for name in machine_builder.machine_names() if plans(name)]
    assert len(having) > len(machine_builder.machine_names()) / 2


@each_machine
def test_what_is_left_native_is_verified_without_a_failure_of_its_driver(name):
    """A device on its own driver, declared native, is as planned already."""
    inventory = inventory_of(name)
    for device, plan in plans(name):
        findings = verify(plan, inventory, ())
        wrong = [item for item in findings if item.state == FAILED and item.check == f"driver of {device.address}"]
        planned = {row["address"]: row["driver"] for row in plan["devices"]}
        if planned.get(str(device.address)) in (None, device.driver):
            assert wrong == []
