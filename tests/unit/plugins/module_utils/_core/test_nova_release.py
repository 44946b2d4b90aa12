# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import InputProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import (
    NEWEST,
    OLDEST,
    NovaVersion,
    first_with_alias_key,
    first_with_numa_policy,
    first_with_option,
    first_with_tag,
    parse_release,
)

ALL = [NovaVersion(major) for major in range(OLDEST, NEWEST + 1)]

WRITTEN = [
    ("2024.1", (29, 99, 99)),
    ("caracal", (29, 99, 99)),
    (" Caracal ", (29, 99, 99)),
    ("VICTORIA", (22, 99, 99)),
    ("29", (29, 99, 99)),
    ("29.4", (29, 4, 99)),
    ("29.4.0", (29, 4, 0)),
    ("3:29.2.0-1", (29, 2, 0)),
    ("2:26.2.2-1~deb12u3", (26, 2, 2)),
    ("31.0.0.0rc1", (31, 0, 0)),
    ("27.5.1.dev3", (27, 5, 1)),
    ("3:25.2.1-0ubuntu2.8", (25, 2, 1)),
    ("1:23.2.2-2.el8", (23, 2, 2)),
    ("35.0.0", (35, 0, 0)),
]


@pytest.mark.parametrize(("written", "parts"), WRITTEN)
def test_how_a_release_may_be_written(written: str, parts: tuple[int, int, int]) -> None:
    assert parse_release(written) == NovaVersion(*parts)


REFUSED = [
    (2024.1, "nova_release: 2024.1 is no text. Write a series"),
    (29, "nova_release: 29 is no text"),
    (True, "is no text"),
    (None, "is no text"),
    ("", "nova_release: '' is no release of Nova"),
    ("2024.3", "nova_release: '2024.3' is no release of Nova"),
    ("zzz", "'zzz' is no release of Nova"),
    ("29,4", "is no release of Nova"),
    ("20.6.1", "'20.6.1' is older than Nova 22 (Victoria), the first release supported"),
]


@pytest.mark.parametrize(("written", "problem"), REFUSED)
def test_what_is_no_release(written: object, problem: str) -> None:
    with pytest.raises(InputProblem) as caught:
        parse_release(written)
    assert problem in str(caught.value)


def test_names_for_people() -> None:
    assert [version.series for version in ALL][3:6] == ["yoga", "zed", "2023.1"]
    assert NovaVersion(26, 2, 2).label == "Nova 26.2.2 (Zed)"
    assert NovaVersion(29).label == "Nova 29 (2024.1 Caracal)"
    assert (NovaVersion(35, 0, 1).label, NovaVersion(35).series) == ("Nova 35.0.1", "2026.2")
    assert (NovaVersion(21).label, NovaVersion(21).series) == ("Nova 21", "21")


def test_order() -> None:
    assert NovaVersion(9, 9, 9) < NovaVersion(31, 2, 0) < NovaVersion(31, 3, 1) < NovaVersion(31)


SINCE = [
    ("report in placement", lambda version: version.has_report_in_placement, 26),
    ("pci in placement", lambda version: version.has_pci_in_placement, 27),
    ("device_spec", lambda version: version.device_spec_option == "device_spec", 26),
    ("new scheduler names only", lambda version: not version.reads_old_scheduler_names, 24),
    ("alias checked at start", lambda version: version.checks_alias_at_start, 31),
    ("devices cached", lambda version: version.caches_devices, 34),
    ("no default for zones", lambda version: "AvailabilityZoneFilter" not in version.default_filters, 24),
    ("no filter for zones", lambda version: "AvailabilityZoneFilter" not in version.filter_classes, 28),
    ("socket", lambda version: "socket" in version.numa_policies, 23),
    *((tag, lambda version, tag=tag: tag in version.device_spec_tags, since) for tag, since in (
        ("physical_network", 22), ("trusted", 22), ("remote_managed", 25), ("resource_class", 26), ("traits", 26),
        ("managed", 31), ("live_migratable", 31), ("one_time_use", 32),
    )),
    *((key, lambda version, key=key: key in version.alias_keys, since) for key, since in (
        ("name", 22), ("vendor_id", 22), ("product_id", 22), ("device_type", 22), ("numa_policy", 22),
        ("capability_type", 22), ("resource_class", 27), ("traits", 27), ("live_migratable", 31),
    )),
]  # fmt: skip


@pytest.mark.parametrize(("what", "holds", "since"), SINCE, ids=[f"{row[0]} {row[2]}" for row in SINCE])
def test_what_a_release_knows(what, holds, since) -> None:
    assert [version.major for version in ALL if holds(version)] == list(range(since, NEWEST + 1))


def test_the_fix_that_brought_the_check_of_aliases() -> None:
    checks = {str(version): version.checks_alias_at_start for version in map(parse_release, ("31.3.0", "31.3.1", "31"))}
    assert checks == {"31.3.0": False, "31.3.1": True, "31": True}


def test_first_releases() -> None:
    assert first_with_tag("one_time_use") == NovaVersion(32, 0, 0)
    assert first_with_alias_key("traits") == NovaVersion(27, 0, 0)
    assert first_with_numa_policy("socket") == NovaVersion(23, 0, 0)
    assert first_with_option("pci_in_placement") == NovaVersion(27, 0, 0)
    for first in (first_with_tag, first_with_alias_key, first_with_numa_policy, first_with_option):
        assert first("vendor") is None


def test_default_filters() -> None:
    assert NovaVersion(24).default_filters == (
        "ComputeFilter",
        "ComputeCapabilitiesFilter",
        "ImagePropertiesFilter",
        "ServerGroupAntiAffinityFilter",
        "ServerGroupAffinityFilter",
    )
    assert NovaVersion(23).default_filters == ("AvailabilityZoneFilter", *NovaVersion(24).default_filters)


@pytest.mark.parametrize("version", ALL, ids=str)
def test_every_default_filter_exists(version: NovaVersion) -> None:
    ours = {"PciPassthroughFilter", "NUMATopologyFilter"}
    assert {*version.default_filters, *ours} <= version.filter_classes
    assert not ours & set(version.default_filters)
    assert len(version.filter_classes) == (23 if version.major <= 27 else 22)


MINIMUMS = [
    (22, (6, 0, 0), (4, 2, 0)),
    (23, (6, 0, 0), (4, 2, 0)),
    (27, (6, 0, 0), (4, 2, 0)),
    (28, (7, 0, 0), (5, 2, 0)),
    (30, (7, 0, 0), (5, 2, 0)),
    (31, (8, 0, 0), (6, 2, 0)),
    (34, (8, 0, 0), (6, 2, 0)),
]


@pytest.mark.parametrize(("major", "libvirt", "qemu"), MINIMUMS)
def test_what_compute_wants_below_it(major: int, libvirt: tuple[int, ...], qemu: tuple[int, ...]) -> None:
    assert (NovaVersion(major).libvirt_minimum, NovaVersion(major).qemu_minimum) == (libvirt, qemu)
