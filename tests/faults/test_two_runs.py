# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two controllers at work on one host at the same moment: one waits or says that the other is at work; none corrupts."""

from __future__ import annotations

import pytest
from faults.guest import BUSY, REMOVE, RUN, Guest, Outcome
from faults.undisturbed import Undisturbed
from tried import tried

pytestmark = pytest.mark.long


def both(guest: Guest, first: str, second: str) -> list[Outcome]:
    plays = [guest.start(first), guest.start(second)]
    outcomes = [play.wait() for play in plays]
    told = [outcome.message if outcome.status else f"changed {outcome.changed}" for outcome in outcomes]
    print(f"\n{told[0]} // {told[1]}", end="")
    assert any(outcome.status == 0 for outcome in outcomes)
    for outcome in outcomes:
        assert outcome.status == 0 or BUSY in outcome.message, outcome.text
    return outcomes


def test_two_first_runs(guest: Guest, undisturbed: Undisturbed) -> None:
    both(guest, RUN, RUN)
    assert guest.manifest() == undisturbed.manifest
    again = guest.play()
    assert again.status == 0, again.text
    assert again.changed == []
    tried("two runs at once", 1)


def test_a_run_and_a_removal(guest: Guest, undisturbed: Undisturbed) -> None:
    assert guest.play().status == 0
    both(guest, REMOVE, RUN)
    pristine = [row for row in guest.pristine if "  /boot/initrd" not in row]
    assert guest.manifest() in (undisturbed.manifest, pristine)
    again = guest.play()
    assert again.status == 0, again.text
    assert guest.manifest() == undisturbed.manifest
    tried("two runs at once", 1)
