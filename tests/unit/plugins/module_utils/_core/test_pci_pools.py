# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.alias import Aliases, read_aliases
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.device_spec import (
    DeviceSpec,
    parse_device_spec,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import NovaRefusal
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_request import parse_request
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import NetworkInterface, PciDevice
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.pci_pools import (
    Pool,
    explain,
    passes,
    pools,
    tracked,
)

VICTORIA, XENA, YOGA = NovaVersion(22, 4, 0), NovaVersion(24, 0, 0), NovaVersion(25, 3, 0)
ZED, ANTELOPE, EPOXY = NovaVersion(26, 3, 0), NovaVersion(27, 5, 1), NovaVersion(31, 3, 1)
RELEASES = (VICTORIA, YOGA, ZED, ANTELOPE, EPOXY)
CARD = parse_address("0000:3b:00.0")
PF = PciDevice(CARD, "8086", "1572", sriov_totalvfs=8, numa_node=1)
VFS = tuple(
    PciDevice(parse_address(f"0000:3b:02.{number}"), "8086", "154c", physical_function=CARD, numa_node=1)
    for number in range(2)
)
GPUS = tuple(PciDevice(parse_address(f"0000:{bus}:00.0"), "10de", "20b0") for bus in ("0a", "0b", "0c"))
HOST = (*GPUS, PF, *VFS)


def specs(*values: object, version: NovaVersion = EPOXY) -> tuple[DeviceSpec, ...]:
    return tuple(spec for value in values for spec in parse_device_spec(json.dumps(value), version))


def alias(name: str = "a", **keys: str) -> str:
    return json.dumps({"name": name, **keys})


GPU = alias(vendor_id="10de", product_id="20b0")


def offered(*values: object, version: NovaVersion = EPOXY, devices: tuple[PciDevice, ...] = HOST) -> tuple[Pool, ...]:
    return pools(devices, specs(*values, version=version), version)


def asked(text: str, lines: list[str], pools_: tuple[Pool, ...], version: NovaVersion = EPOXY) -> bool:
    aliases: Aliases = read_aliases(lines, version)
    return passes(pools_, parse_request(text, aliases), aliases, version)


# ---- pools


def test_devices_alike_are_one_pool_up_to_26() -> None:
    assert [pool.count for pool in offered({"vendor_id": "10de"}, version=ZED)] == [3]


def test_from_27_each_device_and_each_pf_has_a_pool_of_its_own() -> None:
    found = offered({}, version=ANTELOPE)
    assert sorted((pool.keys["address"], pool.keys["dev_type"], pool.count) for pool in found) == [
        ("0000:0a:00.0", "type-PCI", 1),
        ("0000:0b:00.0", "type-PCI", 1),
        ("0000:0c:00.0", "type-PCI", 1),
        ("0000:3b:00.0", "type-PF", 1),
        ("0000:3b:00.0", "type-VF", 2),
    ]


def test_what_a_pool_holds() -> None:
    assert offered({"product_id": "154c", "trusted": True}, version=EPOXY)[0].keys == {
        "product_id": "154c",
        "vendor_id": "8086",
        "numa_node": 1,
        "dev_type": "type-VF",
        "trusted": "True",
        "address": "0000:3b:00.0",
        "remote_managed": "false",
    }


def test_placement_keeps_class_and_traits_out_of_the_pools_from_27() -> None:
    line = {"vendor_id": "10de", "resource_class": "GPU", "traits": "A"}
    assert offered(line, version=ZED)[0].keys["resource_class"] == "GPU"
    assert "resource_class" not in offered(line, version=ANTELOPE)[0].keys


def test_different_tags_are_different_pools_and_the_shorter_stand_first() -> None:
    lines = ({"address": "0000:0a:00.0", "trusted": "yes"}, {"vendor_id": "10de"})
    assert [pool.count for pool in offered(*lines, version=ZED)] == [2, 1]


def test_a_null_tag_passes_for_one_that_is_missing() -> None:
    """Found by the oracle on 22.4.0: the second device goes into the first one's pool, tags and all."""
    lines = ({"address": "0000:0a:00.0", "trusted": "no"}, {"address": "0000:0b:00.0", "physical_network": None})
    found = offered(*lines, version=ZED)
    assert [(pool.count, pool.keys.get("trusted")) for pool in found] == [(2, "no")]
    assert len(offered(*lines, version=ZED, devices=GPUS[::-1])) == 2


def test_the_name_of_the_pf_is_a_key_where_both_have_interfaces() -> None:
    card = PciDevice(CARD, "8086", "1572", sriov_totalvfs=8, network_interfaces=(NetworkInterface("ens1", None),))
    function = PciDevice(
        VFS[0].address, "8086", "154c", physical_function=CARD, network_interfaces=(NetworkInterface("ens1v0", None),)
    )
    found = offered({"product_id": "154c"}, devices=(card, function))
    assert found[0].keys["parent_ifname"] == "ens1"
    assert "parent_ifname" not in offered({"product_id": "154c"}, devices=(PF, function))[0].keys


def test_a_tag_called_as_novas_own_keys_is_lost_and_splits_the_pool() -> None:
    found = offered({"vendor_id": "10de", "count": 5}, version=ZED)
    assert [(pool.count, "count" in pool.keys) for pool in found] == [(1, False)] * 3


def test_a_tag_may_lie_about_the_type() -> None:
    found = offered({"vendor_id": "10de", "dev_type": "type-PF"}, version=ZED)
    assert not asked("a:1", [GPU], found, ZED)


@pytest.mark.parametrize("content", [["HW_A"], {"a": 1}])
def test_a_tag_that_nova_cannot_store(content: object) -> None:
    with pytest.raises(NovaRefusal) as caught:
        offered({"vendor_id": "10de", "trusted": content})
    assert caught.value.exception == "ValueError"


@pytest.mark.parametrize(("content", "exception"), [("x", "ValueError"), ([1], "TypeError")])
def test_a_numa_node_of_ones_own_must_be_a_number(content: object, exception: str) -> None:
    assert offered({"vendor_id": "10de", "numa_node": "1"}, version=ZED)[0].keys["numa_node"] == 1
    with pytest.raises(NovaRefusal) as caught:
        offered({"vendor_id": "10de", "numa_node": content})
    assert caught.value.exception == exception


def test_the_vpd_of_the_pf_counts_for_its_functions() -> None:
    card = PciDevice(CARD, "8086", "1572", sriov_totalvfs=8, serial="S1", serial_source="vpd")
    line = specs({"product_id": "154c", "remote_managed": "yes"})
    assert len(tracked((card, *VFS), line)) == 2
    assert tracked((PF, *VFS), line) == []
    assert [device for device, _spec in tracked((card, *VFS), line, vdpa={VFS[0].address})] == [VFS[1]]


# ---- what passes


@pytest.mark.parametrize("version", RELEASES, ids=str)
def test_as_many_as_there_are(version: NovaVersion) -> None:
    found = offered({"vendor_id": "10de"}, version=version)
    assert asked("a:3", [GPU], found, version)
    assert not asked("a:4", [GPU], found, version)
    assert asked("a:1", [alias(vendor_id="10DE", product_id="20B0")], found, version)


@pytest.mark.parametrize("version", RELEASES, ids=str)
def test_without_a_type_both_devices_and_functions_fit_but_no_pf(version: NovaVersion) -> None:
    found = offered({}, version=version)
    vf = alias(vendor_id="8086", product_id="154c")
    pf = alias(vendor_id="8086", product_id="1572")
    assert asked("a:2", [vf], found, version)
    assert not asked("a:1", [pf], found, version)
    assert asked("a:1", [alias(vendor_id="8086", product_id="1572", device_type="type-PF")], found, version)
    assert not asked("a:1", [alias(vendor_id="8086", product_id="1572", device_type="type-PCI")], found, version)


@pytest.mark.parametrize("version", [VICTORIA, YOGA, ZED], ids=str)
def test_two_aliases_for_one_device_count_it_twice_from_23_to_25(version: NovaVersion) -> None:
    found = offered({"vendor_id": "10de"}, version=version)
    lines = [GPU, alias("b", vendor_id="10de", product_id="20b0", device_type="type-PCI")]
    assert asked("a:2,b:2", lines, found, version) is (version is YOGA)
    assert asked("a:1,b:2", lines, found, version)


@pytest.mark.parametrize("version", RELEASES, ids=str)
def test_none_of_nothing_passes_up_to_22(version: NovaVersion) -> None:
    assert asked("a:0", [GPU], (), version) is (version is VICTORIA)


def test_vdpa_is_for_no_alias() -> None:
    line = specs({"product_id": "154c"})
    found = pools(HOST, line, YOGA, vdpa={VFS[0].address})
    assert sorted(pool.keys["dev_type"] for pool in found) == ["type-VF", "vdpa"]
    vf = alias(vendor_id="8086", product_id="154c")
    assert asked("a:1", [vf], found, YOGA)
    assert not asked("a:2", [vf], found, YOGA)


def test_remote_managed_is_for_no_alias() -> None:
    functions = tuple(
        PciDevice(vf.address, "8086", "154c", physical_function=CARD, serial="S", serial_source="vpd") for vf in VFS
    )
    vf = alias(vendor_id="8086", product_id="154c")
    for version, fits in ((XENA, True), (YOGA, False)):
        found = offered({"product_id": "154c", "remote_managed": "yes"}, version=version, devices=functions)
        assert asked("a:1", [vf], found, version) is fits


@pytest.mark.parametrize(
    ("tag", "wanted", "fits"),
    [("yes", "yes", True), ("yes", "no", False), ("no", "no", True), ("no", "yes", False), (None, "no", False),
     (None, "yes", False), ("yes", None, True), ("no", None, True)],
)  # fmt: skip
def test_live_migratable(tag: str | None, wanted: str | None, fits: bool) -> None:
    line = {"vendor_id": "10de"} if tag is None else {"vendor_id": "10de", "live_migratable": tag}
    keys = {} if wanted is None else {"live_migratable": wanted}
    assert asked("a:1", [alias(vendor_id="10de", product_id="20b0", **keys)], offered(line)) is fits


def test_an_alias_with_a_capability_type_fits_nothing() -> None:
    line = alias(vendor_id="10de", product_id="20b0", capability_type="pci")
    assert not asked("a:1", [line], offered({"vendor_id": "10de"}))


def test_lines_of_one_alias_are_alternatives() -> None:
    lines = [
        alias(vendor_id="10de", product_id="20b0", device_type="type-PCI"),
        alias(vendor_id="10de", product_id="ffff", device_type="type-PCI"),
    ]
    assert asked("a:3", lines, offered({"vendor_id": "10de"}))


def test_a_flavor_without_requests_always_passes() -> None:
    assert passes((), (), {}, EPOXY)


def test_explain_counts_what_is_left() -> None:
    lines = [GPU, alias("b", vendor_id="10de", product_id="20b0", device_type="type-PCI")]
    aliases = read_aliases(lines, EPOXY)
    answers = explain(offered({"vendor_id": "10de"}), parse_request("a:2,b:2,a:1", aliases), aliases, EPOXY)
    assert [(answer.request.alias, answer.available, answer.passes) for answer in answers] == [
        ("a", 3, True),
        ("b", 1, False),
        ("a", 1, True),
    ]


def test_a_request_takes_part_of_a_pool_first() -> None:
    found = offered({"vendor_id": "10de"}, version=ZED)
    aliases = read_aliases([GPU], ZED)
    answers = explain(found, parse_request("a:2,a:0,a:1,a:1", aliases), aliases, ZED)
    assert [(answer.available, answer.passes) for answer in answers] == [(3, True), (1, True), (1, True), (0, False)]
