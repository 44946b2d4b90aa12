# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.lint_config import (
    lint_config,
    lint_placement_between,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.lint_finding import Finding
from ansible_collections.nova_pci.passthrough.tests.unit.service_views import pci, view_of

SECRET = "mysql+pymysql://nova:hunter2@db/nova"
SPEC = 'device_spec = {"vendor_id": "10de"}'
GOOD = f"""[DEFAULT]
transport_url = {SECRET}
[database]
connection = {SECRET}
[pci]
{SPEC}
alias = {{"name": "a1", "numa_policy": "legacy"}}
report_in_placement = true
[filter_scheduler]
available_filters = nova.scheduler.filters.all_filters
enabled_filters = AvailabilityZoneFilter,ComputeFilter,PciPassthroughFilter
pci_in_placement = true
"""


def found(text: str, name: str = "nova-compute", version: int = 27, **more: object) -> list[Finding]:
    return list(lint_config(view_of(text, name, version, **more)))


def told(text: str, name: str = "nova-compute", version: int = 27, **more: object) -> list[tuple[str, str, str]]:
    return [(finding.severity, finding.check, finding.value) for finding in found(text, name, version, **more)]


@pytest.mark.parametrize("name", ["nova-compute", "nova-api", "nova-scheduler", "nova-conductor"])
def test_a_good_file_is_passed_over(name: str) -> None:
    assert told(GOOD, name) == []


def test_a_finding_in_full() -> None:
    assert found(pci("# comment", "devices_spec = {}")) == [
        Finding(
            "error",
            "unknown-option",
            "/etc/nova/nova.conf:3",
            "devices_spec",
            "Nova has no option devices_spec in [pci] and ignores it",
            "Did you mean device_spec?",
        )
    ]


FILES = [
    (f"  [DEFAULT]\nx = {SECRET}\n", 27, [("error", "config-syntax", "")]),
    (pci("alias = {}", f"  {SPEC}"), 27, [("error", "indented-key", "device_spec")]),
    (f"[database]\nconnection = {SECRET}\n  alias = {{}}\n", 27, [("error", "indented-key", "alias")]),
    (f"[database]\nconnection = {SECRET}\n  max_overflow = 5\n", 27, []),
    (pci('alias = {"name":', '  "a1"}'), 27, []),
    (f"[ pci ]\n{SPEC}\n", 27, [("error", "unknown-section", "[ pci ]")]),
    (f"[PCI]\n{SPEC}\n", 27, []),
    (pci("alias = name: a1"), 27, []),
    (pci("zzzz = 1"), 27, [("warning", "unknown-option", "zzzz")]),
    (pci("Device-Spec = {}"), 27, [("error", "unknown-option", "Device-Spec")]),
    (f"[DEFAULT]\n{SPEC}\n", 27, [("error", "wrong-section", "device_spec")]),
    (pci("enabled_filters = ComputeFilter"), 27, [
        ("error", "wrong-section", "enabled_filters"),
    ]),
    (pci("pci_alias = {}"), 27, [("error", "wrong-section", "pci_alias")]),
    ("[key_manager]\nalias = x\n", 27, []),
    (pci(SPEC), 25, [("error", "option-too-new", '{"vendor_id": "10de"}')]),
    (pci("report_in_placement = true"), 25, [("error", "option-too-new", "true")]),
    ("[filter_scheduler]\npci_in_placement = true\n", 26, [("error", "option-too-new", "true")]),
    (pci("passthrough_whitelist = {}"), 25, []),
    (pci("passthrough_whitelist = {}"), 26, [("info", "option-old-name", "{}")]),
    ("[DEFAULT]\npci_alias = {}\n", 34, [("info", "option-old-name", "{}")]),
    ("[DEFAULT]\nscheduler_default_filters = A\n", 23, [("info", "option-old-name", "A")]),
    ("[DEFAULT]\nscheduler_default_filters = A\n", 24, [("error", "option-old-name", "A")]),
    (pci('alias = {"name": "$nobody"}'), 27, [("warning", "reference", '{"name": "$nobody"}')]),
    (pci("report_in_placement = maybe"), 27, [("error", "no-truth-value", "maybe")]),
    (GOOD.replace("report_in_placement = true", ""), 27, [("warning", "placement-unreported", "true")]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "version", "expected"), FILES, ids=range(len(FILES)))
