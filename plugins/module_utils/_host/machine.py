# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads one machine, once: everything that detection wants to know, from one root, as plain strings."""

from __future__ import annotations

import array
import fcntl
import os
import re
import socket
import struct
from typing import Callable

from .._core.reading import ABSENT, Reading, unreadable, value
from .._core.snapshot import (
    BlockSnapshot,
    DeviceSnapshot,
    GroupSnapshot,
    Holder,
    InterfaceSnapshot,
    MachineSnapshot,
    UsbInterface,
)
from .guests import RUNNING, read_guest_files
from .paths import Paths
from .route_tables import ask_table_routes
from .sysfs import DeviceReader, list_directory, read_attributes, read_first, read_link, read_text

_BEGINNING = 256 * 1024  # /proc/interrupts and /proc/cpuinfo grow with the number of processors
_ANCESTORS = 64
_GUEST_MODULES = ("vfio_pci", "vfio_virqfd")
_SIOCGIFCONF = 0x8912
_VFIO = "/dev/vfio/"
_BYPASSES = ("/dev/uio", "/dev/infiniband/uverbs")  # DPDK's other ways to a card

Problems = list[tuple[str, str]]


def read_machine(root: str = "/") -> MachineSnapshot:
    """What stands under *root* now. It raises nothing: whatever cannot be read says so in its place."""
    paths = Paths.under(root)
    problems: Problems = []
    devices = _read_devices(paths, problems)
    blocks = _read_blocks(paths, problems)
    bypass_nodes = (*_nodes(paths.uio_nodes, "", problems), *_nodes(paths.verbs_nodes, "infiniband/", problems))
    holders, openers = _read_holders(paths, problems) if _has_vfio(devices) or bypass_nodes else ((), ())
    guests, more = read_guest_files(paths.root, (RUNNING,))
    problems.extend(more)
    release = read_text(paths.kernel_release)
    return MachineSnapshot(
        devices=devices,
        slots=_read_slots(paths, problems),
        drivers=_names(paths.pci_drivers, problems),
        blocks=blocks,
        nvme_subsystems=_read_nvme_subsystems(paths, problems),
        btrfs=_read_btrfs(paths, problems),
        zfs_pools=_read_zfs_pools(paths, problems),
        udev_blocks=_read_udev(paths, blocks),
        bcache_members=tuple(block.name for block in blocks if os.path.isdir(f"{paths.blocks}/{block.name}/bcache")),
        mounts=read_text(paths.mounts),
        other_mounts=_read_other_mounts(paths, problems),
        swaps=read_text(paths.swaps),
        interfaces=_read_interfaces(paths, problems),
        ipv4_routes=read_text(paths.ipv4_routes),
        ipv6_routes=read_text(paths.ipv6_routes),
        ipv4_trie=read_text(paths.ipv4_trie),
        ipv4_addresses=_ask_ipv4_addresses() if paths.root == "/" else (),
        ipv6_addresses=read_text(paths.ipv6_addresses),
        table_routes=ask_table_routes() if paths.root == "/" else (),
        connection=_read_connection(paths),
        framebuffers=tuple(_links(paths.framebuffers, problems)),
        console_drivers=_read_console_drivers(paths, problems),
        memory_map=read_text(paths.memory_map),
        usb_interfaces=_read_usb_interfaces(paths, problems),
        holders=holders,
        vfio_nodes=_nodes(paths.vfio_nodes, "", problems),
        openers=openers,
        bypass_nodes=bypass_nodes,
        guests=guests,
        driverctl=_read_texts(paths, paths.driverctl, "", problems),
        os_net_config=_read_texts(paths, paths.os_net_config, ".yaml", problems),
        modprobe=tuple(text for place in paths.modprobe for text in _read_texts(paths, place, ".conf", problems)),
        iommu_units=_names(paths.iommu_units, problems),
        iommu_groups=_read_groups(paths, problems),
        firmware_tables=_names(paths.firmware_tables, problems),
        interrupts=read_text(paths.interrupts, _BEGINNING),
        architecture=read_text(paths.architecture).text or os.uname().machine,
        kernel_release=release,
        boot_id=read_text(paths.boot_id),
        command_line=read_text(paths.command_line),
        cpuinfo=read_text(paths.cpuinfo, _BEGINNING),
        kernel_config=_of_kernel(release, lambda name: read_first(paths.kernel_configs(name))),
        lockdown=read_text(paths.lockdown),
        loaded_modules=tuple(name for name in _GUEST_MODULES if os.path.isdir(f"{paths.loaded_modules}/{name}")),
        modules_alias=_of_kernel(release, lambda name: read_text(paths.modules(name, "modules.alias"))),
        modules_dep=_of_kernel(release, lambda name: read_text(paths.modules(name, "modules.dep"))),
        modules_builtin=_of_kernel(release, lambda name: read_text(paths.modules(name, "modules.builtin"))),
        modules_builtin_modinfo=_of_kernel(
            release, lambda name: read_text(paths.modules(name, "modules.builtin.modinfo"))
        ),
        pci_ids=read_first(paths.pci_ids),
        problems=tuple(problems),
    )


