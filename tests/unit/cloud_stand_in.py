# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A stand-in for Keystone, Nova, Glance, Neutron and Placement: enough of each for our modules, in a process of its own.

It answers as the real services do where our modules look; the lab has the real ones. `python3 cloud_stand_in.py` prints its
port. /control shows its state and takes what a test wants changed (see STATE).
"""

from __future__ import annotations

import contextlib
import copy
import json
import os
import re
import socket
import struct
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

MARKER = "00000000-0000-4000-8000-"
STATE: dict[str, Any] = {
    "flavors": {},
    "access": {},  # flavor id -> projects
    "servers": {},
    "written": [],  # "METHOD service path" of every request that changes something
    "admin": True,
    "password": "secret",
    "token": "token",
    "page": 1000,
    "page_of_a_proxy": None,
    "resets": {},  # "METHOD /path" (a regular expression) -> how many of the next connections are reset
    "broken": {},  # "METHOD service path" (a regular expression) -> [status, message]
    "life": ["BUILD", "ACTIVE"],  # what a server shows, one look each; the last for ever
    "task_state": "spawning",
    "host": "compute1",
    "fault": None,
    "events": [],
    "console": "TINY-PCI 0028 8086:10d3\n",
    "deleting": 0,  # looks at a deleted server that still find it
    "services": [
        {
            "id": "s-1",
            "binary": "nova-compute",
            "host": "compute1",
            "state": "up",
            "status": "enabled",
            "disabled_reason": None,
        }
    ],
    "reports": 0,  # how often the services were looked at: each time they have reported once more, but for a silent one
    "microversion": "2.87",
    "acted": [],  # "ACTION server's name" of every action
    "ways": {},  # ACTION -> what a server shows after it, one look each, instead of WAYS
    "images": [{"id": f"{MARKER}00000000000a", "name": "tiny", "status": "active", "min_ram": 0, "min_disk": 0}],
    "networks": [{"id": f"{MARKER}00000000000b", "name": "net"}],
    "providers": {},  # uuid -> {"name", "inventories", "usages"}
    "allocated": [],  # uuids of the providers that a server's allocation names
    "candidates": 1,
    "offered": [],  # uuids of the providers that the candidates name
}

START = copy.deepcopy(STATE)

STATUS, TASK, HOST = "status", "OS-EXT-STS:task_state", "OS-EXT-SRV-ATTR:host"
# What a server has to be for an action, what it is at once, and what one look after the other shows then.
WAYS: dict[str, tuple[tuple[str, ...], dict[str, Any], list[dict[str, Any]]]] = {
    "os-stop": (("ACTIVE", "ERROR"), {TASK: "powering-off"}, [{STATUS: "SHUTOFF", TASK: None}]),
    "os-start": (("SHUTOFF",), {TASK: "powering-on"}, [{STATUS: "ACTIVE", TASK: None}]),
    "migrate": (
        ("ACTIVE", "SHUTOFF"),
        {TASK: "resize_prep"},
        [{STATUS: "RESIZE", TASK: "resize_migrating"}, {STATUS: "VERIFY_RESIZE", TASK: None, HOST: "compute2"}],
    ),
    "confirmResize": (("VERIFY_RESIZE",), {}, [{}, {STATUS: "ACTIVE"}]),
    "os-migrateLive": (
        ("ACTIVE",),
        {TASK: "migrating", STATUS: "MIGRATING"},
        [{}, {STATUS: "ACTIVE", TASK: None, HOST: "compute2"}],
    ),
}

Reply = tuple[int, dict[str, Any]]


def serve() -> None:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    print(server.server_port, flush=True)
    server.serve_forever()


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 the library's name
        """No access log on the tests' terminal."""

    def do_GET(self) -> None:
        self.answer()

    do_POST = do_PUT = do_DELETE = do_GET  # noqa: N815 the library's names

    def answer(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        body = json.loads(self.rfile.read(length) or b"{}")
        base = f"http://{self.headers['Host']}"
        for pattern, count in STATE["resets"].items():
            if count and re.fullmatch(pattern, f"{self.command} {self.path}"):
                STATE["resets"][pattern] = count - 1
                self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                self.close_connection = True
                return
        status, found = route(self.command, self.path, body, base)
        raw = b"" if status == 204 else json.dumps(found).encode()
        if STATE["page_of_a_proxy"] and "/flavors" in self.path:
            status, raw = 502, STATE["page_of_a_proxy"].encode()
        self.send_response(status)
        if "/auth/tokens" in self.path:
            self.send_header("X-Subject-Token", STATE["token"])
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(raw)))
        self.end_headers()
        self.wfile.write(raw)


