# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest's power is cut in the middle of a first run: it boots, and the next run ends where an undisturbed one does.

QEMU gets SIGKILL. What the guest had in memory is lost, and so is what it wrote to its disk without flushing it, as far as
QEMU had not yet noted in the image where that lies: some of it is there afterwards, some is not, as on a disk with a cache.
"""

from __future__ import annotations

import time

import pytest
from faults.guest import CHECK, DROP_IN, REMOVE, STATE, Guest, Play, Watch
from faults.undisturbed import Undisturbed
from tried import tried

SPREAD = 20
SAMPLE = ("journal", "update-grub", "update-initramfs")
NAMED = (
    "copies",
    "journal",
    "grub drop-in",
    "unit",
    "update-grub",
    "update-grub done",
    "update-initramfs",
    "update-initramfs done",
    "end",
)
THROUGH = ("update-grub", "update-initramfs", "end", "0.50", "0.95")


def points() -> list[object]:
    named = [pytest.param(name, marks=() if name in SAMPLE else (pytest.mark.long,)) for name in NAMED]
    shares = [pytest.param(f"{number / SPREAD:.2f}", marks=(pytest.mark.long,)) for number in range(SPREAD)]
    return [*named, *shares]


@pytest.mark.parametrize("point", points())
def test_a_cut_at(guest: Guest, undisturbed: Undisturbed, point: str) -> None:
    start = time.monotonic()
    with guest.watched() as watch:
        play = guest.start()
        wait_for(point, watch, play, undisturbed)
        guest.cut()
    play.kill()
    guest.drop_connections()
    after = time.monotonic() - watch.start - watch.seen["lock"]
    booted = guest.boot()
    found = look(guest, undisturbed)
    print(f"\ncut at {point} ({after:.1f} s of {undisturbed.seconds:.1f} s): boots in {booted:.0f} s; {found}", end="")

    through = point in THROUGH
    again = guest.play(reboot=through)
    assert again.status == 0, again.text
    assert again.wrong_findings(pending=not through) == []
    assert guest.manifest() == undisturbed.manifest
    assert guest.journal()["unfinished"] is None
    if through:
        check = guest.play(CHECK)
        assert check.status == 0, check.text
        assert check.changed == []
        line = guest.command_line().split()
        assert "intel_iommu=on" in line
        assert "intel_iommu=off" not in line
        removed = guest.play(REMOVE)
        assert removed.status == 0, removed.text
        assert guest.manifest() == [row for row in guest.pristine if "  /boot/initrd" not in row]
    print(
        f"; second run right{', rebooted, verified, removed byte for byte' if through else ''}; {time.monotonic() - start:.0f} s"
    )
    tried("power cuts", 1)


def wait_for(point: str, watch: Watch, play: Play, undisturbed: Undisturbed) -> None:
    """Wait for a step by its name, or for a share of an undisturbed run, counted from the step before it: loads change."""
    if point in NAMED:
        watch.wait_for(point, play)
        return
    at = float(point) * undisturbed.seconds
    begun = {name: when for name, when in undisturbed.seen.items() if when <= at}
    last = max(begun, key=begun.__getitem__)
    deadline = watch.start + watch.wait_for(last, play) + at - begun[last]
    while time.monotonic() < deadline and set(watch.seen) - {"listening"} <= set(begun):
        time.sleep(0.01)


def look(guest: Guest, undisturbed: Undisturbed) -> str:
    """What stands there after the cut, in words; an impossible state is an error."""
    line, journal = guest.command_line(), guest.journal()
    old, new = guest.pristine_line, undisturbed.line
    assert line.split()[1:] in (old.split()[1:], new.split()[1:]), line
    ours = guest.ssh(f"ls -d {DROP_IN} /etc/nova-pci-passthrough 2>/dev/null || true").split()
    grub = "new" if guest.reads("/boot/grub/grub.cfg") == undisturbed.grub else "old"
    left = guest.ssh(f"ls -A {STATE} 2>/dev/null || true").split()
    if journal is None:
        assert ours == []
        assert grub == "old"
        memory = "no journal"
    else:
        memory = "journal unfinished" if journal["unfinished"] else "journal finished"
    boot = "old" if line.split()[1:] == old.split()[1:] else "new"
    return f"boot line {boot}, grub.cfg {grub}, {memory}, left in the state folder: {', '.join(left) or 'nothing'}"
