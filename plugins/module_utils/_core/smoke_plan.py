# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The throw-away servers of the smoke test: what they are called, what Nova is asked for, which left-overs may go."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .cloud_call import COMPUTE, Call
from .compute_name import matching_compute
from .declaration import DeviceEntry
from .errors import InputProblem, MachineProblem, raise_problems
from .flavor_plan import MANAGED, NAMESPACE, SMOKE, Flavor, own_id
from .flavor_request import PROPERTY, request_text
from .nearest import did_you_mean
from .server_story import ComputeService

PREFIX = "nova-pci-passthrough-smoke"
UNTIL = (
    f"{NAMESPACE}:until"  # seconds since the epoch; whoever finds it later knows that nobody looks after it any more
)
_NAME = re.compile(rf"{PREFIX}-(?P<alias>.+)-[0-9a-f]{{8}}\Z")
_COUNT = re.compile(r"[1-9][0-9]{0,3}\Z")
_GIB = 1 << 30


@dataclass(frozen=True)
class Probe:
    """One server to be made: *count* devices of *alias*, on Nova's compute *host* or wherever the scheduler likes."""

    name: str
    alias: str
    count: int
    host: str | None

    @classmethod
    def of(cls, raw: Mapping[str, Any]) -> Probe:
        return cls(raw["name"], raw["alias"], raw["count"], raw.get("host"))

    def to_dict(self) -> dict[str, Any]:
        return {"name": self.name, "alias": self.alias, "count": self.count, "host": self.host}


def chosen_aliases(entries: Sequence[DeviceEntry], wanted: Sequence[str]) -> tuple[tuple[str, int], ...]:
    """Return each alias to test and how many devices one server asks for, in the order of the declaration.

    *wanted* are aliases, or "alias:count" as in a flavor; none means one device of every alias. InputProblem otherwise.
    """
    declared = tuple(dict.fromkeys(entry.alias for entry in entries if entry.alias is not None))
    if not declared:
        fix = "Give an entry an alias; without one no flavor can ask for its devices"
        raise InputProblem("pci_passthrough_devices", [entry.place for entry in entries], "declares no alias", fix)
    problems = []
    counts: dict[str, int] = {}
    for index, text in enumerate(wanted):
        name, colon, count = text.partition(":")
        if name not in declared:
            fix = did_you_mean(name, declared, f"The aliases are {', '.join(declared)}")
            problems.append(InputProblem(f"smoke_aliases[{index}]", text, "is no declared alias", fix))
        elif colon and (_COUNT.match(count) is None):
            fix = f"Write {name}, or {name}:2 for two devices in one server"
            problems.append(InputProblem(f"smoke_aliases[{index}]", text, "has no count above zero", fix))
        else:
            counts[name] = int(count or 1)
    raise_problems(problems)
    return tuple((alias, counts.get(alias, 1)) for alias in declared if not wanted or alias in counts)


def entries_of(entries: Iterable[DeviceEntry], alias: str) -> tuple[DeviceEntry, ...]:
    return tuple(entry for entry in entries if entry.alias == alias)


def plan_probes(aliases: Iterable[tuple[str, int]], host: str | None, token: str) -> tuple[Probe, ...]:
    """*aliases* as chosen_aliases() returns them, *token*: eight hexadecimal digits that no other run has."""
    return tuple(Probe(f"{PREFIX}-{alias}-{token}", alias, count, host) for alias, count in aliases)


def own_compute(computes: Sequence[ComputeService], names: Sequence[str]) -> str:
    """Return Nova's name of the host that Ansible knows by *names*; InputProblem when it is none, or not in service."""
    known = [compute.host for compute in computes]
    found = matching_compute(known, names)
    given = next((name for name in names if name), "")
    if found is None:
        fix = f"Set pci_passthrough_nova_host on the host to one of Nova's names: {', '.join(known) or 'it has none'}"
        raise InputProblem(
            "pci_passthrough_nova_host", given, "is no compute of Nova's, nor is any name of the host", fix
        )
    service = next(compute for compute in computes if compute.host == found)
    if not service.is_ready:
        fix = (
            "Start nova-compute there, or `openstack compute service set --enable`; or leave the host out with --limit"
        )
        raise InputProblem("pci_passthrough_nova_host", found, f"can take no server: {service}", fix)
    return found


