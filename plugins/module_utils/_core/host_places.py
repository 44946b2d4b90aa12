# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the role host leaves files, and the tools that read them."""

from __future__ import annotations

import shlex

from .boot import LAYER as KERNEL_ARGUMENTS
from .boot import regenerating_tool
from .boot_facts import DROP_IN, GRUB_DEFAULT, KERNEL_CMDLINE, BootFacts
from .device_files import (
    DRACUT,
    GUARD_PATHS,
    INITRAMFS_TOOLS,
    LAYER_DEVICES,
    LAYER_INITRAMFS,
    MODULES_PATH,
    SCRIPT_PATH,
    UNIT_PATH,
    WANTS_PATH,
    daemon_reload,
    initramfs,
)
from .devices_conf import PATH as CONF_PATH
from .journal import ToolRecord
from .places import Places, PlaceTool

_DEVICES = (CONF_PATH, SCRIPT_PATH, UNIT_PATH, WANTS_PATH, MODULES_PATH, *GUARD_PATHS)
_MERGE = "nova_pci_merge"  # roles/host/templates/grub-drop-in.cfg.j2: its call with KIND KEYS TEXT SAME CONTRARY


def host_places(facts: BootFacts, initramfs_tool: str | None) -> Places:
    """Return every path of the table in docs/architecture.md, "Who owns what on the host"."""
    files = {DROP_IN: KERNEL_ARGUMENTS, **dict.fromkeys(_DEVICES, LAYER_DEVICES)}
    tools = [PlaceTool(_record(daemon_reload()), frozenset((UNIT_PATH, WANTS_PATH, *GUARD_PATHS)))]
    for name in (INITRAMFS_TOOLS, DRACUT):
        own, tool = initramfs(name)
        paths = [str(file["path"]) for file in own]
        files.update(dict.fromkeys(paths, LAYER_INITRAMFS))
        if name == initramfs_tool:
            tools.append(PlaceTool(_record(tool), frozenset((*paths, CONF_PATH, SCRIPT_PATH))))
    grub = regenerating_tool(facts)
    if grub is not None:
        tools.append(PlaceTool(_record(grub), frozenset((DROP_IN,))))
    return Places(
        files=files,
        foreign=(GRUB_DEFAULT,),
        directories=_directories(files),
        tools=tuple(tools),
        script=SCRIPT_PATH,
        script_list=CONF_PATH,
        arguments={DROP_IN: _arguments(facts)},
        notes=_notes(facts, initramfs_tool),
    )


def _arguments(facts: BootFacts) -> tuple[str, ...]:
    """Return the kernel arguments that our drop-in brings; those cannot be told that only add to what others set."""
    found: dict[str, None] = {}
    texts = [file.reading.text or "" for file in facts.grub_drop_ins if file.path == DROP_IN]
    for line in "".join(texts).splitlines():
        if line.startswith(f"{_MERGE} "):
            try:
                words = shlex.split(line)
            except ValueError:
                continue
            found.update(dict.fromkeys(words[3].split() if len(words) > 3 and words[1] != "flags" else ()))
    return tuple(found)


def _notes(facts: BootFacts, initramfs_tool: str | None) -> tuple[str, ...]:
    notes = []
    if facts.kernel_cmdline.is_value or "grubby" in facts.tools:
        notes.append(
            f"Kernel arguments in boot entries and in {KERNEL_CMDLINE} carry no mark: look there for what this collection "
            "added, such as intel_iommu=on"
        )
    if initramfs_tool is None:
        notes.append("No tool that builds an initramfs was found; images that were made with our files still hold them")
    return tuple(notes)


def _directories(files: dict[str, str]) -> tuple[str, ...]:
    """Those that bear our name, and those of drop-ins, which mean nothing once they are empty."""
    found = dict.fromkeys(path.rsplit("/", 1)[0] for path in files)
    return tuple(path for path in found if path.endswith(("nova-pci-passthrough", ".service.d")))


def _record(tool: dict[str, object]) -> ToolRecord:
    def words(key: str) -> tuple[str, ...]:
        found = tool[key]
        return tuple(str(word) for word in found) if isinstance(found, list) else ()

    return ToolRecord(str(tool["name"]), words("layers"), words("argv"), words("undo"), words("touches"), stamp=None)
