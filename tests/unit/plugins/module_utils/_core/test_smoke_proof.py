# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.console import Shown
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.smoke_plan import Probe
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.smoke_proof import (
    NOT_PROVEN,
    PROVEN,
    WRONG,
    Question,
    by_guest,
    by_libvirt,
    by_nova,
    expected_ids,
    judge,
    provider_address,
)

NIC = {"alias": "nic", "vendor_id": "8086", "product_id": "10d3", "device_type": "type-PCI"}
VFS = {"alias": "vf", "vendor_id": "8086", "product_id": "10c9", "num_vfs": 2}
SERVER = {"id": "u", "name": "s", "status": "ACTIVE", "host": "cmp1", "placement_addresses": []}


def held(address: str = "0000:02:00.0", ids: str = "8086:10d3", kind: str = "type-PCI", card: str | None = None) -> Any:
    vendor, product = ids.split(":")
    above = None if card is None else {"address": "0000:04:00.0", "vendor_id": "8086", "product_id": card}
    return {
        "address": address,
        "vendor_id": vendor,
        "product_id": product,
        "device_type": kind,
        "driver": "vfio-pci",
        "physical_function": above,
        "held_by": "u",
    }


def guest(*devices: Any, running: bool = True, uuid: str = "u") -> Any:
    return {"uuid": uuid, "name": "instance-1", "running": running, "devices": list(devices)}


def test_providers() -> None:
    assert provider_address("cmp1_0000:3B:00.0") == "0000:3b:00.0"
    assert provider_address("cmp1") is None
    assert provider_address("0000:3B:00.0") is None


def test_nova_s_word() -> None:
    assert by_nova(SERVER, "nic", 1).found == "ACTIVE on cmp1"
    tracked = by_nova({**SERVER, "placement_addresses": ["0000:02:00.0"]}, "nic", 1)
    assert (tracked.state, tracked.found) == (PROVEN, "ACTIVE on cmp1, Placement: 0000:02:00.0")
    assert by_nova({**SERVER, "status": "PAUSED"}, "nic", 1).state == WRONG


VF = held("0000:04:10.0", "8086:10ca", "type-VF", card="10c9")


@pytest.mark.parametrize(
    ("declared", "guests", "state", "found"),
    [
        (NIC, [guest(held())], PROVEN, "instance-1 has 0000:02:00.0 8086:10d3"),
        (NIC, [guest(), guest(held(), uuid="other")], WRONG, "no device of the host's"),
        (NIC, [guest(held(), held("0000:03:00.0"))], WRONG, "0000:02:00.0 8086:10d3, 0000:03:00.0 8086:10d3"),
        (NIC, [guest(held(ids="8086:10d4"))], WRONG, "0000:02:00.0 8086:10d4"),
        (NIC, [guest(held(ids="10de:10d3"))], WRONG, "0000:02:00.0 10de:10d3"),
        (NIC, [guest(held(kind="type-VF"))], WRONG, "0000:02:00.0 8086:10d3"),
        ({**NIC, "address": "0000:02:00.0"}, [guest(held())], PROVEN, "instance-1 has 0000:02:00.0 8086:10d3"),
        ({**NIC, "address": ":03:*.*"}, [guest(held())], WRONG, "0000:02:00.0 8086:10d3"),
        (NIC, [], NOT_PROVEN, "no running guest with the uuid u on cmp1"),
        (NIC, [guest(held(), running=False)], NOT_PROVEN, "no running guest with the uuid u on cmp1"),
        (NIC, None, NOT_PROVEN, "no host of the inventory is Nova's compute cmp1"),
        (VFS, [guest(VF)], PROVEN, "instance-1 has 0000:04:10.0 8086:10ca"),
        (VFS, [guest(held(ids="8086:10c9", kind="type-PF"))], WRONG, "0000:02:00.0 8086:10c9"),
        (VFS, [guest(held(kind="type-VF", card="ffff"))], WRONG, "0000:02:00.0 8086:10d3"),
        ({**VFS, "address": "0000:04:00.0"}, [guest(VF)], PROVEN, "instance-1 has 0000:04:10.0 8086:10ca"),
        (
            {"alias": "v", "vendor_id": "8086", "product_id": "10ca", "device_type": "type-VF"},
            [guest(VF)],
            PROVEN,
            "instance-1 has 0000:04:10.0 8086:10ca",
        ),
    ],
)
def test_libvirt_s_word(declared: Any, guests: Any, state: str, found: str) -> None:
    proof = by_libvirt(parse_declaration([declared]), 1, "u", "cmp1", guests)
    assert (proof.state, proof.found) == (state, found)
    assert (proof.fix is None) == (state == PROVEN)


def test_either_of_two_entries_of_one_alias() -> None:
    other = {**NIC, "product_id": "1533"}
    assert by_libvirt(parse_declaration([other, NIC]), 1, "u", "cmp1", [guest(held())]).state == PROVEN


