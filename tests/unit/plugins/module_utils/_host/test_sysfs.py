# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _host/sysfs.py: a value, absent or unreadable, and no more read than is asked for."""

from __future__ import annotations

import errno
import gzip
import os
from pathlib import Path

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import ABSENT, unreadable, value
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host import sysfs
from ansible_collections.nova_pci.passthrough.tests.unit.machine_builder import build_machine

NIC = "0000:03:00.0"
DEVICES = {
    "0000:00:01.0": {"ids": "8086:347a", "class": "060400", "driver": "pcieport", "vpd": {"SN": "never read"}},
    NIC: {
        "below": "0000:00:01.0", "ids": "8086:1592", "card": "8086:0002", "class": "020000", "driver": "ice", "group": 4,
        "vpd": {"PN": "K1", "SN": "X1"}, "serial": "b4969124d1c8ffff",
        "sriov": {"total": 4, "vfs": 1, "product": "1889", "first": "0000:03:00.1", "groups_from": 5},
    },
    "0000:04:00.0": {"ids": "10de:1e81", "class": "030000", "more": {"boot_vga": "1"}},
}  # fmt: skip


@pytest.fixture
def devices(tmp_path):
    build_machine({"source": "made here", "devices": DEVICES}, tmp_path)
    return tmp_path / "sys/bus/pci/devices"


@pytest.fixture
def reader(devices):
    reader = sysfs.DeviceReader(str(devices))
    yield reader
    reader.close()


def test_names_are_sorted(reader):
    assert reader.names() == ["0000:00:01.0", NIC, "0000:03:00.1", "0000:04:00.0"]


def test_a_device_in_full(reader):
    device = reader.read(NIC)
    assert device.name == NIC
    assert device.path == "../../../devices/pci0000:00/0000:00:01.0/0000:03:00.0"
    assert device.attributes == {
        "class": value("0x020000"),
        "vendor": value("0x8086"),
        "device": value("0x1592"),
        "subsystem_vendor": value("0x8086"),
        "subsystem_device": value("0x0002"),
        "revision": value("0x00"),
        "modalias": value("pci:v00008086d00001592sv00008086sd00000002bc02sc00i00"),
        "numa_node": value("-1"),
        "driver_override": value("(null)"),
        "sriov_totalvfs": value("4"),
        "sriov_numvfs": value("1"),
        "sriov_vf_device": value("1889"),
        "max_link_speed": value("8.0 GT/s PCIe"),
    }
    assert device.links == {"driver": value("ice"), "iommu_group": value("4")}
    assert device.vpd == value(b"\x90\x0a\x00PN\x02K1SN\x02X1".hex())
    assert device.serial_capability == value(bytes.fromhex("b4969124d1c8ffff")[::-1].hex())


def test_a_virtual_function_is_asked_for_nothing_that_only_its_card_has(reader):
    device = reader.read("0000:03:00.1")
    assert device.links == {"physfn": value(NIC), "iommu_group": value("5")}
    assert (device.vpd, device.serial_capability) == (ABSENT, ABSENT)
    assert device.attributes["reset_method"] == value("flr")
    assert "sriov_totalvfs" not in device.attributes


def test_a_bridge_is_not_asked_for_its_slow_identity(reader):
    device = reader.read("0000:00:01.0")
    assert (device.vpd, device.serial_capability) == (ABSENT, ABSENT)


def test_only_a_display_is_asked_for_boot_vga(reader, devices):
    (devices / NIC / "boot_vga").write_text("1\n", encoding="ascii")
    assert reader.read("0000:04:00.0").attributes["boot_vga"] == value("1")
    assert "boot_vga" not in reader.read(NIC).attributes


def test_equal_contents_are_one_object(reader):
    one, other = reader.read(NIC), reader.read("0000:03:00.1")
    assert one.attributes["class"] is other.attributes["class"]
    assert one.attributes["vendor"] is not other.attributes["device"]


