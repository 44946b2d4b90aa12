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


@dataclass(frozen=True)
class Owner:
    """Whose provider it is, and the device that it stands for."""

    compute: str
    address: str


def owner_of(provider: str, computes: Iterable[str]) -> Owner | None:
    """Tell whose device a resource provider stands for; None for any other provider.

    nova/compute/pci_placement_translator.py names each `<hypervisor_hostname>_<ADDRESS>`.
    """
    address = provider_address(provider)
    compute = None if address is None else matching_compute(computes, (provider.rpartition("_")[0],))
    return None if address is None or compute is None else Owner(compute, address)


def reporting(computes: Iterable[str], providers: Iterable[str], excused: Collection[str]) -> Reporting:
    """Sort the names of Placement's resource providers by compute."""
    known = tuple(computes)
    devices: dict[str, list[str]] = {compute: [] for compute in known}
    for provider in providers:
        owner = owner_of(provider, known)
        if owner is not None:
            devices[owner.compute].append(owner.address)
    spared = {matching_compute(known, (name,)) for name in excused}
    return Reporting(
        {compute: tuple(sorted(found)) for compute, found in devices.items()},
        tuple(compute for compute in known if not devices[compute] and compute not in spared),
    )
