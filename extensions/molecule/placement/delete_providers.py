"""Deletes the resource providers of PCI devices, `<compute>_<address>`, as `openstack resource provider delete` does."""

from __future__ import annotations

import re

import openstack

PCI = re.compile(r".+_[0-9A-F]{4}:[0-9A-F]{2}:[0-9A-F]{2}\.[0-7]\Z")


def main() -> None:
    cloud = openstack.connect(cloud="lab")
    for provider in list(cloud.placement.resource_providers()):
        if PCI.match(provider.name):
            cloud.placement.delete_resource_provider(provider.id)
            print(provider.name)


if __name__ == "__main__":
    main()
