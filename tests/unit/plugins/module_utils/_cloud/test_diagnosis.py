# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _cloud/diagnosis.py against a stand-in of the services."""

from __future__ import annotations

import pytest

pytest.importorskip("openstack")

from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.connection import connect
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.diagnosis import read_request_facts
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import InputProblem

pytestmark = pytest.mark.filterwarnings("ignore")  # openstacksdk warns about itself


def test_a_server_that_is_not_there(nova):
    with pytest.raises(InputProblem, match="is the id of no server"):
        read_request_facts(connect("here"), None, "nobody")
    assert nova.written == []
