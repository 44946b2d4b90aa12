# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a host offers to the scheduler, and which requests PciPassthroughFilter lets pass (nova/pci/stats.py).

Without NUMA and without allocations of placement: what a host with all its devices free would answer.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from .address import PciAddress
from .alias import Aliases, AliasSpec
from .device_spec import DeviceSpec, first_match
from .errors import NovaRefusal
from .flavor_request import AliasRequest
from .model import TYPE_PF, TYPE_VF, PciDevice
from .nova_release import NovaVersion
from .truth import truth

VDPA = "vdpa"
# What placement decides and the pools therefore leave out, from 27 on (PciDeviceStats.ignored_pool_tags).
_LEFT_TO_PLACEMENT = ("resource_class", "traits", "rp_uuids", "rp_uuid")
_OWN_KEYS = ("count", "devices")  # Nova's own words in a pool: a tag of that name is lost


@dataclass(frozen=True)
class Pool:
    """Devices that are all the same to the scheduler: *keys* is what a request can ask for."""

    keys: Mapping[str, Any]
    count: int


@dataclass(frozen=True)
class Answer:
    """What one request gets of a host on which those before it were already served."""

    request: AliasRequest
    available: int  # devices that match
    passes: bool


def tracked(
    devices: Sequence[PciDevice], specs: Sequence[DeviceSpec], vdpa: Collection[PciAddress] = ()
) -> list[tuple[PciDevice, DeviceSpec]]:
    """The devices that nova-compute keeps account of, each with the spec that gives it its tags."""
    cards = {device.address: device for device in devices}
    matched = []
    for device in devices:
        # libvirt's driver lends a VF its PF's VPD, but not a VF with a vDPA device on it (_get_vpd_details).
        card = device.physical_function if device.address not in vdpa else None
        spec = first_match(specs, device, None if card is None else cards.get(card))
        if spec is not None:
            matched.append((device, spec))
    return matched


def pools(
    devices: Sequence[PciDevice],
    specs: Sequence[DeviceSpec],
    version: NovaVersion,
    vdpa: Collection[PciAddress] = (),
) -> tuple[Pool, ...]:
    """Return the pools in the order in which Nova takes devices from them; *vdpa* are the VFs with a vDPA device on them.

    NovaRefusal (ValueError) for a tag that nova-compute cannot store.
    """
    cards = {device.address: device for device in devices}
    found: list[Pool] = []
    for device, spec in tracked(devices, specs, vdpa):
        card = None if device.physical_function is None else cards.get(device.physical_function)
        keys = _pool_keys(device, card, spec, version, device.address in vdpa)
        _add(found, keys)
    return tuple(replace(pool, keys={key: _stored(key, value) for key, value in pool.keys.items()}) for pool in found)


def explain(
    offered: Sequence[Pool], requests: Sequence[AliasRequest], aliases: Aliases, version: NovaVersion
) -> tuple[Answer, ...]:
    """Return what each request gets; from 26 on, and up to 22, requests take devices from those after them."""
    left = list(offered)
    answers = []
    for request in requests:
        specs = aliases[request.alias][1]
        fitting = _fitting(left, specs, version)
        available = sum(pool.count for pool in fitting)
        enough = available >= request.count and (bool(fitting) or version.major <= 22)
        answers.append(Answer(request, available, enough))
        if enough and not 23 <= version.major <= 25:
            _take(left, fitting, request.count)
    return tuple(answers)


def passes(offered: Sequence[Pool], requests: Sequence[AliasRequest], aliases: Aliases, version: NovaVersion) -> bool:
    """Whether PciPassthroughFilter lets the host pass for a flavor with these *requests*."""
    return all(answer.passes for answer in explain(offered, requests, aliases, version))


def pool_by_device(
    devices: Sequence[PciDevice], specs: Sequence[DeviceSpec], version: NovaVersion
) -> dict[PciAddress, Pool]:
    """Return a pool of its own for each device that *specs* name; NovaRefusal as pools()."""
    cards = {device.address: device for device in devices}
    found = {}
    for device, spec in tracked(devices, specs):
        card = None if device.physical_function is None else cards.get(device.physical_function)
        keys = _pool_keys(device, card, spec, version, False)
        found[device.address] = Pool({key: _stored(key, value) for key, value in keys.items()}, 1)
    return found


def fits(pool: Pool, specs: Sequence[AliasSpec], version: NovaVersion) -> bool:
    """Whether a request for an alias with these *specs* takes devices of *pool*."""
    return bool(_fitting([pool], specs, version))


# ---- pools


