# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What on the host uses which device: storage down to the controller, the network down to the card, console, guests.

Whatever is in use is named with the chain that leads to it, so that a refusal can be understood: "/ is mounted from
vg0-root (dm-0) over md0 over nvme0n1p3". Nothing is decided here.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Callable

from .guest_domain import GuestDomain, parse_domain
from .model import Use
from .network import NetworkView, read_network
from .ownership import named_devices
from .reading import Reading
from .seat import seat_uses
from .snapshot import BlockSnapshot, MachineSnapshot

_FUNCTION = re.compile(r"(?<=/)[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7](?=/|\Z)")
_OCTAL = re.compile(r"\\([0-7]{3})")
_NVME_SUBSYSTEM = re.compile(r"/virtual/nvme-subsystem/([^/]+)/")
_MAPPERS = (
    ("LVM-", "LVM volume"),
    ("CRYPT-", "encrypted volume"),
    ("mpath-", "multipath device"),
)
_VITAL_MOUNTS = ("/", "/boot", "/efi", "/usr")  # without these a host does not start
_FIRST_PROCESS = 1
# udev's record of a disk or partition (udevadm(8)): what is written on it (libblkid/src/superblocks).
_WRITTEN = "E:ID_FS_TYPE="
_LABEL = "E:ID_FS_LABEL="
_ZFS = "zfs_member"
_MEMBERS = {
    "LVM2_member": "an LVM volume group",
    "bcache": "a bcache",
    "ddf_raid_member": "a RAID",
    "isw_raid_member": "a RAID",
    "linux_raid_member": "an MD array",
    "mpath_member": "a multipath device",
    _ZFS: "a ZFS pool",
}
# Programs of the host that hold VFIO devices as a guest does, by the first letters of their names: switches and storage.
_HOST_PROGRAMS = ("ovs-vswitchd", "vpp", "contrail-vroute", "spdk", "nvmf_tgt", "reactor_")

# Displays and other functions of management controllers, which the server's remote console needs.
_BMC_VENDORS = ("1a03",)  # ASPEED
_BMC_DEVICES = frozenset(
    [("102b", product) for product in ("0522", "0530", "0532", "0533", "0534", "0535", "0536", "0538")]  # Matrox G200e*
    + [("103c", product) for product in ("3300", "3301", "3302", "3305", "3306", "3307", "22f6", "1302")]  # HP(E) iLO
    + [("1590", "00e4"), ("19e5", "1711")]  # HPE; Huawei iBMC
)

Problem = tuple[str, str]
Problems = list[Problem]
Uses = dict[str, dict[Use, None]]  # device name -> its uses, in the order found, each once


def functions_above(path: str) -> list[str]:
    """The PCI functions that the sysfs path *path* goes through, outermost first."""
    return _FUNCTION.findall(path)


def own_uses(
    class_code: str | None, vendor_id: str | None, product_id: str | None, boot_vga: bool | None
) -> tuple[Use, ...]:
    """What a device's own kind says of its use."""
    uses = []
    if class_code is not None and class_code.startswith("06"):
        uses.append(Use("bridge", "it is one of the host's bridges"))
    elif vendor_id in _BMC_VENDORS or (vendor_id, product_id) in _BMC_DEVICES:
        uses.append(Use("bmc", "it belongs to the server's management controller"))
    if boot_vga:
        uses.append(Use("console", "the firmware and the console display on it (boot_vga)"))
    return tuple(uses)


def find_uses(snapshot: MachineSnapshot, bridges: frozenset[str]) -> tuple[dict[str, tuple[Use, ...]], Problems]:
    """({device name: its uses}, what could not be read or understood).

    A function above a used one counts as used as well (Intel VMD carries whole buses), except *bridges*, which are
    never free anyway. A PF says what its VFs are used for: without it they are gone.
    """
    uses: Uses = {}
    problems: Problems = []

    def mark(path: str, use: Use) -> None:
        names = functions_above(path)
        for name in names:
            if name == names[-1] or name not in bridges:
                uses.setdefault(name, {})[use] = None

    _mark_storage(snapshot, mark, problems)
    network = read_network(snapshot, problems)
    _mark_network(snapshot, network, mark)
    for path, use in seat_uses(snapshot):
        mark(path, use)
    _mark_guests(snapshot, uses, network.hidden, problems)
    _mark_bypassed(snapshot, uses, network.hidden)
    for name, use in named_devices(snapshot, problems):
        uses.setdefault(name, {})[use] = None
    _mark_physical_functions(snapshot, uses)
    return {name: tuple(found) for name, found in uses.items()}, problems


