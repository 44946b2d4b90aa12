# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What Placement has of a compute, against what its device_spec selects."""

from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.provider_check import check_providers

NIC = {"address": "0000:02:00.0", "resource_class": "CUSTOM_PCI_8086_10D3", "total": 1}
VFS = {"address": "0000:04:00.0", "resource_class": "CUSTOM_PCI_8086_10CA", "total": 4}


def check(expected, reported, names=("c1",)):
    return [(row.check, row.state, row.found) for row in check_providers(expected, reported, names)]


def test_what_is_reported_as_selected_is_ok():
    assert check([NIC, VFS], {"c1": [VFS, NIC], "c2": []}) == [
        ("Placement of 0000:02:00.0", "ok", "1 CUSTOM_PCI_8086_10D3"),
        ("Placement of 0000:04:00.0", "ok", "4 CUSTOM_PCI_8086_10CA"),
    ]


def test_a_device_that_is_missing_or_too_many_or_counted_otherwise():
    reported = {"c1": [{**VFS, "total": 2}, {**NIC, "address": "0000:09:00.0"}]}
    assert check([NIC, VFS], reported) == [
        ("Placement of 0000:02:00.0", "failed", "nothing"),
        ("Placement of 0000:04:00.0", "failed", "2 CUSTOM_PCI_8086_10CA"),
        ("Placement of 0000:09:00.0", "failed", "1 CUSTOM_PCI_8086_10D3"),
    ]
    last = check_providers([NIC, VFS], reported, ("c1",))[-1]
    assert (last.expected, last.address) == ("nothing: nova-compute is not told to report this device", "0000:09:00.0")
    assert "A server that still holds" in (last.fix or "")


def test_another_resource_class_is_a_difference():
    assert check([NIC], {"c1": [{**NIC, "resource_class": "CUSTOM_NIC"}]})[0][1] == "failed"


def test_the_host_is_found_by_any_of_its_names():
    assert check([NIC], {"c1.example.org": [NIC]}, ("c1", "192.0.2.1"))[0][1] == "ok"
    assert check([NIC], {"c2": []}, ("c1", "192.0.2.1")) == [("compute in Nova", "failed", "Nova knows c2")]
