# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter survey_declaration."""

from __future__ import annotations

DOCUMENTATION = r"""
name: survey_declaration
short_description: Draft the declaration for what a fleet can pass through
version_added: 0.1.0
description:
  - C(pci_passthrough_devices) and C(pci_passthrough_flavors) as YAML, with the ids, device types and NUMA policies of the hardware.
  - Only devices that can be passed through, or could be once the IOMMU is on, are in it.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.fleet
"""

EXAMPLES = r"""
- name: Draft a declaration
  ansible.builtin.debug:
    msg: "{{ {'compute1': surveyed.survey} | nova_pci.passthrough.survey_declaration }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

from typing import Callable

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration_draft import declaration_draft


class FilterModule:
    def filters(self) -> dict[str, Callable[..., list[str]]]:
        return {"survey_declaration": declaration_draft}
