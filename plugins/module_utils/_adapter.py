# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Between Ansible and the rooms below: errors become fail_json(), results plain data, option specs are shared."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable

from ._core.errors import InputProblem, PassthroughError

if TYPE_CHECKING:
    from ansible.module_utils.basic import AnsibleModule

ArgumentSpec = dict[str, dict[str, Any]]

# Of the documentation fragment nova_pci.passthrough.root.
ROOT_ARGUMENT_SPEC: ArgumentSpec = {"root": {"type": "path", "default": "/"}}

# Of the documentation fragment nova_pci.passthrough.apply.
APPLY_ARGUMENT_SPEC: ArgumentSpec = {
    **ROOT_ARGUMENT_SPEC,
    "state": {"type": "str", "choices": ["present", "absent"], "default": "present"},
    "plan": {"type": "dict"},
    "timeout": {"type": "int", "default": 900},
    "lock_timeout": {"type": "int", "default": 60},
}

# Of the documentation fragment nova_pci.passthrough.cloud.
CLOUD_ARGUMENT_SPEC: ArgumentSpec = {"cloud": {"type": "str"}}


def run_cloud_module(
    module: AnsibleModule, work: Callable[[dict[str, Any]], dict[str, Any]], sdk_missing: str | None
) -> None:
    """As run_module(), where openstacksdk can be imported; *sdk_missing* is the traceback where it cannot."""
    if sdk_missing is not None:
        from ansible.module_utils.basic import missing_required_lib

        module.fail_json(msg=missing_required_lib("openstacksdk"), exception=sdk_missing)
    run_module(module, work)


def run_module(module: AnsibleModule, work: Callable[[dict[str, Any]], dict[str, Any]]) -> None:
    """Hand the module's parameters to *work* and its result to Ansible; an error of ours becomes the module's failure."""
    try:
        if "\0" in module.params.get("root", ""):
            raise InputProblem("root", module.params["root"], "holds a NUL", "Write the path of a folder")
        result = work(module.params)
    except PassthroughError as error:
        module.fail_json(msg=str(error))
    else:
        module.exit_json(**result)