Mark = Callable[[str, Use], None]


# Storage


class _Storage:
    """The tree of block devices: from any of them down to the hardware."""

    def __init__(self, snapshot: MachineSnapshot) -> None:
        self.blocks = {block.name: block for block in snapshot.blocks}
        self.by_number = {block.number: block.name for block in snapshot.blocks if block.number is not None}
        self.by_mapper = {block.mapper_name: block.name for block in snapshot.blocks if block.mapper_name is not None}
        self._subsystems = dict(snapshot.nvme_subsystems)

    def find(self, file: str) -> str | None:
        """The block device of a device file: "/dev/vda1", "/dev/mapper/vg0-root"."""
        name = file.rpartition("/")[2]
        return name if name in self.blocks else self.by_mapper.get(name)

    def hardware_paths(self, block: BlockSnapshot) -> tuple[str, ...]:
        match = _NVME_SUBSYSTEM.search(block.path)
        if match is not None:
            return self._subsystems.get(match.group(1), ())
        return (block.path,) if functions_above(block.path) else ()

    def chains(self, name: str, above: tuple[str, ...] = ()) -> Iterable[tuple[tuple[str, ...], str]]:
        """(names from *name* down to the physical device, a path of that) for each way down."""
        block = self.blocks.get(name)
        if block is None or name in above:
            return
        chain = (*above, name)
        for path in self.hardware_paths(block):
            yield chain, path
        for slave in block.slaves:
            yield from self.chains(slave, chain)

    def whole_disks(self) -> list[BlockSnapshot]:
        """Those that are no partition of another."""
        above = {name: block.path.rpartition("/")[0].rpartition("/")[2] for name, block in self.blocks.items()}
        return [block for name, block in self.blocks.items() if above[name] not in self.blocks]

    def words(self, chain: tuple[str, ...]) -> str:
        return " over ".join(map(self.label, chain))

    def label(self, name: str) -> str:
        mapper = self.blocks[name].mapper_name
        return name if mapper is None else f"{mapper} ({name})"

    def volume_words(self, name: str) -> str:
        block = self.blocks[name]
        uuid = block.mapper_uuid or ""
        kind = next((word for beginning, word in _MAPPERS if uuid.startswith(beginning)), None)
        if kind is None and name.startswith("md"):
            kind = "MD array"
        return self.label(name) if kind is None else f"the {kind} {self.label(name)}"


def _mark_storage(snapshot: MachineSnapshot, mark: Mark, problems: Problems) -> None:
    storage = _Storage(snapshot)
    mounted = _mounted("/proc/self/mountinfo", snapshot.mounts, snapshot, storage, problems)
    for mount_point, name in mounted:
        for chain, path in storage.chains(name):
            detail = f"{mount_point} is mounted from {storage.words(chain)}"
            mark(path, Use("mount", detail, vital=_is_vital(mount_point)))
    _mark_other_mounts(snapshot, storage, {name for _mount_point, name in mounted}, mark, problems)
    for name in _swapping(snapshot, storage, problems):
        for chain, path in storage.chains(name):
            mark(path, Use("swap", f"the host swaps to {storage.words(chain)}"))
    for block in snapshot.blocks:
        for slave in block.slaves:
            below = storage.blocks.get(slave)
            for path in () if below is None else storage.hardware_paths(below):
                mark(path, Use("volume", f"{slave} is part of {storage.volume_words(block.name)}"))
    _mark_resting(snapshot, storage, mark, problems)
    for name in snapshot.bcache_members:
        for chain, path in storage.chains(name):
            mark(path, Use("volume", f"{storage.words(chain)} belongs to bcache"))
    _mark_pools(snapshot, storage, mark, problems)


def _is_vital(mount_point: str) -> bool:
    return mount_point in _VITAL_MOUNTS or mount_point.startswith("/boot/")


