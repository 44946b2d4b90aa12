# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan put together: one host before, after and beside its reboot."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.boot import BootFacts, Evaluation
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import (
    InputProblem,
    MachineProblem,
    SeveralProblems,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import PendingReboot
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.memory import Memory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import (
    HostInventory,
    IommuState,
    PciDevice,
    Use,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.override import parse_overrides
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.plan import (
    Wishes,
    make_plan,
    refuse_nothing_to_plan,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import value
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.selection import Identity

SSH_NIC = parse_address("0000:01:00.0")
NIC = parse_address("0000:02:00.0")
PF = parse_address("0000:03:00.0")

OFF = "root=/dev/vda3 ro intel_iommu=off quiet"
ON = "root=/dev/vda3 ro quiet intel_iommu=on"

HOST = HostInventory(
    devices=(
        PciDevice(
            SSH_NIC, "8086", "10d3", class_code="020000", driver="e1000e", uses=(Use("connection", "carries SSH"),)
        ),
        PciDevice(NIC, "8086", "10d3", class_code="020000", driver="e1000e"),
        PciDevice(PF, "8086", "10c9", class_code="020000", driver="igb", sriov_totalvfs=7, sriov_numvfs=0),
    ),
    iommu=IommuState(enabled=False, kind=None, firmware_table="DMAR", reason="intel_iommu=off is set"),
    architecture="x86_64",
    cpu_vendor="GenuineIntel",
    kernel_release="6.1.0",
    boot_id="first",
    running_command_line=OFF,
    vfio_pci="module",
)


def boot(generated: str, running: str) -> BootFacts:
    """A Debian host: /etc/default/grub says intel_iommu=off, grub.cfg was generated with *generated*."""
    evaluated = Evaluation(linux="intel_iommu=off", linux_default="quiet")
    return BootFacts(
        running=running,
        tools=("update-grub", "grub-mkconfig"),
        mkconfig=value("for x in /etc/default/grub.d/*.cfg"),
        mkconfig_name="grub-mkconfig",
        grub_default=value('GRUB_CMDLINE_LINUX="intel_iommu=off"\n'),
        evaluated=evaluated,
        evaluated_without=evaluated,
        grub_cfg_path="/boot/grub/grub.cfg",
        grub_cfg=value(f"menuentry 'Debian' --class debian {{\n\tlinux\t/boot/vmlinuz-6.1.0 {generated}\n}}\n"),
    )


def booted(**changes) -> HostInventory:
    """The same host with its IOMMU on, one group a device."""
    devices = tuple(replace(device, iommu_group=number) for number, device in enumerate(HOST.devices))
    iommu = IommuState(enabled=True, kind="intel", firmware_table="DMAR", groups=3)
    return replace(HOST, devices=devices, iommu=iommu, boot_id="second", running_command_line=ON, **changes)


def wishes(*entries, **others) -> Wishes:
    return Wishes(parse_declaration(list(entries)), **others)


NICS = {"alias": "nic", "vendor_id": "8086", "product_id": "10d3", "device_type": "type-PCI"}
VFS = {"alias": "vf", "vendor_id": "8086", "product_id": "10c9", "num_vfs": 4, "driver": "native"}


def plan(inventory=HOST, facts=None, wanted=None, memory=None, tool="initramfs-tools"):
    facts = facts or boot(OFF, inventory.running_command_line)
    return make_plan(inventory, facts, wanted or wishes(NICS, VFS), memory or Memory(), tool)


def brief(made):
    return [(row["address"][5:], row["role"], row["driver"], row["num_vfs"], row["verdict"]) for row in made["devices"]]


def test_before_the_first_run_everything_waits_for_one_reboot_and_nothing_is_bound():
    made = plan()
    assert brief(made) == [
        ("01:00.0", "refused", None, 0, "refused"),
        ("02:00.0", "chosen", "vfio-pci", 0, "pending reboot"),
        ("03:00.0", "parent", None, 4, "pending reboot"),
    ]
    assert made["kernel_arguments"]["wanted"] == ["intel_iommu=on"]
    assert made["kernel_arguments"]["remove"] == ["intel_iommu=off"]
    assert made["reboot"] == {
        "required": True,
        "reasons": [
            "the running kernel does not have intel_iommu=on yet",
            "the running kernel still has intel_iommu=off",
        ],
        "waits_for": ["intel_iommu=on", "without intel_iommu=off"],
        "ineffective": [],
    }
    assert made["runtime"]["apply"] is False
    assert made["runtime"]["actions"] == []
    assert [tool["name"] for tool in made["tools"]] == ["update-grub", "daemon-reload", "update-initramfs"]
    assert made["notes"][0].startswith("0000:01:00.0 (8086:10d3 e1000e) refused for pci_passthrough_devices[0]: ")
    assert "carries SSH" in made["notes"][0]


def test_after_the_reboot_the_devices_are_bound_at_once_and_no_reboot_is_left():
    made = plan(booted(), boot(ON, ON))
    assert made["reboot"]["required"] is False
    assert made["runtime"]["apply"] is True
    assert made["runtime"]["actions"] == [
        "create 4 virtual functions on 0000:03:00.0 (now 0), driver native",
        "bind 0000:02:00.0 to vfio-pci (now e1000e)",
    ]
    assert [row["state"] for row in made["kernel_arguments"]["rows"]] == ["running"]
    assert [row[4] for row in brief(made)] == ["refused", "to change", "to change"]


def test_an_argument_that_a_reboot_did_not_bring_is_never_rebooted_for_again():
    memory = Memory(PendingReboot("zeroth", ("intel_iommu=on", "without intel_iommu=off"), ("...",)))
    for generated in (ON, OFF):
        made = plan(HOST, boot(generated, OFF), memory=memory)
        assert made["reboot"]["required"] is False
        assert made["reboot"]["ineffective"] == ["intel_iommu=on", "without intel_iommu=off"]
        assert any("not rebooted for it again" in note for note in made["notes"])


def test_an_argument_of_ours_that_is_declared_no_more_goes_with_a_reboot_and_until_then_nothing_is_tried():
    """It may be what keeps a driver from creating its virtual functions: the run that takes it away must not end on that."""
    memory = Memory(kernel_arguments=("intel_iommu=on", "pci=nomsi"))
    host = replace(booted(), running_command_line=f"{ON} pci=nomsi")
    made = plan(host, boot(f"{ON} pci=nomsi", host.running_command_line), memory=memory)
    assert made["kernel_arguments"]["dropped"] == ["pci=nomsi"]
    assert made["reboot"]["reasons"] == ["the running kernel still has pci=nomsi"]
    assert made["runtime"]["apply"] is False
    assert [row["state"] for row in made["kernel_arguments"]["rows"]] == ["running", "to change"]
    made = plan(host, boot(ON, host.running_command_line), memory=memory)
    assert [row["state"] for row in made["kernel_arguments"]["rows"]] == ["running", "pending reboot"]
    memory = replace(memory, pending_reboot=PendingReboot("first", ("without pci=nomsi",), ("...",)))
    made = plan(host, boot(ON, host.running_command_line), memory=memory)
    assert made["reboot"]["required"] is False
    assert made["reboot"]["ineffective"] == ["without pci=nomsi"]


@pytest.mark.parametrize(
    ("running", "default", "extra"),
    [
        (ON, "quiet", ()),  # booted without it since
        (f"{ON} pci=nomsi", "quiet pci=nomsi", ()),  # somebody else wants it by now
        (f"{ON} pci=nomsi", "quiet", ("pci=noaer",)),  # replaced: the new value waits for the reboot as it is
        (f"{ON} pci=nomsi", "quiet", ("pci=nomsi",)),
    ],
)
def test_an_argument_of_ours_that_stays_or_is_gone_asks_for_no_reboot_of_its_own(running, default, extra):
    memory = Memory(kernel_arguments=("pci=nomsi",))
    facts = boot(running, running)
    facts = replace(facts, evaluated_without=replace(facts.evaluated_without, linux_default=default))
    host = replace(booted(), running_command_line=running)
    made = plan(host, facts, wanted=wishes(NICS, VFS, kernel_arguments=extra), memory=memory)
    assert made["kernel_arguments"]["dropped"] == []


def test_within_the_boot_that_asked_for_it_the_reboot_stays_due():
    memory = Memory(PendingReboot("first", ("intel_iommu=on",), ("...",)))
    made = plan(HOST, boot(ON, OFF), memory=memory)
    assert made["reboot"]["required"] is True
    assert made["kernel_arguments"]["rows"][0]["state"] == "pending reboot"


def test_an_iommu_that_stays_off_holds_back_vfio_but_not_virtual_functions():
    made = plan(replace(HOST, running_command_line=ON), boot(ON, ON))
    assert made["reboot"]["required"] is False
    assert made["runtime"]["actions"] == ["create 4 virtual functions on 0000:03:00.0 (now 0), driver native"]
    assert made["notes"][-1] == "The IOMMU is off: intel_iommu=off is set"


def test_an_amd_host_without_contrary_arguments_gets_no_kernel_argument_and_no_file_for_it():
    iommu = IommuState(enabled=True, kind="amd", firmware_table="IVRS", groups=3)
    inventory = replace(
        booted(), iommu=iommu, cpu_vendor="AuthenticAMD", running_command_line="root=/dev/vda3 ro quiet"
    )
    facts = replace(
        boot("root=/dev/vda3 ro quiet", "root=/dev/vda3 ro quiet"),
        evaluated=Evaluation(linux_default="quiet"),
        evaluated_without=Evaluation(linux_default="quiet"),
    )
    made = plan(inventory, facts)
    assert made["kernel_arguments"]["wanted"] == []
    assert not [item for item in made["files"] if item["layer"] == "kernel_arguments"]
    assert made["reboot"]["required"] is False


@pytest.mark.parametrize(
    ("table", "vendor", "wanted"),
    [
        ("DMAR", "AuthenticAMD", ["intel_iommu=on"]),  # a virtual machine with intel-iommu under emulation
        ("DMAR", "CentaurHauls", ["intel_iommu=on"]),
        ("IVRS", "GenuineIntel", []),
        (None, "GenuineIntel", ["intel_iommu=on"]),
        (None, "AuthenticAMD", []),
    ],
)
def test_the_firmware_table_decides_whose_arguments_count_and_the_processor_where_there_is_none(table, vendor, wanted):
    inventory = replace(HOST, cpu_vendor=vendor, iommu=replace(HOST.iommu, firmware_table=table))
    assert plan(inventory)["kernel_arguments"]["wanted"] == wanted


def test_an_empty_declaration_plans_nothing_and_leaves_the_boot_line_alone():
    made = plan(wanted=wishes())
    assert (made["devices"], made["files"], made["tools"], made["reboot"]["required"]) == ([], [], [], False)
    assert made["runtime"] == {"apply": False, "argv": [], "release_argv": [], "actions": []}


def test_further_arguments_alone_are_merged_without_an_opinion_on_the_iommu():
    made = plan(wanted=wishes(kernel_arguments=("hugepages=16",)))
    assert made["kernel_arguments"]["wanted"] == ["hugepages=16"]
    assert made["kernel_arguments"]["remove"] == []


@pytest.mark.parametrize(
    ("inventory", "wanted", "error", "words"),
    [
        (replace(HOST, vfio_pci="missing"), wishes(NICS), MachineProblem, "has no driver vfio-pci"),
        (HOST, wishes({"vendor_id": "1234"}), InputProblem, "matches no device"),
        (HOST, wishes({"vendor_id": "1234"}, {"vendor_id": "4321"}), SeveralProblems, "pci_passthrough_devices[1]"),
        (HOST, wishes({**VFS, "num_vfs": 8}), InputProblem, "7"),
        (HOST, wishes(NICS, kernel_arguments=("intel_iommu=off",)), InputProblem, "host_kernel_arguments[0]"),
    ],
)
def test_what_cannot_be_planned_is_one_error_in_words(inventory, wanted, error, words):
    with pytest.raises(error) as raised:
        plan(inventory, wanted=wanted)
    assert words in str(raised.value)


def test_without_vfio_pci_in_the_kernel_native_virtual_functions_still_go():
    assert plan(replace(booted(), vfio_pci="missing"), boot(ON, ON), wishes(VFS))["runtime"]["apply"] is True


def test_a_host_that_shows_no_pci_device_is_refused_with_what_could_not_be_read():
    nothing = replace(HOST, devices=(), unreadable=(("/sys/bus/pci/devices", "Permission denied"),))
    with pytest.raises(MachineProblem, match=r"shows no PCI device \(/sys/bus/pci/devices: Permission denied\)"):
        refuse_nothing_to_plan(nothing)
    refuse_nothing_to_plan(HOST)


# ---- guards

SPARE = {"address": "0000:02:00.0", "reason": "the tool lets it go"}


def claimed(**changes) -> HostInventory:
    """The host of booted(), whose free NIC another tool has a say over."""
    tool = (Use("tool", "driverctl binds it to vfio-pci"),)
    made = booted(**changes)
    devices = tuple(replace(one, uses=tool) if one.address == NIC else one for one in made.devices)
    return replace(made, devices=devices)


def test_an_override_is_in_the_row_the_notes_and_the_verdict_on_the_group():
    made = plan(claimed(), boot(ON, ON), wishes(NICS, overrides=parse_overrides([SPARE])))
    assert {row["address"]: row["override"] for row in made["devices"]} == {
        "0000:01:00.0": None,
        "0000:02:00.0": "the tool lets it go",
    }
    assert any(
        note.startswith("pci_passthrough_overrides[0]: 0000:02:00.0") and note.endswith("Reason: the tool lets it go")
        for note in made["notes"]
    )
    assert made["groups"] == [
        {
            "group": 0,
            "members": ["0000:01:00.0"],
            "verdict": "needed",
            "reasons": ["0000:01:00.0: carries SSH"],
            "covered": [],
        },
        {
            "group": 1,
            "members": ["0000:02:00.0"],
            "verdict": "free",
            "reasons": [],
            "covered": ["0000:02:00.0: driverctl binds it to vfio-pci"],
        },
    ]


def test_without_the_override_the_plan_is_refused():
    with pytest.raises(SeveralProblems, match="belongs to another tool: driverctl binds it to vfio-pci"):
        plan(claimed(), boot(ON, ON), wishes(NICS))


def test_an_override_of_what_carries_the_connection_is_refused_before_anything_is_planned():
    ssh = (Use("connection", "carries SSH", vital=True),)
    inventory = booted()
    inventory = replace(inventory, devices=(replace(inventory.devices[0], uses=ssh), *inventory.devices[1:]))
    overrides = parse_overrides([{"address": "0000:01:00.0", "reason": "I know better"}])
    with pytest.raises(InputProblem, match=r"pci_passthrough_overrides\[0\].address: '0000:01:00.0'"):
        plan(inventory, boot(ON, ON), wishes(overrides=overrides))


def test_advice_is_in_the_notes_of_what_is_handed_out_alone():
    inventory = replace(booted(), lockdown="integrity")
    assert [
        note for note in plan(inventory, boot(ON, ON))["notes"] if note.startswith("Kernel lockdown is at integrity")
    ]
    assert plan(inventory, boot(ON, ON), wishes())["notes"] == []


def test_what_could_not_be_read_is_told_where_something_is_handed_out():
    inventory = booted(unreadable=(("SSH_CONNECTION", "no network interface carries 192.0.2.2"),))
    note = "Not to be told, and so not counted: SSH_CONNECTION (no network interface carries 192.0.2.2)"
    assert note in plan(inventory, boot(ON, ON))["notes"]
    assert plan(inventory, boot(ON, ON), wishes())["notes"] == []


def test_a_card_that_moved_since_the_last_run_is_told_first_and_recorded_where_it_is():
    spare = next(item for item in HOST.devices if str(item.address) == "0000:02:00.0")
    moved = replace(spare, address=parse_address("0000:09:00.0"), serial="a1", serial_source="dsn")
    there = (*HOST.devices, moved)
    wanted = wishes({**NICS, "serial": "a1"})
    known = Identity(spare.address, None, "8086", "10d3", "a1", "dsn")
    made = plan(replace(HOST, devices=there), wanted=wanted, memory=Memory(identities=(known,)))
    was = "pci_passthrough_devices[0]: the card with serial a1 was 0000:02:00.0 and is 0000:09:00.0"
    assert made["notes"][0].startswith(was)
    assert {"address": "0000:09:00.0", "what": "serial", "value": "dsn a1"} in made["devices_conf"]
    assert not any(note.startswith(was) for note in plan(replace(HOST, devices=there), wanted=wanted)["notes"])
