# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names of Placement's resource providers."""

from __future__ import annotations

from .._core.cloud_call import PLACEMENT, Call
from .connection import Cloud


def read_provider_names(cloud: Cloud) -> tuple[str, ...]:
    """Return the name of every resource provider; MachineProblem where Placement may not be asked."""
    answer = cloud.get(Call(PLACEMENT, "GET", "/resource_providers"))
    return tuple(row["name"] for row in answer.body["resource_providers"])
