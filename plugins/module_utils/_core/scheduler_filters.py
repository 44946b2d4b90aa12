# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""[filter_scheduler]enabled_filters: what stands there, what PCI devices need there, what Nova makes of it.

Nova finds a filter by the name of its class among those of available_filters (nova/scheduler/host_manager.py,
_choose_host_filters; nova/loadables.py, get_matching_classes).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from .errors import NovaRefusal
from .nearest import nearest
from .nova_release import ALL_FILTERS, NovaVersion

if TYPE_CHECKING:
    from .declaration import DeviceEntry

PCI_FILTER = "PciPassthroughFilter"
NUMA_FILTER = "NUMATopologyFilter"
# The policies that a user asks for. "legacy" is what Nova does unasked, so it needs nothing that an alias without a
# policy does not need: writing it down must not change which filters a cloud runs.
POLICIES_FOR_NUMA = ("required", "preferred", "socket")
_ZONES = "AvailabilityZoneFilter"
_GONE_IN_22 = ("AggregateCoreFilter", "AggregateDiskFilter", "AggregateRamFilter", "RetryFilter")


def needed_filters(entries: Iterable[DeviceEntry]) -> tuple[str, ...]:
    """The filters without which the scheduler sends servers to hosts that have no device for them."""
    asked = any(entry.alias is not None and entry.numa_policy in POLICIES_FOR_NUMA for entry in entries)
    return (PCI_FILTER, NUMA_FILTER) if asked else (PCI_FILTER,)


def merged(items_now: tuple[str, ...] | None, version: NovaVersion, needed: tuple[str, ...]) -> tuple[str, ...]:
    """The whole list to write: what is there (None: the release's default) in its order, each of *needed* once."""
    kept: list[str] = []
    for item in version.default_filters if items_now is None else items_now:
        if not (item in needed and item in kept):
            kept.append(item)
    return (*kept, *(name for name in needed if name not in kept))


def offered_filters(available: Sequence[str], version: NovaVersion) -> frozenset[str] | None:
    """The names that enabled_filters may hold; None when *available* names a function of somebody else's making.

    *available* is [filter_scheduler]available_filters, empty when unset.
    """
    names: set[str] = set()
    for path in available or (ALL_FILTERS,):
        last = path.rpartition(".")[2]
        if path == ALL_FILTERS:
            names |= version.filter_classes
        elif last[:1].isupper():
            names.add(last)
        else:
            return None
    return frozenset(names)


def unknown_filters(items: Iterable[str], available: Sequence[str], version: NovaVersion) -> tuple[str, ...]:
    """Those of *items* that nova-scheduler would not find, in their order."""
    offered = offered_filters(available, version)
    return () if offered is None else tuple(item for item in items if item not in offered)


def filter_refusal(items: Iterable[str], available: Sequence[str], version: NovaVersion) -> NovaRefusal | None:
    """Why nova-scheduler would not start; None when it would."""
    unknown = unknown_filters(items, available, version)
    if not unknown:
        return None
    fix = " ".join(dict.fromkeys(f"{unknown_filter_fix(name, version)}." for name in unknown)).rstrip(".")
    problem = f"is no filter of {version.label}, so nova-scheduler would not start"
    return NovaRefusal(", ".join(unknown), problem, fix, "SchedulerHostFilterNotFound")


def unknown_filter_fix(name: str, version: NovaVersion) -> str:
    """What to do about a name that is no filter."""
    if not name.strip("."):
        return "Write the names of all filters out; the dots of the guide stand for those that are there already"
    if "\n" in name:
        return "Put a comma at the end of each line but the last"
    if name == _ZONES:
        return f"Remove {_ZONES}: placement looks after availability zones"
    if name in _GONE_IN_22:
        return f"Remove {name}: Nova 22 dropped it"
    if "." in name:
        last = name.rpartition(".")[2]
        return f"Write {last}, the name of the class alone; its path belongs into available_filters"
    lowered = {known.lower(): known for known in version.filter_classes}
    near = nearest(name.strip("\"'[] ").lower(), lowered, 0.7)
    if near is not None:
        return f"Did you mean {lowered[near]}?"
    return f"Remove {name}, or name its class in available_filters"
