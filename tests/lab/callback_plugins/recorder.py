# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writes one JSON line per run, remote module execution and task result into $NOVA_PCI_RECORD; tests read it.

Executions are counted where they happen, in ActionBase._execute_module: one task may cause several of them.
"""

from __future__ import annotations

DOCUMENTATION = """
name: recorder
type: notification
short_description: Records module executions and results for the lab's tests
description: A test aid, not part of the collection.
"""

import json
import os
from collections.abc import Callable
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.plugins.callback import CallbackBase


def _write(line: dict[str, Any]) -> None:
    path = os.environ.get("NOVA_PCI_RECORD")
    if path:
        with open(path, "a", encoding="utf-8") as record:
            record.write(json.dumps(line, default=str) + "\n")


def _recording(execute_module: Callable[..., Any]) -> Callable[..., Any]:
    def recording(self: ActionBase, *args: Any, **kwargs: Any) -> Any:
        name = kwargs.get("module_name") or (args[0] if args else None) or self._task.action
        _write({"event": "module", "module": name, "task": self._task.get_name()})
        return execute_module(self, *args, **kwargs)

    return recording


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "recorder"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook: Any) -> None:
        from ansible import context

        # Workers are forked from this process, so they inherit the recording method. Another plugin may have put its own there.
        ActionBase._execute_module = _recording(ActionBase._execute_module)
        check = bool(context.CLIARGS.get("check", False))
        _write({"event": "run", "playbook": os.path.basename(playbook._file_name), "check": check})

    def _result(self, result: Any) -> None:
        data = {key: value for key, value in result._result.items() if key not in ("diff", "invocation")}
        _write(
            {
                "event": "result",
                "host": result._host.get_name(),
                "task": result._task.get_name(),
                "action": result._task.action,
                "result": data,
            }
        )

    v2_runner_on_ok = _result

    def v2_runner_on_failed(self, result: Any, ignore_errors: bool = False) -> None:
        self._result(result)
