# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the processes of systemd's units in procfs, and reads how they were started. No program is run for it."""

from __future__ import annotations

import os
import re
import time
from collections.abc import Collection
from dataclasses import dataclass, field

from .sysfs import list_directory, read_bytes, read_link

_UNIT = re.compile(rb"/([^/\n]+\.service)(?:/|$)", re.MULTILINE)


@dataclass(frozen=True)
class Process:
    """One process.

    Shape: *started* in seconds since the epoch, *user* the number of its owner, *working_directory* as it is now,
    *environment* as it was at the start; *unreadable* says why it could not be read.
    """

    number: int
    argv: tuple[str, ...]
    started: float | None
    user: int | None
    working_directory: str
    environment: dict[str, str] = field(default_factory=dict)
    unreadable: str | None = None


def read_processes(root: str, units: Collection[str]) -> dict[str, tuple[Process, ...]]:
    """The processes of each of *units* by its name ("nova-compute.service"), the oldest first."""
    proc = f"{root.rstrip('/')}/proc"
    found: dict[str, list[Process]] = {}
    boot = _boot_time(root, proc)
    for number in list_directory(proc)[0]:
        unit = _unit(f"{proc}/{number}") if number.isdecimal() else None
        if unit in units and unit is not None:
            process = _read(f"{proc}/{number}", int(number), boot)
            if process.argv:
                found.setdefault(unit, []).append(process)
    return {unit: tuple(sorted(rows, key=lambda row: (row.started or 0, row.number))) for unit, rows in found.items()}


def _unit(own: str) -> str | None:
    """The innermost service of the process's control group (cgroup(7)): "0::/system.slice/nova-compute.service"."""
    try:
        names = _UNIT.findall(read_bytes(f"{own}/cgroup"))
    except OSError:
        return None
    return os.fsdecode(names[-1]) if names else None


def _read(own: str, number: int, boot: float | None) -> Process:
    why = None
    variables: list[str] = []
    try:
        variables = os.fsdecode(read_bytes(f"{own}/environ")).split("\0")
    except OSError as error:
        why = error.strerror
    return Process(
        number=number,
        argv=_words(own),
        started=_started(own, boot),
        user=_owner(own),
        working_directory=read_link(f"{own}/cwd").text or "/",
        environment={name: value for name, equals, value in (row.partition("=") for row in variables) if equals},
        unreadable=why,
    )


def _words(own: str) -> tuple[str, ...]:
    try:
        raw = os.fsdecode(read_bytes(f"{own}/cmdline"))
    except OSError:
        return ()
    return tuple(raw.rstrip("\0").split("\0")) if raw else ()


def _owner(own: str) -> int | None:
    try:
        return os.stat(own).st_uid
    except OSError:
        return None


def _started(own: str, boot: float | None) -> float | None:
    """The 22nd field of /proc/N/stat, in ticks since boot; the second, a name in parentheses, may hold anything (proc(5))."""
    try:
        fields = read_bytes(f"{own}/stat").rpartition(b")")[2].split()
        return None if boot is None else boot + int(fields[19]) / os.sysconf("SC_CLK_TCK")
    except (OSError, IndexError, ValueError):
        return None


def _boot_time(root: str, proc: str) -> float | None:
    if root == "/":
        return time.time() - time.clock_gettime(time.CLOCK_BOOTTIME)  # /proc/stat only has whole seconds
    try:
        found = re.search(rb"^btime (\d+)", read_bytes(f"{proc}/stat"), re.MULTILINE)
    except OSError:
        return None
    return float(found[1]) if found else None
