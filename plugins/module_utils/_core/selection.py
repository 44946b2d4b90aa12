# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which devices of a host the declaration means, and which of those it must not have."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from .companion import Companions
from .declaration import DRIVER_NATIVE
from .errors import InputProblem
from .listing import listed
from .model import TYPE_PF, TYPE_VF
from .override import VARIABLE as OVERRIDES
from .override import overrule
from .ownership import TOOL

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .address import PciAddress
    from .companion import Companion
    from .declaration import DeviceEntry
    from .model import HostInventory, PciDevice, Use
    from .override import Covered, Override

# A PCI network card: virtual functions may be created on one that the host itself uses.
_NETWORK_CLASS = "02"
_GUEST = "guest"
_BRIDGE = "bridge"
_OUT_OF_REACH = "is in a PCI domain above FFFF, which Nova cannot name"


@dataclass(frozen=True)
class Identity:
    """What tells the device at *address* from others, as it was when it was chosen; None where that is not recorded.

    Shape: *mac*, *serial* (from *serial_source*, "vpd" or "dsn") and *slot* as the device showed them.
    """

    address: PciAddress
    mac: str | None
    vendor_id: str | None
    product_id: str | None
    serial: str | None = None
    serial_source: str | None = None
    slot: str | None = None


@dataclass(frozen=True)
class Chosen:
    """One device that an entry gets."""

    device: PciDevice
    entry: DeviceEntry


@dataclass(frozen=True)
class Parent:
    """One card on which an entry wants virtual functions, and the driver that these get."""

    device: PciDevice
    entry: DeviceEntry
    driver: str

    @property
    def num_vfs(self) -> int:
        return self.entry.num_vfs

    @property
    def has_functions(self) -> bool:
        """Whether the card has all the functions it is to have, so that they match by themselves."""
        return self.device.sriov_numvfs == self.num_vfs and bool(self.device.virtual_functions)


@dataclass(frozen=True)
class Expected:
    """An entry means virtual functions of *parent* that do not exist yet."""

    parent: PciDevice
    entry: DeviceEntry


@dataclass(frozen=True)
class Refused:
    """One device that an entry matches and does not get."""

    device: PciDevice
    entry: DeviceEntry
    reason: str
    fix: str

    def to_dict(self) -> dict[str, object]:
        return {
            "address": str(self.device.address),
            "entry": self.entry.place,
            "reason": self.reason,
            "fix": self.fix,
        }


@dataclass(frozen=True)
class Selection:
    """Everything sorted by address; with a problem in `problems` nothing of it may be carried out.

    Shape: *covered* is what overrides took away, *notes* what a person should read of them.
    """

    chosen: tuple[Chosen, ...] = ()  # existing virtual functions of `parents` included
    parents: tuple[Parent, ...] = ()
    expected: tuple[Expected, ...] = ()
    refused: tuple[Refused, ...] = ()
    problems: tuple[InputProblem, ...] = ()
    covered: tuple[Covered, ...] = ()
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Hazard:
    """One reason for which a device must not be handed out, as the rest of a sentence about it, and what would end it."""

    reason: str
    fix: str


