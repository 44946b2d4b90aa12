# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where steps run: the environments they share, their scratch folder, and how a command is run and watched."""

from __future__ import annotations

import contextlib
import functools
import hashlib
import os
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import collection, cores
from .collection import ROOT
from .cores import Core
from .environments import Environment, cache_root, environment, read_requirements
from .machine import Interpreter, MissingError, find_interpreters
from .report import Counts, count_one, last_line

HEARTBEAT_SECONDS = 30
GRACE_SECONDS = 120  # how long an interrupted step may take to tidy up
EXIT_NOT_POSSIBLE_HERE = 3  # how tests/lab says "not on this machine"


@dataclass(frozen=True)
class Command:
    """One program to run; *count* turns its output into numbers."""

    argv: list[str]
    cwd: Path = ROOT
    env: dict[str, str] = field(default_factory=dict)
    count: Callable[[str, bool], Counts] = count_one
    limit: float = 20 * 60  # seconds; whatever takes longer hangs
    may_be_impossible: bool = False  # it exits with 3 and one sentence where the machine cannot do it


class Workshop:
    """Made once for a run. Nothing is built or looked for before a step asks for it."""

    def __init__(self, scratch: Path, say: Callable[[str], None]) -> None:
        self.scratch = scratch
        self.say = say
        self.planning = threading.Lock()  # held while a step asks for what is made once
        self.stopping = threading.Event()  # set: what runs beside the main thread is to end

    @functools.cached_property
    def interpreters(self) -> dict[tuple[int, int], Interpreter]:
        return find_interpreters()

    @functools.cached_property
    def everyday(self) -> tuple[Core, Interpreter]:
        return cores.everyday_core(self.interpreters)

    @functools.cached_property
    def check_environment(self) -> Environment:
        """Lint, types, unit tests, and an ansible-core to import."""
        core, interpreter = self.everyday
        return self._environment("check", interpreter, "check.txt", core.requirement)

    @functools.cached_property
    def release_environment(self) -> Environment:
        """ansible-lint, molecule, antsibull-changelog."""
        core, interpreter = self.everyday
        return self._environment("release", interpreter, "release.txt", core.requirement)

    @functools.cached_property
    def cloud_environment(self) -> Environment:
        """molecule and OpenStack's clients, for the lab's cloud."""
        core, interpreter = self.everyday
        return self._environment("cloud", interpreter, "cloud.txt", core.requirement)

    @functools.cached_property
    def browser_environment(self) -> Environment:
        """What drives a browser; the browser itself is Debian's."""
        _core, interpreter = self.everyday
        return self._environment("browser", interpreter, "browser.txt")

    @functools.cached_property
    def ecosystem_environment(self) -> Environment:
        """What brings a collection to people: the documentation site, Galaxy's importer, ansible-runner, ansible-builder."""
        core, interpreter = self.everyday
        return self._environment("ecosystem", interpreter, "ecosystem.txt", core.requirement)

    def core_environment(self, core: Core) -> Environment:
        interpreter = core.interpreter(self.interpreters)
        return self._environment(f"core-{core.release}", interpreter, "ansible-test.txt", core.requirement)

    def python_environment(self, minor: tuple[int, int]) -> Environment:
        """pytest and nothing of Ansible on one more Python; ansible-test lends its own to the modules' tests."""
        interpreter = self.interpreters.get(minor)
        if interpreter is None:
            raise MissingError(f"Python {minor[0]}.{minor[1]} is not on this machine.")
        return self._environment(f"python-{minor[0]}.{minor[1]}", interpreter, "python.txt")

    def _environment(self, name: str, interpreter: Interpreter, file: str, *more: str) -> Environment:
        requirements = [*read_requirements(ROOT / "tests/requirements" / file), *more]
        return environment(name, interpreter, requirements, self.say)

    @functools.cached_property
    def collections(self) -> Path:
        """A folder for ANSIBLE_COLLECTIONS_PATH with this checkout in it, the same one every time."""
        folder = cache_root() / "checkouts" / hashlib.sha256(str(ROOT).encode()).hexdigest()[:12]
        collection.linked(folder)
        return folder

    def ansible_settings(self, environment: Environment) -> dict[str, str]:
        """What ansible and molecule need to find this checkout, and nothing of the user's own settings."""
        configuration = self.collections / "ansible.cfg"  # an empty one, so that the user's own is not read
        configuration.touch()
        return {
            "PATH": f"{environment.bin}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
            "ANSIBLE_COLLECTIONS_PATH": str(self.collections),
            "ANSIBLE_CONFIG": str(configuration),
            "ANSIBLE_INJECT_FACT_VARS": "false",
            "ANSIBLE_HOME": str(self.scratch / "ansible-home"),
            "ANSIBLE_DEPRECATION_WARNINGS": "true",
        }

    def place_for_ansible_test(self, name: str) -> Path:
        return collection.copied(self.scratch / name)

    def ansible_test_settings(self, core: Core, environment: Environment, *first: Path) -> dict[str, str]:
        """HOME and PATH for ansible-test; it looks for other Pythons in the folders *first*."""
        home = (
            cache_root() / "ansible-test-home" / core.release
        )  # ansible-test builds its own environments there, unlocked
        cores.prepare_home(home, environment)
        own = core.interpreter(self.interpreters)
        pythons = cores.interpreters_folder(self.scratch / f"pythons-{core.release}", self.interpreters, own)
        path = [str(environment.bin), *map(str, first), str(pythons), "/usr/local/bin", "/usr/bin", "/bin"]
        return {"HOME": str(home), "PATH": os.pathsep.join(path)}


