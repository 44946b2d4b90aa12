# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""SSH is dropped in the middle of a step, from either side: nothing is left half done, and the next run completes."""

from __future__ import annotations

import json
import time

import pytest
from faults.guest import BUSY, Guest, Outcome, Play
from faults.undisturbed import Undisturbed
from tried import tried

pytestmark = pytest.mark.long


def wait_for_module(play: Play, name: str, seconds: float = 600) -> None:
    """Wait until the controller has begun to execute the module *name*."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        lines = play.record.read_text(encoding="utf-8").splitlines() if play.record.exists() else []
        if any(json.loads(line).get("module") == f"nova_pci.passthrough.{name}" for line in lines):
            return
        assert play.process.poll() is None, f"the run ended without {name}"
        time.sleep(0.05)
    raise AssertionError(f"{name} did not come")


def completes(guest: Guest, undisturbed: Undisturbed, first: Outcome, reboot: bool = False) -> None:
    last = " ".join(first.text.split())[-300:]
    print(f"\nthe run ended with {first.status}: ...{last}", end="")
    second = guest.play(reboot=reboot)
    # What the first one started goes on without it, and may take longer than another is patient.
    while second.status != 0 and BUSY in second.message:
        print(", another is told to wait", end="")
        second = guest.play(reboot=reboot)
    assert second.status == 0, second.text
    assert second.wrong_findings(pending=not reboot) == []
    assert guest.manifest() == undisturbed.manifest
    journal = guest.journal()
    assert journal is not None
    assert journal["unfinished"] is None
    tried("dropped connections", 1)


@pytest.mark.parametrize("module", ["host_plan", "host_verify"])
def test_dropped_while_a_module_looks(guest: Guest, undisturbed: Undisturbed, module: str) -> None:
    play = guest.start()
    wait_for_module(play, module)
    guest.wait_for_connection()
    time.sleep(0.5)
    assert guest.drop_connections()
    completes(guest, undisturbed, play.wait())


@pytest.mark.parametrize("event", ["journal", "update-grub", "update-initramfs"])
def test_dropped_while_host_apply_writes(guest: Guest, undisturbed: Undisturbed, event: str) -> None:
    with guest.watched() as watch:
        play = guest.start()
        watch.wait_for(event, play)
        assert guest.drop_connections()
        outcome = play.wait()
    completes(guest, undisturbed, outcome)


def test_the_controller_is_killed_while_host_apply_writes(guest: Guest, undisturbed: Undisturbed) -> None:
    """Nobody waits for the host any more; it goes on alone, and the next run finds it at work."""
    with guest.watched() as watch:
        play = guest.start()
        watch.wait_for("update-grub", play)
        play.kill()
        guest.drop_connections()
    completes(guest, undisturbed, Outcome(-9, [], "killed"))


def test_sshd_is_killed_while_host_apply_writes(guest: Guest, undisturbed: Undisturbed) -> None:
    with guest.watched() as watch:
        play = guest.start()
        watch.wait_for("update-grub", play)
        # The connection that says so may be among those that end.
        guest.machine.ssh.run("systemd-run --quiet sh -c 'pkill -KILL -x sshd; systemctl restart ssh'")
    outcome = play.wait()
    completes(guest, undisturbed, outcome)


def test_dropped_while_the_host_reboots(guest: Guest, undisturbed: Undisturbed) -> None:
    before = guest.machine.boot_id()
    play = guest.start(reboot=True)
    deadline = time.monotonic() + 600
    while "Reboot once for all layers" not in play.log.read_text(encoding="utf-8", errors="replace"):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    time.sleep(1)
    guest.drop_connections()
    outcome = play.wait()
    guest.boot()
    print(f"\n{'another' if guest.machine.boot_id() != before else 'the same'} boot", end="")
    completes(guest, undisturbed, outcome, reboot=True)
    assert "intel_iommu=on" in guest.command_line().split()
