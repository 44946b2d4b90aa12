# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The throw-away servers: made, watched, asked and deleted as _core/smoke_plan.py says."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import quote

from .._core.cloud_call import COMPUTE, IMAGE, NETWORK, PLACEMENT, Call
from .._core.errors import InputProblem, MachineProblem
from .._core.flavor_plan import Flavor, create_calls, delete_call
from .._core.secrets import redact
from .._core.server_story import Clues, ComputeService, PciProvider, parse_computes
from .._core.smoke_plan import PREFIX, Probe, server_call, smoke_flavor, stale_flavors, stale_servers
from .._core.smoke_proof import provider_address
from .connection import Cloud
from .flavors import carry_out, read_flavors

POLL_SECONDS = 2.0
_CONSOLE_LINES = 2000
_MOST_PROVIDERS = 64  # of which a story asks Placement for the numbers


@dataclass(frozen=True)
class Wanted:
    """What a test server is made of. *ram* MiB, *disk* GiB, *until* and *timeout* seconds."""

    probe: Probe
    image_id: str
    network_id: str | None
    ram: int
    disk: int
    until: int
    timeout: int


@dataclass(frozen=True)
class Outcome:
    """Shape: *server* is Nova's row when it became active; else *clues* say what is known. *progress*: lines with seconds."""

    server: Mapping[str, Any] | None
    clues: Clues | None
    progress: tuple[str, ...]


def read_computes(cloud: Cloud) -> tuple[ComputeService, ...]:
    return parse_computes(cloud.get(Call(COMPUTE, "GET", "/os-services?binary=nova-compute")).body)


def find_one(cloud: Cloud, service: str, kind: str, name: str, option: str) -> Mapping[str, Any]:
    """Return the one image or network that *name* is the id or name of; InputProblem when there is none, or several.

    Shape: *service* is IMAGE or NETWORK, *kind* its word in the path ("images", "networks").
    """
    if name not in (".", ".."):  # no id, and as a part of a path it asks for something else
        direct = cloud.get(Call(service, "GET", f"/{kind}/{quote(name, safe='')}", fine=(400, 404)))
        if direct.is_good:
            return dict(direct.body.get(kind[:-1], direct.body))
    rows = cloud.get(Call(service, "GET", f"/{kind}?name={quote(name, safe='')}")).body[kind]
    if not rows:
        fix = f"`openstack {kind[:-1]} list` has those that these credentials may use"
        raise InputProblem(option, name, f"is no {kind[:-1]} of the cloud", fix)
    if len(rows) > 1:
        ids = ", ".join(row["id"] for row in rows)
        raise InputProblem(option, name, f"is the name of {len(rows)} {kind}", f"Write the id of one: {ids}")
    return dict(rows[0])


def find_image(cloud: Cloud, name: str) -> Mapping[str, Any]:
    return find_one(cloud, IMAGE, "images", name, "smoke_image")


def find_network(cloud: Cloud, name: str) -> Mapping[str, Any]:
    return find_one(cloud, NETWORK, "networks", name, "smoke_network")


def make_server(cloud: Cloud, wanted: Wanted) -> Outcome:
    """Make flavor and server and wait; whatever became of them, both may be there afterwards: see delete_server()."""
    flavor = smoke_flavor(wanted.probe, wanted.ram, wanted.disk, wanted.until)
    carry_out(cloud, create_calls(flavor))
    call = server_call(wanted.probe, flavor.id, wanted.image_id, wanted.network_id, wanted.until)
    answer = cloud.ask(call)
    if not answer.is_good:
        clues = Clues(wanted.probe.alias, wanted.probe.count, (answer.message,), refused=answer.status)
        return Outcome(None, _with_services(cloud, wanted, clues), (f"0 s refused with HTTP {answer.status}",))
    return _watch(cloud, wanted, answer.body["server"]["id"])