def test_what_is_told_of_a_file(text, version, expected) -> None:
    assert told(text, version=version) == expected
    assert SECRET not in str(found(text, version=version))


def test_a_reference_to_a_password_is_shown_as_it_stands() -> None:
    text = pci(f"alias = $database.connection\n[database]\nconnection = {SECRET} $nobody")
    (finding,) = found(text)
    assert (finding.check, finding.value) == ("reference", "$database.connection")
    assert SECRET not in str(finding)


def test_a_variable_of_the_environment() -> None:
    (finding,) = found("", environment={"OS_PCI__ALIAS": "{}"})
    assert (finding.check, finding.where) == ("environment", "environment variable OS_PCI__ALIAS")


def scheduler(filters: str, version: int = 34, more: str = "") -> list[tuple[str, str, str]]:
    return told(f"[filter_scheduler]\nenabled_filters = {filters}\n{more}", "nova-scheduler", version)


PCI = "PciPassthroughFilter"
REQUIRED = pci('alias = {"name": "a1", "numa_policy": "required"}')


def test_filters() -> None:
    assert scheduler(f"ComputeFilter,{PCI}") == []
    assert scheduler(f"AvailabilityZoneFilter,{PCI}") == [("error", "filter-unknown", "AvailabilityZoneFilter")]
    assert scheduler(f"...,{PCI}") == [("error", "filter-unknown", "...")]
    assert scheduler(f"ComputeFilter\n  {PCI}") == [
        ("error", "filter-unknown", f"ComputeFilter\n{PCI}"),
        ("info", "filter-missing", PCI),
    ]
    assert scheduler("ComputeFilter", more=REQUIRED) == [
        ("warning", "filter-missing", PCI),
        ("warning", "filter-missing", "NUMATopologyFilter"),
    ]
    assert scheduler(f"NUMATopologyFilter,{PCI}", more=REQUIRED) == []
    assert scheduler(f"Mine,{PCI}", more="available_filters = my.Mine\n") == [("error", "filter-unknown", PCI)]


def test_filters_are_the_scheduler_s_business() -> None:
    text = "[filter_scheduler]\nenabled_filters = ...\n"
    assert told(text, "nova-api") == []


def test_zones_before_placement_looked_after_them() -> None:
    assert scheduler(f"ComputeFilter,{PCI}", 23) == [("warning", "filter-missing", "AvailabilityZoneFilter")]
    query = "[scheduler]\nquery_placement_for_availability_zone = true\n"
    assert scheduler(f"ComputeFilter,{PCI}", 23, query) == []
    assert scheduler(f"ComputeFilter,{PCI}", 24) == []


def test_a_default_has_no_line() -> None:
    (finding,) = found("", "nova-scheduler", 29)
    assert finding.where == "the default of Nova 29 (2024.1 Caracal)"


def test_the_controllers_must_agree_on_placement() -> None:
    on, off = "[filter_scheduler]\npci_in_placement = true\n", ""
    (finding,) = lint_placement_between(
        [view_of(on, "nova-api"), view_of(off, "nova-scheduler"), view_of(off, "nova-compute")]
    )
    assert (finding.check, finding.where) == ("placement-differs", "/etc/nova/nova.conf:2")
    assert "nova-api asks placement for PCI devices and nova-scheduler do not" in finding.effect
    same = [view_of(on, "nova-api"), view_of(on, "nova-conductor"), view_of(off, "nova-compute")]
    assert list(lint_placement_between(same)) == []
    assert list(lint_placement_between([view_of(on, "nova-api", 26), view_of(off, "nova-conductor", 26)])) == []
