# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nova_plan, nova_apply and nova_verify over a built host: the case matrix, and what is refused before anything is written."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.modules import nova_apply, nova_plan
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.nova_hosts import (
    debian_controller,
    write,
)

NIC = {"alias": "nic", "vendor_id": "8086", "product_id": "10d3", "device_type": "type-PCI"}
OWN = "etc/nova/nova-compute.conf.d/nova-pci-passthrough.conf"


def plan_of(run, root, **params):
    return run(nova_plan, root, **{"role": "compute", "devices": [NIC], **params})


def restarts(root):
    file = root / "restarts"
    return file.read_text(encoding="utf-8").split() if file.exists() else []


def test_the_case_matrix(run, compute):
    before = (compute / "etc/nova/nova.conf").read_bytes()
    planned = plan_of(run, compute)
    assert planned["changed"] is False
    plan = planned["plan"]
    assert [row["alias"] for row in plan["devices"]] == ["nic"]
    assert any("[pci]device_spec" in line for line in planned["table"])

    dry = run(nova_apply, compute, plan=plan, _ansible_check_mode=True)
    assert not (compute / OWN).exists()
    assert restarts(compute) == []
    first = run(nova_apply, compute, plan=plan, _ansible_diff=True)
    assert (first["changed"], first["actions"]) == (True, dry["actions"])
    assert restarts(compute) == ["nova-compute.service"]
    assert "device_spec" in (compute / OWN).read_text(encoding="utf-8")
    assert b"# before nova_pci.passthrough: alias" in (compute / "etc/nova/nova.conf").read_bytes()

    again = plan_of(run, compute)["plan"]
    assert again["files"] == plan["files"], "a second plan starts from the same ground"
    assert [row["state"] for row in again["settings"]] == ["ok", "ok"]
    assert not run(nova_apply, compute, plan=again)["changed"]

    changed = plan_of(run, compute, devices=[{**NIC, "numa_policy": "legacy"}])["plan"]
    assert run(nova_apply, compute, plan=changed)["changed"]
    assert restarts(compute) == ["nova-compute.service"] * 2

    assert run(nova_apply, compute, state="absent")["changed"]
    assert (compute / "etc/nova/nova.conf").read_bytes() == before
    assert not (compute / OWN).parent.exists()
    assert restarts(compute) == ["nova-compute.service"] * 3
    assert not run(nova_apply, compute, state="absent")["changed"]


def test_removal_does_not_switch_reports_to_placement_off(run, compute):
    run(nova_apply, compute, plan=plan_of(run, compute, placement="report")["plan"])
    failed = run(nova_apply, compute, state="absent")
    assert failed["failed"]
    assert "nova-compute does not start then" in failed["msg"]
    assert (compute / OWN).exists()
    assert run(nova_apply, compute, state="absent", providers_deleted=True)["changed"]


def test_a_service_that_does_not_come_up_brings_everything_back(run, compute):
    before = (compute / "etc/nova/nova.conf").read_bytes()
    write(compute, "exit", "1\n")
    failed = run(nova_apply, compute, plan=plan_of(run, compute)["plan"])
    assert failed["failed"]
    assert "nova-compute" in failed["msg"]
    assert (compute / "etc/nova/nova.conf").read_bytes() == before
    assert not (compute / OWN).exists()


