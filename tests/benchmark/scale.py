# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a fleet of made-up hosts costs the controller, against the same number of ansible.builtin.ping tasks.

    python tests/benchmark/scale.py [--hosts 10,100,1000] [--books survey,host,verify] [--write]

Wants the environment that `make check` builds. Hosts are local connections, each with a recorded machine as its root; the
playbooks run as they are shipped, `host` in check mode. Each is held against a play of as many pings as it executes modules
on a host. Counted is processor time, user and system, of the ansible-playbook and all its children: a busy machine
stretches the clock, and this little. What the modules themselves use is told apart, for on a real fleet the hosts pay it.
--write puts the table of each playbook into docs/performance.md as soon as it is there.
"""

from __future__ import annotations

import argparse
import importlib
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/unit"))
importlib.import_module("conftest")  # makes the collection importable

from ansible_collections.nova_pci.passthrough.tests.benchmark.page import measured_on, write_part  # noqa: E402
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_fleet import CALLBACKS, PLAYBOOK, Fleet  # noqa: E402

FORKS = "5"  # Ansible's own default
ALL_AT_ONCE = ["-e", '{"pci_passthrough_serial": "100%"}']
# Each playbook, and how many modules it executes on a host; the benchmark holds the number against what was counted.
BOOKS: dict[str, tuple[int, list[str]]] = {
    "survey": (1, ["nova_pci.passthrough.survey"]),
    "host": (2, ["nova_pci.passthrough.host", "--check", *ALL_AT_ONCE]),
    "verify": (4, ["nova_pci.passthrough.verify", "--tags", "host", "-e", "verify_fails_on=nothing"]),
}
TITLES = {"survey": "`survey`", "host": "`host --check`", "verify": "`verify --tags host`"}


@dataclass(frozen=True)
class Cost:
    """One run. Seconds of processor time; *peak* is the controller's own, in MiB; *tree* with all its children's shares."""

    controller: float
    modules: float
    peak: float
    tree: float
    wall: float
    executed: int

    @property
    def total(self) -> float:
        return self.controller + self.modules


def measured(fleet: Fleet, inventory: Path, words: list[str]) -> Cost:
    record = fleet.folder / "cost.jsonl"
    record.unlink(missing_ok=True)
    settings = {
        **fleet.settings("cost", folders=[*CALLBACKS, Path(__file__).with_name("callback_plugins")]),
        "NOVA_PCI_COST": str(record),
        "ANSIBLE_FORKS": FORKS,
    }
    started = time.monotonic()
    with (fleet.folder / "output").open("w") as output:
        process = subprocess.Popen(
            [str(PLAYBOOK), "-i", str(inventory), *words],
            env=settings,
            cwd=fleet.folder,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=output,
        )
        tree = 0.0
        while True:
            number, status, used = os.wait4(process.pid, os.WNOHANG)
            if number:
                break
            tree = max(tree, sum(share(child) for child in family(process.pid)))
            time.sleep(1)
    wall = time.monotonic() - started
    if status:
        tail = (fleet.folder / "output").read_text(encoding="utf-8", errors="replace")[-3000:]
        sys.exit(f"{' '.join(words)} failed:\n{tail}")
    lines = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    workers, end = lines[:-1], lines[-1]
    modules = sum(line["modules_cpu"] for line in workers)
    return Cost(
        controller=used.ru_utime + used.ru_stime - modules,
        modules=modules,
        peak=end["peak_kib"] / 1024,
        tree=max(tree, end["peak_kib"] / 1024),
        wall=wall,
        executed=sum(len(line["modules"]) for line in workers),
    )


def family(pid: int) -> list[int]:
    """A process and everything below it, as far as it is still there."""
    try:
        children = Path(f"/proc/{pid}/task/{pid}/children").read_text(encoding="ascii").split()
    except OSError:
        return []
    return [pid, *(member for child in children for member in family(int(child)))]


def share(pid: int) -> float:
    """MiB that a process has for itself, and its part of what it shares with others."""
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text(encoding="ascii").splitlines()
    except OSError:
        return 0.0
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def pings(fleet: Fleet, count: int) -> list[str]:
    tasks = [{"name": f"Ping {number}", "ansible.builtin.ping": {}} for number in range(count)]
    book = fleet.folder / f"pings-{count}.json"
    book.write_text(json.dumps([{"hosts": "nova_compute", "gather_facts": False, "tasks": tasks}]), encoding="utf-8")
    return [str(book)]


def growth(sizes: list[int], seconds: list[float]) -> float:
    """The exponent e of a + b * hosts ** e through three runs, each with ten times the hosts; 1 is linear.

    Elsewhere the mean over what two steps cost a host: the last step against the first.
    """
    steps = [
        (after - before) / (large - small)
        for small, large, before, after in zip(sizes, sizes[1:], seconds, seconds[1:])
    ]
    middles = [math.sqrt(small * large) for small, large in zip(sizes, sizes[1:])]
    return 1 + math.log(steps[-1] / steps[0]) / math.log(middles[-1] / middles[0])


def one_book(fleet: Fleet, name: str, sizes: list[int]) -> list[str]:
    count, words = BOOKS[name]
    ours, theirs, rows = [], [], []
    for size in sizes:
        inventory = fleet.inventory(f"fleet-{size}", fleet.hosts(size))
        ping, book = measured(fleet, inventory, pings(fleet, count)), measured(fleet, inventory, words)
        if (executed := book.executed // size) != count:
            sys.exit(f"{name} executes {executed} modules on a host and not {count}: bring the table BOOKS up to date.")
        ours.append(book.controller)
        theirs.append(ping.controller)
        row = (
            f"| {TITLES[name]} | {size:,} | {count} | {book.controller / ping.controller:.2f} "
            f"| {book.total / ping.total:.2f} | {book.peak / ping.peak:.2f} ({book.peak:.0f} MiB) "
            f"| {book.tree / ping.tree:.2f} ({book.tree:.0f} MiB) |"
        )
        print(f"{row} controller {book.controller:.1f} s of {book.total:.1f} s in {book.wall:.0f} s;", end=" ")
        print(f"pings {ping.controller:.1f} s of {ping.total:.1f} s in {ping.wall:.0f} s", flush=True)
        rows.append(row)
    if len(sizes) > 2:
        text = f"{TITLES[name]} with the hosts to the power of {growth(sizes, ours):.2f}, its pings {growth(sizes, theirs):.2f}"
        print(text, flush=True)
        rows.append(text)
    return rows


def page(rows: list[str]) -> list[str]:
    """The part of docs/performance.md of one playbook."""
    from ansible.release import __version__

    head = [
        measured_on(f"ansible-core {__version__}", f"{FORKS} forks, local connections."),
        "",
        "| playbook | hosts | modules a host | controller | with the modules | controller's memory | memory of all processes |",
        "|---|---:|---:|---:|---:|---:|---:|",
    ]
    table = [row for row in rows if row.startswith("|")]
    growths = [f"The controller's processor time grows: {row}." for row in rows if not row.startswith("|")]
    return [*head, *table, *(["", *growths] if growths else [])]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hosts", default="10,100,1000", help="numbers of hosts, rising (default: %(default)s)")
    parser.add_argument("--books", default=",".join(BOOKS), help="playbooks (default: %(default)s)")
    parser.add_argument("--write", action="store_true", help="put each table into docs/performance.md")
    options = parser.parse_args()
    sizes = [int(text) for text in options.hosts.split(",")]
    with tempfile.TemporaryDirectory() as folder:
        fleet = Fleet(Path(folder))
        for name in options.books.split(","):
            rows = one_book(fleet, name, sizes)
            if options.write:
                write_part(f"scale of {name}", page(rows))
    return 0


if __name__ == "__main__":
    sys.exit(main())
