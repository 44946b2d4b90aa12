# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of Placement's resource providers, and who has made some for PCI devices."""

from __future__ import annotations

import time
from collections.abc import Collection

from .._core.cloud_call import PLACEMENT, Call
from .._core.reporting import Reporting, reporting
from .connection import Cloud
from .servers import POLL_SECONDS, read_computes


def read_provider_names(cloud: Cloud) -> tuple[str, ...]:
    """Return the name of every resource provider; MachineProblem where Placement may not be asked."""
    answer = cloud.get(Call(PLACEMENT, "GET", "/resource_providers"))
    return tuple(row["name"] for row in answer.body["resource_providers"])


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
