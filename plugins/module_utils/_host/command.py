# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running the machine's own tools: argument lists, never a shell; output captured; a time-out that really ends them."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

_SEARCH = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
_LAST_LINES = 15
_GRACE = 5.0  # seconds between "please end" and "end"


@dataclass(frozen=True)
class Completed:
    """How a command ended. *status* is None when it could not be started or did not end in time."""

    argv: tuple[str, ...]
    status: int | None
    stdout: str = ""
    stderr: str = ""
    problem: str | None = None

    @property
    def succeeded(self) -> bool:
        return self.status == 0

    @property
    def outcome(self) -> str:
        """How it ended, in words: "ended with status 1"."""
        if self.problem is not None:
            return self.problem
        if self.status is not None and self.status < 0:
            return f"was killed by signal {-self.status}"
        return f"ended with status {self.status}"

    @property
    def last_words(self) -> str:
        """The last lines of what it said, standard error last."""
        lines = [line.rstrip() for line in (self.stdout + "\n" + self.stderr).splitlines() if line.strip()]
        return "\n".join(lines[-_LAST_LINES:])


class Commands:
    """Runs commands on the machine below *root*; with another root than "/" only tools that lie below it."""

    def __init__(self, root: str = "/") -> None:
        self._prefix = "" if root == "/" else root.rstrip("/")

    def find(self, name: str) -> str | None:
        """Return the file that *name* starts, None when there is none."""
        candidates = [name] if name.startswith("/") else [f"{directory}/{name}" for directory in _SEARCH]
        if "/" in name and not name.startswith("/"):
            return None
        for candidate in candidates:
            place = self._prefix + candidate
            if os.path.isfile(place) and os.access(place, os.X_OK):
                return place
        return None

    def run(self, argv: Sequence[str], timeout: float, keep_open: Sequence[int] = ()) -> Completed:
        """Run *argv* to its end. *keep_open*: descriptors it inherits (the lock, which so lasts as long as it)."""
        words = tuple(argv)
        program = self.find(words[0])
        if program is None:
            return Completed(words, None, problem="is not installed")
        try:
            # Not AnsibleModule.run_command(): _host knows no ansible, and a time-out must end all children too.
            process = subprocess.Popen(  # pylint: disable=ansible-bad-function
                [program, *words[1:]],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environment(),
                cwd="/",
                close_fds=True,
                pass_fds=tuple(keep_open),
                start_new_session=True,
            )
        except OSError as error:
            return Completed(words, None, problem=f"could not be started ({error.strerror})")
        except ValueError as error:  # a word that no program can be given, as a half of a surrogate pair
            return Completed(words, None, problem=f"could not be started ({error})")
        try:
            stdout, stderr = process.communicate(timeout=timeout)
        except subprocess.TimeoutExpired:
            stdout, stderr = _end(process)
            problem = f"did not end within {timeout:g} seconds and was stopped"
            return Completed(words, None, _text(stdout), _text(stderr), problem)
        except BaseException:  # a signal to us: never leave the tool behind
            _end(process)
            raise
        return Completed(words, process.returncode, _text(stdout), _text(stderr))

    def _environment(self) -> dict[str, str]:
        search = ":".join(_SEARCH)
        environment = {"LC_ALL": "C", "HOME": "/root", "PATH": search}
        if self._prefix:
            environment["PATH"] = ":".join(self._prefix + directory for directory in _SEARCH) + ":" + search
            environment["NOVA_PCI_ROOT"] = self._prefix
        return environment


def _end(process: subprocess.Popen[bytes]) -> tuple[bytes, bytes]:
    for number, patience in ((signal.SIGTERM, _GRACE), (signal.SIGKILL, _GRACE)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        try:
            return process.communicate(timeout=patience)
        except subprocess.TimeoutExpired:
            continue
    return b"", b""


def _text(output: bytes) -> str:
    return output.decode("utf-8", "backslashreplace")
