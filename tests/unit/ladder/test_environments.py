# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from ansible_collections.nova_pci.passthrough.tests.ladder import environments
from ansible_collections.nova_pci.passthrough.tests.ladder.environments import (
    environment,
    environment_key,
    read_requirements,
)
from ansible_collections.nova_pci.passthrough.tests.ladder.machine import Interpreter, MissingError

PYTHON = Interpreter((3, 11, 2), Path("/usr/bin/python3.11"))


@pytest.fixture(name="commands")
def fixture_commands(monkeypatch):
    """Stands in for venv and pip; pip fails when asked for "broken"."""
    ran = []

    def run(command, **options):
        ran.append(command)
        if "venv" in command:
            Path(command[-1]).mkdir(parents=True)
        failed = "broken" in command
        return subprocess.CompletedProcess(
            command, int(failed), "", "noise\nERROR: No matching distribution\n" if failed else ""
        )

    monkeypatch.setattr(environments, "can_build_venvs", lambda interpreter: True)
    monkeypatch.setattr(environments.subprocess, "run", run)
    return ran


def test_the_second_call_builds_nothing(tmp_path, commands):
    said = []
    first = environment("check", PYTHON, ["pytest"], said.append, tmp_path)
    assert len(commands) == 2
    assert environment("check", PYTHON, ["pytest"], said.append, tmp_path) == first
    assert len(commands) == 2
    assert said == ["building the check environment with Python 3.11"]


def test_a_failed_build_tells_pips_error_and_leaves_nothing_to_trust(tmp_path, commands):
    with pytest.raises(MissingError) as raised:
        environment("check", PYTHON, ["broken"], str, tmp_path)
    assert str(raised.value).endswith("ERROR: No matching distribution")
    assert raised.value.installable
    with pytest.raises(MissingError):
        environment("check", PYTHON, ["broken"], str, tmp_path)
    assert len(commands) == 4


def test_a_missing_venv_module_is_brought_by_apt(tmp_path, commands, monkeypatch):
    answers, asked = iter([False, True]), []
    monkeypatch.setattr(environments, "can_build_venvs", lambda interpreter: next(answers))
    monkeypatch.setattr(environments, "apt_install", asked.extend)
    environment("check", PYTHON, ["pytest"], str, tmp_path)
    assert asked == ["python3.11-venv"]


def test_the_key_is_of_everything_that_goes_in():
    key = environment_key(PYTHON, ["a", "b"])
    assert key == environment_key(PYTHON, ["b", "a"])
    assert key != environment_key(PYTHON, ["a"])
    assert key != environment_key(Interpreter((3, 11, 3), PYTHON.path), ["a", "b"])


def test_requirements_are_read_without_comments(tmp_path):
    file = tmp_path / "r.txt"
    file.write_text("# why\npytest>=9,<10\n\nruff # lint\n", encoding="utf-8")
    assert read_requirements(file) == ["pytest>=9,<10", "ruff"]


def test_old_environments_go_and_the_newest_stay(tmp_path, commands, monkeypatch):
    for number in range(6):
        environment("check", PYTHON, [f"a=={number}"], str, tmp_path)
    assert len(list((tmp_path / "venvs").glob("check-*"))) == 6, "those of today stay, other checkouts may use them"
    now = environments.time.time()
    monkeypatch.setattr(environments.time, "time", lambda: now + 48 * 3600)
    environment("check", PYTHON, ["a==9"], str, tmp_path)
    assert len(list((tmp_path / "venvs").glob("check-*"))) == 3
