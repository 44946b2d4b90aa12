# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The life of one throw-away server, from clearing what others left to leaving nothing."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .._core.flavor_plan import own_id
from .._core.server_story import Clues
from .._core.smoke_plan import Probe
from .connection import connect
from .guard import start_guard
from .servers import Wanted, clear_stale, delete_server, has_server, make_server, placement_addresses, summary

_EVER = 1 << 40  # later than any mark


@dataclass(frozen=True)
class Made:
    """Shape: *server* as smoke_server returns it, None when it did not become active and *clues* say why."""

    server: Mapping[str, Any] | None
    clues: Clues | None
    progress: tuple[str, ...]
    cleared: tuple[str, ...]


def make(params: Mapping[str, Any]) -> Made:
    """Make the server of params["probe"]; it stays only when it became active."""
    probe = Probe.of(params["probe"])
    timeout = float(params["timeout"])

    def clear() -> None:
        delete_server(connect(params["cloud"]), probe.name, own_id(probe.name), timeout)

    def is_gone() -> bool:
        return not has_server(connect(params["cloud"]), probe.name)

    # Before the connection is there: what is open now must not be shared with the second process.
    guard = start_guard(clear, is_gone, params["hold"])
    cloud = connect(params["cloud"])
    now = int(time.time())
    until = now + params["timeout"] + params["hold"]
    wanted = Wanted(
        probe, params["image_id"], params["network_id"], params["ram"], params["disk"], until, params["timeout"]
    )
    cleared = clear_stale(cloud, timeout, now)
    outcome = make_server(cloud, wanted)
    if outcome.server is None:
        delete_server(cloud, probe.name, own_id(probe.name), timeout)
        guard.done()
        return Made(None, outcome.clues, outcome.progress, cleared)
    addresses = placement_addresses(cloud, outcome.server["id"])
    guard.keep()
    return Made(summary(outcome.server, addresses), None, outcome.progress, cleared)


def take_away(params: Mapping[str, Any], dry_run: bool) -> tuple[bool, tuple[str, ...]]:
    """Delete the server of params["probe"], or without one whatever any run has left; (whether it was there, sentences)."""
    cloud = connect(params["cloud"])
    if params["probe"] is None:
        return False, clear_stale(cloud, params["timeout"], _EVER, dry_run)
    name = params["probe"]["name"]
    if dry_run:
        return has_server(cloud, name), ()
    return delete_server(cloud, name, own_id(name), params["timeout"]), ()
