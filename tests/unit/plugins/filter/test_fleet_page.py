# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of filter/fleet_page.py; tests/browser opens the page."""

from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.filter import fleet_page
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.survey import survey
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import device, host

FLEET = {"a": survey(host(device("0000:02:00.0", iommu_group=2))), "b": {}}
FINDING = {
    "layer": "host",
    "check": "iommu",
    "state": "failed",
    "expected": "on",
    "found": "off",
    "fix": "mend it",
    "address": None,
}


def page(**words):
    (function,) = fleet_page.FilterModule().filters().values()
    return function(FLEET, **words)


def test_the_filter_takes_a_fleet_and_gives_a_whole_page():
    text = page()
    assert text.startswith("<!DOCTYPE html>")
    assert text.endswith("</html>\n")
    assert "<title>PCI survey</title>" in text
    assert '"hosts":[["a",0,0,0,[]],["b",-1,-1,-1,[]]]' in text


def test_what_else_the_page_is_told_stands_in_it():
    words = {"findings": {"c": [FINDING]}, "declaration": ["pci_passthrough_devices: []"]}
    text = page(title="Last night", made_at="2026-11-24 21:00 UTC", **words)
    assert "<title>Last night</title>" in text
    assert '["c",-2,-2,-1,[0]]' in text
    assert '["host","iommu","failed","on","off","mend it",null]' in text
    assert '"made_at":"2026-11-24 21:00 UTC"' in text
    assert '"declaration":["pci_passthrough_devices: []"]' in text
