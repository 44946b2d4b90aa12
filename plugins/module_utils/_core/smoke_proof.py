# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What proves that a server holds exactly its devices: Nova's word, libvirt's on the compute, the guest's own.

Nova's API tells no user which device a server has; its word is that the server is active on a host with that flavor, and,
where PCI is tracked in Placement, the device's address in the server's allocation.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from .address import parse_address
from .console import Shown
from .declaration import DeviceEntry
from .smoke_plan import Probe, entries_of

PROVEN = "proven"
NOT_PROVEN = "not proven"
WRONG = "wrong"

NOVA = "nova"
LIBVIRT = "libvirt"
GUEST = "guest"
_TAIL = 40  # lines of the console that go with a failure

_PROVIDER = re.compile(r"_(?P<address>[0-9A-Fa-f]{4}:[0-9A-Fa-f]{2}:[0-9A-Fa-f]{2}\.[0-7])\Z")


@dataclass(frozen=True)
class Proof:
    """One witness. *state*: PROVEN, NOT_PROVEN (it could not be asked or said nothing), WRONG (it says otherwise)."""

    by: str
    state: str
    expected: str
    found: str
    fix: str | None = None

    def __str__(self) -> str:
        return f"{self.by}: {self.state}, {self.found}" + (
            f"; expected {self.expected}. {self.fix}" if self.fix else ""
        )

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ok": self.state == PROVEN}


def provider_address(name: str) -> str | None:
    """The device that a resource provider of Nova's stands for (nova/compute/pci_placement_translator.py)."""
    match = _PROVIDER.search(name)
    return None if match is None else match["address"].lower()


def by_nova(server: Mapping[str, Any], alias: str, count: int) -> Proof:
    """*server* as smoke_server returned it."""
    expected = f"ACTIVE, with {alias}:{count}"
    found = f"{server['status']} on {server['host']}"
    if server["status"] != "ACTIVE":
        return Proof(NOVA, WRONG, expected, found, "See what smoke_server said")
    addresses = server["placement_addresses"]
    return Proof(NOVA, PROVEN, expected, f"{found}, Placement: {', '.join(addresses)}" if addresses else found)


def by_libvirt(
    entries: Sequence[DeviceEntry], count: int, server_id: str, host: str, guests: Sequence[Mapping[str, Any]] | None
) -> Proof:
    """*guests* as guest_devices_info returned them on the compute; None when that host is not in the inventory."""
    expected = f"{count} device(s) of {_names(entries)}"
    if guests is None:
        fix = f"Set pci_passthrough_nova_host: {host} on the host of the inventory that it is"
        return Proof(LIBVIRT, NOT_PROVEN, expected, f"no host of the inventory is Nova's compute {host}", fix)
    guest = next((one for one in guests if one["uuid"] == server_id), None)
    if guest is None or not guest["running"]:
        fix = "Check that libvirt's state is at /run/libvirt/qemu there and that the module runs as root"
        return Proof(LIBVIRT, NOT_PROVEN, expected, f"no running guest with the uuid {server_id} on {host}", fix)
    devices = guest["devices"]
    found = ", ".join(f"{one['address']} {_ids(one)}" for one in devices) or "no device of the host's"
    wrong = [one for one in devices if not any(_is_of(entry, one) for entry in entries)]
    if wrong or len(devices) != count:
        fix = "Compare [pci]alias of nova-api with the declaration: run the role controller"
        return Proof(LIBVIRT, WRONG, expected, found, fix)
    return Proof(LIBVIRT, PROVEN, expected, f"{guest['name']} has {found}")


def expected_ids(
    entries: Sequence[DeviceEntry], server_id: str, guests: Sequence[Mapping[str, Any]] | None
) -> tuple[str, ...]:
    """The vendor:product that the guest must show, one for each device: libvirt's word, else the declaration's, else ().

    An entry with num_vfs tells those of its virtual functions only with vf_product_id.
    """
    guest = next((one for one in guests or () if one["uuid"] == server_id), None)
    if guest is not None and guest["devices"]:
        return tuple(_ids(one) for one in guest["devices"])
    known = {(entry.vendor_id, entry.alias_product_id) for entry in entries}
    whole = {f"{vendor}:{product}" for vendor, product in known if vendor and product}
    return tuple(whole) if len(known) == len(whole) == 1 else ()


