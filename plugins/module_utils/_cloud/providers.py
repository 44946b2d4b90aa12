# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Placement's resource providers, and who has made some for PCI devices."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from typing import Any

from .._core.cloud_call import PLACEMENT, Call
from .._core.reporting import Reporting, owner_of, reporting
from .connection import Cloud
from .servers import POLL_SECONDS, read_computes


def read_provider_names(cloud: Cloud) -> tuple[str, ...]:
    """Return the name of every resource provider; MachineProblem where Placement may not be asked."""
    return tuple(row["name"] for row in _read_providers(cloud))


def _read_providers(cloud: Cloud) -> list[dict[str, Any]]:
    answer = cloud.get(Call(PLACEMENT, "GET", "/resource_providers"))
    return list(answer.body["resource_providers"])


def read_inventories(cloud: Cloud) -> dict[str, list[dict[str, Any]]]:
    """Return what Placement has of each compute's PCI devices, a row for each resource class of a provider.

    One request a provider: Placement has none for all of them.
    """
    computes = tuple(compute.host for compute in read_computes(cloud))
    found: dict[str, list[dict[str, Any]]] = {compute: [] for compute in computes}
    for row in _read_providers(cloud):
        owner = owner_of(row["name"], computes)
        if owner is not None:
            found[owner.compute] += _inventory_rows(cloud, row["uuid"], owner.address)
    return found


def _inventory_rows(cloud: Cloud, uuid: str, address: str) -> Iterator[dict[str, Any]]:
    answer = cloud.get(Call(PLACEMENT, "GET", f"/resource_providers/{uuid}/inventories", fine=(404,)))
    if not answer.is_good:
        return  # gone since the list was read
    for name, inventory in sorted(answer.body["inventories"].items()):
        yield {"address": address, "resource_class": name, "total": inventory["total"]}


def wait_for_reports(cloud: Cloud, excused: Collection[str], timeout: float) -> Reporting:
    """Return who has reported PCI devices, once all have or *timeout* seconds are over.

    A nova-compute counts as started before its first report, and reports again every minute (update_resources_interval).
    """
    end = time.monotonic() + timeout
    while True:
        computes = [compute.host for compute in read_computes(cloud)]
        found = reporting(computes, read_provider_names(cloud), excused)
        if not found.silent or time.monotonic() >= end:
            return found
        time.sleep(POLL_SECONDS)
