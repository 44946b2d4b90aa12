# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which tool builds the host's initramfs, by what is installed."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

_SBIN = ("usr/sbin", "usr/bin", "sbin", "bin")


def read_initramfs_tool(root: Path) -> str | None:
    """Return "initramfs-tools", "dracut" or None.

    Debian and Ubuntu: update-initramfs belongs to initramfs-tools; where a dracut package brings a wrapper of that
    name, it does not call mkinitramfs. dracut-core may be installed beside initramfs-tools without being in charge.
    """
    update = _find(root, "update-initramfs")
    if update is not None and _find(root, "mkinitramfs") is not None and _mentions(update, b"mkinitramfs"):
        return "initramfs-tools"
    if _find(root, "dracut") is not None:
        return "dracut"
    return None


def _find(root: Path, name: str) -> Path | None:
    return next((root / folder / name for folder in _SBIN if (root / folder / name).is_file()), None)


def _mentions(path: Path, word: bytes) -> bool:
    try:
        return word in path.read_bytes()
    except OSError:
        return True  # it is there and cannot be looked at: its name is all there is to go by
