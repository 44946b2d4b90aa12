#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module smoke_server."""

from __future__ import annotations

DOCUMENTATION = r"""
module: smoke_server
short_description: Make a throw-away server with a PCI device, and take it away again
version_added: 0.1.0
description:
  - With O(state=present) it makes a private flavor for the alias and a server from it, and waits until that is active. When it
    does not become active both are deleted, and the failure says which layer it was and what to do.
  - With O(state=absent) it deletes both and waits until Nova and Placement have let go of the device.
  - Interrupted, nothing stays behind. A second process watches over the server; it deletes server and flavor when the module is
    killed, and when O(hold) seconds after it nobody has done it.
  - Servers and flavors carry a mark and a time. Whatever a dead run left after a power cut is cleared by the next one.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.cloud
attributes:
  check_mode:
    description: Makes and deletes nothing.
    support: full
  diff_mode:
    description: RV(progress) and RV(cleared) tell what happened.
    support: none
options:
  state:
    description: Whether the server is to be there.
    type: str
    choices: [present, absent]
    default: present
  probe:
    description:
      - One of RV(nova_pci.passthrough.smoke_plan#module:probes).
      - With O(state=absent) and without it, every left-over of any run is cleared.
    type: dict
  image_id:
    description: The image's id.
    type: str
  network_id:
    description: The network's id; none when left out.
    type: str
  ram:
    description: MiB of memory.
    type: int
    default: 256
  disk:
    description: GiB of disk.
    type: int
    default: 1
  timeout:
    description: Seconds that the server may take to become active, or to go.
    type: int
    default: 600
  hold:
    description: Seconds after which an active server is deleted if no task has done it.
    type: int
    default: 900
seealso:
  - module: nova_pci.passthrough.smoke_plan
  - module: nova_pci.passthrough.smoke_verify
"""

EXAMPLES = r"""
- name: Make it
  nova_pci.passthrough.smoke_server:
    cloud: production
    probe: "{{ planned.probes[0] }}"
    image_id: "{{ planned.image_id }}"
  delegate_to: localhost
  register: made

- name: Take it away
  nova_pci.passthrough.smoke_server:
    cloud: production
    probe: "{{ planned.probes[0] }}"
    state: absent
  delegate_to: localhost
"""

RETURN = r"""
server:
  description: The active server.
  type: dict
  returned: when O(state=present) and it became active
  sample: {id: 5f2f7a30-7c53-4a7e-9d0a-6a3d6f3b1c55, status: ACTIVE, host: compute1, placement_addresses: []}
story:
  description: Why it did not; C(layer), C(what), C(fix) and C(said), what Nova or libvirt said.
  type: dict
  returned: when it did not become active
  sample: {layer: alias, what: nova-api does not know the alias a1, fix: Run the role controller, said: PCI alias a1 is not defined}
progress:
  description: The states it went through, with seconds.
  type: list
  elements: str
  returned: when O(state=present)
  sample: [0 s BUILD scheduling, 4 s BUILD spawning, 31 s ACTIVE]
cleared:
  description: What a dead run had left behind.
  type: list
  elements: str
  returned: success
  sample: []
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import CLOUD_ARGUMENT_SPEC, run_cloud_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.connection import SDK_MISSING
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.smoke import make, take_away
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.server_story import tell


def manage(params: dict[str, Any], dry_run: bool) -> dict[str, Any]:
    """The module's result for its parameters; "failed" and "msg" among it when the server did not become active."""
    if params["state"] == "absent":
        changed, cleared = take_away(params, dry_run)
        return {"changed": changed or bool(cleared), "cleared": list(cleared)}
    if dry_run:
        return {"changed": True, "server": None, "progress": [], "cleared": []}
    made = make(params)
    result: dict[str, Any] = {"changed": True, "progress": list(made.progress), "cleared": list(made.cleared)}
    if made.clues is None:
        return {**result, "server": made.server}
    story = tell(made.clues)
    msg = f"The test server for {made.clues.alias} did not become active. {story}"
    return {**result, "failed": True, "story": story.to_dict(), "msg": msg}


def main() -> None:
    spec = {
        **CLOUD_ARGUMENT_SPEC,
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "probe": {"type": "dict"},
        "image_id": {"type": "str"},
        "network_id": {"type": "str"},
        "ram": {"type": "int", "default": 256},
        "disk": {"type": "int", "default": 1},
        "timeout": {"type": "int", "default": 600},
        "hold": {"type": "int", "default": 900},
    }
    module = AnsibleModule(
        argument_spec=spec, supports_check_mode=True, required_if=[("state", "present", ("probe", "image_id"))]
    )
    run_cloud_module(module, lambda params: manage(params, module.check_mode), SDK_MISSING)


if __name__ == "__main__":
    main()
