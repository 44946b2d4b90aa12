# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem, SeveralProblems
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import HostInventory, IommuState, Use
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_lint import (
    Declared,
    lint,
    node_of_files,
    release_to_lint,
    result_of,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_plan import (
    HostDevices,
    NovaWishes,
    make_nova_plan,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_service import (
    API,
    COMPUTE,
    CONDUCTOR,
    DAEMON,
    SCHEDULER,
    NovaNode,
    NovaService,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.selection import Identity, select
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import NIC, host
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_nova import DEBIAN, MAIN, RDO, carried_out, node
from ansible_collections.nova_pci.passthrough.tests.unit.service_views import GPU as GPU_DEVICE
from ansible_collections.nova_pci.passthrough.tests.unit.service_views import HOST, config_of, pci

INVENTORY = HostInventory(HOST, IommuState(True, "intel", "DMAR"), "x86_64", "GenuineIntel", "6.1", "b", "", "module")
GPU = {"alias": "a1", "vendor_id": "10de", "product_id": "1eb8", "device_type": "type-PCI"}


def node_of(text: str, *names: str, **more: object) -> NovaNode:
    services = (NovaService(name, f"{name}.service", DAEMON, True, config_of(text, name)) for name in names)
    return NovaNode(services=tuple(services), version=NovaVersion(29, 4, 0), **more)


def told(node: NovaNode, version: int = 29, declared: Declared | None = None) -> list[tuple[str, str]]:
    return [(finding.severity, finding.check) for finding in lint(node, NovaVersion(version), INVENTORY, declared)]


def test_a_line_that_several_services_read_is_told_of_once() -> None:
    text = pci('alias = {"name": "a1", "vendor_id": "10de", "product_id": "1eb8"}', "alias2 = x")
    assert told(node_of(text, "nova-api", "nova-scheduler", "nova-conductor")) == [
        ("error", "unknown-option"),
        ("warning", "alias-no-type"),
        ("warning", "filter-missing"),
    ]


def test_every_part_has_its_say_the_worst_first() -> None:
    text = pci('device_spec = {"vendor_id": "10de"} # x', 'alias = {"name": "a1"}', "report_in_placement = maybe")
    found = told(node_of(text, "nova-compute"))
    assert found == [
        ("error", "no-truth-value"),
        ("error", "trailing-comment"),
        ("warning", "alias-no-ids"),
        ("warning", "alias-no-type"),
    ]


def test_services_are_held_against_each_other() -> None:
    alias = pci('alias = {"name": "a1", "vendor_id": "10de", "product_id": "1eb8", "device_type": "type-PCI"}')
    on = "[filter_scheduler]\npci_in_placement = true\nenabled_filters = PciPassthroughFilter\n"
    compute, api = node_of(alias, "nova-compute").services[0], node_of(on, "nova-api").services[0]
    scheduler = node_of(on.replace("true", "false"), "nova-scheduler").services[0]
    assert told(NovaNode(services=(compute, api, scheduler))) == [
        ("error", "placement-differs"),
        ("warning", "alias-missing"),
    ]


def test_devices_count_where_nova_compute_runs() -> None:
    text = pci('device_spec = {"vendor_id": "ffff"}')
    assert told(node_of(text, "nova-compute")) == [("warning", "spec-matches-nothing")]
    assert told(node_of(text, "nova-conductor")) == [("warning", "spec-on-controller")]


def test_old_software_under_a_tag() -> None:
    text = pci('device_spec = {"vendor_id": "10de"}', 'device_spec = {"vendor_id": "ffff", "live_migratable": "no"}')
    node = node_of(text, "nova-compute", libvirt_version=(9, 0, 0), qemu_version=(9, 0, 0))
    (error, _matches_nothing) = lint(node, NovaVersion(31), INVENTORY)
    assert (error.check, error.where) == ("spec-live-migratable", "/etc/nova/nova.conf:3")
    assert error.effect == (
        "nova-compute would not start: 9.0.0 is the libvirt here, and a live_migratable tag needs 10.0.0 "
        "(InvalidConfiguration)"
    )
    assert told(node, 31)[0] == ("error", "spec-live-migratable")
    assert ("error", "spec-live-migratable") not in told(node_of(text, "nova-compute"), 31)


def test_the_declaration_is_held_against_release_and_devices() -> None:
    node = node_of("", "nova-compute")
    assert told(node, declared=Declared([GPU])) == []
    assert told(node, declared=Declared([{**GPU, "managed": False}])) == [("error", "declared-tag-too-new")]
    assert told(node, declared=Declared([{**GPU, "product_id": "ffff"}])) == [("error", "declared-devices")]
    assert told(node, declared=Declared([{"vendor": "x"}])) == [("error", "declared-wrong")]
    assert told(node, 25, Declared([GPU], "report")) == [("error", "declared-placement-too-new")]
    assert told(node, declared=Declared()) == []


def test_a_card_that_shows_no_mac_any_more_is_remembered() -> None:
    mac = {
        "alias": "a1",
        "vendor_id": "10de",
        "product_id": "1eb8",
        "device_type": "type-PCI",
        "mac": "52:54:00:00:00:01",
    }
    known = (Identity(GPU_DEVICE.address, "52:54:00:00:00:01", "10de", "1eb8"),)
    assert told(node_of("", "nova-compute"), declared=Declared([mac])) == [("error", "declared-devices")]
    assert told(node_of("", "nova-compute"), declared=Declared([mac], identities=known)) == []


def test_what_an_override_covers_is_no_finding() -> None:
    shown = (Use("console", "the console shows on its framebuffer fb0"),)
    devices = tuple(replace(one, uses=shown) if one.address == GPU_DEVICE.address else one for one in INVENTORY.devices)
    inventory = replace(INVENTORY, devices=devices)
    node = node_of(pci('device_spec = {"vendor_id": "10de"}'), "nova-compute")
    spare = [{"address": str(GPU_DEVICE.address), "reason": "nobody sits there"}]

    def checks(*declared: Declared) -> list[str]:
        return [finding.check for finding in lint(node, NovaVersion(29), inventory, *declared)]

    assert checks() == ["spec-host-device"]
    assert checks(Declared([GPU])) == ["spec-host-device", "declared-devices"]
    assert checks(Declared([GPU], overrides=spare)) == []
    assert checks(Declared([GPU], overrides=[{}]))[-1] == "declared-wrong"


def test_a_controller_s_own_devices_are_not_meant() -> None:
    declared = Declared([{**GPU, "product_id": "ffff"}])
    assert (
        told(
            node_of("[filter_scheduler]\nenabled_filters = PciPassthroughFilter\n", "nova-scheduler"), declared=declared
        )
        == []
    )


def test_what_could_not_be_read() -> None:
    node = node_of("", "nova-conductor", unreadable=(("/etc/nova/x.conf", "Permission denied"),))
    (finding,) = lint(node, NovaVersion(29), INVENTORY)
    assert (finding.check, finding.where) == ("unreadable", "/etc/nova/x.conf")
    assert "Permission denied" in finding.effect
    assert told(NovaNode()) == [("warning", "no-service")]


def test_the_release_to_hold_it_against() -> None:
    assert release_to_lint(node_of(""), None) == NovaVersion(29, 4, 0)
    assert release_to_lint(node_of(""), "2025.1") == NovaVersion(31)
    with pytest.raises(MachineProblem, match="Say which release is meant"):
        release_to_lint(NovaNode(), None)


def test_files_that_are_named() -> None:
    texts = {"/b.conf": pci("alias = x"), "/a.conf": pci("device_spec = x")}
    host = node_of("", "nova-api", unreadable=(("x", "y"),), libvirt_version=(9, 0, 0))
    node = node_of_files(host, "nova-compute", texts)
    assert [file.path for file in node.services[0].config.files] == ["/b.conf", "/a.conf"]
    assert (node.version, node.libvirt_version) == (host.version, (9, 0, 0))
    assert told(node) == [("error", "spec-refused"), ("error", "alias-refused")]


def test_files_that_are_not_there() -> None:
    with pytest.raises(SeveralProblems, match="/b.conf: cannot be read. Name files of this host that exist"):
        node_of_files(NovaNode(), "nova-compute", {"/a.conf": None, "/b.conf": None})
    with pytest.raises(MachineProblem, match="/a.conf: cannot be read"):
        node_of_files(NovaNode(), "nova-compute", {"/a.conf": None, "/c.conf": ""})


def test_the_result_counts_and_fails_when_it_shall() -> None:
    text = pci("alias = x", 'device_spec = {"vendor_id": "ffff"}')
    findings = lint(node_of(text, "nova-compute"), NovaVersion(29), INVENTORY)
    result = result_of(findings, fail=False)
    assert (result["error_count"], result["warning_count"], len(result["findings"]), len(result["table"])) == (
        1,
        1,
        2,
        4,
    )
    assert "failed" not in result
    failed = result_of(findings, fail=True)
    assert failed["failed"]
    assert failed["msg"].splitlines()[:2] == ["Nova would fail with this:", result["table"][0]]
    assert "failed" not in result_of(findings[1:], fail=True)


NIC_ENTRIES = [
    {"alias": "nic", "vendor_id": "8086", "product_id": "10d3", "device_type": "type-PCI", "numa_policy": "required"}
]


@pytest.mark.parametrize("arguments", [DEBIAN, RDO], ids=["debian", "rdo"])
@pytest.mark.parametrize("release", ["22.4.0", "25.3.0", "26.2.2", "27.5.1", "29.4.0", "31.3.1", "34.0.0"])
def test_nothing_is_wrong_with_what_this_collection_writes(release: str, arguments: tuple[str, ...]) -> None:
    inventory, entries = host(NIC), parse_declaration(NIC_ENTRIES)
    for names, role in (((COMPUTE,), "compute"), ((API, SCHEDULER, CONDUCTOR), "controller")):
        before = node({MAIN: "[DEFAULT]\ndebug = false\n"}, names, arguments, release)
        plan = make_nova_plan(
            before, NovaWishes(entries, role), None, HostDevices(inventory, select(inventory, entries))
        )
        after = carried_out(before, plan["files"])
        assert after.version is not None
        assert lint(after, after.version, inventory, Declared(NIC_ENTRIES, "none")) == ()
