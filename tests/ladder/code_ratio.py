# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Print how much unit-test code there is for the code, and fail when there is less of it."""

from __future__ import annotations

import ast
import io
import sys
import tokenize
from collections.abc import Iterable
from pathlib import Path

_ROOT = Path(__file__).resolve().parents[2]
_IGNORED = (tokenize.COMMENT, tokenize.NL, tokenize.NEWLINE, tokenize.INDENT, tokenize.DEDENT, tokenize.ENDMARKER)
_DOCUMENTATION = ("DOCUMENTATION", "EXAMPLES", "RETURN", "ATTRIBUTES")


def code_lines(source: str) -> int:
    """Lines that hold code: no blank line, no comment, no documentation."""
    lines: set[int] = set()
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type not in _IGNORED:
            lines.update(range(token.start[0], token.end[0] + 1))
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.stmt) and is_documentation(node):
            lines.difference_update(range(node.lineno, (node.end_lineno or node.lineno) + 1))
    return len(lines)


def is_documentation(node: ast.stmt) -> bool:
    """A docstring, or one of the blocks that ansible-doc reads."""
    if isinstance(node, ast.Expr):
        return isinstance(node.value, ast.Constant) and isinstance(node.value.value, str)
    if isinstance(node, ast.Assign) and len(node.targets) == 1 and isinstance(node.targets[0], ast.Name):
        return node.targets[0].id in _DOCUMENTATION
    return False


def total(files: Iterable[Path]) -> int:
    return sum(code_lines(file.read_text(encoding="utf-8")) for file in files)


def main() -> int:
    code = total((_ROOT / "plugins").rglob("*.py"))
    tests = total((_ROOT / "tests/unit/plugins").rglob("*.py"))
    ratio = tests / code if code else 0.0
    print(f"{tests} lines of unit tests to {code} lines of code: {ratio:.2f} (at least 1.00)")
    return 0 if ratio >= 1 else 1


if __name__ == "__main__":
    sys.exit(main())
