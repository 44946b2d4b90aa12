# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of modules/guest_devices_info.py on a built machine."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("ansible.module_utils.testing")

import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.modules import guest_devices_info
from ansible_collections.nova_pci.passthrough.tests.unit.machine_builder import build

UUID = "5f2f7a30-7c53-4a7e-9d0a-6a3d6f3b1c55"
VF = "0000:17:01.2"
SOURCE = "<address domain='0x0000' bus='0x17' slot='0x01' function='0x2'/>"
DOMAIN = (
    f"<domain><name>instance-1</name><uuid>{UUID}</uuid>"
    f"<devices><hostdev type='pci'><source>{SOURCE}</source></hostdev></devices></domain>"
)


def run(capsys, **options):
    with patch_module_args(options), pytest.raises(SystemExit) as ended:
        guest_devices_info.main()
    result = json.loads(capsys.readouterr().out)
    assert ended.value.code == (1 if result.get("failed") else 0)
    return result


@pytest.fixture
def root(tmp_path):
    for folder, text in (("run", f"<domstatus>{DOMAIN}</domstatus>"), ("etc", DOMAIN)):
        path = tmp_path / folder / "libvirt/qemu/instance-1.xml"
        path.parent.mkdir(parents=True)
        path.write_text(text)
    return build("sriov-8-vfs", tmp_path)


@pytest.mark.parametrize("check", [False, True])
def test_who_holds_what(capsys, root, check):
    result = run(capsys, root=root, addresses=["0000:17:00.0"], _ansible_check_mode=check)
    (guest,) = result["guests"]
    assert (guest["uuid"], guest["name"], guest["running"]) == (UUID, "instance-1", True)
    assert guest["devices"] == [
        {
            "address": VF,
            "vendor_id": "8086",
            "product_id": "1889",
            "device_type": "type-VF",
            "driver": "vfio-pci",
            "physical_function": {"address": "0000:17:00.0", "vendor_id": "8086", "product_id": "1592"},
            "held_by": UUID,
        }
    ]
    (card,) = result["devices"]
    assert (card["device_type"], card["driver"], card["held_by"]) == ("type-PF", "ice", None)
    assert (result["changed"], result["unreadable"]) == (False, [])
    documented = yaml.safe_load(guest_devices_info.RETURN)
    assert set(documented) == set(result) - {"changed", "invocation"}
    assert set(documented["guests"]["contains"]) == set(guest)
    assert set(documented["devices"]["contains"]) == set(card)


def test_one_guest(capsys, root):
    assert len(run(capsys, root=root, server=UUID.upper())["guests"]) == 1
    assert run(capsys, root=root, server="other")["guests"] == []


def test_waiting_for_one_to_go(capsys, root, tmp_path, monkeypatch):
    result = run(capsys, root=root, server=UUID, gone=True, timeout=0)
    assert result["msg"] == (
        f"guest {UUID}: still runs after 0 s. See /var/log/libvirt/qemu and nova-compute's log on that host"
    )

    def stop(seconds):
        (tmp_path / "run/libvirt/qemu/instance-1.xml").unlink()

    monkeypatch.setattr(guest_devices_info.time, "sleep", stop)
    result = run(capsys, root=root, server=UUID, gone=True, addresses=[VF])
    assert [(guest["running"], result["devices"][0]["held_by"]) for guest in result["guests"]] == [(False, None)]


def test_a_host_without_libvirt(capsys, tmp_path):
    result = run(capsys, root=build("sriov-8-vfs", tmp_path))
    assert (result["guests"], result["unreadable"]) == ([], [])


def test_gone_needs_a_server(capsys, root):
    assert "server" in run(capsys, root=root, gone=True)["msg"]
