# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `devices.sh` prints: one line per step, `ok|changed|failed|skipped ADDRESS message`."""

from __future__ import annotations

from dataclasses import dataclass

STATUSES = ("ok", "changed", "failed", "skipped")


@dataclass(frozen=True)
class Step:
    status: str
    address: str
    message: str

    def to_dict(self) -> dict[str, str]:
        return {"status": self.status, "address": self.address, "message": self.message}


def steps_of(output: str) -> tuple[Step, ...]:
    """Return the steps in *output*; lines of another shape are left out."""
    steps = []
    for line in output.splitlines():
        words = line.split(None, 2)
        if len(words) >= 2 and words[0] in STATUSES:
            steps.append(Step(words[0], words[1], words[2].strip() if len(words) == 3 else ""))
    return tuple(steps)
