# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the kernel for the IPv4 routes of every table: procfs shows the main one only. No program is run for it."""

from __future__ import annotations

import ipaddress
import socket
import struct
from collections.abc import Iterator

from .._core.snapshot import TableRoute

# include/uapi/linux/netlink.h and rtnetlink.h
_NETLINK_ROUTE = 0
_NEW_ROUTE = 24
_GET_ROUTE = 26
_REQUEST_DUMP = 0x0301
_HEADER = struct.Struct("=IHHII")  # length, type, flags, sequence, port
_ROUTE = struct.Struct("=BBBBBBBBI")  # family, dst_len, src_len, tos, table, protocol, scope, type, flags
_ATTRIBUTE = struct.Struct("=HH")  # length, type
_NEXT_HOP = struct.Struct("=HBBi")  # length, flags, hops, interface
_DESTINATION, _INTERFACE, _SEVERAL, _TABLE = 1, 4, 9, 15
_UNICAST = 1
_SHOWN_BY_PROCFS = (254, 255)  # main and local
_SECONDS = 5.0
_PIECE = 1 << 16


def ask_table_routes() -> tuple[TableRoute, ...]:
    """Every route to another machine beside those of the tables main and local; none where the kernel does not answer."""
    asked = _HEADER.pack(_HEADER.size + _ROUTE.size, _GET_ROUTE, _REQUEST_DUMP, 1, 0)
    asked += _ROUTE.pack(socket.AF_INET, 0, 0, 0, 0, 0, 0, 0, 0)
    found: dict[TableRoute, None] = {}
    try:
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, _NETLINK_ROUTE) as asking:
            asking.settimeout(_SECONDS)
            asking.send(asked)
            more = True
            while more:
                more = _take(asking.recv(_PIECE), found)
    except OSError:
        return tuple(found)
    return tuple(found)


def _take(raw: bytes, found: dict[TableRoute, None]) -> bool:
    """Add the routes of one answer to *found*; whether another answer follows."""
    for kind, body in _messages(raw):
        if kind != _NEW_ROUTE:
            return False  # the end, or an error
        found.update(dict.fromkeys(_routes(body)))
    return bool(raw)


def _messages(raw: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    while start + _HEADER.size <= len(raw):
        length, kind, _flags, _sequence, _port = _HEADER.unpack_from(raw, start)
        if length < _HEADER.size:
            return
        yield kind, raw[start + _HEADER.size : start + length]
        start += length + 3 & ~3


def _routes(body: bytes) -> Iterator[TableRoute]:
    _family, length, _source, _tos, table, _protocol, _scope, kind, _flags = _ROUTE.unpack_from(body)
    attributes = dict(_attributes(body[_ROUTE.size :]))
    if _TABLE in attributes:  # numbers above 255 do not fit into the route itself
        (table,) = struct.unpack("=I", attributes[_TABLE])
    if kind != _UNICAST or table in _SHOWN_BY_PROCFS:
        return
    network = f"{ipaddress.IPv4Address(attributes.get(_DESTINATION, bytes(4)))}/{length}"
    numbers = [struct.unpack("=I", attributes[_INTERFACE])[0]] if _INTERFACE in attributes else []
    for number in (*numbers, *_next_hops(attributes.get(_SEVERAL, b""))):
        try:
            yield TableRoute(table, network, socket.if_indextoname(number))
        except OSError:  # it went away meanwhile
            continue


def _attributes(raw: bytes) -> Iterator[tuple[int, bytes]]:
    start = 0
    while start + _ATTRIBUTE.size <= len(raw):
        length, kind = _ATTRIBUTE.unpack_from(raw, start)
        if length < _ATTRIBUTE.size:
            return
        yield kind, raw[start + _ATTRIBUTE.size : start + length]
        start += length + 3 & ~3


def _next_hops(raw: bytes) -> Iterator[int]:
    start = 0
    while start + _NEXT_HOP.size <= len(raw):
        length, _flags, _hops, interface = _NEXT_HOP.unpack_from(raw, start)
        if length < _NEXT_HOP.size:
            return
        yield interface
        start += length + 3 & ~3
