# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter survey_markdown."""

from __future__ import annotations

DOCUMENTATION = r"""
name: survey_markdown
short_description: Write the PCI devices of a fleet as Markdown
version_added: 0.1.0
description:
  - A table for each kind of hosts, and the declaration to start from.
author:
  - nova_pci contributors (@nova-pci)
options:
  _input:
    description: >-
      The name of each host with RV(nova_pci.passthrough.pci_survey_info#module:survey) of it, or an empty one where the host gave no answer.
    type: dict
    required: true
seealso:
  - module: nova_pci.passthrough.pci_survey_info
"""

EXAMPLES = r"""
- name: Write a page about a host
  ansible.builtin.debug:
    msg: "{{ {'compute1': surveyed.survey} | nova_pci.passthrough.survey_markdown }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

from typing import Callable

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.survey_text import survey_markdown


class FilterModule:
    def filters(self) -> dict[str, Callable[..., list[str]]]:
        return {"survey_markdown": survey_markdown}
