# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.alias import parse_alias, read_aliases
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declared_alias import declared_aliases
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import InputProblem, SeveralProblems
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion

WHOLE = {"alias": "a1", "vendor_id": "8086", "product_id": "154d", "device_type": "type-PF", "numa_policy": "preferred"}


def lines_of(*entries: dict[str, object], major: int = 34, pci_in_placement: bool = False) -> list[str]:
    specs = declared_aliases(parse_declaration(list(entries)), NovaVersion(major), pci_in_placement)
    return [spec.to_json() for spec in specs]


def test_the_text_is_whole_and_in_one_order() -> None:
    assert lines_of(WHOLE) == [
        '{"name": "a1", "vendor_id": "8086", "product_id": "154d", "device_type": "type-PF", "numa_policy": "preferred"}'
    ]


def test_functions_are_asked_for_by_their_own_id() -> None:
    entry = {"alias": "vf", "vendor_id": "8086", "product_id": "10c9", "num_vfs": 4, "vf_product_id": "10CA"}
    assert lines_of(entry) == ['{"name": "vf", "vendor_id": "8086", "product_id": "10ca", "device_type": "type-VF"}']


def test_one_line_for_entries_that_mean_the_same_alias() -> None:
    first = {**WHOLE, "address": "0000:3b:00.0"}
    second = {**WHOLE, "address": "0000:3c:00.0"}
    assert len(lines_of(first, second)) == 1


def test_an_alias_of_two_cards_has_two_lines_that_nova_takes() -> None:
    lines = lines_of(WHOLE, {**WHOLE, "product_id": "1572"})
    policy, specs = read_aliases(lines, NovaVersion(34))["a1"]
    assert (policy, [spec.product_id for spec in specs]) == ("preferred", ["154d", "1572"])


def test_an_entry_without_alias_asks_for_nothing() -> None:
    assert lines_of({"vendor_id": "8086"}) == []


def test_placement_keys_stand_there_only_with_pci_in_placement() -> None:
    entry = {**WHOLE, "resource_class": "CUSTOM_GPU", "traits": ["CUSTOM_A"]}
    assert "resource_class" not in lines_of(entry)[0]
    assert '"resource_class": "CUSTOM_GPU", "traits": "CUSTOM_A"' in lines_of(entry, pci_in_placement=True)[0]


@pytest.mark.parametrize(("major", "there"), [(30, False), (31, True)])
def test_live_migratable_where_the_release_knows_it(major: int, there: bool) -> None:
    line = lines_of({**WHOLE, "live_migratable": True}, major=major)[0]
    assert ("live_migratable" in line) is there
    assert parse_alias(line, NovaVersion(major)).name == "a1"


def test_live_migratable_false_leaves_the_alias_open() -> None:
    assert "live_migratable" not in lines_of({**WHOLE, "live_migratable": False})[0]


@pytest.mark.parametrize(
    ("entry", "problem", "fix"),
    [
        ({"alias": "a", "product_id": "154d", "device_type": "type-PF"}, "has no vendor_id", 'vendor_id: "8086"'),
        ({"alias": "a", "vendor_id": "8086", "device_type": "type-PF"}, "has no product_id", 'product_id: "154d"'),
        ({"alias": "a", "vendor_id": "8086", "product_id": "154d"}, "has no device_type", "type-PCI, or type-PF"),
        (
            {"alias": "a", "vendor_id": "8086", "product_id": "10c9", "num_vfs": 2},
            "has no vf_product_id",
            "product id of the virtual functions",
        ),
    ],
)
def test_what_the_controller_cannot_know_is_asked_for(entry: dict[str, object], problem: str, fix: str) -> None:
    with pytest.raises(InputProblem) as caught:
        lines_of(entry)
    assert caught.value.entry == "pci_passthrough_devices[0].alias"
    assert problem in caught.value.problem
    assert fix in caught.value.fix


def test_all_that_is_missing_comes_at_once() -> None:
    with pytest.raises(SeveralProblems) as caught:
        lines_of({"alias": "a", "serial": "x"}, {"alias": "b", "slot": "3"})
    assert len(caught.value.problems) == 6
