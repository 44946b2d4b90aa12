# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of modules/pci_devices_info.py: options, result, documentation."""

from __future__ import annotations

import json
from dataclasses import fields

import pytest

pytest.importorskip("ansible.module_utils.testing")

import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import PciDevice
from ansible_collections.nova_pci.passthrough.plugins.modules import pci_devices_info
from ansible_collections.nova_pci.passthrough.tests.unit.machine_builder import build


def run(capsys, **options):
    """The module's whole way: arguments in, JSON out."""
    with patch_module_args(options), pytest.raises(SystemExit) as ended:
        pci_devices_info.main()
    result = json.loads(capsys.readouterr().out)
    assert ended.value.code == (1 if result.get("failed") else 0)
    return result


@pytest.fixture
def root(tmp_path):
    return build("nic-two-ports-one-group", tmp_path)


def addresses(result):
    return [device["address"] for device in result["devices"]]


@pytest.mark.parametrize("check", [False, True])
def test_all_devices(capsys, root, check):
    result = run(capsys, root=root, _ansible_check_mode=check)
    assert addresses(result) == ["0000:00:00.0", "0000:00:17.0", "0000:3a:00.0", "0000:3b:00.0", "0000:3b:00.1"]
    assert (result["changed"], result["vfio_pci"], result["vfio_virqfd"]) == (False, "module", "missing")
    assert result["unreadable"] == []
    assert result["devices"][3]["uses"][0] == {
        "kind": "connection",
        "detail": "the Ansible connection comes in at 192.0.2.10 on ens4f0",
    }


@pytest.mark.parametrize(
    ("options", "found"),
    [
        ({"include_bridges": False}, ["0000:00:17.0", "0000:3b:00.0", "0000:3b:00.1"]),
        ({"addresses": ["0000:3b:00.1"]}, ["0000:3b:00.1"]),
        ({"addresses": ["0000:3B:00.1", "0000:00:17.0"]}, ["0000:00:17.0", "0000:3b:00.1"]),
        ({"addresses": []}, []),
        ({"addresses": ["0000:3a:00.0"], "include_bridges": False}, []),
    ],
)
def test_options(capsys, root, options, found):
    assert addresses(run(capsys, root=root, **options)) == found


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (
            ["0000:3b:00.0", "3b:00.0"],
            "addresses[1]: '3b:00.0' is no PCI address. Write domain:bus:slot.function, as in 0000:3b:00.0",
        ),
        (
            ["0000:ff:00.0"],
            "addresses[0]: '0000:ff:00.0' is no device of this host. Leave addresses out to see all that it has",
        ),
    ],
)
def test_an_address_that_is_none_is_one_clear_error(capsys, root, given, message):
    result = run(capsys, root=root, addresses=given)
    assert (result["failed"], result["msg"]) == (True, message)


def test_what_cannot_be_read_is_named(capsys, tmp_path):
    root = build("nic-two-ports-one-group", tmp_path)
    numa = tmp_path / "sys/bus/pci/devices/0000:3b:00.0/numa_node"
    numa.unlink()
    numa.mkdir()
    swaps = tmp_path / "proc/swaps"
    swaps.unlink()
    swaps.mkdir()
    result = run(capsys, root=root, addresses=["0000:3b:00.0"])
    assert result["devices"][0]["numa_node"] is None
    assert result["devices"][0]["unreadable"] == [{"what": "numa_node", "why": "Is a directory"}]
    assert result["unreadable"] == [{"what": "/proc/swaps", "why": "Is a directory"}]


def test_one_verdict_a_group(capsys, tmp_path):
    result = run(capsys, root=build("needed-in-every-way", tmp_path), addresses=[])
    assert [group["verdict"] for group in result["groups"]] == ["needed"] * 9 + ["in a guest"] + ["needed"] * 9
    assert result["groups"][4] == {
        "group": 5,
        "members": ["0000:05:00.0", "0000:05:00.1"],
        "verdict": "needed",
        "reasons": ["0000:05:00.0: team0 is built on eth0"],
        "covered": [],
    }


def test_every_key_is_documented(capsys, root):
    result = run(capsys, root=root)
    documented = yaml.safe_load(pci_devices_info.RETURN)
    assert set(documented) == set(result) - {"changed", "invocation"}
    assert all(set(group) == set(documented["groups"]["contains"]) for group in result["groups"])
    contains = documented["devices"]["contains"]
    for device in result["devices"]:
        assert set(device) == set(contains)
    assert {field.name for field in fields(PciDevice)} <= set(contains)


def test_every_returned_value_has_a_sample_and_a_source():
    for name, entry in yaml.safe_load(pci_devices_info.RETURN)["devices"]["contains"].items():
        assert {"description", "type", "returned"} <= set(entry), name
        assert ("sample" in entry) != ("contains" in entry), name
