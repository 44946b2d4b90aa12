# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What controllers such as AWX are told: the questions of a job template, shared defaults, tags a layer."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).resolve().parents[2]
SURVEY = json.loads((ROOT / "extensions/awx/survey_spec_site.json").read_text(encoding="utf-8"))
PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))
ROLES = {path.name for path in (ROOT / "roles").iterdir() if path.is_dir()}
VERIFY = "verify"


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def role_options() -> dict[str, dict[str, Any]]:
    specs = [loaded(path) for path in (ROOT / "roles").glob("*/meta/argument_specs.yml")]
    return {name: row for spec in specs for name, row in (spec["argument_specs"]["main"].get("options") or {}).items()}


@pytest.mark.parametrize("question", SURVEY["spec"], ids=lambda question: question["variable"])
def test_a_question_asks_for_an_option_with_its_default_and_its_choices(question):
    name, default = question["variable"], question["default"]
    option = role_options().get(name)
    if option is None:
        text = "\n".join(book.read_text(encoding="utf-8") for book in PLAYBOOKS)
        assert f"{name} | default('{default}')" in text, "neither a role nor a playbook reads it"
        return
    assert yaml.safe_load(default or '""') == option["default"]
    choices = option.get("choices") or ([False, True] if option["type"] == "bool" else [])
    assert [yaml.safe_load(choice) for choice in question["choices"]] == choices


def test_every_module_takes_the_defaults_of_the_group():
    modules = {path.stem for path in (ROOT / "plugins/modules").glob("*.py")}
    assert set(loaded(ROOT / "meta/runtime.yml")["action_groups"]["passthrough"]) == modules


@pytest.mark.parametrize("book", PLAYBOOKS, ids=lambda book: book.stem)
def test_every_layer_of_a_playbook_has_the_tag_of_its_role(book):
    for play in loaded(book):
        rows = [(role["role"], role) for role in play.get("roles", [])]
        tasks = play.get("tasks", [])
        imports = [task.get("ansible.builtin.import_role") or task["ansible.builtin.include_role"] for task in tasks]
        rows += [(role["name"], task) for role, task in zip(imports, tasks)]
        for name, row in rows:
            role = re.sub(r"^nova_pci\.passthrough\.", "", name)
            assert role in ROLES
            tags = set(row.get("tags", []))
            if role == VERIFY:  # reads the layers of the other roles, each under the tag of its own
                assert tags & {*ROLES - {VERIFY}, "always"}, f"{book.stem}: {row} has the tag of no layer"
            else:
                assert role in tags, f"{book.stem}: {role} cannot be chosen with --tags {role}"


def test_an_execution_environment_is_told_what_the_cloud_modules_import():
    environment = loaded(ROOT / "meta/execution-environment.yml")
    assert environment["version"] == 3
    needed = (ROOT / environment["dependencies"]["python"]).read_text(encoding="utf-8").splitlines()
    assert [line.split(">")[0] for line in needed if not line.startswith("#")] == ["openstacksdk"]


def conditions(role: Path) -> list[tuple[str, str]]:
    """Each expression of a role's tasks that decides something: conditions, and values that are more than one name."""
    found = []
    for path in sorted(role.glob("tasks/*.yml")):
        waiting = loaded(path)
        while waiting:
            item = waiting.pop()
            if isinstance(item, list):
                waiting += item
            elif isinstance(item, dict):
                for key, value in item.items():
                    rows = value if isinstance(value, list) else [value]
                    if key in ("when", "that", "failed_when", "changed_when", "until"):
                        found += [(path.name, str(row)) for row in rows]
                    else:
                        waiting.append(value)
            elif isinstance(item, str):
                expressions = re.findall(r"\{\{(.*?)\}\}", item, flags=re.DOTALL)
                found += [(path.name, text) for text in expressions if not re.fullmatch(r"\s*\w+\s*", text)]
    return found


@pytest.mark.parametrize("role", sorted((ROOT / "roles").iterdir()), ids=lambda role: role.name)
def test_the_text_false_is_no_consent(role):
    """ "-e option=false", and the answer to a survey, are texts; to Jinja every text that is not empty is true."""
    options = loaded(role / "meta/argument_specs.yml")["argument_specs"]["main"].get("options") or {}
    for name in [name for name, option in options.items() if option["type"] == "bool"]:
        for file, text in conditions(role):
            bare = re.sub(r"'[^']*'", "", text)
            assert not re.search(rf"\b{name}\b(?!\s*\|\s*bool\b)", bare), f"{file}: {text}"
