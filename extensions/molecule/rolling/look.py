"""Prints Nova's compute services and servers as JSON, with what was done to each server and when."""

from __future__ import annotations

import json

import openstack


def main() -> None:
    cloud = openstack.connect(cloud="lab")
    services = {
        service.host: {"status": service.status, "reason": service.disabled_reason}
        for service in cloud.compute.services()
        if service.binary == "nova-compute"
    }
    servers = {}
    for server in cloud.compute.servers(all_projects=True):
        rows = cloud.compute.get(f"/servers/{server.id}/os-instance-actions").json()["instanceActions"]
        servers[server.name] = {
            "id": server.id,
            "status": server.status,
            "host": server.compute_host,
            "actions": [[row["start_time"], row["action"]] for row in reversed(rows)],
        }
    print(json.dumps({"services": services, "servers": servers}))


if __name__ == "__main__":
    main()
