# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Detection of 4,096 functions against the least that reading them can cost. Prints ratios of one run.

    python tests/benchmark/detection.py [--functions N] [--rounds N] [--write]

The bare loop opens, reads and closes the same files by their names and does nothing else. Counted is processor time, children
included. Each round runs every contender once, one after the other, and each one's best round counts, so that a busy machine
bends the ratios as little as can be.
--write puts the table into docs/performance.md.
"""

from __future__ import annotations

import argparse
import importlib
import os
import re
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/unit"))
importlib.import_module("conftest")  # makes the collection importable

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory  # noqa: E402
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine  # noqa: E402
from ansible_collections.nova_pci.passthrough.tests.benchmark.page import measured_on, write_part  # noqa: E402

READING_GOAL = 2.0
MEMORY_GOAL_MIB = 100
_FUNCTION_FILE = re.compile(r"/([0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7])/([^/]+)\Z")


def opened_files(root: str) -> list[str]:
    """Every file that one detection reads, by the plain name that a bare loop would use."""
    found: list[str] = []
    real = os.open

    def spy(path: str, flags: int, mode: int = 0o777, *, dir_fd: int | None = None) -> int:
        file = real(path, flags, mode, dir_fd=dir_fd)
        if not flags & os.O_DIRECTORY:
            found.append(os.readlink(f"/proc/self/fd/{file}"))
        return file

    os.open = spy  # type: ignore[assignment]
    try:
        read_machine(root)
    finally:
        os.open = real
    devices = f"{root}/sys/bus/pci/devices"
    matches = ((_FUNCTION_FILE.search(path), path) for path in found)
    return [f"{devices}/{match.group(1)}/{match.group(2)}" if match else path for match, path in matches]


def bare_loop(paths: list[str]) -> None:
    for path in paths:
        file = os.open(path, os.O_RDONLY)
        os.read(file, 4096)
        os.close(file)


def lspci_and_parse(root: str) -> int:
    """The usual other way: run lspci, cut its output into records. Returns how many."""
    argv = ["lspci", "-A", "linux-sysfs", "-O", f"sysfs.path={root}/sys/bus/pci", "-Dnnvmmk"]
    done = subprocess.run(argv, capture_output=True, text=True, check=True)
    records = [
        dict(line.split(":\t", 1) for line in block.splitlines() if ":\t" in line)
        for block in done.stdout.split("\n\n")
    ]
    return sum(1 for record in records if "Slot" in record)


def spent() -> float:
    """Seconds of processor time, of this process and of those that it has waited for."""
    used = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(one.ru_utime + one.ru_stime for one in used)


def best_of(rounds: int, contenders: dict[str, Callable[[], object]]) -> dict[str, float]:
    best = dict.fromkeys(contenders, float("inf"))
    for _round in range(rounds):
        for name, run in contenders.items():
            started = spent()
            run()
            best[name] = min(best[name], spent() - started)
    return best


def peak_memory(root: str) -> float:
    """MiB at the peak of a process that does one detection and nothing else."""
    done = subprocess.run([sys.executable, __file__, "--once", root], capture_output=True, text=True, check=True)
    return int(done.stdout) / 1024


def detect(root: str) -> int:
    return len(build_inventory(read_machine(root)).devices)


def usable_lspci(root: str, functions: int) -> bool:
    """lspci wants files that detection does not; the tree gets them here, after the files of the bare loop are known."""
    if shutil.which("lspci") is None:
        print("lspci: skipped, it is not installed")
        return False
    for place in {os.path.realpath(entry.path) for entry in os.scandir(f"{root}/sys/bus/pci/devices")}:
        Path(place, "irq").write_bytes(b"0\n")
        Path(place, "resource").write_bytes(b"0x0000000000000000 0x0000000000000000 0x0000000000000000\n" * 7)
        if not os.path.exists(f"{place}/config"):
            Path(place, "config").write_bytes(bytes(256))
    found = lspci_and_parse(root)
    if found != functions:
        print(f"lspci: skipped, it shows {found} of {functions} functions of the generated tree")
    return found == functions


def table(functions: int, files: int, rounds: int, best: dict[str, float], memory: float) -> list[str]:
    """The part of docs/performance.md."""
    bare = best["bare loop"]
    return [
        measured_on(f"{functions:,} functions, {files:,} files, best of {rounds} rounds."),
        f"Peak memory {memory:.0f} MiB.",
        "",
        "| what | times the bare loop |",
        "|---|---:|",
        *(f"| {name} | {seconds / bare:.2f} |" for name, seconds in best.items() if name != "bare loop"),
    ]


def missed(best: dict[str, float], memory: float) -> list[str]:
    """A sentence for each goal that was not met."""
    ratio = best["whole detection"] / best["bare loop"]
    found = []
    if ratio > READING_GOAL:
        found.append(f"The whole detection takes {ratio:.2f} times the bare loop, and has {READING_GOAL:g}.")
    if memory >= MEMORY_GOAL_MIB:
        found.append(f"It takes {memory:.0f} MiB of memory, and has to stay below {MEMORY_GOAL_MIB}.")
    return found


def measure(root: str, functions: int, rounds: int, write: bool) -> bool:
    paths = opened_files(root)
    snapshot = read_machine(root)
    contenders: dict[str, Callable[[], object]] = {
        "bare loop": lambda: bare_loop(paths),
        "reading": lambda: read_machine(root),
        "whole detection": lambda: detect(root),
    }
    memory = peak_memory(root)
    if usable_lspci(root, functions):
        contenders["`lspci -Dnnvmmk` and parsing"] = lambda: lspci_and_parse(root)
    best = best_of(rounds, contenders)
    lines = table(len(snapshot.devices), len(paths), rounds, best, memory)
    print("\n".join(lines))
    if write:
        write_part("detection", lines)
    failures = missed(best, memory)
    print("\n".join(failures or ["both goals are met"]))
    return not failures


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--functions", type=int, default=4096)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    parser.add_argument("--once", metavar="ROOT", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.once:
        detect(options.once)
        print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)
        return 0
    from ansible_collections.nova_pci.passthrough.tests.unit import machine_builder

    with tempfile.TemporaryDirectory() as root:
        started = time.perf_counter()
        machine_builder.build_machine(machine_builder.generated(options.functions), root)
        print(f"built the tree in {time.perf_counter() - started:.1f} s")
        return 0 if measure(root, options.functions, options.rounds, options.write) else 1


if __name__ == "__main__":
    sys.exit(main())
