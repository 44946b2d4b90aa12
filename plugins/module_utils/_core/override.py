# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``pci_passthrough_overrides``: a person answers for one device that would be refused, by its exact address and a reason.

What an override covers is as if it were not there. It never covers what the host starts from or is reached by, never a
bridge, and never a guest: that one is asked, not overruled.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from .address import PciAddress, parse_address
from .errors import InputProblem, PassthroughError, raise_problems
from .model import HostInventory, PciDevice, Use
from .nearest import as_key, did_you_mean

VARIABLE = "pci_passthrough_overrides"
KEYS = ("address", "reason")

_NEVER_COVERED = ("bridge", "guest")
_EXAMPLE = 'Write {address: "0000:3b:00.0", reason: why this host can do without it}'


@dataclass(frozen=True)
class Override:
    """One entry of the variable."""

    index: int
    address: PciAddress
    reason: str

    @property
    def place(self) -> str:
        return f"{VARIABLE}[{self.index}]"


@dataclass(frozen=True)
class Covered:
    """What an override takes away: *uses* are those of *device* that no longer count."""

    override: Override
    device: PciDevice
    uses: tuple[Use, ...]


@dataclass(frozen=True)
class Overruled:
    """Shape: *inventory* is the host without what is covered, *notes* what a person should read of each override."""

    inventory: HostInventory
    covered: tuple[Covered, ...]
    notes: tuple[str, ...]
    problems: tuple[InputProblem, ...]


def parse_overrides(raw: object) -> tuple[Override, ...]:
    """Return the overrides of *raw*, a list of mappings; every problem of it is raised at once."""
    if not isinstance(raw, (list, tuple)):
        raise InputProblem(VARIABLE, raw, "is no list", f"{_EXAMPLE} after a dash, or [] for none")
    problems: list[PassthroughError] = []
    found: dict[PciAddress, Override] = {}
    for index, item in enumerate(raw):
        override = _parse(index, item, problems)
        if override is None:
            continue
        first = found.setdefault(override.address, override)
        if first is not override:
            place, text = f"{override.place}.address", str(override.address)
            problems.append(InputProblem(place, text, f"stands in {first.place} already", "Remove one of the two"))
    raise_problems(problems)
    return tuple(found.values())


def _parse(index: int, item: object, problems: list[PassthroughError]) -> Override | None:
    place = f"{VARIABLE}[{index}]"
    if not isinstance(item, dict):
        problems.append(InputProblem(place, item, "is no mapping", _EXAMPLE))
        return None
    before = len(problems)
    for key in item:
        if key not in KEYS:
            fix = did_you_mean(as_key(key), KEYS, f"The keys are {', '.join(KEYS)}")
            problems.append(InputProblem(place, key, "is no key of an override", fix))
    problems += [InputProblem(place, item, f"has no {key}", _EXAMPLE) for key in KEYS if key not in item]
    address = _address(place, item["address"], problems) if "address" in item else None
    reason = item.get("reason", "")
    if "reason" in item and (not isinstance(reason, str) or not reason.strip()):
        fix = "Say in a sentence why this host can do without the device; it is printed with every plan"
        problems.append(InputProblem(f"{place}.reason", reason, "is no reason", fix))
    if address is None or len(problems) > before:
        return None
    return Override(index, address, " ".join(reason.split()))


def _address(place: str, value: object, problems: list[PassthroughError]) -> PciAddress | None:
    try:
        return parse_address(value if isinstance(value, str) else "")
    except ValueError:
        fix = 'Write the one address in full and in quotes, as in address: "0000:3b:00.0"'
        problems.append(InputProblem(f"{place}.address", value, "is no exact PCI address", fix))
        return None


def overrule(inventory: HostInventory, overrides: Sequence[Override]) -> Overruled:
    """Take from *inventory* what *overrides* cover; a problem is what none may ever cover."""
    covered: list[Covered] = []
    notes: list[str] = []
    problems: list[InputProblem] = []
    for override in overrides:
        device = inventory.device(override.address)
        if device is None:
            notes.append(f"{override.place}: this host has no device {override.address}, so the override has no effect")
            continue
        vital = [use.detail for use in device.uses if use.vital]
        if device.is_bridge or vital:
            problems.append(_refusal(override, device, vital))
            continue
        uses = tuple(use for use in device.uses if use.kind not in _NEVER_COVERED)
        if not uses:
            notes.append(f"{override.place}: nothing that an override covers stands against {device.label}")
            continue
        covered.append(Covered(override, device, uses))
        details = "; ".join(use.detail for use in uses)
        notes.append(
            f"{override.place}: {device.label} may be handed out although {details}. Reason: {override.reason}"
        )
    return Overruled(without_covered(inventory, covered), tuple(covered), tuple(notes), tuple(problems))


def _refusal(override: Override, device: PciDevice, vital: list[str]) -> InputProblem:
    place, fix = f"{override.place}.address", f"Remove {override.place}, and select another device"
    if device.is_bridge:
        return InputProblem(place, str(override.address), "is a bridge, and bridges are never handed out", fix)
    problem = f"is what the host starts from or is reached by, which no override covers: {'; '.join(vital)}"
    return InputProblem(place, str(override.address), problem, fix)


def without_covered(inventory: HostInventory, covered: Sequence[Covered]) -> HostInventory:
    """Return the host as it counts: what overrides took away is not used by anybody."""
    if not covered:
        return inventory
    gone = {item.device.address: frozenset(item.uses) for item in covered}
    devices = tuple(
        replace(device, uses=tuple(use for use in device.uses if use not in gone[device.address]))
        if device.address in gone
        else device
        for device in inventory.devices
    )
    return replace(inventory, devices=devices)
