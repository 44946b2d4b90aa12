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
import shutil
import signal
import time

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import journal_from_text
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import TEMPORARY_SUFFIX, Files
from ansible_collections.nova_pci.passthrough.tests.tried import tried
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.toy_host import ToyHost, in_memory
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.toy_nova import (
    NOVA_CONF,
    SECRET,
    UNITS,
    ToyNova,
)

KILLED = 9
IGNORED = ("/sys/bound", UNITS)  # the state of devices and services: the toy scripts' own


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
    assert is_killed(host, state, point), f"point {point}"


def is_killed(host, state, point):
    """Run until *point* in a process of its own; False when the run was through before."""
    child = os.fork()
    if child == 0:
        try:
            host.files_class = killing(point)
            host.run(state)
            os._exit(0)
        finally:
            os._exit(1)
    host.files_class = Files
    status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert status in (0, KILLED)
    return status == KILLED


def content_of(tree):
    return {
        path: state
        for path, state in tree.items()
        if not path.startswith((ToyHost.state, *IGNORED)) and not path.endswith(TEMPORARY_SUFFIX)
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
    place = host.at(host.journal)
    if place.exists():
        assert SECRET not in place.read_text(encoding="utf-8"), f"point {point}"
        journal = journal_from_text(place.read_text(encoding="utf-8"))
        for path, record in journal.files.items():
            assert record.path == path
            assert record.written or record.intended, f"point {point}: {path}"


@pytest.fixture
def folder():
    with in_memory() as place:
        yield place


HOSTS = {"host": ToyHost, "nova": ToyNova}
SCENARIOS = (
    *(("host", scenario) for scenario in ("first", "change", "empty", "remove")),
    *(("nova", scenario) for scenario in ("first", "change", "empty", "remove", "edited", "remove edited")),
)
each_scenario = pytest.mark.parametrize(("kind", "scenario"), SCENARIOS, ids=[" ".join(pair) for pair in SCENARIOS])


def change(host):
    host.token, host.addresses = "iommu=pt", ["0000:05:00.0", "0000:02:00.0"]
    host.filters, host.spec = "ComputeFilter,NUMATopologyFilter,PciPassthroughFilter", '{"address": "0000:05:00.0"}'


def edit_elsewhere(host):
    """An administrator's edits before and behind our line."""
    text = host.text(NOVA_CONF).replace("[DEFAULT]\n", "[DEFAULT]\nmy_ip = 10.0.0.1\n\n")
    host.write(NOVA_CONF, text + "[quota]\ncores = 8\n")


def prepare(kind, scenario, folder):
    """Return a host before the scenario's run, that run's state, and what is there without the collection."""
    host = HOSTS[kind](folder)
    host.run("absent")
    virgin = content_of(host.tree())
    if scenario != "first":
        host.run()
    if "edited" in scenario:
        edit_elsewhere(host)
        with_us = host.text(NOVA_CONF)
        host.write(NOVA_CONF, host.pristine())
        virgin = {**virgin, NOVA_CONF: content_of(host.tree())[NOVA_CONF]}
        host.write(NOVA_CONF, with_us)
    if scenario in ("change", "edited"):
        change(host)
    if scenario == "empty":
        host.addresses, host.filters, host.spec = [], None, None
    host.save()
    return host, "absent" if "remove" in scenario else "present", virgin


# The fast loop stops at every ninth point, make test at each one.
STRIDES = (pytest.param(9, id="every ninth point"), pytest.param(1, id="every point", marks=pytest.mark.slow))


def without_boot(tree):
    return {path: state for path, state in tree.items() if not path.startswith("/boot")}


@pytest.mark.parametrize("stride", STRIDES)
@each_scenario
def test_the_same_run_again_completes(kind, scenario, stride, folder):
    host, state, _virgin = prepare(kind, scenario, folder)
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
        if kind == "nova":
            assert host.holds_settings_of_old() == [], f"point {point}"
        left = [path for path in host.tree() if path.endswith(TEMPORARY_SUFFIX) or "/touched" in path]
        assert left == [], f"point {point}"
        quiet = host.identities()
        assert host.run(state).to_dict()["changed"] is False, f"point {point}"
        assert host.identities() == quiet, f"point {point}"
        if state == "absent":
            assert not host.at(host.state).exists(), f"point {point}"
        elif host.at(host.journal).exists():
            assert json.loads(host.text(host.journal))["unfinished"] is None
    tried(f"kill points, {kind}", len(range(1, points + 1, stride)))
    assert points > 20


@pytest.mark.parametrize("stride", STRIDES)
@each_scenario
def test_a_removal_afterwards_brings_the_very_first_state(kind, scenario, stride, folder):
    host, state, virgin = prepare(kind, scenario, folder)
    points = count_points(host, state)
    host.files_class = Files
    for point in range(1, points + 1, stride):
        host.go_back()
        run_and_kill(host, state, point)
        kept = host.run("absent").to_dict()["kept"]
        assert kept == [], f"point {point}"
        assert without_boot(content_of(host.tree())) == without_boot(virgin), f"point {point}"
        assert not host.at(host.state).exists(), f"point {point}"
        if kind == "nova":
            assert host.holds_settings_of_old() == [], f"point {point}"
        elif host.log():
            assert "nova_pci" not in host.text("/boot/grub/grub.cfg")
    tried(f"kill points, {kind}", len(range(1, points + 1, stride)))


PAIRS = (pytest.param(17, id="some pairs"), pytest.param(5, id="many pairs", marks=pytest.mark.slow))


@pytest.mark.parametrize("stride", PAIRS)
@pytest.mark.parametrize("kind", HOSTS)
def test_a_second_run_that_is_cut_off_too_loses_nothing(kind, stride, folder):
    """What stands in a file may then be of the first of them, which neither the journal before nor the plan names."""
    host, _state, virgin = prepare(kind, "first", folder)
    firsts = count_points(host, "present")
    pairs = 0
    for first in range(1, firsts + 1, stride):
        host.go_back()
        host.token, host.addresses = "intel_iommu=on", ["0000:02:00.0"]
        host.filters, host.spec = "ComputeFilter,PciPassthroughFilter", '{"address": "0000:02:00.0"}'
        run_and_kill(host, "present", first)
        change(host)
        between = host.base / f"after {first}"
        host.root.rename(between)
        for second in range(1, 1000, stride):
            shutil.copytree(between, host.root, symlinks=True)
            if not is_killed(host, "present", second):
                break
            pairs += 1
            host.run("absent")
            assert without_boot(content_of(host.tree())) == without_boot(virgin), f"points {first} and {second}"
            shutil.rmtree(host.root)
        shutil.rmtree(between)
    tried(f"kill points, {kind}", 2 * pairs)
    assert pairs > 5


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
