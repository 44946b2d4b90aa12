# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
from typing import Any

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import PciAddress, parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.device_spec import (
    DeviceSpec,
    first_match,
    parse_device_spec,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import NovaRefusal
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import PciDevice
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion

VICTORIA, YOGA, ZED = NovaVersion(22, 4, 0), NovaVersion(25, 3, 0), NovaVersion(26, 3, 0)
DALMATIAN, EPOXY, FLAMINGO = NovaVersion(30, 0, 0), NovaVersion(31, 3, 1), NovaVersion(32, 0, 0)
CARD = parse_address("0000:3b:00.0")
FUNCTION = parse_address("0000:3b:02.0")
PF = PciDevice(CARD, "8086", "1572", sriov_totalvfs=8, virtual_functions=(FUNCTION,), serial="S1", serial_source="vpd")
VF = PciDevice(FUNCTION, "8086", "154c", physical_function=CARD)
PLAIN = PciDevice(parse_address("0000:0a:00.0"), "10de", "20b0")


def read(value: object, version: NovaVersion = EPOXY, **more: Any) -> tuple[DeviceSpec, ...]:
    text = value if isinstance(value, str) else json.dumps(value)
    return parse_device_spec(text, version, is_physical_function=lambda address: address == CARD, **more)


def refused(value: object, version: NovaVersion = EPOXY, **more: Any) -> str:
    with pytest.raises(NovaRefusal) as caught:
        read(value, version, **more)
    return caught.value.exception


# ---- shapes


def test_one_object_and_a_list_of_them() -> None:
    assert len(read({})) == 1
    assert read([]) == ()
    assert [spec.vendor_id for spec in read([{"vendor_id": "8086"}, {"vendor_id": "10de"}])] == ["8086", "10de"]


def test_one_that_is_nested_too_deeply() -> None:
    assert refused("[" * 100_000) == "RecursionError"


@pytest.mark.parametrize("text", ["", "{'a': 1}", '{"a": 1},', '{"a": 1} # why', '"a"', "1", "null", "[1]", "[[]]"])
def test_what_is_no_object(text: str) -> None:
    assert refused(text) == "PciConfigInvalidSpec"
    assert refused(text, YOGA) == "PciConfigInvalidWhitelist"


def test_the_last_of_two_equal_keys_counts() -> None:
    assert read('{"vendor_id": "8086", "vendor_id": "10de"}')[0].vendor_id == "10de"


def test_a_refusal_is_one_sentence_with_the_text() -> None:
    with pytest.raises(NovaRefusal) as caught:
        read('{"vendor_id": "zz"}')
    assert str(caught.value) == (
        """'{"vendor_id": "zz"}' has 'zz' as vendor_id, which is no hexadecimal number. """
        "Write the four digits that lspci -nn prints, or * for any"
    )


# ---- ids


@pytest.mark.parametrize(
    ("written", "read_as"),
    [("8086", "8086"), ("0x8086", "8086"), ("10DE", "10de"), ("86", "0086"), ("*", "*"), (" 10de ", "10de"),
     ("1_0", "0010"), ("00010de", "10de"), ("-1", "-001")],
)  # fmt: skip
def test_ids(written: str, read_as: str) -> None:
    spec = read({"vendor_id": written, "product_id": written})[0]
    assert (spec.vendor_id, spec.product_id) == (read_as, read_as)


def test_a_star_with_blanks_is_one_for_the_vendor_only() -> None:
    assert read({"vendor_id": " * "})[0].vendor_id == "*"
    assert refused({"product_id": " * "}) == "PciConfigInvalidSpec"


@pytest.mark.parametrize("key", ["vendor_id", "product_id"])
@pytest.mark.parametrize("written", ["10000", "zzzz", "80*", "", "0x"])
def test_refused_ids(key: str, written: str) -> None:
    assert refused({key: written}) == "PciConfigInvalidSpec"
    assert refused({key: written}, VICTORIA) == "PciConfigInvalidWhitelist"


@pytest.mark.parametrize("written", [8086, None, True, ["8086"], {}])
def test_ids_that_are_no_text_make_nova_crash(written: object) -> None:
    assert refused({"vendor_id": written}) == "AttributeError"
    assert refused({"product_id": written}) == "TypeError"


# ---- what matches


@pytest.mark.parametrize("address", [None, "", "*", "*.*", {}, [], 0, False])
def test_addresses_that_match_everything(address: object) -> None:
    spec = read({"address": address})[0]
    assert all(spec.matches(device) for device in (PF, VF, PLAIN))


@pytest.mark.parametrize("wrong", ["vendor", "Vendor_id", "product"])
def test_a_wrong_key_is_a_tag_and_selects_nothing(wrong: str) -> None:
    spec = read({wrong: "8086"})[0]
    assert spec.matches(PLAIN)
    assert spec.tags == ((wrong, "8086"),)


def test_all_that_is_given_must_hold() -> None:
    spec = read({"vendor_id": "8086", "product_id": "1572", "address": "*:3b:*.*"})[0]
    assert spec.matches(PF)
    assert not spec.matches(VF)
    assert not read({"vendor_id": "8086", "address": ":3c:"})[0].matches(PF)


FOUR = {"domain": "0000", "bus": "3b", "slot": "00", "function": "0"}


@pytest.mark.parametrize(
    ("address", "covers"),
    [("0000:3b:00.0", True), ("00000000:3B:0.0", True), ("3b:00.0", False), ("*:3b:00.0", False), (FOUR, True),
     ({**FOUR, "bus": "3B"}, False), ({**FOUR, "slot": "0"}, False), ({**FOUR, "function": "[0]"}, False),
     ({"bus": "3b"}, False), ("0000:0a:00.0", False), ({**FOUR, "domain": "0x0"}, False)],
)  # fmt: skip
def test_the_exact_address_of_a_pf_covers_its_functions(address: object, covers: bool) -> None:
    spec = read({"address": address})[0]
    assert spec.covers_functions is covers
    assert spec.matches(PciDevice(parse_address("0000:3c:10.1"), physical_function=CARD)) is covers


def test_an_exact_address_with_the_ids_of_the_functions_means_them_alone() -> None:
    spec = read({"address": "0000:3b:00.0", "product_id": "154c"})[0]
    assert spec.matches(VF)
    assert not spec.matches(PF)


def test_no_device_above_the_domains_that_nova_can_name() -> None:
    far = PciDevice(parse_address("10000:01:00.0"), "8086", "0b60")
    assert not read({})[0].matches(far)


@pytest.mark.parametrize(
    ("address", "exception"),
    [(5, "PciDeviceWrongAddressFormat"), ([1], "PciDeviceWrongAddressFormat"), (True, "PciDeviceWrongAddressFormat"),
     ("0:0:0:0", "PciDeviceWrongAddressFormat"), ("0:0:0:0.9", "PciConfigInvalidSpec"),
     ("0000:0a:0*.0", "PciConfigInvalidSpec"), ("0:0:0. ", "PciConfigInvalidSpec"),
     ({"bus": "["}, "PciDeviceWrongAddressFormat"), ({"bus": 82}, "TypeError"), ({"bus": None}, "TypeError"),
     ({"bus": "a{99999999999}"}, "OverflowError")],
)  # fmt: skip
def test_refused_addresses(address: object, exception: str) -> None:
    assert refused({"address": address}) == exception


def test_the_first_that_matches_gives_the_tags() -> None:
    specs = (*read({"vendor_id": "10de", "trusted": "a"}), *read({"trusted": "b"}), *read({"trusted": "c"}))
    assert first_match(specs, PLAIN) is specs[0]
    assert first_match(specs, VF) is specs[1]
    assert first_match(specs[:1], VF) is None


# ---- interfaces


def find(name: str) -> PciAddress | None:
    return {"ens1": CARD, "ens1v0": FUNCTION, "vmd0": parse_address("10000:01:00.0")}.get(name)


def test_a_pf_interface_means_the_card_and_its_functions() -> None:
    spec = read({"devname": "ens1"}, find_interface=find)[0]
    assert spec.devname == "ens1"
    assert [spec.matches(device) for device in (PF, VF, PLAIN)] == [True, True, False]
    spec = read({"devname": "ens1v0"}, find_interface=find)[0]
    assert [spec.matches(device) for device in (PF, VF, PLAIN)] == [False, True, False]


def test_an_interface_that_is_not_there_matches_nothing() -> None:
    spec = read({"devname": "ens9"}, find_interface=find)[0]
    assert spec.address is None
    assert not any(spec.matches(device) for device in (PF, VF, PLAIN))


def test_an_interface_out_of_reach() -> None:
    assert refused({"devname": "vmd0"}, find_interface=find) == "PciConfigInvalidSpec"


def test_address_and_interface_together() -> None:
    assert refused({"devname": "ens1", "address": "*"}) == "PciDeviceInvalidDeviceName"
    assert read({"devname": "", "address": "*"})[0].devname is None
    assert read({"devname": "ens1", "address": ""}, find_interface=find)[0].address is not None


# ---- tags


@pytest.mark.parametrize("tag", ["managed", "live_migratable"])
@pytest.mark.parametrize(
    ("written", "stored"),
    [("yes", "true"), (" ON ", "true"), (True, "true"), (1, "true"), ("f", "false"), (False, "false"), (None, None)],
)
def test_truth_values_are_stored_one_way(tag: str, written: object, stored: str | None) -> None:
    assert dict(read({tag: written})[0].tags) == {tag: stored}
    assert dict(read({tag: written}, DALMATIAN)[0].tags) == {tag: written}


@pytest.mark.parametrize("written", ["maybe", "", 2, 1.0, [], {}])
def test_no_truth_value(written: object) -> None:
    assert refused({"managed": written}) == "PciConfigInvalidSpec"
    assert read({"managed": written}, DALMATIAN)
    assert refused({"one_time_use": written}, FLAMINGO) == "PciConfigInvalidSpec"
    assert read({"one_time_use": written}, EPOXY)


def test_one_time_use_needs_report_in_placement() -> None:
    assert refused({"one_time_use": "yes"}, FLAMINGO) == "PciConfigInvalidSpec"
    assert dict(read({"one_time_use": "yes"}, FLAMINGO, report_in_placement=True)[0].tags) == {"one_time_use": "true"}
    assert dict(read({"one_time_use": "no"}, FLAMINGO)[0].tags) == {"one_time_use": "false"}


def test_other_tags_stay_as_they_are() -> None:
    given = {"physical_network": None, "trusted": "TRUE", "remote_managed": "no", "x": [1], "y": {"a": 1.5}}
    assert dict(read(given)[0].tags) == given


def test_remote_managed_wants_functions_with_a_serial_number() -> None:
    spec = read({"remote_managed": "yes", "product_id": "154c"})[0]
    assert not spec.matches(VF)
    assert spec.matches(VF, PF)  # Nova takes the PF's when the VF has none
    assert not read({"remote_managed": "yes"})[0].matches(PLAIN)
    assert read({"remote_managed": "yes"}, VICTORIA)[0].matches(PLAIN)
    other = PciDevice(PLAIN.address, "10de", "20b0", serial="00-11", serial_source="dsn")
    assert not read({"remote_managed": "yes"})[0].matches(other)


def test_remote_managed_cannot_name_a_pf() -> None:
    spec = {"remote_managed": True, "address": "0000:3b:00.0"}
    assert refused(spec, YOGA) == "PciDeviceNotFoundById"
    assert read(spec, VICTORIA)
    assert refused({"remote_managed": True, "devname": "ens9"}) == "PciDeviceRemoteManagedNotPresent"
