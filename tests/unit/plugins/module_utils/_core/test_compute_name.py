# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.compute_name import (
    inventory_host,
    matching_compute,
)

COMPUTES = ["cmp1.example.org", "cmp2.example.org", "gpu", "192.0.2.9"]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (["gpu"], "gpu"),
        (["", "cmp2", "10.0.0.7"], "cmp2.example.org"),
        (["CMP2.other.net"], "cmp2.example.org"),
        (["gpu.example.org"], "gpu"),
        (["cmp1", "gpu"], "gpu"),
        (["192.0.2.9"], "192.0.2.9"),
        (["192.0.2.7"], None),
        (["192.168.0.1"], None),
        (["cmp3"], None),
        ([], None),
        ([""], None),
    ],
)
def test_nova_s_name_of_a_host(names: list[str], found: str | None) -> None:
    assert matching_compute(COMPUTES, names) == found


def test_two_that_fit_are_none() -> None:
    assert matching_compute(["cmp1.a", "cmp1.b"], ["cmp1"]) is None
    assert matching_compute(["cmp1.a", "cmp1.b"], ["cmp1", "cmp1.b"]) == "cmp1.b"


@pytest.mark.parametrize(
    ("compute", "hosts", "found"),
    [
        ("cmp1", {"cmp1": ["192.0.2.1", "cmp1"], "cmp2": ["cmp2"]}, "cmp1"),
        ("cmp1.example.org", {"cmp1": ["cmp1"], "cmp10": ["cmp10"]}, "cmp1"),
        ("nova-7", {"a": ["nova-7", "a"], "b": ["b"]}, "a"),
        ("x", {"a": ["a"]}, None),
        ("x", {"a": ["x"], "b": ["x"]}, None),
        ("x.z", {"a": ["x"], "b": ["x.y"]}, None),
        ("192.0.2.1", {"a": ["192.0.2.9"]}, None),
        ("x", {}, None),
    ],
)
def test_the_inventory_s_name_of_a_compute(compute: str, hosts: dict[str, list[str]], found: str | None) -> None:
    assert inventory_host(compute, hosts) == found
