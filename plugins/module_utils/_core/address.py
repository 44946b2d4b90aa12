# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A PCI address as the Linux kernel prints it (drivers/pci/probe.c, pci_setup_device: "%04x:%02x:%02x.%d")."""

from __future__ import annotations

import re
from dataclasses import dataclass

_PATTERN = re.compile(r"([0-9a-fA-F]{4,8}):([0-9a-fA-F]{2}):([0-9a-fA-F]{2})\.([0-7])\Z")

# nova/pci/devspec.py MAX_DOMAIN: Nova cannot name a device in a domain above this one (Intel VMD uses 10000 and up).
MAX_NOVA_DOMAIN = 0xFFFF


@dataclass(frozen=True, order=True)
class PciAddress:
    """domain, bus, slot and function as numbers; str() gives the kernel's spelling."""

    domain: int
    bus: int
    slot: int
    function: int

    def __str__(self) -> str:
        return f"{self.domain:04x}:{self.bus:02x}:{self.slot:02x}.{self.function}"

    @property
    def slot_name(self) -> str:
        """The address without its function, as in /sys/bus/pci/slots/*/address: "0000:3b:00"."""
        return f"{self.domain:04x}:{self.bus:02x}:{self.slot:02x}"

    @property
    def in_nova_reach(self) -> bool:
        return self.domain <= MAX_NOVA_DOMAIN


def parse_address(text: str) -> PciAddress:
    """Return the address spelled in full by *text* ("0000:3b:00.0"); ValueError when it is anything else."""
    match = _PATTERN.match(text)
    if match is None or int(match.group(3), 16) > 0x1F:
        raise ValueError(f"{text!r} is no PCI address; write domain:bus:slot.function, as in 0000:3b:00.0")
    domain, bus, slot, function = match.groups()
    return PciAddress(int(domain, 16), int(bus, 16), int(slot, 16), int(function))
