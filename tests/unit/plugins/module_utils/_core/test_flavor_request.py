# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import (
    NovaRefusal,
    PassthroughError,
    SeveralProblems,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_request import (
    PROPERTY,
    AliasRequest,
    parse_flavors,
    parse_request,
    request_problems,
    request_text,
)

ALIASES = {"a1": None, "b": None, "": None}

READ = [
    ("a1:2", [("a1", 2)]),
    ("a1:2,b:1", [("a1", 2), ("b", 1)]),
    (" a1 : 2 , b : 1 ", [("a1", 2), ("b", 1)]),
    ("a1:1,a1:1", [("a1", 1), ("a1", 1)]),
    ("a1:0,b:-3", [("a1", 0), ("b", -3)]),
    ("a1:+1_0", [("a1", 10)]),
    ("a1:\u0662", [("a1", 2)]),
    (":1", [("", 1)]),
]


@pytest.mark.parametrize(("text", "requests"), READ)
def test_what_nova_reads(text: str, requests: list[tuple[str, int]]) -> None:
    assert parse_request(text, ALIASES) == tuple(AliasRequest(*request) for request in requests)


REFUSED = [
    ("", "ValueError", "has '', which is not name:count"),
    ("a1", "ValueError", "has 'a1', which is not name:count"),
    ("a1:1:2", "ValueError", "has 'a1:1:2', which is not name:count"),
    ("a1:1,", "ValueError", "has '', which is not name:count"),
    ("a1:1;b:1", "ValueError", "has 'a1:1;b:1', which is not name:count"),
    ("a1:", "ValueError", "has '' as the count of 'a1', which is no whole number"),
    ("a1:x", "ValueError", "has 'x' as the count of 'a1', which is no whole number"),
    ("a1:1.0", "ValueError", "has '1.0' as the count"),
    ("A1:1", "PciRequestAliasNotDefined", "asks for 'A1', which is no alias. The aliases are , a1, b"),
    ("c:x", "PciRequestAliasNotDefined", "asks for 'c'"),
    ("a1,c:1", "ValueError", "has 'a1'"),
    ("c:1,a1", "PciRequestAliasNotDefined", "asks for 'c'"),
]


@pytest.mark.parametrize(("text", "exception", "problem"), REFUSED)
def test_what_nova_refuses(text: str, exception: str, problem: str) -> None:
    with pytest.raises(NovaRefusal) as caught:
        parse_request(text, ALIASES)
    assert caught.value.exception == exception
    assert problem in str(caught.value)


def test_without_any_alias() -> None:
    with pytest.raises(NovaRefusal, match="which is no alias. Add a line to"):
        parse_request("a1:1", ())


NAMES = ("a1", "gpu-a100")


def device_problems(devices: object) -> list[str]:
    return [str(problem) for problem in request_problems("f", devices, NAMES)]


def test_counts_become_the_property_in_the_users_order() -> None:
    assert device_problems({"gpu-a100": 2, "a1": 1}) == []
    assert request_text({"gpu-a100": 2, "a1": 1}) == "gpu-a100:2,a1:1"


DEVICE_PROBLEMS = [
    ({}, "f: {} asks for no device. Write how many of which alias, as in {a1: 2}"),
    (None, "f: None asks for no device"),
    ("a1:1", "f: 'a1:1' is no mapping"),
    (["a1"], "f: ['a1'] is no mapping"),
    ({"a1": 0}, "f.a1: 0 is no possible count. Write 1 or more, or leave the alias out"),
    ({"a1": -1}, "f.a1: -1 is no possible count"),
    ({"a1": 2**31}, "f.a1: 2147483648 is no possible count"),
    ({"a1": True}, "f.a1: True is no whole number. Write a count of 1 or more, as in a1: 1"),
    ({"a1": "2"}, "f.a1: '2' is no whole number. Write a1: 2 without quotes"),
    ({"a1": 1.0}, "f.a1: 1.0 is no whole number"),
    ({"a1": None}, "f.a1: None is no whole number"),
    ({"A1": 1}, "f: 'A1' is no declared alias. Did you mean a1?"),
    ({"zz": 1}, "f: 'zz' is no declared alias. The aliases are a1, gpu-a100"),
    ({7: 1}, "f: 7 is no declared alias"),
    ({"a1:1,gpu-a100": 1}, "is no declared alias. Write each alias as a key and its count as the value"),
]


@pytest.mark.parametrize(("devices", "problem"), DEVICE_PROBLEMS)
def test_what_we_refuse_of_the_devices(devices: object, problem: str) -> None:
    (found,) = device_problems(devices)
    assert problem in found


def test_all_device_problems_come_at_once() -> None:
    assert len(device_problems({"zz": "x", "a1": 0})) == 3


def test_a_property_longer_than_nova_takes() -> None:
    names = ["x" * 100, "y" * 100, "z" * 100]
    (problem,) = request_problems("f", dict.fromkeys(names, 1), names)
    assert "is 308 characters long. Nova takes 255" in str(problem)


def test_no_alias_is_declared() -> None:
    (problem,) = request_problems("f", {"a1": 1}, ())
    assert "Declare devices with an alias first" in str(problem)


