# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _cloud/drain.py where a whole run of compute_drain does not come by."""

from __future__ import annotations

import pytest

pytest.importorskip("openstack")

from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud import drain
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem

pytestmark = pytest.mark.filterwarnings("ignore")  # openstacksdk warns about itself

HOST, TASK = "OS-EXT-SRV-ATTR:host", "OS-EXT-STS:task_state"


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(drain, "POLL_SECONDS", 0.01)


def row(name, **more):
    return {"id": f"id-{name}", "name": name, "status": "ACTIVE", HOST: "compute1", TASK: None, **more}


def given(**more):
    return {
        "cloud": "here",
        "host": ["compute1"],
        "policy": "stop",
        "guests": [],
        "devices": [],
        "record": None,
        "timeout": 5,
        **more,
    }


def test_more_servers_than_nova_gives_at_a_time(nova):
    nova.control(page=2, servers={f"id-{name}": row(name) for name in "abcde"})
    assert [move.name for move in drain.planned(given()).moves] == list("abcde")


def test_a_migration_that_nova_confirms_by_itself(nova):
    """[DEFAULT]resize_confirm_window: our own request comes too late and is refused."""
    nova.control(servers={"id-a": row("a")})
    record = drain.planned(given(policy="cold-migrate")).to_dict()
    moved = row("a", status="VERIFY_RESIZE", coming=[{}, {"status": "ACTIVE"}], **{HOST: "compute2"})
    nova.control(
        servers={"id-a": moved}, broken={"POST compute /servers/id-a/action": [409, "No migration to confirm"]}
    )
    assert "cold-migrate server a (id-a)" in drain.drained(given(record=record), False)


def test_a_migration_that_cannot_be_confirmed(nova):
    nova.control(servers={"id-a": row("a")})
    record = drain.planned(given(policy="cold-migrate")).to_dict()
    nova.control(
        servers={"id-a": row("a", status="VERIFY_RESIZE", **{HOST: "compute2"})},
        broken={"POST compute /servers/id-a/action": [500, "Oops"]},
    )
    with pytest.raises(
        MachineProblem, match=r"server a \(id-a, VERIFY_RESIZE\) on compute2: cannot be confirmed \(500 Oops\)"
    ):
        drain.drained(given(record=record), False)


@pytest.mark.parametrize(("policy", "status"), [("stop", "PAUSED"), ("cold-migrate", "PAUSED")])
def test_a_server_that_changed_since_it_was_planned(nova, policy, status):
    nova.control(servers={"id-a": row("a")})
    record = drain.planned(given(policy=policy)).to_dict()
    nova.control(servers={"id-a": row("a", status=status)})
    with pytest.raises(MachineProblem, match=f"cannot be told to {policy}"):
        drain.drained(given(record=record), False)
    assert nova.control()["acted"] == []


def test_a_server_that_somebody_stopped_need_not_move(nova):
    nova.control(servers={"id-a": row("a")})
    record = drain.planned(given(policy="cold-migrate")).to_dict()
    nova.control(servers={"id-a": row("a", status="SHUTOFF")})
    drain.drained(given(record=record), False)
    assert nova.control()["acted"] == []
