# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/usage.py: from a mount, a swap, a route or a process down to the PCI function."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import Use
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import ABSENT, unreadable, value
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.snapshot import (
    BlockSnapshot,
    DeviceSnapshot,
    Holder,
    InterfaceSnapshot,
    MachineSnapshot,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.usage import (
    find_uses,
    functions_above,
    own_uses,
)

BRIDGE = Use("bridge", "it is one of the host's bridges")
BMC = Use("bmc", "it belongs to the server's management controller")
CONSOLE = Use("console", "the firmware and the console display on it (boot_vga)")
DISK = "../../devices/pci0000:00/0000:00:03.0/virtio0/block/vda"
SWAPS = "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n"
NO_BRIDGES: frozenset = frozenset()


def mount(at: str, number: str, root: str = "/", rest: str = "ext4 /dev/root rw") -> str:
    return f"27 1 {number} {root} {at} rw,noatime shared:1 - {rest}"


def disks(*more: BlockSnapshot) -> MachineSnapshot:
    blocks = (BlockSnapshot("vda", DISK, "254:0"), BlockSnapshot("vda1", f"{DISK}/vda1", "254:1"), *more)
    return MachineSnapshot(blocks=blocks, swaps=value(SWAPS))


def virtual(name: str, number: str, *slaves: str, mapper: str | None = None, uuid: str | None = None) -> BlockSnapshot:
    return BlockSnapshot(name, f"../../devices/virtual/block/{name}", number, slaves, mapper, uuid)


@pytest.mark.parametrize(
    ("path", "functions"),
    [
        (DISK, ["0000:00:03.0"]),
        ("../../devices/pci0000:00/0000:00:1f.2/ata1/host0/target0:0:0/0:0:0:0/block/sda", ["0000:00:1f.2"]),
        (
            "../../devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0/nvme/nvme0/nvme0n1",
            ["0000:00:0e.0", "10000:e0:06.0", "10000:e1:00.0"],
        ),
        ("../../devices/pci0000:00/0000:00:04.0", ["0000:00:04.0"]),
        ("../../devices/virtual/block/loop0", []),
        ("../../devices/platform/x.0000:00:04.0y/block/sda", []),
        ("", []),
    ],
)
def test_functions_above(path, functions):
    assert functions_above(path) == functions


@pytest.mark.parametrize(
    ("code", "vendor", "product", "boot_vga", "uses"),
    [
        ("060400", "8086", "2030", None, (BRIDGE,)),
        ("060400", "1a03", "1150", None, (BRIDGE,)),
        ("030000", "1a03", "2000", True, (BMC, CONSOLE)),
        ("030000", "102b", "0538", False, (BMC,)),
        ("030000", "102b", "0540", False, ()),
        ("088000", "103c", "3306", None, (BMC,)),
        ("030000", "8086", "3e98", True, (CONSOLE,)),
        ("020000", "8086", "154d", None, ()),
        (None, None, None, None, ()),
    ],
)
def test_own_uses(code, vendor, product, boot_vga, uses):
    assert own_uses(code, vendor, product, boot_vga) == uses


@pytest.mark.parametrize(
    ("lines", "details"),
    [
        ([mount("/", "254:1")], ["/ is mounted from vda1"]),
        ([mount("/", "254:1"), mount("/boot", "254:0")], ["/ is mounted from vda1", "/boot is mounted from vda"]),
        ([mount("/", "254:1"), mount("/srv", "254:1", root="/srv")], ["/ is mounted from vda1"]),
        ([mount("/srv", "254:1", root="/srv")], ["/srv is mounted from vda1"]),
        ([mount("/", "254:1"), mount("/again", "254:1")], ["/ is mounted from vda1", "/again is mounted from vda1"]),
        ([mount(r"/my\040disk", "254:1")], ["/my disk is mounted from vda1"]),
        ([mount("/data", "0:45", rest="btrfs /dev/vda1 rw")], ["/data is mounted from vda1"]),
        (
            [mount("/a\x0cb", "254:1")],
            ["/a\x0cb is mounted from vda1"],
        ),  # the kernel escapes blank, tab, newline and backslash
        ([mount("/a\u2028b", "254:1")], ["/a\u2028b is mounted from vda1"]),
        ([mount("/proc", "0:21", rest="proc proc rw")], []),
        ([mount("/nfs", "0:50", rest="nfs4 server:/export/vda1x rw")], []),
        ([], []),
    ],
)
def test_mounts(lines, details):
    uses, problems = find_uses(replace(disks(), mounts=value("\n".join(lines))), NO_BRIDGES)
    assert uses.get("0000:00:03.0", ()) == tuple(Use("mount", detail) for detail in details)
    assert problems == []


@pytest.mark.parametrize("line", ["27 1 254:1 /", "27 1 254:1 / / rw shared:1 ext4 /dev/vda1 rw", "nothing"])
def test_a_mount_that_cannot_be_understood_is_a_named_problem(line):
    problems = find_uses(replace(disks(), mounts=value(line)), NO_BRIDGES)[1]
    assert problems == [("/proc/self/mountinfo", f"cannot be understood: {line!r}")]


@pytest.mark.parametrize(
    ("line", "details"),
    [
        ("/dev/vda1 partition 1000444 0 -2", ["the host swaps to vda1"]),
        ("/dev/mapper/vg0-swap partition 1000444 0 -2", ["the host swaps to vg0-swap (dm-0) over vda1"]),
        ("/dev/dm-0 partition 1000444 0 -2", ["the host swaps to vg0-swap (dm-0) over vda1"]),
        ("/swapfile file 1000444 0 -2", []),
        ("/dev/zram0 partition 1000444 0 100", []),
    ],
)
def test_swaps(line, details):
    snapshot = replace(disks(virtual("dm-0", "253:0", "vda1", mapper="vg0-swap")), swaps=value(SWAPS + line))
    uses = find_uses(snapshot, NO_BRIDGES)[0]["0000:00:03.0"]
    assert [use.detail for use in uses if use.kind == "swap"] == details


@pytest.mark.parametrize(
    ("block", "detail"),
    [
        (virtual("md0", "9:0", "vda1"), "vda1 is part of the MD array md0"),
        (virtual("dm-0", "253:0", "vda1", mapper="vg-a", uuid="LVM-x"), "vda1 is part of the LVM volume vg-a (dm-0)"),
        (
            virtual("dm-0", "253:0", "vda1", mapper="c", uuid="CRYPT-LUKS2-1"),
            "vda1 is part of the encrypted volume c (dm-0)",
        ),
        (
            virtual("dm-0", "253:0", "vda1", mapper="mpatha", uuid="mpath-3600"),
            "vda1 is part of the multipath device mpatha (dm-0)",
        ),
        (virtual("dm-0", "253:0", "vda1", mapper="other"), "vda1 is part of other (dm-0)"),
        (virtual("bcache0", "252:0", "vda1"), "vda1 is part of bcache0"),
    ],
)
def test_a_member_of_a_volume_is_in_use_though_nothing_is_mounted(block, detail):
    assert find_uses(disks(block), NO_BRIDGES) == ({"0000:00:03.0": (Use("volume", detail),)}, [])


def test_a_volume_over_a_volume_is_followed_down_and_named_once():
    snapshot = disks(virtual("md0", "9:0", "vda1"), virtual("dm-0", "253:0", "md0", mapper="vg-root", uuid="LVM-x"))
    uses = find_uses(replace(snapshot, mounts=value(mount("/", "253:0"))), NO_BRIDGES)[0]
    assert uses == {
        "0000:00:03.0": (
            Use("mount", "/ is mounted from vg-root (dm-0) over md0 over vda1"),
            Use("volume", "vda1 is part of the MD array md0"),
        )
    }


def test_volumes_that_stand_on_each_other_end():
    snapshot = disks(virtual("dm-0", "253:0", "dm-1"), virtual("dm-1", "253:1", "dm-0", "gone"))
    assert find_uses(replace(snapshot, mounts=value(mount("/", "253:0"))), NO_BRIDGES) == ({}, [])


def test_every_device_of_a_btrfs_is_mounted():
    other = BlockSnapshot("vdb", DISK.replace("03.0", "04.0").replace("vda", "vdb"), "254:16")
    snapshot = replace(
        disks(other), btrfs=(("vda1", "vdb"),), mounts=value(mount("/", "0:30", "/@", "btrfs /dev/vda1 rw"))
    )
    assert find_uses(snapshot, NO_BRIDGES)[0] == {
        "0000:00:03.0": (Use("mount", "/ is mounted from vda1"),),
        "0000:00:04.0": (Use("mount", "/ is mounted from vdb"),),
    }


def test_a_function_above_is_in_use_too_unless_it_is_a_bridge():
    path = "../../devices/pci0000:00/0000:00:0e.0/pci10000:e0/10000:e0:06.0/10000:e1:00.0/nvme/nvme0/nvme0n1"
    snapshot = MachineSnapshot(blocks=(BlockSnapshot("nvme0n1", path, "259:0"),), mounts=value(mount("/", "259:0")))
    assert set(find_uses(snapshot, frozenset(["10000:e0:06.0"]))[0]) == {"0000:00:0e.0", "10000:e1:00.0"}


def test_zfs_pools_are_said_to_be_unknown():
    assert find_uses(MachineSnapshot(zfs_pools=("tank",)), NO_BRIDGES) == (
        {},
        [("zfs", "the disks of the pool tank cannot be told from sysfs; name none of them for passthrough")],
    )


@pytest.mark.parametrize(("field", "where"), [("mounts", "/proc/self/mountinfo"), ("swaps", "/proc/swaps")])
def test_a_file_that_cannot_be_read_is_a_named_problem(field, where):
    snapshot = replace(MachineSnapshot(), **{field: unreadable("Permission denied")})
    assert find_uses(snapshot, NO_BRIDGES) == ({}, [(where, "Permission denied")])


def test_an_interface_without_a_card_marks_nothing():
    tunnel = InterfaceSnapshot("tun0", "../../devices/virtual/net/tun0")
    snapshot = MachineSnapshot(interfaces=(tunnel,), ipv4_addresses=(("tun0", "10.8.0.2"),))
    assert find_uses(snapshot, NO_BRIDGES) == ({}, [])


def device(name: str, **links: str) -> DeviceSnapshot:
    return DeviceSnapshot(name, None, {}, {key: value(text) for key, text in links.items()})


def test_a_vfio_group_holds_those_of_its_devices_that_are_on_a_vfio_driver():
    snapshot = MachineSnapshot(
        devices=(
            device("0000:01:00.0", iommu_group="14", driver="vfio-pci"),
            device("0000:01:00.1", iommu_group="14", driver="snd_hda_intel"),
            device("0000:02:00.0", iommu_group="15", driver="vfio-pci"),
            device("0000:03:00.0", iommu_group="16", driver="mlx5_vfio_pci"),
            device("0000:04:00.0"),
        ),
        holders=(Holder("14", 77, "qemu-system-x86"), Holder("noiommu-16", 78, "dpdk-testpmd")),
    )
    assert find_uses(snapshot, NO_BRIDGES)[0] == {
        "0000:01:00.0": (Use("guest", "qemu-system-x86 (process 77) holds it through /dev/vfio/14"),),
        "0000:03:00.0": (Use("guest", "dpdk-testpmd (process 78) holds it through /dev/vfio/noiommu-16"),),
    }


def test_an_iommufd_node_holds_its_own_device():
    snapshot = MachineSnapshot(
        vfio_nodes=(("vfio0", "0000:01:00.0"), ("vfio1", "0000:02:00.0")),
        holders=(Holder("devices/vfio1", 77, "qemu"), Holder("devices/vfio9", 78, "gone")),
    )
    assert find_uses(snapshot, NO_BRIDGES)[0] == {
        "0000:02:00.0": (Use("guest", "qemu (process 77) holds it through /dev/vfio/devices/vfio1"),)
    }


def test_a_pf_says_what_its_vfs_are_used_for():
    snapshot = MachineSnapshot(
        devices=(
            device("0000:03:00.0", driver="igb"),
            device("0000:03:10.0", physfn="0000:03:00.0", iommu_group="20", driver="vfio-pci"),
            device("0000:03:10.2", physfn="0000:03:00.0", iommu_group="21", driver="vfio-pci"),
        ),
        holders=(Holder("21", 77, "qemu"),),
    )
    assert find_uses(snapshot, NO_BRIDGES)[0] == {
        "0000:03:10.2": (Use("guest", "qemu (process 77) holds it through /dev/vfio/21"),),
        "0000:03:00.0": (
            Use("guest", "its virtual function 0000:03:10.2: qemu (process 77) holds it through /dev/vfio/21"),
        ),
    }


# ---- what makes a device one that no override may cover


@pytest.mark.parametrize(
    ("at", "vital"),
    [("/", True), ("/boot", True), ("/boot/efi", True), ("/efi", True), ("/usr", True), ("/srv", False), ("/bootx", False)],
)  # fmt: skip
def test_without_which_mounts_a_host_does_not_start(at, vital):
    (use,) = find_uses(replace(disks(), mounts=value(mount(at, "254:1"))), NO_BRIDGES)[0]["0000:00:03.0"]
    assert use.vital is vital


# ---- ZFS and bcache


def pool_disks(record: str | None, *mounts: str) -> MachineSnapshot:
    records = () if record is None else (("vda1", value(record)),)
    return replace(disks(), zfs_pools=("tank",), udev_blocks=records, mounts=value("\n".join(mounts)))


MEMBER = "S:disk/by-label/tank\nE:ID_FS_TYPE=zfs_member\nE:ID_FS_LABEL=tank"
POOLED = Use("volume", "vda1 is part of the ZFS pool tank")
RESTING = Use("volume", "vda1 is part of a ZFS pool (nothing there is active now)")
PERHAPS = Use("volume", "vda may be part of the ZFS pool tank, whose disks cannot be told")


@pytest.mark.parametrize(
    ("record", "mounts", "uses", "vital"),
    [
        (MEMBER, [], (POOLED,), [False]),
        (MEMBER, [mount("/data", "0:40", rest="zfs tank/data rw")], (POOLED,), [False]),
        (
            MEMBER,
            [mount("/", "0:40", rest="zfs tank/ROOT/debian rw"), mount("/", "0:41", rest="zfs other rw")],
            (Use("mount", "/ is mounted from the ZFS pool tank over vda1"), POOLED),
            [True, False],
        ),
        (MEMBER.replace("tank", "other"), [], (RESTING, PERHAPS), [False, False]),
        ("E:ID_FS_TYPE=ext4\nE:ID_FS_LABEL=tank", [], (PERHAPS,), [False]),
        (None, [mount("/", "0:40", rest="zfs tank rw")], (PERHAPS,), [True]),
    ],
    ids=["member", "data", "root", "another pool", "no member", "udev knows nothing"],
)
def test_the_disks_of_a_pool(record, mounts, uses, vital):
    found, problems = find_uses(pool_disks(record, *mounts), NO_BRIDGES)
    assert found["0000:00:03.0"] == uses
    assert [use.vital for use in found["0000:00:03.0"]] == vital
    assert [what for what, _why in problems] == (["zfs"] if PERHAPS in uses else [])


def test_a_bcache_member_is_in_use_before_its_cache_runs():
    snapshot = replace(disks(virtual("md0", "9:0", "vda1")), bcache_members=("md0",))
    assert find_uses(snapshot, NO_BRIDGES)[0]["0000:00:03.0"] == (
        Use("volume", "vda1 is part of the MD array md0"),
        Use("volume", "md0 over vda1 belongs to bcache"),
    )


# ---- other mount namespaces


@pytest.mark.parametrize(
    ("process", "line", "details", "vital"),
    [
        (812, mount("/data", "254:1"), ["/data of process 812 and its like is mounted from vda1"], [False]),
        (812, mount("/", "254:1"), ["/ of process 812 and its like is mounted from vda1"], [False]),
        (1, mount("/", "254:1"), ["/ of process 1 and its like is mounted from vda1"], [True]),
        (812, mount("/etc/hosts", "254:0", root="/etc/hosts"), ["/ is mounted from vda"], [True]),
    ],
)
def test_what_only_another_namespace_has_mounted(process, line, details, vital):
    own = mount("/", "254:0") if "/etc/hosts" in line else ""
    snapshot = replace(disks(), mounts=value(own), other_mounts=((process, value(line)),))
    uses = find_uses(snapshot, NO_BRIDGES)[0]["0000:00:03.0"]
    assert [use.detail for use in uses] == details
    assert [use.vital for use in uses] == vital


def test_another_namespace_that_cannot_be_read_is_a_named_problem():
    snapshot = replace(disks(), other_mounts=((812, unreadable("Permission denied")), (813, ABSENT)))
    assert find_uses(snapshot, NO_BRIDGES) == ({}, [("/proc/812/mountinfo", "Permission denied")])


# ---- guests by libvirt's word, programs of the host

RUNNING = """<domstatus state="running"><domain><name>vm7</name><uuid>0f5a3c1e-7a52-4f0e-9d5b-2f7c1f0a9b11</uuid><devices>
<hostdev type="pci"><source><address domain="0" bus="0x03" slot="0x10" function="0x2"/></source></hostdev>
</devices></domain></domstatus>"""
FILE = "/run/libvirt/qemu/vm7.xml"


def test_libvirt_s_word_counts_without_any_process():
    snapshot = MachineSnapshot(
        devices=(device("0000:03:00.0"), device("0000:03:10.2", physfn="0000:03:00.0")),
        guests=((FILE, value(RUNNING)), ("/run/libvirt/qemu/ended.xml", ABSENT)),
    )
    detail = f"the guest vm7 runs with it ({FILE})"
    assert find_uses(snapshot, NO_BRIDGES) == (
        {
            "0000:03:10.2": (Use("guest", detail),),
            "0000:03:00.0": (Use("guest", f"its virtual function 0000:03:10.2: {detail}"),),
        },
        [],
    )


@pytest.mark.parametrize(
    ("reading", "why"),
    [(unreadable("Permission denied"), "Permission denied"), (value("<domain/>"), "describes no guest")],
)
def test_a_guest_s_file_that_cannot_be_understood_is_a_named_problem(reading, why):
    assert find_uses(MachineSnapshot(guests=((FILE, reading),)), NO_BRIDGES) == ({}, [(FILE, why)])


def test_a_guest_that_is_only_defined_holds_nothing():
    defined = value(RUNNING.replace('<domstatus state="running">', "").replace("</domstatus>", ""))
    assert find_uses(MachineSnapshot(guests=((FILE, defined),)), NO_BRIDGES) == ({}, [])


@pytest.mark.parametrize(
    ("command", "kind"),
    [("qemu-system-x86", "guest"), ("CPU 0/KVM", "guest"), ("ovs-vswitchd", "process"), ("reactor_0", "process")],
)
def test_a_program_of_the_host_is_no_guest(command, kind):
    snapshot = MachineSnapshot(
        devices=(device("0000:01:00.0", iommu_group="14", driver="vfio-pci"),), holders=(Holder("14", 77, command),)
    )
    (use,) = find_uses(snapshot, NO_BRIDGES)[0]["0000:01:00.0"]
    assert use.kind == kind


@pytest.mark.parametrize("node", ["uio0", "infiniband/uverbs0"])
def test_a_program_that_reaches_past_the_driver(node):
    snapshot = MachineSnapshot(
        openers=(Holder(node, 9, "dpdk-app"), Holder("uio7", 9, "gone")), bypass_nodes=((node, "0000:01:00.0"),)
    )
    use = Use("process", f"dpdk-app (process 9) holds it through /dev/{node}")
    assert find_uses(snapshot, NO_BRIDGES)[0] == {"0000:01:00.0": (use,)}


def test_a_pf_is_as_vital_as_its_vfs():
    path = "../../devices/pci0000:03/0000:03:10.0/net/eth9"
    snapshot = MachineSnapshot(
        devices=(device("0000:03:00.0"), device("0000:03:10.0", physfn="0000:03:00.0")),
        interfaces=(InterfaceSnapshot("eth9", path),),
        ipv4_addresses=(("eth9", "192.0.2.2"),),
        connection=value("192.0.2.9 50000 192.0.2.2 22"),
    )
    assert [use.vital for use in find_uses(snapshot, NO_BRIDGES)[0]["0000:03:00.0"]] == [True, False]


@pytest.mark.parametrize("node", ["14", "uio0"])
def test_a_switch_past_the_driver_may_be_the_way_to_the_host(node):
    switch = Holder(node, 9, "ovs-vswitchd")
    snapshot = MachineSnapshot(
        devices=(device("0000:01:00.0", iommu_group="14", driver="vfio-pci"),),
        holders=(switch,),
        openers=(switch,),
        bypass_nodes=(("uio0", "0000:01:00.0"),),
        interfaces=(InterfaceSnapshot("br-ex", "../../devices/virtual/net/br-ex"),),
        ipv4_addresses=(("br-ex", "192.0.2.2"),),
    )
    ssh = replace(snapshot, connection=value("192.0.2.9 50000 192.0.2.2 22"))
    assert [find_uses(one, NO_BRIDGES)[0]["0000:01:00.0"][0].vital for one in (snapshot, ssh)] == [False, True]


@pytest.mark.parametrize(
    ("kind", "what"),
    [
        ("LVM2_member", "an LVM volume group"),
        ("linux_raid_member", "an MD array"),
        ("isw_raid_member", "a RAID"),
        ("mpath_member", "a multipath device"),
        ("bcache", "a bcache"),
        ("zfs_member", "a ZFS pool"),
        ("ext4", None),
        ("crypto_LUKS", None),
    ],
)
def test_a_member_of_what_is_not_active_now(kind, what):
    snapshot = replace(disks(), udev_blocks=(("vda1", value(f"N:vda1\nE:ID_FS_TYPE={kind}\nE:ID_FS_USAGE=raid")),))
    uses = () if what is None else (Use("volume", f"vda1 is part of {what} (nothing there is active now)"),)
    assert find_uses(snapshot, NO_BRIDGES)[0].get("0000:00:03.0", ()) == uses


def test_a_member_of_what_is_active_is_named_by_that_alone():
    snapshot = replace(
        disks(virtual("md0", "9:0", "vda1")), udev_blocks=(("vda1", value("E:ID_FS_TYPE=linux_raid_member")),)
    )
    assert find_uses(snapshot, NO_BRIDGES)[0] == {"0000:00:03.0": (Use("volume", "vda1 is part of the MD array md0"),)}


def test_a_record_that_cannot_be_read_is_a_named_problem():
    snapshot = replace(disks(), udev_blocks=(("vda", unreadable("Permission denied")),))
    assert find_uses(snapshot, NO_BRIDGES) == ({}, [("udev's record of vda", "Permission denied")])
