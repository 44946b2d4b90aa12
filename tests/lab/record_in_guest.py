"""Runs inside a guest (python3 -) and prints what it reads as JSON; changes nothing.

Each attribute is one of: {"text": ...}, {"hex": ...} for bytes that are not text,
{"unreadable": errno name}. Absent attributes do not appear.
"""

from __future__ import annotations

import errno
import glob
import json
import os
import subprocess
from typing import Any

LIMIT = 65536
BINARY = {"config", "vpd"}
# Reading these has effects or is useless: device memory, ROM, and the write-only switches.
SKIPPED = {"remove", "rescan", "reset", "rom"}
FILES = (
    "/proc/cmdline",
    "/proc/mounts",
    "/proc/self/mountinfo",
    "/proc/swaps",
    "/proc/modules",
    "/proc/net/route",
    "/proc/net/ipv6_route",
    "/proc/net/arp",
    "/proc/partitions",
    "/proc/sys/kernel/osrelease",
    "/proc/sys/kernel/random/boot_id",
    "/etc/default/grub",
    "/boot/grub/grub.cfg",
    "/boot/grub/grubenv",
    "/etc/fstab",
    "/etc/os-release",
    "/etc/initramfs-tools/modules",
    "/etc/modules",
)
GLOBS = ("/etc/default/grub.d/*", "/etc/modprobe.d/*", "/etc/modules-load.d/*")


def read(path: str) -> dict[str, str]:
    """One file as a value or as unreadable."""
    try:
        with open(path, "rb") as handle:
            data = handle.read(LIMIT)
    except OSError as error:
        return {"unreadable": errno.errorcode.get(error.errno or 0, str(error.errno))}
    if os.path.basename(path) in BINARY:
        return {"hex": data.hex()}
    try:
        return {"text": data.decode("utf-8")}
    except UnicodeDecodeError:
        return {"hex": data.hex()}


def readable_file(path: str) -> bool:
    """Regular files that are meant to be read, no memory windows."""
    name = os.path.basename(path)
    if name in SKIPPED or (name.startswith("resource") and name != "resource"):
        return False
    return os.path.isfile(path) and not os.path.islink(path) and bool(os.stat(path).st_mode & 0o444)


def children(path: str, depth: int) -> dict[str, Any]:
    """Attributes, links and folders of a folder, `depth` levels down."""
    result: dict[str, dict[str, Any]] = {"files": {}, "links": {}, "folders": {}}
    for entry in sorted(os.listdir(path)):
        full = os.path.join(path, entry)
        if os.path.islink(full):
            result["links"][entry] = os.readlink(full)
        elif os.path.isdir(full):
            result["folders"][entry] = children(full, depth - 1) if depth else {}
        elif readable_file(full):
            result["files"][entry] = read(full)
    return result


def device(path: str) -> dict[str, Any]:
    """A PCI device: attributes, links, names in its class folders, and one level of those."""
    real = os.path.realpath(path)
    result: dict[str, Any] = {"path": real, "attributes": {}, "links": {}, "folders": {}}
    for entry in sorted(os.listdir(real)):
        full = os.path.join(real, entry)
        if os.path.islink(full):
            result["links"][entry] = os.readlink(full)
        elif os.path.isdir(full):
            result["folders"][entry] = folder(full, entry)
        elif readable_file(full):
            result["attributes"][entry] = read(full)
    return result


def folder(path: str, name: str) -> Any:
    """Names below a device's folder; network interfaces and disks with their attributes."""
    if name == "net":
        return {child: net(os.path.join(path, child)) for child in sorted(os.listdir(path))}
    if name in ("block", "nvme", "drm", "sound", "power", "iommu", "vfio-dev") or (name.startswith("virtio")):
        return {child: names(os.path.join(path, child)) for child in sorted(os.listdir(path))}
    return sorted(os.listdir(path))


def names(path: str) -> list[str] | None:
    """Names in a folder, or None for a file."""
    return sorted(os.listdir(path)) if os.path.isdir(path) and not os.path.islink(path) else None


def net(path: str) -> dict[str, dict[str, str]]:
    """What identifies a network interface."""
    keys = ("address", "operstate", "carrier", "type", "mtu", "phys_port_name", "phys_switch_id")
    found = {key: read(os.path.join(path, key)) for key in keys}
    for link in ("master", "device", "bonding_slave"):
        full = os.path.join(path, link)
        if os.path.islink(full):
            found[link] = {"link": os.readlink(full)}
    return found


def links_of(folder_path: str) -> dict[str, str | None]:
    """Names and targets in a folder of links such as /sys/class/net."""
    found: dict[str, str | None] = {}
    for entry in sorted(os.listdir(folder_path)) if os.path.isdir(folder_path) else ():
        full = os.path.join(folder_path, entry)
        found[entry] = os.readlink(full) if os.path.islink(full) else None
    return found


def drivers() -> dict[str, dict[str, str | None]]:
    """PCI drivers and the devices bound to each."""
    base = "/sys/bus/pci/drivers"
    return {name: links_of(os.path.join(base, name)) for name in sorted(os.listdir(base))}


def tools() -> dict[str, dict[str, Any]]:
    """What other programs say, to compare one's own reading with."""
    found: dict[str, dict[str, Any]] = {}
    for command in ("lspci -Dnnk", "lspci -Dvmmnnk", "lsblk -J -O", "ip -j addr", "ip -j route"):
        done = subprocess.run(command.split(), capture_output=True, text=True, check=False)
        found[command] = {"rc": done.returncode, "stdout": done.stdout}
    return found


def main() -> None:
    """Print everything."""
    paths = list(FILES) + [path for pattern in GLOBS for path in sorted(glob.glob(pattern))]
    pci = "/sys/bus/pci/devices"
    groups = "/sys/kernel/iommu_groups"
    print(
        json.dumps(
            {
                "format": 1,
                "devices": {name: device(os.path.join(pci, name)) for name in os.listdir(pci)},
                "drivers": drivers(),
                "slots": {
                    os.path.basename(path): children(path, 0) for path in sorted(glob.glob("/sys/bus/pci/slots/*"))
                },
                "iommu_groups": {
                    name: {
                        "devices": sorted(os.listdir(os.path.join(groups, name, "devices"))),
                        "type": read(os.path.join(groups, name, "type")),
                        "reserved_regions": read(os.path.join(groups, name, "reserved_regions")),
                    }
                    for name in sorted(os.listdir(groups), key=int)
                }
                if os.path.isdir(groups)
                else None,
                "iommu_class": links_of("/sys/class/iommu"),
                "acpi_tables": sorted(os.listdir("/sys/firmware/acpi/tables")),
                "numa_nodes": {
                    os.path.basename(path): read(os.path.join(path, "cpulist"))
                    for path in sorted(glob.glob("/sys/devices/system/node/node*"))
                },
                "class_net": links_of("/sys/class/net"),
                "class_block": links_of("/sys/class/block"),
                "files": {path: read(path) for path in paths if os.path.exists(path)},
                "tools": tools(),
            },
            indent=1,
            sort_keys=True,
        )
    )


main()
