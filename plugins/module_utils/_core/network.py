# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's network as far as it stands on network cards: routes, addresses, what is built on what, the connection."""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from .model import Use
from .reading import Reading
from .snapshot import InterfaceSnapshot, MachineSnapshot

_BIG_ENDIAN = ("s390x", "s390", "ppc64", "ppc")
_IPV6_LINK_LOCAL_SCOPE = "20"  # include/net/ipv6.h IPV6_ADDR_LINKLOCAL, as /proc/net/if_inet6 prints it
_IPV6_REJECT = 0x0200  # include/uapi/linux/route.h RTF_REJECT
_IPV6_LOCAL = 0x80000000  # include/uapi/linux/ipv6_route.h RTF_LOCAL
_TRIE_ADDRESS = re.compile(r"\|-- (\S+)\s+/32 host LOCAL")
_UP = 0x0001
_DEFAULT = "default"
_VIRTUAL = "/devices/virtual/"

Problems = list[tuple[str, str]]
Address = tuple[str, str]  # (interface, address)


@dataclass(frozen=True)
class NetworkView:
    """Answers what any interface is used for, the interfaces built on it included."""

    interfaces: dict[str, InterfaceSnapshot]
    routes: dict[str, tuple[str, ...]]
    addresses: dict[str, tuple[str, ...]]
    connection: Address | None
    hidden: bool = False  # the default route or the connection leaves through something whose card is not to be seen

    def uses(self, name: str) -> list[Use]:
        """Every use of the interface *name*, nearest first."""
        found: list[Use] = []
        for chain in self._chains((name,)):
            top = chain[-1]
            over = "".join(f" over {below}" for below in reversed(chain[:-1]))
            if len(chain) > 1:
                detail = f"{top} is built on {' over '.join(reversed(chain[:-1]))}"
                found.append(Use("member", detail, vital=self.hidden))
            if self.connection is not None and self.connection[0] == top:
                local = self.connection[1]
                detail = f"the Ansible connection comes in at {local} on {top}{over}"
                found.append(Use("connection", detail, vital=True))
            if top in self.routes:
                detail = f"{_route_words(self.routes[top])} leaves through {top}{over}"
                found.append(Use("route", detail, vital=self.hidden or any(map(_is_default, self.routes[top]))))
            if top in self.addresses:
                detail = f"{', '.join(self.addresses[top])} is on {top}{over}"
                found.append(Use("address", detail, vital=self.hidden))
        return found

    def _chains(self, chain: tuple[str, ...]) -> list[tuple[str, ...]]:
        interface = self.interfaces.get(chain[-1])
        found = [chain]
        for upper in () if interface is None else interface.uppers:
            if upper not in chain:
                found.extend(self._chains((*chain, upper)))
        return found


def _route_words(routes: tuple[str, ...]) -> str:
    defaults = sorted(filter(_is_default, routes), key=len)  # that of the main table first: it names no table
    words = f"the {defaults[0].replace(_DEFAULT, 'default route')}" if defaults else f"the route to {routes[0]}"
    return words if len(routes) == 1 else f"{words} (of {len(routes)})"


def _is_default(route: str) -> bool:
    return route.startswith(_DEFAULT)


def read_network(snapshot: MachineSnapshot, problems: Problems) -> NetworkView:
    """The view of *snapshot*; what cannot be understood goes to *problems*."""
    routes: dict[str, dict[str, None]] = {}
    connected: list[tuple[str, ipaddress.IPv4Network]] = []
    _add_ipv4_routes(snapshot, routes, connected, problems)
    _add_ipv6_routes(snapshot, routes, problems)
    _add_table_routes(snapshot, routes)
    addresses = [*_ipv4_addresses(snapshot, connected, problems), *_ipv6_addresses(snapshot, problems)]
    by_interface: dict[str, list[str]] = {}
    for interface, address, local in addresses:
        if not local:
            by_interface.setdefault(interface, []).append(address)
    interfaces = {interface.name: interface for interface in snapshot.interfaces}
    connection = _connection(snapshot, [(interface, address) for interface, address, _local in addresses], problems)
    ways = {name for name, found in routes.items() if any(map(_is_default, found))}
    ways |= set() if connection is None else {connection[0]}
    return NetworkView(
        interfaces=interfaces,
        routes={name: tuple(found) for name, found in routes.items()},
        addresses={name: tuple(found) for name, found in by_interface.items()},
        connection=connection,
        hidden=not ways <= _on_hardware(interfaces),
    )


def _on_hardware(interfaces: dict[str, InterfaceSnapshot]) -> set[str]:
    """The interfaces that stand on a card as far as sysfs tells: a port of Open vSwitch or a tunnel hides what it uses."""
    found: set[str] = set()
    waiting = [name for name, interface in interfaces.items() if _VIRTUAL not in interface.path]
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += interfaces[name].uppers if name in interfaces else ()
    return found


def _lines(what: str, reading: Reading, problems: Problems) -> list[str]:
    if reading.problem is not None:
        problems.append((what, reading.problem))
    return [line for line in (reading.text or "").split("\n") if line]


def _words(line: str) -> list[str]:
    """Not split(): a name may hold what only Python takes for a blank, and the columns behind it would shift."""
    return re.split("[ \t]+", line.strip(" \t"))


