# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nova's address selectors (nova/pci/devspec.py PciAddressGlobSpec, PciAddressRegexSpec) as pure match functions."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Union

from .address import MAX_NOVA_DOMAIN, PciAddress, parse_address
from .errors import NovaRefusal

if TYPE_CHECKING:
    from collections.abc import Mapping

_ANY = "*"
_FIELDS = ("domain", "bus", "slot", "function")
_LIMITS = {"domain": MAX_NOVA_DOMAIN, "bus": 0xFF, "slot": 0x1F, "function": 0x7}
# What Nova raises from 26 on; nova/exception.py.
INVALID_SPEC = "PciConfigInvalidSpec"
WRONG_ADDRESS = "PciDeviceWrongAddressFormat"

_HEX = re.compile(r"(0[xX])?[0-9a-fA-F]+\Z")


@dataclass(frozen=True)
class GlobAddress:
    """``[[[domain:]bus:]slot][.function]``; None stands for any value of that field."""

    text: str
    domain: int | None
    bus: int | None
    slot: int | None
    function: int | None

    @property
    def exact(self) -> PciAddress | None:
        """The one address it names, all four fields given; Nova then counts a PF's VFs in as well."""
        if self.domain is None or self.bus is None or self.slot is None or self.function is None:
            return None
        return PciAddress(self.domain, self.bus, self.slot, self.function)

    @property
    def matches_everything(self) -> bool:
        return self.domain is None and self.bus is None and self.slot is None and self.function is None

    def matches(self, address: PciAddress) -> bool:
        return (
            self.domain in (None, address.domain)
            and self.bus in (None, address.bus)
            and self.slot in (None, address.slot)
            and self.function in (None, address.function)
        )

    def may_hold_function_of(self, parent: PciAddress) -> bool:
        """Whether a virtual function of *parent* can lie in it: same domain, on the card's bus or the next few."""
        if self.exact == parent:
            return True
        return self.domain in (None, parent.domain) and (self.bus is None or parent.bus <= self.bus <= parent.bus + 3)

    def to_data(self) -> str:
        return self.text


@dataclass(frozen=True)
class RegexAddress:
    """``{domain: ..., bus: ..., slot: ..., function: ...}``: each is matched from the start of the lower-case field.

    Like Nova's, a match need not reach the field's end: ``{"bus": "8"}`` holds for buses 80 to 8f.
    """

    patterns: tuple[tuple[str, str], ...]  # in the order domain, bus, slot, function; a missing one is ".*"

    @property
    def exact(self) -> PciAddress | None:
        """Nova counts four fields of bare digits as one address, and looks for it in sysfs as they are written."""
        text = "{domain}:{bus}:{slot}.{function}".format(**{**dict.fromkeys(_FIELDS, ""), **dict(self.patterns)})
        try:
            found = parse_address(text)
        except ValueError:
            return None
        return found if str(found) == text else None

    @property
    def matches_everything(self) -> bool:
        return all(pattern in ("", ".*") for _field, pattern in self.patterns)

    def matches(self, address: PciAddress) -> bool:
        fields = {
            "domain": f"{address.domain:04x}",
            "bus": f"{address.bus:02x}",
            "slot": f"{address.slot:02x}",
            "function": f"{address.function:x}",
        }
        return all(_compiled(pattern).match(fields[field]) is not None for field, pattern in self.patterns)

    def may_hold_function_of(self, parent: PciAddress) -> bool:
        domain = dict(self.patterns).get("domain", "")
        return _compiled(domain).match(f"{parent.domain:04x}") is not None

    def to_data(self) -> dict[str, str]:
        return dict(self.patterns)


NovaAddress = Union[GlobAddress, RegexAddress]


def parse_glob(text: str) -> GlobAddress:
    """Return the selector that Nova reads in *text*; ValueError where Nova refuses it, in words that follow a value.

    Stricter than Nova where int() is generous: 1_0 is refused, and so is -1, which matches no device.
    """
    try:
        found = read_glob(text)
    except NovaRefusal as refusal:
        raise ValueError(refusal.problem) from refusal
    for name, field in zip(_FIELDS, _glob_fields(text)):
        if field != _ANY and _HEX.match(field) is None:
            raise ValueError(_no_number(name, field))
    return found


