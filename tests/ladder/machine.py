# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What this machine offers to the checks: Pythons, root, Debian's packages. What it lacks is said in one sentence."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

_PROBE = "import sys; print(*sys.version_info[:3], sys.executable)"


class MissingError(Exception):
    """This machine lacks something that a step needs.

    Shape: the text is one sentence; *installable* says that this program could have brought it by itself, which
    in CI makes its absence a failure.
    """

    def __init__(self, sentence: str, installable: bool = False) -> None:
        self.installable = installable
        super().__init__(sentence)


@dataclass(frozen=True, order=True)
class Interpreter:
    """One real Python (no pyenv shim): its version and its binary."""

    version: tuple[int, int, int]
    path: Path

    @property
    def minor(self) -> tuple[int, int]:
        return self.version[:2]

    @property
    def name(self) -> str:
        return f"Python {dotted(self.minor)}"


def dotted(version: tuple[int, ...]) -> str:
    return ".".join(str(part) for part in version)


def in_ci() -> bool:
    return os.environ.get("CI", "").lower() in ("1", "true", "yes")


def is_root() -> bool:
    return os.geteuid() == 0


def is_debian() -> bool:
    return Path("/etc/debian_version").exists() and shutil.which("apt-get") is not None


def require_debian_root(what: str) -> None:
    lacking = [name for name, there in (("root", is_root()), ("a Debian machine", is_debian())) if not there]
    if lacking:
        raise MissingError(f"{what} needs {' and '.join(lacking)}.")


def _candidates() -> list[Path]:
    """Every file that may be a Python 3, wherever machines usually keep them."""
    folders = [Path(folder) for folder in os.environ.get("PATH", os.defpath).split(os.pathsep) if folder]
    folders += [Path("/usr/bin"), Path("/usr/local/bin")]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders += sorted(pyenv.glob("versions/3.*/bin"))
    folders += sorted(Path("/opt").glob("python*/bin"))
    folders += sorted((Path.home() / ".local/share/uv/python").glob("*/bin"))
    files = [file for folder in folders if folder.is_dir() for file in sorted(folder.glob("python3*"))]
    return [file for file in files if re.fullmatch(r"python3(\.\d+)?", file.name)]


def _probe(file: Path) -> Interpreter | None:
    try:
        done = subprocess.run([str(file), "-I", "-c", _PROBE], capture_output=True, text=True, timeout=30, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    words = done.stdout.split(maxsplit=3)
    if done.returncode or len(words) != 4:
        return None
    major, minor, micro = (int(word) for word in words[:3])
    return Interpreter((major, minor, micro), Path(words[3].strip()).resolve())


def _in_a_venv(binary: Path) -> bool:
    return (binary.parent.parent / "pyvenv.cfg").exists()


def find_interpreters() -> dict[tuple[int, int], Interpreter]:
    """One interpreter for each Python 3 release of this machine; the one that runs this program goes first."""
    found: dict[tuple[int, int], Interpreter] = {}
    seen: set[Path] = set()
    for file in [Path(getattr(sys, "_base_executable", sys.executable)), *_candidates()]:
        real = file.resolve()
        if real in seen or _in_a_venv(file):
            continue
        seen.add(real)
        interpreter = _probe(file)
        if interpreter is not None:
            found.setdefault(interpreter.minor, interpreter)
    return found


def in_range(
    interpreters: dict[tuple[int, int], Interpreter], oldest: tuple[int, int], newest: tuple[int, int]
) -> list[Interpreter]:
    """Those from *oldest* to *newest*; the one that runs this program first, then the oldest first."""
    fitting = [interpreter for minor, interpreter in sorted(interpreters.items()) if oldest <= minor <= newest]
    return sorted(fitting, key=lambda interpreter: interpreter.minor != tuple(sys.version_info[:2]))


def can_build_venvs(interpreter: Interpreter) -> bool:
    done = subprocess.run(
        [str(interpreter.path), "-I", "-c", "import ensurepip, ssl, venv"], capture_output=True, check=False
    )
    return done.returncode == 0


def bring_programs(programs: dict[str, str], say: Callable[[str], None]) -> None:
    """Install the Debian packages of those *programs* (program -> package) that are missing, as far as that is possible.

    Tests that need one skip themselves without it; only in CI is it an error that it could not be brought.
    """
    path = f"{os.environ.get('PATH', os.defpath)}:/usr/sbin:/sbin"
    packages = sorted({package for program, package in programs.items() if shutil.which(program, path=path) is None})
    if not packages:
        return
    say(f"installing {' '.join(packages)}")
    try:
        apt_install(packages)
    except MissingError as missing:
        if missing.installable and in_ci():
            raise
        say(str(missing))


def apt_install(packages: list[str]) -> None:
    """Bring Debian packages; MissingError says which and why not."""
    require_debian_root(f"Installing {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    install = ["apt-get", "install", "-y", "-q", "--no-install-recommends", *packages]
    done = subprocess.run(install, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        subprocess.run(["apt-get", "update", "-q"], env=environment, capture_output=True, check=False)
        done = subprocess.run(install, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise MissingError(f"{' '.join(packages)} is missing and apt-get could not install it: {reason}.", True)
