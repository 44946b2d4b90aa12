# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run over a host that is already as declared costs: module executions, and wall time against one ping.

    NOVA_PCI_LAB_MACHINE=.../machine.json python3 tests/benchmark/unchanged_run.py [RUNS]

Wants ansible-core on PATH, this collection on ANSIBLE_COLLECTIONS_PATH and a lab machine that site.yml has been run on
(`make demo` leaves one). Ping and play take turns, so that a machine that slows down slows both; medians are printed.
"""

from __future__ import annotations

import os
import statistics
import sys
import tempfile
from pathlib import Path

from runs import INVENTORY, PING, Run, run

PLAY = ["ansible-playbook", "-i", INVENTORY, "nova_pci.passthrough.host"]


def unchanged(argv: list[str], record: Path) -> Run:
    """A run that succeeds and changes nothing; a change means that the host was not as declared."""
    done = run(argv, record, dict(os.environ))
    if done.failure:
        sys.exit(f"{' '.join(argv)} failed:\n{done.failure}")
    if done.changed:
        sys.exit(f"{done.changed[0]} changed the host: run site.yml on it first")
    return done


def main(runs: int) -> None:
    pings, plays = [], []
    with tempfile.TemporaryDirectory() as folder:
        for _number in range(runs):
            pings.append(unchanged(PING, Path(folder) / "record.jsonl"))
            plays.append(unchanged(PLAY, Path(folder) / "record.jsonl"))
    ping, play = (statistics.median(one.seconds for one in several) for several in (pings, plays))
    modules = plays[-1].modules
    print(f"module executions on an unchanged host: {len(modules)} ({', '.join(modules)})")
    print(f"unchanged run / one ping, wall time: {play / ping:.1f} (medians of {runs}: {play:.1f} s / {ping:.1f} s)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
