# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every filter over the surveys of a fleet takes, said once."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options:
  _input:
    description: >-
      The name of each host with RV(nova_pci.passthrough.pci_survey_info#module:survey) of it, or an empty one where the host gave no answer.
    type: dict
    required: true
seealso:
  - module: nova_pci.passthrough.pci_survey_info
"""
