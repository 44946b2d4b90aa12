# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan: every decision about one host put together, as the data that docs/architecture.md describes."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from .advice import advice
from .binding import STATE_READY, STATE_TO_BIND, Binding, plan_bindings
from .boot import INEFFECTIVE, KernelArgumentPlan, kernel_argument_plan
from .boot_facts import BootFacts
from .declaration import DRIVER_VFIO, DeviceEntry
from .device_files import SCRIPT_PATH, device_files
from .devices_conf import chosen_identities, devices_conf_rows
from .errors import MachineProblem, raise_problems
from .iommu_arguments import AMD_FAMILY, INTEL, WantedArguments, wanted_arguments
from .kernel_cmdline import Argument, KernelCommandLine, merge_rules
from .memory import Memory
from .model import TYPE_PF, HostInventory
from .moved import moved_notes
from .override import Override
from .selection import Selection, select
from .verdict import group_verdicts
from .virtual_functions import VirtualFunctions, plan_virtual_functions

VERSION = 1

READY = "ready"
PENDING = "pending reboot"
TO_CHANGE = "to change"
REFUSED = "refused"


@dataclass(frozen=True)
class Wishes:
    """What the user wants of one host."""

    entries: tuple[DeviceEntry, ...]
    iommu_pt: bool = False
    kernel_arguments: tuple[str, ...] = ()
    overrides: tuple[Override, ...] = ()


def make_plan(
    inventory: HostInventory,
    boot: BootFacts,
    wishes: Wishes,
    memory: Memory,
    initramfs_tool: str | None,
) -> dict[str, Any]:
    """Return the plan as plain data; SeveralProblems or one InputProblem or MachineProblem when it cannot be made."""
    selection = select(inventory, wishes.entries, memory.identities, wishes.overrides)
    raise_problems(selection.problems)
    bindings = plan_bindings(inventory, selection)
    functions = plan_virtual_functions(inventory, selection)
    _check_vfio(inventory, bindings, functions)
    arguments = _kernel_arguments(inventory, boot, wishes, memory)
    rows = arguments.kernel_arguments["rows"]
    waits_for = [row["token"] for row in rows if not row["running"] and row["state"] != INEFFECTIVE]
    ineffective = [row["token"] for row in rows if row["state"] == INEFFECTIVE]
    conf = devices_conf_rows(bindings, functions, chosen_identities(selection))
    own = device_files(
        conf, vfio_pci=inventory.vfio_pci, vfio_virqfd=inventory.vfio_virqfd, initramfs_tool=initramfs_tool
    )
    devices = _device_rows(bindings, functions, selection, bool(waits_for))
    groups = {row["iommu_group"] for row in devices} - {None}
    return {
        "version": VERSION,
        "host": {
            "kernel_release": inventory.kernel_release,
            "boot_id": inventory.boot_id,
            "architecture": inventory.architecture,
            "cpu_vendor": inventory.cpu_vendor,
        },
        "iommu": inventory.iommu.to_dict(),
        "devices": devices,
        "groups": [group.to_dict() for group in group_verdicts(inventory, selection.covered, groups)],
        "kernel_arguments": arguments.kernel_arguments,
        "files": [*arguments.files, *own.files],
        "tools": [*arguments.tools, *own.tools],
        "devices_conf": [row.to_dict() for row in conf],
        "modules": list(own.modules),
        "initramfs_modules": list(own.initramfs_modules),
        "runtime": _runtime(inventory, bindings, functions, bool(waits_for), bool(conf)),
        "reboot": {
            "required": bool(waits_for),
            "reasons": [_reason(token) for token in waits_for],
            "waits_for": waits_for,
            "ineffective": ineffective,
        },
        "notes": [
            *moved_notes(inventory, selection, memory.identities),
            *_notes(inventory, arguments, selection, ineffective, bool(waits_for)),
        ],
    }


# ---- what the kernel must have


def _check_vfio(inventory: HostInventory, bindings: Iterable[Binding], functions: Iterable[VirtualFunctions]) -> None:
    if inventory.vfio_pci != "missing":
        return
    wanting = [str(binding.address) for binding in bindings if binding.driver == DRIVER_VFIO]
    wanting += [str(item.address) for item in functions if item.driver == DRIVER_VFIO]
    if wanting:
        raise MachineProblem(
            f"kernel {inventory.kernel_release}",
            f"has no driver vfio-pci, neither built in nor as a module, but {', '.join(wanting)} shall be bound to it",
            "Install the kernel's full set of modules (Ubuntu: linux-modules-extra), or boot a kernel that has it",
        )


