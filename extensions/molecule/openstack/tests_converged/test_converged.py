"""After site.yml: the host, Nova's services and the flavors are as declared, and every service has the same words."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from lab.recorded import changed, executed, failed_findings, parsed, reboots, results

DEVICES = "/sys/bus/pci/devices"
ALIAS = "[pci]alias"


def functions(compute, address: dict[str, str]) -> list[str]:
    links = compute.check_output(f"for l in {DEVICES}/{address['nvme_sriov']}/virtfn*; do readlink $l; done").split()
    return [link.rpartition("/")[2] for link in links]


def test_the_dry_run_changed_nothing_and_named_what_the_controller_then_got(runs):
    promised = results(runs["check"], "nova_apply", "ctl")[0]
    done = results(runs["converge"], "nova_apply", "ctl")[0]
    assert promised["changed"]
    assert promised["actions"] == done["actions"]
    assert results(runs["converge"], "host_apply", "cmp1")[0]["changed"], "the dry run had done it already"


def test_one_reboot_and_the_devices_are_ready(runs, compute, address):
    assert reboots(runs["converge"]) == [True]
    for name in ("nic_a", "nic_b"):
        assert compute.check_output(f"readlink {DEVICES}/{address[name]}/driver").endswith("/vfio-pci")
    assert len(functions(compute, address)) == 2


def test_the_compute_hands_out_exactly_what_was_chosen(settings, spec_option, compute, address):
    specs = parsed(settings("converge again", "cmp1", "nova-compute", spec_option))
    wanted = {address["nic_a"], address["nic_b"], *functions(compute, address)}
    assert {spec["address"] for spec in specs} == wanted


def test_the_alias_is_the_same_text_on_every_service(settings):
    texts = settings("converge again", "cmp1", "nova-compute", ALIAS)
    assert texts == settings("converge again", "ctl", "nova-api", ALIAS)
    assert {(alias["name"], alias["device_type"]) for alias in parsed(texts)} == {
        ("nic", "type-PCI"),
        ("nvmevf", "type-VF"),
    }


def test_the_filter_stands_once_at_the_end_of_what_the_scheduler_had(settings):
    (value,) = settings("converge again", "ctl", "nova-scheduler", "[filter_scheduler]enabled_filters")
    filters = value.split(",")
    assert filters[-1] == "PciPassthroughFilter"
    assert filters.count("PciPassthroughFilter") == 1
    assert "ComputeFilter" in filters


def test_no_controller_has_a_device_spec(controller):
    found = controller.run("grep -rlE '^(device_spec|passthrough_whitelist) *=' /etc/nova")
    assert found.stdout == ""


@pytest.mark.parametrize("service", ["nova-api", "nova-scheduler", "nova-conductor"])
def test_the_controllers_services_run(controller, service):
    assert controller.service(service).is_running


@pytest.mark.parametrize("service", ["nova-compute", "libvirtd.socket"])
def test_the_computes_services_run(compute, service):
    assert compute.service(service).is_running


def test_nova_itself_says_that_its_services_are_up(cloud):
    services = {service.binary: service.state for service in cloud.compute.services()}
    assert services == {"nova-compute": "up", "nova-scheduler": "up", "nova-conductor": "up"}


def test_the_flavors_ask_for_the_devices(cloud):
    flavors = {flavor.name: flavor for flavor in cloud.compute.flavors(details=True, get_extra_specs=True)}
    assert flavors["pci.nic2"].extra_specs["pci_passthrough:alias"] == "nic:2"
    assert flavors["pci.nvmevf"].extra_specs["pci_passthrough:alias"] == "nvmevf:1"


def test_run_again_nothing_changes_and_little_is_executed(runs):
    again = runs["converge again"]
    assert changed(again) == []
    ours = [name.removeprefix("nova_pci.passthrough.") for name in executed(again)]
    compute = ["host_plan", "host_apply", "host_verify", "nova_plan", "nova_apply", "nova_verify"]
    assert ours == [*compute, "nova_plan", "nova_apply", "nova_verify", "flavors"]


def test_no_finding_failed(runs):
    for run in (runs["converge"], runs["converge again"]):
        assert results(run, "host_verify")
        assert results(run, "nova_verify")
        assert failed_findings(run) == []


def test_a_nightly_run_finds_no_drift_and_changes_nothing(runs):
    assert changed(runs["drift"]) == []
    folder = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "pci-verify"
    report = json.loads((folder / "verify.json").read_text(encoding="utf-8"))
    assert sorted(report["hosts"]) == ["cmp1", "ctl"]
    assert {row["layer"] for row in report["cloud"]["findings"]} == {"flavor"}
    rows = [row for place in (*report["hosts"].values(), report["cloud"]) for row in place["findings"]]
    assert len(rows) > 30
    assert {row["layer"] for row in rows} == {"host", "compute", "controller", "flavor", "fleet"}
    assert [row for row in rows if row["state"] != "ok"] == []
    assert "lab-secret" not in (folder / "verify.html").read_text(encoding="utf-8")


def test_no_secret_left_a_host_or_entered_a_journal(compute, controller):
    assert "lab-secret" not in Path(os.environ["NOVA_PCI_RECORD"]).read_text(encoding="utf-8")
    for host in (compute, controller):
        assert host.run("grep -q lab-secret /etc/nova/nova.conf").rc == 0, "there is no secret to leak"
        assert host.run("grep -rl lab-secret /var/lib/nova-pci-passthrough-nova").stdout == ""
        journal = json.loads(host.check_output("cat /var/lib/nova-pci-passthrough-nova/journal.json"))
        assert journal["files"]


def test_modes_and_owners_of_nova_conf_are_kept(compute, controller):
    for host, name in ((compute, "cmp1"), (controller, "ctl")):
        before = (Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / f"{name}.txt").read_text(encoding="utf-8")
        now = host.check_output("find /etc/nova/nova.conf -printf '%y %m %u:%g %p %l\n'")
        assert now.strip() in before