@pytest.mark.parametrize("attribute", ["vendor", "class", "numa_node", "sriov_totalvfs", "sriov_numvfs"])
def test_an_attribute_that_cannot_be_read_says_why(reader, devices, attribute):
    (devices / NIC / attribute).unlink()
    (devices / NIC / attribute).mkdir()
    assert reader.read(NIC).attributes[attribute] == unreadable("Is a directory")


def test_an_attribute_that_is_not_there_has_no_key(reader, devices):
    (devices / NIC / "numa_node").unlink()
    (devices / NIC / "driver").unlink()
    device = reader.read(NIC)
    assert "numa_node" not in device.attributes
    assert "driver" not in device.links


def test_a_link_that_cannot_be_read_says_why(reader, devices):
    (devices / NIC / "driver").unlink()
    (devices / NIC / "driver").write_text("no link", encoding="ascii")
    assert reader.read(NIC).links["driver"] == unreadable("Invalid argument")


def test_a_device_that_goes_away_while_it_is_read_is_named(reader):
    device = reader.read("0000:ff:00.0")
    assert device.attributes == {"directory": unreadable("it went away while it was read")}


@pytest.mark.parametrize("failure", [errno.EACCES, errno.EIO])
def test_a_device_whose_directory_is_refused_is_named(reader, monkeypatch, failure):
    real = os.open

    def refuse(path, flags, mode=0o777, *, dir_fd=None):
        if path == NIC:
            raise OSError(failure, os.strerror(failure), path)
        return real(path, flags, mode, dir_fd=dir_fd)

    monkeypatch.setattr(sysfs.os, "open", refuse)
    assert reader.read(NIC).attributes == {"directory": unreadable(os.strerror(failure))}


def refuse_reading(monkeypatch, name: str, failure: int) -> None:
    """As the kernel refuses an attribute to anyone, root too, when the hardware does not answer."""
    real_open, real_read, refused = os.open, os.read, set()

    def opened(path, flags, mode=0o777, *, dir_fd=None):
        file = real_open(path, flags, mode, dir_fd=dir_fd)
        refused.discard(file)
        if path == name:
            refused.add(file)
        return file

    def read(file, count):
        if file in refused:
            raise OSError(failure, os.strerror(failure))
        return real_read(file, count)

    def pread(file, count, offset):
        if file in refused:
            raise OSError(failure, os.strerror(failure))
        return os.preadv(file, [bytearray(count)], offset) and b""

    monkeypatch.setattr(sysfs.os, "open", opened)
    monkeypatch.setattr(sysfs.os, "read", read)
    if name in ("vpd", "config"):
        monkeypatch.setattr(sysfs.os, "pread", pread)


@pytest.mark.parametrize(
    ("failure", "expected"),
    [
        (errno.EACCES, unreadable("Permission denied")),
        (errno.EIO, unreadable("Input/output error")),
        (errno.ENODEV, None),
    ],
)
def test_the_systems_word_is_kept(reader, monkeypatch, failure, expected):
    refuse_reading(monkeypatch, "modalias", failure)
    assert reader.read(NIC).attributes.get("modalias") == expected


@pytest.mark.parametrize("name", ["vpd", "config"])
def test_an_identity_that_cannot_be_read_says_why(reader, monkeypatch, name):
    refuse_reading(monkeypatch, name, errno.EIO)
    device = reader.read(NIC)
    assert {"vpd": device.vpd, "config": device.serial_capability}[name] == unreadable("Input/output error")


def test_an_ordinary_user_sees_the_first_64_bytes_only(reader, monkeypatch):
    real = os.pread
    monkeypatch.setattr(
        sysfs.os, "pread", lambda file, count, offset: real(file, count, offset) if offset < 64 else b""
    )
    assert reader.read(NIC).serial_capability == unreadable("Permission denied")


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (b"", ""),
        (b"\xff\xff\xff\xff", ""),
        (b"\x82\x04\x00Card\x78", ""),
        (b"\x82\x04\x00Card\x90\x03\x00SN\x00\x78", b"\x90\x03\x00SN\x00".hex()),
        (b"\x90\x03\x00SN\x00\x78", b"\x90\x03\x00SN\x00".hex()),
        (b"\x82\x04\x00Ca", ""),
        (b"\x90\xff\xff" + b"x" * 5000, (b"\x90\xff\xff" + b"x" * 1024).hex()),
    ],
    ids=["empty", "no answer", "no VPD-R", "usual", "VPD-R first", "cut off", "bounded"],
)
def test_only_the_read_only_part_of_the_vital_product_data_is_read(reader, devices, raw, expected):
    (devices / NIC / "vpd").write_bytes(raw)
    assert reader.read(NIC).vpd == value(expected)


