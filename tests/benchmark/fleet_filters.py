# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the filters of the survey cost for a large fleet: 1,000 hosts with 50 functions each, on one processor.

    python tests/benchmark/fleet_filters.py [--hosts N] [--functions N]

Two fleets, the ends of what there is: all hosts are alike, and no two are. Printed is processor time, which a busy machine
changes little. Each filter has a second on average for such a fleet; what takes more fails.
"""

from __future__ import annotations

import argparse
import copy
import importlib
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/unit"))
importlib.import_module("conftest")  # makes the collection importable

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

FILTERS: dict[str, Callable[[dict[str, Any]], list[str]]] = {
    "survey_text": survey_text,
    "survey_markdown": survey_markdown,
    "survey_declaration": declaration_draft,
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
    return {"all alike": alike, "no two alike": unlike}


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--hosts", type=int, default=1000)
    parser.add_argument("--functions", type=int, default=50)
    options = parser.parse_args()
    for name, fleet in fleets(options.hosts, options.functions).items():
        for word, run in FILTERS.items():
            started = time.process_time()
            lines = run(fleet)
            print(f"{name:>12} {word:>18}: {time.process_time() - started:6.2f} s, {len(lines)} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
