# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of modules/compute_drain.py against a stand-in of the services."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("ansible.module_utils.testing")
pytest.importorskip("openstack")

import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud import connection, drain
from ansible_collections.nova_pci.passthrough.plugins.modules import compute_drain

pytestmark = pytest.mark.filterwarnings("ignore")  # openstacksdk warns about itself

HOST, TASK, POWER = "OS-EXT-SRV-ATTR:host", "OS-EXT-STS:task_state", "OS-EXT-STS:power_state"
OURS = "nova_pci.passthrough: reboot for PCI passthrough"


def server(name, status="ACTIVE", host="compute1", task=None, alias=None, **more):
    specs = {"pci_passthrough:alias": alias} if alias else {}
    row = {"id": f"id-{name}", "name": name, "status": status, HOST: host, TASK: task, "flavor": {"extra_specs": specs}}
    return {**row, POWER: 1 if status == "ACTIVE" else 4, **more}


def rows(*servers):
    return {row["id"]: row for row in servers}


def service(status="enabled", reason=None, state="up", **more):
    return {"id": "s-1", "host": "compute1", "state": state, "status": status, "disabled_reason": reason, **more}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(drain, "POLL_SECONDS", 0.01)


@pytest.fixture
def run(capsys, nova):
    def module(state="planned", cloud="here", **options):
        given = {"state": state, "host": ["compute1"], "timeout": 5, **options}
        given.update({"cloud": cloud} if cloud else {})
        with patch_module_args(given), pytest.raises(SystemExit):
            compute_drain.main()
        result = json.loads(capsys.readouterr().out)
        assert set(result) - {"changed", "invocation", "failed", "msg", "exception", "warnings"} <= set(
            yaml.safe_load(compute_drain.RETURN)
        )
        return result

    return module


def states(nova):
    return {row["name"]: (row["status"], row[HOST]) for row in nova.control()["servers"].values()}


def the_service(nova):
    (row,) = nova.control()["services"]
    return row["status"], row["disabled_reason"]


def test_stopped_and_started_again(run, nova):
    """Its whole life: planned, tried, carried out, carried out again, brought back, and that again."""
    nova.control(
        servers=rows(
            server("db", alias="nic:1"), server("web"), server("off", "SHUTOFF"), server("far", host="compute2")
        )
    )
    planned = run(policy="stop", guests=["ID-db", "id-web"])
    record = planned["record"]
    assert record == {
        "host": "compute1",
        "service": {"found": "enabled", "reason": None, "up": True},
        "servers": [
            {"id": "id-db", "name": "db", "found": "ACTIVE", "action": "stop"},
            {"id": "id-web", "name": "web", "found": "ACTIVE", "action": "stop"},
        ],
    }
    wanted = ["disable nova-compute on compute1", "stop server db (id-db)", "stop server web (id-web)"]
    assert (planned["needed"], planned["actions"]) == (True, wanted)
    assert run("drained", record=record, _ansible_check_mode=True)["actions"] == wanted
    assert (nova.written, nova.control()["acted"]) == ([], [])
    assert run("disabled", record=record)["actions"] == wanted[:1]
    assert the_service(nova) == ("disabled", OURS)
    done = run("drained", record=record)
    assert (done["changed"], done["actions"]) == (True, wanted[1:])
    assert states(nova) == {
        "db": ("SHUTOFF", "compute1"), "web": ("SHUTOFF", "compute1"), "off": ("SHUTOFF", "compute1"), "far": ("ACTIVE", "compute2"),
    }  # fmt: skip
    assert not run("drained", record=record)["changed"]
    assert run("restored", record=record, _ansible_check_mode=True)["changed"]
    back = run("restored", record=record)
    assert back["actions"] == [
        "start server db (id-db)",
        "start server web (id-web)",
        "enable nova-compute on compute1",
    ]
    assert the_service(nova) == ("enabled", None)
    assert {name: state for name, (state, _host) in states(nova).items()} == {
        "db": "ACTIVE", "web": "ACTIVE", "off": "SHUTOFF", "far": "ACTIVE",
    }  # fmt: skip
    assert not run("restored", record=record)["changed"]


