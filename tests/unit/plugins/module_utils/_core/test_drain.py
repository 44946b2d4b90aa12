# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/drain.py; test_compute_drain.py has the whole way through Nova."""

from __future__ import annotations

import itertools

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.drain import (
    COLD,
    LIVE,
    POLICIES,
    REFUSE,
    STOP,
    Move,
    Record,
    Server,
    Service,
    movable_aliases,
    moves_devices,
    own_service,
    parse_record,
    parse_server,
    parse_services,
    plan_drain,
    refuse_what_is_left,
    refuse_without_credentials,
    unmovable,
    why_not_restored,
    with_drained,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import (
    MachineProblem,
    PassthroughError,
    SeveralProblems,
)

UP = Service("s", "c1", "up", "enabled", None, None)
NOTHING = Record()


def server(name, status="ACTIVE", task=None, power=1, aliases=()):
    return Server(f"id-{name}", name, status, task, power, "c1", aliases)


def test_a_record_is_read_as_it_was_written():
    record = Record("c1", "disabled", "fan", (Move("1", "a", STOP), Move("2", "b", LIVE)))
    assert parse_record(record.to_dict(), "x") == record
    assert parse_record(None, "x") == NOTHING
    assert parse_record(NOTHING.to_dict(), "x") == NOTHING
    assert [move.name for move in record.stopped] == ["a"]
    assert record.actions == ("stop server a (1)", "live-migrate server b (2)")


@pytest.mark.parametrize("data", [[], "c1", 1, {}, {"host": "c1", "service": {"found": "enabled"}, "servers": []}])
def test_what_is_no_record(data):
    with pytest.raises(MachineProblem, match="^x: is no record of a drained compute"):
        parse_record(data, "x")


def test_nova_s_rows():
    row = {
        "id": "1",
        "name": "a",
        "status": "ACTIVE",
        "flavor": {"extra_specs": {"pci_passthrough:alias": "nic:1, gpu:2"}},
    }
    assert parse_server(row) == Server("1", "a", "ACTIVE", None, None, None, ("nic", "gpu"))
    assert parse_server({**row, "flavor": {}, "fault": {"message": "broke"}}).fault == "broke"
    rows = [{"id": "s", "host": "c1", "state": "up", "status": "enabled"}]
    assert parse_services({"services": rows}) == (UP,)


def test_which_service_is_the_host_s():
    assert own_service([UP], ["", "c1.example.org"]) == UP
    assert own_service([UP], ["c2"]) is None


STATUSES = (
    "ACTIVE",
    "SHUTOFF",
    "SUSPENDED",
    "PAUSED",
    "RESCUE",
    "ERROR",
    "BUILD",
    "VERIFY_RESIZE",
    "SHELVED_OFFLOADED",
    "UNKNOWN",
)


EVERYTHING = list(itertools.product(STATUSES, (None, "powering-off"), (1, 4), POLICIES, (False, True)))


def planned(one, policy, held):
    """The record's moves, or the refusal."""
    try:
        return plan_drain(UP, [one], [one.id] if held else [], policy, {}, NOTHING).moves
    except PassthroughError as problem:
        return str(problem)


@pytest.mark.parametrize(("status", "task", "power", "policy", "held"), EVERYTHING)
def test_no_server_is_left_to_the_reboot(status, task, power, policy, held):
    """Every combination: what runs has a move, or the host does not reboot."""
    one = server("a", status, task, power)
    found = planned(one, policy, held)
    if isinstance(found, str):
        assert one.id in found
        assert one.runs or held
    elif one.runs:
        assert found == (Move("id-a", "a", policy),)
        assert (status, task, policy == REFUSE) == ("ACTIVE", None, False)
    else:
        assert (found, held) == ((), False)


def test_every_refusal_at_once():
    with pytest.raises(SeveralProblems) as caught:
        plan_drain(UP, [server("a", "PAUSED"), server("b"), server("c")], [], LIVE, {"id-b": "it holds x"}, NOTHING)
    assert [str(problem).partition(":")[0] for problem in caught.value.problems] == [
        "server a (id-a, PAUSED)",
        "pci_passthrough_servers",
    ]


def test_an_earlier_record_wins():
    earlier = Record("c1", "enabled", None, (Move("id-a", "a", STOP), Move("id-b", "b", STOP)))
    now = Service("s", "c1", "up", "disabled", "ours", None)
    record = plan_drain(now, [server("a", "SHUTOFF"), server("b")], [], COLD, {}, earlier)
    assert record == Record("c1", "enabled", None, (Move("id-a", "a", STOP), Move("id-b", "b", COLD)))
    assert plan_drain(None, [], [], COLD, {}, earlier) == earlier


def test_without_credentials():
    assert refuse_without_credentials([]) == NOTHING
    with pytest.raises(MachineProblem, match="guests a, b"):
        refuse_without_credentials(["b", "a"])


def test_what_is_left():
    refuse_what_is_left("c1", [server("a", "SHUTOFF")])
    with pytest.raises(MachineProblem, match=r"servers run there still: b \(id-b, ACTIVE\)"):
        refuse_what_is_left("c1", [server("a", "SHUTOFF"), server("b")])


@pytest.mark.parametrize(
    ("newest", "moves"), [((2, 96), False), ((2, 97), True), ((2, 100), True), ((3, 1), True), ((), False)]
)
def test_which_nova_moves_devices(newest, moves):
    assert moves_devices(newest) is moves


def test_an_alias_moves_when_all_of_its_entries_do():
    ids = {"vendor_id": "8086", "product_id": "10d3"}
    entries = parse_declaration(
        [
            {**ids, "alias": "a", "live_migratable": True},
            {**ids, "alias": "b", "live_migratable": "yes"},
            {**ids, "alias": "b", "class": "0200"},
            {**ids, "alias": "c", "live_migratable": False},
            {**ids, "live_migratable": True},
        ]
    )
    assert movable_aliases(entries) == {"a"}
    assert set(
        unmovable([server("x", aliases=("a",)), server("y", aliases=("a", "b")), server("z")], {"a"}, (2, 100))
    ) == {"id-y"}
    assert set(unmovable([server("x", aliases=("a",)), server("z")], {"a"}, (2, 96))) == {"id-x"}


def test_the_plan_tells_of_it():
    plan = {"notes": ["first"]}
    assert with_drained(plan, NOTHING) == {"notes": ["first"], "drained": None}
    record = Record("c1", "enabled", None, (Move("1", "a", STOP),))
    told = with_drained(plan, record)
    assert told["drained"] == record.to_dict()
    assert told["notes"][1].startswith(
        "Drained for a reboot and not restored yet: nova-compute on c1 was found enabled; stop of a (1)"
    )
    assert "drained.json" in why_not_restored(record)
