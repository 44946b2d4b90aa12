# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which kernel arguments a host needs for its IOMMU, by processor; how they reach the line is kernel_cmdline.py's."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from .errors import InputProblem
from .kernel_cmdline import FLAG_LISTS, Argument, KernelCommandLine, check_arguments

INTEL = "GenuineIntel"
AMD_FAMILY = ("AuthenticAMD", "HygonGenuine")
_X86 = ("x86_64", "i686", "i586", "i486", "i386")

SEV_SNP_WARNING = (
    "iommu=pt puts the host's own devices into an identity domain; SEV-SNP needs translation, "
    "so the kernel switches SEV-SNP off on this AMD host"
)


@dataclass(frozen=True)
class WantedArguments:
    """*wanted* tokens in order, tokens to *remove* wherever they stand ("iommu=off"), and *warnings* in words."""

    wanted: tuple[str, ...]
    remove: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        return {"wanted": list(self.wanted), "remove": list(self.remove), "warnings": list(self.warnings)}


def wanted_arguments(
    architecture: str,
    cpu_vendor: str | None,
    *,
    iommu_pt: bool = False,
    extra: Sequence[str] = (),
    running: str = "",
    entry: str = "kernel_arguments",
) -> WantedArguments:
    """Return what belongs on the command line of a host with this processor.

    Intel needs intel_iommu=on, because distributions differ in CONFIG_INTEL_IOMMU_DEFAULT_ON; AMD's and ARM's IOMMU is
    on by itself. *extra* are the user's own arguments, checked here; *running* is only read for warnings.
    """
    extra = check_arguments(extra, entry)
    own: list[str] = []
    remove: tuple[str, ...] = ()
    if architecture in _X86:
        remove = _contrary(cpu_vendor)
        if cpu_vendor == INTEL:
            own.append("intel_iommu=on")
    if iommu_pt:
        own.append("iommu=pt" if architecture in _X86 else "iommu.passthrough=1")
    wanted = _united(own, extra, entry)
    return WantedArguments(wanted, remove, _warnings(architecture, cpu_vendor, wanted, KernelCommandLine(running)))


def _contrary(cpu_vendor: str | None) -> tuple[str, ...]:
    if cpu_vendor == INTEL:
        return ("iommu=off", "intel_iommu=off")
    if cpu_vendor in AMD_FAMILY:
        return ("iommu=off", "amd_iommu=off")
    return ("iommu=off",)


def _united(own: Sequence[str], extra: Sequence[str], entry: str) -> tuple[str, ...]:
    """The vendor's arguments and the user's: flags of one comma list join, anything else that differs is refused."""
    tokens = list(own)
    for number, text in enumerate(extra):
        argument = Argument(text)
        position = next((place for place, token in enumerate(tokens) if Argument(token).key == argument.key), None)
        if position is None or position >= len(own):
            tokens.append(text)
            continue
        mine = Argument(tokens[position])
        opposites = FLAG_LISTS.get(argument.key, {})
        clash = [flag for flag in argument.flags if set(opposites.get(flag, ())) & set(mine.flags)]
        clash += [flag for flag in argument.flags for one in mine.flags if flag in opposites.get(one, ())]
        if clash or (argument.key not in FLAG_LISTS and argument.meaning != mine.meaning):
            raise InputProblem(f"{entry}[{number}]", text, f"contradicts {mine.text}, which this host gets",
                               "Leave the entry out, or switch off the option that asks for the other")  # fmt: skip
        if argument.key in FLAG_LISTS:
            flags = dict.fromkeys((*mine.flags, *argument.flags))
            tokens[position] = f"{mine.key}={','.join(flags)}"
    return tuple(tokens)


def _warnings(
    architecture: str, cpu_vendor: str | None, wanted: Sequence[str], running: KernelCommandLine
) -> tuple[str, ...]:
    warnings = []
    passthrough = any(Argument(token).key == "iommu" and "pt" in Argument(token).flags for token in wanted)
    if passthrough and cpu_vendor in AMD_FAMILY:
        warnings.append(SEV_SNP_WARNING)
    for token in (*map(Argument, wanted), *running.arguments):
        if token.key == "iommu.passthrough" and token.value == "1" and architecture not in _X86:
            warnings.append(f"{token.text}: the host's own devices bypass the SMMU; devices handed to guests do not")
        if (token.key == "intremap" and "off" in token.flags) or token.key == "nointremap":
            warnings.append(f"{token.text} switches interrupt remapping off; vfio refuses devices without it")
        if token.key == "intel_iommu" and architecture in _X86 and cpu_vendor != INTEL and token.text in wanted:
            warnings.append(f"{token.text} does nothing on a processor of {cpu_vendor or 'another vendor'}")
    return tuple(dict.fromkeys(warnings))
