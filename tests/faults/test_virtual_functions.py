# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A count of virtual functions that the card refuses: at once where its configuration space says so, else in the script's words."""

from __future__ import annotations

import pytest
from faults.guest import DEVICES, Guest
from lab import zoo
from lab.recorded import reboots
from tried import tried

pytestmark = pytest.mark.long

CARD = zoo.expected("faults")["sriov_nic"]


def test_more_than_the_card_has(guest: Guest) -> None:
    too_many = [{**DEVICES[1], "num_vfs": zoo.SRIOV_NIC_VFS + 1}]
    outcome = guest.play(pci_passthrough_devices=too_many)
    print(f"\nsaid: {outcome.message}", end="")
    assert outcome.status != 0
    assert "8" in outcome.message
    assert "7" in outcome.message
    assert guest.manifest(images=True) == guest.pristine
    tried("counts of virtual functions that a card refuses", 1)


def test_a_driver_that_refuses_at_boot(guest: Guest) -> None:
    """The driver igb creates no virtual functions without MSI-X, though sriov_totalvfs says 7 (igb_main.c, EPERM)."""
    outcome = guest.play(reboot=True, host_kernel_arguments=["pci=nomsi"])
    print(f"\nsaid: {outcome.message}", end="")
    assert outcome.status != 0
    assert f"{CARD}" in outcome.message
    assert "pci=nomsi" in guest.command_line().split()
    assert guest.ssh(f"cat /sys/bus/pci/devices/{CARD}/sriov_numvfs").strip() == "0"
    boot = guest.machine.boot_id()
    again = guest.play(reboot=True, host_kernel_arguments=["pci=nomsi"])
    assert again.status != 0
    assert reboots(again.rows) == []
    assert guest.machine.boot_id() == boot
    mended = guest.play(reboot=True)
    assert mended.status == 0, mended.text
    assert guest.ssh(f"cat /sys/bus/pci/devices/{CARD}/sriov_numvfs").strip() == "2"
    tried("counts of virtual functions that a card refuses", 1)