def select(
    inventory: HostInventory,
    entries: Sequence[DeviceEntry],
    identities: Iterable[Identity] = (),
    overrides: Sequence[Override] = (),
) -> Selection:
    """Hold every entry against the host. *identities* are what an earlier run recorded (devices_conf.py)."""
    overruled = overrule(inventory, overrides)
    inventory = overruled.inventory
    macs = _macs(inventory, identities)
    companions = Companions(inventory)
    problems: list[InputProblem] = [*overruled.problems]
    refused: list[Refused] = []
    parents = [
        parent for entry in entries if entry.num_vfs for parent in _parents(inventory, entry, macs, refused, problems)
    ]
    chosen: list[Chosen] = []
    expected: list[Expected] = []
    for entry in entries:
        if entry.num_vfs:
            continue
        matching = _of_wanted_type(_matching(inventory, entry, macs), entry)
        future = [Expected(parent.device, entry) for parent in parents if _means_future_functions(entry, parent)]
        expected.extend(future)
        if matching:
            chosen.extend(_admit(companions, entry, matching, refused, problems))
        elif not future:
            problems.append(_nothing_matches(inventory, entry, macs))
    chosen.extend(_own_functions(inventory, companions, parents, chosen, expected, refused, problems))
    problems.extend(_double_claims(chosen, parents, expected))
    problems.extend(_mixed_groups(companions, chosen, parents))
    parents = [_with_driver(parent, chosen, expected, problems) for parent in parents]
    return Selection(
        chosen=tuple(sorted(chosen, key=lambda item: (item.device.address, item.entry.index))),
        parents=tuple(sorted(parents, key=lambda item: (item.device.address, item.entry.index))),
        expected=tuple(sorted(expected, key=lambda item: (item.parent.address, item.entry.index))),
        refused=tuple(sorted(refused, key=lambda item: (item.device.address, item.entry.index))),
        problems=tuple(problems),
        covered=overruled.covered,
        notes=overruled.notes,
    )


# ---- matching


def _macs(inventory: HostInventory, identities: Iterable[Identity]) -> dict[PciAddress, tuple[str, ...]]:
    """The MACs of each device: those its interfaces show, else the one it was chosen by earlier."""
    shown = {
        device.address: tuple(interface.mac.lower() for interface in device.network_interfaces if interface.mac)
        for device in inventory.devices
    }
    in_sight = {mac for macs in shown.values() for mac in macs}
    for identity in identities:
        device = inventory.device(identity.address)
        if device is None or device.network_interfaces or identity.mac is None or identity.mac in in_sight:
            continue
        if identity.serial is not None and device.serial is not None and identity.serial != device.serial:
            continue  # its twin, which has no interface either
        if (device.vendor_id, device.product_id) == (identity.vendor_id, identity.product_id):
            shown[device.address] = (*shown[device.address], identity.mac)
    return shown


def _mismatches(device: PciDevice, entry: DeviceEntry, macs: dict[PciAddress, tuple[str, ...]]) -> tuple[str, ...]:
    """The selectors of *entry* that do not hold for *device*."""
    held = {
        "vendor_id": entry.vendor_id in (None, device.vendor_id),
        "product_id": entry.product_id in (None, device.product_id),
        "class": entry.class_code is None or (device.class_code or "").startswith(entry.class_code),
        "address": entry.address is None or _address_holds(device, entry),
        "numa_node": entry.numa_node in (None, device.numa_node),
        "mac": entry.mac is None or entry.mac in macs.get(device.address, ()),
        "serial": entry.serial is None or entry.serial.lower() == (device.serial or "").lower(),
        "slot": entry.slot in (None, device.physical_slot),
    }
    return tuple(key for key, holds in held.items() if not holds)


def _address_holds(device: PciDevice, entry: DeviceEntry) -> bool:
    address = entry.address
    if address is None or address.matches(device.address):
        return True
    # Nova: the exact address of a PF means its VFs too. Here only where the entry says that it wants VFs.
    return (
        entry.device_type == TYPE_VF
        and device.physical_function is not None
        and address.exact == device.physical_function
    )


def _matching(
    inventory: HostInventory, entry: DeviceEntry, macs: dict[PciAddress, tuple[str, ...]]
) -> tuple[PciDevice, ...]:
    return tuple(device for device in inventory.devices if not _mismatches(device, entry, macs))


def _of_wanted_type(matching: tuple[PciDevice, ...], entry: DeviceEntry) -> tuple[PciDevice, ...]:
    if entry.device_type is None:
        return matching
    return tuple(device for device in matching if device.device_type == entry.device_type)


