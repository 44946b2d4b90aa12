# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what was read to what is known: parse once, strictly. What cannot be parsed stays as a named problem.

A machine has thousands of functions of a few kinds, so every answer that depends on the text alone is remembered.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Callable, Optional, TypeVar

from .address import PciAddress, parse_address
from .identity import serial_from_capability, serial_from_vpd
from .iommu_state import build_iommu_state, cpu_vendor
from .modalias import ModuleAliases
from .model import HostInventory, NetworkInterface, PciDevice, Use
from .ownership import Reservation, reservations, reserved_uses
from .pci_ids import PciIds
from .reading import ABSENT, Reading
from .snapshot import DeviceSnapshot, MachineSnapshot
from .usage import find_uses, functions_above, own_uses

MODULE = "module"
BUILTIN = "builtin"
MISSING = "missing"

_HEXADECIMAL = frozenset("0123456789abcdef")
# What the kernel asks of a port (drivers/iommu/iommu.c REQ_ACS_FLAGS): validation, both redirects, upstream forwarding.
_ISOLATING = 0x1D
_LOCKDOWN = re.compile(r"\[(\w+)\]")
_NO_OVERRIDE = "(null)"  # what the kernel prints for a pointer to nothing

Problem = tuple[str, str]
Names = tuple[Optional[str], Optional[str], Optional[str], Optional[str]]
Parsed = TypeVar("Parsed")


def build_inventory(snapshot: MachineSnapshot, configured: tuple[str, ...] | None = None) -> HostInventory:
    """Everything known of the host; *configured* are the kernel arguments of its next boot, None when not known."""
    problems = list(snapshot.problems)
    devices, more = _Devices(snapshot).build()
    problems.extend(more)
    for what, reading in (
        ("kernel release", snapshot.kernel_release),
        ("boot id", snapshot.boot_id),
        ("kernel command line", snapshot.command_line),
    ):
        if reading.text is None:
            problems.append((what, reading.problem or "there is none"))
    for what, reading in (
        ("pci.ids", snapshot.pci_ids),
        ("modules.alias", snapshot.modules_alias),
        ("modules.builtin.modinfo", snapshot.modules_builtin_modinfo),
        ("kernel configuration", snapshot.kernel_config),
    ):
        if reading.problem is not None:
            problems.append((what, reading.problem))
    return HostInventory(
        devices=devices,
        iommu=build_iommu_state(snapshot, configured),
        architecture=snapshot.architecture,
        cpu_vendor=cpu_vendor(snapshot),
        kernel_release=snapshot.kernel_release.text or "",
        boot_id=snapshot.boot_id.text or "",
        running_command_line=snapshot.command_line.text or "",
        vfio_pci=module_state("vfio-pci", snapshot),
        vfio_virqfd=module_state("vfio_virqfd", snapshot),
        lockdown=_lockdown(snapshot.lockdown.text or ""),
        unreadable=tuple(dict.fromkeys(problems)),
    )


def module_state(name: str, snapshot: MachineSnapshot) -> str:
    """MODULE, BUILTIN or MISSING for the running kernel; modules spell "-" and "_" as they like."""
    wanted = name.replace("-", "_")
    if wanted in _module_names(snapshot.modules_builtin.text or ""):
        return BUILTIN
    if wanted in _module_names(snapshot.modules_dep.text or ""):
        return MODULE
    # A kernel without a modules directory, or one that was updated away under the running one.
    return BUILTIN if wanted in snapshot.loaded_modules or name in snapshot.drivers else MISSING


def _lockdown(text: str) -> str | None:
    """The level in brackets of "none [integrity] confidentiality"."""
    found = _LOCKDOWN.search(text)
    return None if found is None else found[1]


def _module_names(text: str) -> set[str]:
    """The modules of modules.builtin ("kernel/drivers/vfio/pci/vfio-pci.ko") or modules.dep (the same, then ":")."""
    paths = (line.partition(":")[0] for line in text.split("\n"))
    return {path.rpartition("/")[2].partition(".ko")[0].replace("-", "_") for path in paths}