@pytest.mark.parametrize(
    ("policy", "acted"), [("cold-migrate", ["migrate a", "confirmResize a"]), ("live-migrate", ["os-migrateLive a"])]
)
def test_moved_to_another_compute_where_it_stays(run, nova, policy, acted):
    nova.control(servers=rows(server("a")))
    record = run(policy=policy)["record"]
    assert run("drained", record=record)["actions"][1:] == [f"{policy} server a (id-a)"]
    assert nova.control()["acted"] == acted
    assert states(nova) == {"a": ("ACTIVE", "compute2")}
    assert not run("drained", record=record)["changed"]
    assert run("restored", record=record)["actions"] == ["enable nova-compute on compute1"]
    assert states(nova) == {"a": ("ACTIVE", "compute2")}


def test_a_migration_that_was_cut_off_before_it_was_confirmed(run, nova):
    nova.control(servers=rows(server("a")))
    record = run(policy="cold-migrate")["record"]
    nova.control(servers=rows(server("a", "VERIFY_RESIZE", host="compute2")))
    run("drained", record=record)
    assert nova.control()["acted"] == ["confirmResize a"]


def test_refused_by_name_while_servers_run(run, nova):
    nova.control(servers=rows(server("db"), server("off", "SHUTOFF")))
    result = run()
    assert result["failed"]
    assert result["msg"] == (
        "pci_passthrough_servers: 'refuse' lets no server be taken down, and a reboot of compute1 would: db (id-db, ACTIVE). Stop "
        "or move them first, or set pci_passthrough_servers to stop, cold-migrate or live-migrate"
    )
    assert nova.written == []


def test_refuse_is_content_where_nothing_runs(run, nova):
    nova.control(servers=rows(server("off", "SHUTOFF")))
    result = run()
    assert (result["needed"], result["record"]["servers"]) == (True, [])
    assert run("drained", record=result["record"])["actions"] == ["disable nova-compute on compute1"]


def test_a_service_that_an_administrator_disabled_stays_so(run, nova):
    nova.control(services=[service("disabled", "broken fan")], servers=rows(server("a")))
    record = run(policy="stop")["record"]
    assert record["service"] == {"found": "disabled", "reason": "broken fan", "up": True}
    run("drained", record=record)
    assert the_service(nova) == ("disabled", "broken fan")
    run("restored", record=record)
    assert the_service(nova) == ("disabled", "broken fan")
    assert states(nova) == {"a": ("ACTIVE", "compute1")}


def test_a_service_that_was_disabled_meanwhile_for_another_reason_stays_so(run, nova):
    record = run(policy="stop")["record"]
    nova.control(services=[service("disabled", "burning")])
    assert run("restored", record=record)["actions"] == []
    assert the_service(nova) == ("disabled", "burning")


def test_what_an_earlier_record_found_wins(run, nova):
    """A run was cut off with one server stopped, and one was made since."""
    nova.control(servers=rows(server("db"), server("web")))
    earlier = run(policy="stop")["record"]
    nova.control(
        services=[service("disabled", OURS)], servers=rows(server("db", "SHUTOFF"), server("web"), server("new"))
    )
    record = run(policy="cold-migrate", record=earlier)["record"]
    assert record["service"] == {"found": "enabled", "reason": None, "up": True}
    assert [(row["name"], row["action"]) for row in record["servers"]] == [
        ("db", "stop"),
        ("web", "cold-migrate"),
        ("new", "cold-migrate"),
    ]


@pytest.mark.parametrize(("cloud", "is_there"), [(None, False), ("", False), (None, True)])
def test_without_credentials(run, monkeypatch, tmp_path, cloud, is_there):
    """Whether there is no clouds.yaml, or one of whose clouds none is named."""
    if not is_there:
        monkeypatch.setenv("OS_CLIENT_CONFIG_FILE", str(tmp_path / "none.yaml"))
    result = run(cloud=cloud)
    assert (result["needed"], result["record"]["host"], result["actions"]) == (False, None, [])
    for state in ("disabled", "drained", "restored"):
        assert run(state, cloud=cloud, record=result["record"])["actions"] == []
    refused = run(cloud=cloud, guests=["b", "a"], policy="stop")
    assert refused["msg"].startswith(
        "guests a, b: run on this host, a reboot takes them down, and there are no credentials"
    )
    assert "pci_passthrough_cloud" in refused["msg"]