@pytest.mark.parametrize(
    ("declared", "guests", "ids"),
    [
        ([NIC], None, ("8086:10d3",)),
        ([NIC], [guest(held(ids="8086:ffff"))], ("8086:ffff",)),
        ([NIC], [guest()], ("8086:10d3",)),
        ([NIC, {**NIC, "address": "0000:02:00.0"}], None, ("8086:10d3",)),
        ([NIC, {**NIC, "product_id": "1533"}], None, ()),
        ([VFS], None, ()),
        ([{**VFS, "vf_product_id": "10ca"}], None, ("8086:10ca",)),
        ([VFS], [guest(VF)], ("8086:10ca",)),
        ([{"alias": "x", "slot": "1"}], None, ()),
    ],
)
def test_what_the_guest_must_show(declared: Any, guests: Any, ids: tuple[str, ...]) -> None:
    assert expected_ids(parse_declaration(declared), "u", guests) == ids


BRIDGE, SHOWN = Shown("0000", "8086:29c0"), Shown("0028", "8086:10d3")


@pytest.mark.parametrize(
    ("ids", "count", "shown", "state", "found"),
    [
        (["8086:10d3"], 1, [BRIDGE, SHOWN], PROVEN, "its console shows 0028 8086:10d3"),
        (["8086:10d3"], 1, [BRIDGE], WRONG, "8086:10d3 0 time(s)"),
        (["8086:10d3"], 1, [SHOWN, Shown("0030", "8086:10d3")], WRONG, "8086:10d3 2 time(s)"),
        (
            ["8086:10d3"],
            2,
            [SHOWN, Shown("0030", "8086:10d3")],
            PROVEN,
            "its console shows 0028 8086:10d3, 0030 8086:10d3",
        ),
        (["8086:10d3", "8086:29c0"], 2, [BRIDGE, SHOWN], PROVEN, "its console shows 0000 8086:29c0, 0028 8086:10d3"),
        (["8086:10d3"], 1, [], NOT_PROVEN, "its console shows no PCI device"),
        ([], 1, [SHOWN], NOT_PROVEN, "its console shows 1 device(s), the wanted ids are unknown"),
    ],
)
def test_the_guest_s_word(ids: list[str], count: int, shown: list[Shown], state: str, found: str) -> None:
    proof = by_guest(ids, count, shown)
    assert (proof.state, proof.found) == (state, found)
    assert proof.to_dict()["ok"] == (state == PROVEN)


def question(guests: Any = None, guest_proof: bool = True, **server: Any) -> Question:
    declared = parse_declaration([NIC, VFS])
    return Question(Probe("s", "nic", 1, None), declared, {**SERVER, **server}, guests, guest_proof)


def test_waiting_ends_when_the_guest_has_said_enough() -> None:
    assert not question().is_answered([])
    assert not question().is_answered([BRIDGE])
    assert question().is_answered([BRIDGE, SHOWN])
    assert question(guest_proof=False).is_answered([])


def test_all_is_proven() -> None:
    result = judge(question([guest(held())]), [SHOWN], "text")
    assert result["line"] == "nic on cmp1: nova proven, libvirt proven, guest proven"
    assert result["addresses"] == ["0000:02:00.0"]
    assert [proof["by"] for proof in result["proofs"]] == ["nova", "libvirt", "guest"]
    assert "failed" not in result
    assert "console" not in result


def test_a_guest_that_says_nothing_fails_unless_told_otherwise() -> None:
    console = "\n".join(map(str, range(60)))
    result = judge(question([guest(held())]), [], console)
    assert result["failed"]
    assert result["msg"].splitlines()[0] == "The test server for nic does not prove that it holds its device:"
    assert (
        result["msg"]
        .splitlines()[1]
        .startswith("guest: not proven, its console shows no PCI device; expected 8086:10d3.")
    )
    assert result["console"] == [str(number) for number in range(20, 60)]
    for shown in ([], [BRIDGE]):
        result = judge(question([guest(held())], guest_proof=False), shown, console)
        assert "failed" not in result
        assert result["line"].endswith(("guest not proven", "guest wrong"))


def test_libvirt_s_contradiction_always_fails() -> None:
    result = judge(question([guest()], guest_proof=False), [SHOWN], "")
    assert result["failed"]
    assert "libvirt: wrong, no device of the host's" in result["msg"]


def test_a_compute_that_is_not_in_the_inventory_proves_nothing_and_fails_nothing() -> None:
    result = judge(question(None), [SHOWN], "")
    assert result["line"] == "nic on cmp1: nova proven, libvirt not proven, guest proven"
    assert result["proofs"][1]["fix"] == "Set pci_passthrough_nova_host: cmp1 on the host of the inventory that it is"
    assert "failed" not in result
