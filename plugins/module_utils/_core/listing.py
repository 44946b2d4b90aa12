# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many names in one line of a message."""

from __future__ import annotations

from collections.abc import Sequence

_SHOWN = 6


def listed(texts: Sequence[str], shown: int = _SHOWN) -> str:
    """Return the first *shown* of *texts* in one line, and how many more there are."""
    more = f" and {len(texts) - shown} more" if len(texts) > shown else ""
    return ", ".join(texts[:shown]) + more
