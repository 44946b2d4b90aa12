# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/diagnosis_request.py."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.diagnosis_request import (
    Request,
    check_asked,
    flavor_facts,
    read_request,
    room_query,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import InputProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_plan import Flavor

FLAVOR = Flavor("1", "gpu", 2, 512, 10, ephemeral=5, swap=1025, extra_specs={"pci_passthrough:alias": "a1:2, b1:1"})


def test_what_placement_is_asked():
    facts = flavor_facts(FLAVOR)
    assert room_query(facts, True) == "VCPU:2,MEMORY_MB:512,DISK_GB:17"
    assert room_query(facts, False) == "VCPU:2,MEMORY_MB:512"
    assert room_query({**facts, "extra_specs": {"hw:cpu_policy": "dedicated"}}, False) == "MEMORY_MB:512"


def test_the_devices_of_a_flavor():
    request, layer = read_request({"flavor": flavor_facts(FLAVOR)}, "gpu")
    assert request is not None
    assert [(one.alias, one.count) for one in request.devices] == [("a1", 2), ("b1", 1)]
    assert layer.state == "ok"


def test_a_flavor_that_was_misspelt():
    request, layer = read_request({"flavor": None, "flavor_names": ["gpu.large"]}, "gpu.larg")
    assert (request, layer.fix) == (None, "Did you mean gpu.large?")


@pytest.mark.parametrize(
    ("specs", "cells"),
    [({}, None), ({"hw:numa_nodes": "2"}, 2), ({"hw:numa_nodes": "²"}, 1), ({"hw:cpu_policy": "dedicated"}, 1)],
)
def test_when_a_server_has_a_numa_topology(specs, cells):
    assert Request("gpu", extra_specs=specs).numa_cells == cells


@pytest.mark.parametrize(("flavor", "server"), [(None, None), ("", ""), ("a", "b")])
def test_one_of_flavor_and_server_is_needed(flavor, server):
    with pytest.raises(InputProblem):
        check_asked(flavor, server)
