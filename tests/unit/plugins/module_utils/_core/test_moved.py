# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a plan says of cards that stand elsewhere than at the last run, and when it has to say nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import (
    HostInventory,
    IommuState,
    PciDevice,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.moved import moved_notes
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.selection import (
    Chosen,
    Identity,
    Parent,
    Selection,
)

MAC, SERIAL = "52:54:00:00:00:01", "a0-36-9f-ff-ff-7a-bc-de"
PLACE = "pci_passthrough_devices[0]"
ENTRIES = {
    "serial": ({"serial": SERIAL.upper()}, f"the card with serial {SERIAL.upper()}"),
    "mac": ({"mac": MAC}, f"the card with MAC {MAC}"),
    "slot": ({"slot": "4"}, "the card in slot 4"),
}


def device(address: str, ids: str = "8086:10d3", driver: str | None = "e1000e") -> PciDevice:
    vendor, product = ids.split(":")
    return PciDevice(parse_address(address), vendor_id=vendor, product_id=product, driver=driver)


def recorded(address: str, ids: str = "8086:10d3") -> Identity:
    vendor, product = ids.split(":")
    return Identity(parse_address(address), MAC, vendor, product, SERIAL, "dsn", "4")


def notes(present: list[PciDevice], identities: list[Identity], entry: dict[str, str], *chosen: PciDevice) -> list[str]:
    (parsed,) = parse_declaration([entry])
    inventory = HostInventory(tuple(present), IommuState(True, None, None), "x86_64", None, "", "", "", "module")
    selection = Selection(chosen=tuple(Chosen(item, parsed) for item in chosen))
    found = list(moved_notes(inventory, selection, identities))
    parents = Selection(parents=tuple(Parent(item, parsed, "native") for item in chosen))
    assert list(moved_notes(inventory, parents, identities)) == found
    return found


@pytest.mark.parametrize("key", sorted(ENTRIES))
def test_a_pinned_card_that_moved_is_named_with_both_places(key: str) -> None:
    entry, words = ENTRIES[key]
    here = device("0000:03:00.0")
    was = f"{PLACE}: {words} was 0000:02:00.0 and is 0000:03:00.0 (8086:10d3 e1000e) now"
    assert notes([here], [recorded("0000:02:00.0")], entry, here) == [f"{was}; 0000:02:00.0 is empty now"]
    twin, other = device("0000:02:00.0"), device("0000:02:00.0", "144d:a808", "nvme")
    for there in (twin, other):
        assert notes([there, here], [recorded("0000:02:00.0")], entry, here) == [
            f"{was}; another card, {there.label}, stands at its former address"
        ]


def test_two_cards_that_changed_places_are_both_named() -> None:
    a, b = device("0000:02:00.0"), device("0000:03:00.0")
    first, second = parse_declaration([{"serial": "a1"}, {"serial": "b2"}])
    inventory = HostInventory((a, b), IommuState(True, None, None), "x86_64", None, "", "", "", "module")
    before = [replace(recorded("0000:02:00.0"), serial="b2"), replace(recorded("0000:03:00.0"), serial="a1")]
    found = moved_notes(inventory, Selection(chosen=(Chosen(a, first), Chosen(b, second))), before)
    assert [note.partition(" now;")[0] for note in found] == [
        f"{PLACE}: the card with serial a1 was 0000:03:00.0 and is 0000:02:00.0 (8086:10d3 e1000e)",
        "pci_passthrough_devices[1]: the card with serial b2 was 0000:02:00.0 and is 0000:03:00.0 (8086:10d3 e1000e)",
    ]


def test_each_function_of_a_card_keeps_its_number() -> None:
    here = [device("0000:03:00.0"), device("0000:03:00.1")]
    before = [recorded("0000:02:00.1"), recorded("0000:02:00.0")]
    found = notes(here, before, {"serial": SERIAL}, *here)
    assert [note.split("; ")[0].partition(" was ")[2] for note in found] == [
        "0000:02:00.0 and is 0000:03:00.0 (8086:10d3 e1000e) now",
        "0000:02:00.1 and is 0000:03:00.1 (8086:10d3 e1000e) now",
    ]
    # one function more than before is no move
    assert len(notes(here, before[:1], {"serial": SERIAL}, *here)) == 1
    assert notes(here, [recorded("0000:03:00.0")], {"serial": SERIAL}, *here) == []
    # two cards behind one number, of which one stayed
    two = [device("0000:03:00.0"), device("0000:04:00.0")]
    (moved,) = notes(two, [recorded("0000:02:00.0"), recorded("0000:03:00.0")], {"serial": SERIAL}, *two)
    assert "was 0000:02:00.0 and is 0000:04:00.0" in moved


def test_an_address_with_other_ids_is_named_and_nothing_is_claimed_of_where_its_card_went() -> None:
    by_ids = {"vendor_id": "8086", "product_id": "10d3"}
    here, there = device("0000:03:00.0"), device("0000:02:00.0", "144d:a808", "nvme")
    assert notes([there, here], [recorded("0000:02:00.0")], by_ids, here) == [
        "0000:02:00.0 held 8086:10d3 at the last run and holds 144d:a808 now: a card was added, moved or exchanged"
    ]


@pytest.mark.parametrize(
    ("present", "identities", "entry"),
    [
        ([device("0000:03:00.0")], [], {"serial": SERIAL}),  # the first run
        ([device("0000:02:00.0")], [recorded("0000:02:00.0")], {"serial": SERIAL}),  # nothing moved
        ([device("0000:03:00.0")], [recorded("0000:02:00.0")], {"vendor_id": "8086"}),  # nothing pinned
        ([device("0000:03:00.0")], [Identity(parse_address("0000:02:00.0"), None, "8086", "10d3")], {"serial": SERIAL}),
        ([device("0000:03:00.0")], [recorded("0000:02:00.0")], {"serial": "other"}),
        ([replace(device("0000:02:00.0"), vendor_id=None)], [recorded("0000:02:00.0")], {"class": "02"}),
        ([device("0000:02:00.0")], [Identity(parse_address("0000:02:00.0"), None, None, None)], {"class": "02"}),
        (
            [replace(device("0000:03:00.0"), physical_function=parse_address("0000:03:00.1"))],
            [recorded("0000:02:00.0")],
            {"mac": MAC},
        ),
    ],
)
def test_nothing_is_said_without_a_reason(
    present: list[PciDevice], identities: list[Identity], entry: dict[str, str]
) -> None:
    assert notes(present, identities, entry, present[0]) == []