def _pool_keys(
    device: PciDevice, card: PciDevice | None, spec: DeviceSpec, version: NovaVersion, vdpa: bool
) -> dict[str, Any]:
    """PciDeviceStats._create_pool_keys_from_dev."""
    device_type = VDPA if vdpa else device.device_type
    keys: dict[str, Any] = {
        "product_id": device.product_id,
        "vendor_id": device.vendor_id,
        "numa_node": device.numa_node,
        "dev_type": device_type,
    }
    split = version.major >= 27
    keys.update({tag: value for tag, value in spec.tags if not (split and tag in _LEFT_TO_PLACEMENT)})
    if split:
        keys["address"] = str(device.physical_function or device.address)
    if card is not None and device.network_interfaces and card.network_interfaces:
        keys["parent_ifname"] = card.network_interfaces[-1].name
    if version.major >= 25 and device_type in (TYPE_PF, TYPE_VF, VDPA) and keys.get("remote_managed") is None:
        keys["remote_managed"] = "false"
    return keys


def _add(found: list[Pool], given: dict[str, Any]) -> None:
    """PciDeviceStats.add_device: the pools with the fewest keys stand first, those of equal length in order of age.

    Nova holds the new keys against a pool's as many: what is null here and missing there passes for the same.
    """
    for index, pool in enumerate(found):
        if len(pool.keys) == len(given) and all(pool.keys.get(key) == value for key, value in given.items()):
            found[index] = replace(pool, count=pool.count + 1)
            return
    found.append(Pool({key: value for key, value in given.items() if key not in _OWN_KEYS}, 1))
    found.sort(key=lambda pool: len(pool.keys))


def _stored(key: str, value: object) -> object:
    """nova/objects/pci_device_pool.py: on their way to the scheduler, tags become text, and a list none at all."""
    if value is None or (isinstance(value, str) and key != "numa_node"):
        return value
    try:
        if key == "numa_node" and isinstance(value, (str, int, float)):
            return int(value)
    except ValueError as error:
        raise NovaRefusal(value, "is the tag numa_node, which is no number", "Remove it", "ValueError") from error
    if isinstance(value, (int, float)):
        return str(value)
    fix = f'Write {key} as text: traits, for one, are one text with commas, "HW_A,CUSTOM_B"'
    exception = "TypeError" if key == "numa_node" else "ValueError"
    raise NovaRefusal(value, f"is the tag {key}, which Nova cannot store", fix, exception)


# ---- requests


def _fitting(offered: Sequence[Pool], specs: Sequence[AliasSpec], version: NovaVersion) -> list[Pool]:
    """PciDeviceStats._filter_pools."""
    fitting = [pool for pool in offered if any(_matches(pool, spec) for spec in specs)]
    if all(spec.device_type != TYPE_PF for spec in specs):
        fitting = [pool for pool in fitting if pool.keys.get("dev_type") != TYPE_PF]
    if version.major >= 23:
        fitting = [pool for pool in fitting if pool.keys.get("dev_type") != VDPA]
    if version.major >= 25:
        fitting = [pool for pool in fitting if truth(pool.keys.get("remote_managed")) is not True]
    if "live_migratable" in version.alias_keys:
        fitting = _of_migratability(fitting, specs)
    return fitting


def _of_migratability(fitting: list[Pool], specs: Sequence[AliasSpec]) -> list[Pool]:
    """An alias with live_migratable "no" wants devices tagged so; a device without the tag is not meant."""
    for wanted in ("true", "false"):
        if all(spec.live_migratable == wanted for spec in specs):
            return [pool for pool in fitting if pool.keys.get("live_migratable") == wanted]
    return fitting


def _matches(pool: Pool, spec: AliasSpec) -> bool:
    """nova/pci/utils.py pci_device_prop_match: whatever the alias names must be in the pool, in any letter case."""
    wanted = {
        "vendor_id": spec.vendor_id,
        "product_id": spec.product_id,
        "dev_type": spec.device_type,
        "live_migratable": spec.live_migratable,
        "capability_type": spec.capability_type,
    }
    return all(_folded(pool.keys.get(key)) == text.lower() for key, text in wanted.items() if text is not None)


def _folded(value: object) -> object:
    return value.lower() if isinstance(value, str) else value


def _take(left: list[Pool], fitting: Sequence[Pool], count: int) -> None:
    """PciDeviceStats._decrease_pool_count; Nova takes a count of 0 or below as it takes any other."""
    for pool in fitting:
        index = next(index for index, other in enumerate(left) if other is pool)
        if pool.count > count:
            left[index] = replace(pool, count=pool.count - count)
            return
        del left[index]
        count -= pool.count
        if not count:
            return