def _mark_resting(snapshot: MachineSnapshot, storage: _Storage, mark: Mark, problems: Problems) -> None:
    """A volume group without an active volume and an array that is not assembled hold nothing and have data all the same."""
    held = {slave for block in snapshot.blocks for slave in block.slaves} | set(snapshot.bcache_members)
    for name, record in snapshot.udev_blocks:
        lines = _text(f"udev's record of {name}", record, problems).split("\n")
        what = next((_MEMBERS.get(line[len(_WRITTEN) :]) for line in lines if line.startswith(_WRITTEN)), None)
        if what is None or name in held or any(_is_member(pool, record) for pool in snapshot.zfs_pools):
            continue
        for chain, path in storage.chains(name):
            mark(path, Use("volume", f"{storage.words(chain)} is part of {what} (nothing there is active now)"))


def _mark_other_mounts(
    snapshot: MachineSnapshot, storage: _Storage, known: set[str], mark: Mark, problems: Problems
) -> None:
    """What only another mount namespace has: a container's disks, or the host's own where this runs in a container."""
    for process, mounts in snapshot.other_mounts:
        for mount_point, name in _mounted(f"/proc/{process}/mountinfo", mounts, snapshot, storage, problems):
            for chain, path in () if name in known else storage.chains(name):
                detail = f"{mount_point} of process {process} and its like is mounted from {storage.words(chain)}"
                mark(path, Use("mount", detail, vital=process == _FIRST_PROCESS and _is_vital(mount_point)))


# ZFS


def _mark_pools(snapshot: MachineSnapshot, storage: _Storage, mark: Mark, problems: Problems) -> None:
    """Pools name their disks nowhere in sysfs; udev knows them. Where it does not, any disk may be one of them."""
    for pool in snapshot.zfs_pools:
        points = [point for point in _pool_mounts(pool, snapshot) if _is_vital(point)]
        members = [name for name, record in snapshot.udev_blocks if _is_member(pool, record)]
        for name in members:
            for chain, path in storage.chains(name):
                for point in points:
                    detail = f"{point} is mounted from the ZFS pool {pool} over {storage.words(chain)}"
                    mark(path, Use("mount", detail, vital=True))
                mark(path, Use("volume", f"{storage.words(chain)} is part of the ZFS pool {pool}"))
        if members:
            continue
        problems.append(
            ("zfs", f"the disks of the pool {pool} cannot be told from sysfs; name none of them for passthrough")
        )
        for block in storage.whole_disks():
            detail = f"{block.name} may be part of the ZFS pool {pool}, whose disks cannot be told"
            for path in storage.hardware_paths(block):
                mark(path, Use("volume", detail, vital=bool(points)))


def _is_member(pool: str, record: Reading) -> bool:
    lines = (record.text or "").split("\n")
    return f"{_WRITTEN}{_ZFS}" in lines and f"{_LABEL}{pool}" in lines


def _pool_mounts(pool: str, snapshot: MachineSnapshot) -> list[str]:
    points = []
    for line in (snapshot.mounts.text or "").split("\n"):
        fields, _dash, rest = line.partition(" - ")
        words, source = fields.split(" "), rest.split(" ")
        if len(words) > 4 and len(source) > 1 and source[0] == "zfs" and _unescape(source[1]).partition("/")[0] == pool:
            points.append(_unescape(words[4]))
    return points


def _text(what: str, reading: Reading, problems: Problems) -> str:
    if reading.problem is not None:
        problems.append((what, reading.problem))
    return reading.text or ""


def _mounted(
    where: str, mounts: Reading, snapshot: MachineSnapshot, storage: _Storage, problems: Problems
) -> list[tuple[str, str]]:
    """(mount point, block device) of every filesystem in *mounts*, bind mounts left out (proc(5), mountinfo)."""
    whole: dict[tuple[str, str], None] = {}
    parts: dict[tuple[str, str], None] = {}
    # Not splitlines(), here and for swaps: the kernel leaves a form feed or a line separator in a name as it is.
    for line in filter(None, _text(where, mounts, problems).split("\n")):
        fields, _dash, rest = line.partition(" - ")
        words, source = fields.split(" "), rest.split(" ")
        if len(words) < 6 or len(source) < 2:
            problems.append((where, f"cannot be understood: {line!r}"))
            continue
        name = storage.by_number.get(words[2]) or storage.find(_unescape(source[1]))
        if name is None:
            continue
        members = next((members for members in snapshot.btrfs if name in members), (name,))
        place = whole if words[3] == "/" or source[0] == "btrfs" else parts
        for member in members:
            place[(_unescape(words[4]), member)] = None
    seen = {name for _mount_point, name in whole}
    return list(whole) + [(point, name) for point, name in parts if name not in seen]


