"""The PCI devices of a lab machine: what sits where, and which case it is there for.

Tests name devices (``spare_nic``), never addresses: `expected` translates. The addresses are
what SeaBIOS and Linux give when root ports are walked in order; `tests/test_booted_zoo.py`
holds this table against a machine that has really booted.

Two things are said explicitly on purpose. ``bus=pcie.0`` everywhere: once an expander bridge
exists, QEMU no longer knows which root bus is meant. ``romfile=``: option ROMs only slow the boot.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass

ZOOS = ("intel", "amd", "small", "faults", "moved")
CLOUD = "cloud"
"""The compute host of a cloud (cloud.py); no zoo of a machine that stands alone."""

SSH_NIC_MAC = "52:54:00:4c:00:01"
SPARE_NIC_MAC = "52:54:00:4c:00:02"
SRIOV_NIC_MAC = "52:54:00:4c:00:03"
SHARED_NIC_MAC = "52:54:00:4c:00:04"
NUMA_NIC_MAC = "52:54:00:4c:00:05"
CLOUD_NIC_MAC = "52:54:00:4c:00:06"
"""Of a cloud's first compute host."""
TWIN_NIC_MAC = "52:54:00:4c:00:07"
SPARE_NIC_SERIAL = "52-54-00-ff-ff-4c-00-02"
"""What QEMU makes of SPARE_NIC_MAC as the device serial number (hw/net/e1000e_core.h)."""

# Without these two a request was seen to get lost under emulation, and the guest to wait for it for ever.
_NOTHING_LOST = "ioeventfd=off,event_idx=off"

SRIOV_NIC_VFS = 7
NVME_VFS = 4
_NVME_SRIOV = f"sriov_max_vfs={NVME_VFS},sriov_vq_flexible=8,sriov_vi_flexible=4,max_ioqpairs=10,msix_qsize=16"


@dataclass(frozen=True)
class Device:
    """One PCI function a test can ask for; `args` carries {placeholders} filled at boot."""

    name: str
    address: str
    ids: str
    why: str
    args: tuple[str, ...] = ()
    small: bool = False


def _port(number: int, bus: str = "pcie.0", addr: str | None = None) -> tuple[str, ...]:
    """A PCIe root port with access control services, so that what hangs on it is isolated."""
    place = addr or f"0x10.{number}"
    first = ",multifunction=on" if number == 0 and addr is None else ""
    options = f"id=rp{number},bus={bus},chassis={number + 1},slot={number + 1},addr={place}"
    return ("-device", f"pcie-root-port,{options}{first}")


