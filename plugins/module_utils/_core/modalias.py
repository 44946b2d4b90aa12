# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which modules offer themselves for a device: modules.alias and modules.builtin.modinfo against its modalias."""

from __future__ import annotations

import re

_HEAD = "alias pci:v"
_WORDS = "pci:v"
# drivers/pci/pci-sysfs.c modalias_show, scripts/mod/file2alias.c do_pci_entry: the fields of both, in this order.
_FIELDS = re.compile(
    r"pci:v(\*|[0-9A-F]{8})d(\*|[0-9A-F]{8})sv(\*|[0-9A-F]{8})sd(\*|[0-9A-F]{8})"
    r"bc(\*|[0-9A-F]{2})sc(\*|[0-9A-F]{2})i(\*|[0-9A-F]{2})\*?\Z"
)
_BUILTIN = re.compile(r"(?:\A|\x00)([^.\x00]+)\.alias=pci:v([^\x00]+)")
_VENDOR_DIGITS = 8


class ModuleAliases:
    """Answers for one machine. Aliases are sorted by vendor once, each modalias is looked up once."""

    def __init__(self, modules_alias: str, builtin_modinfo: str = "") -> None:
        self._by_vendor: dict[str, list[str]] = {}  # what follows "alias pci:v": pattern, blank, module
        self._answers: dict[str, tuple[str, ...]] = {}
        for rest in f"\n{modules_alias}".split(f"\n{_HEAD}")[1:]:
            self._by_vendor.setdefault(rest[:_VENDOR_DIGITS], []).append(rest)
        for module, rest in _BUILTIN.findall(builtin_modinfo):
            self._by_vendor.setdefault(rest[:_VENDOR_DIGITS], []).append(f"{rest} {module}")
        self._any_vendor = [rest for key in self._by_vendor if key.startswith("*") for rest in self._by_vendor[key]]

    def modules(self, modalias: str) -> tuple[str, ...]:
        """The modules whose alias matches *modalias*, each once, as the files have them; ValueError if it is none."""
        answer = self._answers.get(modalias)
        if answer is None:
            answer = self._answers[modalias] = self._match(modalias)
        return answer

    def _match(self, modalias: str) -> tuple[str, ...]:
        own = _FIELDS.match(modalias)
        if own is None:
            raise ValueError(f"{modalias!r} is no modalias of a PCI device")
        fields = own.groups()
        beginnings = tuple(f"{fields[0]}d{device}sv" for device in (fields[1], "*"))
        offers = [rest for rest in self._by_vendor.get(fields[0], ()) if rest.startswith(beginnings)]
        found: dict[str, None] = {}
        for rest in offers + self._any_vendor:
            pattern, _blank, module = rest.partition("\n")[0].partition(" ")
            offered = _FIELDS.match(_WORDS + pattern)
            if offered is not None and all(map(_fits, offered.groups(), fields)):
                found[module] = None
        return tuple(found)


def _fits(offered: str, own: str) -> bool:
    return offered in ("*", own)
