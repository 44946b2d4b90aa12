# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from typing import Any

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import (
    InputProblem,
    MachineProblem,
    PassthroughError,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_plan import (
    MANAGED,
    SMOKE,
    Flavor,
    own_id,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.server_story import ComputeService
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.smoke_plan import (
    UNTIL,
    Probe,
    chosen_aliases,
    entries_of,
    image_problems,
    input_problems,
    own_compute,
    plan_probes,
    server_call,
    smoke_flavor,
    some_compute,
    stale_flavors,
    stale_servers,
)

ENTRIES = parse_declaration(
    [
        {"alias": "a1", "vendor_id": "8086"},
        {"vendor_id": "10de"},
        {"alias": "nic", "slot": "1"},
        {"alias": "a1", "slot": "2"},
    ]
)
UP = ComputeService("cmp1", "up", "enabled")
OFF = ComputeService("cmp2", "up", "disabled", "broken fan")
NAME = "nova-pci-passthrough-smoke-a1-0badcafe"
PROBE = Probe(NAME, "a1", 1, None)


def problem_of(error: PassthroughError) -> str:
    return str(error)


def test_which_aliases() -> None:
    assert chosen_aliases(ENTRIES, []) == (("a1", 1), ("nic", 1))
    assert chosen_aliases(ENTRIES, ["nic"]) == (("nic", 1),)
    assert chosen_aliases(ENTRIES, ["nic:2", "a1"]) == (("a1", 1), ("nic", 2))


@pytest.mark.parametrize("text", ["nic:", "nic:0", "nic:-1", "nic:x", "nic:1:2", "nic: 2"])
def test_a_count_that_is_none(text):
    with pytest.raises(InputProblem, match="has no count above zero. Write nic, or nic:2"):
        chosen_aliases(ENTRIES, [text])


def test_a_count_reaches_the_server():
    assert plan_probes([("nic", 2)], None, "0badcafe")[0].count == 2
    assert [entry.index for entry in entries_of(ENTRIES, "a1")] == [0, 3]


@pytest.mark.parametrize(
    ("wanted", "message"),
    [
        (["nik"], "smoke_aliases[0]: 'nik' is no declared alias. Did you mean nic?"),
        (["a1", "zzz"], "smoke_aliases[1]: 'zzz' is no declared alias. The aliases are a1, nic"),
    ],
)
def test_an_alias_that_is_not_declared(wanted: list[str], message: str) -> None:
    with pytest.raises(InputProblem) as caught:
        chosen_aliases(ENTRIES, wanted)
    assert problem_of(caught.value) == message


@pytest.mark.parametrize("raw", [[], [{"vendor_id": "8086"}]])
def test_no_alias_at_all(raw: list[dict[str, str]]) -> None:
    with pytest.raises(InputProblem) as caught:
        chosen_aliases(parse_declaration(raw), [])
    assert caught.value.problem == "declares no alias"


def test_probes() -> None:
    assert plan_probes([("a1", 1)], None, "0badcafe") == (PROBE,)
    (pinned,) = plan_probes([("a1", 1)], "cmp1", "0badcafe")
    assert pinned.to_dict() == {"name": NAME, "alias": "a1", "count": 1, "host": "cmp1"}
    assert Probe.of(pinned.to_dict()) == pinned


def test_this_host_as_nova_calls_it() -> None:
    assert own_compute([UP, OFF], ["", "cmp1.example.org"]) == "cmp1"
    with pytest.raises(InputProblem) as caught:
        own_compute([UP, OFF], ["", "x"])
    assert problem_of(caught.value) == (
        "pci_passthrough_nova_host: 'x' is no compute of Nova's, nor is any name of the host. "
        "Set pci_passthrough_nova_host on the host to one of Nova's names: cmp1, cmp2"
    )
    with pytest.raises(InputProblem) as caught:
        own_compute([UP, OFF], ["cmp2"])
    assert caught.value.problem == "can take no server: cmp2 up, disabled (broken fan)"


def test_some_compute_must_be_there() -> None:
    some_compute([OFF, UP])
    with pytest.raises(MachineProblem) as caught:
        some_compute([OFF])
    assert caught.value.problem == "none is up and enabled (cmp2 up, disabled (broken fan))"
    with pytest.raises(MachineProblem) as caught:
        some_compute([])
    assert caught.value.problem == "none is up and enabled (Nova lists none)"


def test_options_without_the_cloud() -> None:
    assert input_problems("tiny", 64, 0) == ()
    assert [problem.entry for problem in input_problems(" ", 0, -1)] == ["smoke_image", "smoke_ram", "smoke_disk"]


IMAGE: dict[str, Any] = {"id": "i", "name": "tiny", "status": "active", "min_ram": 64, "min_disk": 1}


@pytest.mark.parametrize(
    ("more", "ram", "disk", "problems"),
    [
        ({}, 64, 1, []),
        ({"min_ram": None, "min_disk": None, "virtual_size": None}, 1, 1, []),
        (
            {"status": "queued"},
            64,
            1,
            ["smoke_image: 'tiny' is not active but queued. Wait for it or name another one"],
        ),
        ({}, 63, 1, ["smoke_ram: 63 is less than the image tiny asks for. Write smoke_ram: 64"]),
        ({"min_disk": 3}, 64, 2, ["smoke_disk: 2 is less than the image tiny asks for. Write smoke_disk: 3"]),
        (
            {"virtual_size": (1 << 30) + 1},
            64,
            1,
            ["smoke_disk: 1 is less than the image tiny asks for. Write smoke_disk: 2"],
        ),
        ({"virtual_size": 1 << 30}, 64, 1, []),
        ({"min_disk": 3}, 64, 0, []),
    ],
)
def test_image_and_flavor(more: dict[str, Any], ram: int, disk: int, problems: list[str]) -> None:
    assert [str(problem) for problem in image_problems({**IMAGE, **more}, ram, disk)] == problems


def test_the_flavor_is_private_and_marked() -> None:
    assert smoke_flavor(PROBE, 256, 1, 99) == Flavor(
        own_id(NAME),
        NAME,
        1,
        256,
        1,
        is_public=False,
        extra_specs={"pci_passthrough:alias": "a1:1", MANAGED: SMOKE, UNTIL: "99"},
    )


def test_the_server() -> None:
    call = server_call(PROBE, "f", "i", None, 99)
    body = {
        "name": NAME,
        "imageRef": "i",
        "flavorRef": "f",
        "networks": "none",
        "metadata": {MANAGED: SMOKE, UNTIL: "99"},
    }
    assert (str(call), call.body) == ("POST compute /servers", {"server": body})
    pinned = server_call(Probe(NAME, "a1", 1, "cmp1"), "f", "i", "n", 99)
    assert pinned.body == {"server": {**body, "networks": [{"uuid": "n"}], "host": "cmp1"}}


@pytest.mark.parametrize(
    ("name", "marks", "stale"),
    [
        (NAME, {MANAGED: SMOKE, UNTIL: "99"}, True),
        (NAME, {MANAGED: SMOKE, UNTIL: "100"}, False),
        (NAME, {MANAGED: SMOKE, UNTIL: "soon"}, False),
        (NAME, {MANAGED: "created", UNTIL: "99"}, False),
        (NAME, {UNTIL: "99"}, False),
        (NAME, {}, False),
        ("web1", {MANAGED: SMOKE, UNTIL: "99"}, False),
        (f"{NAME}x", {MANAGED: SMOKE, UNTIL: "99"}, False),
    ],
)
def test_left_overs_need_name_mark_and_time(name: str, marks: dict[str, str], stale: bool) -> None:
    row = {"id": "s", "name": name, "metadata": marks}
    assert stale_servers([row], 100) == ((row,) if stale else ())
    flavor = Flavor("f", name, 1, 1, 1, extra_specs=marks)
    assert stale_flavors([flavor], 100) == ((flavor,) if stale else ())


def test_a_flavor_without_its_extra_specs_is_known_by_its_id() -> None:
    flavor = Flavor(own_id(NAME), NAME, 1, 1, 1)
    assert stale_flavors([flavor], 100) == (flavor,)
