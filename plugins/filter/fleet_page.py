# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter fleet_page."""

from __future__ import annotations

DOCUMENTATION = r"""
name: fleet_page
short_description: Write the PCI devices of a fleet as one HTML page
version_added: 0.1.0
description:
  - A page for a browser, in one file that asks nobody for anything, with search and filters, each host's devices by NUMA node
    and IOMMU group, and the declaration to start from.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.fleet
options:
  findings:
    description:
      - The name of each host with what was checked there, each a dict with C(layer), C(check), C(state), C(expected), C(found),
        C(fix) and C(address); C(state) is V(ok), V(pending reboot) or V(failed).
      - A host may stand here alone, as a controller does. The page has a column for the findings when there are any.
    type: dict
    default: {}
  declaration:
    description: The lines of the declaration to show, as P(nova_pci.passthrough.survey_declaration#filter) drafts them.
    type: list
    elements: str
    default: []
  title:
    description: The heading of the page.
    type: str
    default: PCI survey
  made_at:
    description: When the hosts were read, as it shall stand there.
    type: str
    default: ''
seealso:
  - plugin: nova_pci.passthrough.survey_declaration
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Write the page
  ansible.builtin.copy:
    dest: survey.html
    content: "{{ {'compute1': surveyed.survey} | nova_pci.passthrough.fleet_page(made_at=now(utc=true, fmt='%F %R UTC')) }}"
    mode: "0644"
  delegate_to: localhost
"""

RETURN = r"""
_value:
  description: The whole page.
  type: str
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Callable

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.fleet_page import (
    PageParts,
    fleet_page,
    page_payload,
)

# Beside the role that writes the page: what is no Python has no place among the plugins.
_FOLDER = Path(__file__).resolve().parents[2] / "roles" / "survey" / "files"


def page(
    fleet: Mapping[str, Any],
    findings: Mapping[str, Sequence[Mapping[str, Any]]] | None = None,
    declaration: Sequence[str] = (),
    title: str = "PCI survey",
    made_at: str = "",
) -> str:
    frame, style, script = ((_FOLDER / f"page.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js"))
    payload = page_payload(fleet, findings or {}, declaration, title, made_at)
    return fleet_page(PageParts(frame, style, script), payload)


class FilterModule:
    def filters(self) -> dict[str, Callable[..., str]]:
        return {"fleet_page": page}
