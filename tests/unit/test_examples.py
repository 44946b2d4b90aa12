# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Examples hold what they say: options that exist, with values of their types, playbooks, roles, targets and files that are there.

tests/ecosystem runs those that can run.
"""

from __future__ import annotations

import functools
import re
from typing import Any

import pytest
import yaml
from ansible.module_utils.common.arg_spec import ArgumentSpecValidator

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_request import parse_flavors
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.override import parse_overrides
from ansible_collections.nova_pci.passthrough.tests.ecosystem import site_builder
from ansible_collections.nova_pci.passthrough.tests.ladder.steps import STEPS
from ansible_collections.nova_pci.passthrough.tests.unit.documented_examples import (
    NAME,
    ROOT,
    RUN,
    block,
    commands,
    every_block,
    every_role_option,
    extra_variables,
    options,
    pages,
    plugins,
    role_options,
)
from ansible_collections.nova_pci.passthrough.tests.unit.test_role_contract import NOT_A_MODULE

MODULES, FILTERS = plugins("modules"), plugins("filter")
PLAYBOOKS = {path.stem: path for path in (ROOT / "playbooks").glob("*.yml")}
ROLES = {path.name for path in (ROOT / "roles").iterdir()}
NAMES = {path.stem for path in MODULES + FILTERS} | ROLES | set(PLAYBOOKS)
# Blocks of YAML that show what data look like, and are nothing that anybody would run.
SHAPES = {"docs/architecture.md"}
# What the plays read themselves, beside the options of their roles.
OF_THE_PLAYS = {
    name
    for book in PLAYBOOKS.values()
    for name in re.findall(r"\{\{ (\w+) \| default\(", book.read_text(encoding="utf-8"))
}
PLAY = {"become", "gather_facts", "hosts", "module_defaults", "roles", "tasks"}

by_stem = {"ids": lambda path: path.stem}


def is_known(value: Any) -> bool:
    """Whether a value is there before the play runs: no expression in it."""
    return "{{" not in yaml.safe_dump(value)


def spec(described: dict[str, Any]) -> dict[str, Any]:
    """Documented options as ansible-core's own validator wants them."""
    kept = ("aliases", "choices", "elements", "required", "type")
    found = {}
    for name, row in described.items():
        found[name] = {key: row[key] for key in kept if key in row}
        if row.get("options") or row.get("suboptions"):
            found[name]["options"] = spec(row.get("options") or row["suboptions"])
    return found


def complaints(described: dict[str, Any], given: dict[str, Any]) -> list[str]:
    """What ansible-core would say of these options; one whose value is an expression has to exist, no more."""
    wanted = spec(described)
    unknown = [f"{name} is no option" for name in given if name not in wanted]
    known = {name: value for name, value in given.items() if name in wanted and is_known(value)}
    for name in set(given) - set(known) - {text.split()[0] for text in unknown}:
        wanted.pop(name)
    return unknown + ArgumentSpecValidator(wanted).validate(known).error_messages


def task_complaints(task: dict[str, Any]) -> list[str]:
    (action,) = set(task) - NOT_A_MODULE
    collection, _dot, name = action.rpartition(".")
    if collection != NAME:
        return [] if collection == "ansible.builtin" else [f"{action} is of another collection, or its name is short"]
    file = ROOT / f"plugins/modules/{name}.py"
    return complaints(options(file), task[action] or {}) if file.exists() else [f"there is no {action}"]


def declared(variables: dict[str, Any]) -> list[str]:
    """What the roles, and the rooms below them, say of variables such as an inventory holds; raises what they raise."""
    devices = parse_declaration(variables.get("pci_passthrough_devices", []))
    parse_flavors(variables.get("pci_passthrough_flavors", []), {entry.alias for entry in devices if entry.alias})
    parse_overrides(variables.get("pci_passthrough_overrides", []))
    own = {name: value for name, value in variables.items() if not name.startswith("ansible_")}
    return complaints(every_role_option(), own)


@pytest.mark.parametrize("module", MODULES, **by_stem)
def test_the_examples_of_a_module_give_options_that_it_takes(module):
    tasks = block(module, "EXAMPLES")
    assert [said for task in tasks for said in task_complaints(task)] == []
    assert [task for task in tasks if f"{NAME}.{module.stem}" in task], "no example of the module itself"
    assert [task["name"] for task in tasks if not re.match(r"[A-Z]", task["name"])] == []


@pytest.mark.parametrize("plugin", FILTERS, **by_stem)
def test_the_examples_of_a_filter_use_it(plugin):
    tasks = block(plugin, "EXAMPLES")
    assert [said for task in tasks for said in task_complaints(task)] == []
    assert f"| {NAME}.{plugin.stem}" in yaml.safe_dump(tasks, width=1000)


def test_a_wrong_option_in_an_example_is_seen():
    """The checks above look: a wrong name, type, choice and one more level down."""
    module = ROOT / "plugins/modules/host_apply.py"
    assert complaints(options(module), {"plan": {}, "state": "present", "contents": "{{ any }}"}) == []
    for given in ({"state": "latest"}, {"plan": []}, {"timeout": "long"}, {"plam": {}}):
        assert len(complaints(options(module), given)) == 1
    assert task_complaints({"name": "Look", "become": True, f"{NAME}.iommu": None}) == [f"there is no {NAME}.iommu"]
    assert len(declared({"pci_passthrough_reboot": "perhaps", "pci_passthrough_hots": []})) == 2


