# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether somebody listens on libvirt's sockets, whether the kernel offers KVM, how many NUMA nodes there are: files alone."""

from __future__ import annotations

import os

from .sysfs import list_directory, read_text

# libvirt's modular daemon of QEMU, and the one that does everything (src/remote/remote_sockets.c).
_SOCKETS = ("/libvirt/libvirt-sock", "/libvirt/virtqemud-sock")
_LISTENS = 0x10000  # __SO_ACCEPTCON: include/uapi/linux/net.h
_NODES = "sys/devices/system/node"


def read_listening(root: str = "/") -> bool | None:
    """Return whether libvirt, or systemd for it, takes connections; None when that cannot be read.

    A socket's file stays behind when nobody listens on it any more, so /proc/net/unix is asked: net/unix/af_unix.c.
    """
    text = read_text(f"{root.rstrip('/')}/proc/net/unix").text
    if text is None:
        return None
    rows = [line.split() for line in text.splitlines()[1:]]
    return any(len(row) > 7 and row[7].endswith(_SOCKETS) and _is_listening(row[3]) for row in rows)


def has_kvm(root: str = "/") -> bool:
    return os.path.exists(f"{root.rstrip('/')}/dev/kvm")


def count_numa_nodes(root: str = "/") -> int:
    """Return how many NUMA nodes the kernel shows; 1 where it shows none."""
    names, _problem = list_directory(f"{root.rstrip('/')}/{_NODES}")
    return max(1, sum(name.startswith("node") and name[4:].isdecimal() for name in names))


def read_node_name(root: str = "/") -> str:
    """Return the host's own name, by which Nova knows it where [DEFAULT]host does not say another; "" when not known."""
    return (read_text(f"{root.rstrip('/')}/proc/sys/kernel/hostname").text or "").strip()


def _is_listening(flags: str) -> bool:
    try:
        return bool(int(flags, 16) & _LISTENS)
    except ValueError:
        return False