class _Devices:
    """Builds the devices of one snapshot; holds what they have in common."""

    def __init__(self, snapshot: MachineSnapshot) -> None:
        self._snapshot = snapshot
        self._ids = None if snapshot.pci_ids.text is None else PciIds(snapshot.pci_ids.text)
        self._aliases = ModuleAliases(snapshot.modules_alias.text or "", snapshot.modules_builtin_modinfo.text or "")
        self._names: dict[tuple[str | None, ...], Names] = {}
        self._own_uses: dict[tuple[object, ...], tuple[Use, ...]] = {}
        self._words: dict[tuple[object, str], Any] = {}  # (parser, text) -> what it made of it
        self._addresses: dict[str, PciAddress] = {}
        self._problems: list[Problem] = []
        self._groups: dict[str, tuple[PciAddress, ...]] = {}
        self._functions: dict[str, tuple[PciAddress, ...]] = {}
        self._slots: dict[str, str] = {}
        self._interfaces: dict[str, list[NetworkInterface]] = {}
        self._blocks: dict[str, list[str]] = {}
        self._uses: dict[str, tuple[Use, ...]] = {}
        self._reservations: tuple[Reservation, ...] = ()

    def build(self) -> tuple[tuple[PciDevice, ...], list[Problem]]:
        known = self._find_addresses()
        self._gather_families(known)
        self._gather_slots()
        self._gather_interfaces()
        self._gather_blocks()
        bridges = frozenset(
            device.name for device in known if (device.attributes.get("class", ABSENT).text or "").startswith("0x06")
        )
        self._uses, problems = find_uses(self._snapshot, bridges)
        self._problems.extend(problems)
        self._reservations = reservations(self._snapshot, self._problems)
        devices = [self._device(device) for device in known]
        return tuple(devices), self._problems

    def _find_addresses(self) -> list[DeviceSnapshot]:
        """The devices whose name is an address, sorted by it."""
        known = []
        for device in self._snapshot.devices:
            try:
                address = parse_address(device.name)
            except ValueError as error:
                self._problems.append((f"/sys/bus/pci/devices/{device.name}", str(error)))
                continue
            self._addresses[device.name] = address
            known.append(((address.domain, address.bus, address.slot, address.function), device))
        known.sort(key=lambda pair: pair[0])
        return [device for _key, device in known]

    def _gather_families(self, known: list[DeviceSnapshot]) -> None:
        groups: dict[str, list[PciAddress]] = {}
        functions: dict[str, list[PciAddress]] = {}
        for device in known:
            address = self._addresses[device.name]
            group = device.links.get("iommu_group")
            if group is not None and group.text is not None:
                groups.setdefault(group.text, []).append(address)
            parent = device.links.get("physfn")
            if parent is not None and parent.text is not None:
                functions.setdefault(parent.text, []).append(address)
        self._groups = {number: tuple(members) for number, members in groups.items()}
        self._functions = {name: tuple(members) for name, members in functions.items()}

    def _gather_slots(self) -> None:
        for label, address in self._snapshot.slots:
            if address.problem is not None:
                self._problems.append((f"/sys/bus/pci/slots/{label}", address.problem))
            elif address.text is not None:
                self._slots.setdefault(address.text, label)

    def _gather_interfaces(self) -> None:
        for interface in self._snapshot.interfaces:
            above = functions_above(interface.path)
            if not above:
                continue
            mac = interface.permanent_mac if interface.permanent_mac.is_value else interface.mac
            if mac.problem is not None:
                self._problems.append((f"/sys/class/net/{interface.name}/address", mac.problem))
            self._interfaces.setdefault(above[-1], []).append(NetworkInterface(interface.name, mac.text or None))

    def _gather_blocks(self) -> None:
        controllers: dict[str, list[str]] = {}
        for subsystem, paths in self._snapshot.nvme_subsystems:
            controllers[f"/{subsystem}/"] = [name for path in paths for name in functions_above(path)[-1:]]
        for block in self._snapshot.blocks:
            owners = functions_above(block.path)[-1:]
            if not owners and "/nvme-subsystem/" in block.path:
                owners = next((names for part, names in controllers.items() if part in block.path), [])
            for owner in owners:
                self._blocks.setdefault(owner, []).append(block.name)

    # One device

    def _parsed(
        self, parse: Callable[[str], Parsed], name: str, attributes: dict[str, Reading], problems: list[Problem]
    ) -> Parsed | None:
        reading = attributes.get(name)
        if reading is None:
            return None
        text = reading.text
        if text is None:
            problems.append((name, reading.problem or ""))
            return None
        key = (parse, text)
        if key in self._words:
            known: Parsed | None = self._words[key]
            return known
        try:
            parsed = parse(text)
        except ValueError as error:
            problems.append((name, str(error)))
            return None
        self._words[key] = parsed
        return parsed

    def _device(self, device: DeviceSnapshot) -> PciDevice:
        name, attributes, links = device.name, device.attributes, device.links
        address = self._addresses[name]
        problems: list[Problem] = []
        parsed = self._parsed
        if "directory" in attributes:
            problems.append(("directory", attributes["directory"].problem or ""))
        vendor = parsed(_four_digits, "vendor", attributes, problems)
        product = parsed(_four_digits, "device", attributes, problems)
        card_vendor = parsed(_four_digits, "subsystem_vendor", attributes, problems)
        card_product = parsed(_four_digits, "subsystem_device", attributes, problems)
        code = parsed(_six_digits, "class", attributes, problems)
        boot_vga = parsed(_flag, "boot_vga", attributes, problems)
        modalias = parsed(_plain, "modalias", attributes, problems)
        vendor_name, product_name, card_name, class_name = self._named(vendor, product, card_vendor, card_product, code)
        group = parsed(_number, "iommu_group", links, problems)
        modules = self._modules(modalias, problems)
        reserved = reserved_uses(self._reservations, (vendor, product, card_vendor, card_product), modules)
        serial, serial_source = self._serial(device, problems)
        physical_function = parsed(parse_address, "physfn", links, problems)
        return PciDevice(
            address=address,
            vendor_id=vendor,
            product_id=product,
            subsystem_vendor_id=card_vendor,
            subsystem_product_id=card_product,
            class_code=code,
            revision=parsed(_two_digits, "revision", attributes, problems),
            vendor_name=vendor_name,
            product_name=product_name,
            subsystem_name=card_name,
            class_name=class_name,
            driver=parsed(_plain, "driver", links, problems),
            driver_override=parsed(_override, "driver_override", attributes, problems),
            modalias=modalias,
            modules=modules,
            numa_node=parsed(_node, "numa_node", attributes, problems),
            iommu_group=group,
            group_members=() if group is None else self._others(links["iommu_group"].text or "", address),
            sriov_totalvfs=parsed(_number, "sriov_totalvfs", attributes, problems),
            sriov_numvfs=parsed(_number, "sriov_numvfs", attributes, problems),
            sriov_vf_product_id=parsed(_bare_four_digits, "sriov_vf_device", attributes, problems),
            virtual_functions=self._functions.get(name, ()),
            physical_function=physical_function,
            network_interfaces=tuple(self._interfaces.get(name, ())),
            block_devices=tuple(self._blocks.get(name, ())),
            boot_vga=boot_vga,
            reset_methods=parsed(_words, "reset_method", attributes, problems) or (),
            d3cold_allowed=parsed(_flag, "d3cold_allowed", attributes, problems),
            acs=self._acs(device, problems),
            serial=serial,
            serial_source=serial_source,
            physical_slot=self._slots.get(name[:-2]),
            parent=self._parent(device.path),
            express=_express(code, physical_function, attributes),
            uses=self._all_uses(name, code, vendor, product, boot_vga) + reserved,
            unreadable=tuple(problems),
        )

    def _named(self, *key: str | None) -> Names:
        names = self._names.get(key)
        if names is None:
            names = self._names[key] = _look_up(self._ids, *key)
        return names

    def _modules(self, modalias: str | None, problems: list[Problem]) -> tuple[str, ...]:
        if modalias is None:
            return ()
        try:
            return self._aliases.modules(modalias)
        except ValueError as error:
            problems.append(("modalias", str(error)))
            return ()

    def _others(self, group: str, address: PciAddress) -> tuple[PciAddress, ...]:
        members = self._groups[group]
        return () if len(members) == 1 else tuple(member for member in members if member is not address)

    def _parent(self, path: str | None) -> PciAddress | None:
        """The nearest function above: the last but one part of the path, or the one before a bus (pci10000:e0)."""
        if path is None:
            return None
        parts = path.rsplit("/", 3)
        for part in parts[-2:-4:-1]:
            if part in self._addresses:
                return self._addresses[part]
            if not part.startswith("pci"):
                break
        return None

    def _all_uses(
        self, name: str, code: str | None, vendor: str | None, product: str | None, boot_vga: bool | None
    ) -> tuple[Use, ...]:
        key = (code, vendor, product, boot_vga)
        own = self._own_uses.get(key)
        if own is None:
            own = self._own_uses[key] = own_uses(code, vendor, product, boot_vga)
        found = self._uses.get(name)
        return own if found is None else own + found

    @staticmethod
    def _acs(device: DeviceSnapshot, problems: list[Problem]) -> bool | None:
        if device.acs.problem is not None:
            problems.append(("config", device.acs.problem))
        return None if device.acs.text is None else int(device.acs.text, 16) & _ISOLATING == _ISOLATING

    def _serial(self, device: DeviceSnapshot, problems: list[Problem]) -> tuple[str | None, str | None]:
        """(serial number, where it is from): the card's own text first, then the number in the config space."""
        serial = None
        if device.vpd is not ABSENT:
            serial = self._read_serial("vpd", device.vpd, serial_from_vpd, problems)
            if serial is not None:
                return serial, "vpd"
        if device.serial_capability is not ABSENT:
            serial = self._read_serial("config", device.serial_capability, serial_from_capability, problems)
        return serial, None if serial is None else "dsn"

    def _read_serial(
        self, name: str, reading: Reading, parse: Callable[[bytes], str | None], problems: list[Problem]
    ) -> str | None:
        if reading.text is None:
            if reading.problem is not None:
                problems.append((name, reading.problem))
            return None
        try:
            return parse(bytes.fromhex(reading.text))
        except ValueError as error:
            problems.append((name, str(error)))
            return None


