# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/survey.schema.json describes what the role survey writes: held against the survey of every recorded machine."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.fleet import record
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.survey import SCHEMA, survey
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.boot import read_boot
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.tests.unit.machine_builder import build, machine_names

WRITTEN = json.loads((Path(__file__).resolve().parents[2] / "docs/survey.schema.json").read_text(encoding="utf-8"))
VALIDATOR = Draft202012Validator(WRITTEN)


def problems(value):
    return [f"{error.json_path}: {error.message}" for error in VALIDATOR.iter_errors(value)]


def surveyed(name, folder):
    root = build(name, folder)
    return survey(build_inventory(read_machine(root), read_boot(root).next_boot_tokens))


@pytest.mark.parametrize("name", machine_names())
def test_the_survey_of_a_recorded_machine(name, tmp_path):
    assert problems(json.loads(json.dumps(record({name: surveyed(name, tmp_path), "silent": {}})))) == []


def test_the_schema_is_one_and_of_this_version():
    Draft202012Validator.check_schema(WRITTEN)
    assert WRITTEN["properties"]["schema"] == {"const": SCHEMA}


@pytest.mark.parametrize(
    ("key", "value"),
    [("verdict", "maybe"), ("iommu_group", "14"), ("address", "3b:00.0"), ("surprise", 1), ("companions", None)],
)
def test_what_does_not_fit_is_seen(tmp_path, key, value):
    good = record({"a": surveyed("sriov-no-vfs", tmp_path)})
    bad = copy.deepcopy(good)
    bad["hosts"]["a"]["devices"][0][key] = value
    assert problems(good) == []
    assert problems(bad)
