"""After the declaration was changed: what left it is the host's again, the rest stays, and none of it took a reboot."""

from __future__ import annotations

import pytest
from lab.recorded import changed, executed, reboots, results


def test_before_the_change_verify_found_no_drift_and_changed_nothing(runs):
    assert changed(runs["drift"]) == []
    assert results(runs["drift"], "host_apply")[0]["actions"] == []
    findings = results(runs["drift"], "host_verify")[0]["findings"]
    assert len(findings) > 10
    assert [finding for finding in findings if not finding["ok"]] == []


@pytest.mark.parametrize(
    ("name", "bound"),
    [("numa_nic", "vmxnet3"), ("spare_nic", "vfio-pci"), ("gpu", "vfio-pci"), ("shared_nic", "vfio-pci")],
)
def test_what_left_the_declaration_is_back_on_its_driver_and_the_rest_stays(driver, address, name, bound):
    assert driver(address[name]) == bound


@pytest.mark.parametrize(("name", "count"), [("sriov_nic", 2), ("nvme_sriov", 0)])
def test_the_counts_of_virtual_functions_are_the_new_ones(functions, address, name, count):
    assert len(functions(address[name])) == count


def test_the_change_took_no_reboot_and_all_is_as_planned(runs):
    assert reboots(runs["change"]) == []
    assert results(runs["change"], "host_apply")[0]["changed"]
    findings = results(runs["change"], "host_verify")[0]["findings"]
    assert [finding for finding in findings if not finding["ok"]] == []


def test_run_again_it_changes_nothing(runs):
    assert changed(runs["change again"]) == []
    assert len(executed(runs["change again"])) <= 4