def _unescape(text: str) -> str:
    return _OCTAL.sub(lambda match: chr(int(match.group(1), 8)), text)


def _swapping(snapshot: MachineSnapshot, storage: _Storage, problems: Problems) -> list[str]:
    names = []
    for line in _text("/proc/swaps", snapshot.swaps, problems).split("\n")[1:]:
        words = line.split()
        if len(words) > 1 and words[1] == "partition":
            name = storage.find(_unescape(words[0]))
            if name is not None:
                names.append(name)
    return names


# Network


def _mark_network(snapshot: MachineSnapshot, network: NetworkView, mark: Mark) -> None:
    for interface in snapshot.interfaces:
        if functions_above(interface.path):
            for use in network.uses(interface.name):
                mark(interface.path, use)


# Guests, and programs that reach past a driver


def _mark_guests(snapshot: MachineSnapshot, uses: Uses, hidden: bool, problems: Problems) -> None:
    """/dev/vfio/14 holds every device of group 14 that is on a VFIO driver; /dev/vfio/devices/vfio0 holds one.

    *hidden*: what a program of the host drives may be the way to the host itself.
    """
    named = set()
    for path, guest in _running_guests(snapshot, problems):
        for name in map(str, guest.devices):
            named.add(name)
            uses.setdefault(name, {})[Use("guest", f"the guest {guest.name} runs with it ({path})")] = None
    nodes = dict(snapshot.vfio_nodes)
    for holder in snapshot.holders:
        kind, _slash, node = holder.node.rpartition("/")
        detail = f"{holder.command} (process {holder.process}) holds it through /dev/vfio/{holder.node}"
        if kind == "devices":
            held = [nodes[node]] if node in nodes else []
        else:
            held = _on_vfio(snapshot, node[len("noiommu-") :] if node.startswith("noiommu-") else node)
        for name in held:
            of_host = name not in named and holder.command.startswith(_HOST_PROGRAMS)
            use = Use("process", detail, vital=hidden) if of_host else Use("guest", detail)
            uses.setdefault(name, {})[use] = None


def _running_guests(snapshot: MachineSnapshot, problems: Problems) -> Iterable[tuple[str, GuestDomain]]:
    for path, reading in snapshot.guests:
        try:
            guest = parse_domain(reading.text or "")
        except ValueError as error:
            if not reading.is_absent:  # one that ended meanwhile
                problems.append((path, reading.problem or str(error)))
            continue
        if guest.running:
            yield path, guest


def _mark_bypassed(snapshot: MachineSnapshot, uses: Uses, hidden: bool) -> None:
    """DPDK drives a card through UIO, or beside its driver through the verbs of InfiniBand."""
    nodes = dict(snapshot.bypass_nodes)
    for opener in snapshot.openers:
        name = nodes.get(opener.node)
        if name is not None:
            detail = f"{opener.command} (process {opener.process}) holds it through /dev/{opener.node}"
            uses.setdefault(name, {})[Use("process", detail, vital=hidden)] = None


def _on_vfio(snapshot: MachineSnapshot, group: str) -> list[str]:
    names = []
    for device in snapshot.devices:
        own_group, driver = device.links.get("iommu_group"), device.links.get("driver")
        if own_group is not None and own_group.text == group and driver is not None and "vfio" in (driver.text or ""):
            names.append(device.name)
    return names


def _mark_physical_functions(snapshot: MachineSnapshot, uses: Uses) -> None:
    for device in snapshot.devices:
        parent = device.links.get("physfn")
        if parent is None or parent.text is None or device.name not in uses:
            continue
        for use in tuple(uses[device.name]):
            detail = f"its virtual function {device.name}: {use.detail}"
            passed = Use(use.kind, detail, vital=use.vital, passed_up=True)
            uses.setdefault(parent.text, {})[passed] = None
