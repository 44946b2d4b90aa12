#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module smoke_verify."""

from __future__ import annotations

DOCUMENTATION = r"""
module: smoke_verify
short_description: Prove that a test server holds exactly its PCI device
version_added: 0.1.0
description:
  - Three witnesses are heard. Nova, by the server's state, flavor and host and, where PCI is tracked in Placement, by the device
    in its allocation. libvirt on the compute, by what M(nova_pci.passthrough.guest_devices_info) read there. The guest itself, by
    the PCI devices on its serial console.
  - A witness that cannot be heard proves nothing, and the result says so.
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
  probe:
    description: One of RV(nova_pci.passthrough.smoke_plan#module:probes).
    type: dict
    required: true
  server:
    description: The server, as M(nova_pci.passthrough.smoke_server) returned it.
    type: dict
    required: true
  guests:
    description: >-
      RV(nova_pci.passthrough.guest_devices_info#module:guests) of the compute. Left out when the compute is no host of the
      inventory.
    type: list
    elements: dict
  guest_proof:
    description: Fail when the guest's console does not prove it.
    type: bool
    default: true
  console_pattern:
    description: As for M(nova_pci.passthrough.smoke_plan).
    type: str
  timeout:
    description: Seconds to wait for the guest's console.
    type: int
    default: 180
seealso:
  - module: nova_pci.passthrough.smoke_server
"""

EXAMPLES = r"""
- name: Prove it
  nova_pci.passthrough.smoke_verify:
    cloud: production
    devices: "{{ pci_passthrough_devices }}"
    probe: "{{ planned.probes[0] }}"
    server: "{{ made.server }}"
    guests: "{{ held.guests }}"
  delegate_to: localhost
"""

RETURN = r"""
proofs:
  description: One row a witness, with C(by), C(state) (V(proven), V(not proven) or V(wrong)), C(expected), C(found), C(fix), C(ok).
  type: list
  elements: dict
  returned: always
  sample: [{by: libvirt, state: proven, expected: 1 device(s) of vendor_id 8086, found: "instance-1 has 0000:02:00.0", fix: null}]
line:
  description: The same in one line, for people.
  type: str
  returned: always
  sample: "a1 on compute1: nova proven, libvirt proven, guest proven"
addresses:
  description: The devices that libvirt has given to the server.
  type: list
  elements: str
  returned: always
  sample: ["0000:3b:00.0"]
console:
  description: The last lines of the console.
  type: list
  elements: str
  returned: when the guest's word does not prove it
  sample: []
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import CLOUD_ARGUMENT_SPEC, run_cloud_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.connection import SDK_MISSING, connect
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.servers import POLL_SECONDS, read_console
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.console import compile_pattern, shown_devices
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.smoke_plan import Probe
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.smoke_proof import Question, judge


def verify(params: dict[str, Any]) -> dict[str, Any]:
    """The module's result for its parameters; "failed" and "msg" among it when something is not as it should be."""
    entries = parse_declaration(params["devices"])
    if params["console_pattern"]:
        compile_pattern(params["console_pattern"], "smoke_console_pattern")
    question = Question(Probe.of(params["probe"]), entries, params["server"], params["guests"], params["guest_proof"])
    cloud = connect(params["cloud"])
    end = time.monotonic() + params["timeout"]
    while True:
        text = read_console(cloud, params["server"]["id"]) or ""
        shown = shown_devices(text, params["console_pattern"])
        if question.is_answered(shown) or time.monotonic() >= end:
            return judge(question, shown, text)
        time.sleep(POLL_SECONDS)


def main() -> None:
    spec = {
        **CLOUD_ARGUMENT_SPEC,
        "devices": {"type": "list", "elements": "raw", "required": True},
        "probe": {"type": "dict", "required": True},
        "server": {"type": "dict", "required": True},
        "guests": {"type": "list", "elements": "dict"},
        "guest_proof": {"type": "bool", "default": True},
        "console_pattern": {"type": "str"},
        "timeout": {"type": "int", "default": 180},
    }
    run_cloud_module(AnsibleModule(argument_spec=spec, supports_check_mode=True), verify, SDK_MISSING)


if __name__ == "__main__":
    main()
