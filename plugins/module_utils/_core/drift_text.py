# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drift report for the terminal: what is the same on many hosts stands there once."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .drift import CLOUD, Row, findings_of
from .listing import listed
from .terminal import counted, wrapped
from .verify import FAILED, OK, PENDING

_MOST_VARIANTS = 2  # of what is found by one check, as the command lines of hosts with a root device each
_MOST_CHECKS = 40
_MOST_NOTES = 20
_MOST_LETTERS = 400
_WORDS = {OK: "as declared", PENDING: "waiting for a reboot", FAILED: "with failed findings"}


def drift_text(report: Mapping[str, Any]) -> list[str]:
    """Return *report*, as drift_report() made it, as lines of at most WIDTH columns."""
    hosts = report["counts"]["hosts"]
    by_state = [f"{hosts[state]:,} {_WORDS[state]}" for state in (OK, PENDING, FAILED) if hosts[state]]
    lines = [f"{counted(sum(hosts.values()), 'host')}: {', '.join(by_state)}" if by_state else "No host answered"]
    checks = _by_check(report)
    for key in checks[:_MOST_CHECKS]:
        lines += ["", *_check(*key)]
    if len(checks) > _MOST_CHECKS:
        lines += ["", f"and {counted(len(checks) - _MOST_CHECKS, 'check')} more: see verify.json or verify.html"]
    lines += _list("Worth knowing", _noted(report))
    lines += _list("Not checked", [row["why"] for row in report["not_checked"]])
    return lines


Bundle = tuple[Row, list[tuple[str, Row]]]


def _by_check(report: Mapping[str, Any]) -> list[Bundle]:
    """What is not ok by state, layer and check, with the host and row of each; the worst first, then what most hosts have."""
    found: dict[tuple[str, str, str], list[tuple[str, Row]]] = {}
    for host, rows in findings_of(report).items():
        for row in rows:
            if row["state"] != OK:
                found.setdefault((row["state"], row["layer"], row["check"]), []).append((host, row))
    bundles = [(pairs[0][1], pairs) for pairs in found.values()]
    return sorted(bundles, key=lambda bundle: (bundle[0]["state"] != FAILED, -len(bundle[1])))


def _check(first: Row, pairs: list[tuple[str, Row]]) -> Iterable[str]:
    yield from _wrapped(
        f"{first['state']}: {first['check']} ({first['layer']}), {_on(host for host, _row in pairs)}", ""
    )
    variants: dict[tuple[object, ...], list[str]] = {}
    for host, row in pairs:
        variants.setdefault((row["found"], row["expected"], row["fix"]), []).append(host)
    ordered = sorted(variants.items(), key=lambda item: -len(item[1]))
    for (found, expected, fix), hosts in ordered[:_MOST_VARIANTS]:
        if len(ordered) > 1:
            yield from _wrapped(_on(hosts), "  ")
        for word, text in (("found", found), ("expected", expected), ("fix", fix)):
            if text is not None:
                yield from _wrapped(f"{word}: {text}", "    ")
    if len(ordered) > _MOST_VARIANTS:
        rest = ordered[_MOST_VARIANTS:]
        hosts = [host for _variant, some in rest for host in some]
        yield from _wrapped(f"otherwise on {counted(len(hosts), 'more host')}: see verify.json or verify.html", "  ")


def _on(names: Iterable[str]) -> str:
    hosts = list(dict.fromkeys(names))
    return CLOUD if hosts == [CLOUD] else f"{counted(len(hosts), 'host')}: {listed(hosts)}"


def _noted(report: Mapping[str, Any]) -> list[str]:
    hosts: dict[str, list[str]] = {note: [] for note in report["cloud"]["notes"]}
    for host, entry in report["hosts"].items():
        for note in entry["notes"]:
            hosts.setdefault(note, []).append(host)
    lines = [
        f"{note} ({_on(names or [CLOUD])})" for note, names in sorted(hosts.items(), key=lambda item: -len(item[1]))
    ]
    more = len(lines) - _MOST_NOTES
    return [*lines[:_MOST_NOTES], *([f"and {counted(more, 'note')} more: see verify.json"] if more > 0 else [])]


def _list(title: str, sentences: list[str]) -> list[str]:
    if not sentences:
        return []
    return ["", title, *(line for sentence in sentences for line in _wrapped(sentence, "  - "))]


def _wrapped(text: str, indent: str) -> list[str]:
    # Ansible would put a backslash before each double quote; verify.json has the very words.
    shown = text.replace('"', "'")
    return wrapped(shown if len(shown) <= _MOST_LETTERS else shown[: _MOST_LETTERS - 3] + "...", indent)
