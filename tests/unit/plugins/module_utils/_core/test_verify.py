# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""verify: every layer right, wrong and waiting, each told apart."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import (
    HostInventory,
    IommuState,
    PciDevice,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.verify import (
    FAILED,
    OK,
    PENDING,
    verify,
    with_verdicts,
)

NIC = parse_address("0000:02:00.0")
SIBLING = parse_address("0000:02:00.1")
BRIDGE = parse_address("0000:00:10.0")
PF = parse_address("0000:03:00.0")
VF = parse_address("0000:03:10.0")

HOST = HostInventory(
    devices=(
        PciDevice(BRIDGE, class_code="060400", driver="pcieport", iommu_group=14),
        PciDevice(NIC, "8086", "10d3", class_code="020000", driver="vfio-pci", iommu_group=14),
        PciDevice(SIBLING, "8086", "10d3", class_code="020000", driver=None, iommu_group=14),
        PciDevice(PF, "8086", "10c9", class_code="020000", driver="igb", iommu_group=15, virtual_functions=(VF,)),
        PciDevice(VF, "8086", "10ca", class_code="020000", driver="igbvf", iommu_group=16, physical_function=PF),
    ),
    iommu=IommuState(enabled=True, kind="intel", firmware_table="DMAR", groups=16),
    architecture="x86_64",
    cpu_vendor="GenuineIntel",
    kernel_release="6.1.0",
    boot_id="b",
    running_command_line="root=/dev/vda3 ro intel_iommu=on",
    vfio_pci="module",
)


def row(address, **values):
    return {"address": str(address), "role": "chosen", "driver": None, "num_vfs": 0, "vf_driver": None, **values}


def plan(*rows, wanted=("intel_iommu=on",), remove=(), dropped=(), waiting=False):
    return {
        "devices": list(rows),
        "kernel_arguments": {"wanted": list(wanted), "remove": list(remove), "dropped": list(dropped)},
        "reboot": {"required": waiting},
    }


def with_device(host, address, **values):
    devices = tuple(replace(device, **values) if device.address == address else device for device in host.devices)
    return replace(host, devices=devices)


def states(findings):
    return {finding.check: finding.state for finding in findings}


FULL = plan(
    row(NIC, driver="vfio-pci"),
    row(PF, role="parent", num_vfs=1, vf_driver="igbvf"),
    remove=("iommu=off",),
    dropped=("pci=nomsi",),
)


def test_a_host_that_shows_what_was_planned_has_only_good_findings():
    assert states(verify(FULL, HOST)) == {
        "kernel argument intel_iommu=on": OK,
        "kernel argument without iommu=off": OK,
        "kernel argument without pci=nomsi": OK,
        "iommu": OK,
        "driver of 0000:02:00.0": OK,
        "IOMMU group of 0000:02:00.0": OK,
        "virtual functions of 0000:03:00.0": OK,
        "driver of 0000:03:10.0": OK,
    }


OFF = replace(HOST.iommu, enabled=False, groups=0, reason="intel_iommu=on is missing")


@pytest.mark.parametrize(
    ("host", "check", "found"),
    [
        (
            replace(HOST, running_command_line="ro"),
            "kernel argument intel_iommu=on",
            "/proc/cmdline: ro",
        ),
        (
            replace(HOST, running_command_line="intel_iommu=on intel_iommu=off"),
            "kernel argument intel_iommu=on",
            "/proc/cmdline: intel_iommu=on intel_iommu=off",
        ),
        (
            replace(HOST, running_command_line="intel_iommu=on iommu=off"),
            "kernel argument without iommu=off",
            "/proc/cmdline: intel_iommu=on iommu=off",
        ),
        (
            replace(HOST, running_command_line="intel_iommu=on pci=nomsi"),
            "kernel argument without pci=nomsi",
            "/proc/cmdline: intel_iommu=on pci=nomsi",
        ),
        (replace(HOST, iommu=OFF), "iommu", "off: intel_iommu=on is missing"),
        (with_device(HOST, NIC, driver="e1000e"), "driver of 0000:02:00.0", "e1000e"),
        (with_device(HOST, NIC, driver=None), "driver of 0000:02:00.0", "no driver"),
        (with_device(HOST, NIC, iommu_group=None), "IOMMU group of 0000:02:00.0", "no group"),
        (with_device(HOST, PF, virtual_functions=()), "virtual functions of 0000:03:00.0", "0"),
        (with_device(HOST, VF, driver="vfio-pci"), "driver of 0000:03:10.0", "vfio-pci"),
    ],
)
def test_each_difference_is_one_finding_that_waits_for_the_reboot_or_fails(host, check, found):
    for waiting, state in ((False, FAILED), (True, PENDING)):
        findings = verify({**FULL, "reboot": {"required": waiting}}, host)
        wrong = [finding for finding in findings if finding.state != OK]
        assert [(finding.check, finding.state, finding.found) for finding in wrong] == [(check, state, found)]
        assert wrong[0].fix
        assert waiting == (wrong[0].fix == "reboot the host")


