# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docs/inclusion-checklist.md names what is there, and what it says of ignored tests and of files outside four folders is so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml

from ansible_collections.nova_pci.passthrough.tests.ladder.steps import STEPS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/inclusion-checklist.md"
ROWS = [
    [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if re.match(r"\| (?!point \|)", line)
]
STATES = ("met", "not met", "does not apply")
# Errors that a collection must not pass over, by the requirements.
NEVER_IGNORED = {
    "doc-choices-do-not-match-spec",
    "doc-default-does-not-match-spec",
    "doc-missing-type",
    "doc-required-mismatch",
    "mutually_exclusive-unknown",
    "no-log-needed",
    "nonexistent-parameter-documented",
    "parameter-list-no-elements",
    "parameter-type-not-in-doc",
    "undocumented-parameter",
}
SHIPPED_CODE = ("meta", "plugins", "roles", "playbooks")


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row[0])
def test_a_point_has_a_state_and_what_shows_it(row):
    _point, state, shown = row
    (said,) = [name for name in STATES if re.match(rf"{name}\b", state)]
    assert said == "met" or len(state) > len(said) + 10, "why not?"
    assert shown or said == "not met"
    for name in re.findall(r"`([^`]+)`", shown):
        assert (ROOT / name).exists(), name
    for name in re.findall(r'steps? "([^"]+)"', shown):
        assert [step for step in STEPS if name in step.name], name


def test_every_part_of_the_checklist_is_there():
    assert len(ROWS) > 30
    assert {state for state in STATES for row in ROWS if row[1].startswith(state)} == set(STATES)
    assert "docs/inclusion-checklist.md" in (ROOT / "README.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("file", sorted((ROOT / "tests/sanity").glob("ignore-*.txt")), ids=lambda file: file.stem)
def test_an_ignored_test_has_its_reason(file):
    lines = file.read_text(encoding="utf-8").splitlines()
    assert len(lines) == 6, "the page says how many there are"
    for line in lines:
        entry, _mark, reason = line.partition(" # ")
        assert len(reason) > 20, line
        assert not entry.startswith(SHIPPED_CODE), line
        assert not NEVER_IGNORED & set(re.split(r"[: ]", entry)), line


def test_the_version_is_the_one_on_the_page():
    version = yaml.safe_load((ROOT / "galaxy.yml").read_text(encoding="utf-8"))["version"]
    assert f"`version` is {version}." in PAGE.read_text(encoding="utf-8")


@pytest.mark.parametrize("folder", SHIPPED_CODE)
def test_what_is_shipped_to_run_opens_nothing_beside_its_four_folders(folder):
    """Paths that lead out of a role, a playbook or a plugin's folder into tests, docs or extensions."""
    for path in sorted((ROOT / folder).rglob("*")):
        if path.is_file() and path.suffix in (".py", ".yml", ".j2", ".js"):
            text = re.sub(r'(?s)""".*?"""', "", path.read_text(encoding="utf-8"))
            text = re.sub(r"#[^\n]*", "", text)
            assert not re.search(r"(\.\./|['\"/])(tests|docs|extensions|changelogs)/", text), path
