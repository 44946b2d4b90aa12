# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asks the cloud what a diagnosis needs; what these credentials may not see is left out by name. Nothing is changed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from .._core.cloud_call import COMPUTE, PLACEMENT, Call
from .._core.cloud_trouble import answer_trouble
from .._core.diagnosis_request import flavor_facts, room_query
from .._core.errors import InputProblem, MachineProblem
from .._core.flavor_plan import Flavor, parse_flavor
from .._core.secrets import redact
from .._core.smoke_proof import provider_address
from .connection import Cloud
from .flavors import read_flavors
from .servers import error_texts, instance_actions

_MOST_PROVIDERS = 2000
_SILENT = (502, 503, 504)  # what a proxy says when nobody is behind it


def read_request_facts(cloud: Cloud, flavor: str | None, server: str | None) -> dict[str, Any]:
    """Return what the cloud says of a flavor (name or id) or of a server (id); docs of diagnose_cloud_info say how."""
    facts: dict[str, Any] = {"asked": "", "flavor": None, "flavor_names": [], "server": None, "unreadable": []}
    facts["unanswered"] = _silence(cloud)
    if facts["unanswered"]:
        asked = f"server {server}" if server else flavor
        return {**facts, "asked": asked, "computes": None, "controllers": None, "room": None, "providers": None}
    if server:
        row = _server(cloud, server)
        facts["asked"] = f"server {row.get('name') or server}"
        facts["server"], facts["flavor"] = _server_facts(cloud, row), flavor_facts(_flavor_of(cloud, row["flavor"]))
        has_disk = bool(row.get("image"))
    else:
        wanted = flavor or ""
        rows = read_flavors(cloud)
        found = next((one for one in rows if wanted in (one.name, one.id)), None)
        facts["asked"] = wanted
        facts["flavor_names"] = [] if found else sorted(one.name for one in rows)
        if found is not None:
            facts["flavor"] = flavor_facts(found)
        has_disk = True
    facts.update(_services(cloud, facts["unreadable"]))
    facts.update(_placement(cloud, facts["flavor"], has_disk, facts["unreadable"]))
    return facts


def _silence(cloud: Cloud) -> dict[str, str] | None:
    """Why nova-api, or the proxy before it, gives no answer; None where it does, whatever it says."""
    call = Call(COMPUTE, "GET", "/flavors/detail?limit=1")
    try:
        answer = cloud.ask(call)
    except MachineProblem as problem:
        return {"seen": problem.problem, "fix": problem.fix}
    if answer.status not in _SILENT:
        return None
    trouble = answer_trouble(call, answer, cloud.name)
    return {"seen": trouble.problem, "fix": trouble.fix}


def _server(cloud: Cloud, server: str) -> Mapping[str, Any]:
    answer = None
    if server not in (".", ".."):
        answer = cloud.get(Call(COMPUTE, "GET", f"/servers/{quote(server, safe='')}", fine=(400, 404)))
    if answer is None or not answer.is_good:
        fix = "Write its id; `openstack server list --all-projects` has those that these credentials may see"
        raise InputProblem("diagnose_server", server, "is the id of no server of this cloud", fix)
    row: Mapping[str, Any] = answer.body["server"]
    return row


def _server_facts(cloud: Cloud, row: Mapping[str, Any]) -> dict[str, Any]:
    fault = row.get("fault", {})
    texts = [fault.get("message") or "", fault.get("details") or ""]
    for action in instance_actions(cloud, row["id"]):
        texts += error_texts(action)
    return {
        "id": row["id"],
        "name": row.get("name"),
        "status": row.get("status"),
        "host": row.get("OS-EXT-SRV-ATTR:host"),
        "said": list(dict.fromkeys(redact(text.strip().rpartition("\n")[2], ()) for text in texts if text.strip())),
    }


def _flavor_of(cloud: Cloud, row: Mapping[str, Any]) -> Flavor:
    """The flavor as the server remembers it; its extra specs are left out where these credentials may not see them."""
    name = row["original_name"]
    specs = row.get("extra_specs")
    if specs is None:
        specs = next((one.extra_specs for one in read_flavors(cloud) if one.name == name), {})
    return parse_flavor(
        {
            "id": "",
            "name": name,
            "vcpus": row["vcpus"],
            "ram": row["ram"],
            "disk": row["disk"],
            "OS-FLV-EXT-DATA:ephemeral": row.get("ephemeral", 0),
            "swap": row.get("swap", 0),
            "extra_specs": specs,
        }
    )


def _services(cloud: Cloud, unreadable: list[dict[str, str]]) -> dict[str, Any]:
    answer = cloud.ask(Call(COMPUTE, "GET", "/os-services"))
    if not answer.is_good:
        unreadable.append({"what": "Nova's services", "why": f"HTTP {answer.status} {answer.message}"})
        return {"computes": None, "controllers": None}
    rows = [
        {
            "binary": row["binary"],
            "host": row["host"],
            "state": row["state"],
            "status": row["status"],
            "reason": row.get("disabled_reason"),
        }
        for row in answer.body["services"]
    ]
    return {
        "computes": [row for row in rows if row["binary"] == "nova-compute"],
        "controllers": [row for row in rows if row["binary"] != "nova-compute"],
    }


def _placement(
    cloud: Cloud, flavor: Mapping[str, Any] | None, has_disk: bool, unreadable: list[dict[str, str]]
) -> dict[str, Any]:
    answer = cloud.ask(Call(PLACEMENT, "GET", "/resource_providers"))
    if not answer.is_good or flavor is None:
        if flavor is not None:
            unreadable.append({"what": "Placement", "why": f"HTTP {answer.status} {answer.message}"})
        return {"room": None, "providers": None}
    rows = answer.body["resource_providers"]
    names = {row["uuid"]: row["name"] for row in rows}
    found = cloud.ask(Call(PLACEMENT, "GET", f"/allocation_candidates?resources={room_query(flavor, has_disk)}"))
    summaries = found.body.get("provider_summaries", {})
    roots = {row.get("root_provider_uuid", uuid) for uuid, row in summaries.items()}
    devices = [row for row in rows if provider_address(row["name"])][:_MOST_PROVIDERS]
    return {
        "room": sorted(names[uuid] for uuid in roots if uuid in names) if found.is_good else None,
        "providers": [_provider(cloud, row) for row in devices],
    }


def _provider(cloud: Cloud, row: Mapping[str, Any]) -> dict[str, Any]:
    path = f"/resource_providers/{row['uuid']}"
    inventories = cloud.ask(Call(PLACEMENT, "GET", f"{path}/inventories")).body.get("inventories", {})
    usages = cloud.ask(Call(PLACEMENT, "GET", f"{path}/usages")).body.get("usages", {})
    traits = cloud.ask(Call(PLACEMENT, "GET", f"{path}/traits")).body.get("traits", [])
    return {
        "name": row["name"],
        "traits": sorted(traits),
        "inventories": {
            name: {"total": one["total"], "reserved": one["reserved"], "used": usages.get(name, 0)}
            for name, one in inventories.items()
        },
    }
