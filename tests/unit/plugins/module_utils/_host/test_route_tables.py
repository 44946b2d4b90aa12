# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _host/route_tables.py: what the kernel answers, taken apart."""

from __future__ import annotations

import errno
import socket
import struct

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.snapshot import TableRoute
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host import route_tables
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.route_tables import ask_table_routes

DONE = struct.pack("=IHHII", 20, 3, 2, 1, 0) + bytes(4)
NAMES = {2: "eth0", 3: "eth1"}


def attribute(kind: int, body: bytes) -> bytes:
    raw = struct.pack("=HH", 4 + len(body), kind) + body
    return raw + bytes(-len(raw) % 4)


def route(table: int, *attributes: bytes, length: int = 0, kind: int = 1) -> bytes:
    body = struct.pack("=BBBBBBBBI", socket.AF_INET, length, 0, 0, table, 3, 0, kind, 0) + b"".join(attributes)
    return struct.pack("=IHHII", 16 + len(body), 24, 2, 1, 0) + body


def through(number: int) -> bytes:
    return attribute(4, struct.pack("=I", number))


TEN = attribute(1, bytes([10, 0, 0, 0]))
BOTH = attribute(9, struct.pack("=HBBi", 16, 0, 0, 2) + attribute(5, bytes(4)) + struct.pack("=HBBi", 8, 0, 0, 3))


@pytest.fixture
def answers(monkeypatch):
    """Have the kernel answer with these pieces, one after the other."""
    pieces: list[bytes] = []

    class Asking:
        def __init__(self, *_kind):
            self.asked = b""

        def __enter__(self):
            return self

        def __exit__(self, *_error):
            return None

        def settimeout(self, seconds):
            assert seconds > 0

        def send(self, raw):
            assert len(raw) == struct.unpack_from("=I", raw)[0]

        def recv(self, _size):
            return pieces.pop(0)

    def name(number):
        if number not in NAMES:
            raise OSError(errno.ENXIO, "No such device")
        return NAMES[number]

    monkeypatch.setattr(route_tables.socket, "socket", Asking)
    monkeypatch.setattr(route_tables.socket, "if_indextoname", name)
    return pieces


@pytest.mark.parametrize(
    ("raw", "found"),
    [
        (route(77, through(2)), [TableRoute(77, "0.0.0.0/0", "eth0")]),
        (route(77, TEN, through(3), length=8), [TableRoute(77, "10.0.0.0/8", "eth1")]),
        (route(252, attribute(15, struct.pack("=I", 1000)), through(2)), [TableRoute(1000, "0.0.0.0/0", "eth0")]),
        (route(77, BOTH), [TableRoute(77, "0.0.0.0/0", "eth0"), TableRoute(77, "0.0.0.0/0", "eth1")]),
        (route(77, through(2)) * 2, [TableRoute(77, "0.0.0.0/0", "eth0")]),
        (route(254, through(2)), []),
        (route(255, through(2)), []),
        (route(77, through(2), kind=6), []),
        (route(77, through(9)), []),
        (route(77), []),
        (b"", []),
    ],
    ids=["default", "network", "high", "two ways", "twice", "main", "local", "blackhole", "gone", "nowhere", "none"],
)
def test_routes(answers, raw, found):
    answers += [raw, DONE] if raw else [DONE]
    assert list(ask_table_routes()) == found


def test_several_answers_are_read_until_the_kernel_is_done(answers):
    answers += [route(77, through(2)), route(78, through(3)) + DONE]
    assert [found.table for found in ask_table_routes()] == [77, 78]
    assert answers == []


@pytest.mark.parametrize("raw", [b"", bytes(16), struct.pack("=IHHII", 20, 2, 0, 1, 0) + bytes(4)])
def test_an_answer_that_is_none_ends_the_question(answers, raw):
    answers += [raw, route(77, through(2))]
    if raw == bytes(16):  # nothing in it that could be understood: the next answer is read
        answers += [DONE]
        assert len(ask_table_routes()) == 1
    else:
        assert ask_table_routes() == ()


def test_a_kernel_that_does_not_answer_has_no_routes(monkeypatch):
    def refuse(*_kind):
        raise OSError(errno.EPROTONOSUPPORT, "Protocol not supported")

    monkeypatch.setattr(route_tables.socket, "socket", refuse)
    assert ask_table_routes() == ()


def test_this_machine_answers():
    assert all(route.table not in (254, 255) for route in ask_table_routes())
