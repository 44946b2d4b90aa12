# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The lab machine that faults are put into: playbooks run on it, what stands on its disk, how far a run has come."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lab.machine import Machine
from lab.recorded import changed, failed_findings, results

ROOT = Path(__file__).resolve().parents[2]
HERE = Path(__file__).resolve().parent
SCENARIO = ROOT / "extensions/molecule/host"
INVENTORY = ROOT / "tests/lab/inventory/hosts.yml"
RUN = "nova_pci.passthrough.host"
CHECK = str(SCENARIO / "drift.yml")
REMOVE = str(SCENARIO / "remove.yml")
STATE = "/var/lib/nova-pci-passthrough"
DROP_IN = "/etc/default/grub.d/zz-nova-pci-passthrough.cfg"
BUSY = "another run is at work on this host"
SECONDS = 1200  # three times what a run with a reboot takes on a busy machine

DEVICES = [
    {"alias": "nic", "vendor_id": "8086", "product_id": "10d3", "device_type": "type-PCI", "driver": "vfio-pci"},
    {
        "alias": "vf",
        "vendor_id": "8086",
        "product_id": "10c9",
        "device_type": "type-VF",
        "num_vfs": 2,
        "driver": "native",
    },
]


@dataclass(frozen=True)
class Outcome:
    """How a playbook ended: its status, the record of its results (lab/recorded.py), and all that it printed."""

    status: int
    rows: list[dict[str, Any]]
    text: str

    def results(self, module: str) -> list[dict[str, Any]]:
        return results(self.rows, module)

    @property
    def changed(self) -> list[str]:
        return changed(self.rows)

    def wrong_findings(self, pending: bool = True) -> list[dict[str, Any]]:
        """What host_verify found wrong; with *pending*, what waits for a reboot is not."""
        return [row for row in failed_findings(self.rows) if not pending or row.get("state") != "pending reboot"]

    @property
    def message(self) -> str:
        """The words of the last result of ours, which is the one that failed."""
        ours = [row["result"] for row in self.rows if row["event"] == "result"]
        return str(ours[-1].get("msg", "")) if ours else self.text


class Play:
    """One ansible-playbook at work."""

    def __init__(self, process: subprocess.Popen[bytes], record: Path, log: Path) -> None:
        self.process = process
        self.record = record
        self.log = log

    def wait(self, seconds: float = SECONDS) -> Outcome:
        try:
            status = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.kill()
            raise
        lines = self.record.read_text(encoding="utf-8").splitlines() if self.record.exists() else []
        return Outcome(
            status, [json.loads(line) for line in lines], self.log.read_text(encoding="utf-8", errors="replace")
        )

    def kill(self) -> None:
        """End the controller's side alone, workers and connections with it."""
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@dataclass
class Watch:
    """What watch_in_guest.py says of a run while it is under way: each event with the seconds since the first look."""

    process: subprocess.Popen[str]
    start: float = field(default_factory=time.monotonic)
    seen: dict[str, float] = field(default_factory=dict)

    def read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.seen.setdefault(line.strip(), time.monotonic() - self.start)

    def wait_for(self, event: str, play: Play, seconds: float = 600) -> float:
        """When *event* was seen; an error when the playbook ends without it."""
        deadline = time.monotonic() + seconds
        while event not in self.seen:
            assert time.monotonic() < deadline, f"{event} did not come; seen: {self.seen}"
            assert play.process.poll() is None, f"the run ended without {event}; seen: {self.seen}"
            time.sleep(0.01)
        return self.seen[event]


