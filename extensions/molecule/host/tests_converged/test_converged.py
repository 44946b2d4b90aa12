"""After the run, and again after a cold boot: the machine shows what was declared, and the record how it got there."""

from __future__ import annotations

import pytest
from lab.recorded import changed, executed, reboots, results


def test_the_iommu_is_on(host):
    assert int(host.check_output("ls /sys/kernel/iommu_groups | wc -l")) > 10
    assert "intel_iommu=on" in host.check_output("cat /proc/cmdline").split()
    assert "intel_iommu=off" not in host.check_output("cat /proc/cmdline").split()


@pytest.mark.parametrize("name", ["spare_nic", "gpu", "gpu_audio", "shared_edu", "shared_nic", "numa_nic"])
def test_declared_devices_and_their_companions_are_on_vfio_pci(driver, address, name):
    assert driver(address[name]) == "vfio-pci"


@pytest.mark.parametrize(
    ("name", "native"),
    [("ssh_nic", "e1000e"), ("nvme_data", "nvme"), ("root_disk", "virtio-pci"), ("sriov_nic", "igb")],
)
def test_what_the_host_needs_keeps_its_driver(driver, address, name, native):
    assert driver(address[name]) == native


def test_the_data_disk_is_still_mounted(host):
    assert host.mount_point("/srv/data").exists


@pytest.mark.parametrize(("name", "count", "bound"), [("sriov_nic", 4, "igbvf"), ("nvme_sriov", 2, "vfio-pci")])
def test_virtual_functions_are_there_on_the_driver_asked_for(host, functions, address, name, count, bound):
    links = functions(address[name])
    assert len(links) == count
    for link in links:
        assert host.check_output(f"basename $(readlink {link}/driver)") == bound


def test_the_unit_ran_before_anything_that_hands_out_devices(host):
    assert host.service("nova-pci-passthrough").is_enabled
    before = host.check_output("systemctl show -p Before --value nova-pci-passthrough.service").split()
    assert {"libvirtd.service", "nova-compute.service"} <= set(before)
    assert host.check_output("systemctl show -p Result --value nova-pci-passthrough.service") == "success"


def test_the_early_bind_is_in_the_initramfs(host):
    listing = host.check_output("lsinitramfs /boot/initrd.img-$(uname -r)")
    assert "scripts/init-top/nova-pci-passthrough" in listing
    assert "vfio-pci.ko" in listing


def test_check_mode_named_exactly_what_the_run_then_changed(runs):
    promised = results(runs["check"], "host_apply")[0]
    done = results(runs["no_consent"], "host_apply")[0]
    assert promised["changed"]
    assert promised["actions"] == done["actions"]
    assert len(done["actions"]) > 5


def test_without_consent_the_run_ends_with_the_reboot_pending_and_why(runs):
    applied = results(runs["no_consent"], "host_apply")
    assert [result["reboot"]["required"] for result in applied] == [True]
    assert "the running kernel does not have intel_iommu=on yet" in applied[0]["reboot"]["reasons"]
    assert reboots(runs["no_consent"]) == []
    findings = results(runs["no_consent"], "host_verify")[0]["findings"]
    # What was written is there, and no card has moved; what the kernel does waits.
    now = [row for row in findings if row["check"].startswith(("file ", "card at "))]
    assert now
    assert {row["state"] for row in now} == {"ok"}
    assert {row["state"] for row in findings if row not in now} == {"pending reboot"}


def test_with_consent_the_next_run_only_reboots_once_and_all_is_there(runs):
    assert reboots(runs["converge"]) == [True]
    assert [result["actions"] for result in results(runs["converge"], "host_apply")] == [[], []]
    findings = results(runs["converge"], "host_verify")[-1]["findings"]
    assert len(findings) > 10
    assert [finding for finding in findings if not finding["ok"]] == []


def test_the_second_run_changes_nothing_with_at_most_four_module_executions(runs):
    assert changed(runs["converge again"]) == []
    assert 2 <= len(executed(runs["converge again"])) <= 4
