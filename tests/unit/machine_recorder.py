# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Records what detection reads of a real machine, as a recorded machine for machines/. It changes nothing.

    ssh root@HOST python3 - "a sentence that says which machine this is" < machine_recorder.py > machines/NAME.yml

The standard library is enough. Read the result before it goes anywhere: it holds MAC and IP addresses and serial numbers.
"""

from __future__ import annotations

import glob
import json
import os
import sys

ATTRIBUTES = (
    "class", "vendor", "device", "subsystem_vendor", "subsystem_device", "revision", "modalias", "numa_node",
    "driver_override", "reset_method", "boot_vga", "max_link_speed", "sriov_totalvfs", "sriov_numvfs", "sriov_vf_device",
)  # fmt: skip
LINKED = ("net", "block", "iommu", "nvme-subsystem", "vfio-dev", "graphics", "uio", "infiniband_verbs")
PROC = (
    "cmdline", "cpuinfo", "interrupts", "swaps", "self/mountinfo", "net/route", "net/ipv6_route", "net/fib_trie",
    "net/if_inet6", "iomem", "sys/kernel/osrelease", "sys/kernel/arch", "sys/kernel/random/boot_id",
)  # fmt: skip

files: dict[str, str] = {}
links: dict[str, str] = {}
binary: dict[str, str] = {}
directories: dict[str, None] = {}


def take(path: str) -> None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            text = file.read()
    except OSError:
        return
    files[path[1:]] = text[:-1] if text.endswith("\n") else text


def take_binary(path: str) -> None:
    try:
        with open(path, "rb") as file:
            binary[path[1:]] = file.read().rstrip(b"\0").hex()
    except OSError:
        return


def take_link(path: str) -> None:
    if os.path.islink(path):
        links[path[1:]] = os.readlink(path)


def take_devices() -> None:
    for entry in sorted(glob.glob("/sys/bus/pci/devices/*")):
        take_link(entry)
        place = os.path.realpath(entry)
        directories[place[1:]] = None
        for attribute in ATTRIBUTES:
            take(f"{place}/{attribute}")
        for name in sorted(os.listdir(place)):
            if name in ("driver", "iommu_group", "physfn") or name.startswith("virtfn"):
                take_link(f"{place}/{name}")
        with open(f"{place}/class", encoding="ascii") as file:
            if not file.read().startswith("0x06"):
                take_binary(f"{place}/config")
                take_binary(f"{place}/vpd")
    for path in glob.glob("/sys/bus/pci/slots/*/address"):
        take(path)
    for path in glob.glob("/sys/bus/pci/drivers/vfio*"):
        directories[path[1:]] = None


def take_classes() -> None:
    for kind in LINKED:
        for entry in sorted(glob.glob(f"/sys/class/{kind}/*")):
            take_link(entry)
            place = os.path.realpath(entry)
            directories[place[1:]] = None
            names = ["address", "dev", "dm/name", "dm/uuid", "bonding_slave/perm_hwaddr"]
            for name in names if kind in ("net", "block") else ():
                take(f"{place}/{name}")
            for name in sorted(os.listdir(place)):
                if name.startswith(("upper_", "lower_", "nvme")) or name == "master":
                    take_link(f"{place}/{name}")
            for path in glob.glob(f"{place}/slaves/*"):
                take_link(path)
    directories["sys/kernel/iommu_groups"] = None
    for path in glob.glob("/sys/kernel/iommu_groups/*/type"):
        take(path)
    for name in os.listdir("/sys/firmware/acpi/tables"):
        files[f"sys/firmware/acpi/tables/{name}"] = ""


def take_seat_and_tools() -> None:
    for path in glob.glob("/sys/bus/usb/devices/*:*"):
        take_link(path)
        place = os.path.realpath(path)
        for name in ("bInterfaceClass", "bInterfaceProtocol"):
            take(f"{place}/{name}")
    patterns = (
        "sys/class/vtconsole/*/name",
        "sys/class/vtconsole/*/bind",
        "etc/driverctl.d/*",
        "etc/modprobe.d/*.conf",
    )
    for pattern in (*patterns, "var/lib/os-net-config/*.yaml", "run/udev/data/b*"):
        for path in glob.glob(f"/{pattern}"):
            take(path)


def take_kernel() -> None:
    for name in PROC:
        take(f"/proc/{name}")
    files["proc/cpuinfo"] = files["proc/cpuinfo"].split("\n\n")[0]
    release = files["proc/sys/kernel/osrelease"]
    modules = f"lib/modules/{release}"
    for name in ("modules.alias", "modules.dep", "modules.builtin", f"/boot/config-{release}"):
        take(name if name.startswith("/") else f"/{modules}/{name}")
    own = [text for path, text in files.items() if path.endswith("/modalias")]
    keys = {text[:22] for text in own} | {text[:13] + "d*" for text in own} | {"pci:v*"}
    config = f"boot/config-{release}"
    for path, wanted in (
        (f"{modules}/modules.alias", lambda line: not keys.isdisjoint((line[6:28], line[6:21], line[6:12]))),
        (f"{modules}/modules.dep", lambda line: "/vfio" in line.partition(":")[0]),
        (f"{modules}/modules.builtin", lambda line: "/vfio" in line),
        (config, lambda line: "IOMMU" in line or "SMMU" in line),
    ):
        if path in files:
            files[path] = "\n".join(line for line in files[path].split("\n") if wanted(line))


def take_connection() -> None:
    if "SSH_CONNECTION" in os.environ:
        files["proc/self/environ"] = f"SSH_CONNECTION={os.environ['SSH_CONNECTION']}"


def main() -> None:
    take_devices()
    take_classes()
    take_seat_and_tools()
    take_kernel()
    take_connection()
    print("# Copyright: (c) 2026, nova_pci contributors")
    print("# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)")
    print("# SPDX-License-Identifier: GPL-3.0-or-later")
    print("# yamllint disable rule:line-length")
    print("---")
    print("source: recorded by tests/unit/machine_recorder.py")
    print(f"about: {json.dumps(' '.join(sys.argv[1:]))}")
    for name, recorded in (("files", files), ("links", links), ("binary", binary)):
        print(f"{name}:")
        for path in sorted(recorded):
            print(f"  {json.dumps(path)}: {json.dumps(recorded[path])}")
    print(f"directories: {json.dumps(sorted(directories))}")


if __name__ == "__main__":
    main()
