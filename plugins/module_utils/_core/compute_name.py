# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which host of an inventory is which compute of Nova's: two lists of names for the same machines."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence


def matching_compute(computes: Iterable[str], names: Sequence[str]) -> str | None:
    """Return Nova's name of the host that is known by *names*, the surest first; None when none or several fit.

    A name fits as it stands; else its first part (before the dot) does, but never that of an IP address.
    """
    known = list(dict.fromkeys(computes))
    given = [name for name in names if name]
    for name in given:
        if name in known:
            return name
    for name in given:
        near = [compute for compute in known if _short(compute) == _short(name)]
        if len(near) == 1 and not _is_address(name):
            return near[0]
    return None


def inventory_host(compute: str, hosts: Mapping[str, Sequence[str]]) -> str | None:
    """Return the inventory's name of Nova's *compute*; *hosts* has the names by which each host is known."""
    exact = [host for host, names in hosts.items() if compute in names]
    if exact:
        return exact[0] if len(exact) == 1 else None
    near = [host for host, names in hosts.items() if matching_compute([compute], names) == compute]
    return near[0] if len(near) == 1 else None


def _short(name: str) -> str:
    return name.partition(".")[0].lower()


def _is_address(name: str) -> bool:
    return ":" in name or name.replace(".", "").isdigit()
