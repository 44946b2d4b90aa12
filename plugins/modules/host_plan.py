#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module host_plan."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_plan
short_description: Decide what a Linux host needs to pass the declared PCI devices through
version_added: 0.1.0
description:
  - Reads the host, holds the declaration against its hardware and against what the host itself needs, and returns the
    plan for M(nova_pci.passthrough.host_apply). Nothing is changed.
  - Everything that is wrong with the declaration comes back in one error that names each entry, its value and what to
    write instead.
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
      - Not checked by Ansible's own argument validation, so that ids that YAML read as numbers get a helpful error.
    type: raw
    required: true
  iommu_pt:
    description: Put C(iommu=pt) on the kernel command line. Do not use it on AMD hosts that run SEV-SNP guests.
    type: bool
    default: false
  kernel_arguments:
    description: Further kernel arguments, one token each, merged under the same rules.
    type: list
    elements: str
    default: []
seealso:
  - module: nova_pci.passthrough.host_apply
  - module: nova_pci.passthrough.host_verify
"""

EXAMPLES = r"""
- name: Plan
  nova_pci.passthrough.host_plan:
    devices:
      - alias: nic
        vendor_id: "8086"
        product_id: "10d3"
        device_type: type-PCI
  become: true
  register: planned

- name: Say what would need a reboot
  ansible.builtin.debug:
    var: planned.plan.reboot.reasons
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
      description: The host and the boot that the plan was made for.
      type: dict
      returned: always
      sample: {kernel_release: 6.1.0-31-amd64, boot_id: 0f5a3c1e-7a52-4f0e-9d5b-2f7c1f0a9b11, architecture: x86_64, cpu_vendor: GenuineIntel}
    iommu:
      description: The state of the IOMMU, as M(nova_pci.passthrough.iommu_info) returns it.
      type: dict
      returned: always
      sample: {enabled: true, kind: intel}
    devices:
      description: One row for each device that is handed out, follows one, carries virtual functions or was refused.
      type: list
      elements: dict
      returned: always
      sample: [{address: "0000:02:00.0", role: chosen, driver: vfio-pci, driver_now: e1000e, verdict: pending reboot}]
    groups:
      description: One verdict on the IOMMU group of each of these devices, with every reason; empty while the IOMMU is off.
      type: list
      elements: dict
      returned: always
      sample: [{group: 14, members: ["0000:02:00.0"], verdict: free, reasons: [], covered: []}]
    kernel_arguments:
      description: The tokens wanted on the kernel command line, and whether each is configured and running.
      type: dict
      returned: always
      sample: {backend: grub-d, wanted: [intel_iommu=on]}
    files:
      description: The files that shall exist, by template or content.
      type: list
      elements: dict
      returned: always
      sample: [{path: /etc/nova-pci-passthrough/devices.conf, template: devices.conf.j2, mode: "0644"}]
    devices_conf:
      description: The rows of C(devices.conf), which the script that binds the devices reads.
      type: list
      elements: dict
      returned: always
      sample: [{address: "0000:02:00.0", driver: vfio-pci}]
    modules:
      description: The kernel modules to load at boot.
      type: list
      elements: str
      returned: always
      sample: [vfio-pci]
    initramfs_modules:
      description: The same in the initramfs.
      type: list
      elements: str
      returned: always
      sample: [vfio-pci]
    tools:
      description: The tools to run when files of their layers changed.
      type: list
      elements: dict
      returned: always
      sample: [{name: update-grub, argv: [update-grub]}]
    runtime:
      description: What can be done to the devices at once.
      type: dict
      returned: always
      sample: {apply: false, actions: []}
    reboot:
      description: Whether the host has to reboot, why, and what an earlier reboot did not bring.
      type: dict
      returned: always
      sample: {required: true, reasons: [the running kernel does not have intel_iommu=on yet]}
    drained:
      description:
        - What was taken down for a reboot and not brought back yet, as RV(nova_pci.passthrough.compute_drain#module:record); V(null)
          when there is nothing.
      type: dict
      returned: always
      sample: null
    notes:
      description: What a person should know, refusals and warnings among it.
      type: list
      elements: str
      returned: always
      sample: []
table:
  description: The devices of the host as the lines of a table.
  type: list
  elements: str
  returned: success
  sample: ["ADDRESS       IDS        WHAT     GROUP  DRIVER  VFS  VERDICT"]
"""

from pathlib import Path
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import ROOT_ARGUMENT_SPEC, run_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.devices_conf import PATH as DEVICES_CONF
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.drain import parse_record, with_drained
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.memory import recall
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.override import parse_overrides
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.plan import (
    Wishes,
    make_plan,
    refuse_nothing_to_plan,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.table import device_table
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.boot import read_boot
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.drain_record import PATH as DRAINED
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.drain_record import read_drained
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.initramfs import read_initramfs_tool
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.journal_store import JournalStore
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine


def plan_host(params: dict[str, Any]) -> dict[str, Any]:
    """The module's result for its parameters."""
    root = params["root"]
    wishes = Wishes(
        parse_declaration(params["devices"]),
        params["iommu_pt"],
        tuple(params["kernel_arguments"]),
        parse_overrides(params["overrides"]),
    )
    boot = read_boot(root)
    inventory = build_inventory(read_machine(root), boot.next_boot_tokens)
    refuse_nothing_to_plan(inventory)
    files = Files(root)
    memory = recall(JournalStore(files).read(), files.text(DEVICES_CONF) or "")
    plan = make_plan(inventory, boot, wishes, memory, read_initramfs_tool(Path(root)))
    plan = with_drained(plan, parse_record(read_drained(files), DRAINED))
    return {"changed": False, "plan": plan, "table": device_table(inventory, plan["devices"])}


def main() -> None:
    spec = {
        **ROOT_ARGUMENT_SPEC,
        "devices": {"type": "raw", "required": True},
        "overrides": {"type": "raw", "default": []},
        "iommu_pt": {"type": "bool", "default": False},
        "kernel_arguments": {"type": "list", "elements": "str", "default": []},
    }
    run_module(AnsibleModule(argument_spec=spec, supports_check_mode=True), plan_host)


if __name__ == "__main__":
    main()
