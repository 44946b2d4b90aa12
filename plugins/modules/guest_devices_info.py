#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module guest_devices_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: guest_devices_info
short_description: Tell which guest of a compute holds which PCI devices
version_added: 0.1.0
description:
  - Reads libvirt's own files on the compute, C(/run/libvirt/qemu) for what runs and C(/etc/libvirt/qemu) for what is defined,
    and sysfs for each device. It needs neither virsh nor a connection to libvirt.
  - A guest's uuid is the id of Nova's server.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.info
  - nova_pci.passthrough.root
options:
  server:
    description: Describe this guest alone, by its uuid. All of them when left out.
    type: str
  gone:
    description: Wait until O(server) runs no more, and fail when it still does after O(timeout).
    type: bool
    default: false
  timeout:
    description: Seconds to wait with O(gone).
    type: int
    default: 60
  addresses:
    description: Describe these devices too, whoever holds them, in RV(devices).
    type: list
    elements: str
    default: []
seealso:
  - module: nova_pci.passthrough.pci_devices_info
  - module: nova_pci.passthrough.smoke_verify
"""

EXAMPLES = r"""
- name: See who holds what
  nova_pci.passthrough.guest_devices_info:
  become: true
  register: held

- name: Be sure that a server has let go of its card
  nova_pci.passthrough.guest_devices_info:
    server: 5f2f7a30-7c53-4a7e-9d0a-6a3d6f3b1c55
    gone: true
    addresses: ["0000:3b:00.0"]
  become: true
"""

RETURN = r"""
guests:
  description: The guests, sorted by name.
  type: list
  elements: dict
  returned: success
  contains:
    uuid:
      description: The id of Nova's server.
      type: str
      returned: always
      sample: 5f2f7a30-7c53-4a7e-9d0a-6a3d6f3b1c55
    name:
      description: libvirt's name of the guest.
      type: str
      returned: always
      sample: instance-00000007
    running:
      description: Whether it runs; a guest that is only defined holds nothing.
      type: bool
      returned: always
      sample: true
    devices:
      description: The host's PCI devices in its definition, each as in RV(devices).
      type: list
      elements: dict
      returned: always
      sample: [{address: "0000:3b:00.0", vendor_id: "8086", product_id: "154d", device_type: type-PF, driver: vfio-pci}]
devices:
  description: The devices of O(addresses).
  type: list
  elements: dict
  returned: success
  contains:
    address:
      description: Where it is on the host.
      type: str
      returned: always
      sample: "0000:3b:00.0"
    vendor_id:
      description: V(null) when the host has no such device.
      type: str
      returned: always
      sample: "8086"
    product_id:
      description: V(null) when the host has no such device.
      type: str
      returned: always
      sample: 154d
    device_type:
      description: As Nova calls it.
      type: str
      returned: always
      sample: type-PF
    driver:
      description: What it is bound to now.
      type: str
      returned: always
      sample: vfio-pci
    physical_function:
      description: Address, vendor_id and product_id of the card that a virtual function belongs to.
      type: dict
      returned: always
      sample: {address: "0000:3b:00.0", vendor_id: "8086", product_id: "154d"}
    held_by:
      description: The uuid of the running guest that holds it.
      type: str
      returned: always
      sample: 5f2f7a30-7c53-4a7e-9d0a-6a3d6f3b1c55
unreadable:
  description: What could not be read.
  type: list
  elements: dict
  returned: success
  sample: []
"""

import time
from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import ROOT_ARGUMENT_SPEC, run_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.guest_devices import GuestDevices, describe
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.guests import read_guest_files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine

POLL_SECONDS = 1.0


def tell(params: dict[str, Any]) -> dict[str, Any]:
    """The module's result for its parameters."""
    found = _read(params)
    end = time.monotonic() + params["timeout"]
    while params["gone"] and found.runs(params["server"]):
        if time.monotonic() >= end:
            fix = "See /var/log/libvirt/qemu and nova-compute's log on that host"
            raise MachineProblem(f"guest {params['server']}", f"still runs after {params['timeout']} s", fix)
        time.sleep(POLL_SECONDS)
        found = _read(params)
    return {"changed": False, **found.to_dict()}


def _read(params: dict[str, Any]) -> GuestDevices:
    files, problems = read_guest_files(params["root"])
    inventory = build_inventory(read_machine(params["root"]))
    return describe(files, problems, inventory, params["server"], params["addresses"])


def main() -> None:
    spec = {
        **ROOT_ARGUMENT_SPEC,
        "server": {"type": "str"},
        "gone": {"type": "bool", "default": False},
        "timeout": {"type": "int", "default": 60},
        "addresses": {"type": "list", "elements": "str", "default": []},
    }
    run_module(
        AnsibleModule(argument_spec=spec, supports_check_mode=True, required_if=[("gone", True, ("server",))]), tell
    )


if __name__ == "__main__":
    main()
