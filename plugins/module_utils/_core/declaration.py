# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""``pci_passthrough_devices`` as the user wrote it -> DeviceEntry records. Strict, and all problems at once."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Callable

from .errors import InputProblem, PassthroughError, SeveralProblems
from .model import DEVICE_TYPES, TYPE_PF, TYPE_VF
from .nearest import as_key, did_you_mean, nearest
from .nova_address import GlobAddress, NovaAddress, RegexAddress, parse_glob, parse_regex
from .truth import truth

VARIABLE = "pci_passthrough_devices"
DRIVER_VFIO = "vfio-pci"
DRIVER_NATIVE = "native"
NUMA_POLICIES = ("required", "legacy", "preferred", "socket")
SELECTORS = ("vendor_id", "product_id", "class", "address", "numa_node", "mac", "serial", "slot")
BOOLEAN_TAGS = ("trusted", "remote_managed", "managed", "live_migratable", "one_time_use")
TEXT_TAGS = ("physical_network", "resource_class", "traits")
TAGS = (*TEXT_TAGS, *BOOLEAN_TAGS)
KEYS = ("alias", *SELECTORS, "device_type", "numa_policy", "driver", "num_vfs", "vf_product_id", *TAGS)

# PCI Express Base Specification, SR-IOV extended capability: TotalVFs is a 16-bit field.
MAX_NUM_VFS = 0xFFFF

_HEX = re.compile(r"[0-9a-fA-F]*\Z")
_MAC = re.compile(r"([0-9a-fA-F]{2}([:-])[0-9a-fA-F]{2}(\2[0-9a-fA-F]{2}){4})\Z")
_DRIVER = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
# Nova splits "name:count,name:count"; nova.conf reads $ as a reference, and quotes and backslashes as JSON.
_ALIAS = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9 ._+/@-]{0,253}[A-Za-z0-9._+/@-])?\Z")
_HEX_PREFIX = re.compile(r"\s*0[xX]")


@dataclass(frozen=True)
class DeviceEntry:
    """One entry of the declaration; None means that the user did not say."""

    index: int
    alias: str | None = None
    vendor_id: str | None = None
    product_id: str | None = None
    class_code: str | None = None  # two, four or six lower-case hex digits: a prefix of the device's
    address: NovaAddress | None = None
    numa_node: int | None = None
    mac: str | None = None
    serial: str | None = None
    slot: str | None = None
    device_type: str | None = None
    numa_policy: str | None = None
    driver: str = DRIVER_VFIO
    driver_given: bool = False
    num_vfs: int = 0
    vf_product_id: str | None = None  # what the virtual functions of num_vfs call themselves: for their alias
    tags: tuple[tuple[str, str | None], ...] = ()  # as Nova stores them; None only for physical_network: null

    @property
    def place(self) -> str:
        return f"{VARIABLE}[{self.index}]"

    @property
    def alias_product_id(self) -> str | None:
        """The product id that servers ask for: with num_vfs that of the functions, not of the card."""
        return self.vf_product_id if self.num_vfs else self.product_id

    @property
    def alias_type(self) -> str | None:
        """The device_type that servers ask for."""
        return TYPE_VF if self.num_vfs else self.device_type

    @property
    def is_for_nova(self) -> bool:
        """Whether Nova gets its devices: for an alias, or for Neutron by a tag."""
        return self.alias is not None or bool(self.tags)

    @property
    def names_one(self) -> bool:
        """Whether it means one certain device, so that not getting that one is an error."""
        exact = self.address is not None and self.address.exact is not None
        return exact or self.mac is not None or self.serial is not None

    @property
    def selectors(self) -> dict[str, str]:
        """What the user selects by, in the user's words."""
        given = {
            "vendor_id": self.vendor_id,
            "product_id": self.product_id,
            "class": self.class_code,
            "address": None if self.address is None else str(self.address.to_data()),
            "numa_node": None if self.numa_node is None else str(self.numa_node),
            "mac": self.mac,
            "serial": self.serial,
            "slot": self.slot,
        }
        return {key: text for key, text in given.items() if text is not None}

    def to_dict(self) -> dict[str, object]:
        return {
            "entry": self.place,
            "alias": self.alias,
            "vendor_id": self.vendor_id,
            "product_id": self.product_id,
            "class": self.class_code,
            "address": None if self.address is None else self.address.to_data(),
            "numa_node": self.numa_node,
            "mac": self.mac,
            "serial": self.serial,
            "slot": self.slot,
            "device_type": self.device_type,
            "numa_policy": self.numa_policy,
            "driver": self.driver,
            "num_vfs": self.num_vfs,
            "vf_product_id": self.vf_product_id,
            "tags": dict(self.tags),
        }