def _means_future_functions(entry: DeviceEntry, parent: Parent) -> bool:
    """Whether *entry* means the functions that *parent* is going to have."""
    card = parent.device
    if parent.has_functions:
        return False
    if entry.device_type not in (None, TYPE_VF) or entry.mac is not None or entry.serial is not None:
        return False
    if entry.address is not None:
        exact_parent = entry.address.exact == card.address
        if entry.device_type is None and (exact_parent or not (entry.vendor_id and entry.product_id)):
            return False
        if not entry.address.may_hold_function_of(card.address):
            return False
    elif entry.device_type is None and entry.product_id is None:
        return False  # it means the card, not what the card will bring forth
    product_holds = card.sriov_vf_product_id is None or entry.product_id in (None, card.sriov_vf_product_id)
    return (
        product_holds
        and entry.vendor_id in (None, card.vendor_id)
        and (entry.class_code is None or (card.class_code or "").startswith(entry.class_code))
        and entry.numa_node in (None, card.numa_node)
        and entry.slot in (None, card.physical_slot)
    )


# ---- nothing matches


def _nothing_matches(
    inventory: HostInventory, entry: DeviceEntry, macs: dict[PciAddress, tuple[str, ...]]
) -> InputProblem:
    value = _selector_text(entry)
    of_other_type = _matching(inventory, entry, macs)
    if of_other_type:
        device = of_other_type[0]
        more = f" and {len(of_other_type) - 1} more" if len(of_other_type) > 1 else ""
        fix = f"Write device_type: {device.device_type}"
        if entry.device_type == TYPE_VF and device.device_type == TYPE_PF:
            fix += ", or have virtual functions created by an entry with num_vfs"
        elif device.device_type == TYPE_PF:
            fix += " (a card with SR-IOV is a type-PF to Nova, also without any virtual function)"
        problem = f"wants {entry.device_type}, but {device.label}{more} is {device.device_type}"
        return InputProblem(f"{entry.place}.device_type", entry.device_type, problem, fix)
    return InputProblem(entry.place, value, "matches no device of this host", _near_misses(inventory, entry, macs))


def _selector_text(entry: DeviceEntry) -> str:
    return ", ".join(f"{key}: {text}" for key, text in entry.selectors.items())


def _near_misses(inventory: HostInventory, entry: DeviceEntry, macs: dict[PciAddress, tuple[str, ...]]) -> str:
    endpoints = [device for device in inventory.devices if not device.is_bridge]
    if len(entry.selectors) > 1:
        near = [(device, _mismatches(device, entry, macs)) for device in endpoints]
        close = [f"{device.label} differs in {wrong[0]} only" for device, wrong in near if len(wrong) == 1]
        if close:
            return f"Nearest: {listed(close)}"
    if entry.vendor_id is not None:
        same = _ids(device for device in endpoints if device.vendor_id == entry.vendor_id)
        if same:
            return f"Of vendor {entry.vendor_id} the host has {listed(same)}"
    if entry.mac is not None:
        known = sorted({mac for found in macs.values() for mac in found})
        return f"The MACs of its PCI network cards are {listed(known)}" if known else "No PCI network card shows a MAC"
    present = _ids(endpoints)
    return f"The host has {listed(present)}" if present else "The host shows no PCI device at all"


def _ids(devices: Iterable[PciDevice]) -> list[str]:
    return sorted({f"{device.vendor_id or '????'}:{device.product_id or '????'}" for device in devices})


# ---- safety


def _admit(
    companions: Companions,
    entry: DeviceEntry,
    matching: tuple[PciDevice, ...],
    refused: list[Refused],
    problems: list[InputProblem],
) -> list[Chosen]:
    """Those of *matching* that may be handed out. Refusing all of them, or the one that is named, is an error."""
    admitted, kept = [], []
    for device in matching:
        hazard = _hazard(companions, device, entry.driver)
        if hazard is None:
            admitted.append(Chosen(device, entry))
        else:
            kept.append(Refused(device, entry, hazard.reason, hazard.fix))
    refused.extend(kept)
    if kept and (entry.names_one or not admitted):
        problems.extend(InputProblem(item.entry.place, item.device.label, item.reason, item.fix) for item in kept)
    return admitted


def _hazard(companions: Companions, device: PciDevice, driver: str) -> Hazard | None:
    return _together(hazards_of(companions, device, driver))


