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
extends_documentation_fragment:
  - nova_pci.passthrough.fleet
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