def route(method: str, whole: str, body: dict[str, Any], base: str) -> Reply:
    path, _mark, query = whole.partition("?")
    _root, service, *parts = path.split("/")
    if service == "control":
        if body.pop("reset", False):
            STATE.update(copy.deepcopy(START))
        STATE.update(body)
        return 200, STATE
    if not service:  # nova-api, asked whether it is there
        return 300, {"versions": []}
    if service == "identity":
        return identity(method, parts, body, base)
    parts = [part for part in parts if part not in ("", "v2.1", "v2", "v2.0")]
    if not parts:
        return 200, discovery(service, base, whole)
    said = f"{method} {service} /{'/'.join(parts)}"
    for pattern, (status, message) in STATE["broken"].items():
        if re.fullmatch(pattern, said):
            return status, {"badRequest": {"code": status, "message": message}}
    if not STATE["admin"] and (method != "GET" or "os-services" in said):
        return 403, {"forbidden": {"code": 403, "message": "Policy doesn't allow it to be performed."}}
    if method != "GET" and not said.endswith("/action"):
        STATE["written"].append(said)
    return {"compute": compute, "image": image, "network": network, "placement": placement}[service](
        method, parts, query, body
    )


def discovery(service: str, base: str, asked: str) -> dict[str, Any]:
    version = {"compute": "v2.1", "image": "v2.9", "network": "v2.0", "placement": "v1.0"}[service]
    path = {"compute": "/v2.1/", "image": "/v2/", "network": "/v2.0/", "placement": "/"}[service]
    entry = {
        "id": version,
        "status": "CURRENT",
        "version": STATE["microversion"] if service == "compute" else "1.36" if service == "placement" else "",
        "min_version": "2.1" if service == "compute" else "1.0" if service == "placement" else "",
        "max_version": "1.36" if service == "placement" else "",
        "links": [{"rel": "self", "href": f"{base}/{service}{path}"}],
    }
    return {"version": entry} if "/v2.1" in asked else {"versions": [entry]}


def identity(method: str, parts: list[str], body: dict[str, Any], base: str) -> Reply:
    if parts[-1:] == ["tokens"]:
        given = body["auth"]["identity"]["password"]["user"]["password"]
        if given != STATE["password"]:
            return 401, {"error": {"code": 401, "message": "The request you have made requires authentication."}}
        return 201, {"token": token(base)}
    entry = {
        "id": "v3.14",
        "status": "stable",
        "links": [{"rel": "self", "href": f"{base}/identity/v3/"}],
        "media-types": [],
    }
    return (200, {"version": entry}) if parts[:1] == ["v3"] else (300, {"versions": {"values": [entry]}})


def token(base: str) -> dict[str, Any]:
    paths = {"compute": "/v2.1", "image": "", "network": "", "placement": ""}
    return {
        "methods": ["password"],
        "expires_at": "2999-01-01T00:00:00.000000Z",
        "issued_at": "2026-01-01T00:00:00.000000Z",
        "user": {"id": "u", "name": "admin", "domain": {"id": "default", "name": "Default"}},
        "project": {"id": "p", "name": "admin", "domain": {"id": "default", "name": "Default"}},
        "roles": [{"id": "r", "name": "admin"}],
        "catalog": [
            {
                "type": service,
                "name": service,
                "id": service,
                "endpoints": [
                    {
                        "id": service,
                        "interface": "public",
                        "region": "here",
                        "region_id": "here",
                        "url": f"{base}/{service}{path}",
                    }
                ],
            }
            for service, path in paths.items()
        ],
    }


def missing(what: str) -> Reply:
    return 404, {"itemNotFound": {"code": 404, "message": f"{what} could not be found."}}


def compute(method: str, parts: list[str], query: str, body: dict[str, Any]) -> Reply:
    if parts[0] == "flavors":
        return flavors(method, parts[1:], query, body)
    if parts[0] == "os-services":
        return services(method, parts[1:], body)
    return servers(method, parts[1:], query, body)


def services(method: str, parts: list[str], body: dict[str, Any]) -> Reply:
    if method == "PUT":
        row = next((row for row in STATE["services"] if row["id"] == parts[0]), None)
        if row is None:
            return missing(f"Service {parts[0]}")
        row.update(status=body["status"], disabled_reason=body.get("disabled_reason"))
        return 200, {"service": row}
    STATE["reports"] += 1
    seen = f"2026-01-01T00:{STATE['reports']:02d}:00.000000"
    rows = [{**row, "updated_at": row.get("updated_at", seen)} for row in STATE["services"]]
    return 200, {"services": rows}