def hazards_of(companions: Companions, device: PciDevice, driver: str) -> list[Hazard]:
    """Return everything for which *device* must not be handed out on *driver*, its own and what its group brings."""
    found = _own_hazards(device, driver)
    for companion in companions.of(device):
        found += _companion_hazards(device, companion, driver)
    return found


def _together(found: Sequence[Hazard]) -> Hazard | None:
    if not found:
        return None
    reasons = dict.fromkeys(hazard.reason for hazard in found)
    fixes = dict.fromkeys(hazard.fix for hazard in found)
    return Hazard("; and ".join(reasons), ". ".join(fixes))


def _own_hazards(device: PciDevice, driver: str) -> list[Hazard]:
    hazards = []
    if device.is_bridge:
        hazards.append(Hazard("is a bridge, and bridges are never handed out", "Select the device behind it"))
    if not device.address.in_nova_reach:
        hazards.append(Hazard(_OUT_OF_REACH, "Switch Intel VMD off for its slot in the firmware setup"))
    uses = _uses_in_the_way(device, driver)
    guests = [use for use in uses if use.kind == _GUEST]
    if guests:
        reason = f"is held by a guest and would change its driver to {driver}: {_details(guests)}"
        hazards.append(Hazard(reason, "Stop or migrate the guest first"))
    hazards += _need_hazards(
        [use for use in uses if use.kind != _GUEST], "Select another device, or free this one first"
    )
    if device.virtual_functions:
        fix = "Set them to 0 first, or hand out the virtual functions instead (device_type: type-VF)"
        count = len(device.virtual_functions)
        hazards.append(Hazard(f"has {count} virtual functions, and cannot be handed out itself beside them", fix))
    return hazards


def _need_hazards(uses: Sequence[Use], fix: str) -> list[Hazard]:
    """What the host needs the device for, and who else has a say over it."""
    needs = [use for use in uses if use.kind != TOOL]
    tools = [use for use in uses if use.kind == TOOL]
    hazards = [Hazard(f"is needed by the host: {_details(needs)}", fix)] if needs else []
    if tools:
        hazards.append(Hazard(f"belongs to another tool: {_details(tools)}", _take_over()))
    return hazards


def _take_over() -> str:
    return f"Take it from that tool first, or name its address with your reason in {OVERRIDES}"


def _companion_hazards(device: PciDevice, companion: Companion, driver: str) -> list[Hazard]:
    other = companion.device
    because = f"{other.label} {companion.because}"
    if device.physical_function == other.address:
        fix = "Use a slot or a card whose bridge has ACS, so that each virtual function has a group of its own"
        return [Hazard(f"cannot be handed out without its own card: {because}", fix)]
    uses = _uses_in_the_way(other, driver)
    needs = [use for use in uses if use.kind != TOOL]
    tools = [use for use in uses if use.kind == TOOL]
    hazards = []
    if needs:
        fix = "Move one of the two cards to another slot, or free the other device"
        reason = f"cannot be handed out: {because}, and the host needs that one: {_details(needs)}"
        hazards.append(Hazard(reason, fix))
    if tools:
        reason = f"cannot be handed out: {because}, and that one belongs to another tool: {_details(tools)}"
        hazards.append(Hazard(reason, _take_over()))
    if other.virtual_functions and driver != DRIVER_NATIVE:
        fix = "Remove those virtual functions, or move one of the two cards to another slot"
        hazards.append(Hazard(f"cannot be handed out: {because}, and that one has virtual functions", fix))
    return hazards


def _uses_in_the_way(device: PciDevice, driver: str) -> list[Use]:
    """The uses that forbid handing *device* out; a guest may hold it as long as no driver has to change."""
    stays = driver in (DRIVER_NATIVE, device.driver)
    return [use for use in device.uses if use.kind != _BRIDGE and not (stays and use.kind == _GUEST)]


def _details(uses: Iterable[Use]) -> str:
    return "; ".join(use.detail for use in uses)


# ---- virtual functions