class Guest:
    """The machine and what it looked like before its first run."""

    def __init__(self, machine: Machine, folder: Path) -> None:
        self.machine = machine
        self.pristine: list[str] = []
        self.pristine_line = ""
        self._folder = folder
        self._plays: list[Play] = []

    # -- before and after

    def keep_pristine(self) -> None:
        self.pristine = self.manifest(images=True)
        self.pristine_line = self.command_line()

    def thaw(self) -> None:
        """Back to before the first run. A play that a failed test has left would go on there: it ends first."""
        self._end_plays()
        self.machine.thaw()

    def _end_plays(self) -> None:
        for play in self._plays:
            play.kill()
        self.drop_connections()

    def cut(self) -> None:
        """The power goes. Nobody asks the guest, and what it had not flushed to its disk is lost."""
        self.machine.cut()

    def copy_disk(self, path: Path) -> None:
        """Copy what is on the disk this moment to *path*; QEMU stands still meanwhile and is asked nothing."""
        pids = self.machine.pids
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            shutil.copyfile(self._disk, path)
        finally:
            for pid in pids:
                os.kill(pid, signal.SIGCONT)

    def take_disk(self, path: Path) -> None:
        """Let the machine, which is off, boot from what copy_disk() has kept at *path*."""
        shutil.copyfile(path, self._disk)

    @property
    def _disk(self) -> Path:
        return self.machine.directory / "disk.qcow2"

    def boot(self) -> float:
        start = time.monotonic()
        self.machine.up()
        return time.monotonic() - start

    # -- looking

    def ssh(self, command: str) -> str:
        return self.machine.ssh.output(command)

    def command_line(self) -> str:
        return self.ssh("cat /proc/cmdline").strip()

    def manifest(self, images: bool = False) -> list[str]:
        """Every file that a run might touch, as the scenario `host` lists it; with *images* the bytes of each initramfs too."""
        script = (SCENARIO / "manifest.sh").read_text(encoding="utf-8")
        more = "sha256sum /boot/initrd* | sort\n" if images else ""
        return self.machine.ssh.output("sh", stdin=script + more).splitlines()

    def journal(self) -> dict[str, Any] | None:
        text = self.ssh(f"cat {STATE}/journal.json 2>/dev/null || true")
        return json.loads(text) if text else None

    def reads(self, path: str) -> str:
        return self.ssh(f"sha256sum < {path}").split()[0]

    # -- running

    def start(self, playbook: str = RUN, *options: str, reboot: bool = False, **variables: object) -> Play:
        """Start a playbook in a session of its own, whose connections lie in a folder of their own."""
        number = len(self._plays) + 1
        record, log = self._folder / f"{number}.jsonl", self._folder / f"{number}.log"
        values = {"pci_passthrough_devices": DEVICES, "pci_passthrough_reboot": reboot, **variables}
        program = str(Path(sys.executable).parent / "ansible-playbook")
        argv = [program, "-i", str(INVENTORY), playbook, "-e", json.dumps(values), *options]
        settings = {
            "NOVA_PCI_LAB_MACHINE": str(self.machine.directory / "machine.json"),
            "NOVA_PCI_RECORD": str(record),
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests/lab/callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "recorder",
            "ANSIBLE_INJECT_FACT_VARS": "false",
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_HOST_KEY_CHECKING": "false",
            "ANSIBLE_SSH_CONTROL_PATH_DIR": str(self.connections),
            "ANSIBLE_NOCOLOR": "1",
        }
        with log.open("wb") as output:
            process = subprocess.Popen(
                argv,
                env={**os.environ, **settings},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )
        self._plays.append(Play(process, record, log))
        return self._plays[-1]

    def play(self, playbook: str = RUN, *options: str, reboot: bool = False, **variables: object) -> Outcome:
        return self.start(playbook, *options, reboot=reboot, **variables).wait()

    @contextlib.contextmanager
    def watched(self) -> Iterator[Watch]:
        """Watch how far a run comes, over a connection of its own; the watcher listens before this returns."""
        program = (HERE / "watch_in_guest.py").read_text(encoding="utf-8")
        process = subprocess.Popen(
            [*self.machine.ssh.argv, "--", "python3 -u -"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        assert process.stdin is not None
        process.stdin.write(program)
        process.stdin.close()
        watch = Watch(process)
        reader = threading.Thread(target=watch.read, daemon=True)
        reader.start()
        deadline = time.monotonic() + 60
        while "listening" not in watch.seen:
            assert time.monotonic() < deadline, "the watcher does not start"
            time.sleep(0.05)
        try:
            yield watch
        finally:
            process.kill()
            process.wait()
            reader.join(5)
            if process.stdout is not None:
                process.stdout.close()

    # -- connections of Ansible to the machine

    @property
    def connections(self) -> Path:
        """Where Ansible keeps its connections open: a short path, for a socket's name has no room for a long one."""
        folder = Path(tempfile.gettempdir()) / f"faults-{self.machine.name}-{os.getpid()}"
        folder.mkdir(mode=0o700, exist_ok=True)
        return folder

    def wait_for_connection(self, seconds: float = 120) -> None:
        """Wait until Ansible is logged in."""
        deadline = time.monotonic() + seconds
        while not self._connected():
            assert time.monotonic() < deadline, "Ansible does not connect"
            time.sleep(0.05)

    def drop_connections(self) -> int:
        """Kill every connection that Ansible has to the machine; returns how many. To a module's own ssh it is a lost connection."""
        killed = 0
        for pid in self._connected():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed += 1
        return killed

    def _connected(self) -> list[int]:
        """The processes that keep Ansible's connections to the machine open: once logged in they call themselves [mux]."""
        needle, found = str(self.connections).encode(), []
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit():
                with contextlib.suppress(OSError):
                    words = (entry / "cmdline").read_bytes().rstrip(b"\0 ")
                    if words.startswith(b"ssh: ") and needle in words and words.endswith(b"[mux]"):
                        found.append(int(entry.name))
        return found

    def close(self) -> None:
        self._end_plays()
        shutil.rmtree(self.connections, ignore_errors=True)
