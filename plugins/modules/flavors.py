#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module flavors."""

from __future__ import annotations

DOCUMENTATION = r"""
module: flavors
short_description: Make the flavors that ask for PCI devices, change them, take them back
version_added: 0.1.0
description:
  - Brings Nova's flavors to the declaration. Everything is checked before the first change; a mistake in one flavor leaves
    all of them alone.
  - A flavor that this module made carries C(nova_pci_passthrough:managed=created) among its extra specs, and an id made from
    its name. Nothing in Nova looks at that name.
  - Nova can change a flavor's extra specs and description alone. A changed size deletes a flavor of ours and makes it again
    under the same name and id; servers keep the copy that they were made with. Extra specs that an administrator added
    and the projects that may use it come along.
  - A flavor that is not ours is never touched without O(adopt), and never deleted or made again at all.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.cloud
attributes:
  check_mode:
    description: Says exactly what it would do.
    support: full
  diff_mode:
    description: Shows every changed flavor whole.
    support: full
options:
  flavors:
    description:
      - The flavors, C(pci_passthrough_flavors). Keys are V(name), V(devices) (how many of which alias),
        V(vcpus) (1), V(ram) in MiB (512), V(disk) in GiB (1), V(ephemeral) in GiB (0), V(swap) in MiB (0), V(is_public)
        (true), V(extra_specs) (texts by name) and V(description).
    type: list
    elements: raw
    default: []
  devices:
    description: The declaration, C(pci_passthrough_devices); its aliases are those that O(flavors) may name.
    type: list
    elements: raw
    default: []
  aliases:
    description: Further aliases that O(flavors) may name, declared somewhere else.
    type: list
    elements: str
    default: []
  adopt:
    description:
      - Put the devices on a flavor of that name that is not ours. Its extra specs with the same names are replaced and noted
        on it; O(state=absent) brings them back. Its sizes must be those that are declared.
    type: bool
    default: false
  prune:
    description: Take back flavors of ours that O(flavors) does not name. Otherwise they are named in RV(unlisted).
    type: bool
    default: false
  state:
    description:
      - V(absent) deletes the flavors that this module made and gives adopted ones their former extra specs back.
    type: str
    choices: [present, absent]
    default: present
  names:
    description: With O(state=absent), take back these alone. All of ours when left out.
    type: list
    elements: str
seealso:
  - module: nova_pci.passthrough.smoke_server
"""

EXAMPLES = r"""
- name: Offer servers with two cards
  nova_pci.passthrough.flavors:
    cloud: production
    devices:
      - {alias: a1, vendor_id: "8086", product_id: "154d", device_type: type-PF}
    flavors:
      - name: m1.large.a1
        devices: {a1: 2}
        vcpus: 4
        ram: 8192
        disk: 80
        extra_specs: {"hw:cpu_policy": dedicated}
  delegate_to: localhost

- name: Take back everything that was made
  nova_pci.passthrough.flavors:
    cloud: production
    state: absent
  delegate_to: localhost
"""

RETURN = r"""
actions:
  description: What was done, or would be in check mode, one sentence a flavor.
  type: list
  elements: str
  returned: success
  sample: [create flavor m1.large.a1]
flavors:
  description: The declared flavors as they are now, or would be.
  type: list
  elements: dict
  returned: success
  sample: [{id: 0d0e3b52-5bd7-5a8f-8a3c-7d1e7e3b0d0a, name: m1.large.a1, vcpus: 4, ram: 8192, disk: 80, origin: created}]
unlisted:
  description: Flavors of ours that the declaration does not name and that stay.
  type: list
  elements: str
  returned: success
  sample: []
notes:
  description: What was left alone, and why.
  type: list
  elements: str
  returned: success
  sample: []
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import CLOUD_ARGUMENT_SPEC, run_cloud_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.connection import SDK_MISSING, connect
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.flavors import carry_out, read_flavors
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_plan import (
    plan_flavors,
    plan_removal,
    result_of,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_request import parse_flavors


def manage(params: dict[str, Any], dry_run: bool) -> dict[str, Any]:
    """The module's result for its parameters."""
    absent = params["state"] == "absent"
    aliases = {entry.alias for entry in parse_declaration(params["devices"]) if entry.alias} | {*params["aliases"]}
    wanted = () if absent else parse_flavors(params["flavors"], aliases)
    cloud = connect(params["cloud"])
    existing = read_flavors(cloud)
    if absent:
        plan = plan_removal(existing, params["names"])
    else:
        plan = plan_flavors(wanted, existing, params["adopt"], params["prune"])
    if not dry_run:
        for step in plan.steps:
            carry_out(cloud, step.calls)
    return result_of(plan, wanted, existing)


def main() -> None:
    spec = {
        **CLOUD_ARGUMENT_SPEC,
        "flavors": {"type": "list", "elements": "raw", "default": []},
        "devices": {"type": "list", "elements": "raw", "default": []},
        "aliases": {"type": "list", "elements": "str", "default": []},
        "adopt": {"type": "bool", "default": False},
        "prune": {"type": "bool", "default": False},
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "names": {"type": "list", "elements": "str"},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    run_cloud_module(module, lambda params: manage(params, module.check_mode), SDK_MISSING)


if __name__ == "__main__":
    main()