def _parents(
    inventory: HostInventory,
    entry: DeviceEntry,
    macs: dict[PciAddress, tuple[str, ...]],
    refused: list[Refused],
    problems: list[InputProblem],
) -> list[Parent]:
    matching = [device for device in _matching(inventory, entry, macs) if device.device_type != TYPE_VF]
    if not matching:
        untyped = replace(entry, device_type=None)
        problems.append(_nothing_matches(inventory, untyped, macs))
        return []
    cards = [device for device in matching if device.sriov_totalvfs]
    if not cards:
        fix = "Remove num_vfs, or switch SR-IOV on in the firmware setup or the card's own configuration"
        problem = f"cannot be had: {listed([device.label for device in matching])} has no SR-IOV"
        problems.append(InputProblem(f"{entry.place}.num_vfs", entry.num_vfs, problem, fix))
        return []
    parents, kept = [], []
    for card in cards:
        total = card.sriov_totalvfs or 0
        if entry.num_vfs > total:
            problem = f"is more than {card.label} can have, which is {total}"
            problems.append(InputProblem(f"{entry.place}.num_vfs", entry.num_vfs, problem, f"Write {total} or less"))
            continue
        own_id = card.sriov_vf_product_id
        if entry.vf_product_id is not None and own_id is not None and own_id != entry.vf_product_id:
            problem = f"is not what the virtual functions of {card.label} call themselves"
            place = f"{entry.place}.vf_product_id"
            problems.append(InputProblem(place, entry.vf_product_id, problem, f'Write vf_product_id: "{own_id}"'))
            continue
        hazard = _parent_hazard(inventory, card, entry.num_vfs)
        if hazard is None:
            parents.append(Parent(card, entry, entry.driver))
        else:
            kept.append(Refused(card, entry, hazard.reason, hazard.fix))
    refused.extend(kept)
    if kept and (entry.names_one or not parents):
        problems.extend(InputProblem(item.entry.place, item.device.label, item.reason, item.fix) for item in kept)
    return parents


def _parent_hazard(inventory: HostInventory, card: PciDevice, num_vfs: int) -> Hazard | None:
    hazards = []
    if not card.address.in_nova_reach:
        hazards.append(Hazard(_OUT_OF_REACH, "Switch Intel VMD off for its slot in the firmware setup"))
    own = [use for use in card.uses if not use.passed_up]  # its functions may be in use as long as they stay
    guests = [use for use in own if use.kind == _GUEST]
    if guests:
        hazards.append(Hazard(f"is held by a guest: {_details(guests)}", "Stop or migrate the guest first"))
    is_network = (card.class_code or "").startswith(_NETWORK_CLASS)
    needs = [use for use in own if use.kind != _GUEST and (use.kind == TOOL or not is_network)]
    hazards += _need_hazards(needs, "Select another card, or free this one first")
    now = card.sriov_numvfs or 0
    if now not in (0, num_vfs):
        functions = set(card.virtual_functions)
        used = [function for function in inventory.devices if function.address in functions and function.uses]
        if used:
            words = "; ".join(f"{function.label} is in use: {_details(function.uses)}" for function in used)
            reason = f"has {now} virtual functions, and {num_vfs} would mean to remove all of them first, but {words}"
            hazards.append(Hazard(reason, f"Free it first, or write num_vfs: {now}"))
    return _together(hazards)


def _own_functions(
    inventory: HostInventory,
    companions: Companions,
    parents: list[Parent],
    chosen: list[Chosen],
    expected: list[Expected],
    refused: list[Refused],
    problems: list[InputProblem],
) -> list[Chosen]:
    """The virtual functions that exist already and are to stay, where no other entry asks for them."""
    asked = {item.device.address for item in chosen}
    awaited = {item.parent.address for item in expected}
    staying: dict[PciAddress, Parent] = {}
    for parent in parents:
        if parent.device.sriov_numvfs == parent.num_vfs and parent.device.address not in awaited:
            staying.update(dict.fromkeys(parent.device.virtual_functions, parent))
    found: list[Chosen] = []
    for function in inventory.devices:
        owner = staying.get(function.address)
        if owner is None or (owner.entry.alias is None and function.address in asked):
            continue
        hazard = _hazard(companions, function, owner.driver)
        if hazard is None:
            found.append(Chosen(function, owner.entry))
            continue
        refused.append(Refused(function, owner.entry, hazard.reason, hazard.fix))
        if owner.driver != DRIVER_NATIVE:  # all functions of a card get the same driver, so it cannot be left out
            problems.append(InputProblem(owner.entry.place, function.label, hazard.reason, hazard.fix))
    return found


