# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of modules/smoke_verify.py against a stand-in of Nova's console."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("ansible.module_utils.testing")
pytest.importorskip("openstack")

import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.modules import smoke_verify

pytestmark = pytest.mark.filterwarnings("ignore")  # openstacksdk warns about itself


SERVER = {"id": "u", "name": "s", "status": "ACTIVE", "host": "compute1", "placement_addresses": []}
DEVICE = {
    "address": "0000:02:00.0",
    "vendor_id": "8086",
    "product_id": "10d3",
    "device_type": "type-PCI",
    "physical_function": None,
}
GUESTS = [{"uuid": "u", "name": "instance-1", "running": True, "devices": [DEVICE]}]


def run(capsys, **options):
    given = {
        "cloud": "here",
        "devices": [{"alias": "a1", "vendor_id": "8086", "product_id": "10d3"}],
        "probe": {"name": "s", "alias": "a1", "count": 1, "host": None},
        "server": SERVER,
        "guests": GUESTS,
        "timeout": 0,
        **options,
    }
    with patch_module_args(given), pytest.raises(SystemExit) as ended:
        smoke_verify.main()
    result = json.loads(capsys.readouterr().out)
    assert ended.value.code == 0
    return result


@pytest.fixture
def server(nova):
    nova.control(servers={"u": {"id": "u", "name": "s", "looks": 0}})
    return nova


def test_all_three_agree(capsys, server):
    result = run(capsys)
    assert result["line"] == "a1 on compute1: nova proven, libvirt proven, guest proven"
    assert (result["changed"], result["addresses"], server.written) == (False, ["0000:02:00.0"], [])


def test_the_guest_is_waited_for(capsys, server, monkeypatch):
    server.control(console="booting\n")

    def pause(seconds):
        server.control(console="TINY-PCI 0028 8086:10d3\n")

    monkeypatch.setattr(smoke_verify.time, "sleep", pause)
    assert run(capsys, timeout=60)["line"].endswith("guest proven")


def test_a_console_that_nova_cannot_give(capsys, server):
    server.control(broken={"POST compute /servers/u/action": [409, "Instance u is not ready"]})
    result = run(capsys)
    assert result["failed"]
    assert "guest: not proven, its console shows no PCI device" in result["msg"]
    assert not run(capsys, guest_proof=False).get("failed")


def test_a_pattern_of_one_s_own(capsys, server):
    server.control(console="card 8086:10d3 here")
    assert run(capsys, console_pattern=r"card (?P<ids>\S+)")["line"].endswith("guest proven")


@pytest.mark.parametrize("pattern", ["(", "8086", "x{99999999999}"])
def test_a_pattern_that_can_tell_nothing(capsys, server, pattern):
    given = {
        "devices": [],
        "probe": {"name": "s", "alias": "a1", "count": 1},
        "server": SERVER,
        "console_pattern": pattern,
    }
    with patch_module_args(given), pytest.raises(SystemExit):
        smoke_verify.main()
    assert json.loads(capsys.readouterr().out)["msg"].startswith(f"smoke_console_pattern: {pattern!r} ")


def test_the_wrong_device(capsys, server):
    result = run(capsys, guests=[{**GUESTS[0], "devices": [{**DEVICE, "product_id": "1533"}]}])
    assert result["failed"]
    assert (
        "libvirt: wrong, 0000:02:00.0 8086:1533; expected 1 device(s) of vendor_id 8086 product_id 10d3"
        in result["msg"]
    )


def test_without_the_compute(capsys, server):
    assert run(capsys, guests=None)["line"] == "a1 on compute1: nova proven, libvirt not proven, guest proven"


def test_what_is_returned_is_documented(capsys, server):
    result = run(capsys, guest_proof=False, console_pattern="(?P<ids>never)")
    assert set(yaml.safe_load(smoke_verify.RETURN)) == set(result) - {"changed", "invocation"}
