# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What somebody may have meant by a word that is not known."""

from __future__ import annotations

import difflib
from collections.abc import Collection

CUTOFF = 0.5  # of difflib's likeness, 0 to 1


def nearest(word: str, known: Collection[str], cutoff: float = CUTOFF) -> str | None:
    """Return the one of *known* that *word* is most like, None when it is like none of them."""
    return next(iter(difflib.get_close_matches(word, list(known), n=1, cutoff=cutoff)), None)


def did_you_mean(word: str, known: Collection[str], otherwise: str, cutoff: float = CUTOFF) -> str:
    """Return the question after the nearest of *known*, *otherwise* when there is none near."""
    near = nearest(word, known, cutoff)
    return otherwise if near is None else f"Did you mean {near}?"


def as_key(word: object) -> str:
    """Return *word* spelled as our keys and Nova's are, so that only the letters count."""
    return str(word).lower().replace("-", "_")
