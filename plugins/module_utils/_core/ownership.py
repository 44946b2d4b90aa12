# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices that another tool has a say over: driverctl, os-net-config, an administrator's own lines for modprobe.

Two tools that each bring a device to what they remember undo each other at every boot.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from .model import Use
from .reading import Reading
from .snapshot import MachineSnapshot

TOOL = "tool"

_ADDRESS = re.compile(r"(?<![0-9a-f:.])[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7](?![0-9a-f:.])")
_INTERFACE = re.compile(r"\bname:\s*['\"]?([^\s'\",}]+)")
_CATCHERS = ("vfio-pci", "pci-stub")  # the drivers that take devices on behalf of somebody else
_ANY = ("ffff", "ffffffff")  # PCI_ANY_ID

Problems = list[tuple[str, str]]


@dataclass(frozen=True)
class Reservation:
    """One line of modprobe.d.

    Shape: *place* is its file and number, *ids* those of `options vfio-pci ids=`, *module* the one of `softdep`.
    """

    place: str
    line: str
    ids: tuple[tuple[str, ...], ...] = ()
    module: str | None = None

    def means(self, ids: tuple[str | None, ...], modules: tuple[str, ...]) -> bool:
        """Whether it catches a device with these *ids* (vendor, product, and the card's), which *modules* would drive."""
        if self.module is not None and self.module in (module.replace("_", "-") for module in modules):
            return True
        return any(all(word in (own, *_ANY) for word, own in zip(wanted, ids)) for wanted in self.ids)


def named_devices(snapshot: MachineSnapshot, problems: Problems) -> Iterator[tuple[str, Use]]:
    """(address as the kernel spells it, who has a say over it) of the tools that name single devices."""
    for path, reading in snapshot.driverctl:
        driver = _text(path, reading, problems).strip()
        for address in _ADDRESS.findall(path):
            yield address, Use(TOOL, f"driverctl binds it to {driver or 'a driver'} ({path})")
    functions = {
        interface.name: above[-1] for interface in snapshot.interfaces if (above := _ADDRESS.findall(interface.path))
    }
    for path, reading in snapshot.os_net_config:
        text = _text(path, reading, problems)
        named = [functions[name] for name in _INTERFACE.findall(text) if name in functions]
        for address in dict.fromkeys((*_ADDRESS.findall(text.lower()), *named)):
            yield address, Use(TOOL, f"os-net-config manages it ({path})")


def reservations(snapshot: MachineSnapshot, problems: Problems) -> tuple[Reservation, ...]:
    """The administrator's lines that have vfio-pci or pci-stub take devices (modprobe.d(5))."""
    found: list[Reservation] = []
    for path, reading in snapshot.modprobe:
        for number, line in _lines(_text(path, reading, problems)):
            found.extend(_reservation(f"{path}:{number}", line))
    return tuple(found)


def reserved_uses(
    lines: tuple[Reservation, ...], ids: tuple[str | None, ...], modules: tuple[str, ...]
) -> tuple[Use, ...]:
    return tuple(
        Use(TOOL, f"the administrator's line {line.line!r} means it ({line.place})")
        for line in lines
        if line.means(ids, modules)
    )


def _text(path: str, reading: Reading, problems: Problems) -> str:
    if reading.problem is not None:
        problems.append((path, reading.problem))
    return reading.text or ""


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """(number of its first line, line) without comments; a backslash at the end goes on in the next."""
    held, first = "", 1
    for number, line in enumerate(text.split("\n"), 1):
        first = first if held else number
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        whole, held = " ".join((held + line).split()), ""
        if whole and not whole.startswith("#"):
            yield first, whole


def _reservation(place: str, line: str) -> Iterator[Reservation]:
    words = line.replace('"', "").split()
    name = words[1].replace("_", "-") if len(words) > 1 else ""
    if words[0] == "options" and name in _CATCHERS:
        ids = [word[len("ids=") :] for word in words[2:] if word.startswith("ids=")]
        caught = tuple(_ids(text) for word in ids for text in word.split(",") if text)
        if caught:
            yield Reservation(place, line, caught)
    elif words[0] == "softdep" and any(_before(words[2:], catcher) for catcher in _CATCHERS):
        yield Reservation(place, line, module=name)


def _ids(text: str) -> tuple[str, ...]:
    """vendor:product, the card's two where they are given, spelled as sysfs does (drivers/pci/pci-driver.c new_id)."""
    return tuple(word.lower().rjust(4, "0") for word in text.split(":")[:4])


def _before(words: list[str], module: str) -> bool:
    """Whether *module* stands among those to be loaded first: "pre: a b post: c"."""
    first = False
    for word in words:
        if word in ("pre:", "post:"):
            first = word == "pre:"
        elif first and word.replace("_", "-") == module:
            return True
    return False
