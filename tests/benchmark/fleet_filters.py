# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the filters of the survey cost for a large fleet: 1,000 hosts with 50 functions each, on one processor.

    python tests/benchmark/fleet_filters.py [--hosts N] [--functions N] [--write]

Two fleets, the ends of what there is: all hosts are alike, and no two are. Counted is processor time, which a busy machine
changes little, against that of Python's json.dumps over the same fleet: Ansible has to do that much for whatever it hands
on. A filter that takes more than LIMIT times as long fails. --write puts the table into docs/performance.md.
"""

from __future__ import annotations

import argparse
import copy
import importlib
import json
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/unit"))
importlib.import_module("conftest")  # makes the collection importable

from ansible_collections.nova_pci.passthrough.plugins.filter.fleet_page import page  # noqa: E402
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration_draft import (  # noqa: E402
    declaration_draft,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory  # noqa: E402
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.survey import survey  # noqa: E402
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.survey_text import (  # noqa: E402
    survey_markdown,
    survey_text,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine  # noqa: E402
from ansible_collections.nova_pci.passthrough.tests.benchmark.page import measured_on, write_part  # noqa: E402

LIMIT = 5.0
FILTERS: dict[str, Callable[[dict[str, Any]], object]] = {
    "survey_text": survey_text,
    "survey_markdown": survey_markdown,
    "survey_declaration": declaration_draft,
    "fleet_page": page,
}


def one_host(functions: int) -> dict[str, Any]:
    from ansible_collections.nova_pci.passthrough.tests.unit import machine_builder

    with tempfile.TemporaryDirectory() as root:
        machine_builder.build_machine(machine_builder.generated(functions), root)
        return survey(build_inventory(read_machine(root)))


def fleets(hosts: int, functions: int) -> dict[str, dict[str, Any]]:
    """Surveys as they come out of JSON: no two hosts share an object."""
    first = one_host(functions)
    alike = {f"host{number:04d}": copy.deepcopy(first) for number in range(hosts)}
    unlike = copy.deepcopy(alike)
    for number, surveyed in enumerate(unlike.values()):
        for row in surveyed["devices"]:
            row["product_id"] = f"{(int(row['product_id'], 16) + number) % 65536:04x}"
    return {"all hosts alike": alike, "no two alike": unlike}


def processor_time(run: Callable[[dict[str, Any]], object], fleet: dict[str, Any]) -> float:
    started = time.process_time()
    run(fleet)
    return time.process_time() - started


def ratios(fleet: dict[str, Any]) -> dict[str, float]:
    """How often json.dumps over the fleet could run in the time of each filter."""
    plain = processor_time(json.dumps, fleet)
    return {word: processor_time(run, fleet) / plain for word, run in FILTERS.items()}


def table(measured: dict[str, dict[str, float]], hosts: int, functions: int) -> list[str]:
    """The part of docs/performance.md: a row for each filter, a column for each fleet."""
    return [
        measured_on(f"{hosts:,} hosts with {functions} functions each, times `json.dumps`:"),
        "",
        f"| filter | {' | '.join(measured)} |",
        f"|---|{'---:|' * len(measured)}",
        *(
            f"| `{word}` | {' | '.join(f'{of_fleet[word]:.2f}' for of_fleet in measured.values())} |"
            for word in FILTERS
        ),
    ]


def too_slow(measured: dict[str, dict[str, float]]) -> list[str]:
    """A sentence for each filter above the limit."""
    return [
        f"{word} takes {ratio:.2f} times json.dumps ({name}), and has {LIMIT:g}."
        for name, of_fleet in measured.items()
        for word, ratio in of_fleet.items()
        if ratio > LIMIT
    ]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--functions", type=int, default=50)
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    measured = {name: ratios(fleet) for name, fleet in fleets(options.hosts, options.functions).items()}
    lines = table(measured, options.hosts, options.functions)
    print("\n".join(lines))
    if options.write:
        write_part("fleet filters", lines)
    failures = too_slow(measured)
    print("\n".join(failures or [f"every filter is within {LIMIT:g} times json.dumps"]))
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
