# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hold a plan against the machine as it is now: pure functions (plan as data, inventory) -> findings."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from .address import PciAddress, parse_address
from .boot import rows_of
from .kernel_cmdline import Argument, KernelCommandLine, merge_rules
from .model import HostInventory, PciDevice

OK = "ok"
PENDING = "pending reboot"
FAILED = "failed"

# Drivers that the kernel lets stand beside vfio-pci in one group (drivers/vfio/group.c, and since 6.0
# drivers/pci/bus.c driver_managed_dma): they do no DMA of their own.
_DRIVERS_WITHOUT_DMA = frozenset({"vfio-pci", "pci-stub", "pcieport", "pciehp", "shpchp"})


@dataclass(frozen=True)
class Finding:
    """One thing that was checked.

    Shape: *state* is ok, pending reboot or failed; *fix* says what to do unless it is ok; *address* is the row of the
    plan it belongs to, None where it is about the whole host.
    """

    check: str
    state: str
    expected: str
    found: str
    fix: str | None = None
    address: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {**asdict(self), "ok": self.state == OK}


def verify(plan: Mapping[str, Any], inventory: HostInventory, actions: Iterable[str] = ()) -> tuple[Finding, ...]:
    """Return every finding, in the order of the layers; *actions* is what a dry run of host_apply would still do."""
    waiting = bool(plan["reboot"]["required"])
    return (
        *_files(actions),
        *_arguments(plan, inventory, waiting),
        *_iommu(plan, inventory, waiting),
        *_devices(plan, inventory, waiting),
    )


def result_of(findings: Iterable[Finding], table: list[str], fail: bool, headline: str) -> dict[str, Any]:
    """The findings as a module returns them; with *fail*, a failed one is the module's failure, below *headline*."""
    rows = tuple(findings)
    wrong = [f"{row.check}: {row.found}, expected {row.expected}; {row.fix}" for row in rows if row.state == FAILED]
    result: dict[str, Any] = {"changed": False, "findings": [row.to_dict() for row in rows], "table": table}
    if wrong and fail:
        result.update(failed=True, msg="\n".join([headline, *wrong]))
    return result


def with_verdicts(plan: Mapping[str, Any], findings: Iterable[Finding]) -> list[dict[str, Any]]:
    """Return the rows of plan["devices"] with the verdict that the findings give them."""
    worst: dict[str, Finding] = {}
    for finding in findings:
        if finding.address is not None and finding.state != OK:
            known = worst.get(finding.address)
            if known is None or known.state != FAILED:
                worst[finding.address] = finding
    rows = []
    for row in plan["devices"]:
        bad = worst.get(row["address"])
        verdict = "ready" if bad is None else bad.state
        if bad is not None and bad.state == FAILED:
            verdict = f"{FAILED}: {bad.check}: {bad.found}, expected {bad.expected}"
        rows.append(dict(row) if row["role"] == "refused" else {**row, "verdict": verdict})
    return rows


def _judge(ok: bool, waiting: bool) -> str:
    if ok:
        return OK
    return PENDING if waiting else FAILED


def _finding(check: str, state: str, expected: str, found: str, fix: str) -> Finding:
    if state == OK:
        return Finding(check, OK, expected, found)
    return Finding(check, state, expected, found, "reboot the host" if state == PENDING else fix)


def _files(actions: Iterable[str]) -> Iterator[Finding]:
    for action in actions:
        yield Finding("configuration", FAILED, "nothing left to do", action, "run playbooks/site.yml")


def _arguments(plan: Mapping[str, Any], inventory: HostInventory, waiting: bool) -> Iterator[Finding]:
    running = KernelCommandLine(inventory.running_command_line).arguments
    arguments = plan["kernel_arguments"]
    wanted, remove = arguments["wanted"], arguments["remove"]
    rows = [(name, rule.satisfied_by(running)) for name, rule in rows_of(wanted, remove, merge_rules(wanted, remove))]
    rows += [(f"without {token}", Argument(token) not in running) for token in arguments["dropped"]]
    for name, holds in rows:
        yield _finding(
            f"kernel argument {name}",
            _judge(holds, waiting),
            f"the running kernel's command line {name if name.startswith('without ') else f'with {name}'}",
            "so it is" if holds else f"/proc/cmdline: {inventory.running_command_line}",
            "the boot loader passes another line to the kernel: see which configuration it really reads; "
            "the host is not rebooted for it again",
        )


