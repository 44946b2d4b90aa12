# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import (
    DeviceEntry,
    parse_declaration,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import PassthroughError, SeveralProblems

WHOLE = {
    "alias": "a1",
    "vendor_id": "8086",
    "product_id": "154D",
    "class": "0200",
    "address": "0000:3b:00.0",
    "numa_node": 1,
    "mac": "52-54-00-AB-CD-EF",
    "serial": " A1B2 ",
    "slot": "3",
    "device_type": "type-PF",
    "numa_policy": "preferred",
    "driver": "native",
    "physical_network": "physnet2",
    "trusted": True,
    "managed": "No",
    "resource_class": "CUSTOM_GPU",
    "traits": ["HW_A", "CUSTOM_B"],
}


def one(**keys: object) -> DeviceEntry:
    (entry,) = parse_declaration([keys])
    return entry


def problems(raw: object) -> list[str]:
    with pytest.raises(SeveralProblems) as caught:
        parse_declaration(raw)
    assert str(caught.value) == "\n".join(str(problem) for problem in caught.value.problems)
    return [str(problem) for problem in caught.value.problems]


def test_every_key_is_read() -> None:
    assert one(**WHOLE).to_dict() == {
        "entry": "pci_passthrough_devices[0]",
        "alias": "a1",
        "vendor_id": "8086",
        "product_id": "154d",
        "class": "0200",
        "address": "0000:3b:00.0",
        "numa_node": 1,
        "mac": "52:54:00:ab:cd:ef",
        "serial": "A1B2",
        "slot": "3",
        "device_type": "type-PF",
        "numa_policy": "preferred",
        "driver": "native",
        "num_vfs": 0,
        "vf_product_id": None,
        "tags": {
            "physical_network": "physnet2",
            "resource_class": "CUSTOM_GPU",
            "traits": "HW_A,CUSTOM_B",
            "trusted": "true",
            "managed": "false",
        },
    }


def test_what_is_not_said() -> None:
    entry = one(vendor_id="8086")
    assert (entry.driver, entry.driver_given, entry.num_vfs, entry.tags) == ("vfio-pci", False, 0, ())
    assert one(vendor_id="8086", driver="vfio-pci").driver_given
    assert parse_declaration([]) == ()


def test_entries_know_their_place() -> None:
    assert [entry.place for entry in parse_declaration([{"slot": "1"}, {"slot": "2"}])] == [
        "pci_passthrough_devices[0]",
        "pci_passthrough_devices[1]",
    ]


def test_which_entries_mean_one_device() -> None:
    assert one(address="0000:3b:00.0").names_one
    assert one(mac="52:54:00:ab:cd:ef").names_one
    assert one(serial="x").names_one
    assert not one(address="3b:00.0").names_one
    assert not one(vendor_id="8086", product_id="154d").names_one


def test_physical_network_may_be_null_but_nothing_else() -> None:
    assert one(vendor_id="15b3", physical_network=None).tags == (("physical_network", None),)
    assert problems([{"vendor_id": None, "product_id": "1019"}]) == [
        "pci_passthrough_devices[0].vendor_id: None is empty. Give a value or leave the key out"
    ]


