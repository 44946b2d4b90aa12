"""After remove.yml: nova.conf and everything beside it is back byte for byte, flavors are gone, services are up."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lab.recorded import changed, results


@pytest.mark.parametrize("name", ["cmp1", "ctl"])
def test_every_file_of_nova_is_back_byte_for_byte(compute, controller, name):
    host = compute if name == "cmp1" else controller
    script = (Path(__file__).parents[1] / "manifest.sh").read_text(encoding="utf-8")
    kept = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / f"{name}.txt"
    before = kept.read_text(encoding="utf-8").splitlines()
    after = host.run("sh -c %s", script).stdout.splitlines()
    assert len(before) > 15
    assert sorted(set(before) ^ set(after)) == []


def test_no_memory_of_us_is_left(compute, controller):
    for host in (compute, controller):
        assert not host.file("/var/lib/nova-pci-passthrough-nova").exists


def test_the_flavors_are_gone(cloud):
    assert [flavor.name for flavor in cloud.compute.flavors() if flavor.name.startswith("pci.")] == []


def test_the_services_are_up(cloud, compute, controller):
    assert compute.service("nova-compute").is_running
    for service in ("nova-api", "nova-scheduler", "nova-conductor"):
        assert controller.service(service).is_running
    assert {service.state for service in cloud.compute.services()} == {"up"}


def test_the_services_were_restarted_with_their_former_configuration(runs):
    actions = [action for row in results(runs["remove"], "nova_apply") for action in row["actions"]]
    for service in ("nova-compute", "nova-api", "nova-scheduler"):
        assert any(action.endswith(f"restart {service}") for action in actions)


def test_a_second_removal_changes_nothing(runs):
    assert changed(runs["remove again"]) == []
