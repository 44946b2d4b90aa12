# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""[pci]device_spec (passthrough_whitelist before 26) as nova/pci/whitelist.py and nova/pci/devspec.py read it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from .address import PciAddress
from .errors import NovaRefusal
from .model import PciDevice
from .nova_address import INVALID_SPEC, WRONG_ADDRESS, GlobAddress, NovaAddress, read_glob, read_regex
from .nova_release import NovaVersion
from .truth import truth

ANY = "*"
MAX_ID = 0xFFFF
# Tags that Nova stores as "true" or "false" and refuses as anything else, in the order in which it looks at them.
_STRICT_TAGS = ("managed", "live_migratable", "one_time_use")
_EXAMPLE = '{"address": "0000:3b:00.0"} or {"vendor_id": "8086", "product_id": "154d"}'


def never(_address: PciAddress) -> bool:
    return False


def nowhere(_name: str) -> PciAddress | None:
    return None


@dataclass(frozen=True)
class DeviceSpec:
    """One object of a device_spec value.

    Shape: *address* is what it selects by; for a *devname* where that interface is now, None when there is none. The ids
    are four lower-case digits or "*". *tags* hold every other key as Nova keeps it: what JSON gave, but the truth values
    of _STRICT_TAGS as "true" and "false". *covers_functions* says that it names a PF, so that the PF's VFs match too.
    """

    address: NovaAddress | None
    devname: str | None = None
    vendor_id: str = ANY
    product_id: str = ANY
    tags: tuple[tuple[str, Any], ...] = ()
    covers_functions: bool = False
    needs_serial: bool = False  # remote_managed: Nova passes over devices without a serial number in their VPD

    def matches(self, device: PciDevice, parent: PciDevice | None = None) -> bool:
        """Whether Nova takes *device* for this; *parent* is the VF's PF, whose VPD counts when the VF has none."""
        return (
            self.vendor_id in (ANY, device.vendor_id)
            and self.product_id in (ANY, device.product_id)
            and self._matches_address(device)
            and (not self.needs_serial or _has_serial(device) or (parent is not None and _has_serial(parent)))
        )

    def _matches_address(self, device: PciDevice) -> bool:
        if self.address is None or not device.address.in_nova_reach:
            return False
        card = device.physical_function
        if self.covers_functions and card is not None and self.address.matches(card):
            return True
        return self.address.matches(device.address)


def parse_device_spec(
    value: str,
    version: NovaVersion,
    report_in_placement: bool = False,
    is_physical_function: Callable[[PciAddress], bool] = never,
    find_interface: Callable[[str], PciAddress | None] = nowhere,
) -> tuple[DeviceSpec, ...]:
    """Return what that release reads in one *value*, an object or a list of them; NovaRefusal where it stops.

    *is_physical_function* says whether a device can have VFs (sriov_totalvfs above 0), *find_interface* where a network
    interface is: Nova asks sysfs both while it reads the text.
    """
    reader = _Reader(value, version, report_in_placement, is_physical_function, find_interface)
    return tuple(reader.spec(given) for given in reader.objects())


def first_match(specs: Iterable[DeviceSpec], device: PciDevice, parent: PciDevice | None = None) -> DeviceSpec | None:
    """Return the first that matches: it alone gives the device its tags (Whitelist.get_devspec)."""
    return next((spec for spec in specs if spec.matches(device, parent)), None)


def _has_serial(device: PciDevice) -> bool:
    return bool(device.serial) and device.serial_source == "vpd"