def test_the_vital_product_data_of_a_whole_machine_may_take_so_long_only(devices):
    reader = sysfs.DeviceReader(str(devices), vpd_seconds=0.0)
    try:
        vpd = reader.read(NIC).vpd
    finally:
        reader.close()
    assert vpd == unreadable("not read: the vital product data of the devices before it took too long")


def config(*capabilities: tuple[int, int, int], size: int = 4096) -> bytes:
    """A config space with (offset, id, next) of extended capabilities, each followed by eight bytes of 0x5a."""
    raw = bytearray(size)
    for offset, number, following in capabilities:
        raw[offset : offset + 12] = (number | 1 << 16 | following << 20).to_bytes(4, "little") + b"\x5a" * 8
    return bytes(raw)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (config((0x100, 3, 0)), value("5a" * 8)),
        (config((0x100, 1, 0x140), (0x140, 0x10, 0x200), (0x200, 3, 0x300)), value("5a" * 8)),
        (config((0x100, 1, 0)), ABSENT),
        (config(), ABSENT),
        (b"\xff" * 4096, ABSENT),
        (config((0x100, 1, 0x100)), ABSENT),
        (config((0x40, 3, 0), (0x100, 1, 0x40)), ABSENT),
        (bytes(256), ABSENT),
        (bytes(64), ABSENT),
    ],
    ids=["first", "third", "none", "empty", "gone", "a loop", "out of range", "conventional PCI", "64 bytes"],
)
def test_the_serial_number_capability(reader, devices, raw, expected):
    (devices / NIC / "config").write_bytes(raw)
    assert reader.read(NIC).serial_capability == expected


PORT = "0000:00:01.0"


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        (config((0x100, 0xD, 0)), value("5a5a")),
        (config((0x100, 1, 0x140), (0x140, 0xD, 0)), value("5a5a")),
        (config((0x100, 1, 0)), value("0000")),
        (config(), value("0000")),
        (bytes(256), ABSENT),
        (bytes(64), ABSENT),
    ],
    ids=["first", "second", "none", "empty", "conventional PCI", "64 bytes"],
)
def test_access_control_of_a_bridge(reader, devices, raw, expected):
    (devices / PORT / "config").write_bytes(raw)
    assert reader.read(PORT).acs == expected
    assert reader.read(NIC).acs == ABSENT


def test_access_control_is_a_number_with_its_low_byte_last(reader, devices):
    raw = bytearray(config((0x100, 0xD, 0)))
    raw[0x106:0x108] = b"\x1d\x01"
    (devices / PORT / "config").write_bytes(raw)
    assert reader.read(PORT).acs == value("011d")


def test_access_control_that_cannot_be_read_says_why(reader, devices, monkeypatch):
    (devices / PORT / "config").write_bytes(config((0x100, 0xD, 0)))
    refuse_reading(monkeypatch, "config", errno.EIO)
    assert reader.read(PORT).acs == unreadable("Input/output error")


def test_a_bridge_without_a_config_space_shows_no_access_control(reader, devices):
    (devices / PORT / "config").unlink()
    assert reader.read(PORT).acs == ABSENT