def _of_kernel(release: Reading, read: Callable[[str], Reading]) -> Reading:
    """A file that is named after the running kernel, when that one's name is known."""
    return ABSENT if release.text is None else read(release.text)


def _names(path: str, problems: Problems) -> tuple[str, ...]:
    names, problem = list_directory(path)
    if problem is not None:
        problems.append((path, problem))
    return names


def _links(path: str, problems: Problems) -> list[tuple[str, str]]:
    """(name, target) of every link in the directory *path*."""
    links = []
    for name in _names(path, problems):
        target = read_link(f"{path}/{name}")
        if target.text is not None:
            links.append((name, target.text))
    return links


def _read_devices(paths: Paths, problems: Problems) -> tuple[DeviceSnapshot, ...]:
    try:
        reader = DeviceReader(paths.pci_devices)
    except FileNotFoundError:
        return ()  # a machine without a PCI bus
    except OSError as error:
        problems.append((paths.pci_devices, error.strerror or str(error)))
        return ()
    try:
        return tuple(map(reader.read, reader.names()))
    except OSError as error:
        problems.append((paths.pci_devices, error.strerror or str(error)))
        return ()
    finally:
        reader.close()


def _read_slots(paths: Paths, problems: Problems) -> tuple[tuple[str, Reading], ...]:
    names = _names(paths.pci_slots, problems)
    return tuple((name, read_text(f"{paths.pci_slots}/{name}/address")) for name in names)


def _read_blocks(paths: Paths, problems: Problems) -> tuple[BlockSnapshot, ...]:
    blocks = []
    for name, target in _links(paths.blocks, problems):
        own = f"{paths.blocks}/{name}"
        mapped = name.startswith("dm-")
        blocks.append(
            BlockSnapshot(
                name=name,
                path=target,
                number=read_text(f"{own}/dev").text,
                slaves=_names(f"{own}/slaves", problems),
                mapper_name=read_text(f"{own}/dm/name").text if mapped else None,
                mapper_uuid=read_text(f"{own}/dm/uuid").text if mapped else None,
            )
        )
    return tuple(blocks)


def _read_nvme_subsystems(paths: Paths, problems: Problems) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """With native multipath a namespace hangs below its subsystem; its controllers are the subsystem's links."""
    found = []
    for name in _names(paths.nvme_subsystems, problems):
        own = f"{paths.nvme_subsystems}/{name}"
        controllers = tuple(target for link, target in _links(own, problems) if link.startswith("nvme"))
        found.append((name, controllers))
    return tuple(found)


def _read_btrfs(paths: Paths, problems: Problems) -> tuple[tuple[str, ...], ...]:
    names = _names(paths.btrfs, problems)
    members = tuple(list_directory(f"{paths.btrfs}/{name}/devices")[0] for name in names)
    return tuple(devices for devices in members if devices)


