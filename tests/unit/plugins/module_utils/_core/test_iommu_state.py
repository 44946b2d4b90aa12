# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/iommu_state.py: what is on or off, and the reason in words."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.iommu_state import (
    build_iommu_state,
    cpu_vendor,
    iommu_arguments,
    split_command_line,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import IommuState
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import ABSENT, unreadable, value
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.snapshot import GroupSnapshot, MachineSnapshot

INTEL = "processor\t: 0\nvendor_id\t: GenuineIntel\nmodel name\t: Xeon"
AMD = "processor\t: 0\nvendor_id\t: AuthenticAMD"
HYGON = "processor\t: 0\nvendor_id\t: HygonGenuine"
NO_FIRMWARE_INTEL = (
    "the firmware hands over no DMAR table; switch on Intel VT-d in the BIOS or UEFI setup, "
    "or give the virtual machine an IOMMU"
)
NO_FIRMWARE_AMD = (
    "the firmware hands over no IVRS table; switch on AMD-Vi (IOMMU) in the BIOS or UEFI setup, "
    "or give the virtual machine an IOMMU"
)
NO_FIRMWARE_ARM = (
    "the firmware hands over no IORT table; switch on the SMMU in the BIOS or UEFI setup, "
    "or give the virtual machine an IOMMU"
)
ADD_ARGUMENT = "the kernel argument intel_iommu=on is missing; add it and reboot"
PENDING = "intel_iommu=on is configured, but the running kernel was started without it: reboot"


def look_into_log(what: str) -> str:
    return (
        f"the firmware and the kernel have {what} and no argument turns it off, yet no IOMMU group exists; "
        "look for DMAR, AMD-Vi or SMMU in the kernel's log (dmesg)"
    )


def machine(line: str = "ro quiet", tables: tuple[str, ...] = ("APIC", "DMAR"), **more: object) -> MachineSnapshot:
    base = MachineSnapshot(
        architecture="x86_64",
        kernel_release=value("6.1.0"),
        command_line=value(line),
        cpuinfo=value(INTEL),
        firmware_tables=tables,
        interrupts=value(" 0: 9 IO-APIC 2-edge timer"),
    )
    return replace(base, **more)


def groups(*types: str) -> tuple[GroupSnapshot, ...]:
    return tuple(GroupSnapshot(str(number), value(word)) for number, word in enumerate(types))


