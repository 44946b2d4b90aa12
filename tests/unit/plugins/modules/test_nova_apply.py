# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.module_utils._host import service
from ansible_collections.nova_pci.passthrough.plugins.modules import nova_apply
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.toy_host import in_memory
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.toy_nova import (
    COMPUTE,
    DROP_IN,
    NOVA_CONF,
    SECRET,
    UNITS,
    ToyNova,
)


@pytest.fixture
def host():
    with in_memory() as folder:
        yield ToyNova(folder)


@pytest.fixture
def run(host, capsys, monkeypatch):
    monkeypatch.setattr(service, "SETTLING_OTHERS", 0.05)

    def run_module(check=False, diff=False, **arguments):
        given = {"root": str(host.root), "timeout": 20, "lock_timeout": 2, **arguments}
        if given.get("state") != "absent":
            given = {"plan": host.plan(), **given}
        given.update(_ansible_check_mode=check, _ansible_diff=diff)
        with patch_module_args(given), pytest.raises(SystemExit) as caught:
            nova_apply.main()
        result = json.loads(capsys.readouterr().out)
        result.pop("invocation", None)  # the plan itself; only within the module up to ansible-core 2.20
        assert SECRET not in json.dumps(result)
        assert bool(caught.value.code) == bool(result.get("failed")), result
        return result

    return run_module


def configuration(host):
    return host.tree(leave_out=(UNITS, "/var/log"))


def test_the_case_matrix(host, run):
    before = configuration(host)
    quiet = host.identities()
    checked = run(check=True)
    assert host.identities() == quiet
    assert host.log() == []
    first = run()
    assert checked["actions"] == first["actions"]
    assert (checked["changed"], first["changed"]) == (True, True)
    assert run(check=True)["changed"] is False
    assert run()["changed"] is False

    host.spec = '{"address": "0000:07:00.0"}'
    checked = run(check=True)
    changed = run()
    assert checked["actions"] == changed["actions"] == [f"write {DROP_IN}", "restart nova-compute"]
    assert run()["changed"] is False

    checked = run(check=True, state="absent")
    removed = run(state="absent")
    assert checked["actions"] == removed["actions"] != []
    assert run(state="absent")["changed"] is False
    assert configuration(host) == before


def test_what_it_returns(run):
    result = run()
    assert set(result) == {"changed", "actions", "steps", "kept", "notes", "reboot"}
    assert (result["steps"], result["kept"]) == ([], [])
    assert result["reboot"] == {"required": False, "reasons": []}


def test_a_diff_is_given_only_when_asked_for_and_is_the_same_in_check_mode(host, run):
    assert "diff" not in run(check=True)
    host.spec = f'{{"address": "{SECRET}-db"}}'  # a secret in a file of ours too
    checked = run(check=True, diff=True)["diff"]
    assert checked == run(diff=True)["diff"]
    assert [row["before_header"] for row in checked] == [DROP_IN, NOVA_CONF]
    assert '"address": "***"' in checked[0]["after"]


def test_a_failure_is_one_message_without_secrets_and_leaves_no_trace(host, run):
    before = configuration(host)
    host.mark(f"break-{COMPUTE}", "fail")
    result = run()
    assert result["failed"] is True
    assert result["msg"].startswith(f"{COMPUTE}: systemctl restart {COMPUTE} ended with status 1 and said:")
    assert "Invalid [pci]device_spec ***" in result["msg"]
    assert configuration(host) == before


def test_a_removal_knows_the_secrets_without_a_plan(host, run):
    run()
    host.mark(f"break-{COMPUTE}", "fail always")
    result = run(state="absent")
    assert result["failed"] is True
    assert "***" in result["msg"]


def test_secrets_of_further_files_are_known_by_the_plan_alone(host, run):
    host.write("/etc/nova/api.conf", "[x]\npassword = another-Pass\n")
    plan = host.plan()
    plan["secrets_from"].append("/etc/nova/api.conf")
    host.write("/usr/bin/journalctl", "#!/bin/sh\necho ERROR another-Pass\n")
    host.mark(f"break-{COMPUTE}", "loop")
    assert "ERROR ***" in run(plan=plan)["msg"]


def test_present_needs_a_plan(run):
    assert "plan" in run(plan=None)["msg"]


def test_absent_needs_none(run):
    assert run(state="absent")["changed"] is False


def test_a_plan_out_of_shape_is_named(host, run):
    plan = host.plan()
    plan["files"][1]["edits"][0]["old"] = []
    assert "plan.files[1].edits[0].old" in run(plan=plan)["msg"]


@pytest.mark.parametrize("state", ["/var/lib/nova-pci-passthrough", "/var/lib/nova-pci-passthrough-nova"])
def test_no_plan_writes_into_a_state_directory(host, run, state):
    plan = host.plan()
    plan["files"][0]["path"] = f"{state}/journal.json"
    assert "own state directory" in run(plan=plan)["msg"]


def test_what_an_administrator_changed_is_reported(host, run):
    run()
    host.write(NOVA_CONF, host.text(NOVA_CONF).replace("PciPassthroughFilter", "Theirs"))
    assert [row["path"] for row in run(state="absent")["kept"]] == [NOVA_CONF]
