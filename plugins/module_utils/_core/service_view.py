# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One service's PCI settings as Nova reads them, line by line, with what Nova refuses of each."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from . import nova_options
from .address import PciAddress
from .alias import AliasSpec, parse_alias
from .device_spec import DeviceSpec, parse_device_spec
from .errors import NovaRefusal
from .model import TYPE_PF, PciDevice
from .nova_options import NovaOption
from .nova_release import NovaVersion
from .oslo_config import Assignment
from .service_config import ENVIRONMENT, ServiceConfig, Setting


def set_by_variable(setting: Setting) -> bool:
    """Whether an environment variable sets it; oslo.config takes one for a multi option apart into characters."""
    return any(origin.path.startswith(ENVIRONMENT) for origin in setting.origins)


@dataclass(frozen=True)
class SpecLine:
    """One value of device_spec: *specs* what is read in it, or *refusal* why Nova does not take it."""

    value: str
    origin: Assignment
    specs: tuple[DeviceSpec, ...] = ()
    refusal: NovaRefusal | None = None


@dataclass(frozen=True)
class AliasLine:
    """One value of alias: *spec* what is read in it, or *refusal* why Nova does not take it."""

    value: str
    origin: Assignment
    spec: AliasSpec | None = None
    refusal: NovaRefusal | None = None


@dataclass(frozen=True)
class ServiceView:
    """Shape: *name* as in nova_service.SERVICES; *devices* those of the host that it runs on, None when not known."""

    name: str
    config: ServiceConfig
    version: NovaVersion
    devices: tuple[PciDevice, ...] | None = None

    @cached_property
    def spec_setting(self) -> Setting:
        return nova_options.device_spec(self.version).read(self.config)

    @cached_property
    def alias_setting(self) -> Setting:
        return nova_options.ALIAS.read(self.config)

    @cached_property
    def filters_setting(self) -> Setting:
        return nova_options.enabled_filters(self.version).read(self.config)

    @cached_property
    def available_filters(self) -> tuple[str, ...]:
        return nova_options.available_filters(self.version).read(self.config).values

    @property
    def filters(self) -> tuple[str, ...]:
        """The filters in effect."""
        return self.filters_setting.items if self.filters_setting.values else self.version.default_filters

    @property
    def report_in_placement(self) -> bool:
        return self.version.has_report_in_placement and self._is_true(nova_options.REPORT_IN_PLACEMENT)

    @property
    def pci_in_placement(self) -> bool:
        return self.version.has_pci_in_placement and self._is_true(nova_options.PCI_IN_PLACEMENT)

    @cached_property
    def spec_lines(self) -> tuple[SpecLine, ...]:
        return tuple(self._spec_line(*pair) for pair in zip(self.spec_setting.values, self.spec_setting.origins))

    @property
    def specs(self) -> tuple[DeviceSpec, ...]:
        return tuple(spec for line in self.spec_lines for spec in line.specs)

    @cached_property
    def alias_lines(self) -> tuple[AliasLine, ...]:
        return tuple(self._alias_line(*pair) for pair in zip(self.alias_setting.values, self.alias_setting.origins))

    def card_of(self, device: PciDevice) -> PciDevice | None:
        """The PF of a VF."""
        return next((card for card in self.devices or () if card.address == device.physical_function), None)

    def _is_true(self, option: NovaOption) -> bool:
        try:
            return bool(self.config.boolean(option.group, option.name))
        except NovaRefusal:
            return False  # service_start.py tells of it

    def _spec_line(self, value: str, origin: Assignment) -> SpecLine:
        try:
            specs = parse_device_spec(
                value, self.version, self.report_in_placement, self._is_physical_function, self._find_interface
            )
        except NovaRefusal as refusal:
            return SpecLine(value, origin, refusal=refusal)
        return SpecLine(value, origin, specs)

    def _alias_line(self, value: str, origin: Assignment) -> AliasLine:
        try:
            return AliasLine(value, origin, parse_alias(value, self.version))
        except NovaRefusal as refusal:
            return AliasLine(value, origin, refusal=refusal)

    def _is_physical_function(self, address: PciAddress) -> bool:
        return any(device.address == address and device.device_type == TYPE_PF for device in self.devices or ())

    def _find_interface(self, name: str) -> PciAddress | None:
        for device in self.devices or ():
            if any(interface.name == name for interface in device.network_interfaces):
                return device.address
        return None
