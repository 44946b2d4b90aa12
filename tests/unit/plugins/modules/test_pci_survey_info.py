# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of modules/pci_survey_info.py on recorded machines."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("ansible.module_utils.testing")

import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.modules import pci_survey_info
from ansible_collections.nova_pci.passthrough.tests.unit.machine_builder import build


def run(capsys, **options):
    with patch_module_args(options), pytest.raises(SystemExit) as ended:
        pci_survey_info.main()
    assert ended.value.code == 0
    result = json.loads(capsys.readouterr().out)
    assert result["changed"] is False
    return result["survey"]


@pytest.mark.parametrize("check", [False, True])
def test_a_machine_is_surveyed(tmp_path, capsys, check):
    found = run(capsys, root=build("gpu-with-companions", tmp_path), _ansible_check_mode=check)
    verdicts = {row["address"]: row["verdict"] for row in found["devices"] if row["kind"] != "bridge"}
    assert verdicts["0000:01:00.0"] == "ready"
    assert verdicts["0000:02:00.0"] == "no"
    assert found["first"] == []


def test_the_arguments_of_the_next_boot_are_known(tmp_path, capsys):
    found = run(capsys, root=build("lvm-on-md-root", tmp_path))
    assert found["first"][:1] == ["the IOMMU is off: the kernel argument intel_iommu=on is missing; add it and reboot"]


def test_the_documentation_names_every_key(tmp_path, capsys):
    found = run(capsys, root=build("sriov-8-vfs", tmp_path))
    documented = yaml.safe_load(pci_survey_info.RETURN)["survey"]["contains"]
    assert set(documented) == set(found)
    assert set(documented["devices"]["contains"]) == set(found["devices"][0])
