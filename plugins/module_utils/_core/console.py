# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a guest says of its PCI devices on its console: the tiny guests' words, lspci, or Linux at boot."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import InputProblem

_IDS = r"(?P<ids>[0-9a-fA-F]{4}:[0-9a-fA-F]{4})"
_PLACE = r"(?P<address>(?:[0-9a-fA-F]{4}:)?[0-9a-fA-F]{2}:[0-9a-fA-F]{2}\.[0-7])"

# The first that matches anything counts, so that a device that is told in two ways is not two devices.
DEFAULT_PATTERNS = (
    rf"TINY-PCI\s+(?P<address>\S+)\s+{_IDS}",  # what the tiny guests of this collection's lab print
    rf"\b{_PLACE} [^\n]*\[[0-9a-fA-F]{{4}}\]: [^\n]*\[{_IDS}\]",  # lspci -nn
    rf"\b{_PLACE} [0-9a-fA-F]{{4}}: {_IDS}\b",  # lspci -n
    rf"\bpci {_PLACE}: \[{_IDS}\]",  # Linux, drivers/pci/probe.c: pci_setup_device, at every boot without "quiet"
)


@dataclass(frozen=True)
class Shown:
    """One device in the guest: its address there as it was printed, and vendor:product in lower case."""

    address: str
    ids: str


def compile_pattern(text: str, place: str) -> re.Pattern[str]:
    """Return *text* as a pattern; InputProblem when it cannot tell a device's ids."""
    example = r"Write one like 'PCI (?P<address>\S+) (?P<ids>[0-9a-f]{4}:[0-9a-f]{4})'"
    try:
        pattern = re.compile(text)
    except (re.error, RecursionError, OverflowError) as error:
        raise InputProblem(place, text, f"is no regular expression ({error})", example) from error
    if "ids" not in pattern.groupindex:
        raise InputProblem(place, text, "has no group named ids", example)
    return pattern


def shown_devices(console: str, pattern: str | None = None) -> tuple[Shown, ...]:
    """Return the devices that *console* shows, each once; *pattern* (with the group ids) replaces the usual ones."""
    for text in (pattern,) if pattern else DEFAULT_PATTERNS:
        found: dict[Shown, None] = {}
        for number, match in enumerate(re.finditer(text, console)):
            groups = match.groupdict()
            if groups["ids"] is None:
                continue  # the group stands in a part of the pattern that need not match
            found[Shown(groups.get("address") or str(number), groups["ids"].lower())] = None
        if found:
            return tuple(found)
    return ()
