# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold what Placement has of a compute's PCI devices against what its device_spec makes of the hardware."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from .compute_name import matching_compute
from .verify import FAILED, OK, Finding

Row = Mapping[str, Any]  # {address, resource_class, total}

_RESTART = "restart nova-compute; it reports again within a minute, and its log says what Placement refuses"


def check_providers(
    expected: Sequence[Row], reported: Mapping[str, Sequence[Row]], names: Sequence[str]
) -> list[Finding]:
    """Return the findings of one compute.

    Shape: *expected* the `providers` of its plan, *reported* by Nova's name of the compute, *names* those by which this one
    may be known, the surest first.
    """
    compute = matching_compute(reported, names)
    if compute is None:
        known = ", ".join(sorted(reported)) or "none"
        fix = "set pci_passthrough_nova_host to Nova's name of this host"
        return [
            Finding("compute in Nova", FAILED, " or ".join(name for name in names if name), f"Nova knows {known}", fix)
        ]
    now = _by_address(reported[compute])
    wanted = _by_address(expected)
    found = []
    for address in sorted({*now, *wanted}):
        words, fix = _words(wanted.get(address)), _RESTART
        if address not in wanted:
            words = "nothing: nova-compute is not told to report this device"
            fix = f"{_RESTART}. A server that still holds the device keeps it there"
        seen = _words(now.get(address))
        state = OK if wanted.get(address) == now.get(address) else FAILED
        found.append(Finding(f"Placement of {address}", state, words, seen, None if state == OK else fix, address))
    return found


def _by_address(rows: Sequence[Row]) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        found.setdefault(row["address"], {})[row["resource_class"]] = row["total"]
    return found


def _words(classes: Mapping[str, int] | None) -> str:
    if not classes:
        return "nothing"
    return ", ".join(f"{total} {name}" for name, total in sorted(classes.items()))
