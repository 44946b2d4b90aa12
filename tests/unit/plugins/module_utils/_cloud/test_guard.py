# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _cloud/guard.py with real processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[5]
# The module of the story: it makes something (a file), and ends in the way that the test wants.
MODULE = f"""
import importlib.util, os, signal, sys, time
spec = importlib.util.spec_from_file_location("guard", {str(ROOT / "plugins/module_utils/_cloud/guard.py")!r})
guard_file = importlib.util.module_from_spec(spec)
spec.loader.exec_module(guard_file)
path, end, seconds = sys.argv[1], sys.argv[2], float(sys.argv[3])
fails = [True] if end == "fail_once" else []

def clear():
    if fails:
        fails.pop()
        raise OSError("the cloud is away")
    open(path + ".cleared_by", "w").write(str(os.getsid(0)))
    os.unlink(path)

guard = guard_file.start_guard(clear, lambda: not os.path.exists(path), seconds, pause=0.05)
open(path, "w").close()
print(os.getsid(0), flush=True)
if end == "done":
    guard.done()
elif end == "keep":
    guard.keep()
elif end == "hang":
    time.sleep(60)
elif end != "fail_once":
    os.kill(os.getpid(), int(end))
"""


class Story:
    def __init__(self, folder: Path, end: str, seconds: float = 60.0) -> None:
        self.thing = folder / "thing"
        self.process = subprocess.Popen(
            [sys.executable, "-c", MODULE, str(self.thing), end, str(seconds)],
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def finish(self) -> str:
        """The module's output; it ends although the second process lives on, as Ansible waits for it."""
        return self.process.communicate(timeout=20)[0]

    def is_cleared(self, seconds: float = 10.0) -> bool:
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if not self.thing.exists() and self.cleared_by.exists():
                return True
            time.sleep(0.02)
        return False

    @property
    def cleared_by(self) -> Path:
        return Path(f"{self.thing}.cleared_by")


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP], ids=str)
def test_a_module_that_is_killed_leaves_nothing(tmp_path, number):
    story = Story(tmp_path, str(int(number)))
    session = story.finish().strip()
    assert story.is_cleared()
    assert story.cleared_by.read_text() != session, "a signal to the play's session would have hit it"


def test_a_signal_to_everybody_of_the_play_leaves_nothing(tmp_path):
    story = Story(tmp_path, "hang")
    assert story.process.stdout is not None
    story.process.stdout.readline()
    os.killpg(story.process.pid, signal.SIGKILL)
    assert story.is_cleared()
    story.finish()


def test_a_module_that_has_done_it_is_believed(tmp_path):
    story = Story(tmp_path, "done")
    story.finish()
    assert not story.is_cleared(0.5)
    assert story.thing.exists()


def test_what_is_kept_is_not_kept_for_ever(tmp_path):
    story = Story(tmp_path, "keep", seconds=3.0)  # longer than a busy machine takes to get to the next line but one
    started = time.monotonic()
    story.finish()
    assert story.thing.exists()
    assert story.is_cleared()
    assert time.monotonic() - started >= 2.9


def test_what_somebody_else_took_away_is_done(tmp_path):
    story = Story(tmp_path, "keep", seconds=3.0)
    story.finish()
    story.thing.unlink()
    time.sleep(3.5)
    assert not story.cleared_by.exists()


def test_a_cloud_that_is_away_is_asked_again(tmp_path):
    story = Story(tmp_path, "fail_once")
    story.finish()
    assert story.is_cleared()