# ---- kernel arguments


def _kernel_arguments(inventory: HostInventory, boot: BootFacts, wishes: Wishes, memory: Memory) -> KernelArgumentPlan:
    entry = "host_kernel_arguments"
    if wishes.entries or wishes.iommu_pt:
        wanted = wanted_arguments(
            inventory.architecture,
            _iommu_vendor(inventory),
            iommu_pt=wishes.iommu_pt,
            extra=wishes.kernel_arguments,
            running=inventory.running_command_line,
            entry=entry,
        )
    else:
        wanted = _only_extra(inventory, wishes, entry)
    return kernel_argument_plan(
        boot,
        wanted.wanted,
        tuple(token for token in wanted.remove if _stands_somewhere(token, inventory, boot)),
        wanted.warnings,
        memory.booted_since(inventory.boot_id),
        _dropped(wanted.wanted, inventory, boot, memory),
    )


def _dropped(wanted: Sequence[str], inventory: HostInventory, boot: BootFacts, memory: Memory) -> tuple[str, ...]:
    """Arguments of ours that nobody wants any more and that run until the next boot, as our drop-in alone brought them."""
    if boot.evaluated_without is None:
        return ()  # what other tools have written into the entries stays there
    stay = {argument.text for argument in boot.evaluated_without.line.arguments}
    keys = {Argument(token).key for token in wanted}
    running = {argument.text for argument in KernelCommandLine(inventory.running_command_line).arguments}
    return tuple(
        token
        for token in memory.kernel_arguments
        if token in running and token not in stay and Argument(token).key not in keys
    )


def _iommu_vendor(inventory: HostInventory) -> str | None:
    """Whose kernel arguments count: the firmware's table says which IOMMU driver runs, the processor's maker need not.

    Zhaoxin's processors have Intel's DMAR, and so does a virtual machine with intel-iommu on any processor.
    """
    return {"DMAR": INTEL, "IVRS": AMD_FAMILY[0]}.get(inventory.iommu.firmware_table or "", inventory.cpu_vendor)


def _only_extra(inventory: HostInventory, wishes: Wishes, entry: str) -> WantedArguments:
    """Nothing is passed through, so the IOMMU is nobody's business; the user's own arguments are merged all the same."""
    wanted = wanted_arguments(
        "", None, extra=wishes.kernel_arguments, running=inventory.running_command_line, entry=entry
    )
    return WantedArguments(wanted.wanted, (), wanted.warnings)


def _stands_somewhere(token: str, inventory: HostInventory, boot: BootFacts) -> bool:
    """Whether a contrary token stands on a line that boots or is booted; a host without it gets no file for it."""
    lines = [KernelCommandLine(inventory.running_command_line).arguments]
    if boot.evaluated_without is not None:
        lines.append(boot.evaluated_without.line.arguments)
    if boot.next_boot_tokens is not None:
        lines.append(KernelCommandLine(" ".join(boot.next_boot_tokens)).arguments)
    if boot.kernel_cmdline.text is not None:
        lines.append(KernelCommandLine(boot.kernel_cmdline.text).arguments)
    return not all(rule.satisfied_by(line) for rule in merge_rules((), (token,)) for line in lines)


def _reason(token: str) -> str:
    if token.startswith("without "):
        return f"the running kernel still has {token[len('without ') :]}"
    return f"the running kernel does not have {token} yet"


# ---- devices


def _device_rows(
    bindings: Sequence[Binding],
    functions: Sequence[VirtualFunctions],
    selection: Selection,
    waiting: bool,
) -> list[dict[str, Any]]:
    later = PENDING if waiting else TO_CHANGE
    rows = [_binding_row(binding, later) for binding in bindings]
    rows += [_functions_row(item, later) for item in functions]
    rows += [
        {
            **_row(refused.device.address, refused.entry.place, refused.entry.alias, REFUSED),
            "because": refused.reason,
            "fix": refused.fix,
            "device_type": refused.device.device_type,
            "iommu_group": refused.device.iommu_group,
            "vendor_id": refused.device.vendor_id,
            "product_id": refused.device.product_id,
            "driver_now": refused.device.driver,
            "verdict": REFUSED,
        }
        for refused in selection.refused
    ]
    reasons = {str(item.device.address): item.override.reason for item in selection.covered}
    rows = [{**row, "override": reasons.get(row["address"])} for row in rows]
    return sorted(rows, key=lambda row: (row["address"], row["entry"]))


