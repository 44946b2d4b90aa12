"""A system container at native speed: systemd-nspawn boots a root file system with its real units.

The tree in the cache is never written to: an overlay takes what the container changes. Only the overlay's mount
outlives this program's processes, and `down` removes it.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Sequence
from pathlib import Path

from .errors import LabError
from .network import Network
from .processes import processes_with
from .progress import Progress

SSH_SECONDS = 300
_OFF_SECONDS = 180


class Container:
    """One container in one folder; `tree` is the root that it starts from."""

    def __init__(self, directory: Path, network: Network) -> None:
        """Name a container; it need not exist yet."""
        self.directory = directory
        self.network = network
        self.root = directory / "root"
        self.console_log = directory / "console.log"

    @property
    def pids(self) -> list[int]:
        """The systemd-nspawn processes of this container, found by their arguments."""
        return processes_with(["--directory", str(self.root)])

    @property
    def running(self) -> bool:
        """Whether it is there; whether its services answer is another question."""
        return bool(self.pids)

    def up(self, tree: Path) -> None:
        """Mount the overlay on `tree` and boot."""
        self.directory.mkdir(parents=True, exist_ok=True)
        self._mount(tree)
        self._boot(())

    def boot(self) -> None:
        """Boot the root that is there, for a build: the container ends with this process, however that ends."""
        self._boot(("setpriv", "--pdeathsig", "KILL"))

    def _boot(self, prefix: Sequence[str]) -> None:
        with self.console_log.open("ab") as log:
            subprocess.Popen(
                [*prefix, *nspawn_argv(self.root, self.network)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                start_new_session=True,
                env={**os.environ, **nspawn_environment(Path("/proc/self/mounts").read_text(encoding="utf-8"))},
            )

    def wait_for_ssh(self, address: str, progress: Progress) -> None:
        """Wait until the container's SSH server greets."""
        deadline = time.monotonic() + SSH_SECONDS
        while not self.network.greets(address):
            if not self.running:
                raise LabError(f"The container ended: {self.last_console_line() or 'it said nothing'}")
            if time.monotonic() > deadline:
                raise LabError(f"The container did not answer over SSH within {SSH_SECONDS} s; see {self.console_log}.")
            progress.heartbeat(f"waiting for the container; console: {self.last_console_line()}")
            time.sleep(0.5)

    def power_off(self) -> None:
        """Let the container's services end properly; for a tree that is to be kept."""
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGTERM)
        if not self._wait_gone(_OFF_SECONDS):
            raise LabError(f"The container did not power off within {_OFF_SECONDS} s; see {self.console_log}.")

    def kill(self) -> None:
        """Kill the container; its first process takes all others along."""
        for pid in self.pids:
            for victim in [*_children(pid), pid]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(victim, signal.SIGKILL)
        if not self._wait_gone(10):
            raise LabError(f"The container in {self.directory} cannot be stopped.")

    def down(self) -> None:
        """Kill the container and remove its folder."""
        self.kill()
        self._unmount()
        if self.directory.exists():
            shutil.rmtree(self.directory)

    def last_console_line(self) -> str:
        """The newest line of the console."""
        try:
            lines = self.console_log.read_text(encoding="utf-8", errors="replace").split("\n")
        except OSError:
            return ""
        return next((line.strip() for line in reversed(lines) if line.strip()), "")[:120]

    def _mount(self, tree: Path) -> None:
        if os.path.ismount(self.root):
            return
        layers = {"lowerdir": tree, "upperdir": self.directory / "changes", "workdir": self.directory / "work"}
        for folder in (self.root, layers["upperdir"], layers["workdir"]):
            folder.mkdir(exist_ok=True)
        words = ",".join(f"{name}={path}" for name, path in layers.items())
        done = subprocess.run(
            ["mount", "-t", "overlay", "nova-pci-lab", "-o", words, str(self.root)],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise LabError(f"An overlay could not be mounted: {done.stderr.strip()}")

    def _unmount(self) -> None:
        deadline = time.monotonic() + 10
        while os.path.ismount(self.root):
            done = subprocess.run(["umount", str(self.root)], capture_output=True, text=True, check=False)
            if done.returncode and time.monotonic() > deadline:
                raise LabError(f"The container's root stays mounted: {done.stderr.strip()}")
            time.sleep(0.2 if done.returncode else 0)

    def _wait_gone(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.running and time.monotonic() < deadline:
            time.sleep(0.2)
        return not self.running


def nspawn_argv(root: Path, network: Network) -> list[str]:
    """Boot `root` inside `network`; nothing here needs the machine's own systemd."""
    return [
        "systemd-nspawn",
        *("--directory", str(root)),
        *("--machine", network.namespace),
        *("--hostname", "ctl"),
        *("--boot", "--register=no", "--keep-unit"),
        f"--network-namespace-path={network.path}",
        *("--resolv-conf=off", "--timezone=off", "--link-journal=no"),
        "--console=read-only",
    ]


def nspawn_environment(mounts: str) -> dict[str, str]:
    """Which cgroups the container sees: version 2, which Debian 13 insists on, wherever the host has it at all.

    A host of the old kind often has version 2 mounted beside version 1; systemd-nspawn uses it only when told to.
    """
    kinds = {line.split()[1]: line.split()[2] for line in mounts.splitlines()}
    if kinds.get("/sys/fs/cgroup") == "cgroup2":
        return {}
    return {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1" if "cgroup2" in kinds.values() else "0"}


def _children(pid: int) -> list[int]:
    with contextlib.suppress(OSError):
        text = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii")
        return [int(word) for word in text.split()]
    return []
