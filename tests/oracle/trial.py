# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One release on trial: cases, both answers to each, and where they differ."""

from __future__ import annotations

import json
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion

from .answers import answer
from .cases import Case, make_cases, smaller

BATCH = 500
SHRINKING_ROUNDS = 40


class Answering(Protocol):
    """Who is asked; real_nova.py has the real one."""

    def ask(self, cases: Sequence[Case], /) -> None: ...

    def told(self) -> list[dict[str, Any]]: ...


@dataclass(frozen=True)
class Disagreement:
    case: Case
    nova: dict[str, Any]
    ours: dict[str, Any]

    def __str__(self) -> str:
        rows = [
            f"  a {self.case.kind} case:",
            *(f"    {key}: {json.dumps(value)}" for key, value in self.case.given.items()),
            *(f"    device {json.dumps(row)}" for row in self.case.host.to_worker()),
            f"  Nova says {json.dumps(self.nova, sort_keys=True)}",
            f"  we say    {json.dumps(self.ours, sort_keys=True)}",
        ]
        return "\n".join(rows)


@dataclass
class Verdict:
    """What came of one release; *refused* counts the cases that Nova and we refuse alike."""

    version: str
    seconds: float = 0.0
    cases: Counter[str] = field(default_factory=Counter)
    refused: Counter[str] = field(default_factory=Counter)
    disagreements: Counter[str] = field(default_factory=Counter)
    smallest: Disagreement | None = None

    def line(self) -> str:
        kinds = ", ".join(
            f"{kind} {number} ({self.refused[kind]} refused)" for kind, number in sorted(self.cases.items())
        )
        wrong = self.disagreements.total()
        return (
            f"Nova {self.version}: {self.cases.total()} cases in {self.seconds:.0f} s, "
            f"{self.refused.total()} refusals agreed, {wrong} disagreements: {kinds}"
        )


def same(nova: dict[str, Any], ours: dict[str, Any]) -> bool:
    """Whether both say the same; tags and pools are compared as JSON has them."""
    if "refused" in nova or "refused" in ours:
        return nova.get("refused") == ours.get("refused")
    return bool(json.loads(json.dumps(ours)) == nova)


def hold_trial(
    nova: Answering, version: NovaVersion, seed: int, count: int, deadline: float, say: Callable[[str], None]
) -> Verdict:
    """Ask Nova and ourselves *count* cases, or as many more as there is time before *deadline* (time.monotonic())."""
    verdict = Verdict(str(version))
    begin = time.monotonic()
    start = 0
    while start < count or time.monotonic() < deadline:
        size = min(BATCH, count - start) if start < count else BATCH
        cases = make_cases(seed, version, start, size)
        nova.ask(cases)
        ours = [answer(case, version) for case in cases]
        for case, theirs, mine in zip(cases, nova.told(), ours):
            _enter(verdict, case, theirs, mine)
        start += size
        if start % (BATCH * 10) == 0:
            say(f"Nova {version}: {start} cases, {verdict.disagreements.total()} disagreements")
    if verdict.smallest is not None:
        verdict.smallest = shrunk(verdict.smallest, nova, version)
    verdict.seconds = time.monotonic() - begin
    return verdict


def _enter(verdict: Verdict, case: Case, theirs: dict[str, Any], mine: dict[str, Any]) -> None:
    verdict.cases[case.kind] += 1
    if not same(theirs, mine):
        verdict.disagreements[case.kind] += 1
        if verdict.smallest is None or case.size < verdict.smallest.case.size:
            verdict.smallest = Disagreement(case, theirs, mine)
    elif "refused" in theirs:
        verdict.refused[case.kind] += 1


def shrunk(found: Disagreement, nova: Answering, version: NovaVersion) -> Disagreement:
    """Take away from the case what can go without ending the disagreement."""
    for _round in range(SHRINKING_ROUNDS):
        candidates = smaller(found.case)
        if not candidates:
            break
        nova.ask(candidates)
        answers = [(case, theirs, answer(case, version)) for case, theirs in zip(candidates, nova.told())]
        still = [Disagreement(case, theirs, mine) for case, theirs, mine in answers if not same(theirs, mine)]
        if not still:
            break
        found = min(still, key=lambda one: one.case.size)
    return found
