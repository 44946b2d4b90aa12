# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flavor property ``pci_passthrough:alias``: what Nova reads in it (nova/pci/request.py), and the flavors we make.

The variable ``pci_passthrough_flavors`` is read strictly, and all its problems come at once.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any

from .errors import InputProblem, NovaRefusal, PassthroughError, raise_problems
from .nearest import as_key, did_you_mean

PROPERTY = "pci_passthrough:alias"
VARIABLE = "pci_passthrough_flavors"
KEYS = (
    "name",
    "devices",
    "vcpus",
    "ram",
    "disk",
    "ephemeral",
    "swap",
    "is_public",
    "extra_specs",
    "description",
)

# nova/compute/flavors.py create: the least of each; and what we take when the user does not say. ram and swap are MiB,
# disk and ephemeral GiB.
_LEAST = {"vcpus": 1, "ram": 1, "disk": 0, "ephemeral": 0, "swap": 0}
_DEFAULTS = {"vcpus": 1, "ram": 512, "disk": 1, "ephemeral": 0, "swap": 0}
# nova/db/constants.py MAX_INT; nova/api/validation/parameter_types.py name and metadata; the schema of flavors
_MOST = 0x7FFFFFFF
_LONGEST = 255
_LONGEST_DESCRIPTION = 65535
_EXTRA_SPEC = re.compile(r"[a-zA-Z0-9_:. -]{1,255}\Z")


@dataclass(frozen=True)
class FlavorEntry:
    """One entry of the variable: *devices* are (alias, count) in the user's order, *extra_specs* (name, value)."""

    index: int
    name: str
    devices: tuple[tuple[str, int], ...]
    vcpus: int = _DEFAULTS["vcpus"]
    ram: int = _DEFAULTS["ram"]
    disk: int = _DEFAULTS["disk"]
    ephemeral: int = _DEFAULTS["ephemeral"]
    swap: int = _DEFAULTS["swap"]
    is_public: bool = True
    extra_specs: tuple[tuple[str, str], ...] = ()
    description: str | None = None

    @property
    def place(self) -> str:
        return f"{VARIABLE}[{self.index}]"

    @property
    def properties(self) -> dict[str, str]:
        """Every extra spec that the flavor gets, the devices' among them."""
        return {PROPERTY: request_text(dict(self.devices)), **dict(self.extra_specs)}

    def to_dict(self) -> dict[str, object]:
        return {
            "entry": self.place,
            "name": self.name,
            "devices": dict(self.devices),
            "vcpus": self.vcpus,
            "ram": self.ram,
            "disk": self.disk,
            "ephemeral": self.ephemeral,
            "swap": self.swap,
            "is_public": self.is_public,
            "properties": self.properties,
            "description": self.description,
        }


@dataclass(frozen=True)
class AliasRequest:
    """So many devices of one alias; Nova takes counts of 0 and below too."""

    alias: str
    count: int


def parse_request(text: str, aliases: Collection[str]) -> tuple[AliasRequest, ...]:
    """Return what Nova reads in *text* (_translate_alias_to_requests); *aliases* are the names that nova-api knows.

    NovaRefusal: exception ValueError (nova-api then answers 500) or PciRequestAliasNotDefined (it answers 400).
    """
    requests = []
    for piece in text.split(","):
        parts = piece.split(":")
        if len(parts) != 2:
            raise NovaRefusal(
                text, f"has {piece!r}, which is not name:count", 'Write it like "a1:2,b1:1"', "ValueError"
            )
        name = parts[0].strip()
        if name not in aliases:
            known = f"The aliases are {', '.join(sorted(aliases))}" if aliases else "Add a line to [pci]alias"
            raise NovaRefusal(text, f"asks for {name!r}, which is no alias", known, "PciRequestAliasNotDefined")
        try:
            count = int(parts[1])
        except ValueError as error:
            problem = f"has {parts[1]!r} as the count of {name!r}, which is no whole number"
            raise NovaRefusal(text, problem, 'Write it like "a1:2,b1:1"', "ValueError") from error
        requests.append(AliasRequest(name, count))
    return tuple(requests)


def request_text(devices: dict[str, int]) -> str:
    """The property's value for counts by alias; request_problems() says whether they are fit for it."""
    return ",".join(f"{alias}:{count}" for alias, count in devices.items())


def request_problems(place: str, devices: object, aliases: Collection[str]) -> tuple[InputProblem, ...]:
    """What is wrong with a mapping of counts by alias; stricter than Nova, which takes {a1: 0} and hands out nothing."""
    if not isinstance(devices, dict) or not devices:
        problem = "is no mapping" if devices else "asks for no device"
        return (InputProblem(place, devices, problem, "Write how many of which alias, as in {a1: 2}"),)
    problems = [
        problem for alias, count in devices.items() for problem in _device_problems(place, alias, count, aliases)
    ]
    text = request_text(devices)
    if not problems and len(text) > _LONGEST:
        fix = f"Nova takes {_LONGEST}; ask for fewer aliases or shorten their names"
        problems.append(InputProblem(place, text, f"is {len(text)} characters long", fix))
    return tuple(problems)


