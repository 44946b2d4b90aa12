# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A real Nova to ask: worker.py in a process of its own, inside an environment that has Nova."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from .cases import Case

_WORKER = Path(__file__).resolve().parent / "worker.py"


class NovaError(Exception):
    """The worker itself failed; the text is the end of what it said."""


class Nova:
    """One worker. ask() and told() may lie apart, so that the caller can work in the meantime."""

    def __init__(self, python: str) -> None:
        self._process = subprocess.Popen(
            [python, "-I", "-B", "-W", "ignore", str(_WORKER)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def __enter__(self) -> Nova:
        return self

    def __exit__(self, *_: object) -> None:
        self._process.kill()
        self._process.communicate()

    def ask(self, cases: Sequence[Case]) -> None:
        machines = list({id(case.host): case.host for case in cases}.values())
        numbers = {id(host): number for number, host in enumerate(machines)}
        batch = {
            "machines": [host.to_worker() for host in machines],
            "cases": [case.to_worker(numbers[id(case.host)]) for case in cases],
        }
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(batch) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            raise self._failed() from None

    def told(self) -> list[dict[str, Any]]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise self._failed()
        answers: list[dict[str, Any]] = json.loads(line)
        return answers

    def _failed(self) -> NovaError:
        self._process.kill()
        errors = self._process.communicate()[1]
        return NovaError("\n".join((errors or "").strip().splitlines()[-5:]) or "the worker ended without a word")
