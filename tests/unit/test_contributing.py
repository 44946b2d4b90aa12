# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The example of CONTRIBUTING.md, done as a newcomer would, in a copy of what it needs."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGE = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
CHANGES = re.findall(r"^ *```diff\n(.*?)^ *```$", PAGE, re.MULTILINE | re.DOTALL)
COMMAND = re.compile(r"^ *python3 tests/run\.py pytest (\S+)$", re.MULTILINE)
NEEDED = (
    "plugins/module_utils",
    "tests/unit/conftest.py",
    "tests/unit/made_up_hosts.py",
    "tests/tried.py",
    "pyproject.toml",
)


@pytest.fixture(name="copy")
def fixture_copy(tmp_path):
    for name in (*NEEDED, *COMMAND.findall(PAGE)):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, tmp_path / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / name, tmp_path / name)
    for text in CHANGES:  # a newcomer in the middle of the example runs make check with it in place
        head, before, after = lines_of(text)
        file = tmp_path / head
        content = file.read_text(encoding="utf-8")
        if before not in content.splitlines():
            file.write_text(content.replace(after, before), encoding="utf-8")
    return tmp_path


def lines_of(text: str) -> tuple[str, str, str]:
    """The file that a change is about, its line marked - and the one marked +."""
    head, before, after = textwrap.dedent(text).splitlines()
    return head.removeprefix("--- a/"), before.removeprefix("-"), after.removeprefix("+")


def change(copy: Path, text: str) -> None:
    """Put the line marked + in the place of the one marked -, which has to stand there once."""
    head, before, after = lines_of(text)
    file = copy / head
    content = file.read_text(encoding="utf-8")
    assert content.splitlines().count(before) == 1, f"{file.name} has another line by now: {before}"
    file.write_text(content.replace(before, after), encoding="utf-8")


def failures(copy: Path) -> list[str]:
    """The tests that fail when the page's command is given; the environment is this one."""
    (name,) = COMMAND.findall(PAGE)
    settings = {key: text for key, text in os.environ.items() if not key.startswith(("PYTEST_", "NOVA_PCI_"))}
    argv = [sys.executable, "-B", "-m", "pytest", "-q", "-p", "no:cacheprovider", name]
    done = subprocess.run(argv, cwd=copy, env=settings, capture_output=True, text=True, check=False)
    assert "passed" in done.stdout, done.stdout + done.stderr
    return re.findall(r"^FAILED \S+::(\S+)", done.stdout, re.MULTILINE)


def test_the_example_fails_and_passes_where_the_page_says_so(copy):
    code, test = CHANGES
    assert failures(copy) == []
    change(copy, code)
    (failed,) = failures(copy)
    assert f"`{failed}` fails" in PAGE
    change(copy, test)
    assert failures(copy) == []


def test_every_path_of_the_table_is_there():
    rooms = {
        "_core": "plugins/module_utils/_core",
        "_host": "plugins/module_utils/_host",
        "_cloud": "plugins/module_utils/_cloud",
    }
    for path in re.findall(r"`((?:_core|_host|_cloud|tests|roles)/[\w/.-]+)`", PAGE):
        if "NAME" in path:
            continue
        room, _slash, rest = path.partition("/")
        assert (ROOT / rooms.get(room, room) / rest).exists(), path
