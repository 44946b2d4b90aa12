"""After site.yml with Placement: the compute reports its devices, and the schedulers ask Placement for them."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from lab.recorded import changed, failed_findings, reboots, results


def kept(name: str) -> dict:
    return json.loads((Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="session")
def inventories(cloud):
    """Name of each resource provider of a PCI device -> the resource classes that it has."""
    found = {}
    for provider in cloud.placement.resource_providers():
        if "_" in provider.name:
            rows = cloud.placement.get(f"/resource_providers/{provider.id}/inventories").json()["inventories"]
            found[provider.name] = {name: row["total"] for name, row in rows.items()}
    return found


def test_scheduling_before_any_compute_reports_was_refused():
    said = kept("too_early.json")["msg"]
    assert "pci_passthrough_placement: schedule" in said
    assert "cmp1" in said


def test_it_took_one_run_and_one_reboot(runs):
    assert reboots(runs["converge"]) == [True]
    assert changed(runs["converge again"]) == []


def test_placement_knows_exactly_the_devices_that_were_chosen(inventories, address, compute):
    links = compute.check_output(f"readlink /sys/bus/pci/devices/{address['nvme_sriov']}/virtfn*").split()
    assert len(links) == 2
    # Functions are counted at their card.
    wanted = {f"cmp1_{address[name].upper()}": {"CUSTOM_PCI_8086_10D3": 1} for name in ("nic_a", "nic_b")}
    wanted[f"cmp1_{address['nvme_sriov'].upper()}"] = {"CUSTOM_PCI_1B36_0010": 2}
    assert inventories == wanted


def test_the_compute_reports(settings):
    assert settings("converge again", "cmp1", "nova-compute", "[pci]report_in_placement") == ["true"]


@pytest.mark.parametrize("service", ["nova-api", "nova-scheduler", "nova-conductor"])
def test_each_service_that_schedules_asks_placement(settings, service):
    assert settings("converge again", "ctl", service, "[filter_scheduler]pci_in_placement") == ["true"]


def test_no_finding_failed(runs):
    for run in (runs["converge"], runs["converge again"]):
        assert results(run, "host_verify")
        assert results(run, "nova_verify")
        assert failed_findings(run) == []
