# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rooms of docs/architecture.md, held by walking the imports of every file."""

from __future__ import annotations

import ast
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ansible_collections.nova_pci.passthrough.tests.ladder.code_ratio import code_lines

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"
UTILS = PLUGINS / "module_utils"
CORE = UTILS / "_core"
HOST = UTILS / "_host"
CLOUD = UTILS / "_cloud"
SDK = {"keystoneauth1", "openstack"}
HERE = "ansible_collections.nova_pci.passthrough"

# Doors to the machine, and ways round a static reading of the imports (AnsiballZ packs what it can read).
FORBIDDEN_IN_CORE = {
    "asyncio", "ctypes", "fcntl", "fileinput", "ftplib", "glob", "grp", "http", "importlib", "io", "mmap",
    "multiprocessing", "os", "pathlib", "platform", "posix", "pty", "pwd", "resource", "select", "shelve", "shutil",
    "signal", "socket", "sqlite3", "ssl", "subprocess", "sys", "tempfile", "threading", "urllib",
}  # fmt: skip
FORBIDDEN_CALLS_IN_CORE = {"open", "exec", "eval", "compile", "input", "print", "__import__"}

# What _host may take from _core: records, and what makes one. Everything else there decides.
RECORDS = {"address", "boot_facts", "decision", "errors", "journal", "model", "reading", "snapshot", "steps"}
# How the words that start Nova are read, which files follow from them, and the records made of those.
RECORDS |= {"config_search", "nova_release", "nova_service", "nova_start", "oslo_config", "service_config"}

# Ways to a shell. _host/boot.py hands sh a script of its own and the file that GRUB's generator would source, nothing else.
SHELLS = {"system", "popen", "getoutput", "getstatusoutput", "spawnl", "spawnlp", "spawnv", "spawnvp", "execl", "execlp",
          "create_subprocess_shell", "run_command"}  # fmt: skip
SHELL_WORDS = {"shell", "use_unsafe_shell", "executable"}
STARTS_PROGRAMS = {"plugins/module_utils/_host/boot.py", "plugins/module_utils/_host/command.py"}

MODULE_CODE_LINES = 60


def python_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.py"))


def named(path: Path) -> str:
    return str(path.relative_to(ROOT))


def parsed(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=named(path), feature_version=(3, 9))


def imports(tree: ast.Module) -> Iterator[tuple[int, str]]:
    """(level, dotted name) of every import: level 0 is absolute, as in the import statement's own count of dots."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield 0, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.level, node.module
        elif isinstance(node, ast.ImportFrom):
            for alias in node.names:
                yield node.level, alias.name


def each(folder: Path) -> pytest.MarkDecorator:
    return pytest.mark.parametrize("path", python_files(folder), ids=named)


def is_standard(name: str) -> bool:
    return name.split(".", maxsplit=1)[0] in sys.stdlib_module_names


@each(CORE)
def test_core_imports_only_itself_and_the_pure_part_of_the_standard_library(path):
    for level, name in imports(parsed(path)):
        if level:
            assert level == 1, f"_core reaches out of its room: {'.' * level}{name}"
        else:
            assert is_standard(name), f"{name} is not of the standard library"
            assert name.split(".")[0] not in FORBIDDEN_IN_CORE, f"{name} is a door to the machine"


@each(CORE)
def test_core_opens_and_prints_nothing(path):
    calls = (node.func for node in ast.walk(parsed(path)) if isinstance(node, ast.Call))
    names = {function.id for function in calls if isinstance(function, ast.Name)}
    assert not names & FORBIDDEN_CALLS_IN_CORE


def called(tree: ast.Module) -> Iterator[tuple[str, ast.Call]]:
    """(the last part of its name, the call) of every call."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, (ast.Name, ast.Attribute)):
            yield node.func.id if isinstance(node.func, ast.Name) else node.func.attr, node


@each(PLUGINS)
def test_no_shell_gets_a_user_s_words(path):
    names = {name for name, _call in called(parsed(path))}
    own = {"run_command"} if named(path) in STARTS_PROGRAMS else set()  # boot.py's own function of that name
    assert not (names & SHELLS) - own
    words = {word.arg for _name, call in called(parsed(path)) for word in call.keywords}
    assert not words & SHELL_WORDS
    if named(path) not in STARTS_PROGRAMS:
        assert "subprocess" not in {name for _level, name in imports(parsed(path))}


def test_what_starts_a_program_hands_it_a_list_of_words():
    starts = []
    for name in sorted(STARTS_PROGRAMS):
        for called_name, call in called(parsed(ROOT / name)):
            if called_name in ("run", "Popen") and ast.unparse(call.func).startswith("subprocess."):
                starts.append(ast.unparse(call.args[0]))
    assert starts == ["list(argv)", "[program, *words[1:]]"]


