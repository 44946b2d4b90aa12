# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A boot tool that fails half-way: the former bytes come back, the error carries its words, the next run succeeds."""

from __future__ import annotations

import pytest
from faults.guest import STATE, Guest
from faults.undisturbed import Undisturbed
from tried import tried

HALF_A_GRUB = """#!/bin/sh
echo "menuentry 'half" > /boot/grub/grub.cfg
echo "the lab's update-grub breaks off" >&2
exit 1
"""
BROKEN_HOOK = """#!/bin/sh
[ "$1" != prereqs ] || exit 0
echo "the lab's hook breaks off" >&2
exit 1
"""
NOISY_END = """#!/bin/sh
/usr/sbin/update-initramfs "$@"
echo "the lab's update-initramfs breaks off once it has written" >&2
exit 1
"""
FAULTS = {
    "update-grub": ("/usr/local/sbin/update-grub", HALF_A_GRUB, "the lab's update-grub breaks off"),
    "initramfs hook": ("/etc/initramfs-tools/hooks/zz-lab", BROKEN_HOOK, "the lab's hook breaks off"),
    "update-initramfs at its end": ("/usr/local/sbin/update-initramfs", NOISY_END, "breaks off once it has written"),
}


@pytest.mark.parametrize(
    "fault",
    [pytest.param(name, marks=() if name == "update-grub" else (pytest.mark.long,)) for name in FAULTS],
)
def test_a_tool_that_fails(guest: Guest, undisturbed: Undisturbed, fault: str) -> None:
    path, script, words = FAULTS[fault]
    guest.machine.ssh.output(f"cat > {path} && chmod 755 {path}", stdin=script)
    before = guest.manifest(images=True)
    outcome = guest.play()
    print(f"\nsaid: {outcome.message}", end="")
    assert outcome.status != 0
    assert words in outcome.message
    assert "Everything is back as it was before this run" in outcome.message
    assert guest.manifest(images=True) == before
    assert guest.ssh(f"ls -d {STATE} 2>/dev/null || true") == ""
    guest.ssh(f"rm {path}")
    outcome = guest.play()
    assert outcome.status == 0, outcome.text
    assert guest.manifest() == undisturbed.manifest
    tried("boot tools that fail", 1)