def flavors(method: str, parts: list[str], query: str, body: dict[str, Any]) -> Reply:
    known = STATE["flavors"]
    if parts == ["detail"]:
        return flavor_page(query)
    if not parts:
        row = {**body["flavor"], "extra_specs": {}}
        if row["id"] in known or row["name"] in {one["name"] for one in known.values()}:
            return 409, {"conflictingRequest": {"code": 409, "message": f"Flavor {row['name']} already exists."}}
        known[row["id"]] = row
        return 200, {"flavor": row}
    flavor_id, *rest = parts
    if flavor_id not in known:
        return missing(f"Flavor {flavor_id}")
    row = known[flavor_id]
    if not rest and method == "DELETE":
        del known[flavor_id]
        return 202, {}
    if not rest:
        row["description"] = body["flavor"]["description"]
    elif rest == ["action"]:
        STATE["access"].setdefault(flavor_id, []).append(body["addTenantAccess"]["tenant"])
    elif rest == ["os-flavor-access"]:
        return 200, {"flavor_access": [{"tenant_id": one} for one in STATE["access"].get(flavor_id, [])]}
    elif method == "DELETE":
        row["extra_specs"].pop(rest[1], None)
    else:
        row["extra_specs"].update(body["extra_specs"])
    return 200, {"flavor": row}


def flavor_page(query: str) -> Reply:
    rows = sorted(STATE["flavors"].values(), key=lambda row: row["id"])
    marker = re.search(r"marker=([^&]+)", query)
    if marker:
        rows = [row for row in rows if row["id"] > marker[1]]
    page = rows[: STATE["page"]]
    links = {"flavors_links": [{"rel": "next", "href": "x"}]} if len(rows) > len(page) else {}
    return 200, {"flavors": page, **links}


def servers(method: str, parts: list[str], query: str, body: dict[str, Any]) -> Reply:
    known = STATE["servers"]
    if parts == ["detail"]:
        return server_page(query)
    if not parts:
        row = {**body["server"], "id": f"{MARKER}{len(STATE['written']):012d}", "status": "BUILD", "looks": 0}
        known[row["id"]] = row
        return 202, {"server": {"id": row["id"]}}
    server_id, *rest = parts
    if server_id not in known:
        return missing(f"Instance {server_id}")
    row = known[server_id]
    if rest == ["action"]:
        return act(row, next(iter(body)))
    if rest[:1] == ["os-instance-actions"]:
        request = {"request_id": "req-1", "action": "create", "message": "Error", "events": STATE["events"]}
        return 200, {"instanceAction": request} if rest[1:] else {"instanceActions": [request]}
    if method == "DELETE":
        row["gone_after"] = STATE["deleting"]
        return 204, {}
    return 200, {"server": look_at(row)}


def server_page(query: str) -> Reply:
    rows = [row for row in STATE["servers"].values() if "&host=" not in query or f"&host={row.get(HOST)}&" in query]
    marker = re.search(r"marker=([^&]+)", query)
    if marker:
        rows = rows[[row["id"] for row in rows].index(marker[1]) + 1 :]
    page = [go_on(row) for row in rows[: STATE["page"]]]
    links = {"servers_links": [{"rel": "next", "href": "x"}]} if len(rows) > len(page) else {}
    return 200, {"servers": page, **links}


def act(row: dict[str, Any], action: str) -> Reply:
    if action == "os-getConsoleOutput":
        return 200, {"output": STATE["console"]}
    fit, at_once, coming = WAYS[action]
    if row["status"] not in fit or row.get(TASK):
        said = f"Cannot '{action}' instance {row['id']} while it is in vm_state {row['status'].lower()}"
        return 409, {"conflictingRequest": {"code": 409, "message": said}}
    STATE["acted"].append(f"{action} {row['name']}")
    row.update(at_once)
    row["coming"] = copy.deepcopy(STATE["ways"].get(action, coming))
    return 202, {}


def go_on(row: dict[str, Any]) -> dict[str, Any]:
    """One look later at a server that a test has put here."""
    if row.get("coming"):
        row.update(row["coming"].pop(0))
    return row


