# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import sys

import pytest

from ansible_collections.nova_pci.passthrough.tests.benchmark import runs

RECORD = [
    {"event": "run", "playbook": "host.yml", "check": False},
    {"event": "module", "module": "ansible.legacy.setup", "task": "Gathering Facts"},
    {
        "event": "result",
        "host": "lab",
        "task": "Gathering Facts",
        "action": "gather_facts",
        "result": {"changed": False},
    },
    {"event": "module", "module": "ansible.legacy.stat", "task": "Write"},
    {"event": "module", "module": "ansible.legacy.copy", "task": "Write"},
    {"event": "result", "host": "lab", "task": "Write", "action": "copy", "result": {"changed": True}},
    {"event": "result", "host": "lab", "task": "Think", "action": "set_fact", "result": {}},
]
FAILED = {
    "event": "result",
    "host": "lab",
    "task": "Install",
    "action": "package",
    "result": {"failed": True, "msg": "No."},
}


def text(*events: dict) -> str:
    return "".join(json.dumps(event) + "\n" for event in events)


def test_a_task_may_execute_several_modules_or_none():
    modules, changed, failure = runs.read(text(*RECORD))
    assert modules == ("ansible.legacy.setup", "ansible.legacy.stat", "ansible.legacy.copy")
    assert changed == ("Write",)
    assert failure == ""


def test_the_last_failure_is_told():
    mute = {**FAILED, "result": {"failed": True}}
    assert runs.read(text(FAILED))[2] == "Install: No."
    assert runs.read(text(FAILED, mute))[2] == "Install: no reason given"


@pytest.mark.parametrize(
    ("ending", "failure"),
    [("0", ""), ("2", "Install: No.")],
    ids=["a failure that the playbook ignores", "one that ends it"],
)
def test_a_failed_task_counts_where_the_run_fails(tmp_path, ending, failure):
    program = f"import os, sys; open(os.environ['NOVA_PCI_RECORD'], 'a').write(sys.argv[1]); sys.exit({ending})"
    done = runs.run([sys.executable, "-c", program, text(*RECORD, FAILED)], tmp_path / "record", {})
    assert (len(done.modules), done.changed, done.failure) == (3, ("Write",), failure)
    assert done.seconds > 0


def test_a_run_that_ends_before_any_task_says_why(tmp_path):
    (tmp_path / "record").write_text(text(*RECORD), encoding="utf-8")
    done = runs.run([sys.executable, "-c", "raise SystemExit('no inventory')"], tmp_path / "record", {})
    assert (done.modules, done.failure) == ((), "no inventory")


def test_the_recorder_is_switched_on(tmp_path):
    program = (
        "import os; open(os.environ['NOVA_PCI_RECORD'], 'a'); raise SystemExit(os.environ['ANSIBLE_CALLBACKS_ENABLED'])"
    )
    assert runs.run([sys.executable, "-c", program], tmp_path / "record", {}).failure == "recorder"
