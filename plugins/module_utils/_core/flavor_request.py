# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The flavor property ``pci_passthrough:alias``: what Nova reads in it (nova/pci/request.py), and what we write."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from .errors import NovaRefusal

PROPERTY = "pci_passthrough:alias"


@dataclass(frozen=True)
class AliasRequest:
    """So many devices of one alias; Nova takes counts of 0 and below too."""

    alias: str
    count: int


def parse_request(text: str, aliases: Collection[str]) -> tuple[AliasRequest, ...]:
    """Return what Nova reads in *text* (_translate_alias_to_requests); *aliases* are the names that nova-api knows.

    NovaRefusal: exception ValueError (nova-api then answers 500) or PciRequestAliasNotDefined (it answers 400).
    """
    requests = []
    for piece in text.split(","):
        parts = piece.split(":")
        if len(parts) != 2:
            raise NovaRefusal(
                text, f"has {piece!r}, which is not name:count", 'Write it like "a1:2,b1:1"', "ValueError"
            )
        name = parts[0].strip()
        if name not in aliases:
            known = f"The aliases are {', '.join(sorted(aliases))}" if aliases else "Add a line to [pci]alias"
            raise NovaRefusal(text, f"asks for {name!r}, which is no alias", known, "PciRequestAliasNotDefined")
        try:
            count = int(parts[1])
        except ValueError as error:
            problem = f"has {parts[1]!r} as the count of {name!r}, which is no whole number"
            raise NovaRefusal(text, problem, 'Write it like "a1:2,b1:1"', "ValueError") from error
        requests.append(AliasRequest(name, count))
    return tuple(requests)
