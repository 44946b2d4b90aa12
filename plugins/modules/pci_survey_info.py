#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module pci_survey_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pci_survey_info
short_description: Tell of each PCI device of a Linux host whether it can be passed through, and why not
version_added: 0.1.0
description:
  - One reading of the host, the IOMMU's state and every PCI function, each with a verdict and all its reasons.
  - The filters P(nova_pci.passthrough.survey_text#filter), P(nova_pci.passthrough.survey_markdown#filter),
    P(nova_pci.passthrough.survey_declaration#filter) and P(nova_pci.passthrough.fleet_page#filter) make a text, a page or a declaration
    of the surveys of a whole fleet.
  - It works without root. What only root can read is named in RV(survey.needs_root), and a use that only shows there is
    missing from the verdicts.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.info
  - nova_pci.passthrough.root
options:
  overrides:
    description:
      - The value of C(pci_passthrough_overrides), devices that a person answers for; each entry has an C(address) and a C(reason).
      - One that covers nothing, or what none may cover, is named in RV(survey.overrides).
    type: raw
    default: []
seealso:
  - module: nova_pci.passthrough.pci_devices_info
  - module: nova_pci.passthrough.iommu_info
"""

EXAMPLES = r"""
- name: Survey the host
  nova_pci.passthrough.pci_survey_info:
  become: true
  register: surveyed

- name: Name what can be passed through now
  ansible.builtin.debug:
    msg: "{{ surveyed.survey.devices | selectattr('verdict', 'equalto', 'ready') | map(attribute='address') }}"
"""

RETURN = r"""
survey:
  description: What the host has. RV(survey.schema) grows when a key changes its meaning.
  type: dict
  returned: success
  contains:
    schema:
      description: The version of this structure.
      type: int
      returned: always
      sample: 1
    kernel_release:
      description: Of the running kernel.
      type: str
      returned: always
      sample: 6.1.0-31-amd64
    architecture:
      description: As C(uname -m) says it.
      type: str
      returned: always
      sample: x86_64
    cpu_vendor:
      description: V(GenuineIntel), V(AuthenticAMD) and so on; V(null) on ARM.
      type: str
      returned: always
      sample: GenuineIntel
    iommu:
      description: As M(nova_pci.passthrough.iommu_info) returns it.
      type: dict
      returned: always
    lockdown:
      description: The kernel's lockdown, V(null) where it has none.
      type: str
      returned: always
      sample: none
    vfio_pci:
      description: V(module), V(builtin) or V(missing).
      type: str
      returned: always
      sample: module
    first:
      description: What has to be done before anything can be passed through on this host.
      type: list
      elements: str
      returned: always
      sample: []
    devices:
      description: Every PCI function, sorted by address.
      type: list
      elements: dict
      returned: always
      contains:
        address:
          description: Domain, bus, slot and function.
          type: str
          returned: always
          sample: "0000:3b:00.0"
        parent:
          description: The function above it, mostly a bridge.
          type: str
          returned: always
          sample: "0000:3a:00.0"
        vendor_id:
          description: Four hexadecimal digits.
          type: str
          returned: always
          sample: "8086"
        product_id:
          description: Four hexadecimal digits.
          type: str
          returned: always
          sample: 154d
        name:
          description: Vendor and product by the host's C(pci.ids), V(null) without one.
          type: str
          returned: always
          sample: Intel Corporation Ethernet 10G 2P X520 Adapter
        kind:
          description: What sort of device it is, in a word or two.
          type: str
          returned: always
          sample: network
        class_code:
          description: Class, subclass and programming interface, six hexadecimal digits.
          type: str
          returned: always
          sample: "020000"
        device_type:
          description: What Nova calls it, V(type-PCI), V(type-PF) or V(type-VF).
          type: str
          returned: always
          sample: type-PF
        iommu_group:
          description: V(null) while the IOMMU is off.
          type: int
          returned: always
          sample: 14
        numa_node:
          description: V(null) when the firmware names none.
          type: int
          returned: always
          sample: 0
        driver:
          description: The driver that holds it now.
          type: str
          returned: always
          sample: ixgbe
        sriov_totalvfs:
          description: How many virtual functions it can have.
          type: int
          returned: always
          sample: 63
        sriov_numvfs:
          description: How many virtual functions it has.
          type: int
          returned: always
          sample: 0
        physical_function:
          description: The card that a virtual function belongs to.
          type: str
          returned: always
          sample: null
        companions:
          description: The devices that leave their drivers together with it.
          type: list
          elements: str
          returned: always
          sample: []
        serial:
          description: What tells it from its twin.
          type: str
          returned: always
          sample: a0-36-9f-ff-ff-7a-bc-de
        slot:
          description: The label of its slot.
          type: str
          returned: always
          sample: "3"
        network_interfaces:
          description: Name and MAC address of each of its network interfaces.
          type: list
          elements: dict
          returned: always
          sample: [{name: eno1, mac: "a0:36:9f:7a:bc:de"}]
        block_devices:
          description: Its disks and their partitions.
          type: list
          elements: str
          returned: always
          sample: []
        in_guest:
          description: Whether a guest holds it now.
          type: bool
          returned: always
          sample: false
        verdict:
          description: >-
            V(ready), it can be passed through now; V(after), it could be once RV(survey.first) and RV(survey.devices[].after)
            are done; V(no), it must not be, for the host itself would not start or not be reached without it, or it is a bridge.
          type: str
          returned: always
          sample: ready
        because:
          description: Every reason against it, each the rest of a sentence about the device.
          type: list
          elements: str
          returned: always
          sample: ["is needed by the host: / is mounted from nvme0n1p2"]
        after:
          description: What would have to be done to it first.
          type: list
          elements: str
          returned: always
          sample: []
        override:
          description: The reason of the override that covers it, V(null) where none does.
          type: str
          returned: always
          sample: null
        needs_root:
          description: The attributes that only root can read.
          type: list
          elements: str
          returned: always
          sample: [vpd]
    groups:
      description: One verdict on each IOMMU group, as M(nova_pci.passthrough.pci_devices_info) returns them.
      type: list
      elements: dict
      returned: always
    overrides:
      description: What a person should read of each override.
      type: list
      elements: str
      returned: always
      sample: []
    advice:
      description: What is no reason to refuse a device and still worth knowing.
      type: list
      elements: str
      returned: always
      sample: []
    needs_root:
      description: What of the machine itself only root can read; empty when the module ran as root.
      type: list
      elements: str
      returned: always
      sample: []
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import ROOT_ARGUMENT_SPEC, run_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.override import parse_overrides
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.survey import survey
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.boot import read_boot
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine


def describe(params: dict[str, Any]) -> dict[str, Any]:
    """The module's result for its parameters."""
    root = params["root"]
    inventory = build_inventory(read_machine(root), read_boot(root).next_boot_tokens)
    return {"changed": False, "survey": survey(inventory, parse_overrides(params["overrides"]))}


def main() -> None:
    spec = {**ROOT_ARGUMENT_SPEC, "overrides": {"type": "raw", "default": []}}
    run_module(AnsibleModule(argument_spec=spec, supports_check_mode=True), describe)


if __name__ == "__main__":
    main()
