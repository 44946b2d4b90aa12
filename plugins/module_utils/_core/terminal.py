# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Text for a terminal: as wide as fits beside what Ansible adds, and without what a reader does not see."""

from __future__ import annotations

import textwrap

WIDTH = 88  # with what Ansible puts around a line of a list, 8 blanks, quotes and a comma, 99 columns


def plain(text: str) -> str:
    """The text with a blank for each letter that is not shown: names come from hosts, and such letters turn lines around."""
    return text if text.isprintable() else "".join(letter if letter.isprintable() else " " for letter in text)


def wrapped(text: str, indent: str) -> list[str]:
    """Return *text* as lines of at most WIDTH columns; those after the first stand two columns further in than *indent*."""
    hanging = " " * len(indent) + "  "
    return textwrap.wrap(plain(text), WIDTH, initial_indent=indent, subsequent_indent=hanging, break_on_hyphens=False)


def counted(number: int, word: str) -> str:
    """The number with its word, of which the plural takes an s."""
    return f"{number} {word}" if number == 1 else f"{number:,} {word}s"
