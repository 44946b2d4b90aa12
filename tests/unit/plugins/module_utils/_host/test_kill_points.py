# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A run is stopped dead at every operation in turn: before each change of a file, and before and after each tool.

The process really ends (os._exit in a forked child): no `finally`, no way back. Then every file must be its old or its
new self, the journal must be readable, and the next run, whichever it is, must end in the right state.
"""

from __future__ import annotations

import json
import os
import signal
import time

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import journal_from_text
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import TEMPORARY_SUFFIX, Files
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.toy_host import (
    JOURNAL,
    STATE,
    ToyHost,
    in_memory,
)

KILLED = 9
IGNORED = ("/sys/bound",)  # the devices' state: the toy script's own


class KillingFiles(Files):
    """Ends the process at the nth operation; a write is cut in its middle."""

    kill_at = 0
    count = 0

    def step(self, operation, path):  # noqa: ARG002
        cls = type(self)
        cls.count += 1
        if cls.count == cls.kill_at and operation != "write":
            os._exit(KILLED)

    def _write(self, descriptor, place, content):
        super()._write(descriptor, place, content[: len(content) // 2] if self.count + 1 == self.kill_at else content)
        if self.count == self.kill_at:
            os._exit(KILLED)

    def _pour(self, source, descriptor, name, digest):
        if self.count + 1 == self.kill_at:
            os.write(descriptor, b"half")
            os._exit(KILLED)
        super()._pour(source, descriptor, name, digest)


def killing(kill_at=0):
    return type("Killing", (KillingFiles,), {"kill_at": kill_at, "count": 0})


def count_points(host, state):
    host.files_class = killing()
    host.run(state)
    host.go_back()
    return host.files_class.count


def run_and_kill(host, state, point):
    child = os.fork()
    if child == 0:
        try:
            host.files_class = killing(point)
            host.run(state)
            os._exit(0)
        finally:
            os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == KILLED, f"point {point}"


def content_of(tree):
    return {
        path: state
        for path, state in tree.items()
        if not path.startswith(STATE) and not path.endswith(TEMPORARY_SUFFIX) and path not in IGNORED
    }


def assert_old_or_new(host, old, new, point):
    now = content_of(host.tree())
    for path, state in now.items():
        known = [tree[path] for tree in (old, new) if path in tree]
        if not known:
            pytest.fail(f"point {point}: {path} is neither old nor new")
        assert state in known, f"point {point}: {path}"
    gone = [path for path in old if path in new and path not in now]
    assert gone == [], f"point {point}"


def assert_journal_tells(host, point):
    place = host.at(JOURNAL)
    if place.exists():
        journal = journal_from_text(place.read_text(encoding="utf-8"))
        for path, record in journal.files.items():
            assert record.path == path
            assert record.written or record.intended, f"point {point}: {path}"


@pytest.fixture
def folder():
    with in_memory() as place:
        yield place


def prepare(scenario, folder):
    """Return a host before the scenario's run, that run's state, and what was there before the collection ever came."""
    host = ToyHost(folder)
    host.run("absent")
    virgin = content_of(host.tree())
    if scenario != "first":
        host.run()
    if scenario == "change":
        host.token, host.addresses = "iommu=pt", ["0000:05:00.0", "0000:02:00.0"]
    if scenario == "empty":
        host.addresses = []
    host.save()
    return host, "absent" if scenario == "remove" else "present", virgin


SCENARIOS = ("first", "change", "empty", "remove")
# The fast loop stops at every ninth point, make test at each one.
STRIDES = (pytest.param(9, id="every ninth point"), pytest.param(1, id="every point", marks=pytest.mark.slow))


def without_boot(tree):
    return {path: state for path, state in tree.items() if not path.startswith("/boot")}


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_the_same_run_again_completes(scenario, stride, folder):
    host, state, _virgin = prepare(scenario, folder)
    old = content_of(host.tree())
    points = count_points(host, state)
    host.files_class = Files
    host.run(state)
    new = content_of(host.tree())
    for point in range(1, points + 1, stride):
        host.go_back()
        run_and_kill(host, state, point)
        assert_old_or_new(host, old, new, point)
        assert_journal_tells(host, point)
        host.run(state)
        assert content_of(host.tree()) == new, f"point {point}"
        left = [path for path in host.tree() if path.endswith(TEMPORARY_SUFFIX) or "/touched" in path]
        assert left == [], f"point {point}"
        quiet = host.identities()
        assert host.run(state).to_dict()["changed"] is False, f"point {point}"
        assert host.identities() == quiet, f"point {point}"
        if state == "absent":
            assert not host.at(STATE).exists(), f"point {point}"
        elif host.at(JOURNAL).exists():
            assert json.loads(host.text(JOURNAL))["unfinished"] is None
    print(f"kill points, {scenario}: {points}, each followed by the same run")
    assert points > 30


@pytest.mark.parametrize("stride", STRIDES)
@pytest.mark.parametrize("scenario", SCENARIOS)
def test_a_removal_afterwards_brings_the_very_first_state(scenario, stride, folder):
    host, state, virgin = prepare(scenario, folder)
    points = count_points(host, state)
    host.files_class = Files
    for point in range(1, points + 1, stride):
        host.go_back()
        run_and_kill(host, state, point)
        kept = host.run("absent").to_dict()["kept"]
        assert kept == [], f"point {point}"
        assert without_boot(content_of(host.tree())) == without_boot(virgin), f"point {point}"
        assert not host.at(STATE).exists(), f"point {point}"
        if host.log():
            assert "nova_pci" not in host.text("/boot/grub/grub.cfg")
    print(f"kill points, {scenario}: {points}, each followed by a removal")


@pytest.mark.parametrize("next_state", ["present", "absent"])
def test_a_tool_killed_half_way_together_with_the_run(folder, next_state):
    host = ToyHost(folder)
    slow = host.mark("break-update-grub", "slow")
    child = os.fork()
    if child == 0:
        os.setsid()
        host.run()
        os._exit(0)
    deadline = time.monotonic() + 10
    while host.text("/boot/grub/grub.cfg") != "half\n":
        assert time.monotonic() < deadline
        time.sleep(0.02)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    # The tool lives on for a while and still holds the lock: nobody may start beside it.
    with pytest.raises(MachineProblem, match=f"process {child}, or a tool it started"):
        host.run(patience=0.2)
    for line in os.listdir("/proc"):
        if line.isdigit() and reads(f"/proc/{line}/environ", str(host.root)) and int(line) != os.getpid():
            os.kill(int(line), signal.SIGKILL)
    # A run that fails now brings back the copy from before the first one, not the half.
    host.mark("break-update-grub", "half")
    with pytest.raises(MachineProblem, match="killed by signal 9"):
        host.run()
    assert host.text("/boot/grub/grub.cfg") == "former grub.cfg\n"
    slow.unlink()
    host.run(next_state)
    assert "former" not in host.text("/boot/grub/grub.cfg")
    assert ("intel_iommu" in host.text("/boot/grub/grub.cfg")) == (next_state == "present")


def reads(place, needle):
    try:
        with open(place, encoding="utf-8", errors="replace") as stream:
            return f"NOVA_PCI_ROOT={needle}\0" in stream.read()
    except OSError:
        return False
