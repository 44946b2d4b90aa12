# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.lint_finding import Finding
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.lint_spec import lint_spec
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import Use
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion
from ansible_collections.nova_pci.passthrough.tests.unit.service_views import GPU, HOST, pci, view_of

GPU_SPEC = '{"vendor_id": "10de", "product_id": "1eb8"}'
VF_SPEC = '{"vendor_id": "8086", "product_id": "10ed"}'


def found(
    *values: str, version: int = 34, reporting: bool = False, name: str = "nova-compute", known: bool = True
) -> list[Finding]:
    lines = [f"device_spec = {value}" for value in values]
    text = pci(*lines, *(["report_in_placement = true"] if reporting else []))
    return list(lint_spec(view_of(text, name, NovaVersion(version), HOST if known else None)))


def told(*values: str, **more: object) -> list[tuple[str, str]]:
    return [(finding.severity, finding.check) for finding in found(*values, **more)]


@pytest.mark.parametrize("value", [GPU_SPEC, VF_SPEC, '{"address": "0000:81:00.0"}', '[{"vendor_id": "10de"}]'])
@pytest.mark.parametrize("version", [26, 34])
@pytest.mark.parametrize("reporting", [False, True])
def test_good_lines_are_passed_over(value: str, version: int, reporting: bool) -> None:
    assert found(value, version=version, reporting=reporting) == []


def test_a_finding_in_full() -> None:
    (finding,) = found(GPU_SPEC, "{'vendor_id': '10de'}", version=29)
    assert finding == Finding(
        "error",
        "spec-refused",
        "/etc/nova/nova.conf:3",
        "{'vendor_id': '10de'}",
        "The value is no JSON (Expecting property name enclosed in double quotes: line 1 column 2 (char 1)); "
        "nova-compute would not start (PciConfigInvalidSpec)",
        'Write it like {"address": "0000:3b:00.0"} or {"vendor_id": "8086", "product_id": "154d"}',
    )


ONE_ENTRY = [
    ('{"vendor_id": "10de", "product_id": "1eb8"} # the GPU', [("error", "trailing-comment")]),
    ('{"vendor_id": "zz"}', [("error", "spec-refused")]),
    ("[]", [("info", "spec-empty")]),
    ('{"vendor_id": "ffff"}', [("warning", "spec-matches-nothing")]),
    (
        '{"vendor_id": "10de", "address": {"func": "0"}}',
        [("error", "spec-address-key")],
    ),
    ('{"vendor_id": "10de", "colour": "red"}', [("warning", "spec-unknown-key")]),
    ('{"vendor_id": "10de", "productid": "1eb8"}', [("error", "spec-unknown-key")]),
    ('{"vendor_id": "10de", "address": {"bus": "8[0-9A-F]"}}', [("error", "spec-upper-case")]),
    ('{"vendor_id": "10de", "address": {"bus": "(?i)8[0-9A-F]"}}', []),
    ('{"vendor_id": "10de", "address": {"slot": "\\\\D|\\\\d"}}', []),
    ('{"address": {"bus": "8", "slot": "00"}}', [("warning", "spec-prefix")]),
    ('{"address": {"bus": "81", "function": "0"}}', []),
    ('{"vendor_id": "10de", "traits": ["A"]}', [("error", "spec-traits"), ("warning", "spec-not-reported")]),
    ('{"vendor_id": "10de", "resource_class": "GPU"}', [("warning", "spec-not-reported")]),
    ('{"vendor_id": "8086", "address": "00:01.0"}', [("warning", "spec-bridge")]),
    ('{"vendor_id": "144d"}', [("error", "spec-host-device")]),
    ('{"devname": "ens1f0", "product_id": "154d"}', [("warning", "spec-devname")]),
    ('{"devname": "eth9"}', [("warning", "spec-devname"), ("warning", "spec-matches-nothing")]),
    ('{"address": "0000:3b:00.0"}', [("warning", "spec-pf-and-vfs")]),
    ('{"vendor_id": "8086", "product_id": "154d"}', []),
]


@pytest.mark.parametrize(("value", "expected"), ONE_ENTRY, ids=range(len(ONE_ENTRY)))
def test_what_is_told_of_one_line(value: str, expected: list[tuple[str, str]]) -> None:
    assert told(value) == expected


REPORTED = [
    ('{"devname": "ens1f0", "product_id": "154d"}', "ens1f0 is a devname", "PlacementPciException"),
    ('{"address": "0000:3b:00.0"}', "0000:3b:10.0 is matched together", "PlacementPciDependentDeviceException"),
    ('{"product_id": "10ed", "one_time_use": "no"}', "with one_time_use", "PlacementPciException"),
]


