#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module diagnose_cloud_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: diagnose_cloud_info
short_description: Read what the cloud knows of a request for PCI devices
version_added: 0.1.0
description:
  - Reads a flavor, or a server with its flavor and its fault, then Nova's services and what Placement offers. Nothing is changed.
  - What comes of it is judged by P(nova_pci.passthrough.diagnosis#filter), together with what the hosts say.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.info
  - nova_pci.passthrough.cloud
options:
  flavor:
    description: Name or id of a flavor.
    type: str
  server:
    description: Id of a server.
    type: str
seealso:
  - module: nova_pci.passthrough.diagnose_host_info
  - plugin: nova_pci.passthrough.diagnosis
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read a server that did not come up
  nova_pci.passthrough.diagnose_cloud_info:
    cloud: production
    server: 5f2f7a30-7c53-4a7e-9d0a-6a3d6f3b1c55
  delegate_to: localhost
  register: read
"""

RETURN = r"""
facts:
  description: The cloud's part as plain data.
  type: dict
  returned: success
  contains:
    asked:
      description: What was asked for, in words.
      type: str
      returned: always
      sample: gpu.large
    flavor:
      description: Its C(name), C(vcpus), C(ram), C(disk) and C(extra_specs); V(null) when there is no such flavor.
      type: dict
      returned: always
    flavor_names:
      description: The flavors that there are, when that one is not among them.
      type: list
      elements: str
      returned: always
      sample: []
    server:
      description: Its C(id), C(name), C(status), C(host) and what Nova C(said) of it; V(null) for a flavor.
      type: dict
      returned: always
      sample: null
    computes:
      description: Each nova-compute that Nova lists; V(null) when that may not be asked.
      type: list
      elements: dict
      returned: always
      sample: [{binary: nova-compute, host: compute1, state: up, status: enabled, reason: null}]
    controllers:
      description: The same of the other services.
      type: list
      elements: dict
      returned: always
      sample: []
    room:
      description: The computes that Placement offers for the flavor's size; V(null) when it may not be asked.
      type: list
      elements: str
      returned: always
      sample: [compute1]
    providers:
      description: The PCI devices that Placement tracks, each with C(name), C(traits) and C(inventories).
      type: list
      elements: dict
      returned: always
      sample: []
    unanswered:
      description: >-
        Why nova-api gave no answer, with C(seen) and C(fix), so that all that it is asked for is missing; V(null) where it did.
      type: dict
      returned: always
      sample: null
    unreadable:
      description: What these credentials may not see.
      type: list
      elements: dict
      returned: always
      sample: []
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import CLOUD_ARGUMENT_SPEC, run_cloud_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.connection import SDK_MISSING, connect
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.diagnosis import read_request_facts
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.diagnosis_request import check_asked


def read(params: dict[str, Any]) -> dict[str, Any]:
    """The module's result for its parameters."""
    check_asked(params["flavor"], params["server"])
    return {
        "changed": False,
        "facts": read_request_facts(connect(params["cloud"]), params["flavor"], params["server"]),
    }


def main() -> None:
    spec = {**CLOUD_ARGUMENT_SPEC, "flavor": {"type": "str"}, "server": {"type": "str"}}
    run_cloud_module(AnsibleModule(argument_spec=spec, supports_check_mode=True), read, SDK_MISSING)


if __name__ == "__main__":
    main()