def _watch(cloud: Cloud, wanted: Wanted, server_id: str) -> Outcome:
    started = time.monotonic()
    progress: list[str] = []
    while True:
        row = cloud.get(Call(COMPUTE, "GET", f"/servers/{server_id}")).body["server"]
        passed = int(time.monotonic() - started)
        state = f"{row['status']} {row.get('OS-EXT-STS:task_state') or ''}".strip()
        if not progress or progress[-1].partition(" s ")[2] != state:
            progress.append(f"{passed} s {state}")
        if row["status"] == "ACTIVE":
            return Outcome(row, None, tuple(progress))
        if row["status"] != "BUILD" or passed >= wanted.timeout:
            return Outcome(None, _clues(cloud, wanted, row, passed), tuple(progress))
        time.sleep(POLL_SECONDS)


def _clues(cloud: Cloud, wanted: Wanted, row: Mapping[str, Any], passed: int) -> Clues:
    fault = row.get("fault", {})
    texts = [fault.get("message", ""), fault.get("details", ""), *_event_texts(cloud, row["id"])]
    clues = Clues(
        wanted.probe.alias,
        wanted.probe.count,
        tuple(dict.fromkeys(redact(text, ()) for text in texts if text)),  # as for Answer.message
        status=row["status"],
        task_state=row.get("OS-EXT-STS:task_state"),
        host=row.get("OS-EXT-SRV-ATTR:host"),
        seconds=passed,
    )
    return _with_services(cloud, wanted, clues)


def _event_texts(cloud: Cloud, server_id: str) -> list[str]:
    """What the events of each action say; a row without its details where the credentials may not see them."""
    texts = []
    for action in instance_actions(cloud, server_id):
        texts += [action.get("message") or "", *error_texts(action)]
    return texts


def instance_actions(cloud: Cloud, server_id: str) -> Iterator[Mapping[str, Any]]:
    """What was done to the server, the newest first; each is asked for when it is wanted, none where they may not be seen."""
    base = f"/servers/{server_id}/os-instance-actions"
    for action in cloud.ask(Call(COMPUTE, "GET", base)).body.get("instanceActions", []):
        yield cloud.ask(Call(COMPUTE, "GET", f"{base}/{action['request_id']}")).body.get("instanceAction", {})


def error_texts(action: Mapping[str, Any]) -> list[str]:
    """What the events of one action that failed say: their details, and the last line of their tracebacks; "" among them."""
    texts = []
    for event in action.get("events", []):
        if event.get("result") == "Error":
            texts += [event.get("details") or "", (event.get("traceback") or "").strip().rpartition("\n")[2]]
    return texts


def _with_services(cloud: Cloud, wanted: Wanted, clues: Clues) -> Clues:
    """The state of the computes, and Placement's numbers; each is left out where the credentials may not see it."""
    services = cloud.ask(Call(COMPUTE, "GET", "/os-services?binary=nova-compute"))
    resources = f"VCPU:1,MEMORY_MB:{wanted.ram}" + (f",DISK_GB:{wanted.disk}" if wanted.disk else "")
    candidates = cloud.ask(Call(PLACEMENT, "GET", f"/allocation_candidates?resources={resources}&limit=1"))
    return replace(
        clues,
        wanted_host=wanted.probe.host,
        computes=parse_computes(services.body) if services.is_good else None,
        candidates=len(candidates.body["allocation_requests"]) if candidates.is_good else None,
        providers=_pci_providers(cloud),
    )


def _pci_providers(cloud: Cloud) -> tuple[PciProvider, ...] | None:
    answer = cloud.ask(Call(PLACEMENT, "GET", "/resource_providers"))
    if not answer.is_good:
        return None
    rows = [row for row in answer.body["resource_providers"] if provider_address(row["name"])]
    found = []
    for row in rows[:_MOST_PROVIDERS]:
        path = f"/resource_providers/{row['uuid']}"
        inventories = cloud.ask(Call(PLACEMENT, "GET", f"{path}/inventories")).body.get("inventories", {})
        usages = cloud.ask(Call(PLACEMENT, "GET", f"{path}/usages")).body.get("usages", {})
        total = sum(one["total"] - one["reserved"] for one in inventories.values())
        found.append(PciProvider(row["name"], total, sum(usages.values())))
    return tuple(found)


