# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold a plan for Nova against the services as they are now: pure functions (plan as data, node) -> findings."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .nova_options import options_of
from .nova_release import NovaVersion
from .nova_service import NovaNode, NovaService
from .verify import FAILED, OK, Finding


def verify_nova(
    plan: Mapping[str, Any], node: NovaNode, version: NovaVersion, actions: Iterable[str] = ()
) -> tuple[Finding, ...]:
    """Return every finding; *actions* is what a dry run of nova_apply would still do."""
    findings = [Finding("files and services", FAILED, "as planned", action, "run the role again") for action in actions]
    findings += [_setting(row, node, version) for row in plan["settings"]]
    for service in node.services:
        rows = [row for row in plan["settings"] if row["service"] == service.name]
        if rows:
            findings.append(_running(service, node, rows))
    return tuple(findings)


def setting_table(rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the settings as lines: service, option, where it comes from, value; a line for each value."""
    lines = [("SERVICE", "OPTION", "FROM", "VALUE")]
    for row in rows:
        origins = list(row["origins"]) or ["-"]
        for number, value in enumerate(row["wanted"] or ["(unset)"]):
            origin = origins[number] if number < len(origins) else origins[-1]
            lines.append((row["service"], row["option"], origin, value))
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(line, widths)), line[-1]]).rstrip() for line in lines]


def _setting(row: Mapping[str, Any], node: NovaNode, version: NovaVersion) -> Finding:
    service = node.service(row["service"])
    check = f"{row['option']} of {row['service']}"
    expected = _shown(row["wanted"])
    if service is None:
        return Finding(
            check, FAILED, expected, "the service is gone", "install it again, or take the host out of the group"
        )
    option = next((option for option in options_of(service.name, version) if option.label == row["option"]), None)
    setting = None if option is None else option.read(service.config)
    found = () if setting is None else setting.values
    if list(found) == list(row["wanted"]):
        return Finding(check, OK, expected, _shown(found))
    origins = () if setting is None else setting.origins
    where = ", ".join(f"{origin.path}:{origin.line}" for origin in origins)
    fix = f"look at {where}, or run the role again" if where else "run the role again"
    return Finding(check, FAILED, expected, _shown(found), fix)


def _running(service: NovaService, node: NovaNode, rows: Iterable[Mapping[str, Any]]) -> Finding:
    """Nothing that we set can be reloaded: a process older than a file of its configuration does not have it."""
    check = f"{service.name} runs with its configuration"
    expected = "started after the last change of its PCI settings"
    if not service.active:
        return Finding(check, FAILED, expected, f"{service.unit} is not active", f"systemctl start {service.unit}")
    sources = {origin.rpartition(":")[0] for row in rows for origin in row["origins"]}
    newer = [path for path in sources if service.started is not None and node.modified.get(path, 0) > service.started]
    if newer:
        found = f"{', '.join(sorted(newer))} changed since it started"
        return Finding(check, FAILED, expected, found, f"systemctl restart {service.unit}")
    return Finding(check, OK, expected, expected)


def _shown(values: Iterable[str]) -> str:
    return "; ".join(values) or "unset"
