"""The first boot of an image, without a machine."""

from __future__ import annotations

import io
import subprocess
import sys
import time

import pytest

from lab import image, ssh
from lab.errors import LabError
from lab.progress import Progress


@pytest.fixture
def build(tmp_path, monkeypatch):
    """One whose packages took an hour."""
    key = tmp_path / "key"
    key.with_suffix(".pub").write_text("public")
    monkeypatch.setattr(time, "sleep", lambda _seconds: None)
    before = Progress(stream=io.StringIO())
    before._start -= 3600
    return image.Build(image.MACHINE, "bookworm", tmp_path, key, None, [], before)


@pytest.fixture
def running():
    with subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE) as process:
        yield process
        process.kill()


def test_what_came_before_does_not_count_against_the_first_boot(build, running, monkeypatch):
    answers = iter([False, False, True])
    monkeypatch.setattr(ssh, "answers", lambda _port: next(answers))
    build._wait(running, 0)
    assert next(answers, None) is None


def test_a_first_boot_that_never_answers_is_given_up(build, running, monkeypatch):
    monkeypatch.setattr(ssh, "answers", lambda _port: False)
    monkeypatch.setattr(image, "_FINISH_SECONDS", 0.01)
    with pytest.raises(LabError, match="did not answer"):
        build._wait(running, 0)
