"""Hold the table of the zoo against a machine that has booted.

NOVA_PCI_LAB_MACHINE names a running machine's machine.json; without it there is nothing to look
at. Works in every state of the machine: what needs an IOMMU is checked where groups exist.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from lab import zoo
from lab.image import DATA_MOUNT
from lab.machine import Lab, Machine
from lab.record import record

STATE_FILE = os.environ.get("NOVA_PCI_LAB_MACHINE", "")

pytestmark = pytest.mark.skipif(not STATE_FILE, reason="NOVA_PCI_LAB_MACHINE names no machine")


@pytest.fixture(scope="module")
def guest() -> Machine:
    return Lab.machine_at(Path(STATE_FILE))


@pytest.fixture(scope="module")
def seen(guest: Machine) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(record(guest))
    return found


@pytest.fixture(scope="module")
def where(guest: Machine) -> dict[str, Any]:
    return guest.expected


def text(seen: dict[str, Any], address: str, attribute: str) -> str:
    value: str = seen["devices"][address]["attributes"][attribute]["text"]
    return value.strip()


def group_of(seen: dict[str, Any], address: str) -> str | None:
    link: str | None = seen["devices"][address]["links"].get("iommu_group")
    return link.rsplit("/", 1)[1] if link else None


def test_every_device_is_where_the_table_says(seen: dict[str, Any], guest: Machine) -> None:
    table = {device.address: device.ids for device in zoo.devices(guest.state.zoo)}
    found = {
        address: f"{text(seen, address, 'vendor')[2:]}:{text(seen, address, 'device')[2:]}"
        for address in table
        if address in seen["devices"]
    }
    assert found == table


def test_console_is_the_boot_display(seen: dict[str, Any], where: dict[str, Any]) -> None:
    assert text(seen, where["console_vga"], "boot_vga") == "1"
    if "gpu" in where:
        assert text(seen, where["gpu"], "boot_vga") == "0"
        assert text(seen, where["gpu"], "class") == "0x030000"


def test_only_the_ssh_nic_has_a_route(seen: dict[str, Any], where: dict[str, Any]) -> None:
    routes = seen["files"]["/proc/net/route"]["text"].splitlines()[1:]
    nics = {name for name, target in seen["class_net"].items() if f"/{where['ssh_nic']}/" in target}
    assert {line.split()[0] for line in routes} == nics


def test_root_disk_holds_the_root(seen: dict[str, Any], where: dict[str, Any]) -> None:
    path = seen["devices"][where["root_disk"]]["path"]
    mounts = seen["files"]["/proc/mounts"]["text"].splitlines()
    device = next(line.split()[0] for line in mounts if line.split()[1] == "/")
    target = seen["class_block"][device.removeprefix("/dev/")]
    assert path.removeprefix("/sys/") in target


def test_virtual_functions_that_can_be_made(seen: dict[str, Any], where: dict[str, Any]) -> None:
    assert text(seen, where["sriov_nic"], "sriov_totalvfs") == str(zoo.SRIOV_NIC_VFS)
    if "nvme_sriov" in where:
        assert text(seen, where["nvme_sriov"], "sriov_totalvfs") == str(zoo.NVME_VFS)


def test_numa_nodes(seen: dict[str, Any], where: dict[str, Any]) -> None:
    for name, node in zoo.NUMA_NODE_OF.items():
        if name in where:
            assert text(seen, where[name], "numa_node") == str(node)


def test_data_disk_is_mounted(guest: Machine, seen: dict[str, Any], where: dict[str, Any]) -> None:
    if guest.state.zoo == "amd" and "iommu=pt" not in seen["files"]["/proc/cmdline"]["text"]:
        pytest.skip("QEMU's AMD IOMMU translates no DMA, so the disk's driver gave up")
    mounts = seen["files"]["/proc/mounts"]["text"].splitlines()
    device = next(line.split()[0] for line in mounts if line.split()[1] == DATA_MOUNT)
    namespace = device.removeprefix("/dev/")
    controllers = seen["devices"][where["nvme_data"]]["folders"]["nvme"]
    assert [name for names in controllers.values() for name in names if name == namespace]


def test_groups(seen: dict[str, Any], where: dict[str, Any]) -> None:
    if not seen["iommu_groups"]:
        pytest.skip("the IOMMU is off")
    alone = {group_of(seen, where[name]) for name in ("ssh_nic", "spare_nic", "sriov_nic")}
    assert len(alone) == 3
    for group in alone:
        assert len(seen["iommu_groups"][group]["devices"]) == 1
    if "shared_group" in where:
        assert len({group_of(seen, address) for address in where["shared_group"]}) == 1
        assert group_of(seen, where["gpu"]) == group_of(seen, where["gpu_audio"])


def test_lspci_sees_the_same_devices(seen: dict[str, Any]) -> None:
    lines = seen["tools"]["lspci -Dnnk"]["stdout"].splitlines()
    assert {line.split()[0] for line in lines if line[:1].isdigit()} == set(seen["devices"])
