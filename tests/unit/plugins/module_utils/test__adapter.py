# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _adapter.py: results and errors on their way to Ansible."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import (
    CLOUD_ARGUMENT_SPEC,
    ROOT_ARGUMENT_SPEC,
    run_cloud_module,
    run_module,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import (
    InputProblem,
    MachineProblem,
    SeveralProblems,
)


class Module:
    """What the adapter needs of AnsibleModule, which ends the process where this one raises."""

    params = {"root": "/"}  # noqa: RUF012

    def exit_json(self, **result):
        raise SystemExit(("exit", result))

    def fail_json(self, **result):
        raise SystemExit(("fail", result))


def outcome(work):
    with pytest.raises(SystemExit) as ended:
        run_module(Module(), work)
    return ended.value.code


def test_a_result_is_handed_over_as_it_is():
    assert outcome(lambda params: {"changed": False, "root": params["root"]}) == (
        "exit",
        {"changed": False, "root": "/"},
    )


def test_a_root_with_a_nul_is_refused(monkeypatch):
    monkeypatch.setattr(Module, "params", {"root": "/a\0b"})
    told = {"msg": "root: '/a\\x00b' holds a NUL. Write the path of a folder"}
    assert outcome(lambda params: {}) == ("fail", told)


@pytest.mark.parametrize(
    ("error", "message"),
    [
        (InputProblem("entry[0]", "x", "is bad", "Write y"), "entry[0]: 'x' is bad. Write y"),
        (MachineProblem("/sys", "is gone", "Mount it"), "/sys: is gone. Mount it"),
        (
            SeveralProblems((MachineProblem("/a", "p", "f"), MachineProblem("/b", "p", "f"))),
            "/a: p. f\n/b: p. f",
        ),
    ],
)
def test_an_error_of_ours_is_the_modules_failure(error, message):
    def work(_params):
        raise error

    assert outcome(work) == ("fail", {"msg": message})


def test_any_other_error_is_not_hidden():
    def work(_params):
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        run_module(Module(), work)


def test_the_root_is_the_machine_itself_unless_told_otherwise():
    assert ROOT_ARGUMENT_SPEC == {"root": {"type": "path", "default": "/"}}


def test_a_module_that_talks_to_the_cloud_runs_where_openstacksdk_is():
    with pytest.raises(SystemExit) as ended:
        run_cloud_module(Module(), lambda params: {"root": params["root"]}, None)
    assert ended.value.code == ("exit", {"root": "/"})


def test_without_openstacksdk_it_says_so_and_does_nothing():
    pytest.importorskip("ansible.module_utils.basic")
    with pytest.raises(SystemExit) as ended:
        run_cloud_module(Module(), lambda params: {"done": True}, "Traceback")
    verb, result = ended.value.code
    assert verb == "fail"
    assert result["msg"].startswith("Failed to import the required Python library (openstacksdk)")
    assert result["exception"] == "Traceback"


def test_the_cloud_is_the_environment_s_unless_named():
    assert CLOUD_ARGUMENT_SPEC == {"cloud": {"type": "str"}}
