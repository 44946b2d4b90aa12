# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Addresses: what is one, what is none, and how it is spelled."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import PciAddress, parse_address


@pytest.mark.parametrize(
    ("text", "address", "spelled"),
    [
        ("0000:3b:00.0", PciAddress(0, 0x3B, 0, 0), "0000:3b:00.0"),
        ("0000:3B:1F.7", PciAddress(0, 0x3B, 0x1F, 7), "0000:3b:1f.7"),
        ("10000:01:00.0", PciAddress(0x10000, 1, 0, 0), "10000:01:00.0"),
        ("00010000:01:00.0", PciAddress(0x10000, 1, 0, 0), "10000:01:00.0"),
    ],
)
def test_an_address_is_read_and_spelled_as_the_kernel_does(text, address, spelled):
    assert parse_address(text) == address
    assert str(address) == spelled


@pytest.mark.parametrize(
    "text",
    ["", "3b:00.0", "0000:3b:00", "0000:3b:00.8", "0000:3b:20.0", "0000:3b:00.0 ", "0000:3b:00.0\n", "0000:3b:0*.0",
     "pci_0000_3b_00_0", "000:3b:00.0", "000000000:3b:00.0", "0000-3b-00.0", "g000:3b:00.0"],
)  # fmt: skip
def test_anything_else_is_refused_with_an_example(text):
    with pytest.raises(ValueError, match=r"is no PCI address; write domain:bus:slot\.function, as in 0000:3b:00\.0"):
        parse_address(text)


def test_addresses_sort_by_place_and_know_their_slot_and_novas_reach():
    texts = ["10000:00:00.0", "0000:10:00.0", "0000:02:00.1", "0000:02:00.0"]
    assert [str(address) for address in sorted(map(parse_address, texts))] == texts[::-1]
    assert parse_address("0000:02:00.1").slot_name == "0000:02:00"
    assert parse_address("ffff:00:00.0").in_nova_reach
    assert not parse_address("10000:00:00.0").in_nova_reach
