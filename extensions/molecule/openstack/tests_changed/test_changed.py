"""After the test servers, a request for too much, and a changed declaration."""

from __future__ import annotations

import json
import os
from pathlib import Path

from lab.leaks import leaks
from lab.recorded import parsed, reboots, results


def test_each_alias_was_proven_by_nova_libvirt_and_the_guest(runs):
    verified = results(runs["servers"], "smoke_verify")
    proven = "nova proven, libvirt proven, guest proven"
    assert [row["line"] for row in verified] == [f"nic on cmp1: {proven}", f"nvmevf on cmp1: {proven}"]
    assert [len(row["addresses"]) for row in verified] == [2, 1]


def test_the_devices_were_free_again_afterwards(runs):
    seen = [row["guests"] for row in results(runs["servers"], "guest_devices_info")]
    assert [len(guests) for guests in seen] == [1, 0, 1, 0]


def test_a_request_for_too_much_is_explained():
    said = json.loads((Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "too_many.json").read_text(encoding="utf-8"))
    assert said["story"]["layer"] == "filter"
    assert "no 3 free device(s) for nic" in said["story"]["what"]
    assert said["story"]["fix"]


def test_a_service_that_does_not_start_brings_the_former_files_back():
    kept = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "broken_service.json"
    case = json.loads(kept.read_text(encoding="utf-8"))
    assert "nova-scheduler" in case["said"]["msg"]
    assert "the lab refuses NUMATopologyFilter" in case["said"]["msg"], "the service's own words are missing"
    assert "Everything is back as it was before this run" in case["said"]["msg"]
    assert case["before"] == case["after"]
    assert len(case["before"]) > 15


def test_nothing_of_the_test_servers_is_left(cloud):
    assert list(cloud.compute.servers(details=False, all_projects=True)) == []
    names = [flavor.name for flavor in cloud.compute.flavors()]
    assert not [name for name in names if "smoke" in name]


def test_the_change_restarted_who_reads_the_alias_and_nobody_else(runs):
    assert reboots(runs["change"]) == []
    restarts = {
        host: [action for action in results(runs["change"], "nova_apply", host)[0]["actions"] if "restart" in action]
        for host in ("cmp1", "ctl")
    }
    assert [action.split()[-1] for action in restarts["cmp1"]] == ["nova-compute"]
    assert [action.split()[-1] for action in restarts["ctl"]] == ["nova-api"]


def test_what_left_the_declaration_left_nova(settings):
    for host, service in (("cmp1", "nova-compute"), ("ctl", "nova-api")):
        assert [alias["name"] for alias in parsed(settings("change", host, service, "[pci]alias"))] == ["nic"]


def test_the_flavor_that_nobody_declares_any_more_stays_unless_it_is_to_be_pruned(cloud):
    assert "pci.nvmevf" in [flavor.name for flavor in cloud.compute.flavors()]


def test_what_the_hosts_remember_holds_no_password_and_is_roots_alone(compute, controller, passwords):
    for host in (compute, controller):
        found = host.check_output("find /var/lib/nova-pci-passthrough* -type f -printf '%m %p\n'")
        files = dict(line.split(" ", 1)[::-1] for line in found.splitlines())
        assert "/var/lib/nova-pci-passthrough-nova/journal.json" in files
        assert {path for path, mode in files.items() if mode != "600"} == set()
        for path in files:
            assert leaks(host.file(path).content.decode("utf-8", "replace"), passwords) == []
