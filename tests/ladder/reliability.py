# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The table of docs/reliability.md: what the tests counted with tests/tried.py, the newest passed run of each row."""

from __future__ import annotations

import json
import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from .collection import ROOT

PAGE = ROOT / "docs/reliability.md"
TRIED = "NOVA_PCI_TRIED"  # as tests/tried.py has it: where a test writes its lines
AGAIN = "unit tests on Python"  # the same cases once more are no more cases
FILE = "tried.json"  # in the folder of a run's logs
HEAD = ("| what | how often | step | last run |", "|---|---:|---|---|")
_ROW = re.compile(r"\| (?P<what>[^|]+) \| (?P<count>[\d,]+) \| (?P<step>[^|]+) \| (?P<day>\d{4}-\d\d-\d\d) \|")


@dataclass(frozen=True)
class Row:
    """One line of the table; *day* is ISO 8601, *step* the step of the ladder that passed."""

    what: str
    count: int
    step: str
    day: str

    def __str__(self) -> str:
        return f"| {self.what} | {self.count:,} | {self.step} | {self.day} |"


def counted(lines: str, step: str, day: str) -> list[Row]:
    """Return a row for each word that the tests of one step called tried() with."""
    total: Counter[str] = Counter()
    for line in lines.splitlines():
        said = json.loads(line)
        total[said["what"]] += said["count"]
    return [Row(what, count, step, day) for what, count in sorted(total.items())]


def keep(rows: list[Row], logs: Path) -> None:
    (logs / FILE).write_text(json.dumps([vars(row) for row in rows], indent=1) + "\n", encoding="utf-8")


def kept(logs: Path) -> list[Row]:
    """Return the rows of every run whose logs are still there, the oldest first."""
    files = sorted(logs.glob(f"*/{FILE}"))
    return [Row(**row) for file in files for row in json.loads(file.read_text(encoding="utf-8"))]


def table(page: str) -> list[Row]:
    found = [_ROW.fullmatch(line) for line in page.splitlines()]
    return [
        Row(match["what"], int(match["count"].replace(",", "")), match["step"], match["day"])
        for match in found
        if match is not None
    ]


def renewed(page: str, rows: list[Row]) -> str:
    """Return *page* with its table brought up to date; a row that no run has counted since stays, with its day."""
    newest = {(row.what, row.step): row for row in [*table(page), *rows]}
    lines = [line for line in page.splitlines() if _ROW.fullmatch(line) is None]
    at = lines.index(HEAD[1]) + 1
    lines[at:at] = [str(newest[key]) for key in sorted(newest)]
    return "\n".join(lines) + "\n"


def renew(logs: Path) -> int:
    """Write the page; return how many rows its table has."""
    page = renewed(PAGE.read_text(encoding="utf-8"), kept(logs))
    PAGE.write_text(page, encoding="utf-8")
    return len(table(page))
