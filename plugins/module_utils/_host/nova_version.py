# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which versions are installed: Nova's out of the metadata beside its code, libvirt's and QEMU's from their own files."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Sequence

from .command import Commands
from .sysfs import read_link

Version = tuple[int, int, int]

# Where each Python of a prefix keeps its packages, in the order of its search.
_PACKAGES = ("local/lib/python3*/dist-packages", "local/lib/python3*/site-packages", "local/lib64/python3*/site-packages",
             "lib/python3*/site-packages", "lib64/python3*/site-packages", "lib/python3*/dist-packages")  # fmt: skip
_METADATA = (
    "nova-[0-9]*.dist-info/METADATA",
    "nova-[0-9]*.egg-info/PKG-INFO",
    "nova-[0-9]*-py3*.egg-info",
    "nova.egg-info/PKG-INFO",
)
_LIBRARIES = (
    "usr/lib/*/libvirt.so.0.*",
    "usr/lib64/libvirt.so.0.*",
    "usr/lib/libvirt.so.0.*",
    "usr/local/lib*/libvirt.so.0.*",
)
_QEMUS = ("/usr/libexec/qemu-kvm", "/usr/bin/qemu-kvm", "/usr/bin/kvm")
_SECONDS = 10.0


def read_nova_version(root: str, programs: Iterable[str]) -> tuple[str, str] | None:
    """(version as written, the file that says so) of the Nova that the first of *programs* runs; None when it is not found.

    *programs* are paths of scripts, whose first line names their Python.
    """
    for program in programs:
        for prefix in _prefixes(root, program):
            for folder in _folders(root, prefix):
                for pattern in _METADATA:
                    for path in sorted(glob.glob(f"{glob.escape(folder)}/{pattern}")):
                        version = _field(path, "Version")
                        if version:
                            return version, path[len(root.rstrip("/")) :]
    return None


def packages_of(root: str, programs: Iterable[str], package: str) -> str | None:
    """The folder of *package* ("oslo_config") in the Python of the first of *programs* that has it."""
    for program in programs:
        for prefix in _prefixes(root, program):
            for folder in _folders(root, prefix):
                if os.path.isdir(f"{folder}/{package}"):
                    return f"{folder}/{package}"
    return None


def read_libvirt_version(root: str) -> Version | None:
    """libvirt's build names its library 0.(1000 * major + minor).micro; without one the daemon is asked."""
    names = [path for pattern in _LIBRARIES for path in sorted(glob.glob(f"{root.rstrip('/')}/{pattern}"))]
    for name in names:
        numbers = re.search(r"\.so\.0\.(\d+)\.(\d+)\Z", name)
        if numbers and int(numbers[1]) >= 1000:
            return int(numbers[1]) // 1000, int(numbers[1]) % 1000, int(numbers[2])
    return _ask(root, ("libvirtd", "virtqemud"))


def read_qemu_version(root: str) -> Version | None:
    """The version of the emulator that guests of this machine's own architecture run in."""
    emulators = [f"/usr/bin/qemu-system-{os.uname().machine}"]
    emulators += [
        path[len(root.rstrip("/")) :] for path in sorted(glob.glob(f"{root.rstrip('/')}/usr/bin/qemu-system-*"))
    ]
    return _ask(root, (*_QEMUS[:2], *emulators, *_QEMUS[2:]))


def _ask(root: str, programs: Sequence[str]) -> Version | None:
    commands = Commands(root)
    for program in programs:
        if commands.find(program) is not None:
            done = commands.run([program, "--version"], _SECONDS)
            numbers = re.search(r"(\d+)\.(\d+)(?:\.(\d+))?", done.stdout) if done.succeeded else None
            if numbers:
                return int(numbers[1]), int(numbers[2]), int(numbers[3] or 0)
    return None


def _field(path: str, name: str) -> str | None:
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            for line in file:
                if line.startswith(f"{name}:"):
                    return line.partition(":")[2].strip()
                if not line.strip():
                    return None
    except OSError:
        return None
    return None


def _prefixes(root: str, program: str) -> list[str]:
    """The prefixes of the Python that runs the script *program*: a virtual environment's, then the system's it may use."""
    interpreter = _interpreter(root, program)
    if interpreter is None:
        return []
    prefix = os.path.dirname(os.path.dirname(interpreter))
    base = root.rstrip("/")
    try:
        with open(f"{base}{prefix}/pyvenv.cfg", encoding="utf-8", errors="replace") as file:
            shared = re.search(r"^include-system-site-packages\s*=\s*true", file.read(), re.MULTILINE | re.IGNORECASE)
    except OSError:
        return [prefix]
    return [prefix, "/usr"] if shared else [prefix]


def _interpreter(root: str, program: str) -> str | None:
    """The Python of a script's first line, or of its second where pip found the path too long for a first one."""
    try:
        with open(root.rstrip("/") + program, encoding="utf-8", errors="replace") as file:
            lines = [file.readline(512), file.readline(512)]
    except OSError:
        return None
    found = re.match(r"#!\s*(/\S+)(?:\s+(\S+))?", lines[0])
    if found is None:
        return None
    if found[1].endswith("/env") and found[2]:
        return f"/usr/bin/{found[2]}"
    if found[1].endswith("/sh"):
        longer = re.match(r"'''exec'\s+\"?(/[^\"\s]+)", lines[1])
        return longer[1] if longer else None
    return found[1]


def _folders(root: str, prefix: str) -> list[str]:
    base = root.rstrip("/") + prefix
    minor = re.search(r"python3\.\d+", read_link(f"{base}/bin/python3").text or "")
    folders = [path for pattern in _PACKAGES for path in sorted(glob.glob(f"{glob.escape(base)}/{pattern}"))]
    fitting = (minor[0], "python3") if minor else None
    return [path for path in folders if fitting is None or path.split("/")[-2] in fitting]
