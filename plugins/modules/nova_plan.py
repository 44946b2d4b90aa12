#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module nova_plan."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nova_plan
short_description: Decide what the Nova services of a host need to hand out the declared PCI devices
version_added: 0.1.0
description:
  - Reads the configuration of every Nova service of the host as that service reads it (its command line, files and
    directories in the order of oslo.config, older option names), and returns the plan for
    M(nova_pci.passthrough.nova_apply). Nothing is changed.
  - Everything that Nova of the installed release would refuse or misread is refused here first.
  - A host that runs nova-compute and controller services gets one plan for all of them, whichever O(role) asks.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.info
  - nova_pci.passthrough.overrides
  - nova_pci.passthrough.root
options:
  devices:
    description:
      - The declaration, one entry a kind of device; the collection's README lists the keys.
      - An entry with an alias has to name C(vendor_id), C(product_id) and C(device_type), for the alias on nova-api is
        made from the declaration alone.
    type: raw
    required: true
  role:
    description: Which services have to be on the host. V(compute) means nova-compute, V(controller) at least one of nova-api,
      nova-scheduler and nova-conductor.
    type: str
    choices: [compute, controller]
    required: true
  release:
    description:
      - The release of Nova, as a series (C(2024.1)), codename or version. Empty takes what is installed.
    type: raw
    default: ""
  placement:
    description:
      - V(report) lets nova-compute report its PCI devices to Placement (Nova 26 and later). This cannot be taken back while
        Placement knows them.
      - V(schedule) lets Nova schedule by that too (Nova 27 and later). Every compute has to report first.
    type: str
    choices: [none, report, schedule]
    default: none
  device_spec_by:
    description:
      - V(address) names each chosen device by address and ids. V(ids) names vendor and product only, and is refused where
        that would hand out a device that was not chosen.
    type: str
    choices: [address, ids]
    default: address
  providers_deleted:
    description: Say that this compute's PCI resource providers have been deleted from Placement, so that reporting may be
      switched off.
    type: bool
    default: false
seealso:
  - module: nova_pci.passthrough.nova_apply
  - module: nova_pci.passthrough.nova_verify
  - module: nova_pci.passthrough.nova_lint
"""

EXAMPLES = r"""
- name: Plan
  nova_pci.passthrough.nova_plan:
    role: compute
    devices:
      - alias: nic
        vendor_id: "8086"
        product_id: "10d3"
        device_type: type-PCI
  become: true
  register: planned

- name: Show what each service gets, and from which file
  ansible.builtin.debug:
    var: planned.table
"""

RETURN = r"""
plan:
  description: The plan as plain data. Its shape is described in docs/architecture.md.
  type: dict
  returned: success
  contains:
    version:
      description: The version of this shape.
      type: int
      returned: always
      sample: 1
    host:
      description: The boot that the plan was made for.
      type: dict
      returned: always
      sample: {boot_id: 0f5a3c1e-7a52-4f0e-9d5b-2f7c1f0a9b11}
    release:
      description: The release that the plan is made for, and how it is known.
      type: dict
      returned: always
      sample: {version: 26.2.2, name: zed, source: nova of /usr/lib/python3/dist-packages}
    devices:
      description: The devices of this host that Nova gets.
      type: list
      elements: dict
      returned: always
      sample: [{address: "0000:02:00.0", alias: nic, device_type: type-PCI, vendor_id: "8086", product_id: 10d3}]
    settings:
      description: What each service gets for each option after the plan was carried out, what it gets now, and from where.
      type: list
      elements: dict
      returned: always
      sample: [{service: nova-scheduler, option: "[filter_scheduler]enabled_filters", state: to change}]
    files:
      description: The files that shall exist, and the lines to change in files that are not ours.
      type: list
      elements: dict
      returned: always
      sample: [{path: /etc/nova/nova-compute.conf.d/nova-pci-passthrough.conf, mode: "0644"}]
    tools:
      description: The services to restart when their settings changed.
      type: list
      elements: dict
      returned: always
      sample: [{name: restart nova-compute, argv: [systemctl, restart, nova-compute.service]}]
    secrets_from:
      description: The configuration files in which secrets stand; what a service says is searched for them before it is shown.
      type: list
      elements: str
      returned: always
      sample: [/etc/nova/nova.conf]
    providers:
      description: What nova-compute will report to Placement, one row a provider; null where it reports nothing.
      type: list
      elements: dict
      returned: always
      sample: [{address: "0000:02:00.0", resource_class: CUSTOM_PCI_8086_10D3, total: 1}]
    findings:
      description: What Nova would make of the plan, as M(nova_pci.passthrough.nova_lint) returns it.
      type: list
      elements: dict
      returned: always
      sample: []
    notes:
      description: What a person should know, devices that are withheld among it.
      type: list
      elements: str
      returned: always
      sample: []
table:
  description: The settings of the host's Nova services as the lines of a table.
  type: list
  elements: str
  returned: success
  sample: ["SERVICE       OPTION             FROM                                                      VALUE"]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import ROOT_ARGUMENT_SPEC, run_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.devices_conf import PATH as DEVICES_CONF
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import NOVA_STATE_DIRECTORY
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.memory import recall
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_plan import (
    PLACEMENT_CHOICES,
    ROLES,
    HostDevices,
    NovaWishes,
    make_nova_plan,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_verify import setting_table
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.offer import SPEC_CHOICES
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.override import parse_overrides
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.selection import select
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.journal_store import JournalStore
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.nova import read_nova


def plan_nova(params: dict[str, Any]) -> dict[str, Any]:
    """The module's result for its parameters."""
    root, files = params["root"], Files(params["root"])
    wishes = NovaWishes(
        parse_declaration(params["devices"]),
        params["role"],
        params["release"],
        params["placement"],
        params["device_spec_by"],
        params["providers_deleted"],
    )
    overrides = parse_overrides(params["overrides"])
    inventory = build_inventory(read_machine(root), None)
    memory = recall(JournalStore(files).read(), files.text(DEVICES_CONF) or "")
    node, journal = read_nova(root), JournalStore(files, NOVA_STATE_DIRECTORY).read()
    devices = HostDevices(inventory, select(inventory, wishes.entries, memory.identities, overrides))
    plan = make_nova_plan(node, wishes, journal, devices)
    return {"changed": False, "plan": plan, "table": setting_table(plan["settings"])}


def main() -> None:
    spec = {
        **ROOT_ARGUMENT_SPEC,
        "devices": {"type": "raw", "required": True},
        "overrides": {"type": "raw", "default": []},
        "role": {"type": "str", "choices": list(ROLES), "required": True},
        "release": {"type": "raw", "default": ""},
        "placement": {"type": "str", "choices": list(PLACEMENT_CHOICES), "default": "none"},
        "device_spec_by": {"type": "str", "choices": list(SPEC_CHOICES), "default": "address"},
        "providers_deleted": {"type": "bool", "default": False},
    }
    run_module(AnsibleModule(argument_spec=spec, supports_check_mode=True), plan_nova)


if __name__ == "__main__":
    main()
