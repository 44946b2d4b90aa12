"""SSH to a guest whose host key nobody needs to know and which may vanish at any moment."""

from __future__ import annotations

import contextlib
import socket
import subprocess
from collections.abc import Sequence
from pathlib import Path

from .errors import LabError

OPTIONS = {
    "StrictHostKeyChecking": "no",
    "UserKnownHostsFile": "/dev/null",
    "LogLevel": "ERROR",
    "BatchMode": "yes",
    "IdentitiesOnly": "yes",
    # It covers the server's greeting too, for which a guest under emulation beside two others needs its time.
    "ConnectTimeout": "60",
    # Without these a session hangs for ever over a guest's reset.
    "ServerAliveInterval": "4",
    "ServerAliveCountMax": "5",
}


def ensure_key(cache_root: Path) -> Path:
    """The lab's own key pair; images carry its public half, so it lives as long as the cache."""
    key = cache_root / "ssh" / "id_ed25519"
    if not key.exists():
        key.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        argv = ["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "lab", "-f", str(key)]
        subprocess.run(argv, check=True)
    return key


def common_args() -> str:
    """The options as one string, for an Ansible inventory."""
    return " ".join(f"-o {name}={value}" for name, value in OPTIONS.items())


def config_text(name: str, port: int, key: Path, host: str = "127.0.0.1") -> str:
    """An OpenSSH client configuration for one guest, usable by hand with `ssh -F`."""
    lines = [
        f"Host {name}",
        f"  HostName {host}",
        f"  Port {port}",
        "  User root",
        f"  IdentityFile {key}",
        *(f"  {option} {value}" for option, value in OPTIONS.items()),
    ]
    return "\n".join(lines) + "\n"


def answers(port: int, seconds: float = 15.0, host: str = "127.0.0.1") -> bool:
    """Whether an SSH server greets on this port.

    QEMU's port forwarding accepts connections long before the guest listens, so only the
    greeting counts; asking for it is far cheaper than starting a client. Waiting long on one
    connection matters: the guest gets to see all that were given up, and may hold them against us.
    """
    try:
        with socket.create_connection((host, port), timeout=seconds) as connection:
            return connection.recv(4) == b"SSH-"
    except OSError:
        return False


def free_port() -> int:
    """A port that nobody listens on now; the caller must cope with losing a race for it."""
    with contextlib.closing(socket.socket()) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
    return int(port)


class Ssh:
    """Runs commands in one guest."""

    def __init__(self, config: Path, name: str, prefix: Sequence[str] = ()) -> None:
        """`config` is a file as `config_text` makes it; `prefix` is the way into another network namespace."""
        self.argv = [*prefix, "ssh", "-F", str(config), name]

    def run(self, command: str, timeout: float = 300, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a shell command, whatever its exit status; 255 is SSH's own failure."""
        argv = [*self.argv, "--", command]
        try:
            return subprocess.run(
                argv,
                input=stdin if stdin is not None else "",
                capture_output=True,
                text=True,
                timeout=timeout,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LabError(f"`{command}` did not end in the guest within {timeout:.0f} s.") from error

    def output(self, command: str, timeout: float = 300, stdin: str | None = None) -> str:
        """Run a command that must succeed and return what it printed."""
        done = self.run(command, timeout, stdin)
        if done.returncode:
            reason = (done.stderr.strip() or done.stdout.strip() or "no reason given")[-400:]
            raise LabError(f"`{command}` failed in the guest ({done.returncode}): {reason}")
        return done.stdout
