# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Restarting a systemd service and seeing that it is up and stays so; where it is not, its own words say why.

`systemctl restart` of a service without notification succeeds before the program has read its configuration. With
Restart=on-failure a service that crashes at once is never seen as failed either: it is activating, and its count of
restarts grows. So the proof is a time in which main process and count stay the same.
"""

from __future__ import annotations

import contextlib
import http.client
import os
import re
import ssl
import stat
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Callable
from urllib.parse import urlsplit

from .._core.errors import MachineProblem
from .._core.journal import ServiceUnit
from .command import Commands, Completed
from .files import Files

SETTLING = {"notify": 3.0, "notify-reload": 3.0}  # seconds, by Type=: it has told already that it is up
SETTLING_OTHERS = 10.0
PATIENCE = 60.0  # seconds for a slow start, and again for the probe's answer

_PAUSE = 0.2
_PROPERTIES = "LoadState,ActiveState,SubState,MainPID,NRestarts,Type,Result"
_SHOW_TIMEOUT = 30.0
_PROBE_TIMEOUT = 5.0
_MOST_OF_A_LOG = 256 * 1024
_MOST_LINES = 15
_MOST_CHARACTERS = 500

_PREFIX = re.compile(r"\d\S* \S+ \d+ [A-Z]+ \S+ ?(?:\[[^\]]*\] ?)?")  # as oslo.log writes it
_LEVEL = re.compile(r"\b(ERROR|CRITICAL|FATAL)\b")
_TRACEBACK = "Traceback (most recent call last):"


@dataclass(frozen=True)
class UnitState:
    """What systemd says of a unit."""

    load: str
    active: str
    sub: str
    pid: int
    restarts: int
    kind: str
    result: str

    @property
    def is_up(self) -> bool:
        return self.active in ("active", "reloading")

    @property
    def has_ended(self) -> bool:
        """It is down, and if systemd starts it once more, then because it crashed."""
        return self.active in ("failed", "inactive") or self.sub.startswith("auto-restart")

    @property
    def words(self) -> str:
        return f"{self.active}, {self.sub}, result {self.result}"


Mark = tuple[int, int, int]  # device, inode and size of a log file


class Services:
    """The services of the machine. *redact* takes secrets out of what they say, *settling* overrides the times above."""

    def __init__(
        self,
        files: Files,
        commands: Commands,
        redact: Callable[[str], str] = str,
        settling: float | None = None,
        patience: float = PATIENCE,
    ) -> None:
        self._files = files
        self._commands = commands
        self._redact = redact
        self._settling = settling
        self._patience = patience

    def state(self, unit: str) -> UnitState:
        argv = ("systemctl", "show", "-p", _PROPERTIES, unit)
        completed = self._commands.run(argv, _SHOW_TIMEOUT)
        if not completed.succeeded:
            problem = f"{completed.outcome}\n{completed.last_words}".rstrip()
            raise MachineProblem(" ".join(argv), problem, "Look whether systemd runs on this host")
        shown = dict(line.partition("=")[::2] for line in completed.stdout.splitlines())
        return UnitState(
            load=shown.get("LoadState", ""),
            active=shown.get("ActiveState", ""),
            sub=shown.get("SubState", ""),
            pid=_number(shown.get("MainPID")),
            restarts=_number(shown.get("NRestarts")),
            kind=shown.get("Type", ""),
            result=shown.get("Result", ""),
        )

    def resting(self, units: Iterable[str]) -> frozenset[str]:
        """Return those of *units* that run nothing on this host: stopped, masked or not installed."""
        if self._commands.find("systemctl") is None:
            return frozenset(units)
        states = {unit: self.state(unit) for unit in units}
        return frozenset(unit for unit, state in states.items() if state.load != "loaded" or state.active == "inactive")

    def require(self, unit: str) -> None:
        """MachineProblem when *unit* could not be started."""
        load = self.state(unit).load
        if load == "loaded":
            return
        problems = {"not-found": "is not installed on this host", "masked": "is masked"}
        fixes = {"not-found": "Install it", "masked": f"Take the mask off (systemctl unmask {unit})"}
        problem = problems.get(load, f"cannot be loaded by systemd (it says {load or 'nothing'})")
        raise MachineProblem(
            unit, problem, f"{fixes.get(load, 'Mend the unit')} and run again; nothing has been changed"
        )

    def restart(self, service: ServiceUnit, argv: Sequence[str], timeout: float, keep_open: Sequence[int] = ()) -> None:
        """Run *argv* and return once *service* is proven to be up; MachineProblem with its last words when it is not."""
        marks = {path: self._mark(path) for path in service.logs}
        began = time.time()
        completed = self._commands.run(argv, timeout, keep_open)
        problem = self._trouble(service) if completed.succeeded else f"{' '.join(argv)} {completed.outcome}"
        if problem is None:
            return
        words = self._words(service, marks, began, completed)
        said = f" and said:\n{words}\n" if words else " and said nothing"
        raise MachineProblem(service.unit, f"{problem}{said}".rstrip(), "Mend what it complains about and run again")

    def forgive(self, unit: str) -> None:
        """Let systemd forget how often *unit* has crashed, or it refuses to start it so soon again."""
        self._commands.run(("systemctl", "reset-failed", unit), _SHOW_TIMEOUT)

    # -- proof

    def _trouble(self, service: ServiceUnit) -> str | None:
        """Return why *service* does not count as up, None when it does."""
        deadline = time.monotonic() + self._patience
        first = self.state(service.unit)
        while not first.is_up:
            if first.has_ended:
                return f"does not run ({first.words})"
            if time.monotonic() >= deadline:
                return f"is not up after {self._patience:g} seconds ({first.words})"
            time.sleep(_PAUSE)
            first = self.state(service.unit)
        settling = SETTLING.get(first.kind, SETTLING_OTHERS) if self._settling is None else self._settling
        deadline = time.monotonic() + settling
        while time.monotonic() < deadline:
            time.sleep(min(_PAUSE, settling))
            now = self.state(service.unit)
            if not now.is_up or now.restarts != first.restarts or (first.pid and now.pid != first.pid):
                return f"does not stay up ({now.words}, started again {now.restarts} times)"
        return None if service.probe is None else self._silence(service.probe)

    def _silence(self, url: str) -> str | None:
        """Return how *url* did not answer, None as soon as it does with a status below 500."""
        deadline = time.monotonic() + self._patience
        while True:
            answer = _answer(url)
            if isinstance(answer, int) and answer < 500:
                return None
            if time.monotonic() >= deadline:
                how = f"with status {answer}" if isinstance(answer, int) else f"not at all ({answer})"
                return f"runs, but {url} answers {how} for {self._patience:g} seconds"
            time.sleep(_PAUSE)

    # -- words

    def _words(self, service: ServiceUnit, marks: dict[str, Mark | None], began: float, completed: Completed) -> str:
        argv = ("journalctl", "-u", service.unit, "--since", f"@{int(began)}", "-n", "40", "-o", "cat", "--no-pager")
        journal = self._commands.run(argv, _SHOW_TIMEOUT)
        texts = [journal.stdout if journal.succeeded else "", *(self._appended(path, marks[path]) for path in marks)]
        told = self._redact("\n".join(texts))  # before a line is cut: half a secret is not known again
        lines = _telling(told.splitlines())
        return "\n".join(lines) or self._redact(completed.last_words)

    def _open(self, path: str) -> int | None:
        """Open a log file; its service may write the folder, so nothing that it could have put there is followed."""
        try:
            descriptor = os.open(self._files.on_disk(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        except (OSError, ValueError):
            return None
        if stat.S_ISREG(os.fstat(descriptor).st_mode):
            return descriptor
        os.close(descriptor)
        return None

    def _mark(self, path: str) -> Mark | None:
        descriptor = self._open(path)
        if descriptor is None:
            return None
        with open(descriptor, "rb"):
            return _mark_of(descriptor)

    def _appended(self, path: str, mark: Mark | None) -> str:
        """Return what was written to the log since *mark*: all of it when it was rotated meanwhile, at most its end."""
        descriptor = self._open(path)
        if descriptor is None:
            return ""
        with open(descriptor, "rb") as stream:
            device, inode, size = _mark_of(descriptor)
            start = mark[2] if mark is not None and mark[:2] == (device, inode) and mark[2] <= size else 0
            cut = max(start, size - _MOST_OF_A_LOG)
            stream.seek(cut)
            with contextlib.suppress(OSError):
                text = stream.read(_MOST_OF_A_LOG).decode("utf-8", "backslashreplace")
                return text.partition("\n")[2] if cut > start else text  # no half line: it could be half a secret
        return ""


def _mark_of(descriptor: int) -> Mark:
    status = os.fstat(descriptor)
    return status.st_dev, status.st_ino, status.st_size


def _number(text: str | None) -> int:
    return int(text) if text is not None and text.isdecimal() else 0


def _answer(url: str) -> int | str:
    """Return the status that *url* answers with, or in words why there is none. No proxy, no redirection, any certificate."""
    parts = urlsplit(url)
    connection: http.client.HTTPConnection | None = None
    try:
        if parts.scheme == "https":
            context = ssl.create_default_context()
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
            connection = http.client.HTTPSConnection(
                parts.hostname or "", parts.port, timeout=_PROBE_TIMEOUT, context=context
            )
        else:
            connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=_PROBE_TIMEOUT)
        connection.request("GET", f"{parts.path or '/'}{'?' * bool(parts.query)}{parts.query}")
        return connection.getresponse().status
    except (OSError, ValueError, http.client.HTTPException) as error:
        return str(error) or type(error).__name__
    finally:
        if connection is not None:
            connection.close()


def _telling(lines: Sequence[str]) -> list[str]:
    """Return the last lines that name an error, each message once; the very last ones when none does."""
    found: dict[str, str] = {}
    inside = False  # of a plain traceback, whose last line is the first that is not indented
    for line in lines:
        prefix = _PREFIX.match(line)
        message = line[prefix.end() :] if prefix is not None else line
        indented = message[:1].isspace() or not message.strip()
        if message.strip() == _TRACEBACK:
            inside = True
        elif not indented and (inside or _LEVEL.search(line)):
            found.pop(message, None)
            found[message] = line.rstrip()
            inside = False
    told = list(found.values()) or [line.rstrip() for line in lines if line.strip()]
    return [line[:_MOST_CHARACTERS] for line in told[-_MOST_LINES:]]
