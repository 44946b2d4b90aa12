# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lets the playbooks as they are shipped run on made-up hosts: each module with the option `root` gets that of its host.

The roles have no such option, and a play's module_defaults are nobody's but its own; so it is put in where modules are
started. The made-up inventory takes its Python from here too: where this file is not loaded, nothing runs at all.
"""

from __future__ import annotations

DOCUMENTATION = """
name: made_up_roots
type: notification
short_description: Gives the modules of this collection the root of a made-up host
description: A test aid, not part of the collection.
"""

import os
import sys
from collections.abc import Callable
from typing import Any

from ansible.plugins.action import ActionBase
from ansible.plugins.callback import CallbackBase


def _below_a_root(execute_module: Callable[..., Any]) -> Callable[..., Any]:
    def below_a_root(
        self: ActionBase, module_name: Any = None, module_args: Any = None, *more: Any, **named: Any
    ) -> Any:
        name = (module_name or self._task.action).rpartition(".")[2]
        if name in os.environ["NOVA_PCI_MADE_UP_MODULES"].split():
            host = self._task.delegate_to or named["task_vars"]["inventory_hostname"]
            root = os.path.join(os.environ["NOVA_PCI_MADE_UP"], host, "root")
            module_args = {**(self._task.args if module_args is None else module_args), "root": root}
        return execute_module(self, module_name, module_args, *more, **named)

    return below_a_root


class CallbackModule(CallbackBase):
    CALLBACK_VERSION = 2.0
    CALLBACK_TYPE = "notification"
    CALLBACK_NAME = "made_up_roots"
    CALLBACK_NEEDS_ENABLED = True

    def v2_playbook_on_start(self, playbook: Any) -> None:
        # Workers are forked from this process, so they inherit both. Another plugin may have put its own method there.
        ActionBase._execute_module = _below_a_root(ActionBase._execute_module)
        os.environ["NOVA_PCI_MADE_UP_PYTHON"] = sys.executable
