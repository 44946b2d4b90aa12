# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What was read of the boot configuration, and the two paths and the marked block by which our own part is known."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .grub_menu import GrubMenu, parse_grub_cfg, parse_grubenv
from .kernel_cmdline import KernelCommandLine
from .reading import ABSENT, Reading

DROP_IN = "/etc/default/grub.d/zz-nova-pci-passthrough.cfg"
GRUB_DEFAULT = "/etc/default/grub"
KERNEL_CMDLINE = "/etc/kernel/cmdline"

BLOCK_BEGIN = "# BEGIN nova_pci.passthrough: this block is Ansible's"
BLOCK_END = "# END nova_pci.passthrough"
BLOCK = f"{BLOCK_BEGIN}\nif [ -r {DROP_IN} ]; then . {DROP_IN}; fi\n{BLOCK_END}\n"


@dataclass(frozen=True)
class SourceFile:
    path: str
    reading: Reading


@dataclass(frozen=True)
class Evaluation:
    """What the shell makes of /etc/default/grub and its drop-ins: the two variables, or why it stopped."""

    linux: str = ""
    linux_default: str = ""
    problem: str | None = None
    others: tuple[tuple[str, str], ...] = ()  # further GRUB_ variables that are set, by name

    @property
    def line(self) -> KernelCommandLine:
        """As 10_linux joins them for every entry but the recovery ones."""
        return KernelCommandLine(f"{self.linux} {self.linux_default}")


@dataclass(frozen=True)
class BootFacts:
    """What was read of the boot configuration; nothing in it is decided yet."""

    running: str  # /proc/cmdline
    tools: tuple[str, ...] = ()  # which of the tools of _host/boot.py TOOLS are installed
    mkconfig: Reading = ABSENT  # the text of the installed grub-mkconfig or grub2-mkconfig
    mkconfig_name: str | None = None
    grub_default: Reading = ABSENT
    grub_drop_ins: tuple[SourceFile, ...] = ()  # /etc/default/grub.d/*.cfg in the shell's order, ours included
    evaluated: Evaluation | None = None  # with our drop-in, where it is there
    evaluated_without: Evaluation | None = None  # as if it were not
    grub_cfg_path: str | None = None
    grub_cfg: Reading = ABSENT
    grubenv: Reading = ABSENT
    entries_path: str | None = None  # the loader/entries directory that `entries` come from
    entries: tuple[SourceFile, ...] = ()
    loader_conf: Reading = ABSENT
    kernel_cmdline: Reading = ABSENT  # /etc/kernel/cmdline
    loader_info: Reading = ABSENT  # the EFI variable LoaderInfo: which boot loader started this kernel
    ostree: bool = False
    kernels: tuple[tuple[str, str], ...] = ()  # (version, image) of each installed kernel

    @property
    def environment(self) -> dict[str, str]:
        return parse_grubenv(self.grubenv.text or "")

    @property
    def menu(self) -> GrubMenu | None:
        return None if self.grub_cfg.text is None else parse_grub_cfg(self.grub_cfg.text)

    @property
    def next_boot_tokens(self) -> tuple[str, ...] | None:
        """The kernel's arguments at the next boot as far as the generated configuration tells; None: not known."""
        from .boot import next_boot_tokens  # decides; this record only carries what was read

        return next_boot_tokens(self)


def with_block(text: str, block: str = BLOCK) -> str:
    """*text* of a shell file with our marked block at its end, put there once; without_block() gives *text* back."""
    text = without_block(text)
    if text and not text.endswith("\n"):
        # No newline at the end: one goes in front, and the marker says so, so that it can be taken out again.
        return f"{text}\n{block.replace(BLOCK_BEGIN, BLOCK_BEGIN + ' (and so is the line break above)')}"
    return text + block


def without_block(text: str) -> str:
    pattern = (
        rf"(?:\n(?={re.escape(BLOCK_BEGIN)} \(and))?"
        rf"{re.escape(BLOCK_BEGIN)}[^\n]*\n(?:(?!{re.escape(BLOCK_BEGIN)})[^\n]*\n)*?{re.escape(BLOCK_END)}(?:\n|\Z)"
    )
    return re.sub(pattern, "", text)
