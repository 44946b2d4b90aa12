#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module smoke_plan."""

from __future__ import annotations

DOCUMENTATION = r"""
module: smoke_plan
short_description: Check what a smoke test needs, before anything is made
version_added: 0.1.0
description:
  - Checks the declaration, the image, the network, the computes and the credentials, and returns the servers to be made.
    Nothing is written.
  - Every mistake is one sentence that names the option.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.info
  - nova_pci.passthrough.cloud
options:
  devices:
    description: The declaration, C(pci_passthrough_devices).
    type: list
    elements: raw
    required: true
  aliases:
    description: Test these aliases, C(nic:2) with two devices in one server. One device of each declared alias when empty.
    type: list
    elements: str
    default: []
  image:
    description: Name or id of the image to start. Its console has to show the guest's PCI devices.
    type: str
    required: true
  network:
    description: Name or id of a network. The servers get none when empty.
    type: str
  ram:
    description: MiB of memory of a test server.
    type: int
    default: 256
  disk:
    description: GiB of disk of a test server.
    type: int
    default: 1
  compute_names:
    description:
      - The names by which Ansible knows a compute, the surest first. The servers are made there and nowhere else.
      - When left out the scheduler chooses.
    type: list
    elements: str
  console_pattern:
    description: >-
      A regular expression with the group C(ids) (C(vendor:product)) and perhaps C(address) for one device on the guest's
      console. When empty, what the lab's guests, lspci and Linux print is known.
    type: str
seealso:
  - module: nova_pci.passthrough.smoke_server
  - module: nova_pci.passthrough.smoke_verify
"""

EXAMPLES = r"""
- name: See whether the smoke test could begin
  nova_pci.passthrough.smoke_plan:
    cloud: production
    devices: "{{ pci_passthrough_devices }}"
    image: cirros-0.6.2
  delegate_to: localhost
  register: planned
"""

RETURN = r"""
probes:
  description: The servers to be made.
  type: list
  elements: dict
  returned: success
  sample: [{name: nova-pci-passthrough-smoke-a1-0badcafe, alias: a1, count: 1, host: compute1}]
image_id:
  description: The image's id.
  type: str
  returned: success
  sample: 5f2f7a30-7c53-4a7e-9d0a-6a3d6f3b1c55
network_id:
  description: The network's id, V(null) for none.
  type: str
  returned: success
  sample: null
host:
  description: Nova's name of the compute, V(null) when the scheduler chooses.
  type: str
  returned: success
  sample: compute1
"""

import secrets
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import CLOUD_ARGUMENT_SPEC, run_cloud_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.connection import SDK_MISSING, connect
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.servers import (
    find_image,
    find_network,
    read_computes,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.console import compile_pattern
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import raise_problems
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.smoke_plan import (
    chosen_aliases,
    image_problems,
    input_problems,
    own_compute,
    plan_probes,
    some_compute,
)


def plan(params: dict[str, Any]) -> dict[str, Any]:
    """The module's result for its parameters."""
    raise_problems(input_problems(params["image"], params["ram"], params["disk"]))
    if params["console_pattern"]:
        compile_pattern(params["console_pattern"], "smoke_console_pattern")
    aliases = chosen_aliases(parse_declaration(params["devices"]), params["aliases"])
    cloud = connect(params["cloud"])
    computes = read_computes(cloud)
    some_compute(computes)
    host = own_compute(computes, params["compute_names"]) if params["compute_names"] else None
    image = find_image(cloud, params["image"])
    raise_problems(image_problems(image, params["ram"], params["disk"]))
    return {
        "changed": False,
        "probes": [probe.to_dict() for probe in plan_probes(aliases, host, secrets.token_hex(4))],
        "image_id": image["id"],
        "network_id": find_network(cloud, params["network"])["id"] if params["network"] else None,
        "host": host,
    }


def main() -> None:
    spec = {
        **CLOUD_ARGUMENT_SPEC,
        "devices": {"type": "list", "elements": "raw", "required": True},
        "aliases": {"type": "list", "elements": "str", "default": []},
        "image": {"type": "str", "required": True},
        "network": {"type": "str"},
        "ram": {"type": "int", "default": 256},
        "disk": {"type": "int", "default": 1},
        "compute_names": {"type": "list", "elements": "str"},
        "console_pattern": {"type": "str"},
    }
    run_cloud_module(AnsibleModule(argument_spec=spec, supports_check_mode=True), plan, SDK_MISSING)


if __name__ == "__main__":
    main()
