# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.device_spec import (
    DeviceSpec,
    parse_device_spec,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import NovaRefusal
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import PciDevice
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.placement_rules import (
    LIVE_MIGRATABLE,
    MANAGED,
    ONE_TIME_USE,
    OWNER,
    Provider,
    provider_name,
    providers,
    resource_class,
    traits,
)

ZED, EPOXY, FLAMINGO, HIBISCUS = (NovaVersion(major, 0, 0) for major in (26, 31, 32, 34))
CARD = parse_address("0000:3b:00.0")
PF = PciDevice(CARD, "8086", "1572", sriov_totalvfs=8)
VFS = tuple(
    PciDevice(parse_address(f"0000:3b:02.{number}"), "8086", "154c", physical_function=CARD) for number in range(2)
)
GPU = PciDevice(parse_address("0000:0a:00.0"), "10de", "20b0")
HOST = (*VFS, PF, GPU)


def specs(version: NovaVersion, *values: object) -> tuple[DeviceSpec, ...]:
    return tuple(
        spec
        for value in values
        for spec in parse_device_spec(json.dumps(value), version, True, lambda address: address == CARD)
    )


def report(*values: object, version: NovaVersion = FLAMINGO) -> tuple[Provider, ...]:
    return providers("node1", HOST, specs(version, *values), version)


def refused(*values: object, version: NovaVersion = FLAMINGO) -> str:
    with pytest.raises(NovaRefusal) as caught:
        report(*values, version=version)
    return caught.value.exception


@pytest.mark.parametrize(
    ("written", "named"),
    [(None, "CUSTOM_PCI_10DE_20B0"), ("", "CUSTOM_PCI_10DE_20B0"), ("My gpu!", "CUSTOM_MY_GPU_"), ("pgpu", "PGPU"),
     ("custom_a-b", "CUSTOM_A-B"), ("A__B", "CUSTOM_A_B"), ("VGPU", "VGPU")],
)  # fmt: skip
def test_resource_classes(written: str | None, named: str) -> None:
    assert resource_class(written, "10de", "20b0") == named


@pytest.mark.parametrize(
    ("written", "named"),
    [(None, set()), ("", set()), ("a, b", {"CUSTOM_A", "CUSTOM__B"}), ("custom_a", {"CUSTOM_A"}),
     ("HW_GPU_API_VULKAN", {"HW_GPU_API_VULKAN"}), ("hw_gpu_api_vulkan", {"CUSTOM_HW_GPU_API_VULKAN"}),
     ("a,A", {"CUSTOM_A"}), (",", {"CUSTOM_"})],
)  # fmt: skip
def test_traits(written: str | None, named: set[str]) -> None:
    assert traits(written) == named


def test_names_of_providers() -> None:
    assert provider_name("node1", parse_address("0000:3b:0a.1")) == "node1_0000:3B:0A.1"


def test_a_device_is_a_provider_and_so_are_the_functions_of_a_pf() -> None:
    found = report({"vendor_id": "10de", "resource_class": "GPU", "traits": "a"}, {"product_id": "154c"})
    assert found == (
        Provider("node1_0000:0A:00.0", "CUSTOM_GPU", frozenset({"CUSTOM_A", MANAGED}), 1),
        Provider("node1_0000:3B:00.0", "CUSTOM_PCI_8086_154C", frozenset({MANAGED}), 2),
    )


def test_traits_by_release() -> None:
    line = {"vendor_id": "10de", "live_migratable": "yes", "one_time_use": "yes"}
    assert report(line, version=EPOXY)[0].traits == {MANAGED}
    assert report(line, version=FLAMINGO)[0].traits == {MANAGED, ONE_TIME_USE}
    assert report(line, version=HIBISCUS)[0].traits == {MANAGED, ONE_TIME_USE, LIVE_MIGRATABLE, OWNER}


def test_devices_of_neutron_are_left_out() -> None:
    assert report({"physical_network": "physnet1"}) == ()
    assert len(report({"vendor_id": "10de", "physical_network": None})) == 1


@pytest.mark.parametrize("line", [{}, {"vendor_id": "8086"}, {"address": "0000:3b:00.0"}])
def test_a_pf_and_its_functions_together(line: object) -> None:
    assert refused(line) == "PlacementPciDependentDeviceException"


def test_a_pf_with_a_higher_address_than_its_functions() -> None:
    card = PciDevice(parse_address("0000:3c:00.0"), "8086", "1572", sriov_totalvfs=8)
    function = PciDevice(VFS[0].address, "8086", "154c", physical_function=card.address)
    with pytest.raises(NovaRefusal) as caught:
        providers("node1", (card, function), specs(ZED, {}), ZED)
    assert caught.value.exception == "PlacementPciDependentDeviceException"
    assert str(caught.value) == (
        "'0000:3c:00.0' is matched together with 0000:3b:02.0: of a PF and its VFs, placement takes either. "
        "Match the PF or its VFs, not both"
    )


def test_functions_of_one_pf_must_be_alike() -> None:
    first = {"address": "0000:3b:02.0"}
    rest = {"product_id": "154c"}
    assert refused({**first, "resource_class": "A"}, rest) == "PlacementPciMixedResourceClassException"
    assert refused({**first, "traits": "A"}, rest) == "PlacementPciMixedTraitsException"
    assert report({**first, "resource_class": "a", "traits": "x,y"}, {**rest, "resource_class": "A", "traits": "y,x"})
    assert refused({**first, "live_migratable": "yes"}, rest, version=HIBISCUS) == "PlacementPciMixedTraitsException"
    assert report({**first, "live_migratable": "yes"}, rest)


@pytest.mark.parametrize("written", ["yes", "no", None])
def test_one_time_use_is_for_whole_devices(written: str | None) -> None:
    assert refused({"product_id": "154c", "one_time_use": written}) == "PlacementPciException"
    assert report({"product_id": "154c", "one_time_use": written}, version=EPOXY)


def test_an_interface_is_refused() -> None:
    assert refused({"devname": "ens1"}) == "PlacementPciException"


@pytest.mark.parametrize("tag", ["resource_class", "traits"])
def test_lists_make_nova_crash(tag: str) -> None:
    assert refused({"vendor_id": "10de", tag: ["A"]}) == "AttributeError"


def test_vdpa_counts_as_a_function() -> None:
    found = providers("node1", HOST, specs(ZED, {"product_id": "154c"}), ZED, vdpa={VFS[0].address})
    assert [provider.total for provider in found] == [2]


def test_what_cannot_be_stored_comes_before_what_cannot_be_reported() -> None:
    line = {"devname": "ens1", "vendor_id": "10de", "traits": ["A"]}
    assert refused(line, version=ZED) == "PlacementPciException"  # no device has that interface, so nothing is stored
    assert refused({"traits": ["A"]}, version=ZED) == "ValueError"
    assert refused({"traits": ["A"]}, version=EPOXY) == "AttributeError"
    assert refused({"x": ["A"]}, version=EPOXY) == "ValueError"
