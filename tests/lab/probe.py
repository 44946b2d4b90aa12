"""Ask a cloud's API how far it is, with the standard library alone; run as a program in the cloud's namespace."""

from __future__ import annotations

import http.client
import json
import sys
import urllib.request
from dataclasses import dataclass
from typing import Any

_SECONDS = 30
_TROUBLE = (OSError, ValueError, KeyError, http.client.HTTPException)


@dataclass(frozen=True)
class Answer:
    """What the API says; `missing` names the first part that does not answer yet, in words, or is empty."""

    missing: str
    detail: str = ""


def ask(keystone: str, nova: str, user: str, password: str, host: str) -> Answer:
    """Keystone, Nova's API, the service on `host`, and whether its cell knows the host, in this order."""
    try:
        token = _token(keystone, user, password)
    except _TROUBLE as error:
        return Answer("Keystone", str(error))
    try:
        services = _get(f"{nova}/os-services?binary=nova-compute&host={host}", token)["services"]
    except _TROUBLE as error:
        return Answer("Nova's API", str(error))
    if [service["state"] for service in services] != ["up"]:
        return Answer("nova-compute", f"{host} has not reported yet" if not services else f"{host} is reported as down")
    try:
        known = _get(f"{nova}/os-hypervisors", token)["hypervisors"]
    except _TROUBLE as error:
        return Answer("Nova's API", str(error))
    if host not in [hypervisor["hypervisor_hostname"].partition(".")[0] for hypervisor in known]:
        return Answer("nova-scheduler", f"it has not yet discovered the compute host {host}")
    return Answer("")


def _token(keystone: str, user: str, password: str) -> str:
    domain = {"name": "Default"}
    who = {"user": {"name": user, "domain": domain, "password": password}}
    body = {
        "auth": {
            "identity": {"methods": ["password"], "password": who},
            "scope": {"project": {"name": "admin", "domain": domain}},
        }
    }
    request = urllib.request.Request(
        f"{keystone}/auth/tokens", json.dumps(body).encode(), {"Content-Type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
        return str(answer.headers["X-Subject-Token"])


def _get(url: str, token: str) -> dict[str, Any]:
    request = urllib.request.Request(url, headers={"X-Auth-Token": token})
    with urllib.request.urlopen(request, timeout=_SECONDS) as answer:
        found: dict[str, Any] = json.load(answer)
        return found


if __name__ == "__main__":
    print(json.dumps(vars(ask(*sys.argv[1:]))))
