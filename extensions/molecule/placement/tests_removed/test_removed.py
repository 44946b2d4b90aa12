"""After the test servers, the refusals to fall silent, and the way back."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from lab.recorded import results

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


def test_each_alias_was_proven_by_nova_libvirt_and_the_guest(runs):
    verified = results(runs["servers"], "smoke_verify")
    proven = "nova proven, libvirt proven, guest proven"
    assert [row["line"] for row in verified] == [f"nic on cmp1: {proven}", f"nvmevf on cmp1: {proven}"]
    assert [len(row["addresses"]) for row in verified] == [2, 1]


@pytest.mark.parametrize("name", ["silence_run.json", "silence_removal.json"])
def test_the_end_of_the_reports_is_refused_with_the_way_to_it(name):
    said = json.loads((FOLDER / name).read_text(encoding="utf-8"))["msg"]
    assert "[pci]report_in_placement: would be switched off" in said
    assert "compute_providers_deleted: true" in said


@pytest.mark.parametrize("name", ["cmp1", "ctl"])
def test_every_file_of_nova_is_back_byte_for_byte(compute, controller, name):
    host = compute if name == "cmp1" else controller
    script = (Path(__file__).parents[2] / "openstack/manifest.sh").read_text(encoding="utf-8")
    before = (FOLDER / f"{name}.txt").read_text(encoding="utf-8").splitlines()
    after = host.run("sh -c %s", script).stdout.splitlines()
    assert len(before) > 15
    assert sorted(set(before) ^ set(after)) == []


def test_the_services_are_up_and_placement_knows_no_device(cloud, compute, controller):
    assert compute.service("nova-compute").is_running
    for service in ("nova-api", "nova-scheduler", "nova-conductor"):
        assert controller.service(service).is_running
    end = time.monotonic() + 180  # a nova-compute that was just started is "down" until its first report
    while {service.state for service in cloud.compute.services()} != {"up"}:
        assert time.monotonic() < end, "a service stays down"
        time.sleep(5)
    assert [provider.name for provider in cloud.placement.resource_providers() if "_" in provider.name] == []
