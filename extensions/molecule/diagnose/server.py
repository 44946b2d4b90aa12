"""`make FLAVOR`: asks Nova for a server and prints what it came to as JSON; `delete`: deletes every server and waits."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import openstack
from keystoneauth1.exceptions import ClientException

SECONDS = 900
API_SECONDS = 120  # a nova-api that was just started does not listen at once


def connected() -> openstack.connection.Connection:
    """With a nova-api that answers."""
    cloud = openstack.connect(cloud="lab", compute_connect_retries=8)  # one that stops takes connections and drops them
    deadline = time.monotonic() + API_SECONDS
    while True:
        try:
            list(cloud.compute.flavors(details=False))
        except (openstack.exceptions.SDKException, ClientException):
            if time.monotonic() > deadline:
                raise
            time.sleep(1)
        else:
            return cloud


def make(cloud: openstack.connection.Connection, flavor_name: str) -> dict[str, Any]:
    """Shape: *came_to* a server's status or the HTTP status of a refusal, *id* of the server, if there is one, and what was *said*."""
    image = cloud.image.find_image("bootsect", ignore_missing=False)
    flavor = cloud.compute.find_flavor(flavor_name, ignore_missing=False)
    body = {
        "server": {"name": "asked", "imageRef": image.id, "flavorRef": flavor.id, "networks": "none"},
    }
    answer = cloud.compute.post("/servers", json=body, microversion="2.74")
    if not answer.ok:
        return {"came_to": str(answer.status_code), "id": "", "said": answer.text}
    server = answer.json()["server"]["id"]
    deadline = time.monotonic() + SECONDS
    while time.monotonic() < deadline:
        found = cloud.compute.get_server(server)
        if found.status != "BUILD":
            return {"came_to": found.status, "id": server, "said": (found.fault or {}).get("message", "")}
        time.sleep(1)
    return {"came_to": "BUILD", "id": server, "said": f"it still is after {SECONDS} s"}


def delete(cloud: openstack.connection.Connection) -> None:
    deadline = time.monotonic() + SECONDS
    for server in cloud.compute.servers(details=False):
        cloud.compute.delete_server(server.id)
    while list(cloud.compute.servers(details=False)):
        if time.monotonic() > deadline:
            raise SystemExit(f"some servers are still there after {SECONDS} s")
        time.sleep(1)


def main() -> None:
    cloud = connected()
    if sys.argv[1] == "make":
        print(json.dumps(make(cloud, sys.argv[2])))
    else:
        delete(cloud)


if __name__ == "__main__":
    main()
