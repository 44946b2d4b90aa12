# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _cloud/providers.py against a stand-in of the services."""

from __future__ import annotations

import pytest

pytest.importorskip("openstack")

from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.connection import connect
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.providers import read_provider_names

pytestmark = pytest.mark.filterwarnings("ignore")  # openstacksdk warns about itself


def test_every_name(nova):
    nova.control(providers={"p1": {"name": "compute1"}, "p2": {"name": "compute1_0000:02:00.0"}})
    assert read_provider_names(connect("here")) == ("compute1", "compute1_0000:02:00.0")