def by_guest(ids: Sequence[str], count: int, shown: Sequence[Shown]) -> Proof:
    """*ids*: those of expected_ids(); *shown*: the devices of its console."""
    wanted = [*ids] if len(ids) == count else [*ids] * count
    expected = ", ".join(wanted) or f"{count} device(s)"
    image = (
        "Use an image that prints its PCI devices on the serial console (Linux does at boot, without the word quiet)"
    )
    if not shown:
        return Proof(
            GUEST, NOT_PROVEN, expected, "its console shows no PCI device", f"{image}, or smoke_guest_proof: false"
        )
    if not wanted:
        fix = "Prove libvirt's side first: it knows the ids of virtual functions"
        return Proof(
            GUEST, NOT_PROVEN, expected, f"its console shows {len(shown)} device(s), the wanted ids are unknown", fix
        )
    seen = [item.ids for item in shown]
    counts = {one: (wanted.count(one), seen.count(one)) for one in wanted}
    found = ", ".join(f"{one} {have} time(s)" for one, (_need, have) in counts.items())
    if any(need != have for need, have in counts.values()):
        fix = "The guest does not see what libvirt gave it: see its console for errors of the device"
        return Proof(GUEST, WRONG, expected, found, fix)
    places = ", ".join(f"{item.address} {item.ids}" for item in shown if item.ids in counts)
    return Proof(GUEST, PROVEN, expected, f"its console shows {places}")


@dataclass(frozen=True)
class Question:
    """What is to be proven. *guests* is None when the compute is no host of the inventory."""

    probe: Probe
    declared: Sequence[DeviceEntry]
    server: Mapping[str, Any]
    guests: Sequence[Mapping[str, Any]] | None
    guest_proof: bool = True

    @property
    def entries(self) -> tuple[DeviceEntry, ...]:
        return entries_of(self.declared, self.probe.alias)

    @property
    def ids(self) -> tuple[str, ...]:
        return expected_ids(self.entries, self.server["id"], self.guests)

    def is_answered(self, shown: Sequence[Shown]) -> bool:
        """Whether waiting longer for the guest's word cannot better it, or nobody wants to hear it."""
        return not self.guest_proof or by_guest(self.ids, self.probe.count, shown).state == PROVEN


def judge(question: Question, shown: Sequence[Shown], console: str) -> dict[str, Any]:
    """What the module smoke_verify returns."""
    probe, server, guests = question.probe, question.server, question.guests
    proofs = (
        by_nova(server, probe.alias, probe.count),
        by_libvirt(question.entries, probe.count, server["id"], server["host"] or "?", guests),
        by_guest(question.ids, probe.count, shown),
    )
    bad = [one for one in proofs if one.by != GUEST and one.state == WRONG]
    bad += [one for one in proofs if one.by == GUEST and one.state != PROVEN and question.guest_proof]
    guest = next((one for one in guests or () if one["uuid"] == server["id"]), None)
    result: dict[str, Any] = {
        "changed": False,
        "proofs": [one.to_dict() for one in proofs],
        "line": verdict_line(f"{probe.alias} on {server['host']}", proofs),
        "addresses": [] if guest is None else [one["address"] for one in guest["devices"]],
    }
    if proofs[-1].state != PROVEN:
        result["console"] = console.splitlines()[-_TAIL:]
    if bad:
        what = f"The test server for {probe.alias} does not prove that it holds its device:"
        result.update(failed=True, msg="\n".join([what, *map(str, bad)]))
    return result


def verdict_line(what: str, proofs: Iterable[Proof]) -> str:
    return f"{what}: " + ", ".join(f"{proof.by} {proof.state}" for proof in proofs)


def _names(entries: Sequence[DeviceEntry]) -> str:
    kinds = [
        " ".join([*(f"{key} {value}" for key, value in entry.selectors.items()), entry.device_type or ""]).strip()
        for entry in entries
    ]
    return " or ".join(kinds)


def _ids(device: Mapping[str, Any]) -> str:
    return f"{device['vendor_id']}:{device['product_id']}"


def _is_of(entry: DeviceEntry, device: Mapping[str, Any]) -> bool:
    """Whether *device* is one that *entry* hands out: itself, or a virtual function of the card that it selects."""
    if entry.alias_type is not None and device["device_type"] != entry.alias_type:
        return False
    card = device["physical_function"]
    if entry.num_vfs and card is None:
        return False
    own = card if entry.num_vfs else device
    return (
        entry.vendor_id in (None, own["vendor_id"])
        and entry.product_id in (None, own["product_id"])
        and (entry.address is None or entry.address.matches(parse_address(own["address"])))
    )
