# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The aliases that the declaration means: the same text on every host, made from the declaration alone.

nova-api has no devices to look at, so ids and type have to stand in the declaration; the computes check them against
their hardware.
"""

from __future__ import annotations

from collections.abc import Sequence

from .alias import AliasSpec
from .declaration import DeviceEntry
from .errors import InputProblem, PassthroughError, raise_problems
from .model import TYPE_PF
from .nova_release import NovaVersion


def declared_aliases(
    entries: Sequence[DeviceEntry], version: NovaVersion, pci_in_placement: bool
) -> tuple[AliasSpec, ...]:
    """Return one AliasSpec for each different alias line; InputProblem names what an entry does not say."""
    problems: list[PassthroughError] = []
    specs = []
    for entry in entries:
        if entry.alias is not None:
            missing = _missing(entry)
            problems.extend(missing)
            if not missing:
                specs.append(_alias(entry, version, pci_in_placement))
    raise_problems(problems)
    return tuple(dict.fromkeys(specs))


def _alias(entry: DeviceEntry, version: NovaVersion, pci_in_placement: bool) -> AliasSpec:
    tags = dict(entry.tags)
    movable = tags.get("live_migratable") == "true" and "live_migratable" in version.alias_keys
    return AliasSpec(
        name=entry.alias or "",
        vendor_id=entry.vendor_id,
        product_id=entry.alias_product_id,
        device_type=entry.alias_type,
        numa_policy=entry.numa_policy,
        # Placement finds a device by its resource class; without pci_in_placement Nova would ignore both keys.
        resource_class=tags.get("resource_class") if pci_in_placement else None,
        traits=tags.get("traits") if pci_in_placement else None,
        live_migratable="true" if movable else None,
    )


def _missing(entry: DeviceEntry) -> list[InputProblem]:
    problems = []
    wanted = "the alias on nova-api is made from the declaration alone"
    if entry.vendor_id is None:
        fix = 'Add the four hexadecimal digits that lspci -nn shows, as in vendor_id: "8086"'
        problems.append(_problem(entry, f"has no vendor_id, and {wanted}", fix))
    if entry.alias_product_id is None:
        key, what = ("vf_product_id", " of the virtual functions") if entry.num_vfs else ("product_id", "")
        fix = f'Add the product id{what}, as in {key}: "154d"'
        problems.append(_problem(entry, f"has no {key}, and {wanted}", fix))
    if entry.alias_type is None:
        fix = f"Add device_type: type-PCI, or {TYPE_PF} for a card with SR-IOV, or type-VF for virtual functions"
        problems.append(_problem(entry, f"has no device_type, and {wanted}", fix))
    return problems


def _problem(entry: DeviceEntry, problem: str, fix: str) -> InputProblem:
    return InputProblem(f"{entry.place}.alias", entry.alias, problem, fix)
