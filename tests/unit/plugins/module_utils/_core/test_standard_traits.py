# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.standard_traits import STANDARD_TRAITS


def test_the_table_is_whole() -> None:
    assert len(STANDARD_TRAITS) == 377
    assert {"HW_GPU_API_VULKAN", "HW_PCI_LIVE_MIGRATABLE", "OWNER_NOVA", "STORAGE_DISK_SSD"} <= STANDARD_TRAITS


def test_no_custom_trait_is_standard() -> None:
    assert not [name for name in STANDARD_TRAITS if name.startswith("CUSTOM_") or name != name.upper()]
