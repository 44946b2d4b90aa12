# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A drift report for the terminal: what is the same on many hosts stands there once."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Mapping
from typing import Any

from .drift import CLOUD, Row, findings_of
from .listing import listed
from .verify import FAILED, OK, PENDING

WIDTH = 88  # with what Ansible puts around a line of a list, 8 blanks, quotes and a comma, 99 columns
_MOST_VARIANTS = 2  # of what is found by one check, as the command lines of hosts with a root device each
_MOST_CHECKS = 40
_MOST_NOTES = 20
_MOST_LETTERS = 400
_WORDS = {OK: "as declared", PENDING: "waiting for a reboot", FAILED: "with failed findings"}


def drift_text(report: Mapping[str, Any]) -> list[str]:
    """Return *report*, as drift_report() made it, as lines of at most WIDTH columns."""
    hosts = report["counts"]["hosts"]
    counted = [f"{hosts[state]:,} {_WORDS[state]}" for state in (OK, PENDING, FAILED) if hosts[state]]
    lines = [f"{_count(sum(hosts.values()), 'host')}: {', '.join(counted)}" if counted else "No host answered"]
    checks = _by_check(report)
    for key in checks[:_MOST_CHECKS]:
        lines += ["", *_check(*key)]
    if len(checks) > _MOST_CHECKS:
        lines += ["", f"and {_count(len(checks) - _MOST_CHECKS, 'check')} more: see verify.json or verify.html"]
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
        yield from _wrapped(f"otherwise on {_count(len(hosts), 'more host')}: see verify.json or verify.html", "  ")


def _on(names: Iterable[str]) -> str:
    hosts = list(dict.fromkeys(names))
    return CLOUD if hosts == [CLOUD] else f"{_count(len(hosts), 'host')}: {listed(hosts)}"


def _noted(report: Mapping[str, Any]) -> list[str]:
    hosts: dict[str, list[str]] = {note: [] for note in report["cloud"]["notes"]}
    for host, entry in report["hosts"].items():
        for note in entry["notes"]:
            hosts.setdefault(note, []).append(host)
    lines = [
        f"{note} ({_on(names or [CLOUD])})" for note, names in sorted(hosts.items(), key=lambda item: -len(item[1]))
    ]
    more = len(lines) - _MOST_NOTES
    return [*lines[:_MOST_NOTES], *([f"and {_count(more, 'note')} more: see verify.json"] if more > 0 else [])]


def _list(title: str, sentences: list[str]) -> list[str]:
    if not sentences:
        return []
    return ["", title, *(line for sentence in sentences for line in _wrapped(sentence, "  - "))]


def _wrapped(text: str, indent: str) -> list[str]:
    # Ansible would put a backslash before each double quote; verify.json has the very words.
    plain = "".join(letter if letter.isprintable() else " " for letter in text.replace('"', "'"))
    if len(plain) > _MOST_LETTERS:
        plain = plain[: _MOST_LETTERS - 3] + "..."
    return textwrap.wrap(
        plain, WIDTH, initial_indent=indent, subsequent_indent=" " * len(indent) + "  ", break_on_hyphens=False
    )


def _count(number: int, word: str) -> str:
    return f"{number} {word}" if number == 1 else f"{number:,} {word}s"
