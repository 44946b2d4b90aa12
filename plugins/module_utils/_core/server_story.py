# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a server did not become active: which layer failed, what happened there, what to do. Pure: clues -> story.

Nova's own word is mostly "No valid host was found" (nova/exception.py, NoValidHost), whatever it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

API = "api"
ALIAS = "alias"
FLAVOR = "flavor"
IMAGE = "image"
NETWORK = "network"
COMPUTE = "compute"
PLACEMENT = "placement"
FILTER = "filter"
CLAIM = "claim"
LIBVIRT = "libvirt"

_NO_VALID_HOST = re.compile(r"No valid host was found|NoValidHost")
_LONGEST = 600


@dataclass(frozen=True)
class ComputeService:
    """A nova-compute as GET /os-services lists it. *state* is up or down, *status* enabled or disabled."""

    host: str
    state: str
    status: str
    reason: str | None = None

    @property
    def is_ready(self) -> bool:
        return self.state == "up" and self.status == "enabled"

    def __str__(self) -> str:
        because = f" ({self.reason})" if self.reason else ""
        return f"{self.host} {self.state}, {self.status}{because}"


@dataclass(frozen=True)
class PciProvider:
    """A PCI device (or a card with virtual functions) that Placement tracks: "<host>_0000:02:00.0"."""

    name: str
    total: int  # without what is reserved
    used: int


@dataclass(frozen=True)
class Clues:
    """What is known of the failed server.

    Shape: *refused* is the HTTP status of a request that nova-api did not take, None when it took it; *texts* are its
    message, the fault and the events' details; *task_state* is that of a server that still builds; *candidates* is how many
    computes Placement offers for memory, disk and processors, *providers* the PCI devices in it, None when not known.
    """

    alias: str
    count: int
    texts: tuple[str, ...] = ()
    refused: int | None = None
    status: str | None = None
    task_state: str | None = None
    host: str | None = None
    wanted_host: str | None = None
    computes: tuple[ComputeService, ...] | None = None
    candidates: int | None = None
    providers: tuple[PciProvider, ...] | None = None
    seconds: int = 0


@dataclass(frozen=True)
class Story:
    """*layer* is one word, *what* and *fix* a sentence each, *said* what Nova or libvirt said."""

    layer: str
    what: str
    fix: str
    said: str

    def __str__(self) -> str:
        said = f" It said: {self.said}" if self.said else ""
        return f"[{self.layer}] {self.what}. {self.fix}.{said}"

    def to_dict(self) -> dict[str, str]:
        return asdict(self)


