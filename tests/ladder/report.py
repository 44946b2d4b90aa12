# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the person at the terminal sees: progress lines, the tail of what failed, a table, one closing line."""

from __future__ import annotations

import re
import sys
import time
from dataclasses import dataclass
from pathlib import Path

TAIL_LINES = 60

PASSED = "passed"
FAILED = "failed"
SKIPPED = "skipped"


@dataclass(frozen=True)
class Counts:
    """How many checks came out which way."""

    passed: int = 0
    failed: int = 0
    skipped: int = 0

    def __add__(self, other: Counts) -> Counts:
        return Counts(self.passed + other.passed, self.failed + other.failed, self.skipped + other.skipped)

    def __str__(self) -> str:
        return f"{self.passed} passed, {self.failed} failed, {self.skipped} skipped"


@dataclass(frozen=True)
class Result:
    """How one step ended; *note* is the reason or the step's own last word."""

    name: str
    verdict: str
    seconds: float
    counts: Counts
    note: str = ""


def _lines(log: str) -> list[str]:
    return [re.sub(r"\x1b\[[0-9;]*[a-zA-Z]", "", line).rstrip() for line in log.splitlines()]


def count_one(log: str, ok: bool) -> Counts:
    """A step that is one check, whatever it prints."""
    return Counts(passed=1) if ok else Counts(failed=1)


def count_pytest(log: str, ok: bool) -> Counts:
    """Add up pytest's closing lines ("3 failed, 12 passed, 1 skipped in 0.52s"); no test at all is a failure."""
    total = Counts()
    for line in _lines(log):
        # molecule draws a frame around what it runs
        match = re.fullmatch(r"=*\s*((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s.*", line.strip(" │"))
        if match:
            found = {word: int(number) for number, word in re.findall(r"(\d+) ([a-z]+)", match.group(1))}
            total += Counts(
                passed=found.get("passed", 0) + found.get("xfailed", 0),
                failed=found.get("failed", 0) + found.get("error", 0) + found.get("errors", 0),
                skipped=found.get("skipped", 0),
            )
    silent = not ok and not total.failed
    return total + Counts(failed=1) if silent or total == Counts() else total


def count_sanity(log: str, ok: bool) -> Counts:
    """Count ansible-test's sanity tests, one for each Python that a test runs on."""
    lines = _lines(log)
    ran = sum(line.startswith("Running sanity test") for line in lines)
    listed = (re.search(r"The (\d+) sanity test\(s\) listed below", line) for line in lines)
    failed = sum(int(match.group(1)) for match in listed if match) or (0 if ok and ran else 1)
    return Counts(passed=max(ran - failed, 0), failed=failed)


def tail(log: str, lines: int = TAIL_LINES) -> str:
    every = [line for line in _lines(log) if line.strip() and not line.startswith("$ ")]
    telling = [line for line in every if line.startswith(("ERROR", "FATAL"))]  # ansible-test says much else
    kept = (telling if telling and "Running sanity test" in log else every)[-lines:]
    return "\n".join(f"    | {line}" for line in kept)


def last_line(log: str) -> str:
    """The last line that says something: rules, frames and rows of stars do not."""
    lines = [line.strip("= │*") for line in _lines(log)]
    lines = [line for line in lines if any(character.isalnum() for character in line)]
    return lines[-1][:100] if lines else ""


class Reporter:
    """Prints "[ 123 s] what" and, at the end, the table and the closing line."""

    def __init__(self) -> None:
        self._start = time.monotonic()
        self.results: list[Result] = []

    def say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._start:5.0f} s] {text}", flush=True)

    def finished(self, result: Result, log: Path | None = None) -> None:
        self.results.append(result)
        note = f": {result.note}" if result.note else ""
        self.say(f"{result.name} {result.verdict} in {result.seconds:.0f} s{note}")
        if result.verdict == FAILED and log is not None and log.exists():
            print(tail(log.read_text(encoding="utf-8", errors="replace")), flush=True)
            print(f"    whole output: {log}", flush=True)

    def close(self) -> int:
        """Print the summary; the exit status for the shell."""
        print()
        width = max([len(result.name) for result in self.results], default=0)
        for result in self.results:
            print(f"{result.verdict:7}  {result.seconds:6.1f} s  {result.name:{width}}  {result.note}".rstrip())
        total = Counts()
        for result in self.results:
            total += result.counts
        print(f"\n{time.monotonic() - self._start:.0f} s in all")
        print(total, flush=True)
        sys.stdout.flush()
        return 1 if total.failed or not self.results else 0