def _with_driver(
    parent: Parent, chosen: list[Chosen], expected: list[Expected], problems: list[InputProblem]
) -> Parent:
    """The entry that hands the functions out may name their driver as well as the one that creates them."""
    card = parent.device
    takers = [item.entry for item in expected if item.parent.address == card.address]
    takers += [
        item.entry
        for item in chosen
        if item.device.physical_function == card.address and item.entry.index != parent.entry.index
    ]
    drivers = sorted({entry.driver for entry in takers})
    if not drivers:
        return parent
    if parent.entry.driver_given and drivers != [parent.driver]:
        other = next(entry for entry in takers if entry.driver != parent.driver)
        problem = f"is the driver of the virtual functions of {card.label} here, and {other.place} wants {other.driver}"
        fix = "Write the same driver in both, or leave it out of the entry that has num_vfs"
        problems.append(InputProblem(f"{parent.entry.place}.driver", parent.driver, problem, fix))
        return parent
    return replace(parent, driver=drivers[0]) if len(drivers) == 1 and not parent.entry.driver_given else parent


# ---- entries that do not go together


def _double_claims(chosen: list[Chosen], parents: list[Parent], expected: list[Expected]) -> list[InputProblem]:
    claims: dict[str, list[DeviceEntry]] = {}
    for item in chosen:
        claims.setdefault(item.device.label, []).append(item.entry)
    for parent in parents:
        claims.setdefault(parent.device.label, []).append(parent.entry)
        if parent.entry.alias is not None and any(item.parent == parent.device for item in expected):
            claims.setdefault(f"the virtual functions of {parent.device.label}", []).append(parent.entry)
    for wish in expected:
        claims.setdefault(f"the virtual functions of {wish.parent.label}", []).append(wish.entry)
    pairs: dict[tuple[DeviceEntry, DeviceEntry], list[str]] = {}
    for label, entries in claims.items():
        first, *others = sorted(entries, key=lambda entry: entry.index)
        for other in others:
            pairs.setdefault((first, other), []).append(label)
    fix = "Narrow one of the two, or make them one entry"
    return [
        InputProblem(second.place, listed(labels), f"is claimed by {first.place} as well", fix)
        for (first, second), labels in pairs.items()
    ]


def _mixed_groups(companions: Companions, chosen: list[Chosen], parents: list[Parent]) -> list[InputProblem]:
    """A group is handed out as a whole: with one member on vfio-pci, the others cannot stay on their drivers."""
    claimed = {item.device.address: item.entry for item in chosen if item.entry.driver == DRIVER_NATIVE}
    creating = {parent.device.address: parent.entry for parent in parents}
    problems = []
    for item in chosen:
        for companion in companions.of(item.device):
            other = companion.device
            because = f"{other.label} {companion.because}"
            if other.address in creating:
                place = creating[other.address].place
                problem = f"cannot be handed out: {because}, and {place} keeps that one on its own driver"
                fix = "Move one of the two cards to another slot, or give up one of the two entries"
            elif item.entry.driver != DRIVER_NATIVE and other.address in claimed:
                place = claimed[other.address].place
                problem = f"is to be on {item.entry.driver}, but {because} and {place} leaves it on its native driver"
                fix = f"Write driver: {item.entry.driver} in {place} too"
            else:
                continue
            problems.append(InputProblem(item.entry.place, item.device.label, problem, fix))
    return problems
