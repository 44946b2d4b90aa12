# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.modules import host_apply
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.toy_host import (
    CMDLINE,
    GRUB,
    STATE,
    ToyHost,
    in_memory,
)


@pytest.fixture
def host():
    with in_memory() as folder:
        yield ToyHost(folder)


@pytest.fixture
def run(host, capsys):
    def run_module(check=False, diff=False, **arguments):
        given = {"root": str(host.root), "timeout": 20, "lock_timeout": 2, **arguments}
        if given.get("state") != "absent":
            given = {"plan": host.plan(), "contents": host.contents(), **given}
        given.update(_ansible_check_mode=check, _ansible_diff=diff)
        with patch_module_args(given), pytest.raises(SystemExit) as caught:
            host_apply.main()
        result = json.loads(capsys.readouterr().out)
        assert bool(caught.value.code) == bool(result.get("failed")), result
        return result

    return run_module


def test_the_case_matrix(host, run):
    before = host.tree(leave_out=("/boot",))
    quiet = host.identities()
    checked = run(check=True)
    assert host.identities() == quiet
    first = run()
    assert checked["actions"] == first["actions"]
    assert (checked["changed"], first["changed"]) == (True, True)
    assert run(check=True)["changed"] is False
    assert run()["changed"] is False

    host.token = "iommu=pt"
    checked = run(check=True)
    changed = run()
    assert checked["actions"] == changed["actions"] != []
    assert run()["changed"] is False

    checked = run(check=True, state="absent")
    removed = run(state="absent")
    assert checked["actions"] == removed["actions"] != []
    assert run(state="absent")["changed"] is False
    assert host.tree(leave_out=("/boot",)) == before


def test_what_it_returns(run):
    result = run()
    result.pop("invocation", None)  # added within the module by ansible-core up to 2.20, outside of it since
    assert set(result) == {"changed", "actions", "steps", "kept", "notes", "drained", "reboot"}
    assert result["steps"] == [{"status": "changed", "address": "0000:02:00.0", "message": "bound to vfio-pci"}]
    assert result["reboot"]["required"] is True


def test_a_diff_is_given_only_when_asked_for_and_is_the_same_in_check_mode(run):
    assert "diff" not in run(check=True)
    checked = run(check=True, diff=True)["diff"]
    done = run(diff=True)["diff"]
    assert checked == done
    row = next(row for row in done if row["before_header"] == CMDLINE)
    assert row == {
        "before_header": CMDLINE,
        "after_header": CMDLINE,
        "before": "root=/dev/vda1 quiet\n",
        "after": "root=/dev/vda1 quiet intel_iommu=on\n",
    }


def test_a_failure_is_one_message_and_leaves_no_trace(host, run):
    before = host.tree()
    host.mark("break-update-grub", "fail")
    result = run()
    assert result["failed"] is True
    assert result["msg"].startswith("update-grub: ended with status 1 and said:")
    assert host.tree(leave_out=("/boot/initrd.img-6.1.new",)) == before


def test_present_needs_a_plan(run):
    assert "plan" in run(plan=None)["msg"]


def test_absent_needs_none(run):
    assert run(state="absent")["changed"] is False


def test_what_an_administrator_changed_is_reported(host, run):
    run()
    host.write(CMDLINE, "mine\n")
    kept = run(state="absent")["kept"]
    assert [row["path"] for row in kept] == [CMDLINE]


@pytest.mark.parametrize(
    "path",
    [
        "/etc/../root/.ssh/authorized_keys",
        "etc/relative",
        "/etc/new\nline",
        "/etc/nul\0byte",
        "/etc/\x1b[31mred",
        "/etc/right\u202eleft",
        "//etc/double",
        "/etc/slash/",
        "/etc/" + "x" * 201,
        STATE + "/journal.json",
        "",
        None,
        7,
    ],
)
def test_hostile_file_names_are_refused_before_anything_is_written(host, run, path):
    before = host.identities()
    plan = host.plan()
    plan["files"][0]["path"] = path
    result = run(plan=plan)
    assert result["failed"] is True
    assert "plan.files[0].path" in result["msg"]
    assert host.identities() == before


def test_names_that_only_look_dangerous_are_names(host, run):
    plan = host.plan()
    plan["files"][0]["path"] = "/etc/default/grub.d/$(touch pwned) `id`; 'x\" %s.cfg"
    assert run(plan=plan)["changed"] is True
    assert host.at(plan["files"][0]["path"]).is_file()
    assert run(state="absent")["kept"] == []
    assert not list(host.base.rglob("pwned"))
    assert not host.at(GRUB).exists()


GUEST = (
    "<domstatus><domain><name>instance-7</name><uuid>u</uuid><devices><hostdev type='pci'><source>"
    "<address domain='0x0000' bus='0x02' slot='0x00' function='0x0'/></source></hostdev></devices></domain></domstatus>"
)


def test_a_device_that_a_guest_holds_does_not_leave_the_plan_and_others_may_come(host, run):
    run()
    host.write("/run/libvirt/qemu/instance-7.xml", GUEST)
    host.addresses = ["0000:05:00.0"]
    quiet = host.identities()
    for check in (True, False):
        assert "0000:02:00.0: is held by the running guest instance-7 (u)" in run(check=check)["msg"]
        assert host.identities() == quiet
    host.addresses = ["0000:02:00.0", "0000:05:00.0"]
    assert run()["changed"] is True


def test_a_device_that_a_guest_holds_keeps_its_driver_and_its_functions(host, run):
    run()
    host.write("/run/libvirt/qemu/instance-7.xml", GUEST)
    host.addresses = ["0000:02:00.0", "0000:05:00.0"]
    plan = host.plan()
    plan["devices"][0].update(num_vfs=4, num_vfs_now=2)
    quiet = host.identities()
    assert "0000:02:00.0: is held by the running guest" in run(plan=plan)["msg"]
    assert host.identities() == quiet
