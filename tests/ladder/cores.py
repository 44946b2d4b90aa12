# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-test on a machine without a container engine, and on a network without its file server."""

from __future__ import annotations

import ast
import re
import subprocess
from dataclasses import dataclass
from pathlib import Path

from .environments import Environment
from .machine import Interpreter, MissingError, dotted, in_range

# Stands in for the get-pip script that ansible-test downloads from a server of its own. It gets pip's options and the
# exact pip to install; Python's ensurepip and the ordinary package index serve as well.
_GET_PIP = """\
import subprocess
import sys

subprocess.check_call([sys.executable, "-m", "ensurepip", "--default-pip"], stdout=subprocess.DEVNULL)
arguments = [argument for argument in sys.argv[1:] if not argument.startswith("--no-")]
subprocess.check_call([sys.executable, "-m", "pip", "install", "--quiet", *arguments])
"""


@dataclass(frozen=True)
class Core:
    """One release of ansible-core: the Pythons of its controller, then of its hosts (ansible_test's constants.py)."""

    release: str
    oldest: tuple[int, int]
    newest: tuple[int, int]
    oldest_host: tuple[int, int]
    newest_host: tuple[int, int]

    @property
    def requirement(self) -> str:
        return f"ansible-core~={self.release}.0"

    def interpreter(self, interpreters: dict[tuple[int, int], Interpreter]) -> Interpreter:
        """The Python to run it with; MissingError when this machine has none."""
        fitting = in_range(interpreters, self.oldest, self.newest)
        if not fitting:
            has = ", ".join(dotted(minor) for minor in sorted(interpreters)) or "none"
            raise MissingError(
                f"ansible-core {self.release} needs Python {dotted(self.oldest)} to {dotted(self.newest)}"
                f" and this machine has {has}."
            )
        return fitting[0]


# Every release that meta/runtime.yml lets in, the oldest first.
CORES = (
    Core("2.19", (3, 11), (3, 13), (3, 8), (3, 13)),
    Core("2.20", (3, 12), (3, 14), (3, 9), (3, 14)),
    Core("2.21", (3, 12), (3, 14), (3, 9), (3, 14)),
)


def everyday_core(interpreters: dict[tuple[int, int], Interpreter]) -> tuple[Core, Interpreter]:
    """The oldest supported release that runs here: what works with it works with the newer ones."""
    problems = []
    for core in CORES:
        try:
            return core, core.interpreter(interpreters)
        except MissingError as problem:
            problems.append(str(problem))
    raise MissingError(problems[0])


def core_for_host(minor: tuple[int, int], interpreters: dict[tuple[int, int], Interpreter]) -> Core:
    """The oldest release that runs here and still reaches a host with that Python."""
    problems = []
    for core in CORES:
        if core.oldest_host <= minor <= core.newest_host:
            try:
                core.interpreter(interpreters)
                return core
            except MissingError as problem:
                problems.append(str(problem))
    raise MissingError(
        problems[0] if problems else f"No supported ansible-core reaches a host with Python {dotted(minor)}."
    )


def pip_versions(source: str) -> list[str]:
    """Every pip that ansible-test may bootstrap, out of its python_requirements.py."""
    return sorted(set(re.findall(r"\bpip['\"]?\s*[=:]\s*['\"](\d[\d.]*)['\"]", source)))


def prepare_home(home: Path, environment: Environment) -> None:
    """Lay out *home* so that ansible-test finds its pip bootstrap and pip finds the user's package index.

    ansible-test hands pip none of the user's environment, so pip's settings go into a file; it is for the owner's
    eyes only, as an index address may hold a password.
    """
    sources = next(environment.path.glob("lib/python3*/site-packages/ansible_test"))
    versions = pip_versions((sources / "_internal/python_requirements.py").read_text(encoding="utf-8"))
    if not versions:
        raise MissingError(f"{sources} names no pip to bootstrap; tests/ladder/cores.py must learn where.")
    cache = home / ".ansible/test/cache"
    cache.mkdir(parents=True, exist_ok=True)
    for version in versions:
        (cache / f"get_pip_{version.replace('.', '_')}.py").write_text(_GET_PIP, encoding="utf-8")
    listed = subprocess.run(
        [environment.python, "-m", "pip", "config", "list"], capture_output=True, text=True, check=False
    )
    settings = home / ".config/pip/pip.conf"
    settings.parent.mkdir(parents=True, exist_ok=True)
    settings.touch(mode=0o600)
    settings.write_text(pip_settings(listed.stdout), encoding="utf-8")


def pip_settings(listing: str) -> str:
    """Turn the answer of "pip config list" into a configuration file that says the same."""
    values: dict[str, str] = {}
    for line in listing.splitlines():
        match = re.fullmatch(r"(global|install|:env:)\.([\w-]+)=(.*)", line)
        if match:
            values[match.group(2)] = str(ast.literal_eval(match.group(3)))
    lines = [f"{key} = {' '.join(value.split())}" for key, value in sorted(values.items()) if key != "config-file"]
    return "\n".join(["[global]", *lines]) + "\n"


def interpreters_folder(folder: Path, interpreters: dict[tuple[int, int], Interpreter], own: Interpreter) -> Path:
    """A folder for PATH that holds python3.N for each real interpreter but *own*, which the environment brings."""
    folder.mkdir(parents=True, exist_ok=True)
    for minor, interpreter in interpreters.items():
        link = folder / f"python{dotted(minor)}"
        if minor != own.minor and not link.is_symlink():
            link.symlink_to(interpreter.path)
    return folder
