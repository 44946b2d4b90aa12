"""The demo: one lab machine from bare to passthrough-ready, as a user's playbook run does it.

`demo.py up` boots a machine whose kernel starts with the IOMMU off, runs playbooks/site.yml against it over SSH with the
inventory beside this file, and ends with the table of its devices. `demo.py down` takes it away again. tests/run.py
calls both with an environment that has ansible-core in it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if __name__ == "__main__" and not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from lab import host_tools
from lab.errors import LabError, NotPossibleHereError
from lab.machine import Lab, Machine
from lab.progress import Progress

NAME = "demo"
HEARTBEAT_SECONDS = 30
HERE = Path(__file__).resolve().parent


def main(argv: list[str]) -> int:
    """Run one verb; an interrupted `up` takes its machine away before it ends."""
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    machine = Lab().machine(NAME)
    try:
        if argv == ["down"]:
            machine.down()
            print("Nothing is left of the demo's machine.")
            return 0
        return up(machine)
    except KeyboardInterrupt:
        print("\nInterrupted: taking the demo's machine away.", file=sys.stderr)
        machine.down()
        return 128 + signal.SIGINT
    except NotPossibleHereError as error:
        print(error, file=sys.stderr)
        return 3
    except LabError as error:
        print(error, file=sys.stderr)
        return 1


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def up(machine: Machine) -> int:
    """Boot, run the playbook, show the table."""
    start = time.monotonic()
    progress = Progress("demo")
    host_tools.install(Progress("setup"))
    machine.up("bookworm", "intel", None, fresh=True)
    groups = machine.ssh.output("ls /sys/kernel/iommu_groups | wc -l").strip()
    progress.say(f"the machine is up; its kernel shows {groups} IOMMU groups (the boot line says intel_iommu=off)")
    progress.say("ansible-playbook nova_pci.passthrough.site: about 5 minutes, one reboot, under emulation twice that")
    with tempfile.TemporaryDirectory(prefix="nova-pci-demo-") as folder:
        record = Path(folder) / "record.jsonl"
        status = _playbook(machine, record, progress)
        table = _table(record)
    if status:
        print(
            "\nThe run failed; the machine stays for a look: python3 tests/lab/lab.py ssh demo",
            file=sys.stderr,
        )
        return status
    print("\n" + "\n".join(table))
    minutes, seconds = divmod(round(time.monotonic() - start), 60)
    print(
        f"\nDone in {minutes} min {seconds} s. Look around: python3 tests/lab/lab.py ssh demo; make demo-down ends it."
    )
    return 0


def _playbook(machine: Machine, record: Path, progress: Progress) -> int:
    """Run the play; while one of its tasks takes long, say how long by now and what the machine's console shows."""
    settings = {
        **os.environ,
        "NOVA_PCI_LAB_MACHINE": str(machine.directory / "machine.json"),
        "NOVA_PCI_RECORD": str(record),
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "recorder",
        "ANSIBLE_INJECT_FACT_VARS": "false",
        "ANSIBLE_PIPELINING": "true",
    }
    argv = [
        "ansible-playbook",
        "-i",
        str(HERE / "inventory" / "hosts.yml"),
        "nova_pci.passthrough.site",
    ]
    process = subprocess.Popen(argv, env=settings, stdin=subprocess.DEVNULL)
    try:
        while True:
            try:
                return process.wait(HEARTBEAT_SECONDS)
            except subprocess.TimeoutExpired:
                progress.say(f"still at it; console: {machine.last_console_line()}")
    except KeyboardInterrupt:
        process.terminate()
        process.wait(timeout=30)
        raise


def _table(record: Path) -> list[str]:
    """The last table that the run showed."""
    table: list[str] = []
    for line in record.read_text(encoding="utf-8").splitlines() if record.exists() else []:
        found = json.loads(line).get("result", {}).get("table")
        table = found if found else table
    return table


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