QUOTE = "Put it in quotes: YAML reads bare digits as a number (also 0x8086, 0300, 12:34:56 and 0000:00:02.0)"
CHOICES = "Write one of type-PCI, type-PF, type-VF"
BAD = [
    ("vendor_id", "0x8086", """'0x8086' begins with 0x. Write vendor_id: "8086\""""),
    ("vendor_id", "0X8", """'0X8' begins with 0x. Write vendor_id: "0008\""""),
    ("vendor_id", "0xzz", "'0xzz' begins with 0x. Write 4 hexadecimal digits"),
    ("vendor_id", 8086, f"8086 is a number, not text. {QUOTE}"),
    ("vendor_id", 0x8086, f"32902 is a number, not text. {QUOTE}"),
    ("vendor_id", 10e2, f"1000.0 is a number, not text. {QUOTE}"),
    ("vendor_id", True, "True is a truth value, not text. Write it as text in quotes"),
    ("vendor_id", ["8086"], "['8086'] is a list, not text. Write it as text in quotes"),
    ("vendor_id", {"a": 1}, "{'a': 1} is a mapping, not text. Write it as text in quotes"),
    ("vendor_id", "80865", "'80865' has 5 digits, not 4. Write the 4 digits that lspci -nn prints"),
    ("vendor_id", "86", """'86' has 2 digits, not 4. Write vendor_id: "0086" if that is meant"""),
    ("vendor_id", "", "'' has 0 digits, not 4. Write the 4 digits that lspci -nn prints"),
    (
        "product_id",
        "80*",
        """'80*' is not hexadecimal. Write 4 hexadecimal digits in quotes, as in product_id: "8086\"""",
    ),
    ("product_id", "10de\n", "'10de\\n' holds a control character. Remove line breaks, tabs and NUL"),
    ("class", 300, f"300 is a number, not text. {QUOTE}"),
    ("class", "030", "'030' has 3 digits, not 2 or 4 or 6. Write the 2 or 4 or 6 digits that lspci -nn prints"),
    ("address", 120.0, f"120.0 is a number, not text. {QUOTE}"),
    ("mac", 9334926082, f"9334926082 is a number, not text. {QUOTE}"),
    ("mac", "52:54:00:12:34", """'52:54:00:12:34' is no MAC address. Write it like "52:54:00:12:34:56\""""),
    ("mac", "52:54-00:12:34:56", """'52:54-00:12:34:56' is no MAC address. Write it like "52:54:00:12:34:56\""""),
    ("numa_node", "²", "'²' is text, not a whole number. Write a whole number, as in numa_node: 4"),
    ("num_vfs", "٣", "'٣' is text, not a whole number. Write num_vfs: 3 without quotes"),
    ("numa_node", "1", "'1' is text, not a whole number. Write numa_node: 1 without quotes"),
    ("numa_node", -1, "-1 is negative. Write 0 or more, or leave the key out"),
    ("numa_node", True, "True is a truth value, not a whole number. Write a whole number, as in numa_node: 4"),
    ("num_vfs", -4, "-4 is negative. Write 0 or more, or leave the key out"),
    ("num_vfs", True, "True is a truth value, not a whole number. Write a whole number, as in num_vfs: 4"),
    ("num_vfs", 2.0, "2.0 is a number, not a whole number. Write a whole number, as in num_vfs: 4"),
    ("num_vfs", 65536, "65536 is above 65535, the highest there can be. Write a smaller number"),
    ("num_vfs", 10**30, f"{10**30} is above 65535, the highest there can be. Write a smaller number"),
    ("serial", "  ", "'  ' is empty. Give a value or leave the key out"),
    ("slot", 3, f"3 is a number, not text. {QUOTE}"),
    ("device_type", "type-pf", f"'type-pf' is not known. {CHOICES}; did you mean type-PF?"),
    ("device_type", "gpu", f"'gpu' is not known. {CHOICES}"),
    (
        "numa_policy",
        "prefered",
        "'prefered' is not known. Write one of required, legacy, preferred, socket; did you mean preferred?",
    ),
    ("driver", "vfio_pci", "'vfio_pci' is not how the kernel spells it. Write driver: vfio-pci"),
    ("driver", "vfio", "'vfio' is not how the kernel spells it. Write driver: vfio-pci"),
    ("driver", "../x", "'../x' is no driver name. Write vfio-pci, native, or a name as under /sys/bus/pci/drivers"),
    ("driver", "a\x00b", "'a\\x00b' holds a control character. Remove line breaks, tabs and NUL"),
    ("trusted", "maybe", "'maybe' is neither true nor false. Write true or false"),
    ("trusted", 2, "2 is neither true nor false. Write true or false"),
    ("traits", ["HW A"], "['HW A'] holds 'HW A', which is no trait name. Use letters, digits and underscores"),
    ("traits", [], "[] is empty. Give a trait or leave the key out"),
    ("resource_class", "a\nb", "'a\\nb' holds a control character. Remove line breaks, tabs and NUL"),
]


