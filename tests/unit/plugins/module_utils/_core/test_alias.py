# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.alias import (
    AliasSpec,
    parse_alias,
    read_aliases,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import NovaRefusal
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion

OLD = NovaVersion(22)
NEW = NovaVersion(34)
IDS = {"vendor_id": "8086", "product_id": "154d"}


def line(**keys: object) -> str:
    return json.dumps({"name": "a1", **keys})


def test_a_line_and_its_way_back() -> None:
    value = line(numa_policy="socket", device_type="type-PF", product_id="154D", vendor_id="8086", traits="A,B")
    spec = parse_alias(value, NEW)
    assert spec == AliasSpec("a1", "8086", "154D", "type-PF", "socket", traits="A,B")
    assert spec.to_json() == (
        '{"name": "a1", "vendor_id": "8086", "product_id": "154D", "device_type": "type-PF", '
        '"numa_policy": "socket", "traits": "A,B"}'
    )
    assert parse_alias(spec.to_json(), NEW) == spec


ACCEPTED = [
    ('{"name": "a1"}', AliasSpec("a1")),
    ('{"name": " a1 "}', AliasSpec("a1")),
    ('{"name": "   "}', AliasSpec("")),
    ('{"name": "x", "name": "a1"}', AliasSpec("a1")),
    (' {"name":\n"a1"} ', AliasSpec("a1")),
    ('{"name": "a1", "vendor_id": "8086\\n"}', AliasSpec("a1", "8086\n")),
    ('{"name": "a1", "vendor_id": "\u0661\u0662\u0663\u0664"}', AliasSpec("a1", "\u0661\u0662\u0663\u0664")),
    ('{"name": "a1", "product_id": "10DE"}', AliasSpec("a1", product_id="10DE")),
    ('{"name": "a1", "capability_type": "pci"}', AliasSpec("a1", capability_type="pci")),
    (json.dumps({"name": "x" * 256}), AliasSpec("x" * 256)),
]


@pytest.mark.parametrize(("value", "spec"), ACCEPTED)
@pytest.mark.parametrize("version", [OLD, NEW], ids=str)
def test_what_every_release_reads(value: str, spec: AliasSpec, version: NovaVersion) -> None:
    assert parse_alias(value, version) == spec


@pytest.mark.parametrize(
    ("written", "read"), [("yes", "true"), (" ON ", "true"), ("1", "true"), ("no", "false"), ("F", "false")]
)
def test_live_migratable_is_a_truth_value_in_words(written: str, read: str) -> None:
    assert parse_alias(line(live_migratable=written), NEW).live_migratable == read


REFUSED = [
    ("", "is no JSON (Expecting value: line 1 column 1 (char 0))"),
    ("{'name': 'a1'}", "is no JSON"),
    ('{"name": "a1"} # comment', "is no JSON (Extra data"),
    ('[{"name": "a1"}]', "is no JSON object"),
    ("null", "is no JSON object"),
    ("{}", "has no name"),
    (line(**IDS, vendor="8086"), "has the unknown key 'vendor'. Did you mean vendor_id?"),
    (line(zzz="1"), "has the unknown key 'zzz'. The keys are capability_type, device_type, "),
    ('{"name": ""}', "has a name of 0 characters. Use 1 to 256"),
    (json.dumps({"name": "x" * 257}), "has a name of 257 characters"),
    ('{"name": null}', "has null as name, which is no text. Put it in quotes"),
    (line(vendor_id=8086), "has 8086 as vendor_id, which is no text"),
    (line(vendor_id="0x8086"), "has '0x8086' as vendor_id, which is not four hexadecimal digits"),
    (line(product_id="*"), "has '*' as product_id, which is not four hexadecimal digits"),
    (line(product_id=" 154d"), "has ' 154d' as product_id"),
    (line(device_type="vdpa"), "has 'vdpa' as device_type, which Nova does not know. Write one of type-PCI, "),
    (line(device_type="type-pf"), "has 'type-pf' as device_type"),
    (line(numa_policy="Required"), "has 'Required' as numa_policy, which Nova does not know"),
    (line(capability_type="usb"), "has 'usb' as capability_type, which can only be pci"),
    (line(live_migratable=True), "has true as live_migratable, which is no text"),
    (line(live_migratable="maybe"), "has 'maybe' as live_migratable, which is neither yes nor no. Write yes or no"),
    (line(live_migratable=""), "has '' as live_migratable"),
    ("[" * 100_000, "is no JSON"),
]


