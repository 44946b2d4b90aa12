# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each Nova release knows: names, option names, keys and tags, default filters, minimum versions.

Read from nova's own sources of every release, and held against real Nova by tests/oracle.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import InputProblem

OLDEST = 22  # Victoria: the first release that this collection is made for
NEWEST = 34
VARIABLE = "nova_release"

# Codename and series of each major version.
_SERIES = {
    22: ("victoria", "victoria"),
    23: ("wallaby", "wallaby"),
    24: ("xena", "xena"),
    25: ("yoga", "yoga"),
    26: ("zed", "zed"),
    27: ("antelope", "2023.1"),
    28: ("bobcat", "2023.2"),
    29: ("caracal", "2024.1"),
    30: ("dalmatian", "2024.2"),
    31: ("epoxy", "2025.1"),
    32: ("flamingo", "2025.2"),
    33: ("gazpacho", "2026.1"),
    34: ("hibiscus", "2026.2"),
}
_NUMBERS = re.compile(r"(?:[0-9]+:)?([0-9]{1,3})(?:\.([0-9]{1,2}))?(?:\.([0-9]{1,2}))?(?:[.~+\-a-z].*)?\Z")
_UNNAMED = 99  # above every minor and patch number that there was

# nova/conf/scheduler.py, enabled_filters
_COMMON_FILTERS = (
    "ComputeFilter",
    "ComputeCapabilitiesFilter",
    "ImagePropertiesFilter",
    "ServerGroupAntiAffinityFilter",
    "ServerGroupAffinityFilter",
)
ALL_FILTERS = "nova.scheduler.filters.all_filters"  # [filter_scheduler]available_filters when nobody sets it
# nova/scheduler/filters/: what every release since 22 has; two of them do not end in "Filter"
_FILTER_CLASSES = (
    "AggregateImagePropertiesIsolation",
    "AggregateInstanceExtraSpecsFilter",
    "AggregateIoOpsFilter",
    "AggregateMultiTenancyIsolation",
    "AggregateNumInstancesFilter",
    "AggregateTypeAffinityFilter",
    "AllHostsFilter",
    "ComputeCapabilitiesFilter",
    "ComputeFilter",
    "DifferentHostFilter",
    "ImagePropertiesFilter",
    "IoOpsFilter",
    "IsolatedHostsFilter",
    "JsonFilter",
    "MetricsFilter",
    "NUMATopologyFilter",
    "NumInstancesFilter",
    "PciPassthroughFilter",
    "SameHostFilter",
    "ServerGroupAffinityFilter",
    "ServerGroupAntiAffinityFilter",
    "SimpleCIDRAffinityFilter",
)
_TAGS_SINCE = {
    "physical_network": OLDEST,
    "trusted": OLDEST,
    "remote_managed": 25,
    "resource_class": 26,
    "traits": 26,
    "managed": 31,
    "live_migratable": 31,
    "one_time_use": 32,
}
_ALIAS_KEYS_SINCE = {
    "name": OLDEST,
    "vendor_id": OLDEST,
    "product_id": OLDEST,
    "device_type": OLDEST,
    "capability_type": OLDEST,
    "numa_policy": OLDEST,
    "resource_class": 27,
    "traits": 27,
    "live_migratable": 31,
}
_OPTIONS_SINCE = {"device_spec": 26, "report_in_placement": 26, "pci_in_placement": 27}
_NUMA_POLICIES_SINCE = {"required": OLDEST, "legacy": OLDEST, "preferred": OLDEST, "socket": 23}


