# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter survey_text."""

from __future__ import annotations

DOCUMENTATION = r"""
name: survey_text
short_description: Sum up the PCI devices of a fleet for the terminal
version_added: 0.1.0
description:
  - Hosts that are alike stand there once, their devices by verdict with every reason, in 88 columns.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.fleet
"""

EXAMPLES = r"""
- name: Show what a host has
  ansible.builtin.debug:
    msg: "{{ {'compute1': surveyed.survey} | nova_pci.passthrough.survey_text }}"
"""

RETURN = r"""
_value:
  description: The lines.
  type: list
  elements: str
"""

from typing import Callable

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.survey_text import survey_text


class FilterModule:
    def filters(self) -> dict[str, Callable[..., list[str]]]:
        return {"survey_text": survey_text}
