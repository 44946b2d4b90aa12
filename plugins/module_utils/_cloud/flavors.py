# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads Nova's flavors and carries out what _core/flavor_plan.py decided."""

from __future__ import annotations

from collections.abc import Iterable

from .._core.cloud_call import COMPUTE, Call
from .._core.flavor_plan import CREATED, Flavor, parse_flavor
from .connection import Cloud


def read_flavors(cloud: Cloud) -> tuple[Flavor, ...]:
    """Return every flavor of the cloud, those included that are not public."""
    rows = cloud.rows(Call(COMPUTE, "GET", "/flavors/detail?is_public=None"), "flavors")
    return tuple(_whole(cloud, parse_flavor(row), row) for row in rows)


def _whole(cloud: Cloud, flavor: Flavor, row: object) -> Flavor:
    """With the projects that may use it, where making it again would lose them."""
    if flavor.is_public or flavor.origin != CREATED or not isinstance(row, dict):
        return flavor
    access = cloud.get(Call(COMPUTE, "GET", f"/flavors/{flavor.id}/os-flavor-access")).body["flavor_access"]
    return parse_flavor(row, [one["tenant_id"] for one in access])


def carry_out(cloud: Cloud, calls: Iterable[Call]) -> None:
    for call in calls:
        cloud.get(call)
