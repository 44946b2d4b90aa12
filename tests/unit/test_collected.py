# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No test file and no scenario lies about unused: every one belongs to a step of tests/ladder/steps.py."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.nova_pci.passthrough.tests.ladder import steps

ROOT = Path(__file__).resolve().parents[2]
MOLECULE = ROOT / "extensions/molecule"
SCENARIOS = sorted(path.parent for path in MOLECULE.glob("*/molecule.yml"))
GENERATED = ("tests/output",)


def python_files() -> list[Path]:
    found = [path for folder in ("tests", "extensions") for path in (ROOT / folder).rglob("*.py")]
    return sorted(path for path in found if not named(path).startswith(GENERATED))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def is_test_file(path: Path) -> bool:
    return path.name.startswith("test_") or path.name.endswith("_test.py")


def collected_from(path: Path) -> list[str]:
    """The names that pytest collects from a file, found without running it."""
    found = []
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test"):
            found.append(node.name)
        elif isinstance(node, ast.ImportFrom) and node.names[0].name == "*":  # the lab's tests, run by a scenario too
            found += collected_from(ROOT / "tests" / f"{str(node.module).replace('.', '/')}.py")
        elif isinstance(node, ast.ClassDef) and node.name.startswith("Test"):
            found += [
                inner.name
                for inner in node.body
                if isinstance(inner, ast.FunctionDef) and inner.name.startswith("test")
            ]
    return found


def verified_folders(scenario: Path) -> set[Path]:
    """Where a scenario looks for testinfra files: each "verify FOLDER" of its sequence, else molecule's "tests"."""
    settings: dict[str, Any] = yaml.safe_load((scenario / "molecule.yml").read_text(encoding="utf-8"))
    sequence = [str(action).split() for action in settings.get("scenario", {}).get("test_sequence", ["verify"])]
    return {scenario / (words[1] if len(words) > 1 else "tests") for words in sequence if words[0] == "verify"}


@pytest.mark.parametrize("path", [path for path in python_files() if is_test_file(path)], ids=named)
def test_every_test_file_belongs_to_a_step(path):
    in_pytest = any(path.is_relative_to(ROOT / folder) for folder in steps.PYTEST_PATHS)
    in_molecule = any(path.is_relative_to(folder) for scenario in SCENARIOS for folder in verified_folders(scenario))
    assert in_pytest or in_molecule, "no step of tests/ladder/steps.py collects it"
    assert path.name.startswith("test_"), "ansible-test looks for test_*.py only"
    assert collected_from(path), "it holds no test"


@pytest.mark.parametrize("path", [path for path in python_files() if not is_test_file(path)], ids=named)
def test_no_test_hides_in_a_file_that_pytest_passes_over(path):
    assert not collected_from(path)


@pytest.mark.parametrize("path", [path for path in python_files() if is_test_file(path)], ids=named)
def test_no_test_replaces_another_of_the_same_name(path):
    names = [
        node.name for node in ast.parse(path.read_text(encoding="utf-8")).body if isinstance(node, ast.FunctionDef)
    ]
    assert sorted(set(names)) == sorted(names)


def test_every_path_of_a_step_holds_tests():
    for folder in {*steps.PYTEST_PATHS, *steps.ROOMS_WITHOUT_ANSIBLE}:
        assert list((ROOT / folder).rglob("test_*.py")), f"{folder} has no test file"


def test_every_molecule_scenario_is_in_the_table_and_the_other_way_round():
    assert {scenario.name for scenario in SCENARIOS} == set(steps.SCENARIOS)
    assert set(steps.SCENARIOS.values()) <= set(steps.TARGETS)


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_scenario_verifies(scenario):
    for folder in verified_folders(scenario):
        assert list(folder.glob("test_*.py")), f"{named(folder)} holds no test"


@pytest.mark.parametrize("scenario", SCENARIOS, ids=lambda scenario: scenario.name)
def test_every_step_of_a_scenario_has_its_playbook(scenario):
    """Molecule passes over a side effect without a word when the provisioner names none, whatever the sequence says."""
    settings: dict[str, Any] = yaml.safe_load((scenario / "molecule.yml").read_text(encoding="utf-8"))
    named_playbooks = settings["provisioner"]["playbooks"]
    for name in named_playbooks.values():
        assert (scenario / name).is_file()
    for action, *words in (str(row).split() for row in settings["scenario"]["test_sequence"]):
        if action in ("create", "prepare", "converge", "side_effect", "destroy"):
            assert action in named_playbooks
        if action == "side_effect":
            assert all((scenario / word).is_file() for word in words)


def test_make_test_runs_everything_that_make_check_runs():
    assert set(steps.steps_of("check")) < set(steps.steps_of("test"))
    assert {step.target for step in steps.STEPS} <= set(steps.TARGETS)


def test_the_ci_calls_make_test():
    lines = (ROOT / ".ci/run").read_text(encoding="utf-8").splitlines()
    assert lines[-1] == "exec make test"
