# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every role promises alike: the same skeleton, one truth about its options, tasks with names, private names."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.nova_pci.passthrough.tests.unit.plugins.modules import test_way_back, test_way_back_cloud

ROOT = Path(__file__).resolve().parents[2]
ROLES = sorted(path for path in (ROOT / "roles").glob("*") if path.is_dir())
SKELETON = ("README.md", "defaults/main.yml", "meta/argument_specs.yml", "meta/main.yml", "tasks/main.yml")
SHARED = ("pci_passthrough_", "nova_release")  # the declaration that all roles read
DISPATCHERS = {f"ansible.builtin.{verb}_tasks" for verb in ("include", "import")}
NOT_A_MODULE = {
    "become", "block", "changed_when", "check_mode", "delegate_to", "environment", "failed_when", "ignore_unreachable", "loop",
    "loop_control", "name", "no_log", "notify", "register", "rescue", "run_once", "tags", "until", "vars", "when",
}  # fmt: skip
TYPES = {"bool": bool, "int": int, "str": str, "list": list, "dict": dict, "float": float, "path": str, "raw": object}

each_role = pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8")) if path.exists() else None


def tasks_of(role: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Every task and handler, those within blocks included."""
    for path in sorted([*role.glob("tasks/**/*.yml"), *role.glob("handlers/*.yml")]):
        waiting = list(loaded(path) or [])
        while waiting:
            task = waiting.pop(0)
            waiting += [inner for key in ("block", "rescue", "always") for inner in task.get(key, [])]
            yield path, task


def entry_points(role: Path) -> dict[str, dict[str, Any]]:
    specs = loaded(role / "meta/argument_specs.yml") or {}
    return {name: entry.get("options") or {} for name, entry in specs.get("argument_specs", {}).items()}


def readme_defaults(role: Path) -> dict[str, str]:
    """Option -> text of its default, out of the table rows "| `option` | type | default | what |"."""
    rows: dict[str, str] = {}
    for line in (role / "README.md").read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]
        if len(cells) >= 4 and re.fullmatch(r"`\w+`", cells[0]):
            rows[cells[0].strip("`")] = cells[2].strip("`")
    return rows


@each_role
def test_the_skeleton_is_whole(role):
    missing = [name for name in SKELETON if not (role / name).is_file()]
    assert not missing


@each_role
def test_defaults_and_argument_specs_say_the_same(role):
    defaults = loaded(role / "defaults/main.yml") or {}
    options = entry_points(role).get("main", {})
    assert {name: option.get("default") for name, option in options.items() if not option.get("required")} == defaults
    for name, value in defaults.items():
        # A default that is true for an int option would pass the comparison above: True == 1.
        assert type(value) is type(options[name].get("default")), name


@each_role
def test_every_option_is_typed_and_described(role):
    for entry, options in entry_points(role).items():
        for name, option in options.items():
            where = f"{entry}: {name}"
            assert option.get("type") in TYPES, where
            assert option.get("description"), where
            assert option["type"] != "list" or option.get("elements"), f"{where} does not say of what"
            if option.get("default") is not None:
                assert isinstance(option["default"], TYPES[option["type"]]), where
            if option.get("choices") and option.get("default") is not None:
                assert option["default"] in option["choices"], where


@each_role
def test_every_entry_point_has_its_tasks_and_the_same_options(role):
    points = entry_points(role)
    main = points.get("main", {})
    for entry, options in points.items():
        assert (role / "tasks" / f"{entry}.yml").is_file(), entry
        for name, option in options.items():
            assert option == main.get(name, option), f"{entry}: {name} differs from main"


def texts_of(role: Path, entry: str) -> str:
    """What an entry point runs: its tasks and those that they name, one text."""
    waiting, found = [f"{entry}.yml"], {}
    while waiting:
        name = waiting.pop()
        if name not in found:
            found[name] = (role / "tasks" / name).read_text(encoding="utf-8")
            waiting += re.findall(r"(?:import|include)_tasks: (\w+\.yml)", found[name])
    return "\n".join(found.values())


@each_role
def test_an_entry_point_takes_every_option_that_its_tasks_read(role):
    main = entry_points(role).get("main", {})
    shared = "\n".join(path.read_text(encoding="utf-8") for path in role.glob("vars/*.yml"))
    for entry, options in entry_points(role).items():
        text = texts_of(role, entry)
        read = {name for name in main if re.search(rf"\b{name}\b", text)}
        assert read <= set(options), entry
        text += shared + ("" if entry != "main" else "".join(texts_of(role, other) for other in entry_points(role)))
        unread = {name for name in options if not re.search(rf"\b{name}\b", text)}
        assert not unread, f"{entry} does nothing with {sorted(unread)}"


@each_role
def test_the_readme_lists_every_option_with_its_default(role):
    defaults = loaded(role / "defaults/main.yml") or {}
    rows = readme_defaults(role)
    assert set(rows) == set(defaults)
    for name, text in rows.items():
        assert yaml.safe_load(text) == defaults[name], name


@each_role
def test_public_and_private_names_carry_the_role(role):
    public = set(loaded(role / "defaults/main.yml") or {})
    assert not [name for name in public if not name.startswith((f"{role.name}_", *SHARED))]
    private: set[str] = set()
    for path in role.glob("vars/*.yml"):
        private |= set(loaded(path) or {})
    for _path, task in tasks_of(role):
        private |= {task["register"]} if "register" in task else set()
        private |= set(task.get("vars") or {}) - public
        private |= set(task.get("ansible.builtin.set_fact") or {}) - {"cacheable"}
        loop_var = (task.get("loop_control") or {}).get("loop_var")
        private |= {loop_var} if loop_var else set()
    private -= {"ansible_no_target_syslog"}  # Ansible's own, set for a task
    assert not [name for name in private if not name.startswith(f"__{role.name}_")]


@each_role
def test_every_task_has_a_name_and_a_full_module_name(role):
    for path, task in tasks_of(role):
        where = f"{path.relative_to(ROOT)}: {task}"
        assert task.get("name"), where
        modules = [key for key in task if key not in NOT_A_MODULE and key != "always"]
        assert all("." in module for module in modules), where
        assert len(modules) == (0 if "block" in task else 1), where


@each_role
def test_the_main_file_only_dispatches(role):
    for task in loaded(role / "tasks/main.yml") or []:
        verb = set(task) & DISPATCHERS
        assert verb, f"{task.get('name')} does something itself"
        assert set(task) <= verb | {"name", "when", "tags"}, task["name"]


@each_role
def test_facts_are_read_from_ansible_facts_alone(role):
    allowed = {"ansible_facts", "ansible_check_mode", "ansible_connection", "ansible_managed", "ansible_host"}
    # Magic, no facts: what is done once a play is done for its first host; whether another of its hosts has failed.
    allowed |= {"ansible_play_hosts", "ansible_play_hosts_all"}
    for path in sorted([*role.glob("**/*.yml"), *role.glob("templates/**/*.j2")]):
        for text in re.findall(r"\{\{.*?\}\}|(?<=when: ).*", path.read_text(encoding="utf-8"), flags=re.DOTALL):
            used = set(re.findall(r"(?<![\w.'\"\[])ansible_\w+", text))
            assert used <= allowed, f"{path.relative_to(ROOT)}: {sorted(used - allowed)}"


@each_role
def test_no_role_depends_on_another(role):
    assert not (loaded(role / "meta/main.yml") or {}).get("dependencies")


@each_role
def test_every_way_back_stands_in_the_matrix_of_removals(role):
    """A role that takes something back has a row for each state that a host or a cloud can be in."""
    matrices = (test_way_back, test_way_back_cloud)
    assert (role / "tasks/remove.yml").is_file() == any(role.name in matrix.ROLES for matrix in matrices)
