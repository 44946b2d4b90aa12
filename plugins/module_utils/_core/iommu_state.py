# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The state of the IOMMU, and when it is off, why: firmware, an argument, a reboot that is due, or the kernel itself.

Rules of the kernel, all in Documentation/admin-guide/kernel-parameters.txt and in the drivers:
drivers/iommu/intel/iommu.c intel_iommu_setup (the last of on and off wins; without either,
CONFIG_INTEL_IOMMU_DEFAULT_ON decides), drivers/iommu/amd/init.c parse_amd_iommu_options (only "off" turns it off;
"on" is no value of it), arch/x86/kernel/pci-dma.c iommu_setup (iommu=off turns either off, wherever it stands).
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from .kernel_cmdline import Argument, KernelCommandLine
from .model import IommuState
from .snapshot import MachineSnapshot

_TABLES = ("DMAR", "IVRS", "IORT", "VIOT")
_KINDS = (
    (re.compile(r"dmar[0-9]+\Z"), "intel"),  # drivers/iommu/intel/dmar.c alloc_iommu
    (re.compile(r"ivhd[0-9]+\Z"), "amd"),  # drivers/iommu/amd/init.c iommu_init_pci
    (re.compile(r"smmu3\."), "smmuv3"),  # drivers/iommu/arm/arm-smmu-v3
    (re.compile(r"smmu\."), "smmu"),  # drivers/iommu/arm/arm-smmu
    (re.compile(r"virtio[0-9]+\Z"), "virtio"),  # drivers/iommu/virtio-iommu.c names it after its bus device
)
_AMD_VENDORS = ("AuthenticAMD", "HygonGenuine")
_X86 = ("x86_64", "i386", "i486", "i586", "i686")
_KEYS = ("intel_iommu", "amd_iommu", "amd_iommu_intr", "amd_iommu_dump", "iommu", "intremap", "nox2apic")
_KEY_PREFIXES = ("iommu.", "arm_smmu.", "arm_smmu_v3.", "vfio_iommu_type1.")
_NO_IOMMU_GROUP = "vfio-noiommu"  # drivers/vfio/group.c vfio_noiommu_group_alloc


@dataclass(frozen=True)
class _Driver:
    """One kind of IOMMU: what the firmware, the kernel and the user call it."""

    table: str
    option: str
    feature: str
    argument: str | None
    defaults: tuple[str, ...] = ()  # kernel options, any of which turns it on without an argument


_INTEL = _Driver(
    "DMAR",
    "CONFIG_INTEL_IOMMU",
    "Intel VT-d",
    "intel_iommu=on",
    ("CONFIG_INTEL_IOMMU_DEFAULT_ON", "CONFIG_INTEL_IOMMU_DEFAULT_ON_INTGPU_OFF"),
)
_AMD = _Driver("IVRS", "CONFIG_AMD_IOMMU", "AMD-Vi (IOMMU)", None)
_ARM = _Driver("IORT", "CONFIG_ARM_SMMU_V3", "the SMMU", None)
_VIRTIO = _Driver("VIOT", "CONFIG_VIRTIO_IOMMU", "the virtual IOMMU", None)
_BY_TABLE = {driver.table: driver for driver in (_INTEL, _AMD, _ARM, _VIRTIO)}


def build_iommu_state(snapshot: MachineSnapshot, configured: tuple[str, ...] | None = None) -> IommuState:
    """What the IOMMU does now; *configured* are the kernel arguments of the next boot, None when they are not known."""
    running = iommu_arguments(split_command_line(snapshot.command_line.text or ""))
    next_boot = None if configured is None else iommu_arguments(configured)
    table = next((table for table in _TABLES if table in snapshot.firmware_tables), None)
    groups = tuple(group for group in snapshot.iommu_groups if group.name.text != _NO_IOMMU_GROUP)
    enabled = bool(groups)
    return IommuState(
        enabled=enabled,
        kind=_kind(snapshot.iommu_units),
        firmware_table=table,
        units=snapshot.iommu_units,
        groups=len(groups),
        default_domain=_default_domain(snapshot),
        interrupt_remapping=_interrupt_remapping(snapshot),
        arguments_running=running,
        arguments_configured=next_boot,
        reason=None if enabled else _reason(snapshot, table, running, next_boot),
        unreadable=_unreadable(snapshot),
    )


def split_command_line(text: str) -> tuple[str, ...]:
    """The kernel's own tokens of a command line, as they stand there."""
    return tuple(argument.text for argument in KernelCommandLine(text).arguments)


def iommu_arguments(tokens: tuple[str, ...]) -> tuple[str, ...]:
    """Those of *tokens* that speak to the IOMMU, as they stand; the kernel takes "-" and "_" for the same."""
    found = []
    for token in tokens:
        key = _parted(token)[0]
        if key in _KEYS or key.startswith(_KEY_PREFIXES):
            found.append(token)
    return tuple(found)


