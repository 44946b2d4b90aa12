# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import (
    InputProblem,
    MachineProblem,
    PassthroughError,
    SeveralProblems,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import (
    FileRecord,
    FileState,
    Journal,
    Written,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import HostInventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_plan import (
    HostDevices,
    NovaWishes,
    make_nova_plan,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_service import (
    API,
    COMPUTE,
    CONDUCTOR,
    SCHEDULER,
    NovaNode,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.selection import select
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import NIC, NIC_2, card, host
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_nova import (
    COMPUTE_CONF,
    DEBIAN,
    MAIN,
    RDO,
    carried_out,
    node,
)

NIC_ENTRY: dict[str, object] = {"alias": "nic", "vendor_id": "8086", "product_id": "10d3", "device_type": "type-PCI"}
ALIAS = '{"name": "nic", "vendor_id": "8086", "product_id": "10d3", "device_type": "type-PCI"}'
SPEC = '{"vendor_id": "8086", "product_id": "10d3", "address": "0000:02:00.0"}'
OWN = "/etc/nova/nova-compute.conf.d/nova-pci-passthrough.conf"
SHARED = "/etc/nova/nova.conf.d/nova-pci-passthrough.conf"
FILTERS = "/etc/nova/nova-scheduler.conf.d/nova-pci-passthrough.conf"
DEFAULTS = (
    "ComputeFilter,ComputeCapabilitiesFilter,ImagePropertiesFilter,ServerGroupAntiAffinityFilter,"
    "ServerGroupAffinityFilter"
)
CONTROLLER = (API, SCHEDULER, CONDUCTOR)


def plan_of(
    nova: NovaNode, *entries: dict[str, object], inventory: HostInventory | None = None, journal=None, **wishes: object
):
    inventory = inventory or host(NIC)
    declared = parse_declaration(list(entries))
    wishes = {"role": "compute" if nova.service(COMPUTE) else "controller", **wishes}
    made = NovaWishes(declared, **wishes)  # type: ignore[arg-type]
    return make_nova_plan(nova, made, journal, HostDevices(inventory, select(inventory, declared)))


def texts_of(plan) -> dict[str, str]:
    return {file["path"]: file["content"] for file in plan["files"] if "content" in file}


def edits_of(plan) -> dict[str, list[dict[str, object]]]:
    return {file["path"]: file["edits"] for file in plan["files"] if "edits" in file}


def gets(plan, service: str, option: str) -> list[str]:
    return next((row["wanted"] for row in plan["settings"] if (row["service"], row["option"]) == (service, option)), [])


# ---- a compute


@pytest.mark.parametrize("arguments", [DEBIAN, RDO])
def test_a_compute_gets_its_devices_and_the_alias_in_its_own_directory(arguments) -> None:
    plan = plan_of(node({MAIN: "[DEFAULT]\n", COMPUTE_CONF: ""}, arguments=arguments), NIC_ENTRY)
    lines = texts_of(plan)[OWN].splitlines()
    assert lines[2:] == ["[pci]", f"device_spec = {SPEC}", f"alias = {ALIAS}"]
    assert list(texts_of(plan)) == [OWN]
    assert edits_of(plan) == {}
    assert gets(plan, COMPUTE, "[pci]device_spec") == [SPEC]
    assert gets(plan, COMPUTE, "[pci]alias") == [ALIAS]


@pytest.mark.parametrize(("release", "name"), [("22.4.0", "passthrough_whitelist"), ("25", "passthrough_whitelist")])
def test_older_releases_get_the_older_name(release: str, name: str) -> None:
    plan = plan_of(node({MAIN: ""}, version=release), NIC_ENTRY)
    assert f"{name} = {SPEC}" in texts_of(plan)[OWN]
    assert "device_spec" not in texts_of(plan)[OWN]


def test_nothing_declared_means_nothing_written() -> None:
    plan = plan_of(node({MAIN: "[pci]\nalias = {}\n"}))
    assert (plan["files"], plan["devices"]) == ([], [])
    assert [tool["stamp"] == tool["former"] for tool in plan["tools"]] == [True]


def test_a_line_that_says_the_same_is_commented_out() -> None:
    text = '[pci]\npassthrough_whitelist = {"address": "0000:02:00.0"}\nalias = {"name": "nic"}\nalias = {"name": "other"}\n'
    plan = plan_of(node({MAIN: text}), NIC_ENTRY)
    assert [(edit["line"], edit["new"]) for edit in edits_of(plan)[MAIN]] == [
        (2, ['# before nova_pci.passthrough: passthrough_whitelist = {"address": "0000:02:00.0"}']),
        (3, ['# before nova_pci.passthrough: alias = {"name": "nic"}']),
    ]
    assert gets(plan, COMPUTE, "[pci]device_spec") == [SPEC]
    assert gets(plan, COMPUTE, "[pci]alias") == [ALIAS, '{"name": "other"}']


def test_a_foreign_line_that_means_other_devices_stays() -> None:
    text = '[pci]\ndevice_spec = {"vendor_id": "8086", "product_id": "10d3"}\n'
    plan = plan_of(node({MAIN: text}), {**NIC_ENTRY, "address": "0000:02:00.0"}, inventory=host(NIC, NIC_2))
    assert edits_of(plan) == {}
    assert len(gets(plan, COMPUTE, "[pci]device_spec")) == 2


def test_a_foreign_line_that_matches_nothing_stays() -> None:
    plan = plan_of(node({MAIN: '[pci]\ndevice_spec = {"address": "0000:77:00.0"}\n'}), NIC_ENTRY)
    assert edits_of(plan) == {}


def test_a_dollar_sign_arrives_as_it_was_meant() -> None:
    plan = plan_of(node({MAIN: ""}), {**NIC_ENTRY, "physical_network": "a$b$my_ip"})
    assert "a$$b$$my_ip" in texts_of(plan)[OWN]
    assert json.loads(gets(plan, COMPUTE, "[pci]device_spec")[0])["physical_network"] == "a$b$my_ip"


def test_reporting_stands_where_it_wins() -> None:
    main = "[pci]\nreport_in_placement = false\n"
    debian = plan_of(node({MAIN: main}), NIC_ENTRY, placement="report")
    assert edits_of(debian)[MAIN][0]["new"][-1] == "report_in_placement = true"
    rdo = plan_of(node({MAIN: main}, arguments=RDO), NIC_ENTRY, placement="report")
    assert edits_of(rdo) == {}
    for plan in (debian, rdo):
        assert gets(plan, COMPUTE, "[pci]report_in_placement") == ["true"]


def test_a_compute_without_the_iommu_keeps_its_devices_to_itself() -> None:
    plan = plan_of(node({MAIN: ""}), NIC_ENTRY, inventory=host(replace(NIC, iommu_group=None)))
    assert gets(plan, COMPUTE, "[pci]device_spec") == []
    assert "the IOMMU is off" in plan["notes"][0]


def test_functions_of_a_card(  # the usual case of Neutron, and of an alias
) -> None:
    entry = {"alias": "vf", "vendor_id": "8086", "product_id": "10c9", "num_vfs": 2, "vf_product_id": "10ca"}
    plan = plan_of(node({MAIN: ""}), entry, inventory=host(*card(numvfs=2)))
    assert [row["address"] for row in plan["devices"]] == ["0000:04:10.0", "0000:04:10.1"]
    assert '"device_type": "type-VF"' in gets(plan, COMPUTE, "[pci]alias")[0]


# ---- a controller


def test_a_controller_never_gets_a_device_spec() -> None:
    plan = plan_of(node({MAIN: ""}, CONTROLLER), NIC_ENTRY)
    assert "device_spec" not in str(plan["files"])
    assert gets(plan, API, "[pci]alias") == [ALIAS]
    assert gets(plan, SCHEDULER, "[filter_scheduler]enabled_filters") == [DEFAULTS + ",PciPassthroughFilter"]
    assert sorted(texts_of(plan)) == [FILTERS, SHARED]


def test_debian_the_line_in_nova_conf_beats_every_drop_in_so_it_is_changed() -> None:
    text = "[filter_scheduler]\n# ours\nenabled_filters = ComputeFilter,\n  JsonFilter\n[pci]\n"
    plan = plan_of(node({MAIN: text}, CONTROLLER), NIC_ENTRY)
    assert edits_of(plan)[MAIN] == [
        {
            "line": 3,
            "old": ["enabled_filters = ComputeFilter,", "  JsonFilter"],
            "new": [
                "# before nova_pci.passthrough: enabled_filters = ComputeFilter,",
                "# before nova_pci.passthrough:   JsonFilter",
                "enabled_filters = ComputeFilter,JsonFilter,PciPassthroughFilter",
            ],
        }
    ]
    assert FILTERS not in texts_of(plan)


def test_rdo_a_drop_in_beats_nova_conf() -> None:
    text = "[filter_scheduler]\nenabled_filters = ComputeFilter,JsonFilter\n"
    plan = plan_of(node({MAIN: text}, CONTROLLER, RDO), NIC_ENTRY)
    assert edits_of(plan) == {}
    assert gets(plan, SCHEDULER, "[filter_scheduler]enabled_filters") == [
        "ComputeFilter,JsonFilter,PciPassthroughFilter"
    ]


def test_a_list_that_has_the_filter_is_left_alone() -> None:
    text = "[filter_scheduler]\nenabled_filters = PciPassthroughFilter,ComputeFilter\n"
    plan = plan_of(node({MAIN: text}, CONTROLLER), NIC_ENTRY)
    assert (edits_of(plan), list(texts_of(plan))) == ({}, [SHARED])


def test_the_old_name_of_the_filter_list_is_changed_where_it_counts() -> None:
    text = "[DEFAULT]\nscheduler_default_filters = ComputeFilter\n"
    old = plan_of(node({MAIN: text}, CONTROLLER, version="23"), NIC_ENTRY)
    assert edits_of(old)[MAIN][0]["new"][-1] == "scheduler_default_filters = ComputeFilter,PciPassthroughFilter"
    new = plan_of(node({MAIN: text}, CONTROLLER, version="24"), NIC_ENTRY)
    assert edits_of(new) == {}
    assert gets(new, SCHEDULER, "[filter_scheduler]enabled_filters") == [DEFAULTS + ",PciPassthroughFilter"]


def test_available_filters_get_the_default_back_when_somebody_narrowed_them() -> None:
    text = "[filter_scheduler]\navailable_filters = my.Filter\n"
    plan = plan_of(node({MAIN: text}, CONTROLLER), NIC_ENTRY)
    assert gets(plan, SCHEDULER, "[filter_scheduler]available_filters") == [
        "nova.scheduler.filters.all_filters",
        "my.Filter",
    ]
    assert (
        gets(plan_of(node({MAIN: ""}, CONTROLLER), NIC_ENTRY), SCHEDULER, "[filter_scheduler]available_filters") == []
    )


def test_a_numa_policy_needs_its_filter() -> None:
    plan = plan_of(node({MAIN: ""}, CONTROLLER), {**NIC_ENTRY, "numa_policy": "required"})
    wanted = [DEFAULTS + ",PciPassthroughFilter,NUMATopologyFilter"]
    assert gets(plan, SCHEDULER, "[filter_scheduler]enabled_filters") == wanted


def test_scheduling_by_placement_reaches_all_three() -> None:
    plan = plan_of(node({MAIN: ""}, CONTROLLER, version="29.4.0"), NIC_ENTRY, placement="schedule")
    for service in CONTROLLER:
        assert gets(plan, service, "[filter_scheduler]pci_in_placement") == ["true"]


def test_the_environment_of_a_service_that_beats_every_file_is_refused() -> None:
    nova = node({MAIN: ""}, CONTROLLER)
    scheduler = nova.service(SCHEDULER)
    config = replace(scheduler.config, environment={"OS_FILTER_SCHEDULER__ENABLED_FILTERS": "A"})
    services = [replace(one, config=config) if one is scheduler else one for one in nova.services]
    with pytest.raises(MachineProblem, match="would get A .* whatever this collection writes"):
        plan_of(replace(nova, services=tuple(services)), NIC_ENTRY)


# ---- everything on one host


def test_all_in_one_each_line_once_for_each_service() -> None:
    nova = node({MAIN: "[DEFAULT]\n", COMPUTE_CONF: ""}, (COMPUTE, *CONTROLLER))
    plan = plan_of(nova, NIC_ENTRY)
    assert sorted(texts_of(plan)) == [OWN, FILTERS, SHARED]
    assert gets(plan, COMPUTE, "[pci]alias") == gets(plan, API, "[pci]alias") == [ALIAS]
    assert "device_spec" not in texts_of(plan)[SHARED]


def test_device_spec_in_a_directory_that_the_controller_reads_is_refused() -> None:
    arguments = ("--config-file=/etc/nova/nova.conf", "--config-dir=/etc/nova/both")
    nova = node({MAIN: "", "/etc/nova/both/a.conf": ""}, (COMPUTE, SCHEDULER), arguments)
    with pytest.raises(MachineProblem, match="is read by nova-scheduler as well"):
        plan_of(nova, NIC_ENTRY)


# ---- what is written is what the services get; a second run finds nothing to do


@pytest.mark.parametrize("arguments", [DEBIAN, RDO])
@pytest.mark.parametrize("version", ["22.4.0", "26.2.2", "31.3.1", "34.0.0"])
def test_carried_out_the_services_get_what_was_planned(arguments, version: str) -> None:
    text = '[DEFAULT]\nmy_ip = 10.0.0.1\n[filter_scheduler]\nenabled_filters = ComputeFilter\n[pci]\nalias={"name":"nic"}\n'
    nova = node({MAIN: text}, (COMPUTE, *CONTROLLER), arguments, version)
    plan = plan_of(nova, NIC_ENTRY)
    after = carried_out(nova, plan["files"])
    for row in plan["settings"]:
        service = after.service(row["service"])
        name = row["option"].partition("]")[2]
        setting = (
            service.config.multi("pci", name) if name == "alias" else service.config.last("filter_scheduler", name)
        )
        if name in ("alias", "enabled_filters"):
            assert list(setting.values) == row["wanted"]


# ---- restarts


def stamps(plan) -> dict[str, bool]:
    return {tool["name"]: tool["stamp"] != tool["former"] for tool in plan["tools"]}


def test_only_services_whose_settings_change_are_restarted() -> None:
    plan = plan_of(node({MAIN: ""}, (COMPUTE, *CONTROLLER)), NIC_ENTRY)
    assert stamps(plan) == {
        "restart nova-conductor": False,
        "restart nova-scheduler": True,
        "restart nova-api": True,
        "restart nova-compute": True,
    }
    assert plan["tools"][-1]["argv"] == ["systemctl", "restart", "nova-compute.service"]


def test_another_policy_restarts_who_reads_the_alias_and_nobody_else() -> None:
    nova = node({MAIN: ""}, CONTROLLER)
    first = {tool["name"]: tool["stamp"] for tool in plan_of(nova, NIC_ENTRY)["tools"]}
    second = {tool["name"]: tool["stamp"] for tool in plan_of(nova, {**NIC_ENTRY, "numa_policy": "legacy"})["tools"]}
    assert [name for name in first if first[name] != second[name]] == ["restart nova-api"]


def test_a_service_that_does_not_run_is_not_started() -> None:
    nova = node({MAIN: ""})
    stopped = replace(nova, services=tuple(replace(service, active=False) for service in nova.services))
    plan = plan_of(stopped, NIC_ENTRY)
    assert plan["tools"] == []
    assert plan["notes"] == ["nova-compute does not run; it reads its new settings when it is started"]


# ---- refused before anything is written


def test_no_nova_here() -> None:
    with pytest.raises(MachineProblem, match="has not nova-compute .found: no service of Nova"):
        plan_of(NovaNode(), NIC_ENTRY, role="compute")
    with pytest.raises(MachineProblem, match="has not any of nova-api"):
        plan_of(node({MAIN: ""}), NIC_ENTRY, role="controller")


def test_the_release_must_be_known_and_true() -> None:
    unknown = replace(node({MAIN: ""}), version=None)
    with pytest.raises(MachineProblem, match="cannot be told"):
        plan_of(unknown, NIC_ENTRY)
    assert plan_of(unknown, NIC_ENTRY, release="2024.1")["release"]["name"] == "2024.1"
    with pytest.raises(InputProblem, match="is not what is installed here: Nova 26.2.2"):
        plan_of(node({MAIN: ""}), NIC_ENTRY, release="caracal")


def test_a_configuration_that_nova_cannot_read_is_named() -> None:
    with pytest.raises(MachineProblem, match=r"cannot be read by nova-compute as it stands .*nova.conf line 1"):
        plan_of(node({MAIN: "  indented = 1\n"}), NIC_ENTRY)


@pytest.mark.parametrize(
    ("version", "libvirt", "qemu", "problem"),
    [
        ("22.0.1", (5, 9, 9), (5, 2, 0), "libvirt 5.9.9: is older than 6.0.0"),
        ("26.2.2", (5, 9, 9), (7, 2, 0), "libvirt 5.9.9: is older than 6.0.0"),
        ("26.2.2", (6, 0, 0), (4, 1, 9), "QEMU 4.1.9: is older than 4.2.0"),
        ("31.3.1", (7, 9, 0), (7, 2, 0), "libvirt 7.9.0: is older than 8.0.0"),
    ],
)
def test_old_libvirt_and_qemu(version: str, libvirt, qemu, problem: str) -> None:
    with pytest.raises(MachineProblem, match=problem):
        plan_of(node({MAIN: ""}, version=version, libvirt_version=libvirt, qemu_version=qemu), NIC_ENTRY)


def test_live_migratable_asks_for_more() -> None:
    with pytest.raises(SeveralProblems, match=r"live_migratable, even no, needs libvirt 10.0.0, and here is 9.0.0"):
        plan_of(node({MAIN: ""}, version="31.3.1"), {**NIC_ENTRY, "live_migratable": True})


@pytest.mark.parametrize(
    ("version", "placement", "problem"),
    [("25", "report", "only Nova 26"), ("25", "schedule", "only Nova 27"), ("26", "schedule", "only Nova 27")],
)
def test_placement_before_its_time(version: str, placement: str, problem: str) -> None:
    with pytest.raises(MachineProblem, match=problem):
        plan_of(node({MAIN: ""}, version=version), NIC_ENTRY, placement=placement)


def test_reporting_is_not_switched_off_without_a_word() -> None:
    ours = node({MAIN: "", OWN: "[pci]\nreport_in_placement = true\n"})
    journal = Journal(files={OWN: FileRecord(OWN, "nova", FileState(), OWN, written=Written("file:x"))})
    with pytest.raises(MachineProblem, match="nova-compute does not start then"):
        plan_of(ours, NIC_ENTRY, journal=journal)
    assert plan_of(ours, NIC_ENTRY, journal=journal, placement="report")
    assert plan_of(ours, NIC_ENTRY, journal=journal, providers_deleted=True)


def test_reporting_that_somebody_else_switched_on_stays_on() -> None:
    plan = plan_of(node({MAIN: "[pci]\nreport_in_placement = true\n"}), NIC_ENTRY)
    assert gets(plan, COMPUTE, "[pci]report_in_placement") == ["true"]


# ---- the linter, before anything is written


@pytest.mark.parametrize(
    ("services", "text", "entry", "problem"),
    [
        (CONTROLLER, "[filter_scheduler]\nenabled_filters = ComputeFilter, Nonsense\n", {}, "filter-unknown"),
        (CONTROLLER, '[pci]\ndevice_spec = {"vendor_id": "zz"}\n', {}, "spec-on-controller"),
        ((COMPUTE,), "[pci]\ndevice_spec = {}\n", {}, "spec-matches-everything"),
        ((COMPUTE,), "[pci]\nalias = {'name': 'x'}\n", {}, "alias-refused"),
        ((COMPUTE,), "[pci]\nx = 1\n  y = 2\n", {}, None),
        ((COMPUTE,), "", {"managed": False}, "only Nova 31"),
        ((COMPUTE,), "", {"numa_policy": "socket"}, None),
    ],
)
def test_what_nova_would_refuse_or_misread_is_refused_first(services, text: str, entry, problem: str | None) -> None:
    nova = node({MAIN: text}, services)
    if problem is None:
        assert plan_of(nova, {**NIC_ENTRY, **entry})["files"]
        return
    with pytest.raises(PassthroughError, match=problem):
        plan_of(nova, {**NIC_ENTRY, **entry, "address": "0000:02:00.0"}, inventory=host(NIC, NIC_2))


def test_a_policy_that_the_release_does_not_know_is_refused() -> None:
    with pytest.raises(MachineProblem, match="socket.*only Nova 23"):
        plan_of(node({MAIN: ""}, version="22.4.0"), {**NIC_ENTRY, "numa_policy": "socket"})


def test_a_foreign_mistake_is_no_reason_to_stop_where_nothing_is_written() -> None:
    plan = plan_of(node({MAIN: "[pci]\nalias = {}\n"}))
    assert plan["files"] == []
    assert [finding["check"] for finding in plan["findings"] if finding["severity"] == "error"]


def test_a_warning_is_a_note() -> None:
    plan = plan_of(node({MAIN: ""}), {**NIC_ENTRY, "resource_class": "CUSTOM_X"})
    assert any("Nova ignores resource_class while report_in_placement is off" in note for note in plan["notes"])


def test_a_selection_with_a_problem_stops_a_compute_and_no_controller() -> None:
    absent = {**NIC_ENTRY, "product_id": "ffff"}
    with pytest.raises(InputProblem, match="matches no device of this host"):
        plan_of(node({MAIN: ""}), absent)
    assert plan_of(node({MAIN: ""}, CONTROLLER), absent)["files"]


def test_no_other_option_leaves_the_host() -> None:
    nova = node({MAIN: '[DEFAULT]\ntransport_url = rabbit://nova:lab-secret@x\n[pci]\nalias = {"name": "nic"}\n'})
    assert "lab-secret" not in json.dumps(plan_of(nova, NIC_ENTRY))