@dataclass(frozen=True)
class _Reader:
    """One value and what it is read with. It checks in Nova's order, as the first problem decides what Nova raises."""

    value: str
    version: NovaVersion
    report_in_placement: bool
    is_physical_function: Callable[[PciAddress], bool]
    find_interface: Callable[[str], PciAddress | None]

    def objects(self) -> list[dict[str, Any]]:
        try:
            found = json.loads(self.value)
        except ValueError as error:
            raise self._refusal(f"is no JSON ({error})", f"Write it like {_EXAMPLE}") from error
        except RecursionError as error:
            raise self._refusal("is nested too deeply", f"Write it like {_EXAMPLE}", "RecursionError") from error
        if isinstance(found, dict):
            return [found]
        if not isinstance(found, list):
            raise self._refusal("is neither an object nor a list of objects", f"Write it like {_EXAMPLE}")
        return found

    def spec(self, given: object) -> DeviceSpec:
        if not isinstance(given, dict):
            raise self._refusal(f"holds {given!r}, which is no object", f"Write it like {_EXAMPLE}")
        tags = dict(given)
        vendor_id, product_id = tags.pop("vendor_id", ANY), tags.pop("product_id", ANY)
        devname, address = tags.pop("devname", None), tags.pop("address", None)
        if not isinstance(vendor_id, str):
            raise self._crash("vendor_id", vendor_id, "AttributeError")
        vendor_id = self._id("vendor_id", vendor_id.strip())
        if not isinstance(product_id, str):
            raise self._crash("product_id", product_id, "TypeError")
        product_id = self._id("product_id", product_id)
        if address and devname:
            fix = "Keep the address"
            raise self._refusal("has both an address and a devname", fix, "PciDeviceInvalidDeviceName")
        place = self._address(address) if not devname else self._interface(str(devname))
        covers = self._covers_functions(place)
        remote = self.version.major >= 25 and truth(tags.get("remote_managed")) is True
        for tag in _STRICT_TAGS:
            if tag in self.version.device_spec_tags and tags.get(tag) is not None:
                tags[tag] = self._boolean(tag, tags[tag])
        self._check_one_time_use(tags)
        if remote:
            self._check_remote_managed(place, covers)
        name = str(devname) if devname else None
        return DeviceSpec(place, name, vendor_id, product_id, tuple(tags.items()), covers, remote)

    # ---- what selects

    def _id(self, key: str, text: str) -> str:
        if text == ANY:
            return ANY
        fix = "Write the four digits that lspci -nn prints, or * for any"
        try:
            number = int(text, 16)
        except ValueError:
            problem = f"has {text!r} as {key}, which is no hexadecimal number"
            raise self._refusal(problem, fix) from None
        if number > MAX_ID:
            raise self._refusal(f"has {text!r} as {key}, which is above {MAX_ID:X}", fix)
        return f"{number:04x}"

    def _address(self, address: object) -> NovaAddress:
        if not address:
            return read_glob("*:*:*.*")
        try:
            if isinstance(address, str):
                return read_glob(address)
            if isinstance(address, dict):
                return read_regex(address)
        except NovaRefusal as refusal:
            raise self._refusal(f"has an address that {refusal.problem}", refusal.fix, refusal.exception) from refusal
        problem = f"has {json.dumps(address)} as address"
        raise self._refusal(problem, 'Write it like "0000:3b:00.0"', WRONG_ADDRESS)

    def _interface(self, name: str) -> NovaAddress | None:
        found = self.find_interface(name)
        if found is None:
            return None
        if not found.in_nova_reach:
            raise self._refusal(f"names {name}, which is at {found}, outside of what Nova can name", "Remove the entry")
        return GlobAddress(str(found), found.domain, found.bus, found.slot, found.function)

    def _covers_functions(self, place: NovaAddress | None) -> bool:
        one = None if place is None else place.exact
        return one is not None and self.is_physical_function(one)

    # ---- tags

    def _boolean(self, tag: str, content: object) -> str:
        found = truth(content)
        if found is None:
            problem = f"has {json.dumps(content)} as {tag}, which is neither yes nor no"
            raise self._refusal(problem, f'Write "{tag}": "yes" or "no"')
        return "true" if found else "false"

    def _check_one_time_use(self, tags: dict[str, Any]) -> None:
        if "one_time_use" not in self.version.device_spec_tags or self.report_in_placement:
            return
        if tags.get("one_time_use") == "true":
            fix = "Set report_in_placement = true in [pci] of nova-compute, or remove one_time_use"
            raise self._refusal("has one_time_use while report_in_placement is off", fix)

    def _check_remote_managed(self, place: NovaAddress | None, covers: bool) -> None:
        if place is None:
            problem, fix = "is remote_managed and names an interface that is not there", "Name the VFs by their address"
            raise self._refusal(problem, fix, "PciDeviceRemoteManagedNotPresent")
        if covers:
            # Nova looks for the PF's id in a file called "product", which no kernel has.
            problem, fix = "is remote_managed and names a PF", "Name the VFs by their own addresses"
            raise self._refusal(problem, fix, "PciDeviceNotFoundById")

    # ---- refusals

    def _refusal(self, problem: str, fix: str, exception: str = INVALID_SPEC) -> NovaRefusal:
        if exception == INVALID_SPEC and self.version.major < 26:
            exception = "PciConfigInvalidWhitelist"
        return NovaRefusal(self.value, problem, fix, exception)

    def _crash(self, key: str, content: object, exception: str) -> NovaRefusal:
        problem = f"has {json.dumps(content)} as {key}, which is no text; Nova stops at it"
        return self._refusal(problem, "Put it in quotes", exception)
