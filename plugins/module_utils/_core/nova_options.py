# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options of Nova that this collection sets: their names in each release, and which service reads them."""

from __future__ import annotations

from dataclasses import dataclass

from .nova_release import NovaVersion
from .nova_service import API, COMPUTE, CONDUCTOR, SCHEDULER
from .service_config import ServiceConfig, Setting


@dataclass(frozen=True)
class NovaOption:
    """One option. *old*: (group, name) pairs that are read as well, *multi*: every line counts (oslo.config MultiStrOpt)."""

    group: str
    name: str
    multi: bool = False
    old: tuple[tuple[str, str], ...] = ()

    @property
    def label(self) -> str:
        return f"[{self.group}]{self.name}"

    def read(self, config: ServiceConfig) -> Setting:
        """What a service with *config* gets."""
        if self.multi:
            return config.multi(self.group, self.name, *self.old)
        return config.last(self.group, self.name, *self.old)


ALIAS = NovaOption("pci", "alias", True, (("DEFAULT", "pci_alias"),))
REPORT_IN_PLACEMENT = NovaOption("pci", "report_in_placement")
PCI_IN_PLACEMENT = NovaOption("filter_scheduler", "pci_in_placement")


def device_spec(version: NovaVersion) -> NovaOption:
    """nova/conf/pci.py: the older names are still read by the newest release, the newer one not by older releases."""
    oldest = ("DEFAULT", "pci_passthrough_whitelist")
    if version.device_spec_option == "device_spec":
        return NovaOption("pci", "device_spec", True, (("pci", "passthrough_whitelist"), oldest))
    return NovaOption("pci", "passthrough_whitelist", True, (oldest,))


def enabled_filters(version: NovaVersion) -> NovaOption:
    old = (("DEFAULT", "scheduler_default_filters"),) if version.reads_old_scheduler_names else ()
    return NovaOption("filter_scheduler", "enabled_filters", False, old)


def available_filters(version: NovaVersion) -> NovaOption:
    old = (("DEFAULT", "scheduler_available_filters"),) if version.reads_old_scheduler_names else ()
    return NovaOption("filter_scheduler", "available_filters", True, old)


def options_of(service: str, version: NovaVersion) -> tuple[NovaOption, ...]:
    """The options among ours that *service* reads and would have to be restarted for."""
    placement = (PCI_IN_PLACEMENT,) if version.has_pci_in_placement else ()
    if service == COMPUTE:
        report = (REPORT_IN_PLACEMENT,) if version.has_report_in_placement else ()
        return (device_spec(version), ALIAS, *report)
    if service == API:
        return (ALIAS, *placement)
    if service == SCHEDULER:
        return (enabled_filters(version), available_filters(version), *placement)
    return placement if service == CONDUCTOR else ()
