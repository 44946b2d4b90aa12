# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _cloud/smoke.py: whatever happens to a test server, nothing stays behind."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("openstack")

from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud import servers, smoke
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem

pytestmark = pytest.mark.filterwarnings("ignore")  # openstacksdk warns about itself

ROOT = Path(__file__).resolve().parents[5]
NAME = "nova-pci-passthrough-smoke-a1-0badcafe"
PARAMS = {
    "cloud": "here",
    "probe": {"name": NAME, "alias": "a1", "count": 1, "host": None},
    "image_id": "image",
    "network_id": None,
    "ram": 64,
    "disk": 1,
    "timeout": 60,
    "hold": 600,
}
# A module's process in a Python of its own, with the collection served as under pytest.
ALONE = f"""
import functools, importlib.util, sys, warnings
warnings.simplefilter("ignore")
spec = importlib.util.spec_from_file_location("serving", {str(ROOT / "tests/unit/conftest.py")!r})
spec.loader.exec_module(importlib.util.module_from_spec(spec))
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud import smoke
smoke.start_guard = functools.partial(smoke.start_guard, pause=0.1)
smoke.make({{**{PARAMS!r}, "hold": int(sys.argv[1])}})
"""


class NoGuard:
    """Remembers the module's last word; no second process in these tests."""

    def __init__(self) -> None:
        self.word = None

    def start(self, clear, is_gone, seconds):
        assert seconds == PARAMS["hold"]
        self.functions = (clear, is_gone)
        return self

    def done(self):
        self.word = "done"

    def keep(self):
        self.word = "keep"


@pytest.fixture
def guard(monkeypatch):
    guard = NoGuard()
    monkeypatch.setattr(smoke, "start_guard", guard.start)
    monkeypatch.setattr(servers, "POLL_SECONDS", 0.01)
    return guard


def test_an_active_server_stays_until_it_is_taken_away(nova, guard):
    made = smoke.make(PARAMS)
    assert (made.server["status"], made.server["host"], made.clues, made.cleared) == ("ACTIVE", "compute1", None, ())
    assert (nova.servers, list(nova.flavors), guard.word) == ([NAME], [NAME], "keep")
    assert smoke.take_away(PARAMS, dry_run=True) == (True, ())
    assert nova.servers == [NAME]
    assert smoke.take_away(PARAMS, dry_run=False) == (True, ())
    assert (nova.servers, nova.flavors) == ([], {})
    assert smoke.take_away(PARAMS, dry_run=False) == (False, ())


@pytest.mark.parametrize(
    "state",
    [{"life": ["BUILD", "ERROR"]}, {"broken": {"POST compute /servers": [400, "PCI alias a1 is not defined"]}}],
    ids=["error", "refused"],
)
def test_one_that_failed_is_gone_at_once(nova, guard, state):
    nova.control(**state)
    made = smoke.make(PARAMS)
    assert made.server is None
    assert made.clues is not None
    assert (nova.servers, nova.flavors, guard.word) == ([], {}, "done")


def test_when_the_module_fails_the_guard_is_told_nothing_and_clears(nova, guard):
    nova.control(broken={"GET compute /servers/0.*": [503, "down"]})
    with pytest.raises(MachineProblem):
        smoke.make(PARAMS)
    assert (nova.servers, guard.word) == ([NAME], None)
    nova.control(broken={})
    clear, is_gone = guard.functions
    assert not is_gone()
    clear()
    assert is_gone()
    assert (nova.servers, nova.flavors) == ([], {})


def test_a_dead_run_s_server_goes_first(nova, guard):
    marks = {"nova_pci_passthrough:managed": "smoke", "nova_pci_passthrough:until": "5"}
    other = f"{NAME[:-1]}f"
    nova.control(servers={"x": {"id": "x", "name": other, "metadata": marks, "looks": 0}})
    assert smoke.make(PARAMS).cleared == (f"delete left-over server {other}",)
    assert nova.servers == [NAME]


def test_everything_goes_without_a_probe(nova, guard):
    smoke.make(PARAMS)
    params = {**PARAMS, "probe": None}
    said = (f"delete left-over server {NAME}",)
    assert smoke.take_away(params, dry_run=True) == (False, said)
    assert smoke.take_away(params, dry_run=False) == (False, said)
    assert (nova.servers, nova.flavors) == ([], {})


def wait_until(condition, seconds=30.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "too late"
        time.sleep(0.05)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL], ids=["SIGTERM", "SIGKILL"])
def test_a_module_that_is_killed_while_it_waits(nova, number):
    nova.control(life=["BUILD"])
    process = subprocess.Popen([sys.executable, "-c", ALONE, "600"], stdout=subprocess.PIPE, start_new_session=True)
    try:
        wait_until(lambda: nova.servers == [NAME])
        process.send_signal(number)
        wait_until(lambda: nova.servers == [] and nova.flavors == {})
    finally:
        process.kill()
        process.communicate()


def test_a_play_that_never_comes_back(nova):
    process = subprocess.run([sys.executable, "-c", ALONE, "1"], stdout=subprocess.PIPE, timeout=30, check=False)
    assert process.returncode == 0
    wait_until(lambda: nova.servers == [] and nova.flavors == {})
    said = [one.rpartition("/")[0] for one in nova.written]
    assert said.index("POST compute ") < said.index("DELETE compute /servers")
