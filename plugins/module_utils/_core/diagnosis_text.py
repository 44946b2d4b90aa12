# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A diagnosis for the terminal: a row for each layer, and at the end the one that counts and what mends it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

from .diagnosis import Diagnosis, Judged
from .diagnosis_layer import DOUBT, FAILED, OK, TITLES, Layer
from .terminal import WIDTH, plain, wrapped

_TITLE = max(map(len, TITLES.values()))
_STATE = len("not known") + 2
_INDENT = _TITLE + _STATE + 4
_COMPUTES_SHOWN = 8
_OTHERS_SHOWN = 20


def diagnosis_text(diagnosis: Diagnosis) -> list[str]:
    """Return lines of at most WIDTH columns."""
    request = diagnosis.request
    asked = "" if request is None else ", ".join(f"{one.alias}:{one.count}" for one in request.devices)
    lines = _wrapped(f"{diagnosis.asked}{f' asks for {asked}' if asked else ''}", "")
    if request is not None and request.said:
        lines += _wrapped(f"Nova said: {' | '.join(request.said)[:600]}", "  ")
    lines += ["", *(line for layer in diagnosis.layers for line in _row(layer, layer.where))]
    for judged in _worth_showing(diagnosis):
        lines += ["", *_wrapped(f"compute {judged.name}", "")]
        lines += [line for layer in judged.layers for line in _row(layer, "")]
    if diagnosis.others:
        lines += ["", "Other computes"]
        lines += [line for text in diagnosis.others[:_OTHERS_SHOWN] for line in _wrapped(text, "  ")]
        rest = len(diagnosis.others) - _OTHERS_SHOWN
        lines += [f"  and {rest} more"] if rest > 0 else []
    return [*lines, "", *_end(diagnosis.answer)]


def _worth_showing(diagnosis: Diagnosis) -> list[Judged]:
    """The compute that the answer speaks of first; of a large fleet, not all."""
    answer = diagnosis.answer
    return sorted(diagnosis.computes, key=lambda judged: judged.name != answer.where)[:_COMPUTES_SHOWN]


def _row(layer: Layer, where: str) -> list[str]:
    head = f"  {TITLES[layer.name]:{_TITLE}}  {layer.state:{_STATE}}"
    text = _plain(f"{where}: {layer.seen}" if where else layer.seen)
    return textwrap.wrap(text, WIDTH, initial_indent=head, subsequent_indent=" " * _INDENT, break_on_hyphens=False)


def _end(answer: Layer) -> Iterator[str]:
    place = f" on {answer.where}" if answer.where else ""
    title = TITLES[answer.name]
    head = {
        FAILED: f"First thing that fails: {title}{place}: ",
        DOUBT: f"Nothing fails for sure. First thing in doubt: {title}{place}: ",
        OK: "Nothing fails: ",
    }.get(answer.state, f"Nothing is known to fail. Not known: {title}{place}: ")
    yield from _wrapped(f"{head}{answer.seen}", "")
    if answer.fix:
        yield from _wrapped(f"Mend it: {answer.fix}", "")


def _plain(text: str) -> str:
    """What any terminal and any JSON takes: names and messages come from hosts and from the cloud."""
    return " ".join(plain(text).split())


def _wrapped(text: str, indent: str) -> list[str]:
    return wrapped(_plain(text), indent)