def _read_zfs_pools(paths: Paths, problems: Problems) -> tuple[str, ...]:
    names = _names(paths.zfs_pools, problems)
    return tuple(name for name in names if os.path.isdir(f"{paths.zfs_pools}/{name}"))


def _read_udev(paths: Paths, blocks: tuple[BlockSnapshot, ...]) -> tuple[tuple[str, Reading], ...]:
    """What udev knows of each block device: what is written on it, also where nothing in sysfs tells that it is used."""
    readings = [(block.name, read_text(paths.udev_block(block.number))) for block in blocks if block.number]
    return tuple((name, reading) for name, reading in readings if not reading.is_absent)


def _read_other_mounts(paths: Paths, problems: Problems) -> tuple[tuple[int, Reading], ...]:
    """The mounts of one process of each other mount namespace: what a container mounts is not to be seen from here."""
    seen = {read_link(paths.process("self", "ns/mnt")).text}
    found = []
    refused = None
    for number in _names(paths.processes.rstrip("/"), problems):
        namespace = read_link(paths.process(number, "ns/mnt")) if number.isdecimal() else ABSENT
        refused = refused or namespace.problem
        if namespace.text is not None and namespace.text not in seen:
            seen.add(namespace.text)
            found.append((int(number), read_text(paths.process(number, "mountinfo"))))
    if refused is not None:
        problems.append(
            (paths.process("*", "ns/mnt"), f"{refused}; a container may have mounted a disk that looks free")
        )
    return tuple(found)


def _read_console_drivers(paths: Paths, problems: Problems) -> tuple[tuple[str, str], ...]:
    own = paths.console_drivers
    pairs = [(read_text(f"{own}/{name}/name"), read_text(f"{own}/{name}/bind")) for name in _names(own, problems)]
    return tuple((name.text or "", bind.text or "") for name, bind in pairs)


def _read_usb_interfaces(paths: Paths, problems: Problems) -> tuple[UsbInterface, ...]:
    """The interfaces among the USB devices: "1-1:1.0" (Documentation/ABI/stable/sysfs-bus-usb)."""
    found = []
    for name, target in _links(paths.usb_devices, problems):
        if ":" in name:
            own = f"{paths.usb_devices}/{name}"
            code, protocol = (read_text(f"{own}/{part}").text for part in ("bInterfaceClass", "bInterfaceProtocol"))
            found.append(UsbInterface(target, code, protocol))
    return tuple(found)


def _read_texts(paths: Paths, place: str, ending: str, problems: Problems) -> tuple[tuple[str, Reading], ...]:
    """(path on the machine, text) of every file in *place* whose name ends in *ending*."""
    names = [name for name in _names(place, problems) if name.endswith(ending)]
    return tuple((f"/{place[len(paths.root) :]}/{name}", read_text(f"{place}/{name}")) for name in names)


def _read_interfaces(paths: Paths, problems: Problems) -> tuple[InterfaceSnapshot, ...]:
    interfaces = []
    for name, target in _links(paths.interfaces, problems):
        own = f"{paths.interfaces}/{name}"
        uppers = {entry[len("upper_") :] for entry in _names(own, problems) if entry.startswith("upper_")}
        master = read_link(f"{own}/master").text
        if master is not None:
            uppers.add(master.rpartition("/")[2])
        interfaces.append(
            InterfaceSnapshot(
                name=name,
                path=target,
                mac=read_text(f"{own}/address"),
                permanent_mac=read_text(f"{own}/bonding_slave/perm_hwaddr") if uppers else ABSENT,
                uppers=tuple(sorted(uppers)),
            )
        )
    return tuple(interfaces)