def parse_flavors(raw: object, aliases: Collection[str]) -> tuple[FlavorEntry, ...]:
    """Return the flavors of *raw*, a list of mappings; *aliases* are the declared names. SeveralProblems or the one."""
    if not isinstance(raw, (list, tuple)):
        raise InputProblem(VARIABLE, raw, "is no list", "Write a list of flavors, each beginning with a dash, or []")
    problems: list[PassthroughError] = []
    entries: list[FlavorEntry] = []
    for index, item in enumerate(raw):
        found = tuple(_flavor_problems(f"{VARIABLE}[{index}]", item, aliases))
        problems.extend(found)
        if not found:
            entries.append(_flavor(index, item))
    problems.extend(_repeated_names(entries))
    raise_problems(problems)
    return tuple(entries)


def _device_problems(place: str, alias: object, count: object, aliases: Collection[str]) -> Iterator[InputProblem]:
    if alias not in aliases:
        known = f"The aliases are {', '.join(sorted(aliases))}" if aliases else "Declare devices with an alias first"
        fix = did_you_mean(str(alias), sorted(aliases), known)
        if any(character in str(alias) for character in ":,"):
            fix = "Write each alias as a key and its count as the value, as in {a1: 2, b1: 1}"
        yield InputProblem(place, alias, "is no declared alias", fix)
    if isinstance(count, bool) or not isinstance(count, int):
        good = isinstance(count, str) and count.strip().isdecimal()
        fix = f"Write {alias}: {count} without quotes" if good else f"Write a count of 1 or more, as in {alias}: 1"
        yield InputProblem(f"{place}.{alias}", count, "is no whole number", fix)
    elif not 1 <= count <= _MOST:
        yield InputProblem(f"{place}.{alias}", count, "is no possible count", "Write 1 or more, or leave the alias out")


def _flavor_problems(place: str, item: object, aliases: Collection[str]) -> Iterator[InputProblem]:
    if not isinstance(item, dict):
        yield InputProblem(place, item, "is no mapping", "Write keys and values, as in {name: gpu, devices: {a1: 1}}")
        return
    yield from _unknown_keys(place, item)
    for key in ("name", "devices"):
        if key not in item:
            yield InputProblem(place, sorted(map(str, item)), f"has no {key}", f"Add {key}")
    if "name" in item:
        yield from _text_problems(f"{place}.name", item["name"], _LONGEST)
    if "devices" in item:
        yield from request_problems(f"{place}.devices", item["devices"], aliases)
    for key, least in _LEAST.items():
        if key in item:
            yield from _number_problems(f"{place}.{key}", item[key], least)
    if not isinstance(item.get("is_public", True), bool):
        yield InputProblem(f"{place}.is_public", item["is_public"], "is no truth value", "Write true or false")
    if item.get("description") is not None:
        yield from _text_problems(f"{place}.description", item["description"], _LONGEST_DESCRIPTION)
    yield from _extra_spec_problems(f"{place}.extra_specs", item.get("extra_specs", {}))


def _unknown_keys(place: str, item: dict[object, object]) -> Iterator[InputProblem]:
    for key in item:
        if key not in KEYS:
            fix = did_you_mean(as_key(key), KEYS, f"The keys are {', '.join(KEYS)}")
            yield InputProblem(place, key, "is no key of a flavor", fix)


def _text_problems(place: str, text: object, longest: int) -> Iterator[InputProblem]:
    if not isinstance(text, str):
        yield InputProblem(place, text, "is not text", "Put it in quotes")
    elif not text.isprintable() or text != text.strip() or not 1 <= len(text) <= longest:
        fix = f"Write 1 to {longest} printable characters without a blank at either end"
        yield InputProblem(place, text, "is no text that Nova takes", fix)


def _number_problems(place: str, number: object, least: int) -> Iterator[InputProblem]:
    if isinstance(number, bool) or not isinstance(number, int):
        yield InputProblem(place, number, "is no whole number", f"Write a whole number from {least} on, without quotes")
    elif not least <= number <= _MOST:
        yield InputProblem(place, number, "is out of range", f"Write a whole number from {least} to {_MOST}")


def _extra_spec_problems(place: str, specs: object) -> Iterator[InputProblem]:
    if not isinstance(specs, dict):
        yield InputProblem(place, specs, "is no mapping", 'Write names and values, as in {"hw:cpu_policy": dedicated}')
        return
    for name, text in specs.items():
        if name == PROPERTY:
            yield InputProblem(place, name, "is made from devices", "Remove it and write the counts under devices")
        elif not isinstance(name, str) or _EXTRA_SPEC.match(name) is None:
            fix = "Use up to 255 letters, digits, blanks and . _ : -"
            yield InputProblem(place, name, "is no name of a flavor's extra spec", fix)
        if not isinstance(text, str):
            yield InputProblem(f"{place}.{name}", text, "is not text", "Put it in quotes")
        elif len(text) > _LONGEST:
            fix = f"Write up to {_LONGEST} characters"
            yield InputProblem(f"{place}.{name}", text, f"is {len(text)} characters long", fix)


def _repeated_names(entries: list[FlavorEntry]) -> Iterator[InputProblem]:
    first: dict[str, FlavorEntry] = {}
    for entry in entries:
        other = first.setdefault(entry.name, entry)
        if other is not entry:
            yield InputProblem(
                f"{entry.place}.name", entry.name, f"is the name of {other.place} too", "Use another name"
            )


def _flavor(index: int, item: dict[str, Any]) -> FlavorEntry:
    """Of an item without problems."""
    given = {key: content for key, content in item.items() if key not in ("devices", "extra_specs")}
    pairs: dict[str, Any] = {key: tuple(item.get(key, {}).items()) for key in ("devices", "extra_specs")}
    return FlavorEntry(index=index, **given, **pairs)
