# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The short table a person reads at the end: each device, its IOMMU group, driver, virtual functions, verdict."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .model import HostInventory, PciDevice

_HEAD = ("ADDRESS", "IDS", "WHAT", "GROUP", "DRIVER", "VFS", "VERDICT")
_WHAT_WIDTH = 24
_VERDICT_WIDTH = 90

# The PCI base classes of the PCI Code and ID Assignment Specification: shorter words than those of pci.ids.
_BASE_CLASSES = {
    "00": "unclassified", "01": "storage", "02": "network", "03": "display", "04": "multimedia", "05": "memory",
    "06": "bridge", "07": "communication", "08": "system", "09": "input", "0a": "docking", "0b": "processor",
    "0c": "serial bus", "0d": "wireless", "0f": "satellite", "10": "encryption", "11": "signal processing",
    "12": "accelerator", "13": "instrumentation", "40": "co-processor",
}  # fmt: skip


def device_table(inventory: HostInventory, rows: Iterable[Mapping[str, Any]]) -> list[str]:
    """Return the table as lines; bridges are left out, as nobody passes them through."""
    planned = {row["address"]: row for row in rows}
    endpoints = [device for device in inventory.devices if not device.is_bridge]
    lines: list[tuple[str, ...]] = [_HEAD]
    lines += [_cells(device, planned.pop(str(device.address), None)) for device in endpoints]
    for address, row in sorted(planned.items()):
        ids = f"{row.get('vendor_id') or '-'}:{row.get('product_id') or '-'}"
        lines.append((address, ids, "-", "-", "-", "-", row["verdict"]))
    widths = [max(len(line[column]) for line in lines) for column in range(len(_HEAD) - 1)]
    return ["  ".join([*(cell.ljust(width) for cell, width in zip(line, widths)), line[-1]]).rstrip() for line in lines]


def _cells(device: PciDevice, row: Mapping[str, Any] | None) -> tuple[str, ...]:
    return (
        str(device.address),
        f"{device.vendor_id or '????'}:{device.product_id or '????'}",
        _what(device),
        "-" if device.iommu_group is None else str(device.iommu_group),
        device.driver or "-",
        _functions(device, row),
        _verdict(device, row),
    )


def kind_word(device: PciDevice) -> str:
    """What sort of device it is, in a word or two."""
    return _BASE_CLASSES.get((device.class_code or "")[:2]) or device.class_name or "unknown"


def _what(device: PciDevice) -> str:
    interfaces = ",".join(interface.name for interface in device.network_interfaces)
    text = f"{kind_word(device)} {interfaces or ','.join(device.block_devices)}".rstrip()
    return text if len(text) <= _WHAT_WIDTH else text[: _WHAT_WIDTH - 1] + "~"


def _functions(device: PciDevice, row: Mapping[str, Any] | None) -> str:
    if not device.sriov_totalvfs:
        return "-"
    wanted = row["num_vfs"] if row else 0
    now = device.sriov_numvfs or 0
    count = f"{now}/{device.sriov_totalvfs}"
    return f"{count} (wants {wanted})" if wanted and wanted != now else count


def _verdict(device: PciDevice, row: Mapping[str, Any] | None) -> str:
    if row is not None:
        because = f": {row['because']}" if row.get("because") else ""
        override = f" (override: {row['override']})" if row.get("override") else ""
        text = f"{row['verdict']}{override}{because}"
    elif device.physical_function is not None:
        text = f"virtual function of {device.physical_function}"
    elif device.uses:
        text = f"in use: {device.uses[0].detail}"
    else:
        text = "not declared"
    return text if len(text) <= _VERDICT_WIDTH else text[: _VERDICT_WIDTH - 1] + "~"
