# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _host/machine.py: what is read from where, and what a machine without it gives."""

from __future__ import annotations

import errno
import os
import socket
from pathlib import Path

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import ABSENT, unreadable, value
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.snapshot import (
    BlockSnapshot,
    GroupSnapshot,
    Holder,
    InterfaceSnapshot,
    MachineSnapshot,
    UsbInterface,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host import machine as host
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.tests.unit.machine_builder import build, build_machine

VFIO = {"ids": "8086:10d3", "class": "020000", "driver": "vfio-pci", "group": 3}
FREE = {"ids": "8086:10d3", "class": "020000", "driver": "e1000e", "group": 4}


def made(tmp_path: Path, **machine: object) -> MachineSnapshot:
    return read_machine(build_machine({"source": "made here", **machine}, tmp_path))


def test_an_empty_root_is_a_machine_with_nothing(tmp_path):
    snapshot = read_machine(str(tmp_path))
    assert snapshot == MachineSnapshot(architecture=os.uname().machine)


def test_the_kernel(tmp_path):
    snapshot = read_machine(build("gpu-with-companions", tmp_path))
    assert snapshot.architecture == "x86_64"
    assert snapshot.kernel_release == value("6.1.0-31-amd64")
    assert snapshot.boot_id == value("0f5a3c1e-7a52-4f0e-9d5b-2f7c1f0a9b11")
    assert snapshot.command_line == value("root=/dev/nvme0n1p2 intel_iommu=on iommu=pt vfio-pci.ids=10de:1eb8")
    assert snapshot.cpuinfo == value("processor\t: 0\nvendor_id\t: GenuineIntel")
    assert snapshot.kernel_config == value("CONFIG_INTEL_IOMMU=y\n# CONFIG_INTEL_IOMMU_DEFAULT_ON is not set")
    assert (snapshot.modules_alias.text or "").startswith("alias pci:v000010DEd*sv*sd*bc03sc00i00* nouveau\n")
    assert "kernel/drivers/vfio/pci/vfio-pci.ko" in (snapshot.modules_builtin.text or "")
    assert snapshot.modules_builtin_modinfo == value("nvme.alias=pci:v*d*sv*sd*bc01sc08i02*\0")
    assert (snapshot.modules_dep, snapshot.pci_ids) == (value(""), ABSENT)
    assert snapshot.drivers == ("nouveau", "nvme", "pcieport", "snd_hda_intel", "vfio-pci", "xhci_hcd")


def test_without_a_release_no_modules_are_looked_for(tmp_path):
    snapshot = made(tmp_path, modules={"alias": ["pci:v*d*sv*sd*bc*sc*i* x"]}, unreadable=["proc/sys/kernel/osrelease"])
    assert snapshot.kernel_release == unreadable("Is a directory")
    assert (snapshot.modules_alias, snapshot.kernel_config) == (ABSENT, ABSENT)


@pytest.mark.parametrize(
    ("place", "text"),
    [("boot/config-6.1.0-31-amd64", "a=y"), ("lib/modules/6.1.0-31-amd64/config", "b=y")],
)
def test_the_kernel_configuration_has_several_places(tmp_path, place, text):
    assert made(tmp_path, files={place: text}).kernel_config == value(text)


@pytest.mark.parametrize("place", ["usr/share/misc/pci.ids", "usr/share/hwdata/pci.ids"])
def test_pci_ids_has_several_places(tmp_path, place):
    assert made(tmp_path, files={place: "8086  Intel"}).pci_ids == value("8086  Intel")


def test_the_iommu(tmp_path):
    snapshot = made(
        tmp_path,
        iommu={"units": ["dmar1", "dmar0"], "tables": ["DMAR"], "interrupts": "IR-PCI-MSI", "domain": "identity"},
        devices={"0000:01:00.0": VFIO, "0000:02:00.0": FREE},
    )
    assert snapshot.iommu_units == ("dmar0", "dmar1")
    assert snapshot.iommu_groups == (GroupSnapshot("3", value("identity")), GroupSnapshot("4", value("identity")))
    assert snapshot.firmware_tables == ("APIC", "DMAR", "FACP")
    assert "IR-PCI-MSI" in (snapshot.interrupts.text or "")


def test_the_name_of_a_group_matters_only_where_no_unit_is(tmp_path):
    group = {"sys/kernel/iommu_groups/0/name": "vfio-noiommu"}
    assert made(tmp_path / "a", files=group).iommu_groups == (GroupSnapshot("0", ABSENT, value("vfio-noiommu")),)
    assert made(tmp_path / "b", files=group, iommu={"units": ["dmar0"]}).iommu_groups == (GroupSnapshot("0"),)


def test_slots(tmp_path):
    snapshot = made(
        tmp_path, slots={"3": "0000:3b:00", "4-1": "0000:3c:00"}, unreadable=["sys/bus/pci/slots/3/address"]
    )
    assert snapshot.slots == (("3", unreadable("Is a directory")), ("4-1", value("0000:3c:00")))


def test_storage(tmp_path):
    snapshot = read_machine(build("lvm-on-md-root", tmp_path))
    blocks = {block.name: block for block in snapshot.blocks}
    assert blocks["sda2"] == BlockSnapshot(
        "sda2", "../../devices/pci0000:00/0000:00:17.0/ata1/host0/target0:0:0/0:0:0:0/block/sda/sda2", "8:2"
    )
    assert blocks["dm-0"] == BlockSnapshot(
        "dm-0", "../../devices/virtual/block/dm-0", "253:0", ("md0",), "vg0-root", "LVM-abc"
    )
    assert blocks["md0"].slaves == ("sda2", "sdb2")
    assert "/dev/mapper/swap_crypt partition" in " ".join((snapshot.swaps.text or "").split())
    assert "253:0 / / rw" in (snapshot.mounts.text or "")


def test_storage_with_several_ways(tmp_path):
    snapshot = read_machine(build("multipath-and-btrfs", tmp_path))
    ((name, controllers),) = snapshot.nvme_subsystems
    assert name == "nvme-subsys0"
    assert [path.partition("/pci")[2] for path in controllers] == [
        "0000:23/0000:23:00.0/nvme/nvme0",
        "0000:24/0000:24:00.0/nvme/nvme1",
    ]
    assert snapshot.btrfs == (("nvme2n1", "nvme3n1"),)


def test_zfs_pools_are_directories(tmp_path):
    files = {"proc/spl/kstat/zfs/tank/state": "ONLINE", "proc/spl/kstat/zfs/arcstats": ""}
    assert made(tmp_path, files=files).zfs_pools == ("tank",)


def test_the_network(tmp_path):
    snapshot = read_machine(build("bond-bridge-vlan", tmp_path))
    interfaces = {interface.name: interface for interface in snapshot.interfaces}
    assert interfaces["eth1"] == InterfaceSnapshot(
        "eth1",
        "../../devices/pci0000:17/0000:17:00.1/net/eth1",
        value("b8:59:9f:00:00:10"),
        value("b8:59:9f:00:00:11"),
        ("bond0",),
    )
    assert interfaces["bond0"].uppers == ("bond0.100",)
    assert interfaces["eth3"].uppers == ()
    assert interfaces["eth2"].permanent_mac == ABSENT
    assert "192.0.2.20" in (snapshot.ipv4_trie.text or "")
    assert snapshot.ipv4_addresses == ()


def test_a_master_without_an_upper_link_is_an_upper_too(tmp_path):
    links = {"sys/devices/pci0000:01/0000:01:00.0/net/eth0/master": "../../../../virtual/net/br0"}
    snapshot = made(tmp_path, devices={"0000:01:00.0": {**FREE, "net": {"eth0": "02:00:00:00:00:01"}}}, links=links)
    assert {interface.name: interface.uppers for interface in snapshot.interfaces} == {"eth0": ("br0",), "lo": ()}


@pytest.mark.parametrize("depth", [0, 1, 5])
def test_the_connection_is_found_in_an_ancestor(tmp_path, depth):
    word = "192.0.2.9 50000 192.0.2.2 22"
    assert made(tmp_path, connection={"text": word, "depth": depth}).connection == value(word)


def test_the_environment_of_the_first_process_is_not_asked(tmp_path):
    files = {"proc/self/stat": "9 (py) S 1 1 1", "proc/1/environ": "SSH_CONNECTION=a b c d"}
    assert made(tmp_path, files={**files, "proc/self/environ": "A=1"}).connection == ABSENT


def test_an_ancestor_that_cannot_be_read_is_named_when_none_has_it(tmp_path):
    snapshot = made(
        tmp_path, connection={"text": "a b c d", "depth": 2}, unreadable=["proc/900/environ", "proc/899/environ"]
    )
    assert snapshot.connection == unreadable("the environment of process 899: Is a directory")


def test_a_nearer_ancestor_that_cannot_be_read_does_not_end_the_search(tmp_path):
    snapshot = made(tmp_path, connection={"text": "a b c d", "depth": 2}, unreadable=["proc/900/environ"])
    assert snapshot.connection == value("a b c d")


@pytest.mark.parametrize("stat", ["", "9 (py", "9 (py) S", "9 (py) S 0 1"])
def test_a_process_without_a_parent_ends_the_search(tmp_path, stat):
    assert made(tmp_path, files={"proc/self/environ": "A=1", "proc/self/stat": stat}).connection == ABSENT


def test_ancestors_in_a_circle_end(tmp_path):
    files = {"proc/self/stat": "9 (py) S 10 1", "proc/10/stat": "10 (sh) S 10 1"}
    assert made(tmp_path, files=files).connection == ABSENT


PROCESSES = {
    "77": {
        "comm": "qemu-system-x86",
        "fd": {"3": "/dev/kvm", "9": "/dev/vfio/3", "10": "/dev/vfio/3", "11": "/dev/vfio/vfio"},
    },
    "5": {"comm": "dpdk", "fd": {"4": "/dev/vfio/devices/vfio0"}},
}


def test_holders_are_the_processes_that_have_a_vfio_device_open(tmp_path):
    snapshot = made(tmp_path, devices={"0000:01:00.0": VFIO}, processes=PROCESSES)
    assert snapshot.holders == (Holder("3", 77, "qemu-system-x86"), Holder("devices/vfio0", 5, "dpdk"))
    assert snapshot.problems == ()


def test_without_a_device_on_vfio_no_process_is_looked_at(tmp_path):
    assert made(tmp_path, devices={"0000:02:00.0": FREE}, processes=PROCESSES).holders == ()


def test_processes_that_may_not_be_looked_at_are_named_once(tmp_path, monkeypatch):
    real = host.list_directory

    def refuse(path):
        return ((), "Permission denied") if path.endswith("/fd") else real(path)

    monkeypatch.setattr(host, "list_directory", refuse)
    snapshot = made(tmp_path, devices={"0000:01:00.0": VFIO}, processes=PROCESSES)
    assert snapshot.holders == ()
    assert snapshot.problems == (
        (f"{tmp_path}/proc/*/fd", "Permission denied; a guest may hold devices that look free"),
    )


@pytest.mark.parametrize(
    ("link", "node"),
    [
        ("sys/class/uio/uio0", "uio0"),
        ("sys/class/infiniband_verbs/uverbs0", "infiniband/uverbs0"),
    ],
)
def test_who_reaches_past_the_driver(tmp_path, link, node):
    links = {link: f"/sys/devices/pci0000:02/0000:02:00.0/x/{node}"}
    processes = {"5": {"comm": "dpdk", "fd": {"4": f"/dev/{node}", "5": "/dev/null"}}}
    snapshot = made(tmp_path, devices={"0000:02:00.0": FREE}, links=links, processes=processes)
    assert snapshot.bypass_nodes == ((node, "0000:02:00.0"),)
    assert (snapshot.openers, snapshot.holders) == ((Holder(node, 5, "dpdk"),), ())


def test_one_process_of_each_other_mount_namespace(tmp_path):
    snapshot = read_machine(build("needed-in-every-way", tmp_path))
    assert [number for number, _mounts in snapshot.other_mounts] == [4242]
    assert "/var/lib/postgresql" in (snapshot.other_mounts[0][1].text or "")


def test_namespaces_that_may_not_be_looked_at_are_named_once(tmp_path, monkeypatch):
    real = host.read_link

    def refuse(path):
        return unreadable("Permission denied") if path.endswith("/ns/mnt") else real(path)

    monkeypatch.setattr(host, "read_link", refuse)
    assert made(tmp_path, processes={"5": {"comm": "a", "fd": {}}, "6": {"comm": "b", "fd": {}}}).problems == (
        (f"{tmp_path}/proc/*/ns/mnt", "Permission denied; a container may have mounted a disk that looks free"),
    )


def test_the_seat(tmp_path):
    snapshot = read_machine(build("needed-in-every-way", tmp_path))
    assert dict(snapshot.framebuffers)["fb0"] == "../../devices/pci0000:07/0000:07:00.0/graphics/fb0"
    assert snapshot.console_drivers == (("(M) frame buffer device", "1"),)
    assert "efifb" in (snapshot.memory_map.text or "")
    assert snapshot.usb_interfaces == (
        UsbInterface("../../../devices/pci0000:09/0000:09:00.0/usb1/1-1/1-1:1.0", "03", "01"),
    )


def test_other_tools(tmp_path):
    snapshot = read_machine(build("needed-in-every-way", tmp_path))
    assert snapshot.driverctl == (("/etc/driverctl.d/0000:0e:00.0", value("vfio-pci")),)
    assert [path for path, _text in snapshot.os_net_config] == [
        "/var/lib/os-net-config/dpdk_mapping.yaml",
        "/var/lib/os-net-config/sriov_config.yaml",
    ]
    assert [path for path, _text in snapshot.modprobe] == ["/etc/modprobe.d/gpu.conf"]
    assert [path for path, _text in snapshot.guests] == ["/run/libvirt/qemu/instance-00000007.xml"]


def test_what_udev_knows_of_the_disks(tmp_path):
    disks = {"sda": {"number": "8:0"}, "sdb": {"number": "8:16"}, "sdc": {"number": "8:32"}}
    snapshot = made(
        tmp_path,
        devices={"0000:02:00.0": {**FREE, "block": disks}},
        files={"run/udev/data/b8:0": "E:ID_FS_TYPE=LVM2_member", "run/udev/data/b8:16": ""},
        unreadable=["run/udev/data/b8:16"],
    )
    assert snapshot.udev_blocks == (("sda", value("E:ID_FS_TYPE=LVM2_member")), ("sdb", unreadable("Is a directory")))


def test_vfio_nodes_name_their_device(tmp_path):
    place = "/sys/devices/pci0000:00/0000:00:01.0/0000:01:00.0/vfio-dev/vfio0"
    links = {"sys/class/vfio-dev/vfio0": place, "sys/class/vfio-dev/vfio1": "/sys/devices/virtual/vfio1"}
    assert made(tmp_path, links=links).vfio_nodes == (("vfio0", "0000:01:00.0"),)


@pytest.mark.parametrize(("failure", "words"), [(errno.EACCES, "Permission denied"), (errno.EIO, "Input/output error")])
def test_devices_that_cannot_be_listed_are_named(tmp_path, monkeypatch, failure, words):
    def refuse(path):
        raise OSError(failure, os.strerror(failure), path)

    monkeypatch.setattr(host, "DeviceReader", refuse)
    snapshot = made(tmp_path, devices={"0000:02:00.0": FREE})
    assert snapshot.devices == ()
    assert snapshot.problems == ((f"{tmp_path}/sys/bus/pci/devices", words),)


def test_a_listing_that_fails_half_way_is_named(tmp_path, monkeypatch):
    def refuse(self):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(host.DeviceReader, "names", refuse)
    snapshot = made(tmp_path, devices={"0000:02:00.0": FREE})
    assert (snapshot.devices, [why for _path, why in snapshot.problems]) == ((), ["Input/output error"])


def test_directories_that_cannot_be_listed_are_named(tmp_path, monkeypatch):
    real = host.list_directory

    def refuse(path):
        return ((), "Permission denied") if path.endswith(("/class/block", "/iommu_groups")) else real(path)

    monkeypatch.setattr(host, "list_directory", refuse)
    assert made(tmp_path).problems == (
        (f"{tmp_path}/sys/class/block", "Permission denied"),
        (f"{tmp_path}/sys/kernel/iommu_groups", "Permission denied"),
    )


def test_the_kernel_is_asked_for_addresses_on_the_machine_itself():
    interfaces = [name for _index, name in socket.if_nameindex()]
    found = host._ask_ipv4_addresses()
    assert all(name in interfaces for name, _address in found)
    if "lo" in interfaces:
        assert ("lo", "127.0.0.1") in found


def test_no_socket_is_no_address(monkeypatch):
    def refuse(*_arguments):
        raise OSError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(host.socket, "socket", refuse)
    assert host._ask_ipv4_addresses() == ()


def test_this_machine_can_be_read():
    snapshot = read_machine("/")
    assert snapshot.kernel_release == value(os.uname().release)
    assert snapshot.architecture == os.uname().machine
    assert snapshot.mounts.is_value