def _wants_vfio(plan: Mapping[str, Any]) -> bool:
    return any(row["driver"] == "vfio-pci" or row.get("vf_driver") == "vfio-pci" for row in plan["devices"])


def _iommu(plan: Mapping[str, Any], inventory: HostInventory, waiting: bool) -> Iterator[Finding]:
    if not _wants_vfio(plan):
        return
    iommu = inventory.iommu
    found = (
        f"on, {iommu.groups} groups" if iommu.enabled else f"off: {iommu.reason or 'the kernel shows no IOMMU group'}"
    )
    yield _finding(
        "iommu", _judge(iommu.enabled, waiting), "on", found, "mend what the reason names, then run the play again"
    )


def _devices(plan: Mapping[str, Any], inventory: HostInventory, waiting: bool) -> Iterator[Finding]:
    for row in plan["devices"]:
        if row["role"] != "refused":
            for finding in _device(row, inventory, waiting):
                yield replace(finding, address=row["address"])


def _device(row: Mapping[str, Any], inventory: HostInventory, waiting: bool) -> Iterator[Finding]:
    device = inventory.device(parse_address(row["address"]))
    if device is None:
        yield _finding(
            f"device {row['address']}",
            _judge(False, waiting),
            "present",
            "the host shows no device at this address",
            "see whether the card was moved or removed, then run the play again",
        )
        return
    yield from _driver(row, device, waiting)
    yield from _virtual_functions(row, device, inventory, waiting)
    if row["driver"] == "vfio-pci":
        yield from _group(device, inventory, waiting)


def _driver(row: Mapping[str, Any], device: PciDevice, waiting: bool) -> Iterator[Finding]:
    wanted = row["driver"]
    if wanted is None:
        return
    yield _finding(
        f"driver of {device.address}",
        _judge(device.driver == wanted, waiting),
        wanted,
        device.driver or "no driver",
        "systemctl status nova-pci-passthrough.service says why the bind failed",
    )


def _virtual_functions(
    row: Mapping[str, Any], device: PciDevice, inventory: HostInventory, waiting: bool
) -> Iterator[Finding]:
    wanted = row["num_vfs"]
    if not wanted:
        return
    count = len(device.virtual_functions)
    yield _finding(
        f"virtual functions of {device.address}",
        _judge(count == wanted, waiting),
        str(wanted),
        str(count),
        "systemctl status nova-pci-passthrough.service says why the card refused the count",
    )
    driver = row.get("vf_driver")
    if driver is None:
        return
    for address in device.virtual_functions:
        function = inventory.device(address)
        if function is not None:
            yield from _driver({"driver": driver}, function, waiting)


def _group(device: PciDevice, inventory: HostInventory, waiting: bool) -> Iterator[Finding]:
    if device.iommu_group is None:
        yield _finding(
            f"IOMMU group of {device.address}",
            _judge(False, waiting),
            "a group of its own or with companions only",
            "no group",
            "the IOMMU does not translate for this device; see the finding iommu",
        )
        return
    strangers = _strangers(device.iommu_group, device, inventory)
    names = ", ".join(f"{inventory_label(inventory, address)}" for address in strangers)
    yield _finding(
        f"IOMMU group of {device.address}",
        _judge(not strangers, False),
        f"group {device.iommu_group} can be handed to a guest whole",
        names or "it can",
        f"a guest cannot get the device while {names or 'they'} keep their driver; declare them too or choose another slot",
    )


def _strangers(group: int, device: PciDevice, inventory: HostInventory) -> tuple[PciAddress, ...]:
    return tuple(
        other.address
        for other in inventory.group(group)
        if other.address != device.address
        and not other.is_bridge
        and other.driver is not None
        and other.driver not in _DRIVERS_WITHOUT_DMA
    )


def inventory_label(inventory: HostInventory, address: PciAddress) -> str:
    device = inventory.device(address)
    return device.label if device is not None else str(address)
