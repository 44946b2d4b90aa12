"""Set options in a configuration file of OpenStack and keep everything else of it, comments included."""

from __future__ import annotations

import re
from collections.abc import Mapping

Options = Mapping[str, Mapping[str, str | None]]
"""Section -> option -> value; None removes the option."""

_SECTION = re.compile(r"\[([^\]]+)\]\s*$")
_ASSIGNMENT = re.compile(r"([A-Za-z0-9_.-]+)\s*[=:]")


def with_options(text: str, options: Options) -> str:
    """`text` with these options, each right below the header of its section, and no other value of them."""
    pending = {section: dict(values) for section, values in options.items()}
    lines: list[str] = []
    section, dropping = "DEFAULT", False
    for line in text.splitlines():
        header = _SECTION.match(line)
        if header:
            section, dropping = header[1], False
            lines += [line, *_assignments(pending.pop(section, {}))]
            continue
        assignment = _ASSIGNMENT.match(line)
        if assignment:
            dropping = assignment[1] in options.get(section, {})
        elif not line[:1].isspace():
            dropping = False
        if not dropping:
            lines.append(line)
    for section, values in pending.items():
        lines += ["", f"[{section}]", *_assignments(values)]
    return "\n".join(lines) + "\n"


def _assignments(values: Mapping[str, str | None]) -> list[str]:
    return [f"{name} = {value}" for name, value in values.items() if value is not None]
