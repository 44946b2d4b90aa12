# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filter diagnosis."""

from __future__ import annotations

DOCUMENTATION = r"""
name: diagnosis
short_description: Name the first layer that keeps a request for PCI devices from a host
version_added: 0.1.0
description:
  - Walks a request from the flavor to the device, over what the cloud and the hosts said, and names the first layer that fails with
    the step that mends it.
author:
  - nova_pci contributors (@nova-pci)
options:
  _input:
    description: RV(nova_pci.passthrough.diagnose_cloud_info#module:facts).
    type: dict
    required: true
  hosts:
    description: >-
      The name of each host with RV(nova_pci.passthrough.diagnose_host_info#module:facts) of it, or an empty one where the host gave no
      answer.
    type: dict
    required: true
seealso:
  - module: nova_pci.passthrough.diagnose_cloud_info
  - module: nova_pci.passthrough.diagnose_host_info
"""

EXAMPLES = r"""
- name: Show why no host was found
  ansible.builtin.debug:
    msg: "{{ (cloud.facts | nova_pci.passthrough.diagnosis({'compute1': read.facts})).lines }}"
"""

RETURN = r"""
_value:
  description: >-
    C(answer) is the layer that counts, with C(name), C(title), C(where), C(state) (V(failed); V(doubt) when nothing fails for sure; V(ok);
    V(not known)), C(seen) and C(fix). C(layers) are those of the cloud, C(computes) each compute with its own C(layers) and the first that
    C(fails) there, C(others) why the other computes cannot take it, C(said) what Nova said, C(lines) everything for people.
  type: dict
"""

from collections.abc import Mapping
from typing import Any, Callable

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.diagnosis import diagnose
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.diagnosis_text import diagnosis_text


def judge(cloud: Mapping[str, Any], hosts: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    found = diagnose(cloud, hosts)
    return {**found.to_dict(), "lines": diagnosis_text(found)}


class FilterModule:
    def filters(self) -> dict[str, Callable[..., dict[str, Any]]]:
        return {"diagnosis": judge}
