# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How many cases a test gets, what may come out of a parser, and the texts that many tests draw from."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import PassthroughError

ASKED = "NOVA_PCI_FUZZ_CASES"

# What has hurt somebody's parser before: quotes of every language, line ends of every kind, other scripts' digits and
# blanks, halves of surrogate pairs, paths, and numbers that are none.
HOSTILE = (
    "", " ", "\t", "\n", "\r", "\r\n", "\0", "\x0b", "\x0c", "\x1c", "\x7f", "\x85", "\xa0", "\u2028", "\u3000", "\ufeff",
    "'", '"', "`", "\\", "$", "%", "{", "}", "#", ";", "&", "|", "<", ">", "(", ")", "[", "]", "*", "?", "~", "!", "=", ":",
    ",", "-", "--", ".", "..", "/", "../../etc/passwd", "/etc/shadow", "$(id)", "`id`", "${HOME}", "$my_ip", "%(x)s", "%s", "{{ 7 * 7 }}",
    "{% raw %}", "'; id; '", '"; id; "', "a\nb", "a\n[pci]\nalias = x", "é", "ß", "İ", "²", "٣", "१", "Ⅷ", "0x10", "1_0", "-1",
    "1e9", "nan", "null", "yes", "\ud800", "\udcff", "🙂", "a" * 300, "9" * 5000, "[" * 3000,
)  # fmt: skip

hostile = st.sampled_from(HOSTILE)


def cases(bounded: int, cost: int = 1) -> settings:
    """`bounded` cases, the same in every run; where NOVA_PCI_FUZZ_CASES asks for more, so many new ones divided by *cost*."""
    asked = os.environ.get(ASKED)
    return settings(
        max_examples=bounded if not asked else max(int(asked) // cost, 1),
        derandomize=not asked,
        database=None,
        deadline=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


def hostile_among(*words: str) -> st.SearchStrategy[str]:
    """Texts put together of *words* that mean something here, and of what nobody should write."""
    parts = st.one_of(st.sampled_from(words), st.sampled_from(words), hostile, st.text(max_size=3))
    return st.lists(parts, max_size=8).map("".join)


OTHER_THINGS = (
    None,
    True,
    False,
    0,
    1,
    -1,
    4,
    10**12,
    10**30,
    1.5,
    float("nan"),
    float("inf"),
    [],
    {},
    [[]],
    [None],
    [{}],
    {"a": []},
)


def json_like(texts: st.SearchStrategy[str]) -> st.SearchStrategy[Any]:
    """Whatever may stand in YAML or JSON; shallow, since deep things cost the most time and say no more."""
    return st.one_of(
        texts, st.sampled_from(OTHER_THINGS), texts.map(lambda text: [text]), texts.map(lambda text: {text: text})
    )


def only_ours(work: Callable[..., Any], *given: Any, also: tuple[type[Exception], ...] = ()) -> Any:
    """What *work* returns; None where it refuses as it may: by an error of ours, or by one of *also* that its words promise."""
    try:
        return work(*given)
    except (PassthroughError, *also) as error:
        words = str(error)
    assert words.strip()
    return None
