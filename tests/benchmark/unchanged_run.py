# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run over a host that is already as declared costs: module executions, and wall time against one ping.

    NOVA_PCI_LAB_MACHINE=.../machine.json python3 tests/benchmark/unchanged_run.py [RUNS]

Wants ansible-core on PATH, this collection on ANSIBLE_COLLECTIONS_PATH and a lab machine that site.yml has been run on
(`make demo` leaves one). Ping and play take turns, so that a machine that slows down slows both; medians are printed.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

LAB = Path(__file__).resolve().parents[1] / "lab"
INVENTORY = str(LAB / "inventory" / "hosts.yml")
PING = ["ansible", "-i", INVENTORY, "nova_compute", "-m", "ansible.builtin.ping"]
PLAY = ["ansible-playbook", "-i", INVENTORY, "nova_pci.passthrough.host"]


def timed(argv: list[str], record: Path) -> float:
    settings = {
        **os.environ,
        "NOVA_PCI_RECORD": str(record),
        "ANSIBLE_CALLBACK_PLUGINS": str(LAB / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "recorder",
        "ANSIBLE_PIPELINING": "true",
    }
    start = time.monotonic()
    done = subprocess.run(argv, env=settings, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - start
    if done.returncode:
        sys.exit(f"{' '.join(argv)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
    return seconds


def executions(record: Path) -> list[str]:
    """The modules that ran on the host; a changed result means that the host was not as declared."""
    modules = []
    for line in record.read_text(encoding="utf-8").splitlines():
        event = json.loads(line)
        if event["event"] == "result" and event["result"].get("changed"):
            sys.exit(f"{event['task']} changed the host: run site.yml on it first")
        if event["event"] == "module":
            modules.append(event["module"])
    return modules


def main(runs: int) -> None:
    pings, plays, modules = [], [], []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(runs):
            record = Path(folder) / f"{number}.jsonl"
            pings.append(timed(PING, Path(os.devnull)))
            plays.append(timed(PLAY, record))
            modules = executions(record)
    ping, play = statistics.median(pings), statistics.median(plays)
    print(f"module executions on an unchanged host: {len(modules)} ({', '.join(modules)})")
    print(f"unchanged run / one ping, wall time: {play / ping:.1f} (medians of {runs}: {play:.1f} s / {ping:.1f} s)")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 3)
