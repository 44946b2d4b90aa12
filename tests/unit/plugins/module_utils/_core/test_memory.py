# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host remembers: the reboot it waits for and the devices chosen by MAC."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import Journal, PendingReboot
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.memory import Memory, recall
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.selection import Identity

PENDING = PendingReboot("one", ("intel_iommu=on",), ("because",), ("iommu=pt",))


@pytest.mark.parametrize(
    ("pending", "boot_id", "tokens"),
    [
        (None, "one", set()),
        (PENDING, "one", {"iommu=pt"}),  # asked for in this very boot: still to come
        (PENDING, "two", {"intel_iommu=on", "iommu=pt"}),  # a boot has come and gone
    ],
)
def test_a_token_counts_as_booted_for_only_in_a_later_boot(pending, boot_id, tokens):
    assert Memory(pending).booted_since(boot_id) == tokens


def test_nothing_is_remembered_of_a_fresh_host():
    assert recall(None, "") == Memory(None, ())


def test_journal_and_devices_conf_are_both_recalled():
    text = "# a comment\n0000:02:00.0 driver vfio-pci 8086:10d3\n0000:02:00.0 mac 52:54:00:00:00:01 8086:10d3\n"
    identity = Identity(parse_address("0000:02:00.0"), "52:54:00:00:00:01", "8086", "10d3")
    journal = Journal(pending_reboot=PENDING, kernel_arguments=("iommu=pt",))
    assert recall(journal, text) == Memory(PENDING, (identity,), ("iommu=pt",))
