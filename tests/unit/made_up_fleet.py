# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A fleet of any size out of the recorded machines, on which the playbooks run as they are shipped.

Hosts are local connections of which each sees one recorded machine as its root; many hosts see the same one, as what
runs here reads only (the survey, and the role host in check mode).
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration_draft import declaration_draft
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.survey import survey
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.tests.unit import machine_builder

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOK = Path(sys.executable).with_name("ansible-playbook")
CALLBACKS = (ROOT / "tests/unit/playbooks/callback_plugins", ROOT / "tests/lab/callback_plugins")
MODULES = "pci_survey_info host_plan host_apply host_verify"

# A Debian with GRUB, of which nothing is run: the recorded machines are their hardware alone.
BOOT = {
    "boot/grub/grub.cfg": "menuentry 'Debian' {\n\tlinux /boot/vmlinuz root=/dev/vda1 ro intel_iommu=off quiet\n}\n",
    "etc/default/grub": 'GRUB_CMDLINE_LINUX="intel_iommu=off"\nGRUB_CMDLINE_LINUX_DEFAULT=quiet\n',
    "usr/sbin/grub-mkconfig": "#!/bin/sh\n# for x in /etc/default/grub.d/*.cfg\n",
    "usr/sbin/update-grub": "#!/bin/sh\n",
    "usr/sbin/mkinitramfs": "#!/bin/sh\n",
    "usr/sbin/update-initramfs": "#!/bin/sh\n# mkinitramfs\n",
    "usr/bin/systemctl": "#!/bin/sh\n",
}


class Fleet:
    """The machines below *folder*; `settings` is the environment of an ansible-playbook over any of its hosts."""

    def __init__(self, folder: Path, machines: Iterable[str] = ()) -> None:
        self.folder = folder
        self.declarations: dict[str, list[dict[str, Any]]] = {}
        for name in machines or machine_builder.machine_names():
            root = folder / "machines" / name / "root"
            machine_builder.build(name, root)
            boots_with_grub(root)
            self.declarations[name] = declared(str(root))
        (folder / "collections/ansible_collections/nova_pci").mkdir(parents=True)
        (folder / "collections/ansible_collections/nova_pci/passthrough").symlink_to(ROOT)
        (folder / "hosts").mkdir()

    def hosts(self, count: int) -> dict[str, dict[str, Any]]:
        """Names and variables of so many hosts, made where they are not there yet."""
        names = list(self.declarations)
        found = {}
        for number in range(count):
            machine, host = names[number % len(names)], f"host{number:04d}"
            if not (self.folder / "hosts" / host).exists():
                (self.folder / "hosts" / host).symlink_to(f"../machines/{machine}")
            found[host] = {"pci_passthrough_devices": self.declarations[machine]}
        return found

    def inventory(self, name: str, hosts: dict[str, dict[str, Any]]) -> Path:
        everywhere = {
            "ansible_connection": "local",
            "ansible_python_interpreter": sys.executable,
            "ansible_become": False,
        }
        file = self.folder / f"{name}.json"
        file.write_text(json.dumps({"nova_compute": {"hosts": hosts, "vars": everywhere}}), encoding="utf-8")
        return file

    def settings(self, *callbacks: str, folders: Iterable[Path] = CALLBACKS) -> dict[str, str]:
        return {
            **{key: text for key, text in os.environ.items() if not key.startswith(("ANSIBLE_", "OS_"))},
            "HOME": str(self.folder),
            "ANSIBLE_COLLECTIONS_PATH": str(self.folder / "collections"),
            "ANSIBLE_HOME": str(self.folder / "home"),
            "ANSIBLE_INJECT_FACT_VARS": "false",
            "ANSIBLE_NOCOLOR": "1",
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_CALLBACK_PLUGINS": os.pathsep.join(map(str, folders)),
            "ANSIBLE_CALLBACKS_ENABLED": ",".join(["made_up_roots", *callbacks]),
            "NOVA_PCI_MADE_UP": str(self.folder / "hosts"),
            "NOVA_PCI_MADE_UP_MODULES": MODULES,
        }


def boots_with_grub(root: Path) -> None:
    """Put the boot loader, the initramfs tool and the driver vfio-pci there, where the machine has none."""
    release = (root / "proc/sys/kernel/osrelease").read_text(encoding="utf-8").strip()
    for path, text in {**BOOT, f"lib/modules/{release}/modules.dep": "kernel/drivers/vfio/pci/vfio-pci.ko:\n"}.items():
        if not (root / path).exists():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text(text, encoding="utf-8")
            (root / path).chmod(0o755)


def declared(root: str) -> list[dict[str, Any]]:
    """What the survey of a machine offers, declared."""
    surveyed = survey(build_inventory(read_machine(root)))
    draft: dict[str, Any] = yaml.safe_load("\n".join(declaration_draft({"machine": surveyed})))
    return list(draft["pci_passthrough_devices"])