def placement_addresses(cloud: Cloud, server_id: str) -> tuple[str, ...]:
    """The devices in the server's allocation; () where PCI is not tracked in Placement, or it may not be asked."""
    allocations = cloud.ask(Call(PLACEMENT, "GET", f"/allocations/{server_id}")).body.get("allocations", {})
    found = []
    for uuid in allocations:
        name = cloud.ask(Call(PLACEMENT, "GET", f"/resource_providers/{uuid}")).body.get("name", "")
        address = provider_address(name)
        if address is not None:
            found.append(address)
    return tuple(sorted(found))


def read_console(cloud: Cloud, server_id: str) -> str | None:
    """The end of the serial console's log; None when Nova cannot give it (yet)."""
    body = {"os-getConsoleOutput": {"length": _CONSOLE_LINES}}
    answer = cloud.ask(Call(COMPUTE, "POST", f"/servers/{server_id}/action", body, reads=True))
    return str(answer.body.get("output") or "") if answer.is_good else None


def delete_server(cloud: Cloud, name: str, flavor_id: str, timeout: float) -> bool:
    """Delete every server called *name*, wait until it and its allocation are gone, then its flavor; whether there was any."""
    rows = _servers(cloud, name)
    for row in rows:
        cloud.get(Call(COMPUTE, "DELETE", f"/servers/{row['id']}", fine=(404,)))
    end = time.monotonic() + timeout
    for row in rows:
        while not _is_gone(cloud, row["id"]):
            if time.monotonic() >= end:
                fix = "See nova-compute's log on its host; `openstack server delete --force` as a last resort"
                raise MachineProblem(f"server {name} ({row['id']})", f"is not gone after {timeout:.0f} s", fix)
            time.sleep(POLL_SECONDS)
    answer = cloud.get(delete_call(flavor_id))
    return bool(rows) or answer.is_good


def _is_gone(cloud: Cloud, server_id: str) -> bool:
    """Whether Nova has let go of it and of what it held in Placement."""
    if cloud.get(Call(COMPUTE, "GET", f"/servers/{server_id}", fine=(404,))).status != 404:
        return False
    return not cloud.ask(Call(PLACEMENT, "GET", f"/allocations/{server_id}")).body.get("allocations")


def has_server(cloud: Cloud, name: str) -> bool:
    return bool(_servers(cloud, name))


def _servers(cloud: Cloud, name: str | None = None) -> list[Mapping[str, Any]]:
    """Every test server, or the one called *name*; Nova's filter reads a regular expression."""
    path = f"/servers/detail?all_tenants=1&name={quote('^' + PREFIX)}"
    rows = cloud.get(Call(COMPUTE, "GET", path)).body["servers"]
    return [row for row in rows if name in (None, row["name"])]


def clear_stale(cloud: Cloud, timeout: float, now: int, dry_run: bool = False) -> tuple[str, ...]:
    """Delete the servers and flavors that a dead run left; return a sentence for each."""
    servers = stale_servers(_servers(cloud), now)
    flavors: dict[str, Flavor] = {flavor.name: flavor for flavor in stale_flavors(read_flavors(cloud), now)}
    done = []
    for row in servers:
        flavor = flavors.pop(row["name"], None)
        done.append(f"delete left-over server {row['name']}")
        if not dry_run:
            delete_server(cloud, row["name"], flavor.id if flavor else "-", timeout)
    for flavor in flavors.values():
        done.append(f"delete left-over flavor {flavor.name}")
        if not dry_run:
            carry_out(cloud, [delete_call(flavor.id)])
    return tuple(done)


def summary(row: Mapping[str, Any], addresses: Sequence[str]) -> dict[str, Any]:
    """What the next tasks need of Nova's row."""
    return {
        "id": row["id"],
        "name": row["name"],
        "status": row["status"],
        "host": row.get("OS-EXT-SRV-ATTR:host"),
        "instance_name": row.get("OS-EXT-SRV-ATTR:instance_name"),
        "placement_addresses": list(addresses),
    }
