#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module compute_drain."""

from __future__ import annotations

DOCUMENTATION = r"""
module: compute_drain
short_description: Take the servers of a compute down for its reboot, and bring them back
version_added: 0.1.0
description:
  - With O(state=planned) it says what a reboot takes down, and refuses what O(policy) does not allow. It only reads.
  - With O(state=disabled) and O(state=drained) it carries RV(record) out; with O(state=restored) it starts what it has stopped,
    and enables the service of nova-compute if it was found enabled.
  - Every state can be repeated; what is done already is left alone. A server that somebody else stopped stays stopped, and a
    service that an administrator disabled stays disabled, with its reason.
  - Where no cloud is named and the environment names none, a host without running guests is drained of nothing. One with running
    guests is refused.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.cloud
attributes:
  check_mode:
    description: Disables, stops, moves and starts nothing, and says what it would.
    support: full
  diff_mode:
    description: RV(actions) tells what was done.
    support: none
options:
  state:
    description:
      - V(planned) returns RV(record), and changes nothing.
      - V(disabled) disables the service, so that nothing new is scheduled to the compute. Plan once more after it.
      - V(drained) disables it too, and takes every server of O(record) down or away.
      - V(restored) waits until nova-compute has reported, if it did before, starts the servers that were stopped, and enables the service.
    type: str
    choices: [planned, disabled, drained, restored]
    default: planned
  host:
    description: Nova's name of the compute, or all names by which it may be known, the surest first. Required for O(state=planned).
    type: list
    elements: str
  policy:
    description:
      - What becomes of the servers that run there.
      - V(refuse) allows none.
      - V(stop) stops them, and O(state=restored) starts them again.
      - V(cold-migrate) and V(live-migrate) let Nova's scheduler find another compute for each, where they stay. A server with PCI
        devices of an alias can be live-migrated from Nova 31 on, when its alias is declared with C(live_migratable).
    type: str
    choices: [refuse, stop, cold-migrate, live-migrate]
    default: refuse
  guests:
    description: The uuids of the guests that run on the host, as M(nova_pci.passthrough.guest_devices_info) tells them.
    type: list
    elements: str
    default: []
  devices:
    description: The declaration, C(pci_passthrough_devices). It says which aliases can be live-migrated.
    type: list
    elements: raw
    default: []
  record:
    description:
      - RV(record) of O(state=planned). Required for the other states.
      - With O(state=planned), the record of a run that was cut off. What that says was found is how it was found.
    type: dict
  timeout:
    description: Seconds for each server's way to its state, and for nova-compute to report.
    type: int
    default: 600
seealso:
  - module: nova_pci.passthrough.drain_record
  - module: nova_pci.passthrough.guest_devices_info
"""

EXAMPLES = r"""
- name: See what a reboot takes down
  nova_pci.passthrough.compute_drain:
    cloud: production
    host: compute1
    policy: stop
    guests: "{{ held.guests | selectattr('running') | map(attribute='uuid') }}"
  delegate_to: localhost
  register: drain

- name: Take it down
  nova_pci.passthrough.compute_drain:
    cloud: production
    record: "{{ drain.record }}"
    state: drained
  delegate_to: localhost

- name: After the reboot, bring it back
  nova_pci.passthrough.compute_drain:
    cloud: production
    record: "{{ drain.record }}"
    state: restored
  delegate_to: localhost
"""

RETURN = r"""
record:
  description:
    - How the compute was found and what becomes of each server. C(host) is Nova's name of the compute; V(null) asks for nothing.
  type: dict
  returned: when O(state=planned)
  sample:
    host: compute1
    service: {found: enabled, reason: null, up: true}
    servers: [{id: 5f2f7a30-7c53-4a7e-9d0a-6a3d6f3b1c55, name: db1, found: ACTIVE, action: stop}]
needed:
  description: Whether there is anything to carry out.
  type: bool
  returned: when O(state=planned)
  sample: true
actions:
  description: What was done, or would be, one sentence each.
  type: list
  elements: str
  returned: success
  sample: [disable nova-compute on compute1, stop server db1 (5f2f7a30-7c53-4a7e-9d0a-6a3d6f3b1c55)]
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import CLOUD_ARGUMENT_SPEC, run_cloud_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.connection import SDK_MISSING
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.drain import (
    disabled,
    drained,
    planned,
    restored,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.drain import POLICIES

_WAYS = {"disabled": disabled, "drained": drained, "restored": restored}


def manage(params: dict[str, Any], dry_run: bool) -> dict[str, Any]:
    """The module's result for its parameters."""
    if params["state"] == "planned":
        record = planned(params)
        return {
            "changed": False,
            "record": record.to_dict(),
            "needed": record.host is not None,
            "actions": list(record.actions),
        }
    actions = _WAYS[params["state"]](params, dry_run)
    return {"changed": bool(actions), "actions": list(actions)}


def main() -> None:
    spec = {
        **CLOUD_ARGUMENT_SPEC,
        "state": {"type": "str", "choices": ["planned", *_WAYS], "default": "planned"},
        "host": {"type": "list", "elements": "str"},
        "policy": {"type": "str", "choices": list(POLICIES), "default": "refuse"},
        "guests": {"type": "list", "elements": "str", "default": []},
        "devices": {"type": "list", "elements": "raw", "default": []},
        "record": {"type": "dict"},
        "timeout": {"type": "int", "default": 600},
    }
    needed = [("state", state, ("record",)) for state in _WAYS]
    module = AnsibleModule(
        argument_spec=spec, supports_check_mode=True, required_if=[("state", "planned", ("host",)), *needed]
    )
    # A host without guests is drained of nothing where no cloud is named: openstacksdk need not be there for that.
    may_be_missing = module.params["state"] == "planned" and not module.params["cloud"]
    run_cloud_module(module, lambda params: manage(params, module.check_mode), None if may_be_missing else SDK_MISSING)


if __name__ == "__main__":
    main()
