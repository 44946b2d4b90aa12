# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a person sits in front of the host: the framebuffer that shows the console, the keyboard beside it."""

from __future__ import annotations

import re
from collections.abc import Iterator

from .model import Use
from .snapshot import MachineSnapshot

_FRAMEBUFFER = "fb0"  # where the console begins (drivers/video/fbdev/core/fbcon.c)
_DRIVER = "frame buffer"  # include/linux/console.h: the console's driver calls itself "(M) frame buffer device"
_FIRMWARE = (
    "BOOTFB",
    "efifb",
    "simple-framebuffer",
    "simplefb",
    "vesafb",
)  # as /proc/iomem names what the firmware lit
_HID = "03"
_KEYBOARD = "01"  # HID 1.11, 4.3: the protocol of a keyboard that works in the firmware setup too
_FUNCTION = re.compile(r"[0-9a-f]{4,8}:[0-9a-f]{2}:[0-9a-f]{2}\.[0-7]")


def seat_uses(snapshot: MachineSnapshot) -> Iterator[tuple[str, Use]]:
    """(a sysfs path, what the device that it leads through is needed for)."""
    yield from _console(snapshot)
    yield from _keyboard(snapshot)


def _console(snapshot: MachineSnapshot) -> Iterator[tuple[str, Use]]:
    if not any(bind == "1" and _DRIVER in name for name, bind in snapshot.console_drivers):
        return  # a serial console, or one in text mode
    path = dict(snapshot.framebuffers).get(_FRAMEBUFFER)
    if path is not None:
        yield path, Use("console", f"the console shows on its framebuffer {_FRAMEBUFFER}")
    for name, address in _firmware_framebuffers(snapshot.memory_map.text or ""):
        yield f"/{address}", Use("console", f"the console shows on the firmware's framebuffer ({name}) in its memory")


def _firmware_framebuffers(memory_map: str) -> Iterator[tuple[str, str]]:
    """(framebuffer, address) where one lies in the memory of a PCI function: each line is nested in the one above."""
    above: list[str] = []
    for line in memory_map.split("\n"):
        name = line.partition(" : ")[2]
        depth = (len(line) - len(line.lstrip(" "))) // 2
        del above[depth:]
        if name in _FIRMWARE:
            yield from ((name, outer) for outer in above if _FUNCTION.fullmatch(outer))
        above.append(name)


def _keyboard(snapshot: MachineSnapshot) -> Iterator[tuple[str, Use]]:
    """A controller with a keyboard may go as long as another one has a keyboard too."""
    paths = [one.path for one in snapshot.usb_interfaces if (one.class_code, one.protocol) == (_HID, _KEYBOARD)]
    controllers = {_FUNCTION.findall(path)[-1]: path for path in paths if _FUNCTION.search(path)}
    if len(controllers) == 1:
        yield from (
            (path, Use("input", "it is the only USB controller with a keyboard")) for path in controllers.values()
        )
