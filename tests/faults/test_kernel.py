# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel that gets another line than the one configured: reported as ineffective, and the host is never rebooted for it again."""

from __future__ import annotations

import pytest
from faults.guest import Guest
from lab.recorded import reboots
from tried import tried

pytestmark = pytest.mark.long

# grub.cfg reads this file while it boots, and update-grub knows nothing of it.
OTHER_ENTRY = """awk '/^menuentry /{found=1} found{print} found && /^}/{exit}' /boot/grub/grub.cfg |
    sed "s/^menuentry '[^']*'/menuentry 'lab'/; s/\\$menuentry_id_option '[^']*'/--id lab/" > /boot/grub/custom.cfg
echo 'set default=lab' >> /boot/grub/custom.cfg
grep -q intel_iommu=off /boot/grub/custom.cfg
"""


def test_a_boot_loader_that_passes_another_line(guest: Guest) -> None:
    guest.machine.ssh.output("sh -eu", stdin=OTHER_ENTRY)
    first = guest.play(reboot=True)
    print(f"\nsaid: {first.message}", end="")
    assert reboots(first.rows) == [True]
    assert first.status != 0
    assert "intel_iommu=on" in first.message
    plan = first.results("host_plan")[-1]["plan"]
    assert plan["reboot"] == {
        **plan["reboot"],
        "required": False,
        "ineffective": ["intel_iommu=on", "without intel_iommu=off"],
    }
    boot = guest.machine.boot_id()
    second = guest.play(reboot=True)
    assert second.status != 0
    assert reboots(second.rows) == []
    assert guest.machine.boot_id() == boot
    guest.ssh("rm /boot/grub/custom.cfg")
    guest.machine.reboot()
    third = guest.play(reboot=True)
    assert third.status == 0, third.text
    assert reboots(third.rows) == []
    tried("kernels that ignore an argument", 1)
