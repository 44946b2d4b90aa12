# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What came of reading one attribute: a value, absent, or unreadable. "Missing" and "not permitted" never look alike."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Reading:
    """Exactly one of the three holds: *text* is not None (a value, as read), *problem* is not None (unreadable), neither (absent)."""

    text: str | None = None
    problem: str | None = None

    @property
    def is_value(self) -> bool:
        return self.text is not None

    @property
    def is_absent(self) -> bool:
        return self.text is None and self.problem is None

    @property
    def is_unreadable(self) -> bool:
        return self.problem is not None


ABSENT = Reading()


def value(text: str) -> Reading:
    return Reading(text=text)


def unreadable(problem: str) -> Reading:
    """*problem* is the system's own word for it, as in "Permission denied"."""
    return Reading(problem=problem)
