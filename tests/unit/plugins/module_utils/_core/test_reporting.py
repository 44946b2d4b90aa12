# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reporting import Owner, owner_of, reporting

COMPUTES = ("compute1", "compute2.example.org")
FIRST, SECOND = "compute1_0000:02:00.0", "compute2.example.org_0000:0A:00.0"


def test_all_have_reported() -> None:
    found = reporting(COMPUTES, [SECOND, "compute1", FIRST, "compute2.example.org", "storage-pool_x"], [])
    assert found.devices == {"compute1": ("0000:02:00.0",), "compute2.example.org": ("0000:0a:00.0",)}
    assert found.silent == ()
    found.refuse_silence()


def test_the_silent_one_is_named() -> None:
    found = reporting(COMPUTES, [FIRST], [])
    assert found.silent == ("compute2.example.org",)
    with pytest.raises(MachineProblem, match="comes too early: compute2.example.org reported no PCI device"):
        found.refuse_silence()


def test_a_compute_without_devices_is_excused_by_its_name_or_its_first_part() -> None:
    for name in ("compute2.example.org", "compute2"):
        assert reporting(COMPUTES, [FIRST], [name]).silent == ()
    assert reporting(COMPUTES, [FIRST], ["compute3"]).silent == ("compute2.example.org",)


def test_a_hypervisor_whose_name_is_longer_than_the_service_s() -> None:
    assert reporting(["compute1"], ["compute1.example.org_0000:02:00.0"], []).silent == ()


def test_a_host_name_with_an_underscore() -> None:
    assert reporting(["rack_1"], ["rack_1_0000:02:00.0"], []).devices == {"rack_1": ("0000:02:00.0",)}


def test_whose_device_a_provider_stands_for() -> None:
    assert owner_of(SECOND, COMPUTES) == Owner("compute2.example.org", "0000:0a:00.0")
    assert owner_of("compute1", COMPUTES) is None
    assert owner_of("elsewhere_0000:02:00.0", COMPUTES) is None
