#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module host_apply."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_apply
short_description: Carry out a plan of host_plan in one transaction, or take everything back
version_added: 0.1.0
description:
  - Writes the files of a plan, runs the tools that depend on them (update-grub, the initramfs tool) and binds the
    devices, as one transaction. The former state of everything goes to a journal on the host first.
  - When a step fails, everything that the run did is taken back, and the error carries the step's own words. This
    holds for a device that cannot be bound at run time too, for it would hardly bind at boot; devices that the run
    had bound get their former drivers back.
  - When the run itself is cut off (power, kill), every file is its old or its new self, the journal says so, and the
    next run completes the work.
  - A host that is as planned is only looked at. Nothing is written and no tool runs.
  - The one thing noted without counting as a change is what the host remembers of a pending reboot.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.apply
options:
  state:
    description:
      - V(present) brings the host to O(plan).
      - V(absent) gives devices back to their drivers, brings back every file byte for byte and runs the tools again.
        What an administrator changed meanwhile is left as it stands and reported in RV(ignore:kept). While a running
        guest holds one of the devices nothing is begun, and the guest is named.
      - Where the journal is missing or cannot be read, V(absent) removes the files of this collection that carry its mark,
        runs the tools that read them, and says in RV(ignore:notes) and RV(ignore:kept) what it could not bring back. A
        journal that cannot be read is kept beside its place under another name.
    type: str
    choices: [present, absent]
    default: present
  plan:
    description: The plan, exactly as M(nova_pci.passthrough.host_plan) returned it. Required for O(state=present).
    type: dict
  contents:
    description:
      - The rendered text of each template that O(plan) names, by the template's name.
    type: dict
    default: {}
attributes:
  diff_mode:
    description: Returns each file before and after. Content that the plan marks as secret is not shown.
    support: full
notes:
  - The journal is C(/var/lib/nova-pci-passthrough/journal.json). Without it only whole files of this collection can be
    taken back, by their mark.
seealso:
  - module: nova_pci.passthrough.host_plan
"""

EXAMPLES = r"""
- name: Plan
  nova_pci.passthrough.host_plan:
    devices: "{{ pci_passthrough_devices }}"
  register: planned

# The templates are those of the role host, and print its variables.
- name: Carry it out
  nova_pci.passthrough.host_apply:
    plan: "{{ planned.plan }}"
    contents: "{{ dict(names | zip(query('ansible.builtin.template', *names, template_vars={'plan': planned.plan}))) }}"
  vars:
    names: "{{ planned.plan.files | selectattr('template', 'defined') | map(attribute='template') | unique }}"

- name: Take everything back
  nova_pci.passthrough.host_apply:
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, in order; in check mode exactly what would be done.
  returned: success
  type: list
  elements: str
  sample:
    - write /etc/default/grub.d/zz-nova-pci-passthrough.cfg
    - run update-grub
    - bind 0000:02:00.0 to vfio-pci (now e1000e)
steps:
  description: What the device script reported, step by step; empty in check mode.
  returned: success
  type: list
  elements: dict
  contains:
    status:
      description: One of V(ok), V(changed), V(failed) and V(skipped).
      type: str
      sample: changed
    address:
      description: The device.
      type: str
      sample: "0000:02:00.0"
    message:
      description: What happened, in words.
      type: str
      sample: bound to vfio-pci
kept:
  description: Paths that are left as they stand because somebody else changed them since.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The path.
      type: str
      sample: /etc/kernel/cmdline
    why:
      description: The reason, in words.
      type: str
      sample: was changed by someone else since this collection wrote it; it is left as it stands
notes:
  description: What a person has to know besides; of a removal without a journal, by what it went and what it could not do.
  returned: success
  type: list
  elements: str
  sample: []
drained:
  description: What was taken down for a reboot and not brought back yet; V(null) when there is nothing.
  returned: success
  type: dict
  sample: null
reboot:
  description: Whether the host has to reboot for all of this to hold.
  returned: success
  type: dict
  contains:
    required:
      description: V(true) when it has to.
      type: bool
      sample: true
    reasons:
      description: Why, in words.
      type: list
      elements: str
      sample: ["kernel argument intel_iommu=on is not running yet"]
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import APPLY_ARGUMENT_SPEC, run_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.changes import Applied, Removed
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.guest_devices import who_holds
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.host_places import host_places
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.wanted import read_plan
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.boot import read_boot
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.command import Commands
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.drain_record import read_drained
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.initramfs import read_initramfs_tool
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.transaction import Transaction


def goal_of(given: dict[str, Any]) -> Applied | Removed:
    if given["state"] == "present":
        return Applied(read_plan(given["plan"], given["contents"]))
    return Removed(host_places(read_boot(given["root"]), read_initramfs_tool(Path(given["root"]))))


def main() -> None:
    module = AnsibleModule(
        argument_spec={**APPLY_ARGUMENT_SPEC, "contents": {"type": "dict", "default": {}}},
        required_if=[("state", "present", ["plan"])],
        supports_check_mode=True,
    )

    def work(given: dict[str, Any]) -> dict[str, Any]:
        root, goal = given["root"], goal_of(given)
        limits = given["timeout"], given["lock_timeout"]
        transaction = Transaction(
            Files(root), Commands(root), goal, *limits, holders=lambda: who_holds(read_machine(root))
        )
        outcome = transaction.check() if module.check_mode else transaction.run()
        return {**outcome.to_dict(module._diff), "drained": read_drained(Files(root))}

    run_module(module, work)


if __name__ == "__main__":
    main()