@each(HOST)
def test_host_takes_records_and_no_decision(path):
    for level, name in imports(parsed(path)):
        if level == 0:
            assert is_standard(name), f"{name} is not of the standard library"
        elif level == 2:
            room, _dot, noun = name.partition(".")
            assert room == "_core", f"_host reaches into {name}"
            assert noun in RECORDS, f"_core/{noun}.py decides; only {sorted(RECORDS)} are records"
        else:
            assert level == 1


@each(CLOUD)
def test_cloud_takes_what_core_planned_and_nothing_of_the_host(path):
    for level, name in imports(parsed(path)):
        if level == 0:
            assert is_standard(name) or name.split(".")[0] in SDK, f"{name} is not of the standard library"
        else:
            assert level == 1 or name.partition(".")[0] == "_core", f"_cloud reaches into {name}"


@each(PLUGINS)
def test_only_the_cloud_s_connection_imports_openstacksdk(path):
    if path != CLOUD / "connection.py":
        assert not {name.split(".")[0] for level, name in imports(parsed(path)) if level == 0} & SDK


@pytest.mark.parametrize("path", [*python_files(CORE), *python_files(HOST), *python_files(CLOUD)], ids=named)
def test_errors_are_defined_in_one_file(path):
    if path == CORE / "errors.py":
        return
    for node in ast.walk(parsed(path)):
        if isinstance(node, ast.ClassDef):
            bases = {ast.unparse(base) for base in node.bases}
            assert not any(base.endswith(("Error", "Exception", "Problem")) for base in bases), node.name


@each(UTILS)
def test_only_the_adapter_imports_ansible(path):
    if path == UTILS / "_adapter.py":
        return
    names = {name.split(".")[0] for level, name in imports(parsed(path)) if level == 0}
    assert not names & {"ansible", "ansible_collections"}


@pytest.mark.parametrize("path", [*python_files(PLUGINS / "modules"), *python_files(PLUGINS / "filter")], ids=named)
def test_modules_and_filters_import_by_the_full_name(path):
    for level, name in imports(parsed(path)):
        assert level == 0, f"{'.' * level}{name}: write {HERE}.plugins.module_utils..."
        assert is_standard(name) or name.startswith((f"{HERE}.plugins.module_utils.", "ansible."))


@each(PLUGINS / "modules")
def test_a_module_is_thin(path):
    lines = code_lines(path.read_text(encoding="utf-8"))
    assert lines <= MODULE_CODE_LINES, f"{lines} lines of code; what decides belongs to module_utils"


@each(UTILS)
def test_a_record_is_frozen(path):
    for node in ast.walk(parsed(path)):
        for decorator in node.decorator_list if isinstance(node, ast.ClassDef) else ():
            text = ast.unparse(decorator)
            assert not text.startswith("dataclass") or "frozen=True" in text, f"{node.name} is not frozen"


@pytest.mark.parametrize(
    "path", [path for path in python_files(ROOT / "plugins") if path.name == "__init__.py"], ids=named
)
def test_no_init_file_holds_code(path):
    assert not path.read_text(encoding="utf-8").strip()


@pytest.mark.parametrize("path", sorted((ROOT / "roles").glob("*/templates/**/*.j2")), ids=named)
def test_a_template_prints_and_decides_nothing(path):
    text = path.read_text(encoding="utf-8")
    for forbidden in (
        r"\{%-?\+?\s*set\b",
        r"\bnamespace\(",
        r"\{%-?\+?\s*macro\b",
        r"\blookup\(",
        r"\|\s*(selectattr|rejectattr|map|groupby)\b",
    ):
        assert not re.search(forbidden, text), f"{forbidden} computes; put it into the plan"


@pytest.mark.parametrize("path", sorted((ROOT / "roles").glob("*/tasks/*.yml")), ids=named)
def test_no_task_runs_a_command_of_its_own(path):
    text = path.read_text(encoding="utf-8")
    assert not re.search(r"^\s*(ansible\.builtin\.)?(shell|command|raw|script|expect):", text, flags=re.MULTILINE)


@pytest.mark.parametrize("path", sorted((ROOT / "roles").glob("*/tasks/*.yml")), ids=named)
def test_no_task_computes_in_a_loop(path):
    tasks = re.split(r"^- ", path.read_text(encoding="utf-8"), flags=re.MULTILINE)
    for task in tasks:
        assert not ("set_fact:" in task and re.search(r"^\s+(loop|with_\w+):", task, flags=re.MULTILINE)), task


@pytest.mark.parametrize(
    "path", [path for path in python_files(PLUGINS) if path.parent.name != "doc_fragments"], ids=named
)
def test_every_code_file_has_a_test_file_of_its_own(path):
    mirror = ROOT / "tests/unit" / path.relative_to(ROOT).parent / f"test_{path.stem.lstrip('_')}.py"
    also = mirror.with_name(f"test_{path.stem}.py")
    assert mirror.exists() or also.exists(), f"{named(mirror)} is missing"
