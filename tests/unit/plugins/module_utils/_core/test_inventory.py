# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/inventory.py: every recorded machine line by line, then each answer on its own."""

from __future__ import annotations

import os
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import PciAddress, parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory, module_state
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import NetworkInterface, PciDevice, Use
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import ABSENT, unreadable, value
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.snapshot import (
    DeviceSnapshot,
    InterfaceSnapshot,
    MachineSnapshot,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.tests.unit import machine_builder, machine_table

MODALIAS = "pci:v00008086d0000154Dsv00008086sd00007B11bc02sc00i00"
PLAIN = {
    "class": "0x020000",
    "vendor": "0x8086",
    "device": "0x154d",
    "subsystem_vendor": "0x8086",
    "subsystem_device": "0x7b11",
    "revision": "0x01",
    "modalias": MODALIAS,
    "numa_node": "0",
    "driver_override": "(null)",
}
NAME = "0000:3b:00.0"


def inventory_of(name: str, root: Path):
    return build_inventory(read_machine(machine_builder.build(name, root)))


@pytest.mark.parametrize("name", machine_builder.machine_names())
def test_machine(name, tmp_path):
    expected = (machine_builder.MACHINES / f"{name}.expected").read_text(encoding="utf-8").splitlines()
    assert list(machine_table.lines(inventory_of(name, tmp_path))) == expected


def test_every_expectation_has_its_machine():
    assert {path.stem for path in machine_builder.MACHINES.glob("*.expected")} == set(machine_builder.machine_names())


def test_one_device_in_full(tmp_path):
    inventory = inventory_of("nic-two-ports-one-group", tmp_path)
    assert inventory.device(parse_address("0000:3b:00.0")) == PciDevice(
        address=PciAddress(0, 0x3B, 0, 0),
        vendor_id="8086",
        product_id="10fb",
        subsystem_vendor_id="8086",
        subsystem_product_id="0003",
        class_code="020000",
        revision="01",
        vendor_name="Intel Corporation",
        product_name="82599ES 10-Gigabit SFI/SFP+ Network Connection",
        subsystem_name="Ethernet Server Adapter X520-2",
        class_name="Ethernet controller",
        driver="ixgbe",
        modalias="pci:v00008086d000010FBsv00008086sd00000003bc02sc00i00",
        modules=("ixgbe",),
        numa_node=0,
        iommu_group=20,
        group_members=(PciAddress(0, 0x3A, 0, 0), PciAddress(0, 0x3B, 0, 1)),
        sriov_totalvfs=63,
        sriov_numvfs=0,
        sriov_vf_product_id="10ed",
        network_interfaces=(NetworkInterface("ens4f0", "a0:36:9f:7a:bc:d0"),),
        serial="a0-36-9f-ff-ff-7a-bc-d0",
        serial_source="dsn",
        physical_slot="4",
        parent=PciAddress(0, 0x3A, 0, 0),
        express=True,
        uses=(
            Use("connection", "the Ansible connection comes in at 192.0.2.10 on ens4f0"),
            Use("route", "the default route (of 2) leaves through ens4f0"),
            Use("address", "192.0.2.10 is on ens4f0"),
        ),
    )


@pytest.fixture
def roomy():
    """A directory in memory where there is one: the tree has 60,000 files."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=memory) as root:
        yield root


@pytest.mark.parametrize("functions", [64, pytest.param(4096, marks=pytest.mark.slow)])
def test_thousands_of_functions(roomy, functions):
    inventory = build_inventory(
        read_machine(machine_builder.build_machine(machine_builder.generated(functions), roomy))
    )
    types = [device.device_type for device in inventory.devices]
    sixteenth = functions // 16
    assert len(types) == functions
    counts = [types.count(kind) for kind in ("type-VF", "type-PF", "type-PCI")]
    assert counts == [12 * sixteenth, sixteenth, 3 * sixteenth]
    assert list(inventory.devices) == sorted(inventory.devices, key=lambda device: device.address)
    assert [device for device in inventory.devices if device.unreadable] == []
    assert {len(device.virtual_functions) for device in inventory.devices if device.device_type == "type-PF"} == {12}
    assert inventory.unreadable == ()


def snapshot(attributes: dict[str, str] | None = None, **links: str) -> MachineSnapshot:
    texts = PLAIN if attributes is None else {**PLAIN, **attributes}
    device = DeviceSnapshot(
        NAME, None, {key: value(text) for key, text in texts.items()}, {key: value(text) for key, text in links.items()}
    )
    return MachineSnapshot(
        devices=(device,),
        kernel_release=value("6.1.0"),
        boot_id=value("b"),
        command_line=value("ro"),
        architecture="x86_64",
    )


def only(machine: MachineSnapshot) -> PciDevice:
    (device,) = build_inventory(machine).devices
    return device


@pytest.mark.parametrize(
    ("attributes", "field", "found"),
    [
        ({"vendor": "0x10DE"}, "vendor_id", "10de"),
        ({"numa_node": "-1"}, "numa_node", None),
        ({"numa_node": "1"}, "numa_node", 1),
        ({"driver_override": "(null)"}, "driver_override", None),
        ({"driver_override": "vfio-pci"}, "driver_override", "vfio-pci"),
        ({"boot_vga": "1"}, "boot_vga", True),
        ({"boot_vga": "0"}, "boot_vga", False),
        ({}, "boot_vga", None),
        ({"reset_method": "flr bus"}, "reset_methods", ("flr", "bus")),
        ({"reset_method": ""}, "reset_methods", ()),
        ({"sriov_totalvfs": "63"}, "sriov_totalvfs", 63),
        ({"sriov_totalvfs": "63"}, "device_type", "type-PF"),
        ({"sriov_totalvfs": "0"}, "device_type", "type-PCI"),
        ({"sriov_vf_device": "10ed"}, "sriov_vf_product_id", "10ed"),
        ({"sriov_vf_device": "1a"}, "sriov_vf_product_id", "001a"),
        ({}, "device_type", "type-PCI"),
        ({}, "unreadable", ()),
    ],
)
def test_attribute(attributes, field, found):
    assert getattr(only(snapshot(attributes)), field) == found


@pytest.mark.parametrize(
    ("attribute", "text", "field", "problem"),
    [
        ("vendor", "8086", "vendor_id", "'8086' is no hexadecimal number of 4 digits"),
        ("vendor", "0x80861", "vendor_id", "'0x80861' is no hexadecimal number of 4 digits"),
        ("device", "0x15_d", "product_id", "'0x15_d' is no hexadecimal number of 4 digits"),
        ("class", "0x0200", "class_code", "'0x0200' is no hexadecimal number of 6 digits"),
        ("revision", "", "revision", "'' is no hexadecimal number of 2 digits"),
        ("numa_node", "-2", "numa_node", "'-2' is no number"),
        ("sriov_totalvfs", "many", "sriov_totalvfs", "'many' is no number"),
        ("sriov_numvfs", "²", "sriov_numvfs", "'²' is no number"),
        ("sriov_vf_device", "xyz", "sriov_vf_product_id", "'xyz' is no hexadecimal number of 3 digits"),
        ("sriov_vf_device", "", "sriov_vf_product_id", "'' is no hexadecimal number of 4 digits"),
        ("sriov_vf_device", "12345", "sriov_vf_product_id", "'12345' is no hexadecimal number of 4 digits"),
        ("boot_vga", "yes", "boot_vga", "'yes' is neither 0 nor 1"),
        ("modalias", "", "modalias", "it is empty"),
    ],
)
def test_what_cannot_be_parsed_is_a_named_problem(attribute, text, field, problem):
    device = only(snapshot({attribute: text}))
    assert getattr(device, field) is None
    assert device.unreadable == ((attribute, problem),)


def test_a_foreign_modalias_is_a_named_problem():
    device = only(snapshot({"modalias": "usb:v1D6B"}))
    assert device.modules == ()
    assert device.unreadable == (("modalias", "'usb:v1D6B' is no modalias of a PCI device"),)


@pytest.mark.parametrize("attribute", sorted(PLAIN))
def test_an_unreadable_attribute_is_named_and_an_absent_one_is_not(attribute):
    machine = snapshot()
    device = machine.devices[0]
    refused = replace(
        machine,
        devices=(device._replace(attributes={**device.attributes, attribute: unreadable("Permission denied")}),),
    )
    rest = {key: reading for key, reading in device.attributes.items() if key != attribute}
    absent = replace(machine, devices=(device._replace(attributes=rest),))
    assert only(refused).unreadable == ((attribute, "Permission denied"),)
    assert only(absent).unreadable == ()


@pytest.mark.parametrize(
    ("links", "field", "found"),
    [
        ({"driver": "ixgbe"}, "driver", "ixgbe"),
        ({"iommu_group": "14"}, "iommu_group", 14),
        ({"physfn": "0000:3b:00.1"}, "physical_function", PciAddress(0, 0x3B, 0, 1)),
        ({"physfn": "0000:3b:00.1"}, "device_type", "type-VF"),
        ({}, "driver", None),
        ({}, "iommu_group", None),
    ],
)
def test_link(links, field, found):
    assert getattr(only(snapshot(**links)), field) == found


def test_a_link_that_makes_no_sense_is_a_named_problem():
    device = only(snapshot(iommu_group="none", physfn="bus"))
    assert (device.iommu_group, device.physical_function) == (None, None)
    assert [what for what, _why in device.unreadable] == ["iommu_group", "physfn"]


@pytest.mark.parametrize(
    ("path", "parent"),
    [
        ("../../../devices/pci0000:3a/0000:3b:00.0", None),
        ("../../../devices/pci0000:3a/0000:3a:00.0/0000:3b:00.0", "0000:3a:00.0"),
        ("../../../devices/pci0000:3a/0000:3a:00.0/pci10000:3b/0000:3b:00.0", "0000:3a:00.0"),
        ("../../../devices/pci0000:3a/0000:ff:00.0/0000:3b:00.0", None),
        (None, None),
    ],
)
def test_parent(path, parent):
    machine = snapshot()
    device = machine.devices[0]._replace(path=path)
    above = DeviceSnapshot("0000:3a:00.0", None, {}, {})
    found = build_inventory(replace(machine, devices=(above, device))).device(parse_address(NAME))
    assert (None if found.parent is None else str(found.parent)) == parent


@pytest.mark.parametrize(
    ("vpd", "capability", "serial", "source", "problems"),
    [
        ("9008005250c04142434544", "d0bc7affff9f36a0", "a0-36-9f-ff-ff-7a-bc-d0", "dsn", 1),
        (b"\x90\x05\x00SN\x02X1".hex(), "d0bc7affff9f36a0", "X1", "vpd", 0),
        ("", "d0bc7affff9f36a0", "a0-36-9f-ff-ff-7a-bc-d0", "dsn", 0),
        ("", "0000000000000000", None, None, 0),
        ("", "00", None, None, 1),
    ],
)
def test_serial(vpd, capability, serial, source, problems):
    machine = snapshot()
    device = machine.devices[0]._replace(vpd=value(vpd), serial_capability=value(capability))
    found = only(replace(machine, devices=(device,)))
    assert (found.serial, found.serial_source, len(found.unreadable)) == (serial, source, problems)


def test_an_unreadable_serial_is_named():
    machine = snapshot()
    refused = unreadable("Permission denied")
    found = only(replace(machine, devices=(machine.devices[0]._replace(vpd=refused, serial_capability=refused),)))
    assert found.unreadable == (("vpd", "Permission denied"), ("config", "Permission denied"))


def test_names_need_the_hosts_pci_ids():
    device = only(snapshot())
    assert (device.vendor_name, device.product_name, device.subsystem_name, device.class_name) == (None,) * 4


def test_a_card_without_a_subsystem_has_no_subsystem_name():
    ids = value("8086  Intel Corporation\n\t154d  X520\nC 02  Network controller\n\t00  Ethernet controller")
    named = only(replace(snapshot(), pci_ids=ids))
    bare = only(replace(snapshot({"subsystem_vendor": "0x0000", "subsystem_device": "0x0000"}), pci_ids=ids))
    assert (named.vendor_name, named.product_name, named.class_name) == (
        "Intel Corporation",
        "X520",
        "Ethernet controller",
    )
    assert (named.subsystem_name, bare.subsystem_name) == ("Intel Corporation", None)


def test_a_bond_member_is_known_by_its_own_mac():
    path = f"../../devices/pci0000:3a/{NAME}/net/eth0"
    bonded = InterfaceSnapshot("eth0", path, value("02:00:00:00:00:01"), value("a0:36:9f:00:00:01"))
    alone = InterfaceSnapshot("eth1", path, value("a0:36:9f:00:00:02"))
    nameless = InterfaceSnapshot("ib0", path, unreadable("Input/output error"))
    inventory = build_inventory(replace(snapshot(), interfaces=(bonded, alone, nameless)))
    assert inventory.devices[0].network_interfaces == (
        NetworkInterface("eth0", "a0:36:9f:00:00:01"),
        NetworkInterface("eth1", "a0:36:9f:00:00:02"),
        NetworkInterface("ib0", None),
    )
    assert inventory.unreadable == (("/sys/class/net/ib0/address", "Input/output error"),)


def test_an_unreadable_slot_is_named():
    machine = replace(snapshot(), slots=(("3", value("0000:3b:00")), ("4", unreadable("Input/output error"))))
    inventory = build_inventory(machine)
    assert inventory.devices[0].physical_slot == "3"
    assert inventory.unreadable == (("/sys/bus/pci/slots/4", "Input/output error"),)


def test_a_name_that_is_no_address_is_named_and_left_out():
    inventory = build_inventory(replace(snapshot(), devices=(DeviceSnapshot("3b:00.0", None, {}, {}),)))
    assert inventory.devices == ()
    assert inventory.unreadable[0][0] == "/sys/bus/pci/devices/3b:00.0"


def test_a_device_that_went_away_is_named():
    gone = DeviceSnapshot(NAME, None, {"directory": unreadable("it went away while it was read")}, {})
    assert only(replace(snapshot(), devices=(gone,))).unreadable == (("directory", "it went away while it was read"),)


def test_devices_are_sorted_by_address_and_not_by_name():
    names = ("10000:e1:00.0", "0000:3b:00.0", "ffff:00:00.0", "0000:03:00.0")
    devices = tuple(DeviceSnapshot(name, None, {}, {}) for name in names)
    inventory = build_inventory(replace(snapshot(), devices=devices))
    assert [str(device.address) for device in inventory.devices] == [
        "0000:03:00.0", "0000:3b:00.0", "ffff:00:00.0", "10000:e1:00.0",
    ]  # fmt: skip
    assert [device.address.in_nova_reach for device in inventory.devices] == [True, True, True, False]


def test_what_of_the_machine_cannot_be_read_is_named():
    inventory = build_inventory(
        MachineSnapshot(
            command_line=unreadable("Input/output error"),
            pci_ids=unreadable("Permission denied"),
            modules_alias=unreadable("Permission denied"),
            modules_builtin_modinfo=unreadable("Permission denied"),
            kernel_config=unreadable("Permission denied"),
            problems=(("/sys/bus/pci/devices", "Permission denied"),),
        )
    )
    assert inventory.unreadable == (
        ("/sys/bus/pci/devices", "Permission denied"),
        ("kernel release", "there is none"),
        ("boot id", "there is none"),
        ("kernel command line", "Input/output error"),
        ("pci.ids", "Permission denied"),
        ("modules.alias", "Permission denied"),
        ("modules.builtin.modinfo", "Permission denied"),
        ("kernel configuration", "Permission denied"),
    )


def test_a_machine_with_nothing_on_it_is_described_too():
    inventory = build_inventory(replace(snapshot(), devices=()))
    assert (inventory.devices, inventory.iommu.enabled, inventory.unreadable) == ((), False, ())


@pytest.mark.parametrize(
    ("parts", "state"),
    [
        ({"modules_builtin": "kernel/drivers/vfio/pci/vfio-pci.ko"}, "builtin"),
        ({"modules_dep": "kernel/drivers/vfio/pci/vfio-pci.ko: kernel/x.ko"}, "module"),
        ({"modules_dep": "kernel/drivers/vfio/pci/vfio-pci.ko.zst:"}, "module"),
        ({"modules_dep": "kernel/drivers/vfio/pci/vfio_pci.ko.xz:"}, "module"),
        ({"modules_dep": "kernel/a.ko: kernel/drivers/vfio/pci/vfio-pci.ko"}, "missing"),
        ({"modules_dep": "kernel/drivers/vfio/pci/vfio-pci-core.ko:"}, "missing"),
        ({"modules_dep": "x/vfio-pci.ko:", "modules_builtin": "x/vfio-pci.ko"}, "builtin"),
        ({"loaded_modules": ("vfio_pci",)}, "builtin"),
        ({"drivers": ("vfio-pci",)}, "builtin"),
        ({}, "missing"),
    ],
)
def test_module_state(parts, state):
    plain = {"loaded_modules", "drivers"}
    texts = {key: part if key in plain else value(part) for key, part in parts.items()}
    assert module_state("vfio-pci", replace(MachineSnapshot(), **texts)) == state


def test_the_configured_arguments_reach_the_iommu():
    assert build_inventory(snapshot(), ("intel_iommu=on", "ro")).iommu.arguments_configured == ("intel_iommu=on",)
    assert build_inventory(snapshot()).iommu.arguments_configured is None


def test_absent_is_not_unreadable():
    assert only(replace(snapshot(), devices=(snapshot().devices[0]._replace(vpd=ABSENT),))).unreadable == ()


@pytest.mark.parametrize(
    ("control", "acs"), [("001d", True), ("005f", True), ("001c", False), ("0000", False), (None, None)]
)
def test_a_port_keeps_what_is_below_it_apart_with_all_of_the_kernel_s_flags(tmp_path, control, acs):
    port = {"ids": "8086:347a", "class": "060400", **({} if control is None else {"acs": control})}
    machine = {"source": "made here", "devices": {"0000:00:01.0": port}}
    (device,) = build_inventory(read_machine(machine_builder.build_machine(machine, tmp_path))).devices
    assert device.acs is acs


@pytest.mark.parametrize(("text", "allowed"), [("1", True), ("0", False), (None, None)])
def test_d3cold(tmp_path, text, allowed):
    more = {} if text is None else {"d3cold_allowed": text}
    machine = {"source": "x", "devices": {"0000:01:00.0": {"ids": "8086:10d3", "class": "020000", "more": more}}}
    (device,) = build_inventory(read_machine(machine_builder.build_machine(machine, tmp_path))).devices
    assert device.d3cold_allowed is allowed


@pytest.mark.parametrize(
    ("text", "level"),
    [
        ("[none] integrity confidentiality", "none"),
        ("none [integrity] confidentiality", "integrity"),
        ("none integrity", None),
        (None, None),
    ],
)
def test_lockdown(tmp_path, text, level):
    files = {} if text is None else {"sys/kernel/security/lockdown": text}
    machine = {"source": "made here", "files": files}
    assert build_inventory(read_machine(machine_builder.build_machine(machine, tmp_path))).lockdown == level


def test_access_control_that_cannot_be_read_is_a_named_problem():
    attributes = {"class": value("0x060400")}
    port = DeviceSnapshot("0000:00:01.0", None, attributes, {}, acs=unreadable("Permission denied"))
    (device,) = build_inventory(MachineSnapshot(devices=(port,))).devices
    assert (device.acs, device.unreadable) == (None, (("config", "Permission denied"),))
