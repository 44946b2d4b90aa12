# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_service import (
    API,
    COMPUTE,
    NovaNode,
)
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_nova import MAIN, node


def test_a_service_is_asked_for_by_its_name() -> None:
    nova = node({MAIN: ""})
    assert nova.service(COMPUTE) is nova.services[0]
    assert nova.service(API) is None
    assert NovaNode().service(COMPUTE) is None
