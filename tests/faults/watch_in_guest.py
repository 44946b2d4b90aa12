# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs in the guest and prints one word when a run of host_apply gets to each of its steps, told by what lies on the disk."""

from __future__ import annotations

import glob
import os
import time

STATE = "/var/lib/nova-pci-passthrough"
STARTS = {
    "lock": f"{STATE}/lock",
    "copies": f"{STATE}/touched",
    "journal": f"{STATE}/journal.json",
    "grub drop-in": "/etc/default/grub.d/zz-nova-pci-passthrough.cfg",
    "unit": "/etc/systemd/system/nova-pci-passthrough.service",
    "update-grub": "/boot/grub/grub.cfg.new",
    "update-initramfs": glob.glob("/boot/initrd.img-*")[0] + ".new",
}
ENDS = {"update-grub": "update-grub done", "update-initramfs": "update-initramfs done", "copies": "end"}


def main() -> None:
    print("listening", flush=True)
    there: set[str] = set()
    while "end" not in there:
        for name, path in STARTS.items():
            exists = os.path.exists(path)
            if exists and name not in there:
                there.add(name)
                print(name, flush=True)
            elif not exists and name in there and name in ENDS and ENDS[name] not in there:
                there.add(ENDS[name])
                print(ENDS[name], flush=True)
        time.sleep(0.02)


main()