def _express(code: str | None, physical_function: PciAddress | None, attributes: Mapping[str, Reading]) -> bool | None:
    if code is None or code.startswith("06") or physical_function is not None:
        return None
    return "max_link_speed" in attributes


def _look_up(
    ids: PciIds | None,
    vendor: str | None,
    product: str | None,
    card_vendor: str | None,
    card_product: str | None,
    code: str | None,
) -> Names:
    """(vendor, product, subsystem, class) by name."""
    if ids is None or vendor is None or product is None:
        return None, None, None, None
    # A card that says 0000:0000 says nothing of who built it (PCI 3.0, 6.2.4).
    named = card_vendor is not None and card_product is not None and card_vendor != "0000"
    return (
        ids.vendor(vendor),
        ids.product(vendor, product),
        ids.subsystem(vendor, product, card_vendor or "", card_product or "") if named else None,
        None if code is None else ids.class_name(code),
    )


# The texts of single attributes; each raises ValueError with the words for the user.


def _hexadecimal(text: str, digits: int, prefix: str) -> str:
    word = text[len(prefix) :].lower()
    if not text.startswith(prefix) or len(word) != digits or not _HEXADECIMAL.issuperset(word):
        raise ValueError(f"{text!r} is no hexadecimal number of {digits} digits")
    return word


def _two_digits(text: str) -> str:
    return _hexadecimal(text, 2, "0x")


def _four_digits(text: str) -> str:
    return _hexadecimal(text, 4, "0x")


def _six_digits(text: str) -> str:
    return _hexadecimal(text, 6, "0x")


def _bare_four_digits(text: str) -> str:
    """sriov_vf_device is printed without 0x (drivers/pci/iov.c sriov_vf_device_show)."""
    return _hexadecimal(text, min(len(text), 4) or 4, "").rjust(4, "0")


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()):
        raise ValueError(f"{text!r} is no number")
    return int(text)


def _node(text: str) -> int | None:
    """The kernel's -1 says that the firmware names no node."""
    return None if text == "-1" else _number(text)


def _flag(text: str) -> bool:
    if text not in ("0", "1"):
        raise ValueError(f"{text!r} is neither 0 nor 1")
    return text == "1"


def _override(text: str) -> str | None:
    return None if text in (_NO_OVERRIDE, "") else text


def _plain(text: str) -> str:
    if not text:
        raise ValueError("it is empty")
    return text


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())
