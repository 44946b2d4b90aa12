#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module diagnose_host_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: diagnose_host_info
short_description: Read a host's part in a request for PCI devices
version_added: 0.1.0
description:
  - Reads the Nova services of a host with the configuration that each of them reads, and on a compute its devices, IOMMU, guests
    and libvirt. Nothing is changed.
  - What comes of it is judged by P(nova_pci.passthrough.diagnosis#filter), together with what the cloud and the other hosts say.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.info
  - nova_pci.passthrough.root
seealso:
  - module: nova_pci.passthrough.diagnose_cloud_info
  - plugin: nova_pci.passthrough.diagnosis
    plugin_type: filter
"""

EXAMPLES = r"""
- name: Read the host
  nova_pci.passthrough.diagnose_host_info:
  become: true
  register: read
"""

RETURN = r"""
facts:
  description: The host as plain data.
  type: dict
  returned: success
  contains:
    schema:
      description: The version of this shape.
      type: int
      returned: always
      sample: 1
    names:
      description: By which Nova may know its nova-compute, the surest first.
      type: list
      elements: str
      returned: always
      sample: [compute1]
    version:
      description: The release of Nova, V(null) when there is none or it cannot be told.
      type: str
      returned: always
      sample: 26.2.2
    services:
      description: >-
        The Nova services, each with C(name), C(unit), C(active), C(changed) (files of PCI settings that are newer than the process),
        C(refusals) (what Nova does not take), C(aliases) with C(alias_places), C(filters), C(pci_in_placement) and
        C(report_in_placement).
      type: list
      elements: dict
      returned: always
      sample: [{name: nova-scheduler, unit: nova-scheduler.service, active: true, changed: []}]
    compute:
      description: >-
        What a compute has, V(null) where no nova-compute is installed. C(specs) are the lines of device_spec, C(missing) addresses
        that these name and that are empty, C(iommu), C(vfio_pci), C(kernel_release), C(libvirt) whether it takes connections,
        C(virt_type), C(kvm), C(numa_nodes); each of the C(devices) has C(keys) (what a request can ask for) where device_spec
        names it, C(held_by) (the server), C(uses) (by the host), C(group_blockers) and C(planned_driver).
      type: dict
      returned: always
      sample: {libvirt: true, virt_type: kvm, kvm: true, numa_nodes: 2}
    unreadable:
      description: What could not be read.
      type: list
      elements: dict
      returned: always
      sample: []
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import ROOT_ARGUMENT_SPEC, run_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.devices_conf import PATH as DEVICES_CONF
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.devices_conf import planned_drivers
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.diagnosis_host import HostSight, host_facts
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.guest_devices import describe
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.boot import read_boot
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.guests import read_guest_files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.hypervisor import (
    count_numa_nodes,
    has_kvm,
    read_listening,
    read_node_name,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.nova import read_nova


def read(params: dict[str, Any]) -> dict[str, Any]:
    """The module's result for its parameters."""
    root = params["root"]
    inventory = build_inventory(read_machine(root), read_boot(root).next_boot_tokens)
    sight = HostSight(
        node=read_nova(root),
        inventory=inventory,
        guests=describe(*read_guest_files(root), inventory),
        listening=read_listening(root),
        kvm=has_kvm(root),
        numa_nodes=count_numa_nodes(root),
        name=read_node_name(root),
        drivers=planned_drivers(Files(root).text(DEVICES_CONF) or ""),
    )
    return {"changed": False, "facts": host_facts(sight)}


def main() -> None:
    run_module(AnsibleModule(argument_spec=ROOT_ARGUMENT_SPEC, supports_check_mode=True), read)


if __name__ == "__main__":
    main()
