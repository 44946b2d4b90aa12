# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether every service of a fleet has the same text for each alias: nova-api asks, nova-compute answers."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .listing import listed
from .nova_options import ALIAS
from .nova_service import API
from .verify import FAILED, OK, Finding

_FIX = "give all hosts the same declaration, then run playbooks/nova.yml"


@dataclass(frozen=True, order=True)
class _Place:
    host: str
    service: str

    def __str__(self) -> str:
        return f"{self.service} on {self.host}"


def compare_aliases(settings: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, list[Finding]]:
    """Return the findings of each host. *settings* by host: the rows of its plans for Nova, as their `settings` have them.

    A host whose declaration has not every alias is no difference; but what any service calls an alias has to be the same
    text everywhere, and each nova-api that has aliases has to know all of them.
    """
    by_name = _texts(settings)
    places = {place for texts in by_name.values() for place in texts}
    if len(places) < 2:
        return {}  # there is nothing to compare
    found: dict[str, list[Finding]] = {}
    for name, texts in sorted(by_name.items()):
        right = _most_common(texts)
        here = listed([str(place) for place in sorted(texts) if texts[place] == right])
        for place, text in sorted(texts.items()):
            if text != right:
                expected = f"{'; '.join(right)}, as {here} has it"
                found.setdefault(place.host, []).append(
                    Finding(f"alias {name} of {place.service}", FAILED, expected, "; ".join(text), _FIX)
                )
        for place in sorted(places):
            if place.service == API and place not in texts:
                expected = f"known to every nova-api, for {here} has it"
                found.setdefault(place.host, []).append(
                    Finding(f"alias {name} of {place.service}", FAILED, expected, "no alias of this name", _FIX)
                )
    same = "the same text on all hosts"
    for host in sorted({place.host for place in places} - set(found)):
        found[host] = [Finding("aliases", OK, same, same)]
    return found


def _texts(settings: Mapping[str, Sequence[Mapping[str, Any]]]) -> dict[str, dict[_Place, tuple[str, ...]]]:
    """Name of an alias -> place -> what defines it there, in its order."""
    found: dict[str, dict[_Place, tuple[str, ...]]] = {}
    for host, rows in settings.items():
        for row in rows:
            if row["option"] == ALIAS.label:
                for text in row["now"]:
                    here = found.setdefault(_name(text), {})
                    place = _Place(host, row["service"])
                    here[place] = (*here.get(place, ()), text)
    return found


def _name(text: str) -> str:
    """The name that an alias gives itself; one that cannot be read stands for itself, and nova_lint tells what is wrong."""
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return text
    name = body.get("name") if isinstance(body, dict) else None
    return name if isinstance(name, str) else text


def _most_common(texts: Mapping[_Place, tuple[str, ...]]) -> tuple[str, ...]:
    """What most places have; where as many have another, what a nova-api has, then the first by name."""
    counts = Counter(texts.values())
    first = min(texts, key=lambda place: (-counts[texts[place]], place.service != API, place))
    return texts[first]