def _ask_ipv4_addresses() -> tuple[tuple[str, str], ...]:
    """(interface, address) for every IPv4 address, secondary ones too: procfs lists them without the interface.

    SIOCGIFCONF (netdevice(7)) fills an array of struct ifreq: 16 bytes of name, then a struct sockaddr_in.
    """
    entry = 40 if struct.calcsize("P") == 8 else 32
    buffer = array.array("B", bytes(entry * 1024))
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as asking:
            request = struct.pack("iP", len(buffer), buffer.buffer_info()[0])
            answer = fcntl.ioctl(asking.fileno(), _SIOCGIFCONF, request)
    except OSError:
        return ()
    length = struct.unpack("iP", answer)[0]
    raw = buffer.tobytes()[:length]
    found = []
    for start in range(0, length, entry):
        label = raw[start : start + 16].split(b"\0", 1)[0].decode("utf-8", "replace")
        found.append((label.partition(":")[0], socket.inet_ntoa(raw[start + 20 : start + 24])))
    return tuple(found)


def _read_connection(paths: Paths) -> Reading:
    """SSH_CONNECTION of this process or of its nearest ancestor that has it: sudo takes it out of the environment."""
    number = "self"
    worst = ABSENT
    for _generation in range(_ANCESTORS):
        environment = read_text(paths.process(number, "environ"))
        if environment.text is not None:
            for entry in environment.text.split("\0"):
                if entry.startswith("SSH_CONNECTION="):
                    return value(entry.partition("=")[2])
        elif environment.is_unreadable:
            worst = unreadable(f"the environment of process {number}: {environment.problem}")
        parent = _parent(read_text(paths.process(number, "stat")).text)
        if parent in (None, "0", "1"):
            return worst
        number = str(parent)
    return worst


def _parent(stat: str | None) -> str | None:
    """The fourth field of /proc/N/stat; the second, a name in parentheses, may hold anything (proc(5))."""
    if stat is None:
        return None
    fields = stat.rpartition(")")[2].split()
    return fields[1] if len(fields) > 1 else None


def _has_vfio(devices: tuple[DeviceSnapshot, ...]) -> bool:
    return any("vfio" in (device.links.get("driver", ABSENT).text or "") for device in devices)


def _read_holders(paths: Paths, problems: Problems) -> tuple[tuple[Holder, ...], tuple[Holder, ...]]:
    """Every process that has a VFIO group or device open, and every one that has a UIO or verbs device open.

    Other people's are only visible to root.
    """
    holders = set()
    openers = set()
    refused = None
    for number in _names(paths.processes.rstrip("/"), problems):
        if not number.isdecimal():
            continue
        own = paths.process(number, "fd")
        files, problem = list_directory(own)
        refused = refused or problem
        for file in files:
            target = read_link(f"{own}/{file}").text
            if target is None or target == f"{_VFIO}vfio" or not target.startswith((_VFIO, *_BYPASSES)):
                continue
            command = read_text(paths.process(number, "comm")).text or "?"
            if target.startswith(_VFIO):
                holders.add((target[len(_VFIO) :], int(number), command))
            else:
                openers.add((target[len("/dev/") :], int(number), command))
    if refused is not None:
        problems.append((paths.process("*", "fd"), f"{refused}; a guest may hold devices that look free"))
    return tuple(Holder(*holder) for holder in sorted(holders)), tuple(Holder(*opener) for opener in sorted(openers))


def _nodes(place: str, prefix: str, problems: Problems) -> tuple[tuple[str, str], ...]:
    """("vfio0", "0000:3b:00.0"): the device nodes of a class, those of iommufd (Documentation/driver-api/vfio.rst) too."""
    found = []
    for name, target in _links(place, problems):
        above = re.findall(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]", target)
        if above:
            found.append((f"{prefix}{name}", above[-1]))
    return tuple(found)


def _read_groups(paths: Paths, problems: Problems) -> tuple[GroupSnapshot, ...]:
    numbers = _names(paths.iommu_groups, problems)
    # Only VFIO's groups without an IOMMU carry this name, and only where there is no unit at all.
    named = not list_directory(paths.iommu_units)[0]
    if not numbers:
        return ()
    types = read_attributes(paths.iommu_groups, numbers, "type")
    names = read_attributes(paths.iommu_groups, numbers, "name") if named else {}
    return tuple(GroupSnapshot(number, types.get(number, ABSENT), names.get(number, ABSENT)) for number in numbers)
