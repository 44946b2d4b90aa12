# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/seat.py: where the console shows, and the last keyboard."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import Use
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import value
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.seat import seat_uses
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.snapshot import MachineSnapshot, UsbInterface

ON = (("(S) dummy device", "0"), ("(M) frame buffer device", "1"))
CARD = "../../devices/pci0000:00/0000:00:02.0/graphics/fb0"
MEMORY = """d0000000-efffffff : PCI Bus 0000:00
  e0000000-e0ffffff : 0000:00:02.0
    e0000000-e02fffff : {name}
  e1000000-e1ffffff : 0000:00:03.0
100000000-1ffffffff : System RAM"""
XHCI = "../../../devices/pci0000:00/0000:00:14.0/usb1/1-1/1-1:1.0"
OTHER = "../../../devices/pci0000:00/0000:00:1a.0/usb2/2-1/2-1:1.0"


@pytest.mark.parametrize(
    ("parts", "found"),
    [
        ({"console_drivers": ON, "framebuffers": (("fb0", CARD),)}, [CARD]),
        ({"console_drivers": ON, "framebuffers": (("fb1", CARD), ("fbcon", "../../devices/virtual/fbcon"))}, []),
        ({"console_drivers": (("(M) frame buffer device", "0"),), "framebuffers": (("fb0", CARD),)}, []),
        ({"console_drivers": (("(M) VGA+", "1"),), "framebuffers": (("fb0", CARD),)}, []),
        ({"framebuffers": (("fb0", CARD),)}, []),
        ({"console_drivers": ON, "memory_map": value(MEMORY.format(name="efifb"))}, ["/0000:00:02.0"]),
        ({"console_drivers": ON, "memory_map": value(MEMORY.format(name="BOOTFB"))}, ["/0000:00:02.0"]),
        ({"console_drivers": ON, "memory_map": value(MEMORY.format(name="0000:00:02.0"))}, []),
        ({"console_drivers": ON, "memory_map": value("e0000000-e02fffff : efifb")}, []),
        ({"memory_map": value(MEMORY.format(name="efifb"))}, []),
    ],
    ids=["card", "second", "unbound", "text mode", "serial", "efifb", "bootfb", "driver", "elsewhere", "no console"],
)
def test_the_console_s_framebuffer(parts, found):
    uses = list(seat_uses(MachineSnapshot(**parts)))
    assert [path for path, _use in uses] == found
    assert {use.kind for _path, use in uses} <= {"console"}


@pytest.mark.parametrize(
    ("interfaces", "found"),
    [
        ([UsbInterface(XHCI, "03", "01")], [XHCI]),
        ([UsbInterface(XHCI, "03", "01"), UsbInterface(XHCI.replace("1-1", "1-2"), "03", "01")], [XHCI[:42]]),
        ([UsbInterface(XHCI, "03", "01"), UsbInterface(OTHER, "03", "01")], []),
        ([UsbInterface(XHCI, "03", "01"), UsbInterface(OTHER, "03", "02")], [XHCI]),
        ([UsbInterface(XHCI, "08", "01")], []),
        ([UsbInterface(XHCI, None, None)], []),
        ([UsbInterface("../../devices/platform/usb/1-1:1.0", "03", "01")], []),
        ([], []),
    ],
    ids=["only", "two on one", "two", "a mouse beside it", "a disk", "unreadable", "no PCI", "none"],
)
def test_the_last_keyboard(interfaces, found):
    uses = list(seat_uses(MachineSnapshot(usb_interfaces=tuple(interfaces))))
    assert [path[: len(wanted)] for (path, _use), wanted in zip(uses, found)] == found
    assert [use for _path, use in uses] == [Use("input", "it is the only USB controller with a keyboard")] * len(found)
