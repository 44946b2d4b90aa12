#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module pci_providers_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pci_providers_info
short_description: See which computes have reported their PCI devices to Placement
version_added: 0.1.0
description:
  - Compares Nova's compute services with Placement's resource providers of PCI devices. Nothing is changed.
  - With C([filter_scheduler]pci_in_placement) Nova finds PCI devices on those computes alone that have reported them, so
    every compute has to come first.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.info
  - nova_pci.passthrough.cloud
options:
  without_devices:
    description: Computes that have nothing to report, by Nova's name of them.
    type: list
    elements: str
    default: []
  timeout:
    description:
      - Seconds to wait for computes that have reported nothing yet. A nova-compute reports some time after its start, then every
        minute.
    type: int
    default: 0
  fail:
    description: Fail when a compute has reported nothing and is not named in O(without_devices).
    type: bool
    default: false
  inventories:
    description: Read what each provider has, too. It takes one request for each of them.
    type: bool
    default: false
  optional:
    description:
      - Where no cloud is named and the environment names none, return RV(asked=false) instead of an error.
      - A cloud that is named and cannot be asked remains an error.
    type: bool
    default: false
seealso:
  - module: nova_pci.passthrough.nova_plan
"""

EXAMPLES = r"""
- name: Has every compute reported its devices
  nova_pci.passthrough.pci_providers_info:
    cloud: mycloud
    timeout: 300
    fail: true
  delegate_to: localhost
  become: false
"""

RETURN = r"""
asked:
  description: V(false) where there are no credentials, with O(optional); nothing else is returned then.
  type: bool
  returned: success
  sample: true
devices:
  description: The addresses of the devices that each compute has reported, by Nova's name of the compute.
  type: dict
  returned: where the cloud was asked
  sample: {compute1: ["0000:02:00.0"]}
silent:
  description: The computes that have reported none and are not named in O(without_devices).
  type: list
  elements: str
  returned: where the cloud was asked
  sample: []
inventories:
  description: What each provider of a compute's devices has, by Nova's name of the compute. The functions of a card count on its provider.
  type: dict
  returned: with O(inventories)
  sample: {compute1: [{address: "0000:02:00.0", resource_class: CUSTOM_PCI_8086_10D3, total: 1}]}
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import CLOUD_ARGUMENT_SPEC, run_cloud_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.connection import (
    SDK_MISSING,
    connect,
    connect_if_possible,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.providers import (
    read_inventories,
    wait_for_reports,
)


def look(params: dict[str, Any]) -> dict[str, Any]:
    """The module's result for its parameters."""
    cloud = (connect_if_possible if params["optional"] else connect)(params["cloud"])
    if cloud is None:
        return {"changed": False, "asked": False}
    found = wait_for_reports(cloud, params["without_devices"], params["timeout"])
    if params["fail"]:
        found.refuse_silence()
    devices = {compute: list(addresses) for compute, addresses in found.devices.items()}
    more = {"inventories": read_inventories(cloud)} if params["inventories"] else {}
    return {"changed": False, "asked": True, "devices": devices, "silent": list(found.silent), **more}


def main() -> None:
    spec = {
        **CLOUD_ARGUMENT_SPEC,
        "without_devices": {"type": "list", "elements": "str", "default": []},
        "timeout": {"type": "int", "default": 0},
        "fail": {"type": "bool", "default": False},
        "inventories": {"type": "bool", "default": False},
        "optional": {"type": "bool", "default": False},
    }
    module = AnsibleModule(argument_spec=spec, supports_check_mode=True)
    # connect_if_possible() tells what a missing openstacksdk means where the cloud is optional.
    spared = module.params["optional"] and not module.params["cloud"]
    run_cloud_module(module, look, None if spared else SDK_MISSING)


if __name__ == "__main__":
    main()
