# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import PciAddress, parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import NovaRefusal
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_address import (
    parse_glob,
    parse_regex,
    read_glob,
    read_regex,
)

# What Nova's own PciAddressGlobSpec does with these texts, releases 22 to 34.
GLOBS = [
    ("0000:0a:00.0", "0000:0a:00.0", True),
    ("0000:0a:00.0", "0000:0a:00.1", False),
    ("0a:00.0", "0001:0a:00.0", True),
    ("0000:0a:00", "0000:0a:00.7", True),
    ("0000:0a:00.", "0000:0a:00.7", True),
    (":0a:00.", "0003:0a:00.2", True),
    ("*:0a:00.*", "0000:0a:00.3", True),
    ("*:0a:00.*", "0000:0b:00.3", False),
    (":0a:.", "0000:0a:1f.7", True),
    ("0a:*", "0000:0a:1f.7", True),
    ("*:0a:*.*", "0000:0b:00.0", False),
    ("0a", "0000:55:0a.0", True),
    ("0a", "0000:0a:00.0", False),
    ("0a::.", "000a:01:02.3", True),
    ("0a::.", "0000:01:02.3", False),
    (".1", "0000:01:02.1", True),
    (".1", "0000:01:02.0", False),
    ("00000000:0a:00.0", "0000:0a:00.0", True),
    ("0000:0A:00.0", "0000:0a:00.0", True),
    ("*", "0000:0a:00.0", True),
    ("*.*", "0000:0a:00.0", True),
]


@pytest.mark.parametrize(("text", "address", "holds"), GLOBS)
def test_globs_hold_where_novas_do(text: str, address: str, holds: bool) -> None:
    assert parse_glob(text).matches(parse_address(address)) is holds


REFUSED_GLOBS = [
    ("0000:0a:0*.0", "has '0*' as slot, which is neither * nor a hexadecimal number"),
    ("0000:0a:00.[0-1]", "has '[0-1]' as function, which is neither * nor a hexadecimal number"),
    ("pci_0000_0a_00_0", "has 'pci_0000_0a_00_0' as slot, which is neither * nor a hexadecimal number"),
    ("0000-0a-00.0", "has '0000-0a-00' as slot, which is neither * nor a hexadecimal number"),
    ("0000:0a:00:0", "has more than three fields before the dot"),
    ("0000:0a:00.8", "has '8' as function, which is above the highest that Nova takes (7)"),
    ("0000:0a:20.0", "has '20' as slot, which is above the highest that Nova takes (1F)"),
    ("0000:100:00.0", "has '100' as bus, which is above the highest that Nova takes (FF)"),
    ("10000:0a:00.0", "has '10000' as domain, which is above the highest that Nova takes (FFFF)"),
    ("0000:-1:00.0", "has '-1' as bus, which is neither * nor a hexadecimal number"),
    ("0000:1_0:00.0", "has '1_0' as bus, which is neither * nor a hexadecimal number"),
]


