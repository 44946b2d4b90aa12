# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _cloud/flavors.py against a stand-in of Nova."""

from __future__ import annotations

import pytest

pytest.importorskip("openstack")

from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.connection import connect
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.flavors import carry_out, read_flavors
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_plan import (
    Flavor,
    create_calls,
    delete_call,
    own_id,
)

pytestmark = pytest.mark.filterwarnings("ignore")  # openstacksdk warns about itself

PRIVATE = Flavor(own_id("gpu"), "gpu", 1, 2, 3, 4, 5, False, "words", {"a:b": "c"}, ("p1", "p2"))


def test_what_is_written_is_what_is_read(nova):
    cloud = connect("here")
    carry_out(cloud, create_calls(PRIVATE))
    assert read_flavors(cloud) == (PRIVATE,)
    carry_out(cloud, [delete_call(PRIVATE.id), delete_call(PRIVATE.id)])
    assert read_flavors(cloud) == ()


def test_page_after_page(nova):
    nova.control(page=2)
    cloud = connect("here")
    for number in range(5):
        carry_out(cloud, create_calls(Flavor(f"id{number}", f"f{number}", 1, 1, 1))[:1])
    assert [flavor.name for flavor in read_flavors(cloud)] == ["f0", "f1", "f2", "f3", "f4"]


def test_the_first_refusal_ends_it(nova):
    nova.control(broken={"POST compute /flavors/.*/os-extra_specs": [400, "bad spec"]})
    with pytest.raises(MachineProblem, match="the service says no .400 bad spec."):
        carry_out(connect("here"), create_calls(PRIVATE))
    assert nova.flavors["gpu"]["extra_specs"] == {}
