"""The same command after the repair: the first host gets back what it had, and the second has its turn."""

from __future__ import annotations

import pytest
from lab.recorded import failed_findings, results

COMPUTES = ("cmp1", "cmp2")


def held(seen: dict) -> dict[str, list[str]]:
    """The addresses of the devices of each guest that runs."""
    rows = [guest for guest in seen["guests"] if guest["running"]]
    return {guest["uuid"]: sorted(device["address"] for device in guest["devices"]) for guest in rows}


def test_the_first_host_was_not_rebooted_again(runs):
    by_role = [
        line["host"]
        for line in runs["repaired"]
        if line.get("action") == "ansible.builtin.reboot" and line["task"].startswith("nova_pci.passthrough.host : ")
    ]
    assert by_role == ["cmp2"]


def test_one_after_the_other(runs, hosts_in_turn):
    assert hosts_in_turn(runs["repaired"]) == ["cmp1", "cmp2"]


def test_both_hosts_are_verified(runs, computes):
    for name, host in computes.items():
        assert results(runs["repaired"], "host_verify", name)
        assert " nmi_watchdog=0" in host.check_output("cat /proc/cmdline")
        assert not host.file("/var/lib/nova-pci-passthrough/drained.json").exists
    assert failed_findings(runs["repaired"]) == []


def test_no_server_was_lost(seen):
    before, after = (seen(stage, "nova")["servers"] for stage in ("servers", "repaired"))
    for key in ("id", "status", "host"):
        assert {name: row[key] for name, row in after.items()} == {name: row[key] for name, row in before.items()}
    for row in after.values():
        assert [what for _time, what in row["actions"]] == ["create", "stop", "start", "stop", "start"]


def test_each_guest_holds_the_devices_that_it_held(seen):
    for name in COMPUTES:
        before, after = (held(seen(stage, name)) for stage in ("servers", "repaired"))
        assert after == before


@pytest.mark.parametrize("name", ["on-cmp1", "on-cmp2"])
def test_the_guests_see_them(holds_its_devices, name):
    assert holds_its_devices(name)


def test_both_services_are_enabled_again(seen):
    rows = seen("repaired", "nova")["services"]
    assert {name: (row["status"], row["reason"]) for name, row in rows.items()} == dict.fromkeys(
        COMPUTES, ("enabled", None)
    )