@pytest.mark.parametrize(("key", "value", "message"), BAD)
def test_bad_values(key: str, value: object, message: str) -> None:
    # "slot" or "serial" keeps the entry from selecting nothing
    other = "serial" if key == "slot" else "slot"
    assert problems([{other: "1", key: value}]) == [f"pci_passthrough_devices[0].{key}: {message}"]


ADDRESS_FIX = 'Write it like "0000:3b:00.0", ":3b:00.*" or {bus: "3b", function: "[0-3]"}'


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("0000:0a:0*.0", "has '0*' as slot, which is neither * nor a hexadecimal number"),
        ("10000:0a:00.0", "has '10000' as domain, which is above the highest that Nova takes (FFFF)"),
        ({"bus": 8}, "has 8 as bus, which is no text; Nova stops at it"),
    ],
)
def test_bad_addresses(value: object, problem: str) -> None:
    assert problems([{"address": value}]) == [f"pci_passthrough_devices[0].address: {value!r} {problem}. {ADDRESS_FIX}"]


@pytest.mark.parametrize("alias", ["a1:2", "a,b", " a", "a ", "$x", 'a"b', "a\\b", "", "x" * 256, "grün"])
def test_names_that_cannot_be_an_alias(alias: str) -> None:
    (message,) = problems([{"alias": alias, "slot": "1"}])
    assert message.startswith(f"pci_passthrough_devices[0].alias: {alias!r} cannot be an alias: Nova splits flavors at")


@pytest.mark.parametrize("alias", ["a1", "A100", "nvidia-h100", "Quick Assist", "gpu_1.2", "x" * 255])
def test_names_that_can(alias: str) -> None:
    assert one(alias=alias, slot="1").alias == alias


UNKNOWN = [
    ("vendor", "Did you mean vendor_id?"),
    ("Product-ID", "Did you mean product_id?"),
    ("numvfs", "Did you mean num_vfs?"),
    ("devicetype", "Did you mean device_type?"),
]


@pytest.mark.parametrize(("key", "fix"), UNKNOWN)
def test_unknown_keys(key: str, fix: str) -> None:
    assert problems([{"slot": "1", key: "x"}]) == [f"pci_passthrough_devices[0]: {key!r} is no key of a device. {fix}"]


def test_an_unknown_key_that_is_near_nothing() -> None:
    (message,) = problems([{"slot": "1", 7: "x"}])
    assert message.startswith("pci_passthrough_devices[0]: 7 is no key of a device. The keys are alias, vendor_id,")


@pytest.mark.parametrize("raw", [None, "a1", {"alias": "a1"}, 4])
def test_what_is_no_list(raw: object) -> None:
    fix = "Write a list of devices, each beginning with a dash, or [] for none"
    assert problems(raw) == [f"pci_passthrough_devices: {raw!r} is no list. {fix}"]


def test_what_is_no_mapping() -> None:
    (message,) = problems(["a1"])
    assert message.startswith(
        "pci_passthrough_devices[0]: 'a1' is no mapping. Write keys and values, as in {alias: a1,"
    )


@pytest.mark.parametrize("entry", [{}, {"alias": "a1"}, {"num_vfs": 4}])
def test_an_entry_must_select(entry: dict[str, object]) -> None:
    selectors = "vendor_id, product_id, class, address, numa_node, mac, serial, slot"
    fix = f"Add at least one of {selectors}"
    assert problems([entry]) == [f"pci_passthrough_devices[0]: {entry!r} selects nothing in particular. {fix}"]


@pytest.mark.parametrize("address", ["*", "*:*:*.*", {}, {"bus": ".*"}])
def test_an_address_alone_must_not_mean_everything(address: object) -> None:
    fix = "Name a bus or slot, or add vendor_id and product_id"
    assert problems([{"address": address}]) == [
        f"pci_passthrough_devices[0].address: {address!r} matches every device of the host. {fix}"
    ]
    assert one(address=address, vendor_id="8086").vendor_id == "8086"