def _row(address: object, entry: str, alias: str | None, role: str) -> dict[str, Any]:
    return {
        "address": str(address),
        "entry": entry,
        "alias": alias,
        "role": role,
        "because": None,
        "fix": None,
        "driver": None,
        "num_vfs": 0,
        "num_vfs_now": None,
        "vf_driver": None,
    }


def _binding_row(binding: Binding, later: str) -> dict[str, Any]:
    return {
        **_row(binding.address, binding.entry, binding.alias, binding.role),
        "because": binding.because,
        "device_type": binding.device_type,
        "iommu_group": binding.iommu_group,
        "vendor_id": binding.vendor_id,
        "product_id": binding.product_id,
        "driver": binding.driver,
        "driver_now": binding.driver_now,
        "verdict": later if binding.state == STATE_TO_BIND else READY,
    }


def _functions_row(item: VirtualFunctions, later: str) -> dict[str, Any]:
    return {
        **_row(item.address, item.entry, item.alias, "parent"),
        "device_type": TYPE_PF,
        "iommu_group": item.iommu_group,
        "vendor_id": item.vendor_id,
        "product_id": item.product_id,
        "driver_now": item.driver_now,
        "num_vfs": item.count,
        "num_vfs_now": item.count_now,
        "vf_driver": item.driver,
        "verdict": READY if item.state == STATE_READY else later,
    }


# ---- at run time


def _runtime(
    inventory: HostInventory,
    bindings: Sequence[Binding],
    functions: Sequence[VirtualFunctions],
    waiting: bool,
    has_rows: bool,
) -> dict[str, Any]:
    """Before the reboot nothing is bound: without an IOMMU vfio-pci takes no device, and the boot brings it all."""
    actions = [] if waiting else [*_creations(inventory, functions), *_binds(inventory, bindings)]
    return {
        "apply": bool(actions),
        "argv": [SCRIPT_PATH, "apply"] if has_rows else [],
        "release_argv": [SCRIPT_PATH, "release"] if has_rows else [],
        "actions": actions,
    }


def _creations(inventory: HostInventory, functions: Iterable[VirtualFunctions]) -> list[str]:
    return [
        f"create {item.count} virtual functions on {item.address} (now {item.count_now}), "
        f"driver {item.driver or 'native'}"
        for item in functions
        if item.state != STATE_READY and _can_take_effect(inventory, item.driver)
    ]


def _binds(inventory: HostInventory, bindings: Iterable[Binding]) -> list[str]:
    return [
        f"bind {item.address} to {item.driver or 'its native driver'} (now {item.driver_now or 'without driver'})"
        for item in bindings
        if item.state == STATE_TO_BIND and _can_take_effect(inventory, item.driver)
    ]


def _can_take_effect(inventory: HostInventory, driver: str | None) -> bool:
    return driver != DRIVER_VFIO or inventory.iommu.enabled


# ---- notes


def _notes(
    inventory: HostInventory,
    arguments: KernelArgumentPlan,
    selection: Selection,
    ineffective: Sequence[str],
    waiting: bool,
) -> list[str]:
    notes = [
        f"{refused.device.label} refused for {refused.entry.place}: {refused.reason}. {refused.fix}"
        for refused in selection.refused
    ]
    notes += selection.notes
    if selection.chosen or selection.parents:
        notes += [f"Not to be told, and so not counted: {what} ({why})" for what, why in inventory.unreadable]
    notes += arguments.kernel_arguments["warnings"]
    notes += [
        f"{token} was configured, the host was rebooted, and the running kernel still differs: the boot loader reads "
        "another configuration, or something after it changes the line. The host is not rebooted for it again"
        for token in ineffective
    ]
    notes += advice(inventory, [item.device for item in selection.chosen])
    if not waiting and not inventory.iommu.enabled and inventory.iommu.reason and selection.chosen:
        notes.append(f"The IOMMU is off: {inventory.iommu.reason}")
    return notes


def refuse_nothing_to_plan(inventory: HostInventory) -> None:
    """A host whose PCI devices cannot be read must not look like a host without any."""
    if inventory.devices:
        return
    problems = "; ".join(f"{place}: {why}" for place, why in inventory.unreadable)
    raise MachineProblem(
        "/sys/bus/pci/devices",
        f"shows no PCI device{f' ({problems})' if problems else ''}",
        "Run this on the host itself, not in a container, and as root (become: true)",
    )
