# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of Ansible that is timed and recorded: what the benchmarks on a lab machine have in common."""

from __future__ import annotations

import json
import os
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

LAB = Path(__file__).resolve().parents[1] / "lab"
INVENTORY = str(LAB / "inventory" / "hosts.yml")
PING = ["ansible", "-i", INVENTORY, "nova_compute", "-m", "ansible.builtin.ping"]


@dataclass(frozen=True)
class Run:
    """Seconds of wall time, the modules that ran on the host, the tasks that changed it, and what the run failed of."""

    seconds: float
    modules: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    failure: str = ""


def run(argv: list[str], record: Path, settings: dict[str, str]) -> Run:
    """Run *argv* with the lab's recorder writing into *record*, which is begun anew."""
    record.unlink(missing_ok=True)
    environment = {
        **settings,
        "NOVA_PCI_RECORD": str(record),
        "ANSIBLE_CALLBACK_PLUGINS": str(LAB / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "recorder",
        "ANSIBLE_PIPELINING": "true",
    }
    start = time.monotonic()
    done = subprocess.run(argv, env=environment, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    seconds = time.monotonic() - start
    text = record.read_text(encoding="utf-8") if record.exists() else ""
    modules, changed, failure = read(text)
    if done.returncode and not failure:
        failure = (done.stderr.strip() or done.stdout.strip() or os.strerror(done.returncode))[-2000:]
    return Run(seconds, modules, changed, failure if done.returncode else "")


def read(record: str) -> tuple[tuple[str, ...], tuple[str, ...], str]:
    """From the recorder's lines: modules executed, tasks that reported a change, and what the last failed task said."""
    modules, changed, failure = [], [], ""
    for line in record.splitlines():
        event = json.loads(line)
        if event["event"] == "module":
            modules.append(event["module"])
        elif event["event"] == "result":
            if event["result"].get("changed"):
                changed.append(event["task"])
            if event["result"].get("failed"):
                failure = f"{event['task']}: {event['result'].get('msg', 'no reason given')}"
    return tuple(modules), tuple(changed), failure