def test_without_openstacksdk(run, monkeypatch):
    for module in (connection, compute_drain):
        monkeypatch.setattr(module, "SDK_MISSING", "Traceback")
    assert run(cloud=None)["needed"] is False
    assert "no credentials" in run(cloud=None, guests=["a"])["msg"]
    assert "openstacksdk" in run(cloud="here")["msg"]


@pytest.mark.parametrize("cloud", ["wrong_password", "elsewhere", "no_auth", "nowhere"])
def test_credentials_that_do_not_work_are_no_missing_ones(run, cloud):
    assert run(cloud=cloud)["failed"]


def test_a_compute_that_nova_does_not_know(run, nova):
    result = run(host=["other", ""])
    assert (result["needed"], result["actions"]) == (False, [])
    assert "pci_passthrough_nova_host" in run(host=["other"], guests=["a"], policy="stop")["msg"]


def test_a_guest_that_nova_does_not_know(run, nova):
    nova.control(servers=rows(server("a")))
    msg = run(policy="stop", guests=["id-a", "5f2f"])["msg"]
    assert msg.startswith(
        "guests 5f2f: run on this host, a reboot takes them down, and they are no servers of compute1"
    )


@pytest.mark.parametrize("status", ["PAUSED", "RESCUE", "VERIFY_RESIZE", "UNKNOWN"])
def test_what_is_neither_active_nor_off(run, nova, status):
    nova.control(servers=rows(server("a", status)))
    msg = run(policy="stop")["msg"]
    assert f"server a (id-a, {status}): runs on compute1 and is neither active nor shut off" in msg


def test_what_nova_takes_for_off_and_runs(run, nova):
    nova.control(servers=rows(server("a", "SHUTOFF")))
    assert "neither active nor shut off" in run(policy="stop", guests=["id-a"])["msg"]


def test_an_error_counts_by_its_power(run, nova):
    nova.control(servers=rows(server("a", "ERROR")))
    assert run()["needed"]
    nova.control(servers=rows(server("a", "ERROR", **{POWER: 1})))
    assert "a (id-a, ERROR)" in run()["msg"]


def test_what_is_under_way_is_waited_for(run, nova):
    building = server("a", "BUILD", task="spawning", coming=[{}, {"status": "ACTIVE", TASK: None}])
    nova.control(servers=rows(building))
    assert len(run(policy="stop")["record"]["servers"]) == 1
    nova.control(servers=rows(server("a", "BUILD", task="spawning")))
    assert "a (id-a, BUILD, spawning)" in run(policy="stop", timeout=0)["msg"]


def test_nova_compute_that_is_down_can_neither_stop_nor_move(run, nova):
    nova.control(services=[service(state="down")])
    assert run(policy="stop")["needed"]
    nova.control(servers=rows(server("a")))
    assert "nova-compute on compute1: is down, and servers run there: a" in run(policy="stop")["msg"]


MOVABLE = {"alias": "nic", "vendor_id": "8086", "product_id": "10d3", "live_migratable": True}
FIXED = {"alias": "gpu", "vendor_id": "10de", "product_id": "20b0"}


@pytest.mark.parametrize(
    ("newest", "alias", "word"),
    [
        ("2.96", "nic:1", "it holds PCI devices (nic), which Nova live-migrates from 31 (2025.1)"),
        ("2.100", "nic:1", None),
        ("2.100", "nic:1,gpu:2", "it holds PCI devices of gpu, which is not declared with live_migratable: true"),
        ("2.100", "other:1", "it holds PCI devices of other, which is not declared"),
    ],
)
def test_live_migration_of_pci_devices(run, nova, newest, alias, word):
    nova.control(microversion=newest, servers=rows(server("a", alias=alias), server("b")))
    result = run(policy="live-migrate", devices=[MOVABLE, FIXED])
    if word is None:
        assert [row["action"] for row in result["record"]["servers"]] == ["live-migrate"] * 2
    else:
        assert "server a (id-a, ACTIVE)" in result["msg"]
        assert word in result["msg"]
        assert "id-b" not in result["msg"]


def test_a_server_that_does_not_stop(run, nova):
    nova.control(servers=rows(server("a"), server("b")), ways={"os-stop": []})
    record = run(policy="stop")["record"]
    msg = run("drained", record=record, timeout=0)["msg"]
    for name in "ab":  # each was tried, and each is told
        assert f"server {name} (id-{name}, ACTIVE, powering-off) on compute1: did not become SHUTOFF within 0 s" in msg
    nova.control(ways={}, servers=rows(server("a", "SHUTOFF"), server("b")))
    assert run("drained", record=record)["actions"] == ["stop server b (id-b)"]


