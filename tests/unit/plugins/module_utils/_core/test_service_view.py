# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.nova_pci.passthrough.tests.unit.service_views import CARD, GPU, HOST, VFS, pci, view_of

CARD_LINE = 'device_spec = {"address": "0000:3b:00.0"}'


def test_lines_with_what_nova_reads_in_them() -> None:
    view = view_of(pci(CARD_LINE, "device_spec = {", 'alias = {"name": "a1"}', "alias = x"))
    assert [(line.origin.line, len(line.specs), line.refusal is None) for line in view.spec_lines] == [
        (2, 1, True),
        (3, 0, False),
    ]
    assert [(line.origin.line, line.spec is None, line.refusal is None) for line in view.alias_lines] == [
        (4, False, True),
        (5, True, False),
    ]


def test_a_card_covers_its_functions_where_the_devices_are_known() -> None:
    (spec,) = view_of(pci(CARD_LINE), devices=HOST).specs
    assert [device for device in HOST if spec.matches(device)] == [CARD, *VFS]
    (spec,) = view_of(pci(CARD_LINE)).specs
    assert [device for device in HOST if spec.matches(device)] == [CARD]


def test_an_interface_is_looked_up_among_the_devices() -> None:
    (spec,) = view_of(pci('device_spec = {"devname": "ens1f0"}'), devices=HOST).specs
    assert spec.matches(CARD)
    (spec,) = view_of(pci('device_spec = {"devname": "eth9"}'), devices=HOST).specs
    assert not spec.matches(CARD)


def test_the_card_of_a_function() -> None:
    view = view_of("", devices=HOST)
    assert (view.card_of(VFS[0]), view.card_of(GPU)) == (CARD, None)


def test_the_names_of_the_release_are_read() -> None:
    text = pci('passthrough_whitelist = {"address": "0000:3b:00.0"}', CARD_LINE)
    assert len(view_of(text, version=25).specs) == 1
    assert len(view_of(text, version=26).specs) == 2


def test_placement_is_off_where_the_release_does_not_know_it_or_the_value_is_none() -> None:
    text = "[pci]\nreport_in_placement = true\n[filter_scheduler]\npci_in_placement = on\n"
    for version, found in ((25, (False, False)), (26, (True, False)), (27, (True, True))):
        view = view_of(text, version=version)
        assert (view.report_in_placement, view.pci_in_placement) == found
    assert not view_of(pci("report_in_placement = maybe")).report_in_placement


def test_filters_in_effect() -> None:
    assert view_of("", "nova-scheduler", 24).filters[0] == "ComputeFilter"
    view = view_of("[filter_scheduler]\nenabled_filters = A, B\navailable_filters = x.A\n", "nova-scheduler")
    assert (view.filters, view.available_filters) == (("A", "B"), ("x.A",))
    assert view_of("[filter_scheduler]\nenabled_filters =\n", "nova-scheduler").filters == ()
