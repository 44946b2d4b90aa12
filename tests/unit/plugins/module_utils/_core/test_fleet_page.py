# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes into the page of a fleet, and how its parts become one file."""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import replace

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.fleet_page import (
    PageParts,
    fleet_page,
    page_payload,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.survey import survey
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import card, device, host

NIC = device("0000:02:00.0", iommu_group=2)
FRAME = "<title>@TITLE@</title>@POLICY@|@STYLE@|@SCRIPT@|<script>@DATA@</script>"
HOSTILE = "</script><!--<b>&\u202e\n@SCRIPT@"


def of(*devices):
    return survey(host(*devices))


def payload(fleet, findings=None, declaration=(), title="PCI", made_at=""):
    return page_payload(fleet, findings or {}, declaration, title, made_at)


def read_back(made, number):
    """The devices of the host at *number*, each column under its name, as page.js reads them."""
    columns = made["columns"]
    _name, _machine, devices, _kind, _findings = made["hosts"][number]
    numbers = made["devices"][devices]
    for shape, place, own in zip(numbers[::3], numbers[1::3], numbers[2::3]):
        yield {
            **dict(zip(columns["shape"], made["shapes"][shape])),
            **dict(zip(columns["place"], made["places"][place])),
            **dict(zip(columns["own"], made["owns"][own])),
        }


def test_nothing_of_a_device_is_lost():
    surveyed = of(NIC, *card(2))
    rows = list(read_back(payload({"a": surveyed}), 0))
    for row in rows:
        assert row.pop("wanted") is True
        row["network_interfaces"] = [{"name": name, "mac": mac} for name, mac in row["network_interfaces"]]
    assert rows == surveyed["devices"]


def test_what_is_alike_is_stored_once():
    fleet = {f"h{number}": of(NIC, *card(2)) for number in range(50)}
    made = payload(fleet)
    assert [len(made[name]) for name in ("machines", "devices", "shapes", "places", "owns")] == [1, 1, 3, 4, 1]
    assert made["hosts"][0] == ["h0", 0, 0, 0, []]


def test_a_serial_number_does_not_make_another_card():
    made = payload({"a": of(replace(NIC, serial="1")), "b": of(replace(NIC, serial="2"))})
    assert [len(made[name]) for name in ("devices", "shapes", "places", "owns")] == [2, 1, 1, 2]
    assert [row["serial"] for number in (0, 1) for row in read_back(made, number)] == ["1", "2"]
    assert [host[3] for host in made["hosts"]] == [0, 0]


def test_a_host_that_is_not_surveyed_says_why():
    finding = {"layer": "nova", "check": "filters", "state": "ok", "expected": "x", "found": "x", "fix": None}
    made = payload({"a": of(NIC), "silent": {}}, {"controller": [finding], "a": [finding]})
    assert made["hosts"] == [["a", 0, 0, 0, [0]], ["controller", -2, -2, -1, [0]], ["silent", -1, -1, -1, []]]
    assert made["findings"] == [["nova", "filters", "ok", "x", "x", None, None]]
    assert made["verified"] is True
    assert payload({"a": of(NIC)})["verified"] is False
    assert made["warnings"] == ["No answer from silent."]


def test_the_machine_comes_along():
    (machine,) = payload({"a": of(NIC)})["machines"]
    assert machine["kernel_release"] == "6.1.0"
    assert machine["iommu"]["enabled"] is True
    assert machine["groups"] == [[2, "free"]]


def test_hostile_words_end_no_element_and_turn_no_line_around():
    surveyed = of(replace(NIC, product_name=HOSTILE))
    made = payload({HOSTILE: surveyed}, title=HOSTILE, made_at=HOSTILE, declaration=[HOSTILE])
    text = fleet_page(PageParts(FRAME, "style", "script"), made)
    head, _mark, rest = text.partition("|<script>")
    assert head.count("<") == 2  # the title's own
    assert "\u202e" not in text
    assert rest.count("<") == 1
    assert "@SCRIPT@" in rest
    read = json.loads(rest.partition("</script>")[0])
    assert read["hosts"][0][0] == "</script><!--<b>&  @SCRIPT@"
    assert read == made


def test_the_page_allows_its_own_style_and_script_alone():
    text = fleet_page(PageParts(FRAME, "b{}", "f()"), payload({}))
    hashes = [base64.b64encode(hashlib.sha256(part).digest()).decode() for part in (b"b{}", b"f()")]
    assert text.startswith(
        f"<title>PCI</title>default-src 'none'; style-src 'sha256-{hashes[0]}'; script-src 'sha256-{hashes[1]}'; "
        "base-uri 'none'; form-action 'none'|b{}|f()|"
    )
