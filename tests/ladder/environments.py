# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Virtual environments, built once and kept under the user's cache folder by a hash of what they are made of."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .machine import Interpreter, MissingError, apt_install, can_build_venvs, dotted

_SCHEMA = "1"  # raise it to build every environment anew
_KEEP = 3  # environments of one name: other checkouts and branches share the cache
_MARKER = "complete"


def cache_root() -> Path:
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "nova-pci-passthrough"


@dataclass(frozen=True)
class Environment:
    """One virtual environment, ready for use."""

    path: Path

    @property
    def bin(self) -> Path:
        return self.path / "bin"

    @property
    def python(self) -> str:
        return str(self.bin / "python")

    def tool(self, name: str) -> str:
        return str(self.bin / name)


def read_requirements(file: Path) -> list[str]:
    lines = (line.split(" #")[0].strip() for line in file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def environment_key(interpreter: Interpreter, requirements: Sequence[str]) -> str:
    """Two environments with the same key hold the same."""
    parts = [_SCHEMA, dotted(interpreter.version), str(interpreter.path), *sorted(requirements)]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:12]


def environment(
    name: str,
    interpreter: Interpreter,
    requirements: Sequence[str],
    say: Callable[[str], None],
    root: Path | None = None,
) -> Environment:
    """Return the environment, building it when it is not there yet.

    It is built in place, as its scripts name their own path, and counts only once its marker is written; whatever an
    interrupted build left is removed by the next one. A lock keeps two runs from building the same.
    """
    folder = (root or cache_root()) / "venvs"
    path = folder / f"{name}-{environment_key(interpreter, requirements)}"
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (path / _MARKER).exists():
            say(f"building the {name} environment with {interpreter.name}")
            _build(path, interpreter, requirements)
        (path / _MARKER).touch()
    _prune(folder, name, path)
    return Environment(path)


def _build(path: Path, interpreter: Interpreter, requirements: Sequence[str]) -> None:
    if not can_build_venvs(interpreter):
        apt_install([f"python{dotted(interpreter.minor)}-venv"])
        if not can_build_venvs(interpreter):
            raise MissingError(f"{interpreter.path} has no ensurepip: install its venv package.", True)
    shutil.rmtree(path, ignore_errors=True)
    _run([str(interpreter.path), "-m", "venv", str(path)], f"Python's venv module at {interpreter.path}")
    pip = [str(path / "bin/python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _run([*pip, *requirements], "pip")


def _run(command: list[str], what: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        errors = [line for line in done.stderr.splitlines() if line.startswith(("ERROR", "Error"))]
        reason = (errors or done.stderr.strip().splitlines() or done.stdout.strip().splitlines() or ["no output"])[-1]
        raise MissingError(f"{what} could not build {' '.join(command[-3:])}: {reason}", True)


def _prune(folder: Path, name: str, in_use: Path) -> None:
    """Remove environments of the same name that nobody has used for a month, and all but the newest few."""

    def last_used(path: Path) -> float:
        marker = path / _MARKER
        return marker.stat().st_mtime if marker.exists() else time.time()

    same = [path for path in folder.glob(f"{name}-????????????") if path != in_use]
    for age, path in enumerate(sorted(same, key=last_used, reverse=True), start=2):
        if age > _KEEP and time.time() - last_used(path) > 24 * 3600:
            shutil.rmtree(path, ignore_errors=True)
