# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter survey_record."""

from __future__ import annotations

DOCUMENTATION = r"""
name: survey_record
short_description: Put the surveys of a fleet together for programs
version_added: 0.1.0
description:
  - What C(survey.json) holds; C(docs/survey.schema.json) describes it.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.fleet
"""

EXAMPLES = r"""
- name: Show what programs get of a host
  ansible.builtin.debug:
    msg: "{{ {'compute1': surveyed.survey} | nova_pci.passthrough.survey_record }}"
"""

RETURN = r"""
_value:
  description: RV(nova_pci.passthrough.pci_survey_info#module:survey.schema) as C(schema), and the fleet as C(hosts).
  type: dict
"""

from typing import Callable

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.fleet import record


class FilterModule:
    def filters(self) -> dict[str, Callable[..., dict[str, object]]]:
        return {"survey_record": record}
