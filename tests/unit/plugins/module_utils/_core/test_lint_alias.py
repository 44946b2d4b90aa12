# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.lint_alias import (
    lint_alias,
    lint_alias_between,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.lint_finding import Finding
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion
from ansible_collections.nova_pci.passthrough.tests.unit.service_views import HOST, pci, view_of

IDS = {"vendor_id": "10de", "product_id": "1eb8"}
GPU = {**IDS, "device_type": "type-PCI"}
IN_PLACEMENT = "[filter_scheduler]\npci_in_placement = true\n"
BEFORE, AFTER = NovaVersion(31, 3, 0), NovaVersion(31, 3, 1)


def alias(name: str = "a1", **keys: str) -> str:
    return "alias = " + json.dumps({"name": name, **keys})


def found(*lines: str, name: str = "nova-api", version: NovaVersion = AFTER, more: str = "") -> list[Finding]:
    return list(lint_alias(view_of(pci(*lines) + more, name, version, HOST)))


def told(*lines: str, **more: object) -> list[tuple[str, str]]:
    return [(finding.severity, finding.check) for finding in found(*lines, **more)]


@pytest.mark.parametrize("name", ["nova-api", "nova-compute", "nova-scheduler"])
@pytest.mark.parametrize("version", [NovaVersion(22), AFTER], ids=str)
def test_a_good_alias_is_passed_over(name: str, version: NovaVersion) -> None:
    assert told(alias(**GPU), 'passthrough_whitelist = {"vendor_id": "10de"}', name=name, version=version) == []


def test_a_finding_in_full() -> None:
    (finding,) = found(alias(**GPU), 'alias = {"name": "b", "vendor": "10de"}')
    assert finding == Finding(
        "error",
        "alias-refused",
        "/etc/nova/nova.conf:3",
        '{"name": "b", "vendor": "10de"}',
        "The value has the unknown key 'vendor', which makes all aliases unusable; nova-api would not start",
        "Did you mean vendor_id?",
    )


LINES = [
    ([alias(**GPU) + " # the GPU"], AFTER, [("error", "trailing-comment")]),
    ([alias(**IDS)], AFTER, [("warning", "alias-no-type")]),
    ([alias(device_type="type-PF")], BEFORE, [("warning", "alias-no-ids")]),
    ([alias(device_type="type-PF")], AFTER, [("error", "alias-refused")]),
    ([alias(**GPU, capability_type="pci")], AFTER, [("error", "alias-capability-type")]),
    ([alias(**GPU, resource_class="GPU", traits="A")], AFTER, [("warning", "alias-not-in-placement")]),
    ([alias(**GPU, live_migratable="no")], AFTER, [("info", "alias-live-migratable")]),
    ([alias(**GPU, live_migratable="yes")], AFTER, []),
    ([alias(**GPU), alias(**GPU)], BEFORE, [("warning", "alias-repeated")]),
    ([alias(**IDS), alias(**IDS)], BEFORE, [("warning", "alias-no-type")] * 2 + [("error", "alias-refused"), ("warning", "alias-repeated")]),
    ([alias(**GPU), alias(**GPU, numa_policy="required")], AFTER, [("error", "alias-refused")]),
    ([alias(**GPU), alias(**{**GPU, "product_id": "1eb9"})], AFTER, []),
]  # fmt: skip


@pytest.mark.parametrize(("lines", "version", "expected"), LINES, ids=range(len(LINES)))
def test_what_is_told_of_the_lines(lines, version, expected) -> None:
    assert told(*lines, version=version) == expected


def test_what_comes_of_a_refusal_depends_on_the_release() -> None:
    (before,) = found("alias = x", version=BEFORE)
    assert before.effect.endswith("nova-api would answer 400 to every server that asks for any alias")
    (after,) = found("alias = x", version=AFTER)
    assert after.effect.endswith("nova-api would not start")


def test_the_rules_on_all_lines_name_the_line_of_the_alias() -> None:
    (finding,) = found(alias("b", **GPU), alias(device_type="type-PF"))
    assert (finding.where, finding.effect) == (
        "/etc/nova/nova.conf:3",
        "'a1' is an alias without vendor_id and product_id, which makes all aliases unusable; nova-api would not start",
    )


def test_placement_takes_one_line_for_each_alias() -> None:
    other = alias(**{**GPU, "product_id": "1eb9"})
    assert told(alias(**GPU), other, version=BEFORE, more=IN_PLACEMENT) == [("error", "alias-alternatives")]
    assert told(alias(**GPU), other, version=AFTER, more=IN_PLACEMENT) == [("error", "alias-refused")]
    assert told(alias(**GPU, resource_class="GPU"), version=BEFORE, more=IN_PLACEMENT) == []
    assert told(alias(resource_class="GPU", device_type="type-PF"), version=BEFORE, more=IN_PLACEMENT) == []


ON_COMPUTE = [
    (GPU, "10de", []),
    ({"vendor_id": "8086", "product_id": "154d", "device_type": "type-PCI"}, "8086", [("error", "alias-wrong-type")]),
    ({"vendor_id": "8086", "product_id": "10ed", "device_type": "type-PF"}, "8086", [("error", "alias-wrong-type")]),
    ({"vendor_id": "8086", "product_id": "154d", "device_type": "type-PF"}, "8086", []),
    (GPU, "8086", [("info", "alias-matches-nothing")]),
    (GPU, "ffff", []),
    (GPU, "zz", []),
]


@pytest.mark.parametrize(("keys", "vendor_id", "expected"), ON_COMPUTE)
def test_an_alias_is_held_against_the_devices_of_a_compute(keys, vendor_id, expected) -> None:
    spec = f'device_spec = {{"vendor_id": "{vendor_id}"}}'
    assert told(alias(**keys), spec, name="nova-compute") == expected
    assert told(alias(**keys), spec, name="nova-api") == []


def test_the_right_type_is_named() -> None:
    keys = {"vendor_id": "8086", "product_id": "154d", "device_type": "type-PCI"}
    (finding,) = found(alias(**keys), 'device_spec = {"vendor_id": "8086"}', name="nova-compute")
    assert finding.effect == "Nova finds no device of this host for 'a1': the devices with these ids are type-PF"
    assert finding.fix == "Write device_type: type-PF"


def test_a_tag_that_nova_cannot_store_is_not_told_here() -> None:
    spec = 'device_spec = {"vendor_id": "10de", "note": ["x"]}'
    assert told(alias(**GPU), spec, name="nova-compute") == []


@pytest.mark.parametrize("name", ["nova-scheduler", "nova-conductor"])
def test_who_does_not_read_aliases(name: str) -> None:
    assert told("alias = x", name=name) == []


def between(compute: str, api: str) -> list[tuple[str, str]]:
    views = [view_of(pci(compute), "nova-compute"), view_of(pci(api), "nova-api")]
    return [(finding.check, finding.where) for finding in lint_alias_between(views)]


def test_nova_api_and_nova_compute_must_agree() -> None:
    place = "/etc/nova/nova.conf:2"
    assert between(alias(**GPU), alias(**GPU)) == []
    assert between(alias(**GPU), alias(**GPU, numa_policy="required")) == [("alias-differs", place)]
    assert between(alias(**GPU), alias("b", **GPU)) == [("alias-missing", place)]
    assert between("alias = x", alias(**GPU)) == []
    assert list(lint_alias_between([view_of(pci(alias(**GPU)), "nova-compute")])) == []


def test_a_variable_is_told_of_elsewhere() -> None:
    assert list(lint_alias(view_of("", environment={"OS_PCI__ALIAS": "{}"}))) == []