@pytest.mark.parametrize(
    ("snapshot", "configured", "reason"),
    [
        (machine(), None, ADD_ARGUMENT),
        (machine(), (), ADD_ARGUMENT),
        (machine(), ("quiet", "intel_iommu=on"), PENDING),
        (machine(), ("intel_iommu=sm_on,on",), PENDING),
        (machine(), ("intel_iommu=sm_on",), ADD_ARGUMENT),
        (machine("intel_iommu=on"), None, look_into_log("Intel VT-d")),
        (
            machine("intel_iommu=off"),
            None,
            "the kernel was started with intel_iommu=off; take it out of the kernel arguments and reboot",
        ),
        (
            machine("intel_iommu=off"),
            ("intel_iommu=on",),
            "the running kernel was started with intel_iommu=off; the configuration no longer has it: reboot",
        ),
        (
            machine("intel_iommu=off"),
            ("intel_iommu=off",),
            "the kernel was started with intel_iommu=off; take it out of the kernel arguments and reboot",
        ),
        (machine("intel_iommu=off intel_iommu=on"), None, look_into_log("Intel VT-d")),
        (
            machine("intel_iommu=on intel_iommu=sm_on,off"),
            None,
            "the kernel was started with intel_iommu=sm_on,off; take it out of the kernel arguments and reboot",
        ),
        (
            machine("iommu=off intel_iommu=on"),
            None,
            "the kernel was started with iommu=off; take it out of the kernel arguments and reboot",
        ),
        (
            machine("intel-iommu=off"),
            None,
            "the kernel was started with intel-iommu=off; take it out of the kernel arguments and reboot",
        ),
        (machine("amd_iommu=off intel_iommu=on"), None, look_into_log("Intel VT-d")),
        (machine("intel_iommu=on", ("APIC",)), None, NO_FIRMWARE_INTEL),
        (machine("intel_iommu=off", ("APIC",)), None, NO_FIRMWARE_INTEL),
        (machine(tables=("APIC",), cpuinfo=value(AMD)), None, NO_FIRMWARE_AMD),
        (machine(tables=("APIC",), cpuinfo=value(HYGON)), None, NO_FIRMWARE_AMD),
        (machine(tables=(), cpuinfo=ABSENT), None, NO_FIRMWARE_INTEL),
        (machine("ro", ("IVRS",), cpuinfo=value(AMD)), None, look_into_log("AMD-Vi (IOMMU)")),
        (
            machine("amd_iommu=force_isolation,off", ("IVRS",), cpuinfo=value(AMD)),
            None,
            "the kernel was started with amd_iommu=force_isolation,off; take it out of the kernel arguments and reboot",
        ),
        (machine("intel_iommu=off", ("IVRS",), cpuinfo=value(AMD)), None, look_into_log("AMD-Vi (IOMMU)")),
        # An emulated Intel IOMMU under an AMD processor: the firmware's table decides.
        (machine(cpuinfo=value(AMD)), None, ADD_ARGUMENT),
        (
            machine(kernel_config=value("CONFIG_PCI=y\n# CONFIG_INTEL_IOMMU is not set")),
            None,
            "the kernel 6.1.0 is built without CONFIG_INTEL_IOMMU; boot a kernel of the distribution that has it",
        ),
        (
            machine(kernel_config=value("CONFIG_INTEL_IOMMU=y\n# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set")),
            None,
            ADD_ARGUMENT,
        ),
        (
            machine(kernel_config=value("CONFIG_INTEL_IOMMU=y\nCONFIG_INTEL_IOMMU_DEFAULT_ON=y")),
            None,
            look_into_log("Intel VT-d"),
        ),
        (
            machine(kernel_config=value("CONFIG_INTEL_IOMMU=y\nCONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF=y")),
            None,
            look_into_log("Intel VT-d"),
        ),
        (machine(kernel_config=unreadable("Permission denied")), None, ADD_ARGUMENT),
        (machine(tables=("IORT",), architecture="aarch64", cpuinfo=ABSENT), None, look_into_log("the SMMU")),
        (
            machine(tables=(), architecture="aarch64", cpuinfo=ABSENT),
            None,
            NO_FIRMWARE_ARM,
        ),
        (machine("iommu=off", ("IORT",), architecture="aarch64"), None, look_into_log("the SMMU")),
        (machine(tables=("VIOT",)), None, look_into_log("the virtual IOMMU")),
        (machine(tables=(), architecture="s390x"), None, "the collection knows no IOMMU of the architecture s390x"),
    ],
)
def test_reason(snapshot, configured, reason):
    state = build_iommu_state(snapshot, configured)
    assert (state.enabled, state.reason) == (False, reason)


def test_an_iommu_that_is_on_has_no_reason():
    snapshot = machine(
        "intel_iommu=on iommu=pt root=/dev/sda1",
        iommu_units=("dmar0", "dmar1"),
        iommu_groups=groups("identity", "identity"),
        interrupts=value(" 24: 1 IR-PCI-MSI-0000:00:01.0 0-edge"),
    )
    assert build_iommu_state(snapshot, ("intel_iommu=on", "quiet")) == IommuState(
        enabled=True,
        kind="intel",
        firmware_table="DMAR",
        units=("dmar0", "dmar1"),
        groups=2,
        default_domain="identity",
        interrupt_remapping=True,
        arguments_running=("intel_iommu=on", "iommu=pt"),
        arguments_configured=("intel_iommu=on",),
    )


@pytest.mark.parametrize(
    ("units", "kind"),
    [
        (("dmar0",), "intel"),
        (("ivhd0", "ivhd1"), "amd"),
        (("smmu3.0x0000000140000000",), "smmuv3"),
        (("smmu.0x000000002b400000",), "smmu"),
        (("virtio2",), "virtio"),
        (("iommu-phb0000",), None),
        (("dmarx", "ivhd"), None),
        ((), None),
    ],
)
def test_kind(units, kind):
    assert build_iommu_state(machine(iommu_units=units)).kind == kind


