# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which computes have told Placement of their PCI devices; before all have, Nova must not schedule by it."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from .compute_name import matching_compute
from .errors import MachineProblem
from .smoke_proof import provider_address


@dataclass(frozen=True)
class Reporting:
    """Shape: *devices* addresses by compute, *silent* the computes without any that are not excused."""

    devices: dict[str, tuple[str, ...]]
    silent: tuple[str, ...]

    def refuse_silence(self) -> None:
        """MachineProblem when a compute has not reported: with pci_in_placement Nova would find no device there."""
        if self.silent:
            raise MachineProblem(
                "pci_passthrough_placement: schedule",
                f"comes too early: {', '.join(self.silent)} reported no PCI device to Placement, so no server that asks "
                "for one would be sent there any more",
                "Run the compute role with pci_passthrough_placement: report there first; name computes that have no "
                "device to report in controller_computes_without_devices",
            )


def reporting(computes: Iterable[str], providers: Iterable[str], excused: Collection[str]) -> Reporting:
    """Sort the names of Placement's resource providers by compute: nova/compute/pci_placement_translator.py names each
    `<hypervisor_hostname>_<ADDRESS>`."""
    known = tuple(computes)
    devices: dict[str, list[str]] = {compute: [] for compute in known}
    for provider in providers:
        address = provider_address(provider)
        owner = None if address is None else matching_compute(known, (provider.rpartition("_")[0],))
        if owner is not None and address is not None:
            devices[owner].append(address)
    spared = {matching_compute(known, (name,)) for name in excused}
    return Reporting(
        {compute: tuple(sorted(found)) for compute, found in devices.items()},
        tuple(compute for compute in known if not devices[compute] and compute not in spared),
    )
