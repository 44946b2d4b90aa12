"""After remove.yml and its reboot: every file's bytes and the kernel's state are what they were."""

from __future__ import annotations

import os
from pathlib import Path

from lab.recorded import changed, reboots


def test_every_file_is_back_byte_for_byte(host):
    script = (Path(__file__).parents[1] / "manifest.sh").read_text(encoding="utf-8")
    before = (
        (Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / "pristine.txt").read_text(encoding="utf-8").splitlines()
    )
    after = host.run("sh -c %s", script).stdout.splitlines()
    assert len(before) > 500
    assert sorted(set(before) ^ set(after)) == []


def test_the_kernel_is_back_to_no_iommu(host):
    assert host.check_output("ls /sys/kernel/iommu_groups | wc -l") == "0"
    assert "intel_iommu=off" in host.check_output("cat /proc/cmdline").split()


def test_no_device_is_left_on_vfio_pci_and_no_virtual_function_is_left(host):
    assert host.run("ls -d /sys/bus/pci/drivers/vfio-pci/0*").rc != 0
    assert host.run("ls -d /sys/bus/pci/devices/*/virtfn0").rc != 0


def test_the_removal_rebooted_once_and_a_second_one_changes_nothing(runs):
    assert reboots(runs["remove"]) == [True]
    assert changed(runs["remove again"]) == []
