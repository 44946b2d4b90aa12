# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter inventory_host."""

from __future__ import annotations

DOCUMENTATION = r"""
name: inventory_host
short_description: Find the inventory's host that is a compute of Nova's
version_added: 0.1.0
description:
  - Nova knows a compute by its C([DEFAULT]host), the inventory by a name of its own. A host fits by its
    C(pci_passthrough_nova_host), its inventory name or its C(ansible_host), as they stand or without their domain.
author:
  - nova_pci contributors (@nova-pci)
options:
  _input:
    description: Nova's name of the compute.
    type: str
    required: true
  hostvars:
    description: Ansible's C(hostvars).
    type: dict
    required: true
"""

EXAMPLES = r"""
- name: Ask the compute on which the server runs
  nova_pci.passthrough.guest_devices_info:
    server: "{{ made.server.id }}"
  delegate_to: "{{ made.server.host | nova_pci.passthrough.inventory_host(hostvars) }}"
  register: held
"""

RETURN = r"""
_value:
  description: The inventory's name of the host; empty when none or several fit.
  type: str
"""

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.compute_name import inventory_host

_NAMES = ("pci_passthrough_nova_host", "ansible_host")


def find(compute: str, hostvars: Mapping[str, Mapping[str, Any]]) -> str:
    hosts = {
        host: [str(hostvars[host][name]) for name in _NAMES if hostvars[host].get(name)] + [host] for host in hostvars
    }
    return inventory_host(compute, hosts) or ""


class FilterModule:
    def filters(self) -> dict[str, Callable[..., str]]:
        return {"inventory_host": find}
