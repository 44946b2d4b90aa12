# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.cloud_call import Call
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import InputProblem, SeveralProblems
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_plan import (
    ADOPTED,
    CREATED,
    MANAGED,
    SMOKE,
    Flavor,
    FlavorPlan,
    own_id,
    parse_flavor,
    plan_flavors,
    plan_removal,
    result_of,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_request import (
    FlavorEntry,
    parse_flavors,
)

NOTE = "nova_pci_passthrough:former10"
NONE_BEFORE = '{"pci_passthrough:alias":null}'


def entries(*raw: Mapping[str, Any]) -> tuple[FlavorEntry, ...]:
    return parse_flavors([{"name": "gpu", "devices": {"a1": 1}, **one} for one in raw], ["a1", "b1"])


class Nova:
    """Does to a list of flavors what the planned calls ask for, as Nova would."""

    def __init__(self, *flavors: Flavor) -> None:
        self.flavors = {flavor.id: flavor for flavor in flavors}

    def run(self, plan: FlavorPlan, most: int | None = None) -> None:
        calls = [call for step in plan.steps for call in step.calls]
        for call in calls[:most]:
            self.call(call)

    def call(self, call: Call) -> None:
        _empty, root, *rest = call.path.split("/")
        assert root == "flavors"
        body = call.body or {}
        if not rest:
            raw = body["flavor"]
            assert raw["name"] not in {one.name for one in self.flavors.values()}
            assert raw["id"] not in self.flavors
            self.flavors[raw["id"]] = parse_flavor({**raw, "extra_specs": {}})
            return
        flavor = self.flavors[rest[0].replace("%20", " ")]
        specs = dict(flavor.extra_specs)
        if rest[1:] == ["action"]:
            flavor = replace(flavor, projects=(*flavor.projects, body["addTenantAccess"]["tenant"]))
        elif len(rest) == 1 and call.method == "DELETE":
            del self.flavors[flavor.id]
            return
        elif len(rest) == 1:
            flavor = replace(flavor, description=body["flavor"]["description"])
        elif call.method == "DELETE":
            del specs[rest[2].replace("%20", " ")]
        else:
            specs.update(body["extra_specs"])
            assert all(len(text) <= 255 for text in specs.values())
        self.flavors[flavor.id] = replace(flavor, extra_specs=specs)

    def to(self, *raw: Mapping[str, Any], **options: bool) -> FlavorPlan:
        plan = plan_flavors(entries(*raw), self.flavors.values(), **options)
        self.run(plan)
        assert not plan_flavors(entries(*raw), self.flavors.values(), **options).steps
        return plan

    @property
    def only(self) -> Flavor:
        (flavor,) = self.flavors.values()
        return flavor


def foreign(**more: Any) -> Flavor:
    return replace(Flavor("7", "gpu", 1, 512, 1, extra_specs={"hw:cpu_policy": "shared"}), **more)


def test_a_new_flavor() -> None:
    nova = Nova()
    plan = nova.to({"vcpus": 4, "description": "Two cards", "extra_specs": {"hw:cpu_policy": "dedicated"}})
    assert [step.sentence for step in plan.steps] == ["create flavor gpu"]
    assert nova.only == Flavor(
        own_id("gpu"),
        "gpu",
        4,
        512,
        1,
        description="Two cards",
        extra_specs={
            "pci_passthrough:alias": "a1:1",
            "hw:cpu_policy": "dedicated",
            MANAGED: CREATED,
            NOTE: '{"hw:cpu_policy":null,"pci_passthrough:alias":null}',
        },
    )
    assert plan.steps[0].to_diff() == {
        "before_header": "flavor gpu",
        "after_header": "flavor gpu",
        "before": "",
        "after": nova.only.shown,
    }
    assert nova.only.shown.splitlines()[:8] == [
        "name: gpu",
        "vcpus: 4",
        "ram: 512",
        "disk: 1",
        "ephemeral: 0",
        "swap: 0",
        "is_public: True",
        "description: Two cards",
    ]


def test_one_that_was_cut_off_after_its_first_request_is_ours() -> None:
    nova = Nova()
    plan = plan_flavors(entries({}), [])
    nova.run(plan, most=1)
    assert (nova.only.extra_specs, nova.only.origin) == ({}, CREATED)
    assert [step.sentence for step in nova.to({}).steps] == ["change flavor gpu"]
    assert nova.only == plan.steps[0].after


def test_changed_extra_specs_and_description() -> None:
    nova = Nova()
    nova.to({"extra_specs": {"hw:cpu_policy": "dedicated"}})
    plan = nova.to({"devices": {"a1": 2, "b1": 1}, "description": "More"})
    assert [(str(call), call.body) for call in plan.steps[0].calls] == [
        (
            f"POST compute /flavors/{own_id('gpu')}/os-extra_specs",
            {"extra_specs": {"pci_passthrough:alias": "a1:2,b1:1", NOTE: NONE_BEFORE}},
        ),
        (f"DELETE compute /flavors/{own_id('gpu')}/os-extra_specs/hw:cpu_policy", None),
        (f"PUT compute /flavors/{own_id('gpu')}", {"flavor": {"description": "More"}}),
    ]


def test_what_an_administrator_added_stays() -> None:
    nova = Nova()
    nova.to({})
    nova.flavors[own_id("gpu")] = replace(nova.only, extra_specs={**nova.only.extra_specs, "quota:x y": "1"})
    nova.to({"devices": {"b1": 1}})
    nova.to({"ram": 1024})
    assert nova.only.extra_specs["quota:x y"] == "1"
    assert nova.only.extra_specs["pci_passthrough:alias"] == "a1:1"


def test_a_changed_size_makes_it_again_under_its_id_and_with_its_projects() -> None:
    nova = Nova()
    nova.to({"is_public": False})
    nova.flavors[own_id("gpu")] = replace(nova.only, projects=("p1", "p2"))
    plan = nova.to({"is_public": False, "ram": 1024, "disk": 0})
    assert plan.steps[0].sentence == (
        "delete flavor gpu and create it again: ram 512 -> 1024, disk 1 -> 0; servers keep the one they have"
    )
    assert [call.method for call in plan.steps[0].calls] == ["DELETE", "POST", "POST", "POST", "POST"]
    assert (nova.only.id, nova.only.ram, nova.only.projects) == (own_id("gpu"), 1024, ("p1", "p2"))
    nova.to({"is_public": True})
    assert nova.only.projects == ()


def test_a_flavor_that_is_not_ours_is_left_alone() -> None:
    with pytest.raises(InputProblem) as caught:
        plan_flavors(entries({}), [foreign()])
    assert str(caught.value) == (
        "pci_passthrough_flavors[0].name: 'gpu' is the name of a flavor that this collection did not make. "
        "Choose another name, or set flavor_adopt: true to put the devices on the flavor that is there"
    )


def test_adopting_one_and_giving_it_back() -> None:
    before = foreign(extra_specs={"hw:cpu_policy": "shared", "pci_passthrough:alias": "old:1"}, description="Theirs")
    nova = Nova(before)
    wanted = {"extra_specs": {"hw:cpu_policy": "dedicated", "hw:numa_nodes": "1"}, "description": "Ours"}
    plan = nova.to(wanted, adopt=True)
    assert [step.sentence for step in plan.steps] == ["adopt flavor gpu"]
    assert plan.notes == ("gpu: its description stays as its owner wrote it",)
    assert (nova.only.origin, nova.only.description) == (ADOPTED, "Theirs")
    assert nova.only.former == {"hw:cpu_policy": "shared", "hw:numa_nodes": None, "pci_passthrough:alias": "old:1"}
    nova.to({"extra_specs": {"hw:numa_nodes": "2"}}, adopt=True)
    assert nova.only.extra_specs["hw:cpu_policy"] == "shared"
    nova.run(plan_removal(nova.flavors.values()))
    assert nova.only == before


def test_an_adopted_one_stays_adopted_without_the_option() -> None:
    nova = Nova(foreign())
    nova.to({}, adopt=True)
    nova.to({"devices": {"b1": 1}})
    assert nova.only.origin == ADOPTED


def test_an_adopted_one_is_never_made_again() -> None:
    with pytest.raises(InputProblem) as caught:
        plan_flavors(entries({"ram": 1024, "vcpus": 2}), [foreign()], adopt=True)
    assert str(caught.value) == (
        "pci_passthrough_flavors[0].name: 'gpu' is a flavor that this collection did not make, so it cannot be made "
        "again with other sizes. Write what it has, vcpus: 1, ram: 512, or another name"
    )


def test_notes_have_no_end() -> None:
    many = {f"hw:name_of_some_length_{number:03}": "x" for number in range(40)}
    nova = Nova()
    nova.to({"extra_specs": many})
    assert len(nova.only.former) == 41
    nova.to({})
    assert set(nova.only.extra_specs) == {"pci_passthrough:alias", MANAGED, NOTE}


@pytest.mark.parametrize("text", ["{", "[1]", '"x"', "[" * 100_000], ids=len)
def test_notes_that_somebody_broke_are_no_notes(text: str) -> None:
    flavor = foreign(extra_specs={MANAGED: ADOPTED, NOTE: text})
    assert flavor.former == {}
    assert replace(flavor, extra_specs={NOTE: "[" * 100_000}).former == {}


def test_our_notes_are_not_to_be_declared() -> None:
    with pytest.raises(InputProblem) as caught:
        plan_flavors(entries({"extra_specs": {MANAGED: "x"}}), [])
    assert caught.value.problem == "is a name of this collection"


def test_all_refusals_at_once_and_none_of_the_good_is_done() -> None:
    wanted = entries({}, {"name": "new"}, {"name": "other"})
    with pytest.raises(SeveralProblems) as caught:
        plan_flavors(wanted, [foreign(), foreign(id="8", name="other")])
    assert len(caught.value.problems) == 2


def test_what_is_no_longer_declared() -> None:
    nova = Nova(foreign(id="8", name="theirs"), foreign(id="9", name="adopted"))
    nova.to({}, {"name": "adopted"}, adopt=True)
    assert nova.to().unlisted == ("adopted", "gpu")
    plan = nova.to(prune=True)
    assert sorted(step.sentence for step in plan.steps) == [
        "delete flavor gpu",
        "give flavor adopted back its former extra specs",
    ]
    assert sorted(flavor.name for flavor in nova.flavors.values()) == ["adopted", "theirs"]
    assert [flavor.origin for flavor in nova.flavors.values()] == [None, None]


def test_removal_of_all_or_of_some() -> None:
    smoke = foreign(id="5", name="s", extra_specs={MANAGED: SMOKE})
    nova = Nova(foreign(id="8", name="theirs"), smoke)
    nova.to({}, {"name": "two"})
    some = plan_removal(nova.flavors.values(), ["two", "theirs", "s"])
    assert ([step.name for step in some.steps], some.unlisted) == (["two"], ("gpu",))
    nova.run(plan_removal(nova.flavors.values()))
    assert sorted(flavor.name for flavor in nova.flavors.values()) == ["s", "theirs"]
    assert plan_removal(nova.flavors.values()) == FlavorPlan()


def test_a_removal_that_is_cut_off_can_be_done_again() -> None:
    before = foreign()
    whole = Nova(before)
    whole.to({}, adopt=True)
    calls = [call for step in plan_removal(whole.flavors.values()).steps for call in step.calls]
    for most in range(len(calls)):
        nova = Nova(whole.only)
        nova.run(plan_removal(nova.flavors.values()), most)
        nova.run(plan_removal(nova.flavors.values()))
        assert nova.only.extra_specs == before.extra_specs, most


def test_what_nova_says() -> None:
    raw = {
        "id": "1",
        "name": "m",
        "vcpus": 1,
        "ram": 2,
        "disk": 3,
        "swap": "",
        "OS-FLV-EXT-DATA:ephemeral": 4,
        "os-flavor-access:is_public": False,
        "description": None,
        "extra_specs": {"a": "b"},
    }
    flavor = parse_flavor(raw, ["p"])
    assert flavor == Flavor("1", "m", 1, 2, 3, 4, 0, False, None, {"a": "b"}, ("p",))
    assert flavor.to_dict() == {
        "id": "1",
        "name": "m",
        "vcpus": 1,
        "ram": 2,
        "disk": 3,
        "ephemeral": 4,
        "swap": 0,
        "is_public": False,
        "description": None,
        "extra_specs": {"a": "b"},
        "origin": None,
    }


def test_the_result_shows_the_flavors_as_they_will_be() -> None:
    wanted = entries({})
    plan = plan_flavors(wanted, [])
    result = result_of(plan, wanted, [])
    assert (result["changed"], result["actions"], result["unlisted"], result["notes"]) == (
        True,
        ["create flavor gpu"],
        [],
        [],
    )
    (flavor,) = result["flavors"]
    assert (flavor["name"], flavor["origin"]) == ("gpu", CREATED)
    assert json.loads(json.dumps(result)) == result
    assert plan.steps[0].after is not None
    assert result_of(FlavorPlan(), wanted, [plan.steps[0].after])["flavors"] == [flavor]
