# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet out of its hosts' surveys: which hosts are alike, and what to be warned of where they are not."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .listing import listed
from .survey import AFTER, READY, SCHEMA

Survey = Mapping[str, Any]  # as survey.survey() returns it
Row = Mapping[str, Any]  # one of its devices

# What somebody may want in a server, by the beginning of the class code; the rest belongs to the board.
_WANTED = ("01", "02", "03", "04", "0b", "0c03", "0c06", "0d", "10", "12", "40")
# Functions of a graphics card that go along with it.
_PARTS = ("04", "0c")
_DISPLAY = "03"


@dataclass(frozen=True)
class Alike:
    """Shape: *hosts* sorted by name, all with the same devices and verdicts at the same addresses; *survey* the first one's."""

    hosts: tuple[str, ...]
    survey: Survey


def alike(fleet: Mapping[str, Survey]) -> tuple[Alike, ...]:
    """Return the groups of hosts, the largest first; an empty survey is a host that gave no answer."""
    groups: dict[tuple[object, ...], list[str]] = {}
    for host in sorted(fleet):
        survey = fleet[host]
        if survey:
            groups.setdefault(_signature(survey), []).append(host)
    found = [Alike(tuple(hosts), fleet[hosts[0]]) for hosts in groups.values()]
    return tuple(sorted(found, key=lambda group: (-len(group.hosts), group.hosts)))


def _signature(survey: Survey) -> tuple[object, ...]:
    iommu = survey["iommu"]
    rows = tuple(
        (
            row["address"],
            row["vendor_id"],
            row["product_id"],
            row["device_type"],
            row["verdict"],
            row["numa_node"],
            row["override"],
        )
        for row in survey["devices"]
    )
    return (iommu["enabled"], iommu["kind"], tuple(survey["first"]), bool(survey["needs_root"]), rows)


def record(fleet: Mapping[str, Survey]) -> dict[str, object]:
    """Return what survey.json holds; docs/survey.schema.json describes it."""
    return {"schema": SCHEMA, "hosts": fleet}


def is_wanted(row: Row) -> bool:
    return str(row["class_code"] or "").startswith(_WANTED)


def display_slots(survey: Survey) -> frozenset[str]:
    """The slots with a graphics card, for is_part()."""
    displays = (row for row in survey.get("devices", ()) if str(row["class_code"] or "").startswith(_DISPLAY))
    return frozenset(_slot(row) for row in displays)


def is_part(row: Row, displays: frozenset[str]) -> bool:
    """Whether it is the audio, USB or serial function of a graphics card and goes along with that."""
    return str(row["class_code"] or "").startswith(_PARTS) and _slot(row) in displays


def _slot(row: Row) -> str:
    return str(row["address"].rpartition(".")[0])


def can_be_declared(row: Row) -> bool:
    """Whether nothing but what the role host does itself stands before it: the IOMMU, and a reboot."""
    return row["verdict"] == READY or (row["verdict"] == AFTER and not row["because"])


def _closed(surveyed: Mapping[str, Survey]) -> list[str]:
    """What the hosts' surveys lack because they were made without root."""
    found = []
    limited = [host for host, survey in surveyed.items() if survey["needs_root"]]
    if limited:
        found.append(
            f"Read without root: {listed(limited)}. A use that only root can see is missing from the verdicts; run with -b."
        )
    closed: dict[tuple[str, ...], list[str]] = {}
    for host, survey in surveyed.items():
        attributes = tuple(sorted({name for row in survey["devices"] for name in row["needs_root"]}))
        if attributes:
            closed.setdefault(attributes, []).append(host)
    found += [
        f"Only root can read {listed(attributes)} of the functions of {listed(hosts)}: serial numbers and advice on ACS may be "
        "missing; run with -b."
        for attributes, hosts in sorted(closed.items())
    ]
    return found


def warnings(fleet: Mapping[str, Survey]) -> tuple[str, ...]:
    """Return what keeps one declaration from meaning the same on every host, a sentence each."""
    found = []
    silent = [host for host in sorted(fleet) if not fleet[host]]
    if silent:
        found.append(f"No answer from {listed(silent)}.")
    surveyed = {host: survey for host, survey in sorted(fleet.items()) if survey}
    found += _closed(surveyed)
    off = [host for host, survey in surveyed.items() if not survey["iommu"]["enabled"]]
    if off and len(off) < len(surveyed):
        found.append(f"The IOMMU runs on some hosts and not on {listed(off)}.")
    types: dict[tuple[str, str], dict[str, list[str]]] = {}
    for host, survey in surveyed.items():
        for row in survey["devices"]:
            if is_wanted(row) and row["vendor_id"] and row["product_id"]:
                hosts = types.setdefault((row["vendor_id"], row["product_id"]), {}).setdefault(row["device_type"], [])
                if not hosts or hosts[-1] != host:
                    hosts.append(host)
    for (vendor_id, product_id), by_type in sorted(types.items()):
        if len({tuple(hosts) for hosts in by_type.values()}) > 1:  # a host that has them all differs from no other
            words = ", ".join(f"{kind} on {listed(hosts)}" for kind, hosts in sorted(by_type.items()))
            found.append(
                f"{vendor_id}:{product_id} is {words}: one alias fits one device_type. Switch SR-IOV the same way on all of them, "
                "in the firmware setup or the card's own configuration, or declare two aliases."
            )
    return tuple(found)