@pytest.mark.parametrize(("value", "problem", "exception"), REPORTED)
def test_what_reporting_to_placement_refuses(value: str, problem: str, exception: str) -> None:
    (finding,) = found(GPU_SPEC, value, reporting=True)
    assert (finding.severity, finding.check, finding.where) == ("error", "spec-reporting", "/etc/nova/nova.conf:3")
    assert problem in finding.effect
    assert f"nova-compute would not start ({exception})" in finding.effect


def test_traits_that_are_no_text_are_told_once() -> None:
    assert told('{"vendor_id": "10de", "traits": ["A"]}', reporting=True) == [("error", "spec-traits")]


def test_a_card_and_its_functions_are_told_of_once_a_card() -> None:
    (finding,) = found('{"product_id": "154d"}', VF_SPEC)
    assert (finding.check, finding.where) == ("spec-pf-and-vfs", "/etc/nova/nova.conf:2")
    assert '"function": "[0]"' in finding.fix


@pytest.mark.parametrize("value", ["{}", '{"vendor_id": "*"}', '{"vendor": "8086"}', '{"address": "*"}', "[{}]"])
def test_an_entry_that_takes_everything(value: str) -> None:
    checks = [check for _severity, check in told(value, known=False)]
    assert "spec-matches-everything" in checks
    assert {"spec-bridge", "spec-host-device"} <= {check for _severity, check in told(value)}


@pytest.mark.parametrize("value", [GPU_SPEC, '{"address": "0a:00.0"}', '{"devname": "eth9"}', '{"product_id": "1"}'])
def test_an_entry_that_does_not(value: str) -> None:
    assert "spec-matches-everything" not in [check for _severity, check in told(value, known=False)]


def test_a_typo_of_a_key_is_named() -> None:
    (finding,) = found('{"vendor": "8086", "address": "0000:81:00.0"}')
    assert (finding.check, finding.fix) == ("spec-unknown-key", "Did you mean vendor_id?")


TOO_NEW = [
    ("remote_managed", 25, "Nova 25.0.0 (Yoga)"),
    ("managed", 31, "Nova 31.0.0 (2025.1 Epoxy)"),
    ("one_time_use", 32, "Nova 32.0.0 (2025.2 Flamingo)"),
]


@pytest.mark.parametrize(("tag", "since", "label"), TOO_NEW)
def test_a_tag_that_came_later(tag: str, since: int, label: str) -> None:
    line = f'passthrough_whitelist = {{"vendor_id": "10de", "{tag}": "no"}}'
    (finding,) = lint_spec(view_of(pci(line), version=since - 1, devices=HOST))
    assert (finding.severity, finding.check) == ("warning", "spec-tag-too-new")
    assert f"which only {label} and later know" in finding.effect
    assert list(lint_spec(view_of(pci(line), version=since, devices=HOST))) == []


def test_lines_that_add_nothing() -> None:
    assert told(GPU_SPEC, GPU_SPEC) == [("info", "spec-repeated")]
    assert told('{"vendor_id": "10de"}', '{"address": "0000:81:00.0", "trusted": "true"}') == [
        ("warning", "spec-shadowed")
    ]
    assert told('{"address": "0000:81:00.0", "trusted": "true"}', '{"vendor_id": "10de"}') == [
        ("warning", "spec-shadowed")
    ]
    assert told(VF_SPEC, '{"address": "0000:3b:10.*"}') == [("warning", "spec-shadowed")]


def test_without_devices_nothing_is_said_of_them() -> None:
    assert found('{"vendor_id": "ffff"}', '{"address": "0000:3b:00.0"}', known=False) == []


@pytest.mark.parametrize("name", ["nova-api", "nova-api-metadata", "nova-scheduler", "nova-conductor"])
def test_it_has_no_place_on_controllers(name: str) -> None:
    (good, bad) = found(GPU_SPEC, '{"one_time_use": "yes", "vendor_id": "10de"}', name=name)
    assert (good.severity, good.check) == ("warning", "spec-on-controller")
    assert (bad.severity, bad.check) == ("error", "spec-on-controller")
    ends = "fail at every server" if name == "nova-scheduler" else "not start"
    assert bad.effect.endswith(f"{name} would {ends}")


def test_a_variable_is_told_of_elsewhere() -> None:
    assert list(lint_spec(view_of("", environment={"OS_PCI__DEVICE_SPEC": "{}"}))) == []


def test_another_tool_s_say_is_no_harm_to_the_host() -> None:
    tool = Use("tool", "os-net-config manages it")
    view = view_of(pci(f"device_spec = {GPU_SPEC}"), devices=(replace(GPU, uses=(tool,)),))
    assert list(lint_spec(view)) == []