def look_at(row: dict[str, Any]) -> dict[str, Any]:
    if "looks" not in row:
        return go_on(row)
    if "gone_after" in row:
        row["gone_after"] -= 1
        if row["gone_after"] < 0:
            del STATE["servers"][row["id"]]
        return row
    row["status"] = STATE["life"][min(row["looks"], len(STATE["life"]) - 1)]
    row["looks"] += 1
    building = row["status"] == "BUILD"
    row.update({"OS-EXT-SRV-ATTR:host": None if building else row.get("host") or STATE["host"]})
    row.update({"OS-EXT-STS:task_state": STATE["task_state"] if building else None})
    if row["status"] == "ERROR" and STATE["fault"]:
        row["fault"] = STATE["fault"]
    return row


def image(method: str, parts: list[str], query: str, body: dict[str, Any]) -> Reply:
    return find(STATE["images"], parts, query, "images", None)


def network(method: str, parts: list[str], query: str, body: dict[str, Any]) -> Reply:
    return find(STATE["networks"], parts, query, "networks", "network")


def find(rows: list[dict[str, Any]], parts: list[str], query: str, kind: str, inner: str | None) -> Reply:
    if len(parts) == 1:
        return 200, {kind: [row for row in rows if query == f"name={row['name']}"]}
    row = next((row for row in rows if row["id"] == parts[1]), None)
    if row is None:
        return missing(parts[1])
    return 200, {inner: row} if inner else row


def placement(method: str, parts: list[str], query: str, body: dict[str, Any]) -> Reply:
    if parts[0] == "allocation_candidates":
        summaries = {uuid: {"root_provider_uuid": uuid} for uuid in STATE["offered"]}
        return 200, {"allocation_requests": [{}] * STATE["candidates"], "provider_summaries": summaries}
    if parts[0] == "allocations":
        held = STATE["allocated"] if parts[1] in STATE["servers"] else []
        return 200, {"allocations": {uuid: {} for uuid in held}}
    rows = STATE["providers"]
    if len(parts) == 1:
        return 200, {"resource_providers": [{"uuid": uuid, "name": row["name"]} for uuid, row in rows.items()]}
    row = rows[parts[1]]
    if len(parts) == 2:
        return 200, {"uuid": parts[1], "name": row["name"]}
    return 200, {parts[2]: row[parts[2]]}


class StandIn:
    """A test's hold on the running stand-in."""

    def __init__(self, process: subprocess.Popen[str], port: int, folder: Path) -> None:
        self.process = process
        self.folder = folder  # where clouds.yaml is
        self.url = f"http://127.0.0.1:{port}"

    def control(self, **changes: Any) -> dict[str, Any]:
        raw = json.dumps(changes).encode() if changes else None
        with urllib.request.urlopen(f"{self.url}/control", data=raw, timeout=10) as answer:
            return dict(json.load(answer))

    @property
    def written(self) -> list[str]:
        return list(self.control()["written"])

    @property
    def flavors(self) -> dict[str, dict[str, Any]]:
        return {row["name"]: row for row in self.control()["flavors"].values()}

    @property
    def servers(self) -> list[str]:
        return [row["name"] for row in self.control()["servers"].values()]


@contextlib.contextmanager
def running(folder: Path) -> Iterator[StandIn]:
    """Start it, with a clouds.yaml in *folder* for the clouds of clouds_yaml()."""
    process = subprocess.Popen([sys.executable, __file__], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    try:
        stand_in = StandIn(process, int(process.stdout.readline()), folder)
        (folder / "clouds.yaml").write_text(clouds_yaml(stand_in.url), encoding="utf-8")
        yield stand_in
    finally:
        process.terminate()
        process.wait(10)
        process.stdout.close()


def clouds_yaml(url: str) -> str:
    def cloud(password: str = "secret", auth_url: str = f"{url}/identity", region: str = "here") -> dict[str, Any]:
        auth = {
            "auth_url": auth_url,
            "username": "admin",
            "password": password,
            "project_name": "admin",
            "user_domain_name": "Default",
            "project_domain_name": "Default",
        }
        return {"auth": auth, "region_name": region}

    clouds = {
        "here": cloud(),
        "wrong_password": cloud(password="other"),
        "elsewhere": cloud(auth_url="http://127.0.0.1:9/identity"),
        "password_in_url": cloud(auth_url="http://admin:S3cr3t@127.0.0.1:9/identity"),
        "no_region": cloud(region="Atlantis"),
        "no_auth": {"region_name": "here"},
    }
    return json.dumps({"clouds": clouds})  # JSON is YAML


def clear_environment(monkeypatch: Any, folder: Path) -> None:
    """No credentials of the machine's own take part in a test."""
    for name in [name for name in os.environ if name.startswith("OS_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(folder / "clouds.yaml"))
    monkeypatch.setenv("HOME", str(folder))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(folder))


if __name__ == "__main__":
    serve()