def cpu_vendor(snapshot: MachineSnapshot) -> str | None:
    """vendor_id of the first processor, as in GenuineIntel; ARM's cpuinfo has none."""
    for line in (snapshot.cpuinfo.text or "").split("\n"):
        key, _colon, vendor = line.partition(":")
        if key.strip() == "vendor_id":
            return vendor.strip()
    return None


def _kind(units: tuple[str, ...]) -> str | None:
    for unit in units:
        for pattern, kind in _KINDS:
            if pattern.match(unit):
                return kind
    return None


def _default_domain(snapshot: MachineSnapshot) -> str | None:
    types = {group.type.text for group in snapshot.iommu_groups if group.type.text is not None}
    if len(types) > 1:
        return "mixed"
    return next(iter(types), None)


def _interrupt_remapping(snapshot: MachineSnapshot) -> bool | None:
    """On x86 the remapped interrupt chips are named "IR-..." (arch/x86/kernel/apic/msi.c, io_apic.c)."""
    text = snapshot.interrupts.text
    if text is None or snapshot.architecture not in _X86:
        return None
    return any(word.startswith("IR-") for word in text.split())


def _driver(snapshot: MachineSnapshot, table: str | None) -> _Driver | None:
    """The kind that this machine has or would have: by its firmware's table, else by its processor."""
    if table is not None:
        return _BY_TABLE[table]
    if snapshot.architecture in _X86:
        return _AMD if cpu_vendor(snapshot) in _AMD_VENDORS else _INTEL
    if snapshot.architecture == "aarch64":
        return _ARM
    return None


def _reason(
    snapshot: MachineSnapshot, table: str | None, running: tuple[str, ...], next_boot: tuple[str, ...] | None
) -> str:
    driver = _driver(snapshot, table)
    if driver is None:
        return f"the collection knows no IOMMU of the architecture {snapshot.architecture}"
    options = _options(snapshot.kernel_config.text)
    if options is not None and options.get(driver.option, "n") == "n":
        return (
            f"the kernel {snapshot.kernel_release.text} is built without {driver.option}; "
            "boot a kernel of the distribution that has it"
        )
    if table is None:
        return (
            f"the firmware hands over no {driver.table} table; switch on {driver.feature} in the BIOS or UEFI setup, "
            "or give the virtual machine an IOMMU"
        )
    return _argument_reason(driver, options, running, next_boot)


def _argument_reason(
    driver: _Driver, options: dict[str, str] | None, running: tuple[str, ...], next_boot: tuple[str, ...] | None
) -> str:
    off = _turned_off(driver, running)
    if off is not None:
        if next_boot is not None and _turned_off(driver, next_boot) is None:
            return f"the running kernel was started with {off}; the configuration no longer has it: reboot"
        return f"the kernel was started with {off}; take it out of the kernel arguments and reboot"
    by_default = driver.argument is None or any((options or {}).get(name) == "y" for name in driver.defaults)
    if driver.argument is not None and not by_default and not _turned_on(running):
        if next_boot is not None and _turned_on(next_boot):
            return f"{driver.argument} is configured, but the running kernel was started without it: reboot"
        return f"the kernel argument {driver.argument} is missing; add it and reboot"
    return (
        f"the firmware and the kernel have {driver.feature} and no argument turns it off, yet no IOMMU group exists; "
        "look for DMAR, AMD-Vi or SMMU in the kernel's log (dmesg)"
    )


def _turned_off(driver: _Driver, arguments: tuple[str, ...]) -> str | None:
    """The argument that keeps the IOMMU off, if any."""
    own = None
    for argument in arguments:
        key, words = _parted(argument)
        if driver in (_INTEL, _AMD) and key == "iommu" and _has_word(words, "off"):
            return argument
        if driver is _AMD and key == "amd_iommu" and _has_word(words, "off"):
            own = argument
        if driver is _INTEL and key == "intel_iommu":
            for word in words.split(","):
                own = argument if word.startswith("off") else None if word.startswith("on") else own
    return own


def _turned_on(arguments: tuple[str, ...]) -> bool:
    return any(key == "intel_iommu" and _has_word(words, "on") for key, words in map(_parted, arguments))


def _parted(argument: str) -> tuple[str, str]:
    token = Argument(argument)
    return token.key, token.value or ""


def _has_word(words: str, beginning: str) -> bool:
    """The kernel compares the beginning of each word only (strncmp), and so do we."""
    return any(word.startswith(beginning) for word in words.split(","))


def _options(config: str | None) -> dict[str, str] | None:
    """The options of a kernel configuration that are set; None when it cannot be read."""
    if config is None:
        return None
    return dict(line.split("=", 1) for line in config.split("\n") if line.startswith("CONFIG_") and "=" in line)


def _unreadable(snapshot: MachineSnapshot) -> tuple[tuple[str, str], ...]:
    found = []
    for name, reading in (("command line", snapshot.command_line), ("interrupts", snapshot.interrupts)):
        if reading.problem is not None:
            found.append((name, reading.problem))
    found.extend(
        (f"type of IOMMU group {group.number}", group.type.problem)
        for group in snapshot.iommu_groups
        if group.type.problem is not None
    )
    return tuple(found)
