# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a module returns, held against the block in which it promises that."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from typing import Any

import yaml

COMMON = {"changed", "diff", "failed", "msg"}  # Ansible's own
TYPES = {"bool": bool, "dict": dict, "float": float, "int": int, "list": list, "str": str}


def is_a(value: Any, kind: str) -> bool:
    """True is no number here, whatever Python says."""
    return isinstance(value, TYPES[kind]) and (kind == "bool" or not isinstance(value, bool))


def promises_of_the_caller() -> dict[str, Any]:
    """RETURN of the module that is running: the nearest frame of a file that has one."""
    frame = sys._getframe(1)
    while frame is not None and "RETURN" not in frame.f_globals:
        frame = frame.f_back
    return dict(yaml.safe_load(frame.f_globals["RETURN"])) if frame is not None else {}


def broken_promises(returned: dict[str, Any], promised: dict[str, Any], place: str = "") -> Iterator[str]:
    """A sentence for each key that RETURN does not name, or of another type; nested ones where it says what is inside."""
    for key, value in returned.items():
        where = f"{place}{key}"
        if key not in promised:
            yield f"RETURN does not name {where}"
            continue
        row = promised[key]
        if value is None:  # every description says where that can be
            continue
        if not is_a(value, row["type"]):
            yield f"{where} is a {type(value).__name__}, RETURN says {row['type']}"
        elif "contains" in row:
            for inner in value if isinstance(value, list) else [value]:
                yield from broken_promises(inner, row["contains"], f"{where}.")
        elif isinstance(value, list):
            wrong = {type(item).__name__ for item in value if not is_a(item, row["elements"])}
            if wrong:
                yield f"{where} holds {', '.join(sorted(wrong))}, RETURN says {row['elements']}"


def missing_promises(returned: dict[str, Any], promised: dict[str, Any], place: str = "") -> Iterator[str]:
    """A sentence for each key that is promised always, or with every success, and is not there."""
    for key, row in promised.items():
        where = f"{place}{key}"
        if key not in returned:
            if row.get("returned", "always") in ("always", "success"):
                yield f"RETURN promises {where}"
        elif "contains" in row and returned[key] is not None:
            for inner in returned[key] if isinstance(returned[key], list) else [returned[key]]:
                yield from missing_promises(inner, row["contains"], f"{where}.")