def test_a_migration_that_found_no_host(run, nova):
    nova.control(
        servers=rows(server("a")),
        ways={"migrate": [{"status": "ACTIVE", TASK: None}]},
        events=[{"result": "Error", "details": "No valid host was found."}],
    )
    record = run(policy="cold-migrate")["record"]
    msg = run("drained", record=record)["msg"]
    assert "server a (id-a, ACTIVE) on compute1: did not leave its host. Nova says: No valid host was found." in msg
    assert the_service(nova) == ("disabled", OURS)


def test_nova_refuses_an_action(run, nova):
    nova.control(servers=rows(server("a")), broken={"POST compute /servers/id-a/action": [400, "Not today"]})
    record = run(policy="live-migrate")["record"]
    assert "Nova does not live-migrate it (400 Not today)" in run("drained", record=record)["msg"]


def test_a_server_that_does_not_start(run, nova):
    nova.control(
        services=[service("disabled", OURS)],
        servers=rows(server("a", "SHUTOFF"), server("b", "SHUTOFF")),
        ways={"os-start": [{"status": "ERROR", TASK: None, "fault": {"message": "no device"}}]},
    )
    record = {
        "host": "compute1",
        "service": {"found": "enabled", "reason": None, "up": True},
        "servers": [{"id": f"id-{name}", "name": name, "found": "ACTIVE", "action": "stop"} for name in "ab"],
    }
    msg = run("restored", record=record)["msg"]
    assert "server a (id-a, ERROR) on compute1: did not become ACTIVE. Nova says: no device" in msg
    assert "server b" in msg
    assert the_service(nova) == ("disabled", OURS)


def test_servers_that_are_gone_or_elsewhere_are_left_alone(run, nova):
    nova.control(servers=rows(server("a"), server("b")))
    record = run(policy="stop")["record"]
    nova.control(servers=rows(server("b", "SHUTOFF", host="compute2")))
    run("drained", record=record)
    run("restored", record=record)
    assert nova.control()["acted"] == []


def test_what_came_while_the_service_was_being_disabled(run, nova):
    record = run(policy="stop")["record"]
    nova.control(servers=rows(server("late")))
    assert "compute compute1: is disabled, and servers run there still: late" in run("drained", record=record)["msg"]


@pytest.mark.parametrize("more", [{"state": "down"}, {"updated_at": "long ago"}])
def test_nova_compute_that_does_not_report_again(run, nova, more):
    nova.control(services=[service("disabled", OURS, **more)], servers=rows(server("a", "SHUTOFF")))
    record = {
        "host": "compute1",
        "service": {"found": "enabled", "reason": None, "up": True},
        "servers": [{"id": "id-a", "name": "a", "found": "ACTIVE", "action": "stop"}],
    }
    assert (
        "nova-compute on compute1: has not reported to Nova within 0 s"
        in run("restored", record=record, timeout=0)["msg"]
    )
    assert nova.control()["acted"] == []


def test_nova_compute_that_was_down_before_need_not_report(run, nova):
    nova.control(services=[service(state="down")])
    record = run()["record"]
    assert record["service"]["up"] is False
    run("drained", record=record)
    assert run("restored", record=record, timeout=0)["actions"] == ["enable nova-compute on compute1"]


def test_a_compute_that_is_gone(run, nova):
    record = run(policy="stop")["record"]
    nova.control(services=[])
    assert "is no longer known to Nova" in run("drained", record=record)["msg"]


@pytest.mark.parametrize(
    "record",
    [
        {"host": "compute1"},
        {"host": 1, "service": {"found": None, "reason": None, "up": True}, "servers": []},
        {"host": "c", "service": {"found": "odd", "reason": None, "up": True}, "servers": []},
        {
            "host": "c",
            "service": {"found": None, "reason": None, "up": True},
            "servers": [{"id": "a", "name": "a", "action": "delete"}],
        },
        {"host": "c", "service": [], "servers": []},
    ],
)
def test_a_record_that_is_none(run, record):
    assert "record: is no record of a drained compute" in run("drained", record=record)["msg"]


def test_what_is_needed(run):
    assert "record" in run("restored")["msg"]