LEAST = {"name": "gpu", "devices": {"a1": 1}}
WHOLE = {
    **LEAST,
    "vcpus": 8,
    "ram": 16384,
    "disk": 0,
    "ephemeral": 5,
    "swap": 6,
    "is_public": False,
    "extra_specs": {"hw:cpu_policy": "dedicated", "hw:numa_nodes": "1"},
    "description": "one card",
}


def test_a_flavor_with_every_key() -> None:
    (entry,) = parse_flavors([WHOLE], NAMES)
    properties = {"pci_passthrough:alias": "a1:1", "hw:cpu_policy": "dedicated", "hw:numa_nodes": "1"}
    rest = {key: content for key, content in WHOLE.items() if key != "extra_specs"}
    assert entry.to_dict() == {"entry": "pci_passthrough_flavors[0]", **rest, "properties": properties}


def test_a_flavor_with_as_little_as_possible() -> None:
    (entry,) = parse_flavors([LEAST], NAMES)
    assert entry.to_dict() == {
        "entry": "pci_passthrough_flavors[0]",
        "name": "gpu",
        "devices": {"a1": 1},
        "vcpus": 1,
        "ram": 512,
        "disk": 1,
        "ephemeral": 0,
        "swap": 0,
        "is_public": True,
        "properties": {PROPERTY: "a1:1"},
        "description": None,
    }


def test_no_flavors() -> None:
    assert parse_flavors([], NAMES) == ()


FLAVOR_PROBLEMS = [
    ("gpu", "pci_passthrough_flavors[0]: 'gpu' is no mapping"),
    ({"name": "gpu"}, "pci_passthrough_flavors[0]: ['name'] has no devices. Add devices"),
    ({"devices": {"a1": 1}}, "has no name. Add name"),
    ({**LEAST, "vcpu": 1}, "pci_passthrough_flavors[0]: 'vcpu' is no key of a flavor. Did you mean vcpus?"),
    ({**LEAST, "is-public": True}, "Did you mean is_public?"),
    ({**LEAST, "qqqq": 1}, "The keys are name, devices, vcpus"),
    ({**LEAST, "name": 5}, "pci_passthrough_flavors[0].name: 5 is not text. Put it in quotes"),
    ({**LEAST, "name": ""}, "is no text that Nova takes. Write 1 to 255 printable characters"),
    ({**LEAST, "name": "x" * 256}, "is no text that Nova takes"),
    ({**LEAST, "name": " gpu"}, "is no text that Nova takes"),
    ({**LEAST, "name": "g\npu"}, "is no text that Nova takes"),
    ({**LEAST, "devices": {"a1": 0}}, "pci_passthrough_flavors[0].devices.a1: 0 is no possible count"),
    (
        {**LEAST, "vcpus": 0},
        "pci_passthrough_flavors[0].vcpus: 0 is out of range. Write a whole number from 1 to 21474",
    ),
    ({**LEAST, "disk": -1}, "Write a whole number from 0 to 2147483647"),
    ({**LEAST, "ram": "512"}, "pci_passthrough_flavors[0].ram: '512' is no whole number"),
    ({**LEAST, "swap": None}, "pci_passthrough_flavors[0].swap: None is no whole number"),
    ({**LEAST, "ephemeral": True}, "is no whole number. Write a whole number from 0 on, without quotes"),
    ({**LEAST, "is_public": "yes"}, "pci_passthrough_flavors[0].is_public: 'yes' is no truth value"),
    ({**LEAST, "description": 5}, "pci_passthrough_flavors[0].description: 5 is not text"),
    ({**LEAST, "extra_specs": None}, "pci_passthrough_flavors[0].extra_specs: None is no mapping"),
    ({**LEAST, "extra_specs": {PROPERTY: "a1:1"}}, "'pci_passthrough:alias' is made from devices. Remove it"),
    ({**LEAST, "extra_specs": {"a/b": "1"}}, "'a/b' is no name of a flavor's extra spec"),
    ({**LEAST, "extra_specs": {"hw:numa_nodes": 1}}, "extra_specs.hw:numa_nodes: 1 is not text. Put it in quotes"),
    ({**LEAST, "extra_specs": {"a": "x" * 256}}, "is 256 characters long. Write up to 255"),
]


@pytest.mark.parametrize(("item", "problem"), FLAVOR_PROBLEMS, ids=range(len(FLAVOR_PROBLEMS)))
def test_what_we_refuse_of_a_flavor(item: object, problem: str) -> None:
    with pytest.raises(PassthroughError) as caught:
        parse_flavors([item], NAMES)
    assert not isinstance(caught.value, SeveralProblems)
    assert problem in str(caught.value)


def test_what_is_no_list() -> None:
    with pytest.raises(PassthroughError, match="pci_passthrough_flavors: .* is no list"):
        parse_flavors(LEAST, NAMES)


def test_a_name_stands_once_and_all_problems_come_at_once() -> None:
    with pytest.raises(SeveralProblems) as caught:
        parse_flavors([LEAST, {**LEAST, "ram": 0, "vcpus": 0}, LEAST], NAMES)
    places = [str(problem).split(": ", maxsplit=1)[0] for problem in caught.value.problems]
    assert places == [f"pci_passthrough_flavors{place}" for place in ("[1].vcpus", "[1].ram", "[2].name")]