DEVICES = (
    Device(
        name="console_vga",
        address="0000:00:01.0",
        ids="1234:1111",
        why="the console's display (boot_vga is 1): must be refused",
        args=("-device", "VGA,bus=pcie.0,addr=0x1"),
        small=True,
    ),
    Device(
        name="root_disk",
        address="0000:00:03.0",
        ids="1af4:1001",
        why="controller of the root file system: must be refused",
        args=(
            "-drive",
            "file={disk},if=none,id=root,format={disk_format},cache=unsafe,discard=unmap",
            "-device",
            f"virtio-blk-pci,drive=root,bus=pcie.0,addr=0x3,bootindex=1,{_NOTHING_LOST}",
        ),
        small=True,
    ),
    Device(
        name="ssh_nic",
        address="0000:01:00.0",
        ids="8086:10d3",
        why="carries the connection and the default route: must be refused, although its ids are those of spare_nic",
        args=(
            *_port(0),
            "-netdev",
            "user,id=ssh,hostfwd=tcp:127.0.0.1:{ssh_port}-:22",
            "-device",
            f"e1000e,netdev=ssh,bus=rp0,romfile=,mac={SSH_NIC_MAC}",
        ),
        small=True,
    ),
    Device(
        name="spare_nic",
        address="0000:02:00.0",
        ids="8086:10d3",
        why="the free twin of ssh_nic: the usual whole-device passthrough",
        args=(
            *_port(1),
            "-netdev",
            "hubport,id=spare,hubid=1",
            "-device",
            f"e1000e,netdev=spare,bus=rp1,romfile=,mac={SPARE_NIC_MAC}",
        ),
        small=True,
    ),
    Device(
        name="sriov_nic",
        address="0000:03:00.0",
        ids="8086:10c9",
        why=f"SR-IOV physical function with {SRIOV_NIC_VFS} virtual functions (8086:10ca)",
        args=(
            *_port(2),
            "-netdev",
            "hubport,id=sriov,hubid=2",
            "-device",
            f"igb,netdev=sriov,bus=rp2,romfile=,mac={SRIOV_NIC_MAC}",
        ),
        small=True,
    ),
    Device(
        name="nvme_data",
        address="0000:04:00.0",
        ids="1b36:0010",
        why="holds a mounted file system (/srv/data): must be refused, although its ids are those of nvme_sriov",
        args=(
            *_port(3),
            "-drive",
            "file={data_disk},if=none,id=data,format=qcow2,cache=unsafe",
            "-device",
            "nvme,drive=data,serial=lab-data,bus=rp3",
        ),
        small=True,
    ),
    Device(
        name="shared_bridge",
        address="0000:05:00.0",
        ids="1b36:000e",
        why="the PCIe-to-PCI bridge that makes its children one IOMMU group",
        args=(*_port(4), "-device", "pcie-pci-bridge,id=conventional,bus=rp4"),
    ),
    Device(
        name="shared_edu",
        address="0000:06:01.0",
        ids="1234:11e8",
        why="shares an IOMMU group with shared_nic, and no driver in Linux claims it",
        args=("-device", "edu,bus=conventional,addr=1"),
    ),
    Device(
        name="shared_nic",
        address="0000:06:02.0",
        ids="8086:100e",
        why="shares an IOMMU group with shared_edu, bound to its own driver",
        args=(
            "-netdev",
            "hubport,id=shared,hubid=3",
            "-device",
            f"e1000,netdev=shared,bus=conventional,addr=2,romfile=,mac={SHARED_NIC_MAC}",
        ),
    ),
    Device(
        name="gpu",
        address="0000:07:00.0",
        ids="1002:5046",
        why="a second display (class 0300, boot_vga is 0) with a companion function",
        args=(
            *_port(5),
            "-device",
            "ati-vga,bus=rp5,addr=0.0,multifunction=on,romfile=",
        ),
    ),
    Device(
        name="gpu_audio",
        address="0000:07:00.1",
        ids="8086:293e",
        why="the companion: must follow gpu or the plan must say why not",
        args=("-device", "ich9-intel-hda,bus=rp5,addr=0.1"),
    ),
    Device(
        name="nvme_sriov",
        address="0000:08:00.0",
        ids="1b36:0010",
        why=f"SR-IOV without a network: {NVME_VFS} virtual functions with the ids of their parent",
        args=(
            *_port(6),
            "-device",
            "nvme-subsys,id=subsys0",
            "-device",
            f"nvme,subsys=subsys0,serial=lab-sriov,bus=rp6,{_NVME_SRIOV}",
        ),
    ),
    Device(
        name="numa_nic",
        address="0000:81:00.0",
        ids="15ad:07b0",
        why="sits on NUMA node 1, behind a second root bus",
        args=(
            "-device",
            "pxb-pcie,id=pxb1,bus_nr=0x80,numa_node=1,bus=pcie.0,addr=0x8",
            *_port(7, bus="pxb1", addr="0x0"),
            "-netdev",
            "hubport,id=numa,hubid=4",
            "-device",
            f"vmxnet3,netdev=numa,bus=rp7,romfile=,mac={NUMA_NIC_MAC}",
        ),
    ),
)

# In place of the NVMe: QEMU cannot freeze a machine that has one (machine.py, `freeze`).
_DATA_DISK = Device(
    name="data_disk",
    address="0000:00:04.0",
    ids="1af4:1001",
    why="holds a mounted file system (/srv/data): must be refused",
    args=(
        "-drive",
        "file={data_disk},if=none,id=data,format=qcow2,cache=unsafe",
        "-device",
        f"virtio-blk-pci,drive=data,bus=pcie.0,addr=0x4,{_NOTHING_LOST}",
    ),
)

CLOUD_DEVICES = (
    # Without a display GRUB waits for ever.
    *(device for device in DEVICES if device.name in ("console_vga", "root_disk")),
    Device(
        name="ssh_nic",
        address="0000:00:04.0",
        ids="1af4:1041",
        why="carries the connection and the traffic of OpenStack: must be refused",
        args=(
            "-netdev",
            "{network}",
            "-device",
            # As with the disk: a lost notification would leave the host without its network.
            f"virtio-net-pci,netdev=ssh,bus=pcie.0,addr=0x4,disable-legacy=on,romfile=,{_NOTHING_LOST},mac={{cloud_nic_mac}}",
        ),
    ),
    Device(
        name="nvme_sriov",
        address="0000:01:00.0",
        ids="1b36:0010",
        why=f"{NVME_VFS} virtual functions, each alone in its group, for servers",
        args=(
            *_port(0),
            "-device",
            "nvme-subsys,id=subsys0",
            "-device",
            f"nvme,subsys=subsys0,serial=lab-sriov,bus=rp0,{_NVME_SRIOV}",
        ),
    ),
    Device(
        name="nic_a",
        address="0000:02:00.0",
        ids="8086:10d3",
        why="one of two equal devices: a server may ask for a pair",
        args=(
            *_port(1),
            "-netdev",
            "hubport,id=nic_a,hubid=1",
            "-device",
            f"e1000e,netdev=nic_a,bus=rp1,romfile=,mac={SPARE_NIC_MAC}",
        ),
    ),
    Device(
        name="nic_b",
        address="0000:03:00.0",
        ids="8086:10d3",
        why="the other one",
        args=(
            *_port(2),
            "-netdev",
            "hubport,id=nic_b,hubid=2",
            "-device",
            f"e1000e,netdev=nic_b,bus=rp2,romfile=,mac={SHARED_NIC_MAC}",
        ),
    ),
    Device(
        name="sriov_nic",
        address="0000:04:00.0",
        ids="8086:10c9",
        why=f"SR-IOV physical function with {SRIOV_NIC_VFS} virtual functions (8086:10ca)",
        args=(
            *_port(3),
            "-netdev",
            "hubport,id=sriov,hubid=3",
            "-device",
            f"igb,netdev=sriov,bus=rp3,romfile=,mac={SRIOV_NIC_MAC}",
        ),
    ),
)


