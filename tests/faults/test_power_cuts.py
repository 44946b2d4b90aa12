# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The guest's power is cut in the middle of a first run: it boots, and the next run ends where an undisturbed one does.

QEMU gets SIGKILL. What the guest had in memory is lost, and so is what it wrote to its disk without flushing it, as far as
QEMU had not yet noted in the image where that lies: some of it is there afterwards, some is not, as on a disk with a cache.

The spread cuts come from one run. QEMU is stopped for a moment (SIGSTOP: it flushes nothing) and the image copied, which then
holds just what a SIGKILL would have left.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from faults.guest import CHECK, DROP_IN, REMOVE, STATE, Guest
from faults.undisturbed import Undisturbed
from tried import tried

SPREAD = 20
OFTEN = 40  # images of one run; a run on a machine that has got less busy gives fewer, and has to give SPREAD
SAMPLE = ("update-grub",)
NAMED = ("journal", *SAMPLE, "update-initramfs", "copies", "update-grub done", "update-initramfs done", "end")
THROUGH = ("end", 5, 15)  # those that reboot, verify and are removed again


@pytest.mark.parametrize(
    "event", [pytest.param(name, marks=() if name in SAMPLE else (pytest.mark.long,)) for name in NAMED]
)
def test_qemu_is_killed_at(guest: Guest, undisturbed: Undisturbed, event: str) -> None:
    with guest.watched() as watch:
        play = guest.start()
        at = watch.wait_for(event, play)
        guest.cut()
    play.kill()
    guest.drop_connections()
    after_the_cut(guest, undisturbed, f"{event}, {at - watch.seen['lock']:.1f} s", event in THROUGH)


@pytest.fixture(scope="module")
def images(frozen: Guest, undisturbed: Undisturbed, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[str, Path]]:
    """SPREAD images of the disk, evenly spread over one first run, each with its time and the step that it was in."""
    folder = tmp_path_factory.mktemp("images")
    taken: list[tuple[str, Path]] = []
    frozen.thaw()
    with frozen.watched() as watch:
        play = frozen.start()
        watch.wait_for("lock", play)
        while "end" not in watch.seen:
            path = folder / f"{len(taken)}.qcow2"
            step = list(watch.seen)[-1]
            frozen.copy_disk(path)
            taken.append((f"{len(taken)} after {step!r}", path))
            time.sleep(undisturbed.seconds / OFTEN)
        play.wait()
    assert len(taken) >= SPREAD, "the machine has become much faster since the undisturbed run"
    chosen = [taken[round(number * (len(taken) - 1) / (SPREAD - 1))] for number in range(SPREAD)]
    for image in taken:
        if image not in chosen:
            image[1].unlink()
    print(f"\n{len(taken)} images of one run, {SPREAD} of them chosen: {', '.join(name for name, _path in chosen)}")
    return chosen


@pytest.mark.long
@pytest.mark.parametrize("number", range(SPREAD))
def test_the_disk_as_a_cut_would_leave_it(
    frozen: Guest, undisturbed: Undisturbed, images: list[tuple[str, Path]], number: int
) -> None:
    name, image = images[number]
    frozen.cut()
    frozen.take_disk(image)
    after_the_cut(frozen, undisturbed, f"image {name}", number in THROUGH)
    image.unlink()


def after_the_cut(guest: Guest, undisturbed: Undisturbed, name: str, through: bool) -> None:
    start = time.monotonic()
    booted = guest.boot()
    print(f"\ncut at {name}: boots in {booted:.0f} s; {look(guest, undisturbed)}", end="", flush=True)
    again = guest.play(reboot=through)
    assert again.status == 0, again.text
    assert again.wrong_findings(pending=not through) == []
    assert guest.manifest() == undisturbed.manifest
    journal = guest.journal()
    assert journal is not None
    assert journal["unfinished"] is None
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
    end = ", rebooted, verified, removed byte for byte" if through else ""
    print(f"; the second run ends right{end}; {time.monotonic() - start:.0f} s", end="", flush=True)
    tried("power cuts", 1)


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
