# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads what libvirt keeps of its guests: no virsh, no connection to the daemon."""

from __future__ import annotations

from .._core.reading import Reading
from .sysfs import list_directory, read_text

# Status of what runs (root only), then what is defined. libvirt, src/qemu/qemu_conf.c: stateDir, configDir.
RUNNING = "run/libvirt/qemu"
FOLDERS = (RUNNING, "etc/libvirt/qemu")


def read_guest_files(
    root: str = "/", folders: tuple[str, ...] = FOLDERS
) -> tuple[tuple[tuple[str, Reading], ...], tuple[tuple[str, str], ...]]:
    """Return ((path, text) of each description of a guest, (path, why) of each folder that could not be listed)."""
    found = []
    problems = []
    for folder in folders:
        path = f"{root.rstrip('/')}/{folder}"
        names, problem = list_directory(path)
        if problem is not None:
            problems.append((f"/{folder}", problem))
        found += [(f"/{folder}/{name}", read_text(f"{path}/{name}")) for name in names if name.endswith(".xml")]
    return tuple(found), tuple(problems)
