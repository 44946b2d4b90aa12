#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module nova_verify."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nova_verify
short_description: Hold a plan of nova_plan against the Nova services as they are now
version_added: 0.1.0
description:
  - Reads every service's configuration again, as that service reads it, and compares it with the plan; then whether each
    service runs and was started after its last change. Nothing is changed.
  - Compares the files with the journal, which tells what somebody else did to them since.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.info
  - nova_pci.passthrough.root
options:
  plan:
    description: The plan, exactly as M(nova_pci.passthrough.nova_plan) returned it.
    type: dict
    required: true
  actions:
    description: What M(nova_pci.passthrough.nova_apply) would still do in check mode; each is reported as a difference.
    type: list
    elements: str
    default: []
  fail:
    description: Fail when a finding failed.
    type: bool
    default: true
seealso:
  - module: nova_pci.passthrough.nova_plan
  - module: nova_pci.passthrough.nova_apply
"""

EXAMPLES = r"""
- name: Prove it
  nova_pci.passthrough.nova_verify:
    plan: "{{ planned.plan }}"
  become: true
  register: verified

- name: Show what each service gets, and from which file
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
      sample: "[pci]alias of nova-api"
    state:
      description: One of V(ok) and V(failed).
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
      sample: "true"
    found:
      description: What the service gets.
      type: str
      returned: always
      sample: "true"
    fix:
      description: What to do, V(null) when it is ok.
      type: str
      returned: always
      sample: run the role again
    address:
      description: V(null); a setting of a service is about no device.
      type: str
      returned: always
      sample: null
table:
  description: The settings of the host's Nova services as the lines of a table.
  type: list
  elements: str
  returned: always
  sample: ["SERVICE       OPTION             FROM                                                      VALUE"]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import ROOT_ARGUMENT_SPEC, run_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import NOVA_STATE_DIRECTORY
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal_check import (
    check_files,
    without_explained,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import parse_release
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_verify import setting_table, verify_nova
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.verify import result_of
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.journal_store import JournalStore
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.nova import read_nova
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.standing import read_standing


def verify_services(params: dict[str, Any]) -> dict[str, Any]:
    """The module's result for its parameters; "failed" and "msg" among it when a finding failed."""
    root, plan = params["root"], params["plan"]
    files = Files(root)
    version = parse_release(plan["release"]["version"])
    written = check_files(read_standing(files, JournalStore(files, NOVA_STATE_DIRECTORY), plan.get("files", ())))
    actions = without_explained(params["actions"], written)
    findings = (*written, *verify_nova(plan, read_nova(root), version, actions))
    table = setting_table(plan["settings"])
    return result_of(findings, table, params["fail"], "The services do not have what was planned:")


def main() -> None:
    spec = {
        **ROOT_ARGUMENT_SPEC,
        "plan": {"type": "dict", "required": True},
        "actions": {"type": "list", "elements": "str", "default": []},
        "fail": {"type": "bool", "default": True},
    }
    run_module(AnsibleModule(argument_spec=spec, supports_check_mode=True), verify_services)


if __name__ == "__main__":
    main()