@pytest.mark.parametrize(("text", "problem"), REFUSED_GLOBS)
def test_refused_globs(text: str, problem: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        parse_glob(text)
    assert str(caught.value) == problem


REGEXES = [
    ({"bus": "8"}, "0000:8f:00.0", True),
    ({"bus": "8"}, "0000:08:00.0", False),
    ({"bus": "82$"}, "0000:82:00.0", True),
    ({"bus": "0A"}, "0000:0a:00.0", False),
    ({}, "0000:0a:00.0", True),
    ({"bus": ""}, "0000:0a:00.0", True),
    ({"bus": "0a", "function": "[2-3]"}, "0000:0a:00.2", True),
    ({"bus": "0a", "function": "[2-3]"}, "0000:0a:00.1", False),
    ({"domain": "0001"}, "0000:0a:00.1", False),
    ({"slot": "1[0-9]"}, "0000:0a:12.1", True),
]


@pytest.mark.parametrize(("fields", "address", "holds"), REGEXES)
def test_regexes_hold_where_novas_do(fields: dict[str, object], address: str, holds: bool) -> None:
    assert parse_regex(fields).matches(parse_address(address)) is holds


REFUSED_REGEXES = [
    ({"bus": 82}, "has 82 as bus, which is no text; Nova stops at it"),
    ({"bus": None}, "has None as bus, which is no text; Nova stops at it"),
    ({"bus": "8\x00"}, "has a control character in bus"),
]


@pytest.mark.parametrize(("fields", "problem"), REFUSED_REGEXES)
def test_refused_regexes(fields: dict[str, object], problem: str) -> None:
    with pytest.raises(ValueError) as caught:  # noqa: PT011
        parse_regex(fields)
    assert str(caught.value) == problem


@pytest.mark.parametrize("pattern", ["[", "*", "(?P<a>"])
def test_what_is_no_regular_expression(pattern: str) -> None:
    with pytest.raises(ValueError, match="which is no regular expression"):
        parse_regex({"bus": pattern})


def test_a_wrong_key_is_refused_where_nova_would_match_everything() -> None:
    with pytest.raises(ValueError, match="has the unknown key 'func', which Nova ignores"):
        parse_regex({"func": "0"})


def test_what_counts_as_one_address() -> None:
    assert parse_glob("0000:0a:00.0").exact == PciAddress(0, 10, 0, 0)
    assert parse_glob("0a:00.0").exact is None
    assert parse_glob("*:0a:00.0").exact is None
    four = {"domain": "0000", "bus": "0a", "slot": "00", "function": "1"}
    assert parse_regex(four).exact == PciAddress(0, 10, 0, 1)
    assert parse_regex({**four, "function": "[1]"}).exact is None
    assert parse_regex({**four, "bus": "0A"}).exact is None
    assert parse_regex({**four, "domain": "0"}).exact is None
    assert parse_regex({**four, "domain": "0x00"}).exact is None
    assert parse_regex({"bus": "0a"}).exact is None


@pytest.mark.parametrize("text", ["*", "*.*", "", "::."])
def test_globs_that_match_everything(text: str) -> None:
    assert parse_glob(text).matches_everything


def test_regexes_that_match_everything() -> None:
    assert parse_regex({}).matches_everything
    assert parse_regex({"bus": ".*", "slot": ""}).matches_everything
    assert not parse_regex({"bus": "0"}).matches_everything


def test_where_the_functions_of_a_card_may_lie() -> None:
    card = parse_address("0000:3b:00.0")
    assert parse_glob("0000:3b:00.0").may_hold_function_of(card)
    assert parse_glob("0000:3b:02.3").may_hold_function_of(card)
    assert parse_glob(":3c:").may_hold_function_of(card)
    assert not parse_glob("0000:5e:02.3").may_hold_function_of(card)
    assert not parse_glob("0001:3b:02.3").may_hold_function_of(card)
    assert parse_regex({"bus": "3"}).may_hold_function_of(card)
    assert not parse_regex({"domain": "1"}).may_hold_function_of(card)


def test_to_data_gives_back_what_was_written() -> None:
    assert parse_glob(" :0A:00.* ").to_data() == " :0A:00.* "
    assert parse_regex({"function": "1", "bus": "0a"}).to_data() == {"bus": "0a", "function": "1"}


def test_nova_itself_is_more_generous_with_numbers() -> None:
    assert read_glob("0000:1_0:0x0.+1").exact == PciAddress(0, 16, 0, 1)
    assert not read_glob("0000:-1:00.0").matches(parse_address("0000:01:00.0"))


@pytest.mark.parametrize(
    ("text", "exception"),
    [
        ("0:0:0:0", "PciDeviceWrongAddressFormat"),
        ("0:0:0:0.z", "PciConfigInvalidSpec"),
        ("0:0:0. ", "PciConfigInvalidSpec"),
        ("x:0:0.0", "PciConfigInvalidSpec"),
        ("0:100:0.0", "PciConfigInvalidSpec"),
    ],
)
def test_what_nova_raises_for_a_glob(text: str, exception: str) -> None:
    with pytest.raises(NovaRefusal) as caught:
        read_glob(text)
    assert caught.value.exception == exception


@pytest.mark.parametrize(
    ("fields", "exception"),
    [
        ({"bus": "["}, "PciDeviceWrongAddressFormat"),
        ({"bus": 82}, "TypeError"),
        ({"slot": "[", "domain": None}, "TypeError"),
        ({"domain": "[", "slot": None}, "PciDeviceWrongAddressFormat"),
        ({"bus": "a{99999999999}"}, "OverflowError"),
    ],
)
def test_what_nova_raises_for_a_regex(fields: dict[str, object], exception: str) -> None:
    with pytest.raises(NovaRefusal) as caught:
        read_regex(fields)
    assert caught.value.exception == exception


def test_nova_passes_over_keys_it_does_not_know() -> None:
    assert read_regex({"func": "0"}).matches_everything
