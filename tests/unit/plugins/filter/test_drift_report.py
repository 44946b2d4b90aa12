# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of the filter drift_report: from Ansible's variables to the report."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from ansible_collections.nova_pci.passthrough.plugins.filter.drift_report import FilterModule

ROOT = Path(__file__).resolve().parents[4]
ROLE = ROOT / "roles/verify"
REGISTERED = yaml.safe_load((ROLE / "vars/main.yml").read_text(encoding="utf-8"))["__verify_registered"]
GOOD = {"check": "iommu", "state": "ok", "ok": True, "expected": "on", "found": "on", "fix": None, "address": None}
BAD = {**GOOD, "state": "failed", "ok": False, "found": "off", "fix": "mend it"}
PLANNED = {"plan": {"notes": [], "settings": [], "providers": None}}


def report(variables, **more):
    named = {host: {"inventory_hostname": host, **given} for host, given in variables.items()}
    return FilterModule().filters()["drift_report"](named, list(named), REGISTERED, **more)


def test_each_name_is_one_that_a_task_leaves():
    """A name that nobody registers would be a layer that is never looked at."""
    tasks = "".join(path.read_text(encoding="utf-8") for path in ROOT.glob("roles/*/tasks/*.yml"))
    names = [name for entry in REGISTERED.values() for name in (entry.values() if isinstance(entry, dict) else [entry])]
    assert len(names) == 13
    for name in names:
        assert f"register: {name}\n" in tasks or f"        {name}:\n" in tasks, name


def test_what_the_hosts_registered_becomes_the_report():
    found = report(
        {
            "c1": {
                "__verify_survey": {"survey": {}},
                "__host_planned": PLANNED,
                "__host_verified": {"findings": [GOOD]},
            },
            "c2": {"__verify_survey": {"survey": {}}, "__verify_host_trouble": {"msg": "no plan", "findings": []}},
            "ctl": {"__controller_planned": PLANNED, "__controller_verified": {"findings": [BAD]}},
        }
    )
    states = {host: entry["state"] for host, entry in found["report"]["hosts"].items()}
    assert states == {"c1": "ok", "c2": "failed", "ctl": "failed"}
    assert found["findings"]["ctl"] == [{"layer": "controller", **BAD}]
    assert found["text"][0] == "3 hosts: 1 as declared, 2 with failed findings"


def test_the_cloud_s_answer_is_that_of_the_host_that_asked():
    skipped = {"skipped": True, "changed": False}
    found = report(
        {
            "c1": {
                "__verify_providers": {"asked": True, "inventories": {}},
                "__flavor_checked": {"actions": ["make flavor a"]},
            },
            "c2": {"__verify_providers": skipped, "__flavor_checked": skipped},
        },
        has_flavors=True,
    )
    assert [row["layer"] for row in found["findings"]["the cloud"]] == ["flavor"]


def test_nova_s_name_of_a_host_may_be_told():
    provider = {"address": "0000:02:00.0", "resource_class": "X", "total": 1}
    plan = {"plan": {**PLANNED["plan"], "providers": [provider]}}
    found = report(
        {
            "c1": {
                "__compute_planned": plan,
                "__compute_verified": {"findings": [GOOD]},
                "__verify_providers": {"asked": True, "inventories": {"nova-1": [provider]}},
                "pci_passthrough_nova_host": "nova-1",
            }
        }
    )
    assert found["report"]["state"] == "ok"


def test_the_report_is_as_the_schema_says():
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "docs/verify.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    variables = {"c1": {"__verify_survey": {"unreachable": True, "msg": "x"}}, "c2": {"__host_planned": PLANNED}}
    found = {"made_at": "2026-01-01T00:00:00Z", **report(variables, has_flavors=True)["report"]}
    assert list(validator.iter_errors(found)) == []
    found["hosts"]["c1"]["findings"][0]["state"] = "fine"
    assert list(validator.iter_errors(found)), "the schema takes anything"