def parse_regex(fields: Mapping[str, object]) -> RegexAddress:
    """Return the selector that Nova reads in a mapping; ValueError where Nova refuses it or would match everything."""
    unknown = sorted(str(key) for key in fields if key not in _FIELDS)
    if unknown:
        raise ValueError(
            f"has the unknown key {unknown[0]!r}, which Nova ignores (so it would match everything); "
            "the keys are domain, bus, slot, function"
        )
    for key, pattern in fields.items():
        if isinstance(pattern, str) and _holds_control(pattern):
            raise ValueError(f"has a control character in {key}")
    try:
        return read_regex(fields)
    except NovaRefusal as refusal:
        raise ValueError(refusal.problem) from refusal


def read_glob(text: str) -> GlobAddress:
    """Return what Nova itself reads in *text*; NovaRefusal names what it raises (as of 26, see device_spec.py)."""
    domain, bus, slot, function = _glob_fields(text)
    # Nova looks at the function first, and only then counts the fields before the dot.
    function_number = _field_number("function", function, text)
    if text.partition(".")[0].count(":") > 2:
        problem, fix = "has more than three fields before the dot", 'Write it like "0000:3b:00.0"'
        raise NovaRefusal(text, problem, fix, WRONG_ADDRESS)
    return GlobAddress(
        text,
        _field_number("domain", domain, text),
        _field_number("bus", bus, text),
        _field_number("slot", slot, text),
        function_number,
    )


def read_regex(fields: Mapping[str, object]) -> RegexAddress:
    """Return what Nova itself reads in a mapping; other keys do not count. NovaRefusal names what it raises."""
    patterns = []
    for key in _FIELDS:
        if key not in fields:
            continue
        pattern = fields[key]
        if not isinstance(pattern, str):
            problem = f"has {pattern!r} as {key}, which is no text; Nova stops at it"
            raise NovaRefusal(fields, problem, "Put it in quotes", "TypeError")
        try:
            re.compile(pattern)
        except (re.error, RecursionError, OverflowError) as error:
            problem = f"has {pattern!r} as {key}, which is no regular expression ({error})"
            exception = WRONG_ADDRESS if isinstance(error, re.error) else type(error).__name__
            raise NovaRefusal(fields, problem, 'Write hexadecimal digits, or ".*" for any', exception) from error
        patterns.append((key, pattern))
    return RegexAddress(tuple(patterns))


def _glob_fields(text: str) -> tuple[str, str, str, str]:
    """domain, bus, slot, function; "*" for what is not written. Of too many fields the first three."""
    body, _dot, function = text.partition(".")
    fields = body.split(":") if body else []
    padded = [_ANY] * (3 - len(fields)) + [field.strip() or _ANY for field in fields]
    # Blanks count as nothing before the dot, but not after it.
    return padded[0], padded[1], padded[2], function.strip() if function else _ANY


def _field_number(name: str, field: str, text: str) -> int | None:
    if field == _ANY:
        return None
    try:
        number = int(field, 16)
    except ValueError:
        fix = "Write hexadecimal digits, or * for any"
        raise NovaRefusal(text, _no_number(name, field), fix, INVALID_SPEC) from None
    limit = _LIMITS[name]
    if number > limit:
        problem = f"has {field!r} as {name}, which is above the highest that Nova takes ({limit:X})"
        raise NovaRefusal(text, problem, f"Write {limit:x} or less", INVALID_SPEC)
    return number


def _no_number(name: str, field: str) -> str:
    return f"has {field!r} as {name}, which is neither * nor a hexadecimal number"


def _compiled(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern)  # re keeps a cache of its own


def _holds_control(text: str) -> bool:
    return any(ord(character) < 0x20 or ord(character) == 0x7F for character in text)