@dataclass(frozen=True, order=True)
class NovaVersion:
    """A version of Nova; ordered. *minor* and *patch* are those of the newest of its series where only that was named."""

    major: int
    minor: int = _UNNAMED
    patch: int = _UNNAMED

    def __str__(self) -> str:
        known = [str(self.major)]
        known += [str(part) for part in (self.minor, self.patch) if part != _UNNAMED]
        return ".".join(known)

    @property
    def series(self) -> str:
        """How OpenStack calls it: "zed", "2024.1"."""
        return _SERIES[min(self.major, NEWEST)][1] if self.major >= OLDEST else str(self.major)

    @property
    def label(self) -> str:
        """For people: "Nova 29.4.0 (2024.1 Caracal)"."""
        if self.major not in _SERIES:
            return f"Nova {self}"
        codename, series = _SERIES[self.major]
        name = series.capitalize() if codename == series else f"{series} {codename.capitalize()}"
        return f"Nova {self} ({name})"

    # ---- names of options

    @property
    def device_spec_option(self) -> str:
        """The [pci] option that names the devices; the other name is read too from 26 on, and ignored before."""
        return "device_spec" if self.major >= _OPTIONS_SINCE["device_spec"] else "passthrough_whitelist"

    @property
    def reads_old_scheduler_names(self) -> bool:
        """[DEFAULT]scheduler_default_filters and scheduler_available_filters are read up to Wallaby."""
        return self.major <= 23

    @property
    def has_report_in_placement(self) -> bool:
        return self.major >= _OPTIONS_SINCE["report_in_placement"]

    @property
    def has_pci_in_placement(self) -> bool:
        return self.major >= _OPTIONS_SINCE["pci_in_placement"]

    # ---- behaviour

    @property
    def checks_alias_at_start(self) -> bool:
        """nova-compute and nova-api refuse to start on an invalid alias, and an alias needs both ids."""
        return (self.major, self.minor, self.patch) >= (31, 3, 1)

    @property
    def caches_devices(self) -> bool:
        """nova-compute reads the host's devices once, when it starts."""
        return self.major >= 34

    # ---- keys, tags, values

    @property
    def device_spec_tags(self) -> frozenset[str]:
        return _known(_TAGS_SINCE, self.major)

    @property
    def alias_keys(self) -> frozenset[str]:
        return _known(_ALIAS_KEYS_SINCE, self.major)

    @property
    def numa_policies(self) -> frozenset[str]:
        return _known(_NUMA_POLICIES_SINCE, self.major)

    # ---- the scheduler

    @property
    def default_filters(self) -> tuple[str, ...]:
        """[filter_scheduler]enabled_filters when nobody sets it."""
        return ("AvailabilityZoneFilter", *_COMMON_FILTERS) if self.major <= 23 else _COMMON_FILTERS

    @property
    def filter_classes(self) -> frozenset[str]:
        """The filters that `nova.scheduler.filters.all_filters` offers; another name stops nova-scheduler."""
        return frozenset((*_FILTER_CLASSES, *(("AvailabilityZoneFilter",) if self.major <= 27 else ())))

    # ---- minimum versions: nova/virt/libvirt/driver.py, and never below what Nova's guide to PCI passthrough advises

    @property
    def libvirt_minimum(self) -> tuple[int, int, int]:
        return _minimum(self.major)[0]

    @property
    def qemu_minimum(self) -> tuple[int, int, int]:
        return _minimum(self.major)[1]


LIVE_MIGRATABLE_MINIMUM = ((10, 0, 0), (8, 2, 2))  # libvirt, QEMU: demanded by any live_migratable tag


def first_with_tag(tag: str) -> NovaVersion | None:
    """The first release that knows the device_spec tag; None when none does."""
    return NovaVersion(_TAGS_SINCE[tag], 0, 0) if tag in _TAGS_SINCE else None


def first_with_alias_key(key: str) -> NovaVersion | None:
    """The first release that knows the alias key; None when none does."""
    return NovaVersion(_ALIAS_KEYS_SINCE[key], 0, 0) if key in _ALIAS_KEYS_SINCE else None


def first_with_numa_policy(policy: str) -> NovaVersion | None:
    """The first release that knows the NUMA policy; None when none does."""
    return NovaVersion(_NUMA_POLICIES_SINCE[policy], 0, 0) if policy in _NUMA_POLICIES_SINCE else None


def first_with_option(option: str) -> NovaVersion | None:
    """The first release that reads the option; None for those that every release reads."""
    return NovaVersion(_OPTIONS_SINCE[option], 0, 0) if option in _OPTIONS_SINCE else None


def parse_release(raw: object, place: str = VARIABLE) -> NovaVersion:
    """Return what *raw* means: "2024.1", "Caracal", "29", "29.4.0", a package's "3:29.2.0-1"; InputProblem otherwise."""
    fix = f'Write a series ("2024.1"), a codename ("caracal") or a version ("29.4.0"), {OLDEST} to {NEWEST}, in quotes'
    if not isinstance(raw, str):
        raise InputProblem(place, raw, "is no text", fix)
    text = raw.strip().lower()
    for major, names in _SERIES.items():
        if text in names:
            return NovaVersion(major)
    numbers = _NUMBERS.match(text)
    if numbers is None:
        raise InputProblem(place, raw, "is no release of Nova", fix)
    major, minor, patch = (_UNNAMED if part is None else int(part) for part in numbers.groups())
    if major < OLDEST:
        raise InputProblem(place, raw, f"is older than {NovaVersion(OLDEST).label}, the first release supported", fix)
    return NovaVersion(major, minor, patch)


SoftwareVersion = tuple[int, int, int]


def too_old(
    found: tuple[SoftwareVersion | None, SoftwareVersion | None], least: tuple[SoftwareVersion, SoftwareVersion]
) -> tuple[tuple[str, str, str], ...]:
    """Return (name, found, needed) of libvirt and QEMU, in this order, where one is older than *least*; None: not known."""
    return tuple(
        (name, _dotted(here), _dotted(needed))
        for name, here, needed in zip(("libvirt", "QEMU"), found, least)
        if here is not None and here < needed
    )


def _dotted(version: SoftwareVersion) -> str:
    return ".".join(str(part) for part in version)


def _known(since: dict[str, int], major: int) -> frozenset[str]:
    return frozenset(name for name, first in since.items() if first <= major)


def _minimum(major: int) -> tuple[tuple[int, int, int], tuple[int, int, int]]:
    if major >= 31:
        return (8, 0, 0), (6, 2, 0)
    if major >= 28:
        return (7, 0, 0), (5, 2, 0)
    return (6, 0, 0), (4, 2, 0)  # Victoria starts with 5.0 and 4.0; its guide advises these, for detaching devices