@pytest.mark.parametrize(("value", "problem"), REFUSED, ids=range(len(REFUSED)))
def test_what_nova_refuses(value: str, problem: str) -> None:
    with pytest.raises(NovaRefusal) as caught:
        parse_alias(value, NEW)
    assert problem in str(caught.value)
    assert caught.value.exception == "PciInvalidAlias"


SINCE = [
    ({"numa_policy": "socket"}, 23, "'socket' as numa_policy, which only Nova 23.0.0 (Wallaby) and later know"),
    ({"resource_class": "X"}, 27, "key 'resource_class', which only Nova 27.0.0 (2023.1 Antelope) and later know"),
    ({"traits": "X"}, 27, "key 'traits', which only Nova 27.0.0 (2023.1 Antelope) and later know"),
    ({"live_migratable": "yes"}, 31, "key 'live_migratable', which only Nova 31.0.0 (2025.1 Epoxy) and later know"),
]


@pytest.mark.parametrize(("keys", "first", "problem"), SINCE)
def test_what_came_with_a_release(keys: dict[str, object], first: int, problem: str) -> None:
    parse_alias(line(**keys), NovaVersion(first, 0, 0))
    with pytest.raises(NovaRefusal) as caught:
        parse_alias(line(**keys), NovaVersion(first - 1))
    assert problem in str(caught.value)


def test_lines_of_one_name_are_alternatives() -> None:
    one, other = line(**IDS, device_type="type-PF"), line(vendor_id="10de", product_id="1eb8", device_type="type-PF")
    assert read_aliases([one, other, line(name="b", **IDS)], NEW) == {
        "a1": ("legacy", (parse_alias(one, NEW), parse_alias(other, NEW))),
        "b": ("legacy", (AliasSpec("b", "8086", "154d"),)),
    }
    assert read_aliases([], NEW) == {}


def test_no_policy_and_legacy_are_one_policy() -> None:
    typed = line(**IDS, device_type="type-VF")
    legacy = line(**IDS, device_type="type-VF", numa_policy="legacy")
    assert read_aliases([typed, legacy], OLD)["a1"][0] == "legacy"


REPEATED = [
    (line(**IDS), line(**IDS), "not both lines have a device_type. Remove one of the lines"),
    (line(device_type="type-PF"), line(), "not both lines have a device_type"),
    (line(), line(device_type="type-PF"), "not both lines have a device_type"),
    (line(device_type="type-PF"), line(device_type="type-VF"), "device_type type-VF, which is type-PF first"),
    (line(), line(numa_policy="required"), "numa_policy required, which is legacy in its first line"),
    (line(name=" a1 "), line(), "repeats the alias 'a1'"),
]


@pytest.mark.parametrize(("first", "second", "problem"), REPEATED)
def test_a_repeated_name_nova_refuses(first: str, second: str, problem: str) -> None:
    with pytest.raises(NovaRefusal) as caught:
        read_aliases([first, second], OLD)
    assert problem in str(caught.value)
    assert (caught.value.value, caught.value.exception) == (second, "PciInvalidAlias")


def test_one_bad_line_spoils_all() -> None:
    with pytest.raises(NovaRefusal, match="is no JSON"):
        read_aliases([line(**IDS), "{"], OLD)


BEFORE_THE_RULES, WITH_THE_RULES = NovaVersion(31, 3, 0), NovaVersion(31, 3, 1)
RULES = [
    ([line()], False, "'a1' is an alias without vendor_id and product_id. Add vendor_id and product_id"),
    ([line(vendor_id="8086")], False, "without vendor_id and product_id"),
    ([line(resource_class="X")], False, "without vendor_id and product_id"),
    ([line()], True, "Add vendor_id and product_id, or resource_class"),
    ([line(**IDS, device_type="type-PF")] * 2, True, "'a1' has several alias lines, which pci_in_placement does not"),
]


@pytest.mark.parametrize(("values", "in_placement", "problem"), RULES)
def test_rules_that_came_with_31_3_1(values: list[str], in_placement: bool, problem: str) -> None:
    read_aliases(values, BEFORE_THE_RULES, in_placement)
    with pytest.raises(NovaRefusal) as caught:
        read_aliases(values, WITH_THE_RULES, in_placement)
    assert problem in str(caught.value)
    assert caught.value.exception == "PciInvalidAlias"


def test_what_these_rules_let_pass() -> None:
    assert set(read_aliases([line(resource_class="X")], NEW, pci_in_placement=True)) == {"a1"}
    assert len(read_aliases([line(**IDS, device_type="type-PF")] * 2, NEW)["a1"][1]) == 2


def test_a_name_of_blanks_alone_is_an_empty_one_as_in_nova() -> None:
    assert parse_alias('{"name": " "}', NovaVersion(29, 0, 0)).name == ""
