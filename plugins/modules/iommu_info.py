#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module iommu_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: iommu_info
short_description: Tell whether the IOMMU of a Linux host is on, and when it is off, why
version_added: 0.1.0
description:
  - Tells whether the IOMMU is on, of which kind it is, and what the kernel was told about it.
  - When it is off, RV(iommu.reason) says why in words, whether the firmware, an argument, a reboot that is due or the
    kernel itself, and what to do.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.info
  - nova_pci.passthrough.root
notes:
  - To know the arguments of the next boot it reads the boot loader's configuration. The one program that it may start
    for that is C(sh), to evaluate C(/etc/default/grub) as C(grub-mkconfig) does.
seealso:
  - module: nova_pci.passthrough.pci_devices_info
"""

EXAMPLES = r"""
- name: Look at the IOMMU
  nova_pci.passthrough.iommu_info:
  become: true
  register: host_iommu

- name: Say why it is off
  ansible.builtin.fail:
    msg: "{{ host_iommu.iommu.reason }}"
  when: not host_iommu.iommu.enabled
"""

RETURN = r"""
iommu:
  description: The state of the IOMMU.
  type: dict
  returned: success
  contains:
    enabled:
      description: >-
        Whether there are IOMMU groups. Source, C(/sys/kernel/iommu_groups), which exists but is empty while the
        IOMMU is off; the groups of VFIO's mode without an IOMMU do not count.
      type: bool
      returned: always
      sample: true
    kind:
      description: >-
        V(intel), V(amd), V(smmuv3), V(smmu) or V(virtio), V(null) when there is none or it is of another kind.
        Source, the names under C(/sys/class/iommu).
      type: str
      returned: always
      sample: intel
    firmware_table:
      description: >-
        The table in which the firmware describes it, V(DMAR), V(IVRS), V(IORT) or V(VIOT). Source,
        C(/sys/firmware/acpi/tables).
      type: str
      returned: always
      sample: DMAR
    units:
      description: Its hardware units. Source, C(/sys/class/iommu).
      type: list
      elements: str
      returned: always
      sample: [dmar0, dmar1]
    groups:
      description: How many IOMMU groups there are.
      type: int
      returned: always
      sample: 42
    default_domain:
      description: >-
        What the groups do unless told otherwise, as in V(DMA-FQ) or V(identity) (pass-through), V(mixed) when they
        differ. Source, C(/sys/kernel/iommu_groups/N/type).
      type: str
      returned: always
      sample: DMA-FQ
    interrupt_remapping:
      description: >-
        Whether interrupts are remapped, V(null) where that is not known. V(false) beside a running IOMMU means that VFIO
        refuses every device unless its option C(allow_unsafe_interrupts) is set. Source, C(/proc/interrupts).
      type: bool
      returned: always
      sample: true
    arguments_running:
      description: What the running kernel was told about its IOMMU. Source, C(/proc/cmdline).
      type: list
      elements: str
      returned: always
      sample: [intel_iommu=on, iommu=pt]
    arguments_configured:
      description: >-
        The same for the next boot, V(null) when that is not known. Source, what the boot loader reads (C(grub.cfg),
        the entries of the Boot Loader Specification, C(/etc/kernel/cmdline)).
      type: list
      elements: str
      returned: always
      sample: [intel_iommu=on, iommu=pt]
    reason:
      description: Why it is off and what to do about it, V(null) while it is on.
      type: str
      returned: always
      sample: the kernel argument intel_iommu=on is missing; add it and reboot
    unreadable:
      description: What could not be read.
      type: list
      elements: dict
      returned: always
      contains:
        what:
          description: What it is.
          type: str
          returned: always
          sample: interrupts
        why:
          description: The system's word for it.
          type: str
          returned: always
          sample: Permission denied
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import ROOT_ARGUMENT_SPEC, run_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.iommu_state import build_iommu_state
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.boot import read_boot
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine


def describe(params: dict[str, Any]) -> dict[str, Any]:
    """The module's result for its parameters."""
    root = params["root"]
    state = build_iommu_state(read_machine(root), read_boot(root).next_boot_tokens)
    return {"changed": False, "iommu": state.to_dict()}


def main() -> None:
    run_module(AnsibleModule(argument_spec={**ROOT_ARGUMENT_SPEC}, supports_check_mode=True), describe)


if __name__ == "__main__":
    main()
