# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One text for each alias on every service of a fleet."""

from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.fleet_alias import compare_aliases

NIC = '{"name": "nic", "vendor_id": "8086", "product_id": "10d3"}'
OTHER = '{"name": "nic", "vendor_id": "8086", "product_id": "10d4"}'
GPU = '{"name": "gpu", "vendor_id": "10de", "product_id": "20b5"}'


def rows(*texts, service="nova-compute"):
    return [
        {"service": service, "option": "[pci]alias", "now": list(texts)},
        {"service": service, "option": "[pci]device_spec", "now": ["{}"]},
    ]


def states(found):
    return {host: [row.state for row in findings] for host, findings in found.items()}


def test_the_same_text_everywhere_is_ok():
    found = compare_aliases({"c1": rows(NIC), "c2": rows(NIC), "api": rows(NIC, service="nova-api")})
    assert states(found) == {"c1": ["ok"], "c2": ["ok"], "api": ["ok"]}


def test_the_one_that_differs_is_told_from_whom():
    found = compare_aliases({"c1": rows(NIC), "c2": rows(OTHER), "api": rows(NIC, service="nova-api")})
    assert states(found) == {"c2": ["failed"], "c1": ["ok"], "api": ["ok"]}
    (row,) = found["c2"]
    assert row.check == "alias nic of nova-compute"
    assert row.found == OTHER
    assert row.expected == f"{NIC}, as nova-api on api, nova-compute on c1 has it"


def test_where_as_many_have_either_nova_api_is_right():
    found = compare_aliases({"c1": rows(OTHER), "z": rows(NIC, service="nova-api")})
    assert states(found) == {"c1": ["failed"], "z": ["ok"]}


def test_a_difference_between_two_services_of_one_host():
    found = compare_aliases({"aio": [*rows(NIC), *rows(OTHER, service="nova-api")]})
    assert [row.check for row in found["aio"]] == ["alias nic of nova-compute"]


def test_the_order_and_number_of_equal_names_count():
    found = compare_aliases({"c1": rows(NIC, OTHER), "c2": rows(OTHER, NIC), "c3": rows(NIC, OTHER)})
    assert states(found) == {"c1": ["ok"], "c2": ["failed"], "c3": ["ok"]}


def test_hosts_may_declare_different_aliases_but_every_nova_api_knows_them_all():
    api = {"api": rows(NIC, GPU, service="nova-api")}
    assert states(compare_aliases({"c1": rows(NIC), "c2": rows(GPU), **api})) == {
        "c1": ["ok"],
        "c2": ["ok"],
        "api": ["ok"],
    }
    found = compare_aliases({"c1": rows(NIC), "c2": rows(GPU), "api": rows(NIC, service="nova-api")})
    assert states(found)["api"] == ["failed"]
    assert found["api"][0].found == "no alias of this name"


def test_one_service_alone_has_nothing_to_be_compared_with():
    assert compare_aliases({"c1": rows(NIC)}) == {}
    assert compare_aliases({}) == {}


def test_a_text_that_nova_cannot_read_stands_for_itself():
    for text in ("{", "[]", '{"name": 7}', "(" * 3000, "[" * 100000):
        assert states(compare_aliases({"c1": rows(text), "c2": rows(text)})) == {"c1": ["ok"], "c2": ["ok"]}
