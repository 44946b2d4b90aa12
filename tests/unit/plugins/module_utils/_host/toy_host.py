# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A toy host under a temporary root: files, tools that are small scripts, and plans for it as host_plan would make them."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.changes import Applied, Removed
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.places import Places
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.wanted import read_plan
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.command import Commands
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.transaction import Outcome, Transaction

GRUB = "/etc/default/grub.d/zz-nova-pci-passthrough.cfg"
CONF = "/etc/nova-pci-passthrough/devices.conf"
SCRIPT = "/usr/local/lib/nova-pci-passthrough/devices.sh"
UNIT = "/etc/systemd/system/nova-pci-passthrough.service"
WANTS = "/etc/systemd/system/multi-user.target.wants/nova-pci-passthrough.service"
GUARD = "/etc/systemd/system/nova-compute.service.d/nova-pci-passthrough.conf"
HOOK = "/etc/initramfs-tools/hooks/nova-pci-passthrough"
CMDLINE = "/etc/kernel/cmdline"
JOURNAL = "/var/lib/nova-pci-passthrough/journal.json"
STATE = "/var/lib/nova-pci-passthrough"
BOOT = "00000000-0000-4000-8000-000000000001"
NEXT_BOOT = "00000000-0000-4000-8000-000000000002"

_UPDATE_GRUB = """#!/bin/sh
echo update-grub >> "$NOVA_PCI_ROOT/../log"
out="$NOVA_PCI_ROOT/boot/grub/grub.cfg"
echo "Generating grub configuration file ..." >&2
case $(cat "$NOVA_PCI_ROOT/../break-update-grub" 2>/dev/null) in
  fail) echo "grub-probe: error: no such device" >&2; exit 1 ;;
  half) echo half > "$out"; kill -9 $$ ;;
  slow) echo half > "$out"; sleep 60 ;;
esac
cat "$NOVA_PCI_ROOT/etc/default/grub" "$NOVA_PCI_ROOT"/etc/default/grub.d/*.cfg > "$out" 2>/dev/null || :
"""

_UPDATE_INITRAMFS = """#!/bin/sh
echo update-initramfs >> "$NOVA_PCI_ROOT/../log"
out="$NOVA_PCI_ROOT/boot/initrd.img-6.1"
echo started > "$out.new"
if [ -e "$NOVA_PCI_ROOT/../break-update-initramfs" ]; then
  echo broken > "$out"; echo "cpio: No space left on device"; exit 28
fi
{ echo initrd; cat "$NOVA_PCI_ROOT/etc/nova-pci-passthrough/devices.conf" 2>/dev/null || :; } > "$out.new"
mv "$out.new" "$out"
"""

_DEVICES_SH = """#!/bin/sh
# nova_pci.passthrough
bound="$NOVA_PCI_ROOT/sys/bound"
echo "devices.sh $*" >> "$NOVA_PCI_ROOT/../log"
verb=$1; shift
case $verb in
  apply)
    while read -r address _; do
      case $address in '#'*|'') continue ;; esac
      if [ -e "$NOVA_PCI_ROOT/../break-$address" ]; then echo "failed $address vfio-pci refused it"; exit 1; fi
      if grep -qs "^$address$" "$bound"; then echo "ok $address is bound"
      else echo "$address" >> "$bound"; echo "changed $address bound to vfio-pci"; fi
    done < "$NOVA_PCI_ROOT/etc/nova-pci-passthrough/devices.conf" ;;
  release)
    if [ -e "$NOVA_PCI_ROOT/../held" ]; then echo "failed 0000:02:00.0 is held by a guest"; exit 1; fi
    if [ $# -eq 0 ]; then : > "$bound"; echo "changed - everything released"
    else for address in "$@"; do sed -i "/^$address$/d" "$bound"; echo "changed $address released"; done; fi ;;
esac
"""

