# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A first run that nobody disturbs: every fault has to end where it does."""

from __future__ import annotations

from dataclasses import dataclass

from faults.guest import Guest


@dataclass(frozen=True)
class Undisturbed:
    """What the run leaves, and when it came to each of its steps (seconds from host_apply's lock)."""

    manifest: list[str]
    grub: str
    line: str
    seen: dict[str, float]

    @property
    def seconds(self) -> float:
        return self.seen["end"]


def undisturbed_run(guest: Guest) -> Undisturbed:
    guest.thaw()
    with guest.watched() as watch:
        play = guest.start()
        watch.wait_for("end", play)
        outcome = play.wait()
    assert outcome.status == 0, outcome.text
    line = guest.ssh("grep -m1 -o 'vmlinuz.*' /boot/grub/grub.cfg").strip()
    seen = {name: at - watch.seen["lock"] for name, at in watch.seen.items() if name != "listening"}
    print("\nundisturbed:", ", ".join(f"{name} {at:.1f} s" for name, at in seen.items()))
    return Undisturbed(guest.manifest(), guest.reads("/boot/grub/grub.cfg"), line, seen)
