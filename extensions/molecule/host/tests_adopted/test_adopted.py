"""After the run on the moved card: the plan says where it went, the card is bound there, and nova-compute starts."""

from __future__ import annotations

from lab.recorded import reboots, results


def test_the_plan_says_where_the_card_was_and_where_it_is(runs, address):
    notes = results(runs["adopt"], "host_plan")[0]["plan"]["notes"]
    former, now = address["twin_nic"], address["spare_nic"]
    assert (
        f"pci_passthrough_devices[0]: the card with serial 52-54-00-ff-ff-4c-00-02 was {former} and is {now} (8086:10d3 "
        f"e1000e) now; another card, {former} (8086:10d3 e1000e), stands at its former address"
    ) in notes


def test_the_card_is_bound_where_it_is_and_its_twin_is_left_alone(driver, address):
    assert (driver(address["spare_nic"]), driver(address["twin_nic"])) == ("vfio-pci", "e1000e")


def test_all_is_as_planned_without_a_reboot(runs):
    assert reboots(runs["adopt"]) == []
    findings = results(runs["adopt"], "host_verify")[0]["findings"]
    assert [finding for finding in findings if not finding["ok"]] == []


def test_nova_compute_starts_without_further_ado(host):
    assert host.service("nova-compute").is_running
    assert "none of" in host.check_output("systemctl status --no-pager --full nova-compute")
