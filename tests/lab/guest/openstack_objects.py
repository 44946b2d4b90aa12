#!/usr/bin/python3
"""Runs in the controller while it is built: users, endpoints and images, from a description on standard input."""

from __future__ import annotations

import json
import sys
from typing import Any

import openstack


def main() -> None:
    """Make everything that is described."""
    wanted = json.load(sys.stdin)
    cloud: Any = openstack.connect(cloud="lab")
    identity = cloud.identity
    domain = identity.find_domain("Default") or identity.find_domain("default")
    project = identity.create_project(name="service", domain_id=domain.id)
    admin = next(role for role in identity.roles() if role.name == "admin")
    service_roles = [role for role in identity.roles() if role.name == "service"]
    for name, password in wanted["users"].items():
        user = identity.create_user(name=name, password=password, domain_id=domain.id, default_project_id=project.id)
        for role in [admin, *service_roles]:
            identity.assign_project_role_to_user(project, user, role)
    for kind, (name, url) in wanted["endpoints"].items():
        service = identity.create_service(name=name, type=kind)
        for interface in ("public", "internal", "admin"):
            identity.create_endpoint(service_id=service.id, interface=interface, url=url, region_id=wanted["region"])
    upload_images(openstack.connect(cloud="lab"), wanted["images"])


def upload_images(cloud: Any, folder: str) -> None:
    """The two servers' images; the kernel and its initramfs are images of their own."""

    def upload(name: str, file: str, **more: str) -> Any:
        path = folder + "/" + file
        return cloud.create_image(
            name, filename=path, container_format="bare", disk_format="raw", wait=True, visibility="public", **more
        )

    kernel = upload("tiny-kernel", "vmlinuz")
    initrd = upload("tiny-initrd", "initrd")
    words = "console=ttyS0 quiet no_timer_check"
    upload("tiny", "tiny.img", kernel_id=kernel.id, ramdisk_id=initrd.id, os_command_line=words)
    upload("bootsect", "bootsect.img")


if __name__ == "__main__":
    main()
