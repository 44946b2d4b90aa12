# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import InputProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.guest_devices import (
    describe,
    held_devices,
    who_holds,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import Use
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import ABSENT, unreadable, value
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.snapshot import MachineSnapshot
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import card, device, host

PF, VF = "0000:04:00.0", "0000:04:10.0"


def domain(uuid: str, *addresses: str, status: bool = True) -> str:
    devices = ""
    for text in addresses:
        at = parse_address(text)
        place = f"domain='{at.domain}' bus='{at.bus}' slot='{at.slot}' function='{at.function}'"
        devices += f"<hostdev type='pci'><source><address {place}/></source></hostdev>"
    inner = f"<domain><name>i-{uuid}</name><uuid>{uuid}</uuid><devices>{devices}</devices></domain>"
    return f"<domstatus>{inner}</domstatus>" if status else inner


FILES = [
    ("/run/libvirt/qemu/i-a.xml", value(domain("a", VF))),
    ("/etc/libvirt/qemu/i-a.xml", value(domain("a", VF, status=False))),
    ("/etc/libvirt/qemu/i-b.xml", value(domain("b", VF, status=False))),
    ("/run/libvirt/qemu/ended.xml", ABSENT),
    ("/run/libvirt/qemu/secret.xml", unreadable("Permission denied")),
    ("/etc/libvirt/qemu/torn.xml", value("<dom")),
]
CARD = [replace(card(numvfs=1)[0], vendor_id="8086"), *card(numvfs=1)[1:]]
INVENTORY = host(*CARD, device("0000:02:00.0"))


def test_guests_and_their_devices() -> None:
    found = describe(FILES, [("/etc/libvirt/qemu", "Input/output error")], INVENTORY, addresses=["0000:02:00.0"])
    vf = CARD[1]
    row = {
        "address": VF,
        "vendor_id": vf.vendor_id,
        "product_id": vf.product_id,
        "device_type": "type-VF",
        "driver": vf.driver,
        "physical_function": {"address": PF, "vendor_id": "8086", "product_id": CARD[0].product_id},
        "held_by": "a",
    }
    result = found.to_dict()
    assert result["guests"] == [
        {"uuid": "a", "name": "i-a", "running": True, "devices": [row]},
        {"uuid": "b", "name": "i-b", "running": False, "devices": [row]},
    ]
    assert [(one["address"], one["driver"], one["held_by"]) for one in result["devices"]] == [
        ("0000:02:00.0", "e1000e", None)
    ]
    assert result["unreadable"] == [
        {"what": "/etc/libvirt/qemu", "why": "Input/output error"},
        {"what": "/run/libvirt/qemu/secret.xml", "why": "Permission denied"},
        {"what": "/etc/libvirt/qemu/torn.xml", "why": "is no XML (unclosed token: line 1, column 0)"},
    ]
    assert found.runs("A")
    assert not found.runs("b")


def test_one_guest_alone_and_a_device_that_is_gone() -> None:
    files = [("/run/libvirt/qemu/i-c.xml", value(domain("c", "0000:09:00.0")))]
    (guest,) = describe([*FILES, *files], [], INVENTORY, "C").to_dict()["guests"]
    assert guest["devices"] == [
        {
            "address": "0000:09:00.0",
            "vendor_id": None,
            "product_id": None,
            "device_type": None,
            "driver": None,
            "physical_function": None,
            "held_by": "c",
        }
    ]


def test_a_bad_address() -> None:
    with pytest.raises(InputProblem) as caught:
        describe([], [], INVENTORY, addresses=[PF, "4:00.0"])
    assert str(caught.value) == (
        "addresses[1]: '4:00.0' is no PCI address. Write domain:bus:slot.function, as in 0000:3b:00.0"
    )


USE = Use("guest", "kvm (process 77) holds it through /dev/vfio/14")


@pytest.mark.parametrize(
    ("files", "uses", "expected"),
    [
        ([], (), {}),
        (FILES[1:3], (Use("network", "the default route"),), {}),
        ([], (USE,), {"0000:02:00.0": f"is held by a guest: {USE.detail}"}),
        (
            FILES,
            (USE,),
            {
                "0000:02:00.0": f"is held by a guest: {USE.detail}",
                VF: "is held by the running guest i-a (a)",
                PF: f"has the virtual function {VF}, which is held by the running guest i-a (a)",
            },
        ),
        (
            [("/run/libvirt/qemu/i-c.xml", value(domain("c", "0000:02:00.0", "0000:09:00.0")))],
            (USE,),
            dict.fromkeys(("0000:02:00.0", "0000:09:00.0"), "is held by the running guest i-c (c)"),
        ),
    ],
    ids=["nobody", "only defined", "a process", "a function", "the guest's name goes first"],
)
def test_who_holds_what_in_words(files, uses, expected) -> None:
    inventory = host(*CARD, replace(device("0000:02:00.0"), uses=uses))
    assert held_devices(describe(files, [], inventory)) == expected


def test_what_was_read_is_enough() -> None:
    assert who_holds(MachineSnapshot(guests=tuple(FILES))) == {VF: "is held by the running guest i-a (a)"}
