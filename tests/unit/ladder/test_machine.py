# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from ansible_collections.nova_pci.passthrough.tests.ladder import machine
from ansible_collections.nova_pci.passthrough.tests.ladder.machine import Interpreter, MissingError


def python(minor: int) -> Interpreter:
    return Interpreter((3, minor, 1), Path(f"/opt/python3.{minor}"))


def test_the_python_that_runs_this_is_found_with_its_real_binary():
    found = machine.find_interpreters()[sys.version_info[:2]]
    assert found.version == sys.version_info[:3]
    assert found.path == found.path.resolve()
    assert not (found.path.parent.parent / "pyvenv.cfg").exists()


def test_shims_and_broken_files_are_no_interpreters(tmp_path, monkeypatch):
    for name, text in (("python3.99", "#!/bin/sh\nexit 127\n"), ("python3.98", "not a program\n")):
        (tmp_path / name).write_text(text, encoding="utf-8")
        (tmp_path / name).chmod(0o755)
    (tmp_path / "python3-config").write_text("", encoding="utf-8")
    monkeypatch.setenv("PATH", str(tmp_path))
    assert not {(3, 98), (3, 99)} & set(machine.find_interpreters())


def test_the_running_release_comes_first_in_a_range(monkeypatch):
    monkeypatch.setattr(machine.sys, "version_info", (3, 12, 1))
    interpreters = {(3, minor): python(minor) for minor in (9, 11, 12, 13)}
    assert [one.minor for one in machine.in_range(interpreters, (3, 11), (3, 13))] == [(3, 12), (3, 11), (3, 13)]
    assert machine.in_range(interpreters, (3, 14), (3, 15)) == []


@pytest.mark.parametrize(("text", "ci"), [("true", True), ("1", True), ("", False), ("false", False)])
def test_ci_is_what_the_environment_says(monkeypatch, text, ci):
    monkeypatch.setenv("CI", text)
    assert machine.in_ci() is ci


@pytest.mark.parametrize(
    ("root", "debian", "sentence"),
    [
        (False, True, "The lab needs root."),
        (True, False, "The lab needs a Debian machine."),
        (False, False, "The lab needs root and a Debian machine."),
    ],
)
def test_what_is_missing_is_one_sentence(monkeypatch, root, debian, sentence):
    monkeypatch.setattr(machine, "is_root", lambda: root)
    monkeypatch.setattr(machine, "is_debian", lambda: debian)
    with pytest.raises(MissingError) as raised:
        machine.require_debian_root("The lab")
    assert str(raised.value) == sentence
    assert not raised.value.installable


def test_apt_is_asked_again_with_new_lists_and_then_its_reason_is_told(monkeypatch):
    asked = []

    def run(command, **options):
        asked.append(command[1])
        return subprocess.CompletedProcess(command, 100, "", "E: first\nE: Unable to locate package x\n")

    monkeypatch.setattr(machine, "require_debian_root", lambda what: None)
    monkeypatch.setattr(machine.subprocess, "run", run)
    with pytest.raises(MissingError) as raised:
        machine.apt_install(["x"])
    assert asked == ["install", "update", "install"]
    assert str(raised.value) == "x is missing and apt-get could not install it: E: Unable to locate package x."
    assert raised.value.installable


@pytest.mark.parametrize(("ci", "fails"), [("", False), ("true", True)])
def test_a_program_that_cannot_be_brought_is_told_and_in_ci_an_error(monkeypatch, ci, fails):
    def refuse(packages):
        raise MissingError(f"no {packages}", True)

    monkeypatch.setenv("CI", ci)
    monkeypatch.setattr(machine, "apt_install", refuse)
    said = []
    programs = {"sh": "dash", "no-such-program": "a-package"}
    if fails:
        with pytest.raises(MissingError, match="a-package"):
            machine.bring_programs(programs, said.append)
    else:
        machine.bring_programs(programs, said.append)
        assert said == ["installing a-package", "no ['a-package']"]


def test_nothing_is_installed_where_nothing_is_missing(monkeypatch):
    monkeypatch.setattr(machine, "apt_install", lambda packages: pytest.fail("apt was asked"))
    machine.bring_programs({"sh": "dash"}, str)
