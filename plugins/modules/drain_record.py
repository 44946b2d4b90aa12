#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module drain_record."""

from __future__ import annotations

DOCUMENTATION = r"""
module: drain_record
short_description: Note on a compute what is taken down for its reboot, or forget it
version_added: 0.1.0
description:
  - Keeps what M(nova_pci.passthrough.compute_drain) planned in C(/var/lib/nova-pci-passthrough/drained.json) before anything
    is done, so that a run that was cut off is finished by the next one. M(nova_pci.passthrough.host_plan) reads it.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.root
attributes:
  check_mode:
    description: Writes nothing.
    support: full
  diff_mode:
    description: The record is what O(record) says.
    support: none
options:
  state:
    description: Whether there is to be a record. Without it the state directory goes too, when nothing else is in it.
    type: str
    choices: [present, absent]
    default: present
  record:
    description: The record. Required for O(state=present).
    type: dict
seealso:
  - module: nova_pci.passthrough.compute_drain
"""

EXAMPLES = r"""
- name: Note what is about to be taken down
  nova_pci.passthrough.drain_record:
    record: "{{ drain.record }}"
  become: true
"""

RETURN = r"""
path:
  description: Where the record is.
  type: str
  returned: success
  sample: /var/lib/nova-pci-passthrough/drained.json
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import ROOT_ARGUMENT_SPEC, run_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.drain import parse_record
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.drain_record import (
    PATH,
    forget_drained,
    keep_drained,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files


def manage(params: dict[str, Any], dry_run: bool) -> dict[str, Any]:
    """The module's result for its parameters."""
    files = Files(params["root"])
    if params["state"] == "absent":
        changed = forget_drained(files, dry_run)
    else:
        changed = keep_drained(files, parse_record(params["record"], "record").to_dict(), dry_run)
    return {"changed": changed, "path": PATH}


def main() -> None:
    spec = {
        **ROOT_ARGUMENT_SPEC,
        "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
        "record": {"type": "dict"},
    }
    module = AnsibleModule(
        argument_spec=spec, supports_check_mode=True, required_if=[("state", "present", ("record",))]
    )
    run_module(module, lambda params: manage(params, module.check_mode))


if __name__ == "__main__":
    main()