def test_a_block_of_huge_pages_is_held_against_the_line_as_a_whole():
    wanted = ("hugepagesz=1G", "hugepages=4", "hugepagesz=2M", "hugepages=512")
    for line, state in ((" ".join(wanted), OK), ("hugepagesz=2M hugepages=4", FAILED)):
        findings = verify(plan(wanted=wanted), replace(HOST, running_command_line=line))
        assert {finding.state for finding in findings} == {state}


def test_a_group_member_with_a_driver_of_its_own_fails_even_while_a_reboot_is_pending():
    host = with_device(HOST, SIBLING, driver="e1000e")
    wrong = [finding for finding in verify({**FULL, "reboot": {"required": True}}, host) if finding.state != OK]
    assert [(finding.check, finding.state) for finding in wrong] == [("IOMMU group of 0000:02:00.0", FAILED)]
    assert wrong[0].found == "0000:02:00.1 (8086:10d3 e1000e)"


@pytest.mark.parametrize(("waiting", "state"), [(False, FAILED), (True, PENDING)])
def test_a_device_that_is_gone_is_said_to_be_gone(waiting, state):
    findings = verify(plan(row("0000:77:00.0", driver="vfio-pci"), waiting=waiting), HOST)
    assert states(findings)["device 0000:77:00.0"] == state


def test_refused_devices_and_native_drivers_are_nobodys_finding():
    findings = verify(plan(row("0000:77:00.0", role="refused", driver="vfio-pci"), row(PF), wanted=()), HOST)
    assert [finding for finding in findings if finding.check != "iommu"] == []


def test_without_vfio_the_iommu_is_not_asked_for():
    findings = verify(plan(row(PF, num_vfs=1), wanted=()), replace(HOST, iommu=OFF))
    assert states(findings) == {"virtual functions of 0000:03:00.0": OK}


def test_what_a_dry_run_would_still_do_is_a_failed_finding():
    finding = verify(plan(wanted=()), HOST, ["write /etc/x"])[0]
    assert finding.to_dict() == {
        "check": "configuration",
        "state": "failed",
        "ok": False,
        "expected": "nothing left to do",
        "found": "write /etc/x",
        "fix": "run playbooks/site.yml",
        "address": None,
    }


def test_each_row_gets_the_worst_of_its_findings_and_a_refused_one_keeps_its_own():
    host = with_device(with_device(HOST, NIC, driver="e1000e"), PF, virtual_functions=())
    refused = row("0000:09:00.0", role="refused", verdict="refused")
    rows = {**FULL, "devices": [*FULL["devices"], row(VF), refused]}
    verdicts = [item["verdict"] for item in with_verdicts(rows, verify(rows, host))]
    assert verdicts == [
        "failed: driver of 0000:02:00.0: e1000e, expected vfio-pci",
        "failed: virtual functions of 0000:03:00.0: 0, expected 1",
        "ready",
        "refused",
    ]
    waiting = {**rows, "reboot": {"required": True}}
    verdicts = [item["verdict"] for item in with_verdicts(waiting, verify(waiting, host))]
    assert verdicts == ["pending reboot", "pending reboot", "ready", "refused"]


def test_a_group_member_on_vfio_pci_or_without_dma_is_no_stranger():
    for harmless in ("vfio-pci", "pci-stub", None):
        findings = verify(FULL, with_device(HOST, SIBLING, driver=harmless))
        assert states(findings)["IOMMU group of 0000:02:00.0"] == OK


def test_a_failure_weighs_more_than_what_waits_for_the_reboot():
    host = with_device(with_device(HOST, NIC, driver="e1000e"), SIBLING, driver="e1000e")
    waiting = {**FULL, "reboot": {"required": True}}
    verdict = with_verdicts(waiting, verify(waiting, host))[0]["verdict"]
    assert verdict.startswith("failed: IOMMU group of 0000:02:00.0: 0000:02:00.1 (8086:10d3 e1000e), expected group 14")
