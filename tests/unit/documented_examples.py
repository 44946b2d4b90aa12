# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every example that a reader may copy: EXAMPLES of modules and filters, and the blocks of code in the Markdown files."""

from __future__ import annotations

import ast
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
NAME = "nova_pci.passthrough"
PAGES = (
    "*.md",
    "docs/*.md",
    "docs/docsite/*.md",
    "roles/*/README.md",
    "tests/lab/README.md",
    "tests/unit/machines/README.md",
)
FENCE = re.compile(r"^( *)```(\S*)\n(.*?)^ *```$", re.MULTILINE | re.DOTALL)
INLINE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")
RUN = re.compile(rf"\bansible-playbook\b[^\n]*?\b{re.escape(NAME)}\.(\w+)([^\n]*)")
EXTRA = re.compile(r"(?<!\S)-e (?:'(\{[^']*\})'|([\w]+)=)")


def plugins(kind: str) -> list[Path]:
    return sorted((ROOT / "plugins" / kind).glob("*.py"))


def pages() -> list[Path]:
    return [path for pattern in PAGES for path in sorted(ROOT.glob(pattern))]


def block(path: Path, name: str) -> Any:
    """DOCUMENTATION, EXAMPLES or RETURN of a plugin, read without importing it."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Assign) and [getattr(target, "id", None) for target in node.targets] == [name]:
            return yaml.safe_load(ast.literal_eval(node.value))
    raise KeyError(f"{path} has no {name}")


@functools.cache
def options(module: Path) -> dict[str, Any]:
    """Those of a module, with what its fragments bring along."""
    described = block(module, "DOCUMENTATION")
    found: dict[str, Any] = dict(described.get("options") or {})
    for fragment in described.get("extends_documentation_fragment") or []:
        file = ROOT / "plugins/doc_fragments" / f"{fragment.rpartition('.')[2]}.py"
        found.update(block(file, "DOCUMENTATION").get("options") or {})
    return found


@functools.cache
def role_options(role: str) -> dict[str, Any]:
    specs = yaml.safe_load((ROOT / "roles" / role / "meta/argument_specs.yml").read_text(encoding="utf-8"))
    return {
        name: row for entry in specs["argument_specs"].values() for name, row in (entry.get("options") or {}).items()
    }


@functools.cache
def every_role_option() -> dict[str, Any]:
    return {name: row for path in (ROOT / "roles").iterdir() for name, row in role_options(path.name).items()}


@dataclass(frozen=True)
class Code:
    """One block of code of a page."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Code]:
    whole = page.read_text(encoding="utf-8")
    for match in FENCE.finditer(whole):
        indent = match[1]
        lines = [line.removeprefix(indent) for line in match[3].splitlines()]
        yield Code(page, whole[: match.start()].count("\n") + 2, match[2], "\n".join(lines) + "\n")


def every_block(language: str) -> list[Code]:
    return [code for page in pages() for code in blocks(page) if code.language == language]


def commands(page: Path) -> list[str]:
    """All that a page shows as code: the lines of its blocks, and what stands between backticks in a line."""
    whole = page.read_text(encoding="utf-8")
    lines = [line for code in blocks(page) for line in code.text.splitlines()]
    return lines + INLINE.findall(FENCE.sub("", whole))


def extra_variables(command: str) -> list[str]:
    """The names that a command line gives with -e, as KEY=VALUE or as JSON."""
    found = []
    for given, name in EXTRA.findall(command):
        found += list(yaml.safe_load(given)) if given else [name]
    return found
