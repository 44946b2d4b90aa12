"""Bare hosts made ready, a reboot refused while servers run, then both hosts changed one after the other, no server lost."""

from __future__ import annotations

import pytest
from lab.recorded import failed_findings, reboots, results

COMPUTES = ("cmp1", "cmp2")


def held(seen: dict) -> dict[str, list[str]]:
    """The addresses of the devices of each guest that runs."""
    rows = [guest for guest in seen["guests"] if guest["running"]]
    return {guest["uuid"]: sorted(device["address"] for device in guest["devices"]) for guest in rows}


def boot(seen: dict) -> str:
    return next(line for line in seen["lines"] if line.startswith("boot "))


def test_bare_hosts_are_made_ready_one_after_the_other(runs, hosts_in_turn):
    assert reboots(runs["converge"]) == [True, True]
    assert hosts_in_turn(runs["converge"]) == ["cmp1", "cmp2"]


def test_a_server_with_devices_ran_on_each_host(seen):
    servers = seen("servers", "nova")["servers"]
    assert {name: (row["status"], row["host"]) for name, row in servers.items()} == {
        "on-cmp1": ("ACTIVE", "cmp1"),
        "on-cmp2": ("ACTIVE", "cmp2"),
    }
    for name in COMPUTES:
        (guest,) = seen("servers", name)["guests"]
        assert (guest["running"], len(guest["devices"])) == (True, 2)


def test_the_policy_that_allows_none_refuses_by_name(kept, own_run):
    said = kept("refused")["said"]
    assert "pci_passthrough_servers" in said
    assert "on-cmp1" in said
    assert results(own_run("refused"), "host_apply") == []


def test_without_credentials_a_host_with_a_guest_is_refused(kept, own_run):
    assert "there are no credentials to ask Nova about them" in kept("no_credentials")["said"]
    assert results(own_run("no_credentials"), "host_apply") == []


@pytest.mark.parametrize("whom", [*COMPUTES, "nova"])
def test_what_was_refused_was_not_touched(seen, whom):
    assert seen("refused", whom) == seen("servers", whom)


@pytest.mark.parametrize("name", ["refused", "no_credentials"])
def test_the_second_host_was_not_even_asked(own_run, hosts_in_turn, name):
    assert hosts_in_turn(own_run(name)) == ["cmp1"]


def test_the_second_host_waited_until_the_first_had_its_server_back(seen, runs, hosts_in_turn):
    assert hosts_in_turn(runs["change"]) == ["cmp1", "cmp2"]
    when = {
        name: {what: time for time, what in row["actions"]} for name, row in seen("changed", "nova")["servers"].items()
    }
    assert when["on-cmp1"]["stop"] < when["on-cmp1"]["start"] < when["on-cmp2"]["stop"] < when["on-cmp2"]["start"]


def test_one_reboot_each(seen, runs):
    assert reboots(runs["change"]) == [True, True]
    for name in COMPUTES:
        assert boot(seen("changed", name)) != boot(seen("refused", name))


def test_both_hosts_were_verified(runs, computes):
    for name, host in computes.items():
        assert results(runs["change"], "host_verify", name)
        assert " transparent_hugepage=madvise" in host.check_output("cat /proc/cmdline")
        assert not host.file("/var/lib/nova-pci-passthrough/drained.json").exists
    assert failed_findings(runs["change"]) == []


def test_no_server_was_lost(seen):
    before, after = (seen(stage, "nova")["servers"] for stage in ("servers", "changed"))
    for key in ("id", "status", "host"):
        assert {name: row[key] for name, row in after.items()} == {name: row[key] for name, row in before.items()}
    for row in after.values():
        assert [what for _time, what in row["actions"]] == ["create", "stop", "start"]


def test_each_guest_holds_the_devices_that_it_held(seen):
    for name in COMPUTES:
        before, after = (held(seen(stage, name)) for stage in ("servers", "changed"))
        assert after == before


@pytest.mark.parametrize("name", ["on-cmp1", "on-cmp2"])
def test_the_guests_see_them(holds_its_devices, name):
    assert holds_its_devices(name)


def test_both_services_are_enabled_again(seen):
    rows = seen("changed", "nova")["services"]
    assert {name: (row["status"], row["reason"]) for name, row in rows.items()} == dict.fromkeys(
        COMPUTES, ("enabled", None)
    )
