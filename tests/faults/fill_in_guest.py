# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest: fills the filesystem of a folder to its last block, or leaves so many KiB. Usage: FILE [LEAVE_KIB]."""

from __future__ import annotations

import os
import sys


def fill(path: str, leave: int) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT, 0o600)
    size, step = 0, 1 << 28
    while step >= 1024:
        try:
            os.posix_fallocate(descriptor, size, step)
            size += step
        except OSError:
            step //= 2
    os.fsync(descriptor)
    if leave:
        os.ftruncate(descriptor, max(0, size - leave * 1024))
    os.fsync(descriptor)


fill(sys.argv[1], int(sys.argv[2]) if len(sys.argv) > 2 else 0)