@contextlib.contextmanager
def workshop(say: Callable[[str], None]) -> Iterator[Workshop]:
    with tempfile.TemporaryDirectory(prefix="nova-pci-", ignore_cleanup_errors=True) as scratch:
        yield Workshop(Path(scratch).resolve(), say)


def run_command(command: Command, log: Path, say: Callable[[str], None], stopping: threading.Event) -> tuple[bool, str]:
    """Run and watch one command; True when it succeeded, and what it printed.

    An interrupt, or *stopping* for one that runs beside the main thread, is passed on to the command and its children,
    who get time to tidy up.
    """
    with log.open("a+", encoding="utf-8", errors="replace") as output:
        begin = output.tell()
        output.write(f"$ {' '.join(command.argv)}\n")
        output.flush()
        process = subprocess.Popen(
            command.argv,
            cwd=command.cwd,
            env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1", **command.env},
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        in_time = True
        try:
            in_time = _watch(process, log, say, command.limit, stopping)
            if not in_time:
                _end(process)
                output.write(f"\nended after {command.limit:.0f} s, its limit\n")
        except BaseException:
            say("interrupted; waiting for the step to tidy up")
            _end(process)
            raise
    text = log.read_text(encoding="utf-8", errors="replace")[begin:].split("\n", 1)[-1]
    if in_time and process.returncode == EXIT_NOT_POSSIBLE_HERE and command.may_be_impossible:
        raise MissingError(last_line(text), installable=False)
    return in_time and process.returncode == 0, text


def _watch(
    process: subprocess.Popen[bytes], log: Path, say: Callable[[str], None], limit: float, stopping: threading.Event
) -> bool:
    """False when the command still runs at its limit."""
    start = time.monotonic()
    heartbeat = start + HEARTBEAT_SECONDS
    while True:
        now = time.monotonic()
        try:
            process.wait(max(min(1, heartbeat - now, start + limit - now), 0))
            return True
        except subprocess.TimeoutExpired:
            now = time.monotonic()
            if stopping.is_set():
                raise KeyboardInterrupt from None
            if now - start >= limit:
                return False
            if now >= heartbeat:
                heartbeat = now + HEARTBEAT_SECONDS
                word = last_line(log.read_text(encoding="utf-8", errors="replace"))
                say(f"  still at it after {now - start:.0f} s: {word}")


def _end(process: subprocess.Popen[bytes]) -> None:
    for number, patience in ((signal.SIGINT, GRACE_SECONDS), (signal.SIGTERM, 20), (signal.SIGKILL, 20)):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(patience)
            break
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