def parse_declaration(raw: object) -> tuple[DeviceEntry, ...]:
    """Return the entries of *raw*, a list of mappings; SeveralProblems names everything that is wrong with it."""
    if not isinstance(raw, (list, tuple)):
        fix = "Write a list of devices, each beginning with a dash, or [] for none"
        raise SeveralProblems((InputProblem(VARIABLE, raw, "is no list", fix),))
    problems: list[PassthroughError] = []
    entries = []
    for index, item in enumerate(raw):
        entry = _parse_entry(index, item, problems)
        if entry is not None:
            entries.append(entry)
    problems.extend(_alias_conflicts(entries))
    if problems:
        raise SeveralProblems(tuple(problems))
    return tuple(entries)


class _Reader:
    """Takes the keys of one entry apart; a value with a problem reads as None and the problem is kept."""

    def __init__(self, place: str, item: dict[object, object], problems: list[PassthroughError]) -> None:
        self._place = place
        self._item = item
        self._problems = problems

    def given(self, key: str) -> bool:
        return key in self._item

    def complain(self, key: str, problem: str, fix: str) -> None:
        self._problems.append(InputProblem(f"{self._place}.{key}", self._item[key], problem, fix))

    def read(self, key: str, parse: Callable[[object], object]) -> object:
        if key not in self._item:
            return None
        value = self._item[key]
        if value is None:
            self.complain(key, "is empty", "Give a value or leave the key out")
            return None
        try:
            return parse(value)
        except ValueError as error:
            problem, fix = error.args
            self.complain(key, problem, fix)
            return None

    def text(self, key: str, parse: Callable[[str], str]) -> str | None:
        def parse_text(value: object) -> str:
            return parse(_text(value))

        found = self.read(key, parse_text)
        return found if isinstance(found, str) else None

    def address(self) -> NovaAddress | None:
        found = self.read("address", _address)
        return found if isinstance(found, (GlobAddress, RegexAddress)) else None

    def number(self, key: str, highest: int) -> int | None:
        def parse_number(value: object) -> int:
            return _number(key, value, highest)

        found = self.read(key, parse_number)
        return found if isinstance(found, int) else None


def _refused(problem: str, fix: str) -> ValueError:
    """A value that cannot be accepted; its key is known one level up, in _Reader.read()."""
    return ValueError(problem, fix)


def _parse_entry(index: int, item: object, problems: list[PassthroughError]) -> DeviceEntry | None:
    place = f"{VARIABLE}[{index}]"
    if not isinstance(item, dict):
        fix = 'Write keys and values, as in {alias: a1, vendor_id: "8086", product_id: "154d"}'
        problems.append(InputProblem(place, item, "is no mapping", fix))
        return None
    before = len(problems)
    _refuse_unknown_keys(place, item, problems)
    reader = _Reader(place, item, problems)
    driver = reader.text("driver", _driver)
    entry = DeviceEntry(
        index=index,
        alias=reader.text("alias", _alias),
        vendor_id=reader.text("vendor_id", _hex_of("vendor_id", (4,))),
        product_id=reader.text("product_id", _hex_of("product_id", (4,))),
        class_code=reader.text("class", _hex_of("class", (2, 4, 6))),
        address=reader.address(),
        numa_node=reader.number("numa_node", 0x7FFFFFFF),
        mac=reader.text("mac", _mac),
        serial=reader.text("serial", _plain),
        slot=reader.text("slot", _plain),
        device_type=reader.text("device_type", _one_of(DEVICE_TYPES)),
        numa_policy=reader.text("numa_policy", _one_of(NUMA_POLICIES)),
        driver=driver or DRIVER_VFIO,
        driver_given=driver is not None,
        num_vfs=reader.number("num_vfs", MAX_NUM_VFS) or 0,
        vf_product_id=reader.text("vf_product_id", _hex_of("vf_product_id", (4,))),
        tags=_tags(reader, item),
    )
    if entry.num_vfs > 0 and entry.device_type not in (None, TYPE_VF):
        what = "the card itself cannot be handed out while it carries virtual functions"
        if entry.device_type != TYPE_PF:
            what = "only cards with SR-IOV have virtual functions"
        reader.complain(
            "device_type",
            f"cannot go with num_vfs: {entry.num_vfs}: {what}",
            "Leave device_type out or write type-VF (the functions are what is handed out), or remove num_vfs",
        )
    if entry.vf_product_id is not None and not entry.num_vfs:
        fix = "Remove it, or say with num_vfs how many virtual functions each card gets"
        reader.complain("vf_product_id", "names virtual functions, but the entry creates none", fix)
    if len(problems) == before and not entry.selectors:
        problems.append(
            InputProblem(place, item, "selects nothing in particular", f"Add at least one of {', '.join(SELECTORS)}")
        )
    matches_everything = entry.address is not None and entry.address.matches_everything
    if len(problems) == before and matches_everything and set(entry.selectors) == {"address"}:
        fix = "Name a bus or slot, or add vendor_id and product_id"
        reader.complain("address", "matches every device of the host", fix)
    return entry if len(problems) == before else None


