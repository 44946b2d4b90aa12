# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest
from ladder.environments import Environment, read_requirements
from ladder.machine import MissingError
from oracle import real_nova, releases, run
from oracle.trial import Verdict

REQUIREMENTS = Path(releases.__file__).parent / "requirements"


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "find_interpreters", dict)


def test_a_machine_without_the_pythons_says_so(bare_machine: None, capsys: pytest.CaptureFixture[str]) -> None:
    assert run.main(["--releases", "34.0.0,22.4.0"]) == run.EXIT_NOT_POSSIBLE_HERE
    said = capsys.readouterr().out.splitlines()
    assert said == [
        "Nova 34.0.0 skipped: Nova 34.0.0 needs Python 3.11, which is not on this machine.",
        "Nova 22.4.0 skipped: Nova 22.4.0 needs Python 3.8, which is not on this machine.",
    ]


@pytest.mark.parametrize(("in_ci", "status"), [(True, 1), (False, run.EXIT_NOT_POSSIBLE_HERE)])
def test_what_could_have_been_installed_is_a_failure_in_ci(
    monkeypatch: pytest.MonkeyPatch, in_ci: bool, status: int
) -> None:
    def environment(*_: object) -> Environment:
        raise MissingError("pip could not build it", installable=True)

    monkeypatch.setattr(releases.Release, "environment", environment)
    monkeypatch.setattr(run, "in_ci", lambda: in_ci)
    assert run.main(["--releases", "34.0.0"]) == status


def test_a_release_that_nobody_knows() -> None:
    with pytest.raises(SystemExit, match=r"No such release: 1\.0\.0"):
        run.main(["--releases", "1.0.0"])


def test_a_disagreement_is_the_exit_status(capsys: pytest.CaptureFixture[str]) -> None:
    assert run._tell(Verdict("34.0.0")) == 0
    wrong: Any = "a spec case"
    assert run._tell(Verdict("34.0.0", smallest=wrong)) == 1
    assert "a spec case" in capsys.readouterr().out


def test_every_release_has_its_requirements_pinned() -> None:
    assert {file.stem for file in REQUIREMENTS.glob("*.txt")} == {one.version for one in releases.RELEASES}
    for release in releases.RELEASES:
        lines = read_requirements(REQUIREMENTS / f"{release.version}.txt")
        assert f"nova=={release.version}" in lines
        assert all(len(line.split("==")) == 2 for line in lines)


def test_a_worker_that_fails_is_told_by_its_last_words() -> None:
    """This Python has no Nova."""
    with real_nova.Nova(sys.executable) as nova, pytest.raises(real_nova.NovaError, match="No module named 'nova'"):
        nova.told()
