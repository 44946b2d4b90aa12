# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small readers of sysfs and procfs. Each says which of three it met: a value, nothing there, or something unreadable.

Speed matters here: a machine has thousands of functions with a dozen attributes each. So a device's directory is opened
once, its files are opened relative to it, nothing is asked for that the kernel does not show for this kind of device,
and equal contents share one Reading.
"""

from __future__ import annotations

import errno
import gzip
import os
import time
import zlib

from .._core.reading import ABSENT, Reading, unreadable, value
from .._core.snapshot import DeviceSnapshot

_READ = os.O_RDONLY | os.O_CLOEXEC
_DIRECTORY = _READ | os.O_DIRECTORY
_PAGE = 4096  # sysfs never gives more than a page for one attribute
_WHOLE = 64 * 1024 * 1024
_GONE = (errno.ENOENT, errno.ENOTDIR, errno.ENODEV)

# What each function has, what only a virtual function's card has, and what only a display has
# (drivers/pci/pci-sysfs.c pci_dev_attrs_are_visible, drivers/pci/iov.c sriov_pf_attrs_are_visible).
ATTRIBUTES = (
    "class",
    "vendor",
    "device",
    "subsystem_vendor",
    "subsystem_device",
    "revision",
    "modalias",
    "numa_node",
    "driver_override",
    "reset_method",
)
DISPLAY_ATTRIBUTES = ("boot_vga",)
# Only PCI Express functions show it (pcie_dev_attrs_are_visible): the others share their bus's requester ID.
ENDPOINT_ATTRIBUTES = ("sriov_totalvfs", "max_link_speed", "d3cold_allowed")
SRIOV_ATTRIBUTES = ("sriov_numvfs", "sriov_vf_device")
LINKS = ("driver", "iommu_group", "physfn")

# How long all vital product data of one machine may take: the hardware hands it out four bytes at a time.
VPD_SECONDS = 10.0
_VPD_LIMIT = 1024
_VPD_IDENTIFIER = 0x82
_VPD_READ_ONLY = 0x90
_EXTENDED_CAPABILITIES = 0x100
_SERIAL_NUMBER = 0x0003  # PCI_EXT_CAP_ID_DSN, include/uapi/linux/pci_regs.h
_CAPABILITY_LIMIT = 48
_ACCESS_CONTROL = 0x000D  # PCI_EXT_CAP_ID_ACS; its control register stands behind its header and its capabilities


def _problem(error: OSError) -> Reading:
    if error.errno in _GONE:
        return ABSENT
    return unreadable(error.strerror or str(error))


def read_bytes(path: str, limit: int = _WHOLE) -> bytes:
    """At most *limit* bytes of *path*; OSError as the system raises it."""
    file = os.open(path, _READ)
    try:
        pieces = []
        left = limit
        while left > 0:
            piece = os.read(file, min(left, 1 << 20))
            if not piece:
                break
            pieces.append(piece)
            left -= len(piece)
        return b"".join(pieces)
    finally:
        os.close(file)


def read_text(path: str, limit: int = _WHOLE) -> Reading:
    """The text of *path* without its last newline. Bytes that are no UTF-8 show as U+FFFD, so that it can always be printed."""
    try:
        raw = read_bytes(path, limit)
        if path.endswith(".gz"):
            raw = gzip.decompress(raw)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        return unreadable(str(error))
    except ValueError as error:  # a NUL in the path: it is made of what another file says
        return unreadable(str(error))
    except OSError as error:
        return _problem(error)
    return value(_decode(raw))


def read_first(paths: tuple[str, ...]) -> Reading:
    """The first of *paths* that is there; when none is, the first that was unreadable, else absent."""
    worst = ABSENT
    for path in paths:
        reading = read_text(path)
        if reading.is_value:
            return reading
        if worst.is_absent:
            worst = reading
    return worst


def list_directory(path: str) -> tuple[tuple[str, ...], str | None]:
    """(sorted names, why it could not be listed); a directory that is not there has no names and no problem."""
    try:
        return tuple(sorted(os.listdir(path))), None
    except OSError as error:
        return (), _problem(error).problem


def read_attributes(directory: str, names: tuple[str, ...], attribute: str) -> dict[str, Reading]:
    """The file *attribute* of each of the subdirectories *names* of *directory*; those without it have no key."""
    found: dict[str, Reading] = {}
    where = os.open(directory, _DIRECTORY)
    try:
        for name in names:
            try:
                file = os.open(f"{name}/{attribute}", _READ, dir_fd=where)
                try:
                    found[name] = value(_decode(os.read(file, _PAGE)))
                finally:
                    os.close(file)
            except OSError as error:
                if error.errno not in _GONE:
                    found[name] = _problem(error)
    finally:
        os.close(where)
    return found


def read_link(path: str) -> Reading:
    """The target of the link *path*, as it is written."""
    try:
        return value(os.readlink(path))
    except OSError as error:
        return _problem(error)


def _decode(raw: bytes) -> str:
    text = raw.decode("utf-8", "replace")
    return text[:-1] if text.endswith("\n") else text


class DeviceReader:
    """Reads PCI functions one after the other; it remembers contents, so that equal ones are one object."""

    def __init__(self, devices: str, vpd_seconds: float = VPD_SECONDS) -> None:
        self._devices = os.open(devices, _DIRECTORY)
        self._readings: dict[bytes, Reading] = {}
        self._targets: dict[str, Reading] = {}
        self._vpd_left = vpd_seconds

    def close(self) -> None:
        os.close(self._devices)

    def names(self) -> list[str]:
        return sorted(os.listdir(self._devices))

    def read(self, name: str) -> DeviceSnapshot:
        """Everything of the function *name* (its address as the kernel spells it)."""
        try:
            where = os.open(name, _DIRECTORY, dir_fd=self._devices)
        except OSError as error:
            return DeviceSnapshot(name, None, {"directory": _seen(_problem(error))}, {})
        try:
            return self._read(name, where)
        finally:
            os.close(where)

    def _read(self, name: str, where: int) -> DeviceSnapshot:
        path, links = self._target(name), self._links(where)
        attributes: dict[str, Reading] = {}
        self._add(attributes, where, ATTRIBUTES)
        if "physfn" in links:
            return DeviceSnapshot(name, path, attributes, links)
        code = attributes["class"].text if "class" in attributes else None
        if code is not None and code.startswith(("0x03", "0x0001")):
            self._add(attributes, where, DISPLAY_ATTRIBUTES)
        if code is not None and code.startswith("0x06"):
            return DeviceSnapshot(name, path, attributes, links, acs=_read_access_control(where))
        self._add(attributes, where, ENDPOINT_ATTRIBUTES)
        if "sriov_totalvfs" in attributes:
            self._add(attributes, where, SRIOV_ATTRIBUTES)
        return DeviceSnapshot(name, path, attributes, links, self._vpd(where), _read_serial_capability(where))

    def _target(self, name: str) -> str | None:
        try:
            return os.readlink(name, dir_fd=self._devices)
        except OSError:  # a plain directory in a simulated machine: nothing is known of what is above
            return None

    def _links(self, where: int) -> dict[str, Reading]:
        links: dict[str, Reading] = {}
        for link in LINKS:
            try:
                target = os.readlink(link, dir_fd=where)
            except OSError as error:
                if error.errno not in _GONE:
                    links[link] = _problem(error)
                continue
            reading = self._targets.get(target)
            if reading is None:
                reading = self._targets[target] = value(target.rpartition("/")[2])
            links[link] = reading
        return links

    def _add(self, attributes: dict[str, Reading], where: int, names: tuple[str, ...]) -> None:
        readings = self._readings
        for name in names:
            try:
                file = os.open(name, _READ, dir_fd=where)
                try:
                    raw = os.read(file, _PAGE)
                finally:
                    os.close(file)
            except OSError as error:
                if error.errno not in _GONE:
                    attributes[name] = _problem(error)
                continue
            reading = readings.get(raw)
            if reading is None:
                reading = readings[raw] = value(_decode(raw))
            attributes[name] = reading

    def _vpd(self, where: int) -> Reading:
        if self._vpd_left <= 0:
            return unreadable("not read: the vital product data of the devices before it took too long")
        started = time.monotonic()
        try:
            file = os.open("vpd", _READ, dir_fd=where)
        except OSError as error:
            return _problem(error)
        try:
            return value(_read_only_vpd(file).hex())
        except OSError as error:
            return _problem(error)
        finally:
            os.close(file)
            self._vpd_left -= time.monotonic() - started


def _seen(reading: Reading) -> Reading:
    """A device that went away between listing and opening is a problem to name, not a device without attributes."""
    return reading if reading.is_unreadable else unreadable("it went away while it was read")


def _read_only_vpd(file: int) -> bytes:
    """The VPD-R resource with its three bytes of tag and length, or nothing: no more is asked of the slow hardware."""
    offset = 0
    for _resource in range(2):  # the identifier string comes first, VPD-R second (PCI 3.0, appendix I)
        header = os.pread(file, 3, offset)
        if len(header) < 3:
            return b""
        length = int.from_bytes(header[1:3], "little")
        if header[0] == _VPD_READ_ONLY:
            return header + os.pread(file, min(length, _VPD_LIMIT), offset + 3)
        if header[0] != _VPD_IDENTIFIER:
            return b""
        offset += 3 + length
    return b""


def _read_serial_capability(where: int) -> Reading:
    """The eight bytes of the device serial number capability, in hexadecimal, as they stand in the config space."""
    return _read_capability(where, _SERIAL_NUMBER, slice(4, 12))


def _read_access_control(where: int) -> Reading:
    """A bridge's ACS control register as four digits, the low byte last; "0000" where PCI Express shows no such capability."""
    reading = _read_capability(where, _ACCESS_CONTROL, slice(6, 8))
    if reading.text is not None:
        return value(reading.text[2:] + reading.text[:2])
    try:
        has_extended = os.stat("config", dir_fd=where).st_size > _EXTENDED_CAPABILITIES
    except OSError:
        return reading
    return value("0000") if reading.is_absent and has_extended else reading


def _read_capability(where: int, number: int, wanted: slice) -> Reading:
    """The bytes *wanted* of the extended capability *number*, in hexadecimal."""
    try:
        file = os.open("config", _READ, dir_fd=where)
    except OSError as error:
        return _problem(error)
    try:
        offset = _EXTENDED_CAPABILITIES
        for _capability in range(_CAPABILITY_LIMIT):
            raw = os.pread(file, 12, offset)
            if len(raw) < 4:
                return _short_config(file, offset)
            header = int.from_bytes(raw[:4], "little")
            if header & 0xFFFF == number:
                return value(raw[wanted].hex())
            offset = header >> 20 & 0xFFC
            if offset < _EXTENDED_CAPABILITIES or header in (0, 0xFFFFFFFF):
                return ABSENT
        return ABSENT
    except OSError as error:
        return _problem(error)
    finally:
        os.close(file)


def _short_config(file: int, offset: int) -> Reading:
    """The kernel shows an ordinary user the first 64 bytes only (drivers/pci/pci-sysfs.c pci_read_config)."""
    if os.fstat(file).st_size > offset:
        return unreadable("Permission denied")
    return ABSENT
