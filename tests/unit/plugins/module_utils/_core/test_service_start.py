# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_service import (
    API,
    COMPUTE,
    CONDUCTOR,
    METADATA,
    SCHEDULER,
    SERVICES,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.service_start import (
    alias_effect,
    spec_effect,
    stops,
)
from ansible_collections.nova_pci.passthrough.tests.unit.service_views import HOST, config_of, pci

BEFORE, AFTER = NovaVersion(31, 3, 0), NovaVersion(31, 3, 1)
BAD_ALIAS = pci('alias = {"name": "a1", "vendor": "8086"}')
ALIAS_WITHOUT_IDS = pci('alias = {"name": "a1"}')
IN_PLACEMENT = "[filter_scheduler]\npci_in_placement = true\n"


def exceptions(service: str, text: str, version: NovaVersion, **more: object) -> list[str]:
    return [refusal.exception for refusal in stops(service, config_of(text, service), version, **more)]


@pytest.mark.parametrize("service", SERVICES)
@pytest.mark.parametrize("version", [NovaVersion(22), NovaVersion(34)], ids=str)
def test_an_empty_configuration_starts_everything(service: str, version: NovaVersion) -> None:
    assert exceptions(service, "", version) == []


@pytest.mark.parametrize("service", SERVICES)
def test_a_bad_device_spec_stops_whoever_reads_it(service: str) -> None:
    text = pci("device_spec = {", "passthrough_whitelist = x")
    assert exceptions(service, text, NovaVersion(30)) == ["PciConfigInvalidSpec"] * 2
    assert exceptions(service, text, NovaVersion(25)) == ["PciConfigInvalidWhitelist"]


READERS = [
    (COMPUTE, BEFORE, True),
    (COMPUTE, AFTER, True),
    (API, BEFORE, True),
    (METADATA, BEFORE, False),
    (METADATA, AFTER, True),
    (SCHEDULER, AFTER, False),
    (CONDUCTOR, AFTER, False),
]


@pytest.mark.parametrize(("service", "version", "stopped"), READERS)
def test_who_minds_a_bad_alias(service: str, version: NovaVersion, stopped: bool) -> None:
    assert exceptions(service, BAD_ALIAS, version) == ["PciInvalidAlias"] * stopped


def test_an_alias_without_ids_is_refused_since_31_3_1() -> None:
    assert exceptions(API, ALIAS_WITHOUT_IDS, BEFORE) == []
    assert exceptions(API, ALIAS_WITHOUT_IDS, AFTER) == ["PciInvalidAlias"]


def test_each_service_holds_the_alias_against_its_own_pci_in_placement() -> None:
    text = pci('alias = {"name": "a1", "resource_class": "X"}')
    assert exceptions(COMPUTE, text, AFTER) == ["PciInvalidAlias"]
    assert exceptions(COMPUTE, text + IN_PLACEMENT, AFTER) == []


def test_the_scheduler_minds_its_filters_first() -> None:
    text = "[filter_scheduler]\nenabled_filters = ComputeFilter,...\n" + pci("device_spec = {")
    assert exceptions(SCHEDULER, text, NovaVersion(30)) == ["SchedulerHostFilterNotFound", "PciConfigInvalidSpec"]
    assert exceptions(CONDUCTOR, text, NovaVersion(30)) == ["PciConfigInvalidSpec"]


def test_old_software_under_a_live_migratable_tag() -> None:
    text = pci('device_spec = {"address": "0000:81:00.0", "live_migratable": "no"}')
    old, new = {"libvirt": (9, 10, 0), "qemu": (8, 2, 1)}, {"libvirt": (10, 0, 0), "qemu": (8, 2, 2)}
    assert exceptions(COMPUTE, text, NovaVersion(31), **old) == ["InvalidConfiguration"] * 2
    assert exceptions(COMPUTE, text, NovaVersion(31), **new) == []
    assert exceptions(COMPUTE, text, NovaVersion(31)) == []
    assert exceptions(COMPUTE, text, NovaVersion(30), **old) == []
    assert exceptions(API, text, NovaVersion(31), **old) == []
    (refusal, _qemu) = stops(COMPUTE, config_of(text), NovaVersion(31), **old)
    assert str(refusal) == (
        "'9.10.0' is the libvirt here, and a live_migratable tag needs 10.0.0. "
        "Update libvirt, or remove the tag from device_spec"
    )


REPORTED = [
    ('{"devname": "ens1f0"}', ["PlacementPciException"]),
    ('{"address": "0000:3b:00.0"}', ["PlacementPciDependentDeviceException"]),
    ('{"vendor_id": "8086", "product_id": "10ed", "one_time_use": "no"}', ["PlacementPciException"]),
    ('{"vendor_id": "8086", "product_id": "10ed"}', []),
]


