# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _cloud/diagnosis.py against a stand-in of the services."""

from __future__ import annotations

import pytest

pytest.importorskip("openstack")

from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.connection import connect
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.diagnosis import read_request_facts
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import InputProblem, MachineProblem

pytestmark = pytest.mark.filterwarnings("ignore")  # openstacksdk warns about itself


def test_a_server_that_is_not_there(nova):
    with pytest.raises(InputProblem, match="is the id of no server"):
        read_request_facts(connect("here"), None, "nobody")
    assert nova.written == []


@pytest.mark.parametrize(("given", "asked"), [(("pci.nic", None), "pci.nic"), ((None, "5f2f"), "server 5f2f")])
def test_a_nova_api_behind_a_proxy_that_finds_it_gone(nova, given, asked):
    nova.control(page_of_a_proxy="<html>Bad Gateway</html>")
    facts = read_request_facts(connect("here"), *given)
    assert "Bad Gateway" in facts["unanswered"]["seen"]
    assert facts["unanswered"]["fix"]
    assert (facts["asked"], facts["flavor"], facts["computes"]) == (asked, None, None)


def test_a_nova_api_that_is_not_there(nova):
    nova.control(resets={"GET /compute.*": 1000})
    facts = read_request_facts(connect("here"), "pci.nic", None)
    assert "cannot be reached" in facts["unanswered"]["seen"]


@pytest.mark.parametrize("status", [403, 500])
def test_a_refusal_is_an_answer(nova, status):
    nova.control(broken={"GET compute /flavors/detail": [status, "no"]})
    with pytest.raises(MachineProblem):
        read_request_facts(connect("here"), "pci.nic", None)
