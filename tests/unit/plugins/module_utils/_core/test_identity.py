# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/identity.py."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.identity import (
    serial_from_capability,
    serial_from_vpd,
)


def resource(*keywords: tuple[bytes, bytes], length: int | None = None) -> bytes:
    body = b"".join(key + bytes([len(data)]) + data for key, data in keywords)
    return b"\x90" + (len(body) if length is None else length).to_bytes(2, "little") + body


@pytest.mark.parametrize(
    ("raw", "serial"),
    [
        (resource((b"PN", b"K88101"), (b"SN", b"B4969124D1C8"), (b"RV", b"\x2b")), "B4969124D1C8"),
        (resource((b"SN", b"  MT1234X01 \x00\x00")), "MT1234X01"),
        (resource((b"PN", b"SN\x04abcd")), None),
        (resource((b"SN", b"    ")), None),
        (resource((b"SN", b"")), None),
        (resource((b"SN", b"caf\xe9")), "caf\N{REPLACEMENT CHARACTER}"),
        (resource(), None),
        (b"", None),
        (resource((b"SN", b"first"), (b"SN", b"second")), "first"),
        (resource((b"SN", b"inside")) + b"\x78", "inside"),
    ],
    ids=["usual", "padded", "word in data", "blanks", "empty", "no ascii", "no keyword", "no vpd", "twice", "end tag"],
)
def test_serial_of_the_vital_product_data(raw, serial):
    assert serial_from_vpd(raw) == serial


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (b"\x82\x02\x00ab", "it is no read-only vital product data"),
        (b"\x90\x02", "it is no read-only vital product data"),
        (b"\xff" * 32, "it is no read-only vital product data"),
        (resource((b"SN", b"12345678"))[:-3], "its keyword SN is cut off"),
        (resource((b"PN", b"12345678"))[:-8], "its keyword PN is cut off"),
    ],
)
def test_broken_vital_product_data_says_what_is_wrong(raw, message):
    with pytest.raises(ValueError, match=message):
        serial_from_vpd(raw)


@pytest.mark.parametrize(
    ("digits", "serial"),
    [
        ("d0bc7affff9f36a0", "a0-36-9f-ff-ff-7a-bc-d0"),
        ("0100000000000000", "00-00-00-00-00-00-00-01"),
        ("0000000000000000", None),
        ("ffffffffffffffff", None),
    ],
)
def test_serial_of_the_capability_reads_as_lspci_prints_it(digits, serial):
    assert serial_from_capability(bytes.fromhex(digits)) == serial


@pytest.mark.parametrize("raw", [b"", b"1234567", b"123456789"])
def test_a_capability_of_another_length_is_a_problem(raw):
    with pytest.raises(ValueError, match=f"has {len(raw)} bytes instead of 8"):
        serial_from_capability(raw)
