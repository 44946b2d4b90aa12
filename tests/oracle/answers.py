# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection itself says to a case, in the words of worker.py."""

from __future__ import annotations

from typing import Any

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import PciAddress
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.alias import Aliases, AliasSpec, read_aliases
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_search import search
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.device_spec import (
    DeviceSpec,
    parse_device_spec,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import NovaRefusal
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_request import parse_request
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import TYPE_PF
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.pci_pools import passes, pools, tracked
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.placement_rules import providers
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.scheduler_filters import filter_refusal
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.service_config import ServiceConfig
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.service_start import stops

from .cases import Case
from .host import Host

HOSTNAME = "node1"
CONFIG = "/etc/nova/nova.conf"


def answer(case: Case, version: NovaVersion) -> dict[str, Any]:
    try:
        return _KINDS[case.kind](case, version)
    except NovaRefusal as refusal:
        return {"refused": refusal.exception}


def _spec(case: Case, version: NovaVersion) -> dict[str, Any]:
    specs = _specs(case, version)
    matched = {device.address: spec for device, spec in tracked(case.host.devices, specs, case.host.vdpa)}
    return {
        "matches": [_position(specs, matched.get(device.address)) for device in case.host.devices],
        "tags": [dict(spec.tags) for spec in specs],
    }


def _alias(case: Case, version: NovaVersion) -> dict[str, Any]:
    found = _aliases(case, version)
    return {
        "aliases": {name: [policy, [_alias_row(spec) for spec in specs]] for name, (policy, specs) in found.items()}
    }


def _flavor(case: Case, version: NovaVersion) -> dict[str, Any]:
    aliases = _aliases(case, version)
    requests = parse_request(case.given["flavor"], aliases)
    return {"requests": [[one.alias, one.count, aliases[one.alias][0]] for one in requests]}


def _pools(case: Case, version: NovaVersion) -> dict[str, Any]:
    offered = pools(case.host.devices, _specs(case, version), version, case.host.vdpa)
    aliases = _aliases(case, version)
    requests = parse_request(case.given["flavor"], aliases)
    return {
        "pools": [{**pool.keys, "count": pool.count} for pool in offered],
        "passes": passes(offered, requests, aliases, version),
    }


def _placement(case: Case, version: NovaVersion) -> dict[str, Any]:
    found = providers(HOSTNAME, case.host.devices, _specs(case, version), version, case.host.vdpa)
    return {"providers": {one.name: [one.resource_class, sorted(one.traits), one.total] for one in found}}


def _filters(case: Case, version: NovaVersion) -> dict[str, Any]:
    refusal = filter_refusal(case.given["enabled"], _available(case), version)
    if refusal is not None:
        raise refusal
    return {}


def _service(case: Case, version: NovaVersion) -> dict[str, Any]:
    service = case.given["service"]
    config = ServiceConfig.of_texts(
        service, search(service, (f"--config-file={CONFIG}",)), {CONFIG: case.given["config"]}
    )
    libvirt, qemu = (None if found is None else tuple(found) for found in (case.given["libvirt"], case.given["qemu"]))
    reasons = stops(service, config, version, case.host.devices, libvirt, qemu)
    if reasons:
        raise reasons[0]
    return {}


_KINDS = {
    "spec": _spec,
    "alias": _alias,
    "flavor": _flavor,
    "pools": _pools,
    "placement": _placement,
    "filters": _filters,
    "service": _service,
}


def _specs(case: Case, version: NovaVersion) -> tuple[DeviceSpec, ...]:
    report = bool(case.given.get("report_in_placement")) and version.has_report_in_placement
    host = case.host
    return tuple(
        spec
        for value in case.given["specs"]
        for spec in parse_device_spec(value, version, report, _PhysicalFunctions(host), _Interfaces(host))
    )


def _aliases(case: Case, version: NovaVersion) -> Aliases:
    in_placement = bool(case.given.get("pci_in_placement")) and version.has_pci_in_placement
    return read_aliases(case.given["aliases"], version, in_placement)


def _available(case: Case) -> list[str]:
    return case.given["available"] or []


def _position(specs: tuple[DeviceSpec, ...], spec: DeviceSpec | None) -> int | None:
    return next((index for index, other in enumerate(specs) if other is spec), None)


def _alias_row(spec: AliasSpec) -> dict[str, str]:
    """Nova keeps the name and the policy apart and calls the type dev_type."""
    keys = {
        "vendor_id": spec.vendor_id,
        "product_id": spec.product_id,
        "dev_type": spec.device_type,
        "resource_class": spec.resource_class,
        "traits": spec.traits,
        "live_migratable": spec.live_migratable,
        "capability_type": spec.capability_type,
    }
    return {key: text for key, text in keys.items() if text is not None}


class _PhysicalFunctions:
    def __init__(self, host: Host) -> None:
        self._found = {device.address for device in host.devices if device.device_type == TYPE_PF}

    def __call__(self, address: PciAddress) -> bool:
        return address in self._found


class _Interfaces:
    def __init__(self, host: Host) -> None:
        self._found = {one.name: device.address for device in host.devices for one in device.network_interfaces}

    def __call__(self, name: str) -> PciAddress | None:
        return self._found.get(name)
