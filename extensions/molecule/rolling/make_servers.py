"""Makes a server with two devices on each compute host and waits until each has printed what it holds."""

from __future__ import annotations

import time

import openstack

COMPUTES = ("cmp1", "cmp2")
MICROVERSION = "2.74"
"""The first with "host", which leaves the scheduler's filters in place, unlike an availability zone."""
SECONDS = 1800


def main() -> None:
    cloud = openstack.connect(cloud="lab")
    image = cloud.image.find_image("tiny", ignore_missing=False)
    flavor = cloud.compute.find_flavor("pci.nic2", ignore_missing=False)
    wanted = {"imageRef": image.id, "flavorRef": flavor.id, "networks": "none"}
    for host in COMPUTES:
        body = {"server": {"name": f"on-{host}", "host": host, **wanted}}
        answer = cloud.compute.post("/servers", json=body, microversion=MICROVERSION)
        if not answer.ok:
            raise SystemExit(answer.text)
    deadline = time.monotonic() + SECONDS
    waiting = {server.id: server.name for server in cloud.compute.servers()}
    while waiting:
        for server in cloud.compute.servers():
            if server.status == "ERROR":
                raise SystemExit(f"{server.name}: {server.fault}")
            if server.status == "ACTIVE" and printed(cloud, server.id):
                waiting.pop(server.id, None)
        if time.monotonic() > deadline:
            raise SystemExit(f"these did not come up within {SECONDS} s: {', '.join(waiting.values())}")
        time.sleep(10)


def printed(cloud: openstack.connection.Connection, server_id: str) -> bool:
    """Whether the server has said everything that it says."""
    answer = cloud.compute.post(f"/servers/{server_id}/action", json={"os-getConsoleOutput": {}})
    # A nova-compute that is busy with the other server may not answer within Nova's minute.
    return answer.ok and "TINY-DONE" in answer.json()["output"]


if __name__ == "__main__":
    main()
