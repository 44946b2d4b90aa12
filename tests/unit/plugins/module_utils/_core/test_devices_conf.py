# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.binding import Binding
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.devices_conf import (
    chosen_identities,
    devices_conf_rows,
    listed_devices,
    remembered_identities,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import PciDevice
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.selection import (
    Chosen,
    Identity,
    Parent,
    Selection,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.virtual_functions import VirtualFunctions

CARD = parse_address("0000:04:00.0")


def binding(address: str, driver: str | None, because: str | None = None, follows: bool = False) -> Binding:
    return Binding(
        address=parse_address(address),
        entry="pci_passthrough_devices[0]",
        alias="a1",
        role="chosen",
        because=because,
        driver=driver,
        driver_now=None,
        iommu_group=None,
        device_type="type-PCI",
        vendor_id="8086",
        product_id="10d3",
        state="to bind",
        follows=CARD if follows else None,
    )


def functions(driver: str | None) -> VirtualFunctions:
    return VirtualFunctions(
        address=CARD,
        entry="pci_passthrough_devices[1]",
        alias=None,
        count=4,
        count_now=0,
        driver=driver,
        addresses=(),
        vendor_id="8086",
        product_id=None,
        driver_now="igb",
        iommu_group=None,
        state="to create",
    )


def test_rows_are_sorted_and_carry_the_ids() -> None:
    rows = devices_conf_rows(
        [
            binding("0000:05:00.0", None),
            binding("0000:02:00.1", "vfio-pci", "shares IOMMU group 14 with 0000:02:00.0"),
            binding("0000:02:00.0", "vfio-pci"),
            binding("0000:04:10.0", "vfio-pci", follows=True),
        ],
        [functions("vfio-pci")],
        [Identity(parse_address("0000:02:00.0"), "52:54:00:00:00:01", "8086", "10d3")],
    )
    assert [tuple(row.to_dict().values()) for row in rows] == [
        ("0000:02:00.0", "driver", "vfio-pci 8086:10d3"),
        ("0000:02:00.0", "mac", "52:54:00:00:00:01 8086:10d3"),
        ("0000:02:00.1", "driver", "vfio-pci 8086:10d3"),
        ("0000:04:00.0", "vfs", "4 vfio-pci"),
        ("0000:05:00.0", "driver", "native 8086:10d3"),
    ]
    assert devices_conf_rows([], [functions(None)])[0].value == "4 native"


def test_identities_come_back_from_the_file() -> None:
    text = (
        "# 0000:09:00.0 mac 52:54:00:00:00:09 8086:10d3\n"
        "0000:02:00.0 driver vfio-pci 8086:10d3\n"
        "0000:02:00.0 mac 52:54:00:00:00:01 8086:10d3   # by hand\n"
        "0000:02:00.0 mac 52:54:00:00:00 8086:10d3\n"
        "nonsense mac 52:54:00:00:00:01 8086:10d3\n"
        "0000:02:00.0 mac\n"
    )
    assert remembered_identities(text) == (
        Identity(parse_address("0000:02:00.0"), "52:54:00:00:00:01", "8086", "10d3"),
    )
    assert remembered_identities("") == ()


def test_the_devices_that_the_script_takes_in_hand_come_back_from_the_file() -> None:
    text = (
        "# 0000:09:00.0 driver vfio-pci 8086:10d3\n"
        "0000:04:00.0 vfs 4 vfio-pci 8086:10c9\n"
        "0000:02:00.0 driver native   # by hand\n"
        "0000:02:00.0 mac 52:54:00:00:00:01 8086:10d3\n"
        "0000:05:00.0 mac 52:54:00:00:00:02 8086:10d3\n"
        "\n0000:06:00.0 driver\n0000:04:00.0 driver native\n"
    )
    assert listed_devices(text) == ("0000:04:00.0", "0000:02:00.0")
    assert listed_devices("") == ()


def test_what_was_recorded_of_an_address_comes_back_as_one() -> None:
    text = (
        "0000:04:00.0 vfs 4 native 8086:10c9\n"
        "0000:04:00.0 serial vpd A  B#1 \n"
        "0000:04:00.0 slot Slot 4\n"
        "0000:02:00.0 driver vfio-pci\n"
        "0000:05:00.0 driver native 8086:10d3   # by hand\n"
        "0000:06:00.0 serial lspci A1\n"
    )
    assert remembered_identities(text) == (
        Identity(CARD, None, "8086", "10c9", "A  B#1", "vpd", "Slot 4"),
        Identity(parse_address("0000:05:00.0"), None, "8086", "10d3"),
    )


MAC, SERIAL = "52:54:00:00:00:01", "a0-36-9f-ff-ff-7a-bc-de"
NIC = PciDevice(CARD, vendor_id="8086", product_id="10c9", serial=SERIAL, serial_source="dsn", physical_slot="4")


@pytest.mark.parametrize(
    ("entry", "device", "expected"),
    [
        ({"mac": MAC}, NIC, Identity(CARD, MAC, "8086", "10c9", SERIAL, "dsn")),  # the serial number speaks for the MAC
        ({"mac": MAC}, replace(NIC, serial=None), Identity(CARD, MAC, "8086", "10c9")),
        ({"serial": SERIAL.upper()}, NIC, Identity(CARD, None, "8086", "10c9", SERIAL, "dsn")),
        ({"slot": "4"}, NIC, Identity(CARD, None, "8086", "10c9", slot="4")),
        ({"serial": SERIAL, "slot": "4"}, NIC, Identity(CARD, None, "8086", "10c9", SERIAL, "dsn", "4")),
        ({"serial": "a\ufffd"}, replace(NIC, serial="a\ufffd"), None),  # no shell could compare it
        ({"serial": " x"}, replace(NIC, serial=" x"), None),
        ({"vendor_id": "8086", "product_id": "10c9"}, NIC, None),
        ({"address": "0000:04:00.0"}, NIC, None),
        ({"mac": MAC}, replace(NIC, physical_function=parse_address("0000:03:00.0")), None),
        ({"serial": SERIAL}, replace(NIC, product_id=None), None),
    ],
)
def test_what_a_declaration_pins_is_recorded_and_read_back(
    entry: dict[str, str], device: PciDevice, expected: Identity | None
) -> None:
    (parsed,) = parse_declaration([entry])
    found = chosen_identities(Selection(chosen=(Chosen(device, parsed),)))
    assert found == (() if expected is None else (expected,))
    assert chosen_identities(Selection(parents=(Parent(device, parsed, "native"),))) == found
    rows = devices_conf_rows([replace(binding("0000:04:00.0", "vfio-pci"), product_id="10c9")], [], found)
    text = "".join(f"{row.address} {row.what} {row.value}\n" for row in rows)
    assert remembered_identities(text) == (expected or Identity(CARD, None, "8086", "10c9"),)


def test_two_entries_for_one_card_are_recorded_together() -> None:
    by_mac, by_slot = parse_declaration([{"mac": MAC}, {"slot": "4"}])
    selection = Selection(chosen=(Chosen(NIC, by_mac),), parents=(Parent(NIC, by_slot, "native"),))
    assert chosen_identities(selection) == (Identity(CARD, MAC, "8086", "10c9", SERIAL, "dsn", "4"),)


def test_the_reason_is_no_part_of_the_file() -> None:
    before = binding("0000:02:00.1", "vfio-pci", "is a conventional PCI device behind the same bridge as 0000:02:00.0")
    after = binding("0000:02:00.1", "vfio-pci", "shares IOMMU group 14 with 0000:02:00.0")
    assert devices_conf_rows([before], []) == devices_conf_rows([after], [])
