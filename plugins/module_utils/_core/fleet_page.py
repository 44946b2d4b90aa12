# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The page of a fleet: what goes into it, each thing once, and how its parts become one file that asks nobody for anything."""

from __future__ import annotations

import base64
import hashlib
import html
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .fleet import Row, Survey, alike, is_wanted, warnings
from .terminal import plain

SCHEMA = 1
NO_ANSWER = -1
NOT_ASKED = -2

# A device is three numbers in the page: what it is and may (the same for every card of a make), where it sits (the same on
# every host of a build), and what nobody else has. Each list below is the order of the columns that page.js reads.
SHAPE = (
    "vendor_id", "product_id", "name", "kind", "class_code", "device_type", "driver", "sriov_totalvfs", "sriov_numvfs",
    "in_guest", "verdict", "because", "after", "override", "needs_root",
)  # fmt: skip
PLACE = ("address", "parent", "iommu_group", "numa_node", "physical_function", "companions")
OWN = ("serial", "slot", "network_interfaces", "block_devices")
FINDING = ("layer", "check", "state", "expected", "found", "fix", "address")
_MACHINE = (
    "kernel_release", "architecture", "cpu_vendor", "lockdown", "vfio_pci", "first", "overrides", "advice", "needs_root",
)  # fmt: skip
_IOMMU = ("enabled", "kind", "groups", "default_domain", "interrupt_remapping")
_MARK = re.compile("@(TITLE|POLICY|STYLE|SCRIPT|DATA)@")


@dataclass(frozen=True)
class PageParts:
    """The three texts that the page is made of; *frame* holds the marks @TITLE@, @POLICY@, @STYLE@, @SCRIPT@ and @DATA@."""

    frame: str
    style: str
    script: str


def fleet_page(parts: PageParts, payload: Mapping[str, Any]) -> str:
    """Return the page. It allows its own style and script, by their hashes, and nothing else: no address is asked."""
    texts = {
        "TITLE": html.escape(plain(str(payload["title"]))),
        "POLICY": (
            f"default-src 'none'; style-src '{_hash(parts.style)}'; script-src '{_hash(parts.script)}'; "
            "base-uri 'none'; form-action 'none'"
        ),
        "STYLE": parts.style,
        "SCRIPT": parts.script,
        "DATA": _json(payload),
    }
    return _MARK.sub(lambda mark: texts[mark.group(1)], parts.frame)


def page_payload(
    fleet: Mapping[str, Survey],
    findings: Mapping[str, Sequence[Mapping[str, Any]]],
    declaration: Iterable[str],
    title: str,
    made_at: str,
) -> dict[str, Any]:
    """Return what page.js shows, as plain data.

    A host is [name, machine, devices, kind, findings]: the first three numbers point into the lists of the same names, or
    say that it gave no answer or was not asked for its devices; kind is its place among the groups of hosts that are alike.
    """
    shapes, places, owns, machines, devices, found = (_Once() for _list in range(6))
    kind_of = {host: number for number, group in enumerate(alike(fleet)) for host in group.hosts}
    hosts = []
    for host in sorted({*fleet, *findings}):
        survey = fleet.get(host)
        machine = rows = NOT_ASKED if survey is None else NO_ANSWER
        if survey:
            machine = machines.number(_machine(survey))
            triples = [
                (
                    shapes.number([*(_data(row[key]) for key in SHAPE), is_wanted(row)]),
                    places.number([_data(row[key]) for key in PLACE]),
                    owns.number(_own(row)),
                )
                for row in survey["devices"]
            ]
            rows = devices.number([number for triple in triples for number in triple])
        mine = [found.number([_data(row.get(key)) for key in FINDING]) for row in findings.get(host, ())]
        hosts.append([plain(str(host)), machine, rows, kind_of.get(host, NO_ANSWER), mine])
    return {
        "schema": SCHEMA,
        "title": plain(str(title)),
        "made_at": plain(str(made_at)),
        "verified": bool(findings),
        "columns": {"shape": [*SHAPE, "wanted"], "place": list(PLACE), "own": list(OWN), "finding": list(FINDING)},
        "hosts": hosts,
        "machines": machines.values,
        "devices": devices.values,
        "shapes": shapes.values,
        "places": places.values,
        "owns": owns.values,
        "findings": found.values,
        "warnings": [plain(sentence) for sentence in warnings(fleet)],
        "declaration": [plain(str(line)) for line in declaration],
    }


class _Once:
    """A list that holds each value once."""

    def __init__(self) -> None:
        self.values: list[Any] = []
        self._numbers: dict[str, int] = {}

    def number(self, value: Any) -> int:
        key = repr(value)
        if key not in self._numbers:
            self._numbers[key] = len(self.values)
            self.values.append(value)
        return self._numbers[key]


def _machine(survey: Survey) -> dict[str, Any]:
    return {
        **{key: _data(survey[key]) for key in _MACHINE},
        "iommu": {key: _data(survey["iommu"].get(key)) for key in _IOMMU},
        "groups": [[_data(group["group"]), _data(group["verdict"])] for group in survey["groups"]],
    }


def _own(row: Row) -> list[Any]:
    interfaces = [[_data(one["name"]), _data(one["mac"])] for one in row["network_interfaces"]]
    return [_data(row["serial"]), _data(row["slot"]), interfaces, _data(row["block_devices"])]


def _data(value: Any) -> Any:
    """Plain data out of what Ansible's templates hand over, which is marked, and lazy in lists."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return int(value)
    if isinstance(value, str):
        return plain(str(value))
    return [_data(item) for item in value]


def _json(payload: Mapping[str, Any]) -> str:
    """JSON that ends no script element and opens no comment, in ASCII."""
    text = json.dumps(payload, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _hash(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"
