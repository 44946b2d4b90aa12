# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One thing that the linter has to say, and how a person reads it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from .oslo_config import Assignment

ERROR = "error"
WARNING = "warning"
INFO = "info"
SEVERITIES = (ERROR, WARNING, INFO)


@dataclass(frozen=True)
class Finding:
    """Shape: *check* a short stable word, *where* "file:line" or an entry, *value* what stands there, *effect* one sentence
    on what Nova does with it, *fix* one on what to write instead."""

    severity: str
    check: str
    where: str
    value: str
    effect: str
    fix: str

    def to_dict(self) -> dict[str, object]:
        return {
            "severity": self.severity,
            "check": self.check,
            "where": self.where,
            "value": self.value,
            "effect": self.effect,
            "fix": self.fix,
        }


def place_of(origin: Assignment) -> str:
    """Where a value stands, as *where* of a finding; an environment variable has no line."""
    return f"{origin.path}:{origin.line}" if origin.line else origin.path


def in_order(findings: Iterable[Finding]) -> tuple[Finding, ...]:
    """The worst first, each once; files that several services read give the same findings several times."""
    unique = dict.fromkeys(findings)
    return tuple(sorted(unique, key=lambda finding: SEVERITIES.index(finding.severity)))


def finding_table(findings: Iterable[Finding]) -> list[str]:
    """Two lines for each: what is where, and what comes of it; made to be printed."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.severity.upper():8}{finding.where} [{finding.check}] {_on_one_line(finding.value)}")
        end = "" if finding.fix.endswith("?") else "."
        lines.append(f"{'':8}{finding.effect}. {finding.fix}{end}")
    return lines or ["no findings"]


def _on_one_line(value: str) -> str:
    return " ".join(value.split("\n"))
