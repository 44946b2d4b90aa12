# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/network.py: routes, addresses, what stands on what, the connection."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import Use
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.network import read_network
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import unreadable, value
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.snapshot import (
    InterfaceSnapshot,
    MachineSnapshot,
    TableRoute,
)

HEAD = "Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT"
DEFAULT = "eth0\t00000000\t010200C0\t0003\t0\t0\t0\t00000000\t0\t0\t0   "
CONNECTED = "eth0\t000200C0\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0   "
TEN = "eth1\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0"
DOWN = "eth1\t0000000A\t00000000\t0000\t0\t0\t0\t000000FF\t0\t0\t0"
TRIE = """Main:
  +-- 0.0.0.0/0 3 0 5
     |-- 0.0.0.0
        /0 universe UNICAST
     |-- 192.0.2.0
        /24 link UNICAST
     |-- 192.0.2.2
        /32 host LOCAL
     |-- 192.0.2.255
        /32 link BROADCAST
     |-- 127.0.0.1
        /32 host LOCAL
     |-- 203.0.113.9
        /32 host LOCAL"""
V6_GLOBAL = "20010db8000000000000000000000005 02 40 00 80     eth0"
V6_LINK = "fe800000000000000000000000000005 02 40 20 80     eth0"
V6_LO = "00000000000000000000000000000001 01 80 10 80       lo"


def v6_route(destination: str, length: int, flags: int, name: str) -> str:
    zero = "0" * 32
    return f"{destination:0<32} {length:02x} {zero} 00 {zero} 00000400 00000001 00000000 {flags:08x} {name:>8}"


def machine(**parts: object) -> MachineSnapshot:
    texts = {key: value(part) if isinstance(part, str) else part for key, part in parts.items()}
    plain = {"interfaces", "ipv4_addresses", "architecture", "table_routes"}
    return replace(
        MachineSnapshot(architecture="x86_64"),
        **{key: parts[key] if key in plain else text for key, text in texts.items()},
    )


def interfaces(*names: str, **uppers: tuple[str, ...]) -> tuple[InterfaceSnapshot, ...]:
    return tuple(InterfaceSnapshot(name, f"/x/{name}", uppers=uppers.get(name, ())) for name in names)


@pytest.mark.parametrize(
    ("lines", "routes"),
    [
        ([], {}),
        ([DEFAULT], {"eth0": ("default",)}),
        ([DEFAULT, CONNECTED], {"eth0": ("default", "192.0.2.0/24")}),
        ([DEFAULT, CONNECTED, TEN], {"eth0": ("default", "192.0.2.0/24"), "eth1": ("10.0.0.0/8",)}),
        ([DEFAULT, DEFAULT], {"eth0": ("default",)}),
        ([DOWN], {}),
        ([TEN.replace("eth1", "lo")], {}),
    ],
)
def test_ipv4_routes(lines, routes):
    problems: list = []
    assert read_network(machine(ipv4_routes="\n".join([HEAD, *lines])), problems).routes == routes
    assert problems == []


def test_a_big_endian_machine_prints_the_other_way_round():
    line = "eth0\tC0000200\t00000000\t0001\t0\t0\t0\tFFFFFF00\t0\t0\t0"
    view = read_network(machine(ipv4_routes=f"{HEAD}\n{line}", architecture="s390x"), [])
    assert view.routes == {"eth0": ("192.0.2.0/24",)}


@pytest.mark.parametrize(
    ("lines", "routes"),
    [
        ([v6_route("", 0, 3, "eth0")], {"eth0": ("default",)}),
        ([v6_route("20010db8", 32, 1, "eth0")], {"eth0": ("2001:db8::/32",)}),
        ([v6_route("fe80", 64, 1, "eth0"), v6_route("ff", 8, 1, "eth0")], {}),
        ([v6_route("", 0, 0x200200, "lo")], {}),
        ([v6_route("20010db8", 32, 0x0200, "eth0")], {}),
        ([v6_route("20010db8000000000000000000000005", 128, 0x80200001, "eth0")], {}),
    ],
    ids=["default", "network", "link-local and multicast", "lo", "reject", "own address"],
)
def test_ipv6_routes(lines, routes):
    problems: list = []
    assert read_network(machine(ipv6_routes="\n".join(lines)), problems).routes == routes
    assert problems == []


@pytest.mark.parametrize(
    ("parts", "addresses"),
    [
        ({"ipv4_trie": TRIE, "ipv4_routes": f"{HEAD}\n{DEFAULT}\n{CONNECTED}"}, {"eth0": ("192.0.2.2",)}),
        ({"ipv4_trie": TRIE, "ipv4_routes": HEAD}, {}),
        (
            {"ipv4_trie": TRIE, "ipv4_addresses": (("lo", "127.0.0.1"), ("eth7", "203.0.113.9"))},
            {"eth7": ("203.0.113.9",)},
        ),
        ({"ipv6_addresses": f"{V6_GLOBAL}\n{V6_LINK}\n{V6_LO}"}, {"eth0": ("2001:db8::5",)}),
        (
            {"ipv6_addresses": V6_GLOBAL, "ipv4_addresses": (("eth0", "192.0.2.2"), ("eth0", "192.0.2.3"))},
            {"eth0": ("192.0.2.2", "192.0.2.3", "2001:db8::5")},
        ),
    ],
    ids=["own network", "no network", "the kernel was asked", "link-local is everyday", "all"],
)
def test_addresses(parts, addresses):
    assert read_network(machine(**parts), []).addresses == addresses


