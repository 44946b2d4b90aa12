# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""EXAMPLES of every module and filter, run word for word by ansible-playbook on made-up hosts and the stand-in of a cloud."""

from __future__ import annotations

import json
import re
import shutil

import pytest

from ansible_collections.nova_pci.passthrough.tests.unit.cloud_stand_in import MARKER, running
from ansible_collections.nova_pci.passthrough.tests.unit.documented_examples import ROOT, block, plugins
from ansible_collections.nova_pci.passthrough.tests.unit.playbooks.marked_cloud import MarkedCloud
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.nova_hosts import write

# Each plugin after those whose results its examples read. A number is that of one example, where others come in between.
ORDER = (
    ("pci_devices_info", None),
    ("iommu_info", None),
    ("pci_survey_info", None),
    ("survey_text", None),
    ("survey_markdown", None),
    ("survey_record", None),
    ("survey_declaration", None),
    ("fleet_page", None),
    ("host_plan", None),
    ("host_apply", 0),
    ("host_apply", 1),
    ("host_verify", None),
    ("drift_report", None),
    ("host_apply", 2),
    ("nova_plan", None),
    ("nova_apply", 0),
    ("nova_apply", 1),
    ("nova_verify", None),
    ("nova_apply", 2),
    ("nova_lint", None),
    ("guest_devices_info", None),
    ("compute_drain", None),
    ("drain_record", None),
    ("flavors", None),
    ("pci_providers_info", None),
    ("diagnose_cloud_info", None),
    ("diagnose_host_info", None),
    ("diagnosis", None),
    ("smoke_plan", None),
    ("smoke_server", 0),
    ("inventory_host", None),
    ("smoke_verify", None),
    ("smoke_server", 1),
)
FILES = {path.stem: path for path in [*plugins("modules"), *plugins("filter")]}
SERVER = "5f2f7a30-7c53-4a7e-9d0a-6a3d6f3b1c55"  # the one of the examples
# The IOMMU of the made-up host is off, and that is what the example asks for.
FAILS = {"iommu_info": "Say why it is off"}
# The card of the examples, and one with two functions that the made-up host has.
CARDS = ("0000:3b:00.", "0000:07:00.")
NOTHING: dict[str, object] = {"inventories": {}, "usages": {}, "traits": []}
# What the templates of the role host print comes from its variables, as the example says.
OF_THE_ROLE = {"__host_planned": "{{ planned }}"}


def examples(name, number):
    tasks = block(FILES[name], "EXAMPLES")
    return tasks if number is None else [tasks[number]]


@pytest.fixture(name="shown", scope="module")
def fixture_shown(tmp_path_factory):
    """The status of the run, and all that it said."""
    folder = tmp_path_factory.mktemp("examples")
    with running(folder) as stand_in:
        clouds = json.loads((folder / "clouds.yaml").read_text(encoding="utf-8"))
        clouds["clouds"].update(dict.fromkeys(("production", "mycloud"), clouds["clouds"]["here"]))
        (folder / "clouds.yaml").write_text(json.dumps(clouds), encoding="utf-8")
        image = {"id": f"{MARKER}00000000000a", "name": "cirros-0.6.2", "status": "active", "min_ram": 0, "min_disk": 0}
        flavor = {"original_name": "gpu.large", "vcpus": 8, "ram": 32768, "disk": 80, "extra_specs": {}}
        failed = {"id": SERVER, "name": "db1", "status": "ERROR", "flavor": flavor}
        stand_in.control(
            images=[image],
            servers={SERVER: failed},
            providers={"p1": {"name": "compute1"}, "p2": {"name": "compute1_0000:02:00.0", **NOTHING}},
        )
        cloud = MarkedCloud(folder / "hosts", stand_in)
        cloud.build()
        write(cloud.compute, "etc/nova/nova.conf", "[DEFAULT]\nlog_dir = /var/log/nova\n")
        write(cloud.compute, "etc/kolla/nova-api/nova.conf", "[DEFAULT]\n")
        shutil.copytree(ROOT / "roles/host/templates", folder / "templates")
        plays = [
            {
                "name": name if number is None else f"{name} {number}",
                "hosts": "compute1",
                "gather_facts": False,
                "ignore_errors": name in FAILS,
                "vars": OF_THE_ROLE,
                "vars_files": [str(ROOT / "roles/host/vars/main.yml")],
                "tasks": examples(name, number),
            }
            for name, number in ORDER
        ]
        (folder / "examples.yml").write_text(json.dumps(plays).replace(*CARDS), encoding="utf-8")
        yield cloud.play(str(folder / "examples.yml"))


def test_every_example_has_its_turn():
    given = [task["name"] for name, number in ORDER for task in examples(name, number)]
    assert sorted(given) == sorted(task["name"] for name in FILES for task in examples(name, None))


def test_every_example_runs(shown):
    status, said = shown
    assert status == 0, said[-6000:]
    tasks = [task["name"] for name, number in ORDER for task in examples(name, number)]
    assert re.findall(r"^TASK \[(.*?)\] \*", said, re.MULTILINE) == tasks
    failed = re.findall(r"^TASK \[([^]]*)\](?:(?!^TASK).)*?^fatal: ", said, re.MULTILINE | re.DOTALL)
    assert failed == list(FAILS.values())
    assert re.search(r"^compute1 .* unreachable=0 +failed=0 .* ignored=1 ", said, re.MULTILINE)