@pytest.mark.parametrize(
    ("types", "domain"),
    [((), None), (("DMA",), "DMA"), (("DMA-FQ", "DMA-FQ"), "DMA-FQ"), (("DMA-FQ", "identity"), "mixed")],
)
def test_default_domain(types, domain):
    assert build_iommu_state(machine(iommu_groups=groups(*types))).default_domain == domain


def test_groups_of_vfio_without_an_iommu_do_not_count():
    fake = (GroupSnapshot("0", ABSENT, value("vfio-noiommu")),)
    state = build_iommu_state(machine(iommu_groups=fake))
    assert (state.enabled, state.groups, state.reason) == (False, 0, ADD_ARGUMENT)


@pytest.mark.parametrize(
    ("architecture", "interrupts", "remapped"),
    [
        ("x86_64", value("24: 1 IR-IO-APIC 2-edge timer"), True),
        ("x86_64", value("24: 1 PCI-MSI 2-edge AIR-1"), False),
        ("x86_64", unreadable("Permission denied"), None),
        ("x86_64", ABSENT, None),
        ("aarch64", value("24: 1 ITS-MSI 2 Edge eth0"), None),
    ],
)
def test_interrupt_remapping(architecture, interrupts, remapped):
    assert build_iommu_state(machine(architecture=architecture, interrupts=interrupts)).interrupt_remapping is remapped


def test_what_cannot_be_read_is_named():
    state = build_iommu_state(
        machine(
            command_line=unreadable("Input/output error"),
            interrupts=unreadable("Permission denied"),
            iommu_groups=(GroupSnapshot("7", unreadable("Is a directory")),),
        )
    )
    assert state.unreadable == (
        ("command line", "Input/output error"),
        ("interrupts", "Permission denied"),
        ("type of IOMMU group 7", "Is a directory"),
    )
    assert state.to_dict()["unreadable"][2] == {"what": "type of IOMMU group 7", "why": "Is a directory"}


@pytest.mark.parametrize(
    ("tokens", "found"),
    [
        (("intel_iommu=on", "iommu=pt", "quiet"), ("intel_iommu=on", "iommu=pt")),
        (("iommu.passthrough=1", "iommu.strict=0"), ("iommu.passthrough=1", "iommu.strict=0")),
        (("arm-smmu-v3.disable_bypass=1", "arm-smmu.x=1"), ("arm-smmu-v3.disable_bypass=1", "arm-smmu.x=1")),
        (("vfio_iommu_type1.allow_unsafe_interrupts=1",), ("vfio_iommu_type1.allow_unsafe_interrupts=1",)),
        (("amd-iommu=off", "intremap=off", "amd_iommu_dump"), ("amd-iommu=off", "intremap=off", "amd_iommu_dump")),
        (("my_intel_iommu=on", "iommux=off", "x.iommu=1"), ()),
    ],
)
def test_iommu_arguments(tokens, found):
    assert iommu_arguments(tokens) == found


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", ()),
        ("  ro   quiet ", ("ro", "quiet")),
        ('dyndbg="file drivers/iommu +p" iommu=pt', ('dyndbg="file drivers/iommu +p"', "iommu=pt")),
        ('"a b"=c d', ('"a b"=c', "d")),
        ('x="open iommu=off', ('x="open iommu=off',)),
        ("quiet -- iommu=off", ("quiet",)),  # init's
        ("a\x85b\u2028iommu=off", ("a\x85b\u2028iommu=off",)),  # no blanks to the kernel
    ],
)
def test_a_quoted_blank_does_not_part_a_token(text, tokens):
    assert split_command_line(text) == tokens


@pytest.mark.parametrize(
    ("text", "vendor"), [(INTEL, "GenuineIntel"), (AMD, "AuthenticAMD"), ("processor\t: 0\nCPU part\t: 0xd0c", None)]
)
def test_cpu_vendor(text, vendor):
    assert cpu_vendor(machine(cpuinfo=value(text))) == vendor


def test_no_processor_information_is_no_vendor():
    assert cpu_vendor(machine(cpuinfo=ABSENT)) is None
