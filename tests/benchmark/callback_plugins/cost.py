# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes what a run of Ansible cost into $NOVA_PCI_COST, one JSON line for each worker and one at the end.

A worker is the process that Ansible forks for one task on one host. Its line holds how many modules it executed, and the
processor time of its children: on local connections those are the modules. The last line holds the controller's own peak
of memory, and how many results of tasks it was handed.
"""

from __future__ import annotations

DOCUMENTATION = """
name: cost
type: notification
short_description: Counts module executions and processor time for the benchmarks
description: A test aid, not part of the collection.
"""

import json
import os
import resource
from collections.abc import Callable
from typing import Any

from ansible.executor.process.worker import WorkerProcess
from ansible.plugins.action import ActionBase
from ansible.plugins.callback import CallbackBase

_executed: list[str] = []


def _seconds(who: int) -> float:
    used = resource.getrusage(who)
    return used.ru_utime + used.ru_stime


def _write(line: dict[str, Any]) -> None:
    with open(os.environ["NOVA_PCI_COST"], "a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


def _counting(execute_module: Callable[..., Any]) -> Callable[..., Any]:
    def counting(self: ActionBase, *args: Any, **kwargs: Any) -> Any:
        _executed.append(str(kwargs.get("module_name") or (args[0] if args else None) or self._task.action))
        return execute_module(self, *args, **kwargs)

    return counting


def _measuring(run: Callable[..., Any]) -> Callable[..., Any]:
    def measuring(self: WorkerProcess) -> Any:
        try:
            return run(self)
        finally:
            _write(
                {
                    "task": self._task.get_name(),
                    "modules": _executed,
                    "modules_cpu": _seconds(resource.RUSAGE_CHILDREN),
                    "worker_cpu": _seconds(resource.RUSAGE_SELF),
                }
            )

    return measuring


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "cost"
    CALLBACK_NEEDS_ENABLED = True

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.results = 0

    def v2_playbook_on_start(self, playbook: Any) -> None:
        # Workers are forked from this process, so they inherit both. Another plugin may have put its own method there.
        ActionBase._execute_module = _counting(ActionBase._execute_module)
        WorkerProcess._run = _measuring(WorkerProcess._run)

    def v2_runner_on_ok(self, result: Any) -> None:
        self.results += 1

    v2_runner_on_skipped = v2_runner_on_ok

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self.results += 1

    def v2_playbook_on_stats(self, stats: Any) -> None:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        _write({"peak_kib": peak, "results": self.results})