def _add_ipv4_routes(
    snapshot: MachineSnapshot,
    routes: dict[str, dict[str, None]],
    connected: list[tuple[str, ipaddress.IPv4Network]],
    problems: Problems,
) -> None:
    """/proc/net/route: interface, destination, gateway, flags, ..., mask as the eighth; in the CPU's byte order."""
    big = snapshot.architecture in _BIG_ENDIAN
    for line in _lines("/proc/net/route", snapshot.ipv4_routes, problems)[1:]:
        try:
            words = _words(line)
            network = ipaddress.IPv4Network(f"{_ipv4(words[1], big)}/{_ipv4(words[7], big)}")
            flags, gateway = int(words[3], 16), int(words[2], 16)
        except (ValueError, IndexError):
            problems.append(("/proc/net/route", f"cannot be understood: {line!r}"))
            continue
        if flags & _UP and words[0] != "lo":
            routes.setdefault(words[0], {})[_DEFAULT if network.prefixlen == 0 else str(network)] = None
            if gateway == 0:
                connected.append((words[0], network))


def _ipv4(word: str, big: bool) -> ipaddress.IPv4Address:
    return ipaddress.IPv4Address(int.from_bytes(bytes.fromhex(word), "big" if big else "little"))


def _add_ipv6_routes(snapshot: MachineSnapshot, routes: dict[str, dict[str, None]], problems: Problems) -> None:
    """/proc/net/ipv6_route (net/ipv6/route.c rt6_info_route); what every interface has is left out."""
    for line in _lines("/proc/net/ipv6_route", snapshot.ipv6_routes, problems):
        try:
            words = _words(line)
            network = ipaddress.IPv6Network((int(words[0], 16), int(words[1], 16)))
            flags = int(words[8], 16)
            name = words[9]
        except (ValueError, IndexError):
            problems.append(("/proc/net/ipv6_route", f"cannot be understood: {line!r}"))
            continue
        everyday = network.is_link_local or network.is_multicast
        if name != "lo" and not everyday and not flags & (_IPV6_REJECT | _IPV6_LOCAL):
            routes.setdefault(name, {})[_DEFAULT if network.prefixlen == 0 else str(network)] = None


def _add_table_routes(snapshot: MachineSnapshot, routes: dict[str, dict[str, None]]) -> None:
    """The IPv4 routes that a rule chooses; /proc/net/ipv6_route shows those of every table by itself."""
    for route in snapshot.table_routes:
        to = _DEFAULT if route.network.endswith("/0") else route.network
        if route.interface != "lo":
            routes.setdefault(route.interface, {})[f"{to} in table {route.table}"] = None


def _ipv4_addresses(
    snapshot: MachineSnapshot, connected: list[tuple[str, ipaddress.IPv4Network]], problems: Problems
) -> list[tuple[str, str, bool]]:
    """(interface, address, False). Where the kernel was not asked, an address belongs to its narrowest own network."""
    if snapshot.ipv4_addresses:
        return [(name, address, False) for name, address in snapshot.ipv4_addresses if name != "lo"]
    found: dict[tuple[str, str, bool], None] = {}
    text = "\n".join(_lines("/proc/net/fib_trie", snapshot.ipv4_trie, problems))
    for word in _TRIE_ADDRESS.findall(text):
        try:
            address = ipaddress.IPv4Address(word)
        except ValueError:
            problems.append(("/proc/net/fib_trie", f"cannot be understood: {word!r}"))
            continue
        owners = [(network.prefixlen, name) for name, network in connected if address in network and network.prefixlen]
        if owners:
            found[(max(owners)[1], word, False)] = None
    return list(found)


def _ipv6_addresses(snapshot: MachineSnapshot, problems: Problems) -> list[tuple[str, str, bool]]:
    """(interface, address, whether it is link-local) of /proc/net/if_inet6."""
    found = []
    for line in _lines("/proc/net/if_inet6", snapshot.ipv6_addresses, problems):
        try:
            words = _words(line)
            address = ipaddress.IPv6Address(int(words[0], 16))
            scope, name = words[3], words[5]
        except (ValueError, IndexError):
            problems.append(("/proc/net/if_inet6", f"cannot be understood: {line!r}"))
            continue
        if name != "lo":
            found.append((name, str(address), scope == _IPV6_LINK_LOCAL_SCOPE))
    return found


def _connection(snapshot: MachineSnapshot, addresses: list[Address], problems: Problems) -> Address | None:
    """The interface that carries the local end of the SSH connection ("client port server port")."""
    if snapshot.connection.problem is not None:
        problems.append(("SSH_CONNECTION", snapshot.connection.problem))
    if snapshot.connection.text is None:
        return None
    words = snapshot.connection.text.split()
    local, _percent, zone = words[2].partition("%") if len(words) == 4 else ("", "", "")
    try:
        wanted = _plain(local)
    except ValueError:
        problems.append(("SSH_CONNECTION", f"cannot be understood: {snapshot.connection.text!r}"))
        return None
    if wanted.is_loopback:
        return None
    for interface, address in addresses:
        if _plain(address) == wanted and zone in ("", interface):
            return interface, address
    problems.append(("SSH_CONNECTION", f"no network interface carries {local}, where the Ansible connection comes in"))
    return None


def _plain(word: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address:
    """An IPv4 address inside an IPv6 one is the IPv4 address."""
    address = ipaddress.ip_address(word)
    if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
