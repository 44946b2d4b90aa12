# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of modules/diagnose_host_info.py on hosts built below a folder."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("ansible.module_utils.testing")

from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.modules import diagnose_host_info
from ansible_collections.nova_pci.passthrough.tests.unit import machine_builder
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.nova_hosts import (
    debian_compute,
    debian_controller,
    process,
    write,
)


def run(capsys, root):
    with patch_module_args({"root": str(root)}), pytest.raises(SystemExit):
        diagnose_host_info.main()
    return json.loads(capsys.readouterr().out)["facts"]


def test_a_compute(capsys, tmp_path):
    root = tmp_path / "root"
    machine_builder.build("lab-bookworm-iommu-on", root)
    (root / "proc/self").rename(root / "proc/1")  # the built host has a link there
    debian_compute(root)
    argv = "/usr/bin/python3 /usr/bin/nova-compute --config-file=/etc/nova/nova.conf"
    process(root, 30, "nova-compute.service", argv)
    text = '[DEFAULT]\nhost = cmp1.example\n[pci]\ndevice_spec = {"vendor_id": "8086", "product_id": "10d3"}\n'
    write(root, "etc/nova/nova.conf", text)
    found = run(capsys, root)
    assert found["names"][0] == "cmp1.example"
    (service,) = found["services"]
    assert (service["name"], service["active"]) == ("nova-compute", True)
    assert service["changed"] == ["/etc/nova/nova.conf"]  # written now, and the process is of 2023
    rows = found["compute"]["devices"]
    offered = {row["address"] for row in rows if row["keys"] is not None}
    assert offered == {row["address"] for row in rows if row["product_id"] == "10d3"} != set()
    assert found["compute"]["iommu"]["enabled"]


def test_a_controller(capsys, tmp_path):
    found = run(capsys, debian_controller(tmp_path))
    assert {one["name"] for one in found["services"]} == {"nova-api", "nova-scheduler", "nova-conductor"}
    assert found["compute"] is None


def test_a_host_without_nova(capsys, tmp_path):
    found = run(capsys, tmp_path)
    assert (found["services"], found["compute"], found["version"]) == ([], None, None)
