# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The fleets that the page is looked at with: surveys of the recorded machines, read as the module reads them."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.survey import survey
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.boot import read_boot
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.tests.unit.machine_builder import build, machine_names

HOSTILE = "</script><script>alert(1)</script><!--<img src=x onerror=alert(2)>\"'&\u202e@SCRIPT@"


def surveyed(machine: str, folder: Path) -> dict[str, Any]:
    root = build(machine, folder / machine)
    return survey(build_inventory(read_machine(root), read_boot(root).next_boot_tokens))


def recorded(folder: Path) -> dict[str, dict[str, Any]]:
    """Every recorded machine as a host of its name."""
    return {name: surveyed(name, folder) for name in machine_names()}


def small(surveys: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Twelve hosts of five kinds, and one that gave no answer."""
    kinds = (
        ["gpu-with-companions"] * 5
        + ["sriov-64-vfs"] * 3
        + ["bmc-display", "lab-bookworm-iommu-off", "no-iommu", "needed-in-every-way"]
    )
    fleet = {f"compute-{number:02}.example.net": surveys[kind] for number, kind in enumerate(kinds, 1)}
    return {**fleet, "compute-13.example.net": {}}


def large(surveys: dict[str, dict[str, Any]], hosts: int = 1000, functions: int = 50) -> dict[str, dict[str, Any]]:
    """*hosts* with *functions* each, no two of which have the same serial numbers and MAC addresses."""
    found = {}
    names = ["sriov-64-vfs", "gpu-with-companions", "needed-in-every-way", "sriov-8-vfs", "bmc-display"]
    for number in range(hosts):
        one = copy.deepcopy(surveys[names[number % 97 % len(names)]])
        rows = one["devices"]
        rows += [
            {**row, "address": f"{turn:04x}{row['address'][4:]}"}
            for turn in range(1, 1 + functions // len(rows))
            for row in rows
        ]
        del rows[functions:]
        for place, row in enumerate(rows):
            row["serial"] = f"sn-{number:04}-{place:02}"
            for interface in row["network_interfaces"]:
                interface["mac"] = f"02:00:{number >> 8:02x}:{number & 255:02x}:00:{place:02x}"
        found[f"cmp{number:04}.region-one.example.net"] = one
    return found


def hostile(one: dict[str, Any]) -> dict[str, Any]:
    """A survey in which every name that a host can choose is hostile, and long."""
    if not one:
        return one
    found = copy.deepcopy(one)
    found["kernel_release"] = HOSTILE
    found["advice"] = [HOSTILE * 4]
    for row in found["devices"]:
        row.update(
            name=HOSTILE * 2,
            driver="d" * 90,
            serial=HOSTILE,
            slot=HOSTILE,
            because=[HOSTILE * 3],
            block_devices=["b" * 200],
        )
    return found


def finding(check: str, state: str, address: str | None = None, layer: str = "host") -> dict[str, Any]:
    fix = None if state == "ok" else "reboot the host" if state.startswith("pending") else "run playbooks/site.yml"
    return {
        "layer": layer,
        "check": check,
        "state": state,
        "expected": "vfio-pci",
        "found": "ixgbe",
        "fix": fix,
        "address": address,
    }


def findings(fleet: dict[str, Any]) -> dict[str, list[dict[str, Any]]]:
    """One host fails, one waits for a reboot, one was not checked, and a controller that has no devices."""
    names = sorted(fleet)
    found = {name: [finding("iommu", "ok"), finding("kernel argument intel_iommu=on", "ok")] for name in names[3:]}
    found[names[0]] = [
        finding("driver of 0000:3b:00.0", "failed", "0000:3b:00.0"),
        finding("iommu", "ok"),
        finding("alias gpu", "ok", None, "nova"),
    ]
    found[names[1]] = [finding("kernel argument intel_iommu=on", "pending reboot")]
    return {**found, "controller-1": [finding("scheduler filters", "ok", None, "nova")]}
