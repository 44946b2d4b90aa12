# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of docs/performance.md that benchmarks write: what stands between two markers with the part's name."""

from __future__ import annotations

import os
import platform
import time
from pathlib import Path

PAGE = Path(__file__).resolve().parents[2] / "docs/performance.md"


def measured_on(*more: str) -> str:
    """When and on what: how busy the machine is belongs to every number."""
    busy = f"{os.cpu_count()} processors with a load of {os.getloadavg()[0]:.0f}"
    return ", ".join([time.strftime("%Y-%m-%d"), busy, f"Python {platform.python_version()}", *more])


def with_part(page: str, name: str, lines: list[str]) -> str:
    """Return *page* with *lines* as its part *name*; a page without that part is an error."""
    begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
    before, _begin, rest = page.partition(begin)
    _former, found, after = rest.partition(end)
    if not found:
        raise ValueError(f"the page has no part {name}: it begins with '{begin}' and ends with '{end}'")
    return "\n".join([before + begin, *lines, end]) + after


def write_part(name: str, lines: list[str]) -> None:
    PAGE.write_text(with_part(PAGE.read_text(encoding="utf-8"), name, lines), encoding="utf-8")