# (pattern over everything that was said, layer, what, fix), the deepest layer first: an error of libvirt's comes with a
# "No valid host" on top. {alias}, {count}, {on} and the pattern's groups may be used.
_SAID: tuple[tuple[str, str, str, str], ...] = (
    (
        r"host doesn't support passthrough of host PCI devices|IOMMU.{0,40}not (present|enabled|found)",
        LIBVIRT,
        "the IOMMU is off{on}",
        "Run the role host there with pci_passthrough_reboot: true, or switch VT-d / AMD-Vi on in the firmware",
    ),
    (
        r"group (?P<group>\d+) is not viable",
        LIBVIRT,
        "other functions of IOMMU group {group} are not on vfio-pci{on}",
        (
            "Declare the other members of the group too, or use a slot with a group of its own; `nova_pci.passthrough.verify` "
            "names them"
        ),
    ),
    (
        r"PCI device (?P<device>[0-9a-f:.]+) is in use by driver (?P<driver>[^,\n]+), domain (?P<domain>[\w-]+)",
        LIBVIRT,
        "{device} is held by another guest, {domain}{on}, of which Nova's database does not know",
        "Find out with `virsh list --all` who made {domain}; shut it down or take the device out of device_spec",
    ),
    (
        r"(no FLR|[Uu]nable to reset PCI device|could not be reset|[Ff]ailed to reset|does not support reset)",
        LIBVIRT,
        "the device cannot be reset{on}",
        "See reset_methods of pci_devices_info; a card without a reset can only be passed on after the host was rebooted",
    ),
    (
        r"([Ff]ailed to (load|bind).{0,60}vfio|vfio-pci.{0,60}(not loaded|not found)|PCI stub module)",
        LIBVIRT,
        "vfio-pci cannot be used{on}",
        "Run the role host there; `modprobe vfio-pci` shows the kernel's reason",
    ),
    (
        r"(VFIO_MAP_DMA.{0,80}(Cannot allocate memory|-12)|cannot limit locked memory|memory lock)",
        LIBVIRT,
        "the guest's memory cannot be locked for DMA{on}",
        "Give the host more free memory or the flavor less; look at the memlock limit of the libvirt service",
    ),
    (
        r"/dev/vfio/\S*.{0,40}(Permission denied|Operation not permitted)",
        LIBVIRT,
        "QEMU may not open the device{on}",
        "Check cgroup_device_acl, user and AppArmor or SELinux denials of libvirt on that compute",
    ),
    (
        r"vfio[^\n]{0,120}(failed|error|[Cc]ould not)|could not access /sys/bus/pci|Device \S+ not found: could not access",
        LIBVIRT,
        "the device could not be handed to QEMU{on}",
        (
            "`journalctl -k` and /var/log/libvirt/qemu on that compute have the reason; then hold the host against the "
            "declaration with `nova_pci.passthrough.verify`"
        ),
    ),
    (
        r"PciDeviceUnsupportedHypervisor|PCI (device|passthrough).{0,60}(not supported|unsupported).{0,40}(hypervisor|virt_type)",
        LIBVIRT,
        "the hypervisor of nova-compute cannot pass devices through{on}",
        "Set [libvirt]virt_type to kvm or qemu there",
    ),
    (
        r"PciDeviceNotFound|PCI device \S+ not found",
        CLAIM,
        "Nova counts on a device that is no longer there{on}",
        "Restart nova-compute there; when the card is gone for good, take it out of the declaration",
    ),
    (
        r"Claim pci failed|PCI device request .{0,300}failed|PciDeviceRequestFailed",
        CLAIM,
        "nova-compute had no {count} free device(s) for {alias} when it claimed them{on}",
        (
            "Another server was quicker, or the PF and one of its VFs were asked for together; without PciPassthroughFilter in "
            "[filter_scheduler]enabled_filters this comes every time: run the role controller"
        ),
    ),
    (
        r"Insufficient compute resources",
        CLAIM,
        "nova-compute refused the claim{on}",
        "Make smoke_ram and smoke_disk smaller, or free memory and disk there",
    ),
    (
        r"[Ff]ailed to allocate the network|Binding failed for port|VirtualInterfaceCreateException|PortBindingFailed",
        NETWORK,
        "Neutron could not give the server a port{on}",
        "Leave smoke_network empty: no network is needed for the proof; else see neutron-server's and the agent's log",
    ),
    (
        r"ImageNotFound|Image \S+ could not be found|ImageUnacceptable|Image \S+ is unacceptable|image.{0,60}corrupt",
        IMAGE,
        "the image cannot be used{on}",
        "Name another one in smoke_image; `openstack image show` says its state and format",
    ),
    (
        r"MessagingTimeout|Timed out waiting for a reply",
        COMPUTE,
        "a Nova service did not answer on the message bus",
        "Check RabbitMQ and that nova-conductor, nova-scheduler and nova-compute run; `openstack compute service list`",
    ),
)

# What nova-api refuses at once.
_REFUSED: tuple[tuple[str, str, str, str], ...] = (
    (
        r"PCI alias .*is not defined|PciRequestAliasNotDefined",
        ALIAS,
        "nova-api does not know the alias {alias}",
        "Run the role controller on every host of nova-api with this declaration; it writes [pci]alias and restarts nova-api",
    ),
    (
        r"Invalid PCI alias|PciInvalidAlias",
        ALIAS,
        "nova-api cannot read its [pci]alias; one bad line makes all of them useless",
        "Mend or remove the line that it names in nova.conf, then run the role controller",
    ),
    (
        r"[Qq]uota|TooManyInstances",
        API,
        "the project's quota does not allow one more server",
        "Raise the quota (`openstack quota set`), or use another project in clouds.yaml",
    ),
    (
        r"(disk|memory) is too small|FlavorDiskTooSmall|FlavorMemoryTooSmall|minimum disk|minimum RAM",
        IMAGE,
        "the image wants a bigger flavor",
        "Raise smoke_ram or smoke_disk to what `openstack image show` says",
    ),
    (
        r"[Ii]mage .{0,80}(not be found|is not active|could not be)|Can not find requested image",
        IMAGE,
        "the image cannot be used",
        "Name another one in smoke_image; it must be active and this project must see it",
    ),
    (
        r"Compute host .{0,120}could not be found",
        COMPUTE,
        "Nova knows no compute {wanted}",
        "Write the name of `openstack compute service list` into pci_passthrough_nova_host of that host",
    ),
    (
        r"zero.disk|disk of 0|Only volume-backed servers are allowed",
        FLAVOR,
        "the policy forbids flavors without a disk",
        "Set smoke_disk to 1 or more",
    ),
    (
        r"Multiple possible networks|[Nn]etwork .{0,80}(not be found|requires a subnet)|[Nn]etworks? .{0,40}(invalid|bad)",
        NETWORK,
        "the network cannot be used",
        "Leave smoke_network empty, or name one that this project sees and that has a subnet",
    ),
)


def tell(clues: Clues) -> Story:
    """Return the story of the deepest layer that the clues point at."""
    everything = "\n".join(clues.texts)
    if clues.refused is not None:
        return _first(_REFUSED, everything, clues) or _first(_SAID, everything, clues) or _refused(clues, everything)
    found = _first(_SAID, everything, clues)
    if found is not None:
        return found
    if _NO_VALID_HOST.search(everything):
        return _no_valid_host(clues, everything)
    if clues.status == "ERROR" or everything:
        what = f"the server went to {clues.status or 'ERROR'}{_on(clues)}"
        return _story(clues, COMPUTE, what, "nova-compute's log on that host has the whole error", everything)
    return _too_slow(clues)