def test_a_controller_needs_no_device(run, tmp_path):
    root = debian_controller(tmp_path / "root")
    write(root, "etc/nova/nova.conf", "[pci]\n")
    plan = plan_of(run, root, role="controller")["plan"]
    assert sorted(file["path"] for file in plan["files"]) == [
        "/etc/nova/nova-scheduler.conf.d/nova-pci-passthrough.conf",
        "/etc/nova/nova.conf.d/nova-pci-passthrough.conf",
    ]


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ({"role": "controller"}, "has not any of nova-api"),
        ({"devices": [{"alias": "a b:1", "vendor_id": "8086"}]}, "cannot be an alias"),
        ({"devices": [{**NIC, "vendor_id": 8086}]}, "is a number, not text"),
        ({"devices": [{**NIC, "numa_policy": "required"}, {**NIC, "slot": "1"}]}, "Nova refuses such an alias"),
        ({"devices": [{"alias": "a", "vendor_id": "8086"}]}, "has no product_id"),
        ({"release": "kilo"}, "is no release of Nova"),
        ({"release": "2024.1"}, "is not what is installed here"),
        ({"devices": [{**NIC, "managed": True}]}, "only Nova 31"),
    ],
)
def test_bad_input_is_refused_in_one_sentence(run, compute, params, problem):
    failed = plan_of(run, compute, **params)
    assert failed["failed"]
    assert problem in failed["msg"]
    assert "Traceback" not in failed["msg"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("  indented = 1\n", "cannot be read by nova-compute as it stands"),
        ('[pci]\ndevice_spec = {"vendor_id": "8086"} # all\n', "trailing-comment"),
        ('[pci]\ndevice_spec = {"vendor_id": "$nonsense"}\n', "nonsense"),
    ],
)
def test_a_configuration_that_nova_would_not_take_is_named(run, compute, text, problem):
    write(compute, "etc/nova/nova.conf", text)
    failed = plan_of(run, compute)
    assert failed["failed"]
    assert problem in failed["msg"]
    assert "/etc/nova/nova.conf" in failed["msg"]


def test_no_nova_installed(run, tmp_path):
    failed = plan_of(run, tmp_path)
    assert failed["failed"]
    assert "has not nova-compute (found: no service of Nova)" in failed["msg"]


SPARE = {"address": "0000:02:00.0", "reason": "driverctl is going to be removed"}


def test_nova_gets_what_an_override_covers_and_says_so(run, compute):
    write(compute, "etc/driverctl.d/0000:02:00.0", "vfio-pci\n")
    assert "belongs to another tool: driverctl binds it" in plan_of(run, compute)["msg"]
    plan = plan_of(run, compute, overrides=[SPARE])["plan"]
    assert [row["address"] for row in plan["devices"]] == ["0000:02:00.0"]
    assert plan["notes"][0].endswith(f"Reason: {SPARE['reason']}")
    run(nova_apply, compute, plan=plan)
    assert not run(nova_apply, compute, plan=plan_of(run, compute, overrides=[SPARE])["plan"])["changed"]


def test_the_linter_of_nova_s_plan_knows_what_is_covered(run, compute):
    write(compute, "sys/class/vtconsole/vtcon1/name", "(M) frame buffer device\n")
    write(compute, "sys/class/vtconsole/vtcon1/bind", "1\n")
    write(compute, "proc/iomem", "e0000000-e0ffffff : 0000:02:00.0\n  e0000000-e02fffff : efifb\n")
    assert "the console shows on the firmware's framebuffer" in plan_of(run, compute)["msg"]
    assert plan_of(run, compute, overrides=[SPARE])["plan"]["devices"]


@pytest.mark.parametrize("overrides", ["x", [{**SPARE, "reason": " "}], [{**SPARE, "address": "0000:01:00.0"}]])
def test_an_override_that_cannot_be_is_refused(run, compute, overrides):
    failed = plan_of(run, compute, overrides=overrides)
    assert failed["failed"]
    assert "pci_passthrough_overrides" in failed["msg"]


def test_the_plan_names_what_placement_will_be_told_and_nothing_where_it_is_told_nothing(run, compute):
    told = plan_of(run, compute, placement="report")["plan"]
    assert {(row["resource_class"], row["total"]) for row in told["providers"]} == {("CUSTOM_PCI_8086_10D3", 1)}
    assert {row["address"] for row in told["providers"]} == {row["address"] for row in told["devices"]}
    assert plan_of(run, compute)["plan"]["providers"] is None
