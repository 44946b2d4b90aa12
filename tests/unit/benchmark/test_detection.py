# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys

import pytest

from ansible_collections.nova_pci.passthrough.tests.benchmark import detection

BEST = {"bare loop": 0.2, "reading": 0.25, "whole detection": 0.4, "`lspci -Dnnvmmk` and parsing": 0.5}


def test_a_row_for_each_contender_against_the_bare_loop():
    lines = detection.table(4096, 40960, 7, BEST, 37.4)
    assert lines[0].endswith("4,096 functions, 40,960 files, best of 7 rounds.")
    assert lines[1:] == [
        "Peak memory 37 MiB.",
        "",
        "| what | times the bare loop |",
        "|---|---:|",
        "| reading | 1.25 |",
        "| whole detection | 2.00 |",
        "| `lspci -Dnnvmmk` and parsing | 2.50 |",
    ]


@pytest.mark.parametrize(
    ("slower", "memory", "sentences"),
    [
        (0.0, 99.9, []),
        (0.1, 99.9, ["The whole detection takes 2.50 times the bare loop, and has 2."]),
        (0.0, 100.0, ["It takes 100 MiB of memory, and has to stay below 100."]),
    ],
    ids=["both met", "too slow", "too large"],
)
def test_a_goal_that_is_missed_is_named(slower, memory, sentences):
    best = {**BEST, "whole detection": BEST["whole detection"] + slower}
    assert detection.missed(best, memory) == sentences


def test_children_count_and_waiting_does_not():
    busy = "import time\nwhile time.process_time() < 0.2: pass"
    contenders = {
        "child": lambda: subprocess.run([sys.executable, "-c", busy], check=True),
        "sleeper": lambda: detection.time.sleep(0.3),
    }
    best = detection.best_of(1, contenders)
    assert best["child"] >= 0.2
    assert best["sleeper"] < 0.15
