# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A filesystem that is full or read-only: the run says which and changes nothing; once it is mended, the next run succeeds."""

from __future__ import annotations

from pathlib import Path

import pytest
from faults.guest import STATE, Guest
from faults.undisturbed import Undisturbed
from tried import tried

FILL = (Path(__file__).resolve().parent / "fill_in_guest.py").read_text(encoding="utf-8")


def fill(guest: Guest, file: str, leave_kib: int = 0) -> None:
    guest.machine.ssh.output(f"python3 - {file} {leave_kib}", stdin=FILL)


def on_its_own_filesystem(guest: Guest, folder: str, mib: int) -> None:
    """Put a copy of *folder* on a small ext4 of its own and mount that over it."""
    image = f"/srv/data/{folder.strip('/')}.img"
    guest.ssh(
        f"truncate -s {mib}M {image} && mkfs.ext4 -q -d {folder} {image} && mount -o loop {image} {folder}"
        f" && rmdir {folder}/lost+found"
    )


def refused(guest: Guest, before: list[str], *words: str) -> None:
    outcome = guest.play()
    print(f"\nsaid: {outcome.message}", end="")
    assert outcome.status != 0
    for word in words:
        assert word in outcome.message
    assert guest.manifest(images=True) == before
    assert guest.ssh(f"ls -d {STATE} 2>/dev/null || true") == ""


def succeeds(guest: Guest, undisturbed: Undisturbed) -> None:
    outcome = guest.play()
    assert outcome.status == 0, outcome.text
    assert outcome.wrong_findings() == []
    assert guest.manifest() == undisturbed.manifest
    tried("faults of a filesystem", 1)


def test_a_full_root(guest: Guest, undisturbed: Undisturbed) -> None:
    guest.ssh("mount -t tmpfs tmpfs /tmp")  # else Ansible itself has no place to unpack its module
    fill(guest, "/filler")
    refused(
        guest,
        guest.pristine,
        "lies on a filesystem with",
        "KiB free",
        "Free some space and run again; nothing has been changed",
    )
    guest.ssh("rm /filler")
    succeeds(guest, undisturbed)


@pytest.mark.long
def test_a_root_that_fills_up_while_a_tool_runs(guest: Guest, undisturbed: Undisturbed) -> None:
    """The room was there when the run began; then somebody else takes it, and the way back has none either."""
    guest.ssh("mount -t tmpfs tmpfs /tmp")
    with guest.watched() as watch:
        play = guest.start()
        watch.wait_for("update-initramfs", play)
        fill(guest, "/filler")
        outcome = play.wait()
    print(f"\nsaid: {outcome.message}", end="")
    assert outcome.status != 0
    assert "No space left on device" in outcome.message
    assert "Everything is back as it was before this run" in outcome.message
    assert guest.manifest(images=True) == guest.pristine
    guest.ssh("rm /filler")
    succeeds(guest, undisturbed)


@pytest.mark.long
@pytest.mark.parametrize("folder", ["/etc", "/boot"])
def test_a_full(guest: Guest, undisturbed: Undisturbed, folder: str) -> None:
    on_its_own_filesystem(guest, folder, 40)
    before = guest.manifest(images=True)
    fill(guest, f"{folder}/filler")
    full = guest.manifest(images=True)
    refused(guest, full, f"{folder}/", "KiB free", "Free some space and run again; nothing has been changed")
    guest.ssh(f"rm {folder}/filler")
    assert guest.manifest(images=True) == before
    guest.ssh(f"umount {folder}" if folder == "/boot" else "true")  # grub-probe cannot tell what a loop device is
    outcome = guest.play()
    assert outcome.status == 0, outcome.text
    assert outcome.wrong_findings() == []
    tried("faults of a filesystem", 1)


@pytest.mark.long
@pytest.mark.parametrize("folder", ["/boot", "/etc"])
def test_a_read_only(guest: Guest, undisturbed: Undisturbed, folder: str) -> None:
    guest.ssh(f"mount --bind {folder} {folder} && mount -o remount,bind,ro {folder}")
    refused(
        guest,
        guest.pristine,
        f"{folder}/",
        "lies on a filesystem that is mounted read-only",
        "Mount it read-write and run again",
    )
    guest.ssh(f"umount {folder}")
    succeeds(guest, undisturbed)
