# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names from pci.ids (https://pci-ids.ucw.cz): vendors, devices, subsystems and classes.

The file has 40,000 lines and a machine a few dozen kinds of device, so a section is cut out of the text when it is
asked for, and remembered.
"""

from __future__ import annotations


class PciIds:
    """Answers questions about one pci.ids text. An id that the text does not know has no name: None."""

    def __init__(self, text: str) -> None:
        self._text = "\n" + text + "\n"
        self._sections: dict[str, tuple[str | None, dict[str, tuple[str, str]]]] = {}
        self._subsystems: dict[tuple[str, str], dict[str, str]] = {}

    def vendor(self, vendor_id: str) -> str | None:
        return self._section(vendor_id)[0]

    def product(self, vendor_id: str, product_id: str) -> str | None:
        found = self._section(vendor_id)[1].get(product_id)
        return None if found is None else found[0]

    def subsystem(self, vendor_id: str, product_id: str, subsystem_vendor_id: str, subsystem_id: str) -> str | None:
        """The name of the card; where it has none, the subsystem vendor's name."""
        key = (vendor_id, product_id)
        known = self._subsystems.get(key)
        if known is None:
            found = self._section(vendor_id)[1].get(product_id)
            known = self._subsystems[key] = {} if found is None else _second_level(found[1])
        return known.get(f"{subsystem_vendor_id} {subsystem_id}") or self.vendor(subsystem_vendor_id)

    def class_name(self, code: str) -> str | None:
        """The name of a class ("020000"): that of its subclass, else that of the class itself."""
        name, subclasses = self._section(f"C {code[:2]}")
        found = subclasses.get(code[2:4])
        return name if found is None else found[0]

    def _section(self, head: str) -> tuple[str | None, dict[str, tuple[str, str]]]:
        section = self._sections.get(head)
        if section is None:
            section = self._sections[head] = self._cut(head)
        return section

    def _cut(self, head: str) -> tuple[str | None, dict[str, tuple[str, str]]]:
        start = self._text.find(f"\n{head}  ")
        if start < 0:
            return None, {}
        first_end = self._text.index("\n", start + 1)
        entries: dict[str, tuple[str, str]] = {}
        position = first_end
        while self._text.startswith(("\n\t", "\n#"), position):
            end = self._text.index("\n", position + 1)
            if not self._text.startswith("\n\t", position):
                position = end
                continue
            below = end
            while self._text.startswith("\n\t\t", below):
                below = self._text.index("\n", below + 1)
            number, _gap, name = self._text[position + 2 : end].partition("  ")
            entries[number] = (name, self._text[end:below])
            position = below
        return self._text[start + len(head) + 3 : first_end], entries


def _second_level(lines: str) -> dict[str, str]:
    """{"15d9 0001": "AOC-STG"} of the lines of one device."""
    named = {}
    for line in lines.split("\n\t\t")[1:]:
        number, _gap, name = line.partition("  ")
        named[number] = name
    return named
