# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import (
    MachineProblem,
    PassthroughError,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.lint_declaration import (
    Ground,
    lint_declaration,
    problem_findings,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.lint_finding import Finding
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion

GPU = {"vendor_id": "10de", "product_id": "1eb8", "device_type": "type-PCI"}
CARD = {"vendor_id": "8086", "product_id": "154d", "num_vfs": 4}
OLD, NEW = ((9, 0, 0), (8, 0, 0)), ((10, 0, 0), (8, 2, 2))


def found(
    entry: dict[str, object], version: int = 34, placement: str | None = None, software=(None, None)
) -> list[Finding]:
    return list(lint_declaration(parse_declaration([entry]), Ground(NovaVersion(version), placement, *software)))


def told(entry: dict[str, object], version: int = 34, **more: object) -> list[tuple[str, str, str]]:
    return [
        (finding.severity, finding.check, finding.where.partition("].")[2]) for finding in found(entry, version, **more)
    ]


@pytest.mark.parametrize("version", [22, 26, 34])
@pytest.mark.parametrize(
    "entry",
    [
        {"alias": "a1", **GPU},
        {"alias": "a1", **GPU, "numa_policy": "required"},
        {"alias": "a1", **CARD, "vf_product_id": "10ed"},
        {"address": "0000:3b:00.0"},
        {"vendor_id": "8086", "physical_network": None, "trusted": True},
    ],
)
def test_a_good_entry_is_passed_over(entry: dict[str, object], version: int) -> None:
    assert told(entry, version) == []


def test_a_finding_in_full() -> None:
    assert found({"alias": "a1", **GPU, "managed": False}, 30) == [
        Finding(
            "error",
            "declared-tag-too-new",
            "pci_passthrough_devices[0].managed",
            "false",
            "Nova 30 (2024.2 Dalmatian) ignores managed, which only Nova 31.0.0 (2025.1 Epoxy) and later know",
            "Remove managed, or upgrade Nova",
        )
    ]


ENTRIES = [
    ({**GPU, "one_time_use": True}, 31, {}, [("error", "declared-tag-too-new", "one_time_use")]),
    ({**GPU, "one_time_use": True}, 32, {}, []),
    ({**GPU, "one_time_use": True}, 32, {"placement": "report"}, []),
    ({**GPU, "one_time_use": True}, 32, {"placement": "none"}, [("error", "declared-one-time-use", "one_time_use")]),
    ({**GPU, "one_time_use": False}, 32, {"placement": "none"}, []),
    ({**CARD, "one_time_use": False}, 32, {}, [("error", "declared-one-time-use", "one_time_use")]),
    ({"alias": "a1", **GPU, "numa_policy": "socket"}, 22, {}, [("error", "declared-policy-too-new", "numa_policy")]),
    ({**GPU, "numa_policy": "required"}, 34, {}, [("warning", "declared-policy-unused", "numa_policy")]),
    ({"alias": "a1", "vendor_id": "10de", "device_type": "type-PF"}, 34, {}, [("error", "declared-alias-incomplete", "alias")]),
    ({"alias": "a1", "address": "0000:3b:00.0"}, 34, {}, [("error", "declared-alias-incomplete", "alias")] * 3),
    ({"alias": "a1", **CARD}, 34, {}, [("error", "declared-alias-incomplete", "alias")]),
    ({**GPU, "live_migratable": True}, 31, {}, []),
    ({**GPU, "live_migratable": True}, 31, {"software": NEW}, []),
    ({**GPU, "live_migratable": True}, 31, {"software": OLD}, [("error", "declared-live-migratable", "live_migratable")] * 2),
    ({**GPU, "live_migratable": False}, 31, {}, [("info", "declared-live-migratable", "live_migratable")]),
    ({**GPU, "resource_class": "GPU"}, 26, {"placement": "none"}, [("warning", "declared-not-reported", "resource_class")]),
    ({**GPU, "traits": ["A", "B"]}, 26, {"placement": "report"}, []),
    ({**GPU, "traits": ["A", "B"]}, 25, {"placement": "none"}, [("error", "declared-tag-too-new", "traits")]),
    ({"alias": "a1", **GPU, "physical_network": "net1"}, 34, {}, [("warning", "declared-two-users", "physical_network")]),
    ({"alias": "a1", **GPU, "physical_network": None}, 34, {}, [("warning", "declared-two-users", "physical_network")]),
]  # fmt: skip


@pytest.mark.parametrize(("entry", "version", "more", "expected"), ENTRIES, ids=range(len(ENTRIES)))
def test_what_is_told_of_an_entry(entry, version, more, expected) -> None:
    assert told(entry, version, **more) == expected


def test_the_release_and_the_software_are_named() -> None:
    libvirt, qemu = found({**GPU, "live_migratable": True}, 31, software=OLD)
    assert "even no, needs libvirt 10.0.0, and here is 9.0.0" in libvirt.effect
    assert "needs QEMU 8.2.2, and here is 8.0.0" in qemu.effect
    (policy,) = found({"alias": "a1", **GPU, "numa_policy": "socket"}, 22)
    assert "only Nova 23.0.0 (Wallaby) and later know socket" in policy.effect
    (alias,) = found({"alias": "a1", **CARD})
    assert "the alias on nova-api is made from the declaration alone" in alias.effect
    assert "vf_product_id" in alias.fix


PLACEMENTS = [("none", 22, 0), ("report", 25, 1), ("report", 26, 0), ("schedule", 26, 1), ("schedule", 27, 0)]


@pytest.mark.parametrize(("placement", "version", "count"), PLACEMENTS)
def test_placement_of_a_release(placement: str, version: int, count: int) -> None:
    checks = [finding.check for finding in lint_declaration((), Ground(NovaVersion(version), placement))]
    assert checks == ["declared-placement-too-new"] * count


def test_problems_of_the_declaration_become_findings() -> None:
    with pytest.raises(PassthroughError) as caught:
        parse_declaration([{"vendor": "8086"}, {"vendor_id": 8086}])
    first, second = problem_findings(caught.value, "declared-wrong")
    assert (first.severity, first.check, first.where) == ("error", "declared-wrong", "pci_passthrough_devices[0]")
    assert (first.value, first.effect, first.fix) == ("vendor", "It is no key of a device", "Did you mean vendor_id?")
    assert second.where == "pci_passthrough_devices[1].vendor_id"
    assert list(problem_findings(MachineProblem("x", "y", "z"), "declared-wrong")) == []