@pytest.mark.parametrize(
    ("parts", "what"),
    [
        ({"ipv4_trie": "     |-- 10.0.2.x\n        /32 host LOCAL", "ipv4_routes": HEAD}, "/proc/net/fib_trie"),
        ({"ipv4_routes": f"{HEAD}\n{CONNECTED.replace('00000000', 'x', 1)}"}, "/proc/net/route"),
    ],
)
def test_damaged_lines_are_named_problems(parts, what):
    problems = []
    assert read_network(machine(**parts), problems).addresses == {}
    assert [place for place, why in problems if "cannot be understood" in why] == [what]


def test_a_line_ends_where_the_kernel_ends_it():
    route = TEN.replace("eth1", "eth\x85")
    assert read_network(machine(ipv4_routes=f"{HEAD}\n{route}"), []).routes == {"eth\x85": ("10.0.0.0/8",)}


def test_an_address_belongs_to_its_narrowest_network():
    narrow = "eth1\t0002000A\t00000000\t0001\t0\t0\t0\t00FFFFFF\t0\t0\t0"
    wide = "eth0\t0000000A\t00000000\t0001\t0\t0\t0\t000000FF\t0\t0\t0"
    trie = "     |-- 10.0.2.15\n        /32 host LOCAL"
    for lines in ([wide, narrow], [narrow, wide]):
        view = read_network(machine(ipv4_routes="\n".join([HEAD, *lines]), ipv4_trie=trie), [])
        assert view.addresses == {"eth1": ("10.0.2.15",)}


CARRIED = {"ipv4_addresses": (("eth0", "192.0.2.2"),), "ipv6_addresses": f"{V6_GLOBAL}\n{V6_LINK}"}


@pytest.mark.parametrize(
    ("text", "found", "problem"),
    [
        ("192.0.2.9 50000 192.0.2.2 22", ("eth0", "192.0.2.2"), None),
        ("::ffff:192.0.2.9 50000 ::ffff:192.0.2.2 22", ("eth0", "192.0.2.2"), None),
        ("2001:db8::9 50000 2001:db8::5 22", ("eth0", "2001:db8::5"), None),
        ("fe80::9%eth0 50000 fe80::5%eth0 22", ("eth0", "fe80::5"), None),
        ("127.0.0.1 50000 127.0.0.1 22", None, None),
        ("::1 50000 ::1 22", None, None),
        (
            "fe80::9%eth1 50000 fe80::5%eth1 22",
            None,
            "no network interface carries fe80::5, where the Ansible connection comes in",
        ),
        (
            "192.0.2.9 50000 198.51.100.1 22",
            None,
            "no network interface carries 198.51.100.1, where the Ansible connection comes in",
        ),
        ("192.0.2.9 50000", None, "cannot be understood: '192.0.2.9 50000'"),
        ("a b c d", None, "cannot be understood: 'a b c d'"),
        ("", None, "cannot be understood: ''"),
    ],
)
def test_connection(text, found, problem):
    problems: list = []
    assert read_network(machine(connection=text, **CARRIED), problems).connection == found
    assert problems == ([] if problem is None else [("SSH_CONNECTION", problem)])


def test_no_ssh_is_no_connection_and_no_problem():
    problems: list = []
    assert read_network(machine(**CARRIED), problems).connection is None
    assert problems == []


@pytest.mark.parametrize(
    ("field", "text", "where"),
    [
        ("ipv4_routes", f"{HEAD}\neth0\t00", "/proc/net/route"),
        ("ipv4_routes", f"{HEAD}\n{CONNECTED.replace('00FFFFFF', '00FF00FF')}", "/proc/net/route"),
        ("ipv4_routes", f"{HEAD}\n{CONNECTED.replace('000200C0', 'xyz')}", "/proc/net/route"),
        ("ipv6_routes", "zz 00", "/proc/net/ipv6_route"),
        ("ipv6_addresses", "fe80 02", "/proc/net/if_inet6"),
    ],
)
def test_a_line_that_cannot_be_understood_is_a_named_problem(field, text, where):
    problems: list = []
    read_network(machine(**{field: text}), problems)
    line = text.splitlines()[-1]
    assert problems == [(where, f"cannot be understood: {line!r}")]


