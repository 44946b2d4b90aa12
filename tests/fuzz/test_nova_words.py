# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Nova reads in addresses, device specs, aliases and flavors, and what a user may declare: refused in words, or sound.

That real Nova reads the same is what tests/oracle asks; here nothing may fall over, whatever is written.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import PciAddress, parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.alias import parse_alias, read_aliases
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.compute_name import matching_compute
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import KEYS, parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declared_alias import declared_aliases
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.device_spec import parse_device_spec
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_request import (
    KEYS as FLAVOR_KEYS,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_request import (
    parse_flavors,
    parse_request,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_address import (
    parse_glob,
    parse_regex,
    read_glob,
    read_regex,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import parse_release
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.smoke_plan import chosen_aliases
from ansible_collections.nova_pci.passthrough.tests.fuzz.generated import (
    cases,
    hostile,
    hostile_among,
    json_like,
    only_ours,
)

# Nova compiles patterns of addresses, and Python warns of some; nothing is wrong with reading them.
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

VERSIONS = [parse_release(text) for text in ("22", "25", "26", "29", "31.3.0", "31.3.1", "34")]
versions = st.sampled_from(VERSIONS)

addresses = hostile_among("0000", "00", "3b", "0", "*", ":", ".", "0x", "ffff", "10000", "0000:3b:00.0", " ")
addresses_as_numbers = st.builds(
    PciAddress, st.integers(0, 0xFFFFFFFF), st.integers(0, 0xFF), st.integers(0, 0x1F), st.integers(0, 7)
)
patterns = hostile_among("0", "3b", ".*", "[0-3]", "(", ")", "[", "]", "*", "+", "{2}", "|", "^", "$", "\\d", "(?i)")
regexes = st.dictionaries(
    st.one_of(st.sampled_from(("domain", "bus", "slot", "function")), hostile),
    st.one_of(patterns, json_like(hostile)),
    max_size=4,
)


@cases(1000)
@given(addresses, addresses_as_numbers)
def test_an_address(text: str, known: PciAddress) -> None:
    assert parse_address(str(known)) == known
    found = only_ours(parse_address, text, also=(ValueError,))
    assert found is None or str(found).lower() == text.lower().lstrip("0").rjust(len(str(found)), "0")


@cases(1000)
@given(addresses, regexes, addresses_as_numbers)
def test_a_selector_of_addresses(text: str, fields: dict[str, Any], known: PciAddress) -> None:
    for strict, as_nova, given_ in ((parse_glob, read_glob, text), (parse_regex, read_regex, fields)):
        found = only_ours(strict, given_, also=(ValueError,))
        loose = only_ours(as_nova, given_)
        for selector in (found, loose):
            if selector is not None:
                assert selector.matches(known) in (True, False)
                assert not selector.matches_everything or selector.matches(known)
                assert selector.exact is None or selector.matches(selector.exact)
        assert found is None or found == loose


SPEC_KEYS = ("address", "devname", "vendor_id", "product_id", "physical_network", "trusted", "remote_managed", "managed",
             "live_migratable", "one_time_use", "resource_class", "traits")  # fmt: skip
spec_values = st.one_of(
    addresses, regexes, st.sampled_from(("8086", "154d", "*", "yes", "no", True, "eth0")), json_like(hostile)
)
spec_objects = st.dictionaries(st.one_of(st.sampled_from(SPEC_KEYS), hostile), spec_values, max_size=5)
json_texts = hostile_among(
    "{", "}", "[", "]", '"', ":", ",", "address", "vendor_id", '"8086"', "null", "1e999", "-0", "NaN", "\\u0000"
)


@cases(1500)
@given(
    st.one_of(spec_objects.map(json.dumps), st.lists(spec_objects, max_size=2).map(json.dumps), json_texts),
    versions,
    st.booleans(),
)
def test_a_device_spec(text: str, version: Any, placement: bool) -> None:
    specs = only_ours(parse_device_spec, text, version, placement, lambda _address: True, lambda _name: None)
    for spec in specs or ():
        for number in (spec.vendor_id, spec.product_id):
            # Nova prints what it has read with %04x, whatever came, and a number below zero matches no device then.
            assert number == "*" or re.fullmatch("[0-9a-f]{4}|-[0-9a-f]{3,}", number)


ALIAS_KEYS = ("name", "vendor_id", "product_id", "device_type", "numa_policy", "resource_class", "traits", "live_migratable",
              "capability_type")  # fmt: skip
alias_values = st.one_of(
    st.sampled_from(("a1", "8086", "154d", "type-PF", "type-PCI", "legacy", "socket", "yes", "pci")), json_like(hostile)
)
alias_objects = st.dictionaries(st.one_of(st.sampled_from(ALIAS_KEYS), hostile), alias_values, max_size=6)


@cases(1500)
@given(st.lists(st.one_of(alias_objects.map(json.dumps), json_texts), max_size=3), versions, st.booleans())
def test_aliases(texts: list[str], version: Any, placement: bool) -> None:
    only_ours(read_aliases, texts, version, placement)
    for text in texts:
        spec = only_ours(parse_alias, text, version)
        # A name of blanks alone is one to Nova's schema, and empty once Nova has taken the blanks off.
        assert spec is None or not spec.name or parse_alias(spec.to_json(), version) == spec


@cases(1000)
@given(
    hostile_among("a1", "b1", ":", ",", "2", " ", "-1", "1_0"),
    hostile_among("29", "2024.1", "caracal", ":", ".", "-1", "4"),
    hostile,
)
def test_a_flavor_s_request_a_release_and_a_compute_s_name(request_: str, release: str, name: str) -> None:
    for one in only_ours(parse_request, request_, ("a1", "b1")) or ():
        assert one.alias in ("a1", "b1")
    version = only_ours(parse_release, release)
    assert version is None or parse_release(str(version)) == version
    assert matching_compute([name, "compute1"], [name]) in (name, None)


GOOD: dict[str, tuple[Any, ...]] = {
    "alias": ("a1", "gpu.x"), "vendor_id": ("8086", "10DE"), "product_id": ("10d3", "154d"), "class": ("02", "0200"),
    "address": ("0000:02:00.0", ":02:00.*", {"bus": "0[2-3]"}), "numa_node": (0, 1), "mac": ("52:54:00:4c:00:02",),
    "serial": ("ab-cd",), "slot": ("3",), "device_type": ("type-PCI", "type-PF", "type-VF"), "numa_policy": ("legacy", "socket"),
    "driver": ("vfio-pci", "native", "ixgbe"), "num_vfs": (0, 4), "vf_product_id": ("10ca",), "physical_network": ("net1", None),
    "trusted": (True, "no"), "remote_managed": (False,), "managed": ("yes",), "live_migratable": ("true",), "one_time_use": (True,),
    "resource_class": ("CUSTOM_GPU",), "traits": ("CUSTOM_A,CUSTOM_B", ["CUSTOM_A"]),
}  # fmt: skip
anything = json_like(hostile)


def entries_of(keys: dict[str, tuple[Any, ...]]) -> st.SearchStrategy[Any]:
    """Mappings of which most pairs are good ones, and some have another thing for value or key."""
    good = st.sampled_from([(key, value) for key, values in keys.items() for value in values])
    odd_value = st.tuples(st.sampled_from(sorted(keys)), anything)
    odd_key = st.tuples(st.one_of(hostile, st.sampled_from((0, None, True))), anything)
    return st.lists(st.one_of(good, good, good, odd_value, odd_key), max_size=6).map(dict)


@cases(2000)
@given(
    st.one_of(st.lists(st.one_of(entries_of(GOOD), entries_of(GOOD), anything), max_size=3), anything),
    versions,
    st.booleans(),
)
def test_a_declaration(raw: Any, version: Any, placement: bool) -> None:
    assert set(GOOD) == set(KEYS)
    entries = only_ours(parse_declaration, raw)
    for entry in entries or ():
        assert json.loads(json.dumps(entry.to_dict())) == entry.to_dict()
        for text in (entry.alias, entry.driver, *dict(entry.tags).values()):
            assert text is None or not re.search(r"[\x00-\x1f\x7f]", text)
    only_ours(chosen_aliases, entries or (), ["a1", "gpu.x:2"])
    for spec in only_ours(declared_aliases, entries or (), version, placement) or ():
        assert only_ours(parse_alias, spec.to_json(), version) in (spec, None)


FLAVOR: dict[str, tuple[Any, ...]] = {
    "name": ("m1.gpu",), "devices": ({"a1": 1}, {"a1": 2, "b1": 1}), "vcpus": (1, 4), "ram": (512,), "disk": (0, 10), "ephemeral": (0,),
    "swap": (0,), "is_public": (True, False), "extra_specs": ({"hw:cpu_policy": "dedicated"}, {}), "description": ("a", None),
}  # fmt: skip


@cases(1500)
@given(st.one_of(st.lists(st.one_of(entries_of(FLAVOR), anything), max_size=3), anything))
def test_flavors(raw: Any) -> None:
    assert set(FLAVOR) == set(FLAVOR_KEYS)
    for entry in only_ours(parse_flavors, raw, ("a1", "b1")) or ():
        requested = parse_request(entry.properties["pci_passthrough:alias"], ("a1", "b1"))
        assert {one.alias: one.count for one in requested} == dict(entry.devices)
        assert entry.name.isprintable()
