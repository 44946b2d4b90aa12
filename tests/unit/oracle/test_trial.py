# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The harness of tests/oracle catches a wrong reading of Nova, and says it in few words. No Nova takes part here."""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from oracle import answers, trial
from oracle.cases import SHARES, Case, make_cases, smaller
from oracle.host import Host, random_host

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.device_spec import DeviceSpec
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import PciDevice
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion

EPOXY = NovaVersion(31, 3, 1)
YOGA = NovaVersion(25, 3, 0)
COUNT = 400
RIGHT: Callable[[Case, NovaVersion], dict[str, Any]] = answers.answer  # before any test breaks something


class Mirror:
    """Stands for a Nova that sees everything as the collection does."""

    def __init__(self, version: NovaVersion) -> None:
        self.version = version
        self.cases: list[Case] = []
        self.answers: list[list[dict[str, Any]]] = []

    def ask(self, cases: Sequence[Case]) -> None:
        found = [self.say(case) for case in cases]
        self.answers.append(json.loads(json.dumps(found)))
        self.cases += cases

    def say(self, case: Case) -> dict[str, Any]:
        return RIGHT(case, self.version)

    def told(self) -> list[dict[str, Any]]:
        return self.answers.pop(0)


def judge(nova: Mirror, count: int = COUNT, seed: int = 1) -> trial.Verdict:
    return trial.hold_trial(nova, nova.version, seed, count, 0.0, lambda _text: None)


# ---- what is caught


@pytest.mark.parametrize("version", [EPOXY, YOGA], ids=str)
def test_who_sees_it_alike_agrees(version: NovaVersion) -> None:
    verdict = judge(Mirror(version))
    assert verdict.cases.total() == COUNT
    assert verdict.disagreements.total() == 0
    assert verdict.smallest is None
    assert f"Nova {version}: {COUNT} cases" in verdict.line()
    assert "0 disagreements" in verdict.line()


def by_its_own_address(self: DeviceSpec, device: PciDevice) -> bool:
    """As if a PF did not stand for its VFs."""
    return self.address is not None and device.address.in_nova_reach and self.address.matches(device.address)


def test_a_wrong_rule_is_caught_and_cut_down(monkeypatch: pytest.MonkeyPatch) -> None:
    def answer(case: Case, version: NovaVersion) -> dict[str, Any]:
        with monkeypatch.context() as broken:
            broken.setattr(DeviceSpec, "_matches_address", by_its_own_address)
            return RIGHT(case, version)

    monkeypatch.setattr(trial, "answer", answer)
    verdict = judge(Mirror(EPOXY))
    assert verdict.disagreements["spec"] > 0
    assert verdict.smallest is not None
    assert len(verdict.smallest.case.host.devices) <= 2
    assert len(verdict.smallest.case.given["specs"]) == 1
    assert "Nova says" in str(verdict.smallest)
    assert "we say" in str(verdict.smallest)


def turned(said: dict[str, Any]) -> dict[str, Any]:
    return {**said, "passes": not said["passes"]} if "passes" in said else said


def renamed(said: dict[str, Any]) -> dict[str, Any]:
    return {"refused": "OtherError"} if said.get("refused") == "PciInvalidAlias" else said


@pytest.mark.parametrize(("spoil", "kind"), [(turned, "pools"), (renamed, "alias")])
def test_a_wrong_answer_is_caught(monkeypatch: pytest.MonkeyPatch, spoil: Callable[..., Any], kind: str) -> None:
    monkeypatch.setattr(trial, "answer", lambda case, version: spoil(RIGHT(case, version)))
    verdict = judge(Mirror(EPOXY), count=200)
    assert verdict.disagreements[kind] > 0
    assert verdict.disagreements["spec"] == 0


# ---- comparing


@pytest.mark.parametrize(
    ("nova", "ours", "alike"),
    [
        ({"refused": "A", "said": "why"}, {"refused": "A"}, True),
        ({"refused": "A"}, {"refused": "B"}, False),
        ({"refused": "A"}, {}, False),
        ({}, {"refused": "A"}, False),
        ({}, {}, True),
        ({"matches": [0, None], "tags": [{"a": [1]}]}, {"matches": [0, None], "tags": [{"a": [1]}]}, True),
        ({"matches": [0]}, {"matches": [1]}, False),
        ({"pools": [{"a": 1}, {"b": 1}]}, {"pools": [{"b": 1}, {"a": 1}]}, False),
    ],
)
def test_what_is_the_same(nova: dict[str, Any], ours: dict[str, Any], alike: bool) -> None:
    assert trial.same(nova, ours) is alike


# ---- cases


def test_a_seed_decides_everything() -> None:
    first = [case.given for case in make_cases(3, EPOXY, 0, 40)]
    assert first == [case.given for case in make_cases(3, EPOXY, 0, 40)]
    assert first[20:] == [case.given for case in make_cases(3, EPOXY, 20, 20)]
    assert first != [case.given for case in make_cases(4, EPOXY, 0, 40)]
    assert first != [case.given for case in make_cases(3, YOGA, 0, 40)]


@pytest.mark.parametrize("version", [NovaVersion(22, 4, 0), EPOXY, NovaVersion(34, 0, 0)], ids=str)
def test_cases_are_of_every_kind_and_neither_all_refused_nor_all_taken(version: NovaVersion) -> None:
    verdict = judge(Mirror(version), count=1000)
    kinds = set(SHARES) - (set() if version.has_report_in_placement else {"placement"})
    assert set(verdict.cases) == kinds
    for kind in kinds:
        assert 0.05 < verdict.refused[kind] / verdict.cases[kind] < 0.75, kind


def test_devices_match_in_many_cases_and_filters_let_hosts_pass_in_some() -> None:
    nova = Mirror(EPOXY)
    cases = make_cases(1, EPOXY, 0, 1000)
    said = [(case.kind, nova.say(case)) for case in cases]
    matched = [any(index is not None for index in told["matches"]) for kind, told in said if "matches" in told]
    passed = [told["passes"] for kind, told in said if "passes" in told]
    assert 0.2 < sum(matched) / len(matched) < 0.9
    assert 0.1 < sum(passed) / len(passed) < 0.9


def test_a_smaller_case_is_smaller() -> None:
    for case in make_cases(1, EPOXY, 0, 50):
        for less in smaller(case):
            assert less.size < case.size
            assert less.kind == case.kind


# ---- hosts


def hosts() -> list[Host]:
    return [random_host(random.Random(number), with_vdpa=True) for number in range(60)]


def test_a_host_holds_together() -> None:
    for host in hosts():
        addresses = [device.address for device in host.devices]
        assert len(set(addresses)) == len(addresses)
        for device in host.devices:
            assert all(function in addresses for function in device.virtual_functions)
            if device.physical_function is not None:
                card = host.card_of(device)
                assert card is not None
                assert device.address in card.virtual_functions
    assert any(host.vdpa for host in hosts())


def test_a_host_without_a_card_has_none_of_its_functions() -> None:
    host = next(host for host in hosts() if any(device.virtual_functions for device in host.devices))
    card = next(device for device in host.devices if device.virtual_functions)
    left = {device.address for device in host.without(card).devices}
    assert not left & {card.address, *card.virtual_functions}


def test_what_libvirt_tells_of_serial_numbers_and_interfaces() -> None:
    rows = [row for host in hosts() for row in host.to_worker()]
    functions = [row for row in rows if row["parent"] is not None]
    assert any(row["card_serial"] for row in functions)
    assert not [row for row in rows if row["type"] == "vdpa" and row["card_serial"]]
    assert all(row["interfaces"] for row in rows if row["parent_interface"])