@pytest.mark.parametrize(
    ("field", "where"),
    [
        ("ipv4_routes", "/proc/net/route"),
        ("ipv6_routes", "/proc/net/ipv6_route"),
        ("ipv4_trie", "/proc/net/fib_trie"),
        ("ipv6_addresses", "/proc/net/if_inet6"),
        ("connection", "SSH_CONNECTION"),
    ],
)
def test_a_file_that_cannot_be_read_is_a_named_problem(field, where):
    problems: list = []
    read_network(replace(MachineSnapshot(), **{field: unreadable("Permission denied")}), problems)
    assert problems == [(where, "Permission denied")]


def test_uses_follow_what_is_built_on_an_interface():
    view = read_network(
        machine(
            interfaces=interfaces("eth0", "bond0", "br0", eth0=("bond0",), bond0=("br0",)),
            ipv4_addresses=(("br0", "192.0.2.2"),),
            ipv4_routes="\n".join([HEAD, DEFAULT.replace("eth0", "br0"), CONNECTED.replace("eth0", "br0")]),
            connection="192.0.2.9 50000 192.0.2.2 22",
        ),
        [],
    )
    assert view.uses("eth0") == [
        Use("member", "bond0 is built on eth0"),
        Use("member", "br0 is built on bond0 over eth0"),
        Use("connection", "the Ansible connection comes in at 192.0.2.2 on br0 over bond0 over eth0"),
        Use("route", "the default route (of 2) leaves through br0 over bond0 over eth0"),
        Use("address", "192.0.2.2 is on br0 over bond0 over eth0"),
    ]
    assert view.uses("eth1") == []


def test_interfaces_that_stand_on_each_other_end():
    view = read_network(machine(interfaces=interfaces("a", "b", a=("b",), b=("a",))), [])
    assert view.uses("a") == [Use("member", "b is built on a")]


@pytest.mark.parametrize(
    ("found", "words", "vital"),
    [
        ([TableRoute(77, "10.0.0.0/8", "eth0")], "the route to 10.0.0.0/8 in table 77", False),
        ([TableRoute(77, "10.0.0.0/8", "eth0"), TableRoute(77, "0.0.0.0/0", "eth0")], "the default route in table 77 (of 2)", True),
        ([TableRoute(77, "10.0.0.0/8", "lo")], None, False),
    ],
)  # fmt: skip
def test_a_route_of_any_table_counts(found, words, vital):
    view = read_network(machine(table_routes=tuple(found)), [])
    uses = view.uses("eth0")
    assert [use.detail for use in uses] == ([] if words is None else [f"{words} leaves through eth0"])
    assert [use.vital for use in uses] == [vital] * len(uses)


def test_what_a_host_is_reached_by_is_vital():
    view = read_network(
        machine(
            interfaces=interfaces("eth0", "br0", eth0=("br0",)),
            ipv4_addresses=(("br0", "192.0.2.2"), ("eth1", "203.0.113.9")),
            ipv4_routes="\n".join([HEAD, DEFAULT.replace("eth0", "br0"), TEN]),
            connection="192.0.2.9 50000 192.0.2.2 22",
        ),
        [],
    )
    assert [(use.kind, use.vital) for use in view.uses("eth0")] == [
        ("member", False),
        ("connection", True),
        ("route", True),
        ("address", False),
    ]
    assert [(use.kind, use.vital) for use in view.uses("eth1")] == [("route", False), ("address", False)]


OVS = (
    InterfaceSnapshot("eth0", "../../devices/pci0000:00/0000:00:03.0/net/eth0", uppers=("ovs-system",)),
    InterfaceSnapshot("ovs-system", "../../devices/virtual/net/ovs-system"),
    InterfaceSnapshot("br-ex", "../../devices/virtual/net/br-ex"),
)


@pytest.mark.parametrize("parts", [
    {"ipv4_routes": f"{HEAD}\n{DEFAULT.replace('eth0', 'br-ex')}"},
    {"ipv4_addresses": (("br-ex", "192.0.2.2"),), "connection": "192.0.2.9 50000 192.0.2.2 22"},
])  # fmt: skip
def test_where_the_way_to_the_host_hides_its_card_every_card_in_use_may_be_it(parts):
    """A bridge of Open vSwitch is not linked to its ports."""
    view = read_network(machine(interfaces=OVS, **parts), [])
    assert view.hidden
    assert view.uses("eth0") == [Use("member", "ovs-system is built on eth0")]
    assert view.uses("eth0")[0].vital
    assert not read_network(machine(interfaces=OVS), []).uses("eth0")[0].vital


def test_a_way_over_cards_that_can_be_seen_hides_nothing():
    stack = (
        InterfaceSnapshot("eth0", "../../devices/pci0000:00/0000:00:03.0/net/eth0", uppers=("bond0",)),
        InterfaceSnapshot("bond0", "../../devices/virtual/net/bond0", uppers=("br0",)),
        InterfaceSnapshot("br0", "../../devices/virtual/net/br0"),
    )
    view = read_network(machine(interfaces=stack, ipv4_routes=f"{HEAD}\n{DEFAULT.replace('eth0', 'br0')}"), [])
    assert not view.hidden