def _first(rules: Sequence[tuple[str, str, str, str]], text: str, clues: Clues) -> Story | None:
    for pattern, layer, what, fix in rules:
        match = re.search(pattern, text, re.DOTALL if "{0," in pattern else 0)
        if match:
            words = {key: value or "" for key, value in match.groupdict().items()}
            words.update(
                alias=clues.alias, count=str(clues.count), on=_on(clues), wanted=clues.wanted_host or "of that name"
            )
            return _story(clues, layer, what.format(**words), fix.format(**words), text)
    return None


def _refused(clues: Clues, text: str) -> Story:
    if clues.refused is not None and clues.refused >= 500:
        what = f"nova-api failed (HTTP {clues.refused}) on the flavor's request for {clues.alias}:{clues.count}"
        fix = "nova-api's log has the traceback; a ValueError of nova/pci/request.py means a bad pci_passthrough:alias"
        return _story(clues, FLAVOR if "ValueError" in text else API, what, fix, text)
    if clues.refused in (401, 403):
        fix = "Use credentials with the role admin: only those may choose the compute"
        return _story(clues, API, "these credentials may not create the server", fix, text)
    return _story(clues, API, f"nova-api refused the server (HTTP {clues.refused})", "Mend what it names", text)


def _no_valid_host(clues: Clues, text: str) -> Story:
    computes = clues.computes
    if computes is not None:
        of_interest = [one for one in computes if clues.wanted_host in (None, one.host)]
        if not any(one.is_ready for one in of_interest):
            seen = "; ".join(map(str, of_interest)) or "none at all"
            what = f"no nova-compute that could take the server is up and enabled ({seen})"
            fix = "Start nova-compute there and see its log, or `openstack compute service set --enable`"
            return _story(clues, COMPUTE, what, fix, text)
    if clues.candidates == 0:
        what = "Placement knows no compute with enough memory, disk and processors for the test server"
        fix = "Make smoke_ram and smoke_disk smaller, or free some; `openstack allocation candidate list` asks the same"
        return _story(clues, PLACEMENT, what, fix, text)
    ready = ", ".join(one.host for one in computes or () if one.is_ready) or "not known"
    if clues.providers:
        free = sum(max(one.total - one.used, 0) for one in clues.providers)
        if free < clues.count:
            held = ", ".join(f"{one.name} {one.used}/{one.total}" for one in clues.providers[:8])
            what = f"Placement tracks PCI devices, but only {free} are free and {clues.alias} asks for {clues.count} ({held})"
            return _story(clues, PLACEMENT, what, "Delete a server that holds one, or hand out more devices", text)
    where = f"on {clues.wanted_host}" if clues.wanted_host else f"on any compute that is up ({ready})"
    what = f"the scheduler found no {clues.count} free device(s) for {clues.alias} {where}"
    fix = (
        "Either all are held by servers; or nova-compute does not offer them: its [pci]device_spec must match the devices and "
        "the alias must have their device_type (a card with SR-IOV is type-PF even with no VF): run the role compute, then "
        '`nova_pci.passthrough.verify`. nova-scheduler\'s log names the filter: "Filter PciPassthroughFilter returned 0 hosts"'
    )
    return _story(clues, FILTER, what, fix, text)


def _too_slow(clues: Clues) -> Story:
    state = f"{clues.status or 'no state'}, task {clues.task_state or 'none'}"
    waited = f"the server was not active after {clues.seconds} s ({state}{_on(clues)})"
    if clues.task_state in (None, "scheduling") and clues.host is None:
        fix = "nova-conductor or nova-scheduler does not answer; check both and RabbitMQ, or raise smoke_timeout"
        return _story(clues, API, waited, fix, "")
    return _story(
        clues, COMPUTE, waited, "Raise smoke_timeout if that compute is slow; else see nova-compute's log there", ""
    )


def _on(clues: Clues) -> str:
    host = clues.host or clues.wanted_host
    return f" on {host}" if host else ""


def _story(clues: Clues, layer: str, what: str, fix: str, text: str) -> Story:
    said = " | ".join(dict.fromkeys(" ".join(piece.split()) for piece in clues.texts if piece.strip())) if text else ""
    return Story(layer, what, fix, said if len(said) <= _LONGEST else f"{said[:_LONGEST]}...")


def parse_computes(raw: Mapping[str, Any]) -> tuple[ComputeService, ...]:
    """Return the services of GET /os-services?binary=nova-compute."""
    rows = raw.get("services", [])
    return tuple(ComputeService(row["host"], row["state"], row["status"], row.get("disabled_reason")) for row in rows)
