"""A network of one cloud: a namespace of its own with a bridge, so that every cloud may use the same addresses."""

from __future__ import annotations

import contextlib
import ipaddress
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

from .errors import LabError

SUBNET = "10.77.0.0/24"
CONTROLLER = "10.77.0.1"
COMPUTE = "10.77.0.11"
TAP = "tap0"
MOST_COMPUTES = 2
"""Two processors do not bear more emulated hosts."""

_NAMESPACES = Path("/run/netns")
_SOCKETS = Path("/run/nova-pci-lab-ssh")


class Network:
    """One namespace; the controller has the bridge's address, each compute hangs on a tap."""

    def __init__(self, name: str) -> None:
        """Name a network; it need not exist yet."""
        self.namespace = f"nova-pci-lab-{name}"
        self.path = _NAMESPACES / self.namespace
        self.sockets = _SOCKETS / name
        """Where Ansible keeps its open connections: it names them by address, and every cloud has the same addresses."""

    @property
    def prefix(self) -> list[str]:
        """The words that run a command inside."""
        return ["nsenter", f"--net={self.path}", "--"]

    @property
    def exists(self) -> bool:
        """Whether the namespace has its name."""
        return self.path.exists()

    def up(self, computes: int = 1) -> None:
        """Make what is missing, with a tap for each compute host."""
        if not self.exists:
            _ip("netns", "add", self.namespace)
        links = _ip("-n", self.namespace, "-brief", "link", "show")
        for steps in plan(links, computes):
            _ip("-n", self.namespace, *steps)

    def down(self) -> None:
        """End what runs inside and remove the namespace; its links go with the last process in it.

        That is a container whose systemd-nspawn was killed, and connections that Ansible keeps open after its run.
        """
        for pid in self.pids():
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.exists:
            _ip("netns", "delete", self.namespace)
        shutil.rmtree(self.sockets, ignore_errors=True)

    def greets(self, address: str, port: int = 22, seconds: float = 15.0) -> bool:
        """Whether an SSH server greets at this address; see `ssh.answers`."""
        script = (
            "import sys; sys.path[0] = sys.argv[1]; from lab.ssh import answers;"
            " sys.exit(not answers(int(sys.argv[2]), float(sys.argv[3]), sys.argv[4]))"
        )
        words = (Path(__file__).resolve().parent.parent, port, seconds, address)
        argv = [*self.prefix, sys.executable, "-c", script, *map(str, words)]
        return subprocess.run(argv, capture_output=True, check=False).returncode == 0

    def pids(self) -> list[int]:
        """The processes that live in the namespace."""
        if not self.exists:
            return []
        return [int(word) for word in _ip("netns", "pids", self.namespace).split()]


def compute_address(number: int) -> str:
    """Of cmp1, cmp2 and so on."""
    return str(ipaddress.ip_address(COMPUTE) + number - 1)


def tap(number: int) -> str:
    """The link of cmp1, cmp2 and so on."""
    return TAP if number == 1 else f"tap{number - 1}"


def plan(links: str, computes: int = 1) -> list[list[str]]:
    """The commands still to be given, from what `ip -brief link` shows."""
    there = {line.split()[0].partition("@")[0] for line in links.splitlines() if line.split()}
    steps: list[list[str]] = []
    if "br0" not in there:
        steps += [
            ["link", "set", "lo", "up"],
            ["link", "add", "br0", "type", "bridge"],
            ["address", "add", f"{CONTROLLER}/{SUBNET.partition('/')[2]}", "dev", "br0"],
            ["link", "set", "br0", "up"],
        ]
    for name in map(tap, range(1, computes + 1)):
        if name not in there:
            steps += [
                ["tuntap", "add", name, "mode", "tap"],
                ["link", "set", name, "master", "br0", "up"],
            ]
    return steps


def _ip(*words: str) -> str:
    done = subprocess.run(["ip", *words], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"`ip {' '.join(words)}` failed: {done.stderr.strip() or 'no reason given'}")
    return done.stdout
