# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of modules/iommu_info.py: the state that runs beside the one of the next boot."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

pytest.importorskip("ansible.module_utils.testing")

import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import IommuState
from ansible_collections.nova_pci.passthrough.plugins.modules import iommu_info
from ansible_collections.nova_pci.passthrough.tests.unit.machine_builder import build


def run(capsys, **options):
    with patch_module_args(options), pytest.raises(SystemExit) as ended:
        iommu_info.main()
    assert ended.value.code == 0
    result = json.loads(capsys.readouterr().out)
    assert result["changed"] is False
    return result["iommu"]


@pytest.mark.parametrize("check", [False, True])
@pytest.mark.parametrize(
    ("machine", "enabled", "kind", "reason"),
    [
        ("gpu-with-companions", True, "intel", None),
        ("amd-ivrs", True, "amd", None),
        ("arm-smmuv3", True, "smmuv3", None),
        ("lvm-on-md-root", False, None, "the kernel argument intel_iommu=on is missing; add it and reboot"),
        (
            "lab-bookworm-iommu-off",
            False,
            None,
            "the kernel was started with intel_iommu=off; take it out of the kernel arguments and reboot",
        ),
    ],
)
def test_state(capsys, tmp_path, machine, enabled, kind, reason, check):
    state = run(capsys, root=build(machine, tmp_path), _ansible_check_mode=check)
    assert (state["enabled"], state["kind"], state["reason"]) == (enabled, kind, reason)
    assert state["arguments_configured"] is None


def test_an_argument_that_waits_for_a_reboot(capsys, tmp_path, monkeypatch):
    class Boot:
        next_boot_tokens = ("quiet", "intel_iommu=on")

    monkeypatch.setattr(iommu_info, "read_boot", lambda root: Boot)
    state = run(capsys, root=build("lvm-on-md-root", tmp_path))
    assert state["arguments_configured"] == ["intel_iommu=on"]
    assert state["reason"] == "intel_iommu=on is configured, but the running kernel was started without it: reboot"


def test_every_key_is_documented(capsys, tmp_path):
    documented = yaml.safe_load(iommu_info.RETURN)["iommu"]["contains"]
    assert set(run(capsys, root=build("amd-ivrs", tmp_path))) == set(documented)
    assert set(documented) == {field.name for field in fields(IommuState)}
    for name, entry in documented.items():
        assert {"description", "type", "returned"} <= set(entry), name
