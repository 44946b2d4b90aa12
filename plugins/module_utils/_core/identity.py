# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What makes one card tell itself from its twin: the serial number in its vital product data or its config space."""

from __future__ import annotations

_VPD_READ_ONLY = 0x90  # PCI 3.0, appendix I: the tag of the VPD-R resource
_SERIAL_KEYWORD = b"SN"
_MEANINGLESS = (bytes(8), b"\xff" * 8)


def serial_from_vpd(resource: bytes) -> str | None:
    """The SN keyword of a VPD-R resource (tag, length, keywords); None without one; ValueError when it is cut off."""
    if not resource:
        return None
    if resource[0] != _VPD_READ_ONLY or len(resource) < 3:
        raise ValueError("it is no read-only vital product data")
    end = min(3 + int.from_bytes(resource[1:3], "little"), len(resource))
    position = 3
    while position + 3 <= end:
        keyword = resource[position : position + 2]
        length = resource[position + 2]
        data = resource[position + 3 : position + 3 + length]
        if len(data) < length:
            raise ValueError(f"its keyword {keyword.decode('ascii', 'replace')} is cut off")
        if keyword == _SERIAL_KEYWORD:
            return data.decode("ascii", "replace").strip(" \x00") or None
        position += 3 + length
    return None


def serial_from_capability(raw: bytes) -> str | None:
    """The device serial number as lspci prints it, "a0-36-9f-ff-ff-7a-bc-de"; None when the card left it empty.

    Shape: *raw* are the eight bytes behind the capability's header, lowest first (PCIe 7.9.3).
    """
    if len(raw) != 8:
        raise ValueError(f"the device serial number has {len(raw)} bytes instead of 8")
    if raw in _MEANINGLESS:
        return None
    return "-".join(f"{byte:02x}" for byte in reversed(raw))
