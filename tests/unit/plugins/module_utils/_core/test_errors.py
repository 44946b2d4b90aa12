# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every error reads the same way: where, what stands there, what is wrong, what to do."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import (
    InputProblem,
    MachineProblem,
    PassthroughError,
    SeveralProblems,
    raise_problems,
)

INPUT = InputProblem("pci_passthrough_devices[2].vendor_id", "0x8086", "begins with 0x", "Write 8086")
MACHINE = MachineProblem("/boot/grub/grub.cfg", "cannot be read", "Run as root")


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (INPUT, "pci_passthrough_devices[2].vendor_id: '0x8086' begins with 0x. Write 8086"),
        (MACHINE, "/boot/grub/grub.cfg: cannot be read. Run as root"),
        (SeveralProblems((INPUT, MACHINE)), f"{INPUT}\n{MACHINE}"),
    ],
)
def test_the_text_is_what_the_user_reads(error, text):
    assert isinstance(error, PassthroughError)
    assert str(error) == text


def test_the_parts_stay_at_hand():
    assert (INPUT.entry, INPUT.value, INPUT.problem, INPUT.fix) == (
        "pci_passthrough_devices[2].vendor_id", "0x8086", "begins with 0x", "Write 8086",
    )  # fmt: skip
    assert (MACHINE.where, MACHINE.problem, MACHINE.fix) == ("/boot/grub/grub.cfg", "cannot be read", "Run as root")
    assert SeveralProblems((INPUT,)).problems == (INPUT,)


def test_one_problem_is_raised_as_it_is_several_together_and_none_not_at_all():
    raise_problems([])
    with pytest.raises(MachineProblem) as one:
        raise_problems([MACHINE])
    assert one.value is MACHINE
    with pytest.raises(SeveralProblems) as several:
        raise_problems([INPUT, MACHINE])
    assert several.value.problems == (INPUT, MACHINE)
