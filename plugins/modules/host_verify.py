#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module host_verify."""

from __future__ import annotations

DOCUMENTATION = r"""
module: host_verify
short_description: Hold a plan of host_plan against the host as it is now
version_added: 0.1.0
description:
  - Reads the host again and compares the kernel command line, the IOMMU, its groups, the drivers and the virtual
    functions with the plan. Nothing is changed.
  - Compares the files with the journal, which tells what somebody else did to them since, and the cards with what is recorded
    of them.
  - What only waits for a reboot is reported as pending and is no failure.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.info
  - nova_pci.passthrough.root
options:
  plan:
    description: The plan, exactly as M(nova_pci.passthrough.host_plan) returned it.
    type: dict
    required: true
  actions:
    description: What M(nova_pci.passthrough.host_apply) would still do in check mode; each is reported as a difference.
    type: list
    elements: str
    default: []
  fail:
    description: Fail when a finding failed.
    type: bool
    default: true
seealso:
  - module: nova_pci.passthrough.host_plan
  - module: nova_pci.passthrough.host_apply
"""

EXAMPLES = r"""
- name: Prove it
  nova_pci.passthrough.host_verify:
    plan: "{{ planned.plan }}"
  become: true
  register: verified

- name: Show each device
  ansible.builtin.debug:
    var: verified.table
"""

RETURN = r"""
findings:
  description: Everything that was checked.
  type: list
  elements: dict
  returned: always
  contains:
    check:
      description: What was checked.
      type: str
      returned: always
      sample: driver of 0000:02:00.0
    state:
      description: One of V(ok), V(pending reboot) and V(failed).
      type: str
      returned: always
      sample: ok
    ok:
      description: Whether O(ignore:state) is V(ok).
      type: bool
      returned: always
      sample: true
    expected:
      description: What the plan says.
      type: str
      returned: always
      sample: vfio-pci
    found:
      description: What the host shows.
      type: str
      returned: always
      sample: vfio-pci
    fix:
      description: What to do, V(null) when it is ok.
      type: str
      returned: always
      sample: reboot the host
    address:
      description: The device's row of the plan, V(null) when it is about the whole host.
      type: str
      returned: always
      sample: "0000:02:00.0"
table:
  description: The devices of the host as the lines of a table, each with its verdict.
  type: list
  elements: str
  returned: always
  sample: ["ADDRESS       IDS        WHAT     GROUP  DRIVER  VFS  VERDICT"]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import ROOT_ARGUMENT_SPEC, run_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.devices_conf import PATH as DEVICES_CONF
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.devices_conf import remembered_identities
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.drain import parse_record, why_not_restored
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.identity_check import check_identities
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal_check import (
    check_files,
    without_explained,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.table import device_table
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.verify import result_of, verify, with_verdicts
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.boot import read_boot
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.journal_store import JournalStore
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.standing import read_standing


def verify_host(params: dict[str, Any]) -> dict[str, Any]:
    """The module's result for its parameters; "failed" and "msg" among it when a finding failed."""
    root, plan = params["root"], params["plan"]
    files = Files(root)
    inventory = build_inventory(read_machine(root), read_boot(root).next_boot_tokens)
    written = check_files(read_standing(files, JournalStore(files), plan.get("files", ())))
    identities = remembered_identities(files.text(DEVICES_CONF) or "")
    planned = {row["address"] for row in plan["devices"]}
    findings = (
        *written,
        *verify(plan, inventory, without_explained(params["actions"], written)),
        *check_identities(inventory, identities, planned, bool(plan["reboot"]["required"])),
    )
    table = device_table(inventory, with_verdicts(plan, findings))
    result = result_of(findings, table, params["fail"], "The host does not show what was planned:")
    drained = parse_record(plan.get("drained"), "plan.drained")
    if "msg" in result and drained.host is not None:
        result["msg"] += f"\n{why_not_restored(drained)}"
    return result


def main() -> None:
    spec = {
        **ROOT_ARGUMENT_SPEC,
        "plan": {"type": "dict", "required": True},
        "actions": {"type": "list", "elements": "str", "default": []},
        "fail": {"type": "bool", "default": True},
    }
    run_module(AnsibleModule(argument_spec=spec, supports_check_mode=True), verify_host)


if __name__ == "__main__":
    main()
