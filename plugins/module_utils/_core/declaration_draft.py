# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A declaration to start from, out of what a fleet has: YAML as a person would write it, ready to paste."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from .fleet import Row, Survey, can_be_declared, display_slots, is_part, is_wanted
from .model import TYPE_PF, TYPE_VF

_WORDS = {
    "02": "nic",
    "0108": "nvme",
    "01": "storage",
    "03": "gpu",
    "0c03": "usb",
    "0c06": "ib",
    "10": "crypto",
    "12": "accel",
}
_OTHER = "pci"


@dataclass(frozen=True)
class _Kind:
    """One vendor_id, product_id and device_type, over all hosts.

    Shape: *has_nodes*: the NUMA node of every one is known; *spread*: some host of theirs has devices on several nodes.
    """

    row: Row
    hosts: tuple[str, ...]
    count: int
    has_nodes: bool
    spread: bool


def declaration_draft(fleet: Mapping[str, Survey]) -> list[str]:
    """Return pci_passthrough_devices and pci_passthrough_flavors as lines; only what can be passed through is in it."""
    kinds = _kinds(fleet)
    if not kinds:
        return ["pci_passthrough_devices: []"]
    aliases = _aliases(kinds)
    lines = ["pci_passthrough_devices:"]
    for key, kind in sorted(kinds.items()):
        lines += _entry(aliases[key], kind)
    lines.append("pci_passthrough_flavors:")
    for key in sorted(kinds):
        lines += [
            f"  - name: pci.{aliases[key]}",
            f"    devices: {{{aliases[key]}: 1}}",
            "    vcpus: 2",
            "    ram: 4096",
            "    disk: 20",
        ]
    return lines


def _kinds(fleet: Mapping[str, Survey]) -> dict[tuple[str, str, str], _Kind]:
    found: dict[tuple[str, str, str], list[tuple[str, Row]]] = {}
    nodes: dict[str, set[int]] = {}
    for host, survey in sorted(fleet.items()):
        nodes[host] = {row["numa_node"] for row in survey.get("devices", ())} - {None}
        for row in _declarable(survey):
            found.setdefault((row["vendor_id"], row["product_id"], row["device_type"]), []).append((host, row))
    return {
        key: _Kind(
            row=pairs[0][1],
            hosts=tuple(dict.fromkeys(host for host, _row in pairs)),
            count=len(pairs),
            has_nodes=all(row["numa_node"] is not None for _host, row in pairs),
            spread=any(len(nodes[host]) > 1 for host, _row in pairs),
        )
        for key, pairs in found.items()
    }


def _declarable(survey: Survey) -> Iterable[Row]:
    displays = display_slots(survey)
    for row in survey.get("devices", ()):
        if (
            is_wanted(row)
            and can_be_declared(row)
            and row["vendor_id"]
            and row["product_id"]
            and not is_part(row, displays)
        ):
            yield row


def _aliases(kinds: Mapping[tuple[str, str, str], _Kind]) -> dict[tuple[str, str, str], str]:
    """A short name for each; with the vendor where two vendors' products have the same id."""
    found: dict[tuple[str, str, str], str] = {}
    vendors: dict[str, set[str]] = {}
    for vendor_id, product_id, _type in kinds:
        vendors.setdefault(product_id, set()).add(vendor_id)
    for (vendor_id, product_id, device_type), kind in kinds.items():
        ids = product_id if len(vendors[product_id]) == 1 else f"{vendor_id}-{product_id}"
        end = {TYPE_VF: "-vf", TYPE_PF: "-pf"}.get(device_type, "")
        found[vendor_id, product_id, device_type] = f"{_word(kind.row)}-{ids}{end}"
    return found


def _word(row: Row) -> str:
    code = str(row["class_code"])
    return _WORDS.get(code[:4]) or _WORDS.get(code[:2]) or _OTHER


def _entry(alias: str, kind: _Kind) -> list[str]:
    row = kind.row
    hosts = "1 host" if len(kind.hosts) == 1 else f"{len(kind.hosts)} hosts"
    lines = [
        f"  # {kind.count} on {hosts}: {_plain(row['name']) or row['kind']}",
        f"  - alias: {alias}",
        f'    vendor_id: "{row["vendor_id"]}"',
        f'    product_id: "{row["product_id"]}"',
        f"    device_type: {row['device_type']}",
    ]
    if kind.has_nodes and kind.spread:
        lines.append("    numa_policy: preferred")
    if row["device_type"] == TYPE_PF:
        lines.append(
            f"    # the whole card; for virtual functions instead: num_vfs (up to {row['sriov_totalvfs']}) and vf_product_id"
        )
    return lines


def _plain(text: str | None) -> str:
    """Of a name out of pci.ids, what cannot end a comment."""
    return "".join(letter for letter in text or "" if letter.isprintable())
