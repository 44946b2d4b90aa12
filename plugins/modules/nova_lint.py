#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module nova_lint."""

from __future__ import annotations

DOCUMENTATION = r"""
module: nova_lint
short_description: Say what Nova would refuse or misread of its PCI passthrough settings
version_added: 0.1.0
description:
  - Reads the configuration of every Nova service of the host as that service reads it, and says what Nova of the
    installed release, or of the one in O(release), makes of it. That is what would stop a service, what it would ignore
    without a word, and what it would take for something else than was meant.
  - On a host with nova-compute it also holds every C(device_spec) and every alias against the PCI devices of the host.
  - It works on any C(nova.conf), whoever wrote it.
  - Only the options of C([pci]) and C([filter_scheduler]) that concern PCI devices are ever shown; the files hold
    passwords.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.info
  - nova_pci.passthrough.overrides
  - nova_pci.passthrough.root
options:
  config_files:
    description:
      - Look at these files alone, read in this order, instead of what the services of the host read. Each is the whole
        path of a file on the host, as in C(/etc/kolla/nova-compute/nova.conf).
    type: list
    elements: str
  service:
    description: Which service reads O(config_files). The checks depend on it.
    type: str
    choices: [nova-compute, nova-api, nova-api-metadata, nova-scheduler, nova-conductor]
    default: nova-compute
  release:
    description:
      - The release of Nova to hold everything against, as a series (V(2024.1)), codename or version in quotes. It may
        be one that is still to come, before an upgrade.
      - Empty takes what is installed.
    type: raw
    default: ""
  devices:
    description:
      - The declaration C(pci_passthrough_devices), to be held against the release, and on a host with nova-compute
        against its devices. Left out, only the configuration is looked at.
    type: raw
  placement:
    description: >-
      The variable C(pci_passthrough_placement), to be held against O(release) and O(devices). Left out, nothing that
      depends on it is said.
    type: str
    choices: [none, report, schedule]
  fail:
    description: Fail when there is a finding of severity V(error).
    type: bool
    default: false
seealso:
  - module: nova_pci.passthrough.nova_plan
  - module: nova_pci.passthrough.pci_devices_info
"""

EXAMPLES = r"""
- name: Look for what Nova would refuse or misread
  nova_pci.passthrough.nova_lint:
    devices: "{{ pci_passthrough_devices }}"
  become: true
  register: linted

- name: Show what was found
  ansible.builtin.debug:
    var: linted.table

- name: Ask before an upgrade whether the next release takes the same configuration
  nova_pci.passthrough.nova_lint:
    release: "2025.1"
    fail: true
  become: true

- name: Look at a file that some other tool wrote
  nova_pci.passthrough.nova_lint:
    config_files: [/etc/kolla/nova-api/nova.conf]
    service: nova-api
    release: "2024.1"
  become: true
"""

RETURN = r"""
findings:
  description: What there is to say, the worst first.
  type: list
  elements: dict
  returned: success
  contains:
    severity:
      description: >-
        V(error) for what stops a service or has an effect that nobody means, V(warning) for what is doubtful, V(info)
        for what is good to know.
      type: str
      returned: always
      sample: error
    check:
      description: A short word for what was checked, the same in every release of this collection.
      type: str
      returned: always
      sample: spec-matches-everything
    where:
      description: The file and line, or the place in the declaration.
      type: str
      returned: always
      sample: /etc/nova/nova.conf:17
    value:
      description: What stands there.
      type: str
      returned: always
      sample: '{"vendor": "8086"}'
    effect:
      description: What Nova does with it.
      type: str
      returned: always
      sample: Nova takes every PCI device of the host for it, bridges and the host's own disks among them
    fix:
      description: What to write instead.
      type: str
      returned: always
      sample: Add vendor_id and product_id, or an address
error_count:
  description: How many of them are of severity V(error).
  type: int
  returned: success
  sample: 1
warning_count:
  description: How many of them are of severity V(warning).
  type: int
  returned: success
  sample: 0
table:
  description: The findings as lines, to be printed.
  type: list
  elements: str
  returned: success
  sample: ["ERROR   /etc/nova/nova.conf:17 [spec-matches-everything] {}"]
release:
  description: The release that everything was held against.
  type: str
  returned: success
  sample: Nova 29.4.0 (2024.1 Caracal)
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import ROOT_ARGUMENT_SPEC, run_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.devices_conf import PATH as DEVICES_CONF
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.memory import recall
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_lint import (
    Declared,
    lint,
    node_of_files,
    release_to_lint,
    result_of,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_service import COMPUTE, SERVICES
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.nova import read_nova


def lint_host(params: dict[str, Any]) -> dict[str, Any]:
    """The module's result for its parameters; "failed" and "msg" among it when it shall fail and has to."""
    root, files = params["root"], Files(params["root"])
    node = read_nova(root)
    if params["config_files"] is not None:
        texts = {path: _text(files, path) for path in params["config_files"]}
        node = node_of_files(node, params["service"], texts)
    version = release_to_lint(node, params["release"])
    identities = recall(None, files.text(DEVICES_CONF) or "").identities
    declared = Declared(params["devices"], params["placement"], identities, params["overrides"])
    findings = lint(node, version, build_inventory(read_machine(root), None), declared)
    return {"release": version.label, **result_of(findings, params["fail"])}


def _text(files: Files, path: str) -> str | None:
    try:
        return files.text(path)
    except ValueError:  # no whole path
        return None


def main() -> None:
    spec = {
        **ROOT_ARGUMENT_SPEC,
        "config_files": {"type": "list", "elements": "str"},
        "service": {"type": "str", "choices": list(SERVICES), "default": COMPUTE},
        "release": {"type": "raw", "default": ""},
        "devices": {"type": "raw"},
        "overrides": {"type": "raw", "default": []},
        "placement": {"type": "str", "choices": ["none", "report", "schedule"]},
        "fail": {"type": "bool", "default": False},
    }
    run_module(AnsibleModule(argument_spec=spec, supports_check_mode=True), lint_host)


if __name__ == "__main__":
    main()
