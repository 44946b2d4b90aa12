# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.tests.benchmark import scale

SIZES = [10, 100, 1000]


@pytest.mark.parametrize("exponent", [0.9, 1.0, 1.1, 2.0])
def test_growth_is_the_exponent_whatever_the_start_costs(exponent):
    seconds = [7.5 + 0.03 * size**exponent for size in SIZES]
    assert scale.growth(SIZES, seconds) == pytest.approx(exponent)


def test_the_part_of_a_playbook_ends_with_its_growth():
    row = "| `survey` | 10 | 1 | 2.84 | 2.76 | 1.04 (59 MiB) | 1.21 (212 MiB) |"
    lines = scale.page([row, "`survey` with the hosts to the power of 1.06, its pings 0.97"])
    assert lines[-3:] == [
        row,
        "",
        "The controller's processor time grows: `survey` with the hosts to the power of 1.06, its pings 0.97.",
    ]
    assert scale.page([row])[-1] == row


def test_every_playbook_has_a_title():
    assert scale.TITLES.keys() == scale.BOOKS.keys()
