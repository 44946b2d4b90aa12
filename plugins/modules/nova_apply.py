#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module nova_apply."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nova_apply
short_description: Carry out a plan of nova_plan in one transaction, or take everything back
version_added: 0.1.0
description:
  - Writes the files of a plan, edits single lines of Nova's own configuration files where the plan asks for it, and
    restarts the Nova services whose settings changed, as one transaction. What it did goes to a journal on the host
    first.
  - A restarted service has to stay up for some seconds, with the same process and without having been started again
    by systemd; C(nova-api) has to answer too. A service that does not is a failure, and its own log lines are the error.
  - When a step fails, everything that the run did is taken back, services included; they are restarted with their
    former configuration.
  - When the run itself is cut off (power, kill), every file is its old or its new self, the journal says so, and the
    next run completes the work.
  - A host that is as planned is only looked at. Nothing is written and no service is restarted.
  - Nova's configuration holds passwords. Nothing of an edited file but the edited lines is kept in the journal or
    returned, and errors, steps and diffs are cleared of every secret that the configuration holds.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.apply
options:
  state:
    description:
      - V(present) brings the host to O(plan).
      - V(absent) removes the files, takes the edited lines back and restarts the services that had got something. The
        rest of an edited file stays as it is, whoever changed it meanwhile. Where somebody changed the edited lines
        themselves the file is left as it stands and reported in RV(ignore:kept). A service that does not run is not
        started. While a running guest holds a device that M(nova_pci.passthrough.host_apply) has bound or made functions
        on, nothing is begun on its compute, and the guest is named.
      - Where the journal is missing or cannot be read, V(absent) removes the files of this collection that carry its mark,
        restarts the services that read them, and names file and line where an edited line could not be brought back. A
        journal that cannot be read is kept beside its place under another name.
    type: str
    choices: [present, absent]
    default: present
  plan:
    description: The plan, exactly as M(nova_pci.passthrough.nova_plan) returned it. Required for O(state=present).
    type: dict
  providers_deleted:
    description:
      - Say that this compute's PCI resource providers have been deleted from Placement. Without it O(state=absent) refuses to
        switch C(report_in_placement) off, for nova-compute would not start then.
    type: bool
    default: false
  timeout:
    description: Seconds that each restart may take, the proof that the service is up not counted.
    type: int
    default: 900
attributes:
  diff_mode:
    description: Returns each file of ours before and after. Of other files only the edited lines are shown.
    support: full
notes:
  - The journal is C(/var/lib/nova-pci-passthrough-nova/journal.json). Without it only whole files of this collection can
    be taken back, by their mark.
  - What the journal remembers of an edited file is brought up to date when somebody else changed other lines of it.
    This is no change of the host and not reported as one.
seealso:
  - module: nova_pci.passthrough.nova_plan
  - module: nova_pci.passthrough.host_apply
"""

EXAMPLES = r"""
- name: Plan
  nova_pci.passthrough.nova_plan:
    role: compute
    devices: "{{ pci_passthrough_devices }}"
  register: planned

- name: Carry it out
  nova_pci.passthrough.nova_apply:
    plan: "{{ planned.plan }}"

- name: Take everything back
  nova_pci.passthrough.nova_apply:
    state: absent
"""

RETURN = r"""
actions:
  description: What was done, in order; in check mode exactly what would be done.
  returned: success
  type: list
  elements: str
  sample:
    - write /etc/nova/nova-compute.conf.d/nova-pci-passthrough.conf
    - edit /etc/nova/nova.conf
    - restart nova-compute
steps:
  description: Always empty; M(nova_pci.passthrough.host_apply) reports the steps of its device script here.
  returned: success
  type: list
  elements: dict
kept:
  description: Paths that are left as they stand because somebody else changed what this collection wrote there.
  returned: success
  type: list
  elements: dict
  contains:
    path:
      description: The path.
      type: str
      sample: /etc/nova/nova.conf
    why:
      description: The reason, in words.
      type: str
      sample: has other lines now where this collection wrote its own; it is left as it stands
notes:
  description: What a person has to know besides; of a removal without a journal, by what it went and what it could not do.
  returned: success
  type: list
  elements: str
  sample: []
reboot:
  description: Whether the host has to reboot; a plan for Nova never asks for it.
  returned: success
  type: dict
  contains:
    required:
      description: V(true) when it has to.
      type: bool
      sample: false
    reasons:
      description: Why, in words.
      type: list
      elements: str
      sample: []
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import APPLY_ARGUMENT_SPEC, run_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.changes import Applied
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.devices_conf import PATH as DEVICES_CONF
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import PassthroughError
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.guest_devices import who_holds
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import NOVA_STATE_DIRECTORY
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_memory import refuse_silence, without_us
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_places import nova_removal
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.secrets import (
    redact,
    redact_all,
    secret_values,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.wanted import read_plan
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.command import Commands
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.journal_store import JournalStore
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.nova import read_nova
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.service import Services
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.transaction import (
    Transaction,
    read_texts,
    recall,
)


def main() -> None:
    module = AnsibleModule(
        argument_spec={**APPLY_ARGUMENT_SPEC, "providers_deleted": {"type": "bool", "default": False}},
        required_if=[("state", "present", ["plan"])],
        supports_check_mode=True,
    )

    def work(given: dict[str, Any]) -> dict[str, Any]:
        root = given["root"]
        files, commands = Files(root), Commands(root)
        store = JournalStore(files, NOVA_STATE_DIRECTORY)
        node = read_nova(root) if given["state"] == "absent" else None
        conf = files.text(DEVICES_CONF) or ""
        goal = Applied(read_plan(given["plan"])) if node is None else nova_removal(node, conf)
        journal = recall(files, store, goal)
        if node is not None and not given["providers_deleted"]:
            refuse_silence(node, without_us(node, journal))
        values = secret_values(read_texts(files, goal.secrets_from(journal)))
        services = Services(files, commands, lambda text: redact(text, values))
        limits = given["timeout"], given["lock_timeout"]
        transaction = Transaction(
            files, commands, goal, *limits, store, services, lambda: who_holds(read_machine(root))
        )
        try:
            outcome = transaction.check() if module.check_mode else transaction.run()
        except PassthroughError as error:
            raise PassthroughError(redact(str(error), values)) from None
        result: dict[str, Any] = redact_all(outcome.to_dict(module._diff), values)
        return result

    run_module(module, work)


if __name__ == "__main__":
    main()
