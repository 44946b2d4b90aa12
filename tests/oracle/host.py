# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made-up hosts for the cases: devices as the collection knows them, and the same as Nova's worker wants them."""

from __future__ import annotations

import random
from dataclasses import dataclass
from typing import Any

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import PciAddress
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import NetworkInterface, PciDevice

VENDORS = ("8086", "10de", "15b3")
PRODUCTS = ("1572", "154c", "20b0", "0060")
BUSES = (0x00, 0x03, 0x0A, 0x3B, 0x3C, 0x81, 0xFF)
SLOTS = (0x00, 0x01, 0x02, 0x0A, 0x10, 0x1F)
FIRST_VF_SLOT = 0x18  # of the first card; each has a slot of its own, whatever bus it shares with another
MAX_CARDS = 5
MAX_FUNCTIONS = 3


@dataclass(frozen=True)
class Host:
    """*vdpa*: the VFs that carry a vDPA device."""

    devices: tuple[PciDevice, ...]
    vdpa: frozenset[PciAddress] = frozenset()

    def card_of(self, device: PciDevice) -> PciDevice | None:
        return next((card for card in self.devices if card.address == device.physical_function), None)

    def without(self, device: PciDevice) -> Host:
        """The host without a device and the functions of it."""
        gone = (device.address, *device.virtual_functions)
        return Host(tuple(other for other in self.devices if other.address not in gone), self.vdpa)

    def to_worker(self) -> list[dict[str, Any]]:
        return [self._row(device) for device in self.devices]

    def _row(self, device: PciDevice) -> dict[str, Any]:
        card = self.card_of(device)
        vdpa = device.address in self.vdpa
        # nova/virt/libvirt/host.py _get_vpd_details, _get_device_type
        serial = _serial(device) or (_serial(card) if card is not None and not vdpa else None)
        named_card = card is not None and card.network_interfaces and device.network_interfaces
        return {
            "address": str(device.address),
            "vendor_id": device.vendor_id,
            "product_id": device.product_id,
            "numa_node": device.numa_node,
            "type": "vdpa" if vdpa else device.device_type,
            "parent": None if card is None else str(card.address),
            "parent_interface": card.network_interfaces[0].name if card is not None and named_card else None,
            "totalvfs": device.sriov_totalvfs,
            "interfaces": [interface.name for interface in device.network_interfaces],
            "card_serial": serial,
        }


def _serial(device: PciDevice) -> str | None:
    return device.serial if device.serial_source == "vpd" else None


def random_host(rng: random.Random, with_vdpa: bool) -> Host:
    """One to MAX_CARDS cards, some with VFs; half of the cards on a host are of one model, as they are in life."""
    devices: list[PciDevice] = []
    model = (rng.choice(VENDORS), rng.choice(PRODUCTS))
    places = [(bus, slot) for bus in BUSES for slot in SLOTS]
    for number, (bus, slot) in enumerate(rng.sample(places, rng.randint(1, MAX_CARDS))):
        vendor, product = model if rng.random() < 0.5 else (rng.choice(VENDORS), rng.choice(PRODUCTS))
        domain = rng.choice((0, 0, 0, 0, 0, 0, 1, 0x0A00, 0x10000))
        address = PciAddress(domain, bus, slot, rng.choice((0, 0, 0, 1, 7)))
        devices += _card(rng, address, vendor, product, number)
    functions = [device.address for device in devices if device.physical_function is not None]
    vdpa = frozenset(address for address in functions if with_vdpa and rng.random() < 0.15)
    rng.shuffle(devices)
    return Host(tuple(devices), vdpa)


def _card(rng: random.Random, address: PciAddress, vendor: str, product: str, number: int) -> list[PciDevice]:
    name = f"ens{number}"
    numa = rng.choice((None, 0, 1))
    serial, source = rng.choice(((None, None), (None, None), ("SN1", "vpd"), ("00-11", "dsn")))
    is_nic = rng.random() < 0.5 and address.in_nova_reach
    interfaces = (NetworkInterface(name, None),) if is_nic else ()
    totalvfs = rng.choice((None, None, 0, 8, 8))
    addresses = [
        PciAddress(address.domain, address.bus, FIRST_VF_SLOT + number, function)
        for function in range(rng.randint(0, MAX_FUNCTIONS) if totalvfs else 0)
    ]
    card = PciDevice(
        address, vendor, product, numa_node=numa, sriov_totalvfs=totalvfs, virtual_functions=tuple(addresses),
        network_interfaces=interfaces, serial=serial, serial_source=source,
    )  # fmt: skip
    vf_product = rng.choice((product, "154c"))
    functions = [
        PciDevice(
            one, vendor, vf_product, numa_node=numa, physical_function=address,
            network_interfaces=(NetworkInterface(f"{name}v{index}", None),) if is_nic and rng.random() < 0.7 else (),
        )
        for index, one in enumerate(addresses)
    ]  # fmt: skip
    return [card, *functions]