def _refuse_unknown_keys(place: str, item: dict[object, object], problems: list[PassthroughError]) -> None:
    for key in item:
        if key in KEYS:
            continue
        fix = did_you_mean(as_key(key), KEYS, f"The keys are {', '.join(KEYS)}")
        problems.append(InputProblem(place, key, "is no key of a device", fix))


def _alias_conflicts(entries: list[DeviceEntry]) -> list[PassthroughError]:
    """Nova reads a repeated alias as "either of these", and only when type and NUMA policy are the same text."""
    problems: list[PassthroughError] = []
    first: dict[str, DeviceEntry] = {}
    for entry in entries:
        if entry.alias is None:
            continue
        other = first.setdefault(entry.alias, entry)
        for key, mine, theirs in (
            ("device_type", entry.alias_type, other.alias_type),
            ("numa_policy", entry.numa_policy, other.numa_policy),
        ):
            if mine != theirs:
                here, there = mine or "unset", theirs or "unset"
                problem = f"has {key} {here} here and {there} in {other.place}; Nova refuses such an alias"
                fix = f"Give both entries the same {key}, or use two alias names"
                problems.append(InputProblem(f"{entry.place}.alias", entry.alias, problem, fix))
    return problems


def _text(value: object) -> str:
    if isinstance(value, bool) or not isinstance(value, str):
        raise _refused(f"is {_kind(value)}, not text", _quote_hint(value))
    if _holds_control(value):
        raise _refused("holds a control character", "Remove line breaks, tabs and NUL")
    return value


def _kind(value: object) -> str:
    if isinstance(value, bool):
        return "a truth value"
    if isinstance(value, (int, float)):
        return "a number"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, (list, tuple)):
        return "a list"
    return f"of type {type(value).__name__}"