@pytest.mark.parametrize(("value", "found"), REPORTED)
def test_what_reporting_refuses(value: str, found: list[str]) -> None:
    text = pci(f"device_spec = {value}", "report_in_placement = true")
    assert exceptions(COMPUTE, text, NovaVersion(34), devices=HOST) == found
    assert exceptions(COMPUTE, pci(f"device_spec = {value}"), NovaVersion(34), devices=HOST) == []
    assert exceptions(API, text, NovaVersion(34), devices=HOST) == []


@pytest.mark.parametrize("report", ["true", "false"])
@pytest.mark.parametrize("major", [22, 26, 34])
def test_a_tag_that_cannot_be_stored_ends_the_first_update(major: int, report: str) -> None:
    option = "device_spec" if major >= 26 else "passthrough_whitelist"
    text = pci(option + ' = {"vendor_id": "8086", "x": ["a"]}', f"report_in_placement = {report}")
    assert exceptions(COMPUTE, text, NovaVersion(major), devices=HOST) == ["ValueError"]
    assert exceptions(API, text, NovaVersion(major), devices=HOST) == []


TRUTHS = [
    (COMPUTE, "report_in_placement", 26, 1),
    (COMPUTE, "report_in_placement", 25, 0),
    (API, "report_in_placement", 26, 0),
    (API, "pci_in_placement", 27, 1),
    (SCHEDULER, "pci_in_placement", 27, 1),
    (CONDUCTOR, "pci_in_placement", 27, 1),
    (CONDUCTOR, "pci_in_placement", 26, 0),
    (COMPUTE, "pci_in_placement", 30, 0),
    (COMPUTE, "pci_in_placement", 34, 1),
]


@pytest.mark.parametrize(("service", "option", "major", "count"), TRUTHS)
def test_who_looks_at_a_truth_value(service: str, option: str, major: int, count: int) -> None:
    group = "pci" if option.startswith("report") else "filter_scheduler"
    text = f"[{group}]\n{option} = maybe\n"
    assert exceptions(service, text, NovaVersion(major)) == ["ConfigFileValueError"] * count


BROKEN = [
    ("  [pci]\n", "ConfigFileParseError", "is indented and continues no value"),
    ("[pci]\nx\n", "ConfigFileParseError", "is no assignment"),
    ("[pci]\nx = \udc80\n", "UnicodeDecodeError", "not UTF-8"),
]


@pytest.mark.parametrize(("text", "exception", "problem"), BROKEN)
def test_a_file_that_cannot_be_read_is_the_only_reason(text: str, exception: str, problem: str) -> None:
    (refusal,) = stops(COMPUTE, config_of(text + BAD_ALIAS), AFTER)
    assert refusal.exception == exception
    assert problem in str(refusal)


def test_a_file_that_is_missing() -> None:
    config = config_of("").without(["/etc/nova/nova.conf"])
    required = type(config)(config.program, tuple(type(one)(one.candidates, required=True) for one in config.sources))
    (refusal,) = stops(COMPUTE, required, AFTER)
    assert (refusal.value, refusal.exception) == ("/etc/nova/nova.conf", "ConfigFilesNotFoundError")


def test_what_comes_of_it() -> None:
    assert spec_effect(SCHEDULER) == "nova-scheduler would fail at every server"
    assert spec_effect(API) == "nova-api would not start"
    assert alias_effect(API, AFTER) == "nova-api would not start"
    assert alias_effect(API, BEFORE) == "nova-api would answer 400 to every server that asks for any alias"
    assert alias_effect(COMPUTE, BEFORE).startswith("nova-compute would fail to resize")


ORDER = [
    (COMPUTE, BEFORE, ["PciConfigInvalidSpec", "InvalidConfiguration", "PciInvalidAlias"]),
    (COMPUTE, AFTER, ["PciConfigInvalidSpec", "PciInvalidAlias", "InvalidConfiguration"]),
    (API, BEFORE, ["PciConfigInvalidSpec", "PciInvalidAlias"]),
    (API, AFTER, ["PciInvalidAlias", "PciConfigInvalidSpec"]),
]


@pytest.mark.parametrize(("service", "version", "found"), ORDER)
def test_reasons_come_in_the_order_in_which_the_service_meets_them(service, version, found) -> None:
    text = BAD_ALIAS + 'device_spec = {"live_migratable": "yes"}\ndevice_spec = {\n'
    assert exceptions(service, text, version, libvirt=(9, 0, 0)) == found
