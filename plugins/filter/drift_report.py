# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter drift_report."""

from __future__ import annotations

DOCUMENTATION = r"""
name: drift_report
short_description: Put together what every host of a fleet answered when it was held against the declaration
version_added: 0.1.0
description:
  - Takes the results that the tasks of the role C(verify) registered on each host, and compares besides what only the whole fleet
    shows. That is one text for each alias, and Placement's inventories against the hardware.
  - A host that gave no answer, or whose layer could not be read, is a failed finding.
author:
  - nova_pci contributors (@nova-pci)
options:
  _input:
    description: Ansible's C(hostvars).
    type: dict
    required: true
  hosts:
    description: The hosts to tell of.
    type: list
    elements: str
    required: true
  registered:
    description: >-
      The name of the variable with each result, by C(survey), C(providers), C(flavors) and C(flavor_trouble), and by C(host), C(compute)
      and C(controller) as a dictionary of C(planned), C(verified) and C(trouble).
    type: dict
    required: true
  has_flavors:
    description: Whether any flavor is declared.
    type: bool
    default: false
"""

EXAMPLES = r"""
- name: Show what differs
  ansible.builtin.debug:
    msg: "{{ (hostvars | nova_pci.passthrough.drift_report(ansible_play_hosts_all, registered)).text }}"
  vars:
    registered:
      survey: surveyed
      host: {planned: planned, verified: verified, trouble: troubled}
      compute: {}
      controller: {}
      providers: reported
      flavors: offered
      flavor_trouble: refused
"""

RETURN = r"""
_value:
  description: >-
    C(report) as docs/verify.schema.json describes it, C(text) the same as lines for the terminal, C(findings) by host, those of no
    host under C(the cloud).
  type: dict
"""

from collections.abc import Mapping, Sequence
from typing import Any, Callable

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.drift import (
    COMPUTE,
    CONTROLLER,
    HOST,
    CloudAnswer,
    HostAnswer,
    LayerAnswer,
    drift_report,
    findings_of,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.drift_text import drift_text

_NAMES = ("pci_passthrough_nova_host", "inventory_hostname", "ansible_host")


def report(
    hostvars: Mapping[str, Mapping[str, Any]],
    hosts: Sequence[str],
    registered: Mapping[str, Any],
    has_flavors: bool = False,
) -> dict[str, Any]:
    variables = {host: hostvars[host] for host in hosts}
    answers = {host: _answer(given, registered) for host, given in variables.items()}
    providers, flavors, trouble = (
        _first(variables, registered[what]) for what in ("providers", "flavors", "flavor_trouble")
    )
    cloud = CloudAnswer(providers, flavors, trouble, has_flavors)
    found = drift_report(answers, cloud)
    return {"report": found, "text": drift_text(found), "findings": findings_of(found)}


def _answer(given: Mapping[str, Any], registered: Mapping[str, Any]) -> HostAnswer:
    layers = {
        layer: LayerAnswer(**{what: given.get(name) or {} for what, name in registered[layer].items()})
        for layer in (HOST, COMPUTE, CONTROLLER)
        if any(given.get(name) for name in registered[layer].values())
    }
    names = tuple(str(given[name]) for name in _NAMES if given.get(name))
    return HostAnswer(names, given.get(registered["survey"]) or {}, layers)


def _first(variables: Mapping[str, Mapping[str, Any]], name: str) -> Mapping[str, Any]:
    """What the one host that asked the cloud has; the others have skipped the task."""
    results = [given.get(name) or {} for given in variables.values()]
    return next((result for result in results if result and not result.get("skipped")), {})


class FilterModule:
    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        return {"drift_report": report}