def cloud_nic_mac(number: int) -> str:
    """Of the compute host cmp1, cmp2 and so on: two on one bridge must differ."""
    return CLOUD_NIC_MAC if number == 1 else f"52:54:00:4c:01:{number:02x}"


SHARED_GROUP = ("shared_edu", "shared_nic")
NUMA_NODE_OF = {"numa_nic": 1}

_IOMMU = {
    "intel": "intel-iommu,intremap=on,caching-mode=on",
    "amd": "amd-iommu,intremap=on",
    "small": "intel-iommu,intremap=on,caching-mode=on",
    "faults": "intel-iommu,intremap=on,caching-mode=on",
    "moved": "intel-iommu,intremap=on,caching-mode=on",
    CLOUD: "intel-iommu,intremap=on,caching-mode=on",
}


def devices(zoo: str) -> tuple[Device, ...]:
    """The devices of a zoo: all of them, or those of a quick machine."""
    if zoo == CLOUD:
        return CLOUD_DEVICES
    if zoo not in ZOOS:
        raise ValueError(f"There is no zoo named {zoo!r}; choose one of {', '.join(ZOOS)}.")
    small = tuple(device for device in DEVICES if device.small)
    if zoo == "small":
        return small
    if zoo == "faults":
        return tuple(_DATA_DISK if device.name == "nvme_data" else device for device in small)
    if zoo == "moved":
        return tuple(item for device in DEVICES for item in _moved(device))
    return tuple(_for_amd(device) if zoo == "amd" else device for device in DEVICES)


def _moved(device: Device) -> tuple[Device, ...]:
    """Somebody has put spare_nic into another slot, and a card of the same make where it was; all else is as in "intel"."""
    if device.name != "spare_nic":
        return (device,)
    twin = tuple(arg.replace(SPARE_NIC_MAC, TWIN_NIC_MAC) for arg in device.args)
    card = device.args[2:]
    away = tuple(arg.replace("bus=rp1", "bus=rp8") for arg in card)
    stays = tuple(arg.replace("=spare", "=twin").replace("hubid=1", "hubid=5") for arg in twin)
    return (
        dataclasses.replace(device, name="twin_nic", why="has the ids and the former place of spare_nic", args=stays),
        dataclasses.replace(device, address="0000:09:00.0", args=(*_port(8, addr="0x11"), *away)),
    )


def _for_amd(device: Device) -> Device:
    """The connection must not depend on DMA translation: QEMU 10.0's AMD IOMMU loses it, and virtio goes around it.

    Every other device that reads or writes memory works only once the guest runs with iommu=pt.
    """
    if device.name != "ssh_nic":
        return device
    args = tuple(arg.replace("e1000e,", "virtio-net-pci,", 1) for arg in device.args)
    why = "carries the connection and the default route: must be refused"
    return dataclasses.replace(device, ids="1af4:1041", why=why, args=args)


def expected(zoo: str = "intel") -> dict[str, str | list[str]]:
    """Name -> address, with the devices of the shared group as one list as well."""
    table: dict[str, str | list[str]] = {item.name: item.address for item in devices(zoo)}
    if zoo in ("intel", "amd", "moved"):
        table["shared_group"] = [str(table[name]) for name in SHARED_GROUP]
    return table


EXPECTED = expected("intel")


def qemu_args(zoo: str, memory_mib: int, values: Mapping[str, object]) -> list[str]:
    """All QEMU options of a zoo; `values` (disk, ssh_port, ...) fill the placeholders.

    AMD's IOMMU brings a PCI function that takes the first free slot, so it comes after the devices that have theirs.
    """
    iommu = ["-device", _IOMMU[zoo]]
    values = {"cloud_nic_mac": CLOUD_NIC_MAC, **values}
    filled = [arg.format(**values) for device in devices(zoo) for arg in device.args]
    return _memory_args(zoo, memory_mib) + (filled + iommu if zoo == "amd" else iommu + filled)


def _memory_args(zoo: str, memory_mib: int) -> list[str]:
    """Processors and memory; two NUMA nodes where a device of the zoo sits on the second."""
    args = ["-smp", "2", "-m", str(memory_mib)]
    if zoo in ("intel", "amd", "moved"):
        half = memory_mib // 2
        for node, size in enumerate((half, memory_mib - half)):
            args += ["-object", f"memory-backend-ram,id=mem{node},size={size}M"]
            args += ["-numa", f"node,nodeid={node},cpus={node},memdev=mem{node}"]
    return args