def test_no_file_stays_open(reader, devices):
    before = os.listdir("/proc/self/fd")
    for name in reader.names():
        reader.read(name)
    assert os.listdir("/proc/self/fd") == before


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"one\n", "one"),
        (b"one\n\n", "one\n"),
        (b"one", "one"),
        (b"", ""),
        (b"caf\xe9\n", "caf\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_a_text_loses_its_last_newline_only(tmp_path, raw, text):
    (tmp_path / "file").write_bytes(raw)
    assert sysfs.read_text(str(tmp_path / "file")) == value(text)


def test_a_text_may_be_bounded(tmp_path):
    (tmp_path / "file").write_bytes(b"0123456789")
    assert sysfs.read_text(str(tmp_path / "file"), 4) == value("0123")


def test_a_large_text_is_read_whole(tmp_path):
    (tmp_path / "file").write_bytes(b"x" * 3_000_000)
    assert len(sysfs.read_text(str(tmp_path / "file")).text or "") == 3_000_000


def test_a_compressed_text(tmp_path):
    (tmp_path / "ids.gz").write_bytes(gzip.compress(b"8086  Intel\n"))
    (tmp_path / "broken.gz").write_bytes(b"8086  Intel\n")
    (tmp_path / "cut.gz").write_bytes(gzip.compress(b"8086  Intel\n")[:-4])
    assert sysfs.read_text(str(tmp_path / "ids.gz")) == value("8086  Intel")
    assert sysfs.read_text(str(tmp_path / "broken.gz")).is_unreadable
    assert sysfs.read_text(str(tmp_path / "cut.gz")).is_unreadable
    raw = bytearray(gzip.compress(bytes(range(256)) * 20))
    raw[20] ^= 0xFF
    (tmp_path / "damaged.gz").write_bytes(raw)
    assert sysfs.read_text(str(tmp_path / "damaged.gz")).is_unreadable


def test_a_path_with_a_nul_is_unreadable():
    reading = sysfs.read_text("/lib/modules/6.1\0/modules.alias")
    assert "embedded null" in (reading.problem or "")  # Python 3.13 words it in another way than those before


def test_a_text_that_is_not_there_is_absent_and_one_that_fails_is_not(tmp_path):
    assert sysfs.read_text(str(tmp_path / "none")) == ABSENT
    assert sysfs.read_text(str(tmp_path)) == unreadable("Is a directory")


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (("none", "file"), value("one")),
        (("broken", "file"), value("one")),
        (("broken", "none"), unreadable("Is a directory")),
        (("none",), ABSENT),
        ((), ABSENT),
    ],
)
def test_the_first_that_can_be_read(tmp_path, order, expected):
    (tmp_path / "file").write_bytes(b"one\n")
    (tmp_path / "broken").mkdir()
    assert sysfs.read_first(tuple(str(tmp_path / name) for name in order)) == expected


def test_directories(tmp_path):
    for name in ("b", "a"):
        (tmp_path / name).write_bytes(b"")
    assert sysfs.list_directory(str(tmp_path)) == (("a", "b"), None)
    assert sysfs.list_directory(str(tmp_path / "none")) == ((), None)
    assert sysfs.list_directory(str(tmp_path / "a")) == ((), None)


def test_a_directory_that_cannot_be_listed_says_why(tmp_path, monkeypatch):
    def refuse(path):
        raise PermissionError(errno.EACCES, "Permission denied", path)

    monkeypatch.setattr(sysfs.os, "listdir", refuse)
    assert sysfs.list_directory(str(tmp_path)) == ((), "Permission denied")


def test_links(tmp_path):
    (tmp_path / "link").symlink_to("../there")
    assert sysfs.read_link(str(tmp_path / "link")) == value("../there")
    assert sysfs.read_link(str(tmp_path / "none")) == ABSENT
    assert sysfs.read_link(str(tmp_path)) == unreadable("Invalid argument")


def test_one_attribute_of_many(tmp_path: Path):
    for name in ("0", "1", "2"):
        (tmp_path / name).mkdir()
    (tmp_path / "0/type").write_bytes(b"DMA\n")
    (tmp_path / "1/type").mkdir()
    found = sysfs.read_attributes(str(tmp_path), ("0", "1", "2"), "type")
    assert found == {"0": value("DMA"), "1": unreadable("Is a directory")}