_FILES = {
    "/etc/default/grub": 'GRUB_CMDLINE_LINUX="quiet"\n',
    "/etc/default/grub.d/10-other.cfg": "# someone else's\n",
    CMDLINE: "root=/dev/vda1 quiet\n",
    "/boot/grub/grub.cfg": "former grub.cfg\n",
    "/boot/initrd.img-6.1": "former initrd\n",
    "/proc/cmdline": "root=/dev/vda1 quiet\n",
    "/sys/bound": "",
    "/etc/systemd/system/other.service": "[Unit]\n",
}
_TOOLS = {"/usr/sbin/update-grub": _UPDATE_GRUB, "/usr/sbin/update-initramfs": _UPDATE_INITRAMFS}
_DIRECTORIES = ("/var/lib", "/usr/local/lib", "/etc/initramfs-tools/hooks")


@contextlib.contextmanager
def in_memory() -> Iterator[Path]:
    """Yield a folder in memory where there is one: thousands of fsyncs cost nothing there."""
    memory = Path("/dev/shm")
    usable = memory.is_dir() and os.access(memory, os.W_OK)
    with tempfile.TemporaryDirectory(dir=memory if usable else None) as folder:
        yield Path(folder)


class ToyHost:
    """Shape: *token* and *addresses* are what the plan asks for; change them and run again."""

    state = STATE
    journal = JOURNAL

    def __init__(self, base: Path) -> None:
        self.base = base
        self.root = base / "root"
        self.token = "intel_iommu=on"
        self.addresses = ["0000:02:00.0"]
        self.boot_id = BOOT
        self.running: tuple[str, ...] = ("root=/dev/vda1", "quiet")
        self.files_class: type[Files] = Files
        self.places = Places()  # where a removal without a journal looks for our mark
        for path in _DIRECTORIES:
            (self.root / path[1:]).mkdir(parents=True)
        for path, text in {**_FILES, **_TOOLS}.items():
            self.write(path, text)
        for path in _TOOLS:
            self.at(path).chmod(0o755)
        self.at(CMDLINE).chmod(0o640)

    def at(self, path: str) -> Path:
        return self.root / path[1:]

    def write(self, path: str, text: str) -> None:
        self.at(path).parent.mkdir(parents=True, exist_ok=True)
        self.at(path).write_text(text, encoding="utf-8")

    def text(self, path: str) -> str:
        return self.at(path).read_text(encoding="utf-8")

    def mark(self, name: str, text: str = "") -> Path:
        """Put a file beside the root that a toy tool looks for."""
        place = self.base / name
        place.write_text(text, encoding="utf-8")
        return place

    def log(self) -> list[str]:
        """Return the tools that ran since the last call."""
        place = self.base / "log"
        lines = place.read_text(encoding="utf-8").splitlines() if place.exists() else []
        place.write_text("", encoding="utf-8")
        return lines

    def reboot(self) -> None:
        self.boot_id = NEXT_BOOT
        self.running = (*self.running, self.token)
        self.write("/proc/cmdline", " ".join(self.running) + "\n")

    def save(self) -> None:
        """Remember everything for `go_back`."""
        shutil.rmtree(self.base / "saved", ignore_errors=True)
        shutil.copytree(self.root, self.base / "saved", symlinks=True)

    def go_back(self) -> None:
        shutil.rmtree(self.root)
        shutil.copytree(self.base / "saved", self.root, symlinks=True)

    # -- plans

    def conf(self) -> str:
        return "# nova_pci.passthrough\n" + "".join(f"{address} driver vfio-pci\n" for address in self.addresses)

    def contents(self) -> dict[str, str]:
        return {
            "grub.j2": f'# nova_pci.passthrough\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX {self.token}"\n',
            "devices.conf.j2": self.conf(),
            "devices.sh.j2": _DEVICES_SH,
            "unit.j2": "# nova_pci.passthrough\n[Service]\n",
            "guard.j2": "# nova_pci.passthrough\n[Service]\n",
            "hook.j2": "#!/bin/sh\n# nova_pci.passthrough\n",
        }

    def plan(self) -> dict[str, Any]:
        """What host_plan would return for the host as it is now."""
        bound = set(self.text("/sys/bound").split())
        todo = [address for address in self.addresses if address not in bound]
        words = self.text(CMDLINE).split()
        grub_has_it = self.at(GRUB).is_file() and self.token in self.text(GRUB)
        pending = self.token not in self.running
        reasons = [f"kernel argument {self.token} is not running yet"] if pending else []
        rows = [
            {"path": GRUB, "layer": "kernel_arguments", "kind": "file", "mode": "0644", "template": "grub.j2"},
            {
                "path": CMDLINE,
                "layer": "kernel_arguments",
                "kind": "file",
                "mode": None,
                "foreign": True,
                "content": self.text(CMDLINE) if self.token in words else " ".join([*words, self.token]) + "\n",
            },
            {"path": CONF, "layer": "devices", "kind": "file", "mode": "0644", "template": "devices.conf.j2"},
            {"path": SCRIPT, "layer": "devices", "kind": "file", "mode": "0755", "template": "devices.sh.j2"},
            {"path": UNIT, "layer": "devices", "kind": "file", "mode": "0644", "template": "unit.j2"},
            {"path": WANTS, "layer": "devices", "kind": "symlink", "target": "../nova-pci-passthrough.service"},
            {"path": GUARD, "layer": "devices", "kind": "file", "mode": "0644", "template": "guard.j2"},
            {"path": HOOK, "layer": "initramfs", "kind": "file", "mode": "0755", "template": "hook.j2"},
        ]
        return {
            "version": 1,
            "host": {"boot_id": self.boot_id},
            "devices": [
                {
                    "address": address,
                    "role": "chosen",
                    "device_type": "type-PCI",
                    "driver": "vfio-pci",
                    "driver_now": "vfio-pci" if address in bound else "e1000e",
                    "num_vfs": 0,
                }
                for address in self.addresses
            ],
            "kernel_arguments": {
                "wanted": [self.token],
                "rows": [{"token": self.token, "configured": grub_has_it, "running": not pending}],
            },
            "files": rows if self.addresses else [],
            "tools": [
                {
                    "name": "update-initramfs",
                    "layers": ["devices", "initramfs"],
                    "argv": ["update-initramfs", "-u"],
                    "undo": ["update-initramfs", "-u"],
                    "touches": ["/boot/initrd.img-*"],
                    "force": False,
                },
                {
                    "name": "update-grub",
                    "layers": ["kernel_arguments"],
                    "argv": ["update-grub"],
                    "undo": ["update-grub"],
                    "touches": ["/boot/grub/grub.cfg"],
                    "force": False,
                },
            ],
            "runtime": {
                "apply": bool(todo),
                "argv": [SCRIPT, "apply"],
                "release_argv": [SCRIPT, "release"],
                "actions": [f"bind {address} to vfio-pci (now e1000e)" for address in todo],
            },
            "reboot": {
                "required": pending,
                "reasons": reasons,
                "waits_for": [self.token] if pending else [],
                "ineffective": [],
            },
        }

    # -- runs

    def transaction(self, state: str = "present", **options: Any) -> Transaction:
        goal = Applied(read_plan(self.plan(), self.contents())) if state == "present" else Removed(self.places)
        root = str(self.root)
        return Transaction(self.files_class(root), Commands(root), goal, **{"timeout": 20, "patience": 5, **options})

    def run(self, state: str = "present", **options: Any) -> Outcome:
        return self.transaction(state, **options).run()

    def check(self, state: str = "present") -> Outcome:
        return self.transaction(state).check()

    def tree(self, leave_out: tuple[str, ...] = ()) -> dict[str, tuple[str, str | bytes]]:
        """Return everything below the root: (mode, content)."""
        found: dict[str, tuple[str, str | bytes]] = {}
        for folder, directories, names in os.walk(self.root):
            for name in [*directories, *names]:
                place = Path(folder, name)
                path = "/" + str(place.relative_to(self.root))
                status = place.lstat()
                mode = stat.filemode(status.st_mode)
                if any(path == left or path.startswith(left + "/") for left in leave_out):
                    continue
                if place.is_symlink():
                    found[path] = (mode, os.readlink(place))
                elif place.is_dir():
                    found[path] = (mode, "")
                else:
                    found[path] = (mode, place.read_bytes())
        return found

    def identities(self) -> dict[str, tuple[int, int]]:
        """Return inode and modification time of everything: equal only when nothing at all was written."""
        places = [self.root, *self.root.rglob("*")]
        return {str(place): (place.lstat().st_ino, place.lstat().st_mtime_ns) for place in places}