def _quote_hint(value: object) -> str:
    """YAML reads 8086, 0x8086, 0300, 12:34:56:00:11:22 and 0000:02:00.0 as numbers, the last two in base 60."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return "Put it in quotes: YAML reads bare digits as a number (also 0x8086, 0300, 12:34:56 and 0000:00:02.0)"
    return "Write it as text in quotes"


def _holds_control(text: str) -> bool:
    return any(ord(character) < 0x20 or ord(character) == 0x7F for character in text)


def _hex_of(key: str, lengths: tuple[int, ...]) -> Callable[[str], str]:
    wanted = " or ".join(str(length) for length in lengths)

    def parse(text: str) -> str:
        if _HEX_PREFIX.match(text):
            bare = text.strip()[2:].lower()
            good = bool(bare) and _HEX.match(bare) is not None and len(bare) <= lengths[-1]
            fix = f'Write {key}: "{bare.zfill(lengths[0])}"' if good else f"Write {wanted} hexadecimal digits"
            raise _refused("begins with 0x", fix)
        if _HEX.match(text) is None:
            raise _refused("is not hexadecimal", f'Write {wanted} hexadecimal digits in quotes, as in {key}: "8086"')
        if len(text) not in lengths:
            short = 0 < len(text) < lengths[0]
            padded = f'Write {key}: "{text.lower().zfill(lengths[0])}" if that is meant'
            fix = padded if short else f"Write the {wanted} digits that lspci -nn prints"
            raise _refused(f"has {len(text)} digits, not {wanted}", fix)
        return text.lower()

    return parse


def _address(value: object) -> NovaAddress:
    text = None if isinstance(value, dict) else _text(value)
    if text is not None and text.strip() in ("", "."):
        raise _refused("is empty", "Give an address or leave the key out")
    try:
        return parse_regex(value) if isinstance(value, dict) else parse_glob(text or "")
    except ValueError as error:
        example = 'Write it like "0000:3b:00.0", ":3b:00.*" or {bus: "3b", function: "[0-3]"}'
        raise _refused(str(error), example) from error


def _mac(text: str) -> str:
    if _MAC.match(text) is None:
        raise _refused("is no MAC address", 'Write it like "52:54:00:12:34:56"')
    return text.lower().replace("-", ":")


def _plain(text: str) -> str:
    if not text.strip():
        raise _refused("is empty", "Give a value or leave the key out")
    return text.strip()


def _alias(text: str) -> str:
    if _ALIAS.match(text) is None:
        raise _refused(
            "cannot be an alias: Nova splits flavors at : and , and nova.conf reads $, quotes and backslashes",
            "Use up to 255 letters, digits and . _ + / @ - with no blank at either end",
        )
    return text


def _driver(text: str) -> str:
    if text.lower().replace("_", "-") in ("vfio-pci", "vfio", "vfiopci") and text != DRIVER_VFIO:
        raise _refused("is not how the kernel spells it", "Write driver: vfio-pci")
    if _DRIVER.match(text) is None:
        raise _refused("is no driver name", "Write vfio-pci, native, or a name as under /sys/bus/pci/drivers")
    return text


def _one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def parse(text: str) -> str:
        if text in choices:
            return text
        lowered = {choice.lower(): choice for choice in choices}
        near = nearest(text.lower(), lowered, 0.6)
        hint = "" if near is None else f"; did you mean {lowered[near]}?"
        raise _refused("is not known", f"Write one of {', '.join(choices)}{hint}")

    return parse


def _number(key: str, value: object, highest: int) -> int:
    if isinstance(value, bool) or not isinstance(value, int):
        fix = f"Write a whole number, as in {key}: 4"
        if isinstance(value, str) and value.strip().isdecimal():
            fix = f"Write {key}: {int(value)} without quotes" if len(value) < 12 else fix
        raise _refused(f"is {'text' if isinstance(value, str) else _kind(value)}, not a whole number", fix)
    if value < 0:
        raise _refused("is negative", "Write 0 or more, or leave the key out")
    if value > highest:
        raise _refused(f"is above {highest}, the highest there can be", "Write a smaller number")
    return value


def _tags(reader: _Reader, item: dict[object, object]) -> tuple[tuple[str, str | None], ...]:
    tags: list[tuple[str, str | None]] = []
    for key in TAGS:
        if not reader.given(key):
            continue
        if key == "physical_network" and item[key] is None:
            tags.append((key, None))  # Nova: null stands for a tunnelled network on a hardware-offloaded port
            continue
        found = reader.read(key, _tag_parser(key))
        if isinstance(found, str):
            tags.append((key, found))
    return tuple(tags)


def _tag_parser(key: str) -> Callable[[object], object]:
    if key == "traits":
        return _traits
    return _boolean if key in BOOLEAN_TAGS else _tag_text


def _tag_text(value: object) -> str:
    return _plain(_text(value))


def _boolean(value: object) -> str:
    found = truth(value) if isinstance(value, (bool, str)) else None
    if found is None:
        raise _refused("is neither true nor false", "Write true or false")
    return "true" if found else "false"


def _traits(value: object) -> str:
    names = value if isinstance(value, (list, tuple)) else _text(value).split(",")
    parsed = [_plain(_text(name)) for name in names]
    if not parsed:
        raise _refused("is empty", "Give a trait or leave the key out")
    for name in parsed:
        if re.match(r"[A-Za-z0-9_]+\Z", name) is None:
            raise _refused(f"holds {name!r}, which is no trait name", "Use letters, digits and underscores")
    return ",".join(parsed)