def test_a_card_is_not_handed_out_beside_its_functions() -> None:
    assert problems([{"slot": "1", "device_type": "type-PF", "num_vfs": 4}]) == [
        (
            "pci_passthrough_devices[0].device_type: 'type-PF' cannot go with num_vfs: 4: the card itself cannot be handed "
            "out while it carries virtual functions. Leave device_type out or write type-VF (the functions are what is "
            "handed out), or remove num_vfs"
        )
    ]
    assert one(slot="1", device_type="type-VF", num_vfs=4).num_vfs == 4
    assert one(slot="1", device_type="type-PF", num_vfs=0).num_vfs == 0


def test_everything_wrong_is_said_at_once() -> None:
    raw = [{"vendor_id": "0x8086", "numa_node": "x", "foo": 1}, {"slot": "1"}, 3, {"mac": "x"}]
    places = [message.split(":")[0] for message in problems(raw)]
    assert places == [
        "pci_passthrough_devices[0]",
        "pci_passthrough_devices[0].vendor_id",
        "pci_passthrough_devices[0].numa_node",
        "pci_passthrough_devices[2]",
        "pci_passthrough_devices[3].mac",
    ]


def test_one_alias_in_two_entries() -> None:
    same = {"alias": "a1", "device_type": "type-VF", "numa_policy": "legacy"}
    raw = [{**same, "product_id": "10ca"}, {**same, "product_id": "154c"}]
    assert [entry.alias for entry in parse_declaration(raw)] == ["a1", "a1"]
    raw[1].update(device_type="type-PF", numa_policy="required")
    assert problems(raw) == [
        (
            "pci_passthrough_devices[1].alias: 'a1' has device_type type-PF here and type-VF in pci_passthrough_devices[0]; "
            "Nova refuses such an alias. Give both entries the same device_type, or use two alias names"
        ),
        (
            "pci_passthrough_devices[1].alias: 'a1' has numa_policy required here and legacy in pci_passthrough_devices[0]; "
            "Nova refuses such an alias. Give both entries the same numa_policy, or use two alias names"
        ),
    ]


def test_num_vfs_stands_for_type_vf_in_an_alias() -> None:
    raw = [{"alias": "a1", "slot": "1", "num_vfs": 2}, {"alias": "a1", "slot": "2", "device_type": "type-VF"}]
    assert len(parse_declaration(raw)) == 2


# ---- what Nova gets


@pytest.mark.parametrize(
    ("entry", "product_id", "device_type"),
    [
        ({"product_id": "10c9", "device_type": "type-PF"}, "10c9", "type-PF"),
        ({"product_id": "10c9", "num_vfs": 2, "vf_product_id": "10CA"}, "10ca", "type-VF"),
        ({"product_id": "10c9", "num_vfs": 2}, None, "type-VF"),
        ({"vendor_id": "8086"}, None, None),
    ],
)
def test_what_servers_ask_for(entry, product_id, device_type):
    (parsed,) = parse_declaration([entry])
    assert (parsed.alias_product_id, parsed.alias_type) == (product_id, device_type)


def test_the_functions_id_without_functions_is_refused():
    with pytest.raises(PassthroughError) as caught:
        parse_declaration([{"vendor_id": "8086", "vf_product_id": "10ca"}])
    assert "pci_passthrough_devices[0].vf_product_id: '10ca' names virtual functions" in str(caught.value)


@pytest.mark.parametrize(
    ("entry", "is_for_nova"),
    [({"alias": "a"}, True), ({"physical_network": None}, True), ({"trusted": False}, True), ({}, False)],
)
def test_an_entry_is_for_nova_by_its_alias_or_a_tag(entry, is_for_nova):
    (parsed,) = parse_declaration([{"vendor_id": "8086", **entry}])
    assert parsed.is_for_nova is is_for_nova