def play_complaints(play: dict[str, Any]) -> list[str]:
    found = [f"{key} in a play" for key in set(play) - PLAY]
    for group, defaults in play.get("module_defaults", {}).items():
        assert group == f"group/{NAME}.passthrough"
        taken = {name: row for module in MODULES for name, row in options(module).items()}
        found += complaints({name: taken[name] for name in set(defaults) & set(taken)}, defaults)
    found += [said for task in play.get("tasks", []) for said in task_complaints(task)]
    for role in play.get("roles", []):
        name = role["role"].removeprefix(f"{NAME}.")
        if name not in ROLES:
            found.append(f"there is no role {role['role']}")
        else:
            variables = role.get("vars", {})
            found += complaints(role_options(name), variables)
            found += declared(variables)
    return found


def inventory_complaints(group: dict[str, Any]) -> list[str]:
    found = [f"{key} in a group" for key in set(group) - {"hosts", "vars", "children"}]
    found += declared(group.get("vars", {}))
    for variables in group.get("hosts", {}).values():
        found += declared(variables or {})
    return found + [said for child in group.get("children", {}).values() for said in inventory_complaints(child or {})]


@pytest.mark.parametrize("code", every_block("yaml"), ids=str)
def test_a_block_of_yaml_is_what_ansible_and_this_collection_take(code):
    data = yaml.safe_load(code.text)
    if str(code.page.relative_to(ROOT)) in SHAPES:
        assert isinstance(data, dict)
        assert not [key for key in data if key.startswith("pci_passthrough_")], "a declaration is no mere shape"
    elif isinstance(data, list):
        assert [said for play in data for said in play_complaints(play)] == []
    elif any(key.startswith("pci_passthrough_") for key in data):
        assert declared(data) == []
    else:
        assert [said for group in data.values() for said in inventory_complaints(group)] == []


def test_there_are_blocks_of_every_kind():
    found = {str(code.page.relative_to(ROOT)) for code in every_block("yaml")}
    assert {"README.md", "roles/host/README.md", *SHAPES} <= found


@functools.cache
def options_of_playbook(book: str) -> set[str]:
    plays = list(site_builder.plays(PLAYBOOKS[book]))
    rows = [row for play in plays for row in site_builder.roles_of(play)]
    return OF_THE_PLAYS.union(*(role_options(role) for role, _entry, _tags in rows))


each_page = pytest.mark.parametrize("page", pages(), ids=lambda page: str(page.relative_to(ROOT)))


@each_page
def test_a_command_runs_a_playbook_that_is_there_with_options_that_it_reads(page):
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for match in RUN.finditer(text):
        book, rest = match[1], match[0]
        assert book in PLAYBOOKS, match[0]
        assert set(extra_variables(rest)) <= options_of_playbook(book), match[0]


@each_page
def test_an_option_that_is_named_with_e_is_one(page):
    """Beside a whole command too, where no playbook is named."""
    given = {name for command in commands(page) for name in extra_variables(command)}
    assert given <= OF_THE_PLAYS | set(every_role_option())


@each_page
def test_every_name_of_this_collection_is_one(page):
    found = set(re.findall(rf"\b{re.escape(NAME)}\.(\w+)", page.read_text(encoding="utf-8")))
    groups = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))["action_groups"]
    assert found <= NAMES | set(groups)


@each_page
def test_every_target_of_make_is_one(page):
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
    for command in commands(page):
        assert set(re.findall(r"\bmake ([a-z][a-z-]*)", command)) <= targets, command
        for quoted, bare in re.findall(r"\bONLY=(?:\"([^\"]+)\"|([\w-]+))", command):
            assert [step for step in STEPS if (quoted or bare) in step.name], command


@each_page
def test_every_program_of_the_checkout_is_there(page):
    for command in commands(page):
        for file in re.findall(r"\bpython3? (?:-B )?((?:tests|plugins|roles)/\S+\.py)", command):
            assert (ROOT / file).is_file(), command


def test_the_commands_are_read():
    """What the four tests above look at is there to be seen."""
    readme = ROOT / "README.md"
    found = [match[1] for match in RUN.finditer(readme.read_text(encoding="utf-8"))]
    assert {"site", "survey", "verify", "diagnose", "smoke", "remove"} <= set(found)
    assert extra_variables("-e a=1 -e '{\"b\": [1], \"c\": 2}' -e d='x y'") == ["a", "b", "c", "d"]
    assert {"pci_passthrough_serial", "pci_passthrough_reboot"} <= {
        name for command in commands(readme) for name in extra_variables(command)
    }
    assert sorted(OF_THE_PLAYS) == ["pci_passthrough_controllers", "pci_passthrough_hosts", "pci_passthrough_serial"]
    assert "make test" in commands(ROOT / "docs/testing.md")