def some_compute(computes: Sequence[ComputeService]) -> None:
    """MachineProblem when no compute could take a server at all."""
    if not any(compute.is_ready for compute in computes):
        seen = "; ".join(map(str, computes)) or "Nova lists none"
        fix = "Start nova-compute and see its log; `openstack compute service list` shows the same"
        raise MachineProblem("nova-compute", f"none is up and enabled ({seen})", fix)


def input_problems(image: str, ram: int, disk: int) -> tuple[InputProblem, ...]:
    """What can be said of the options without the cloud."""
    problems = []
    if not image.strip():
        fix = "Name an image of the cloud whose console shows its PCI devices, as cirros does"
        problems.append(InputProblem("smoke_image", image, "names no image", fix))
    if ram < 1:
        problems.append(InputProblem("smoke_ram", ram, "is no amount of memory", "Write 64 or more, in MiB"))
    if disk < 0:
        problems.append(
            InputProblem("smoke_disk", disk, "is negative", "Write the size in GiB, 0 for that of the image")
        )
    return tuple(problems)


def image_problems(image: Mapping[str, Any], ram: int, disk: int) -> tuple[InputProblem, ...]:
    """What keeps *image* (a row of Glance's) from starting on a flavor with *ram* MiB and *disk* GiB."""
    name = image.get("name") or image["id"]
    problems = []
    if image.get("status") != "active":
        fix = "Wait for it or name another one"
        problems.append(InputProblem("smoke_image", name, f"is not active but {image.get('status')}", fix))
    if ram < (image.get("min_ram") or 0):
        fix = f"Write smoke_ram: {image['min_ram']}"
        problems.append(InputProblem("smoke_ram", ram, f"is less than the image {name} asks for", fix))
    least = max(image.get("min_disk") or 0, -(-(image.get("virtual_size") or 0) // _GIB))
    if 0 < disk < least:
        problems.append(
            InputProblem("smoke_disk", disk, f"is less than the image {name} asks for", f"Write smoke_disk: {least}")
        )
    return tuple(problems)


def smoke_flavor(probe: Probe, ram: int, disk: int, until: int) -> Flavor:
    specs = {PROPERTY: request_text({probe.alias: probe.count}), MANAGED: SMOKE, UNTIL: str(until)}
    return Flavor(own_id(probe.name), probe.name, 1, ram, disk, is_public=False, extra_specs=specs)


def server_call(probe: Probe, flavor_id: str, image_id: str, network_id: str | None, until: int) -> Call:
    """POST /servers with microversion 2.74 or newer: "host" leaves the choice to the scheduler's filters, unlike AZ:host."""
    server: dict[str, Any] = {
        "name": probe.name,
        "imageRef": image_id,
        "flavorRef": flavor_id,
        "networks": "none" if network_id is None else [{"uuid": network_id}],
        "metadata": {MANAGED: SMOKE, UNTIL: str(until)},
    }
    if probe.host is not None:
        server["host"] = probe.host
    return Call(COMPUTE, "POST", "/servers", {"server": server})


def stale_servers(rows: Iterable[Mapping[str, Any]], now: int) -> tuple[Mapping[str, Any], ...]:
    """Return the servers of GET /servers/detail that a run of ours left behind: marked, and past their time."""
    return tuple(row for row in rows if _NAME.match(row["name"]) and _is_over(row.get("metadata", {}), MANAGED, now))


def stale_flavors(flavors: Iterable[Flavor], now: int) -> tuple[Flavor, ...]:
    return tuple(
        flavor
        for flavor in flavors
        # One whose extra specs could not be set any more is known by its id.
        if _NAME.match(flavor.name)
        and (
            _is_over(flavor.extra_specs, MANAGED, now) or (not flavor.extra_specs and flavor.id == own_id(flavor.name))
        )
    )


def _is_over(marks: Mapping[str, str], key: str, now: int) -> bool:
    text = marks.get(UNTIL, "")
    return marks.get(key) == SMOKE and text.isdecimal() and int(text) < now
