# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A guest as libvirt keeps it on disk: its uuid, whether it runs, and the host's PCI devices that it holds.

Nova's server id is the domain's uuid (nova/virt/libvirt/driver.py, _get_guest_config).
"""

from __future__ import annotations

from dataclasses import dataclass
from xml.etree import ElementTree

from .address import PciAddress

_SOURCES = ("./devices/hostdev[@type='pci']/source/address", "./devices/interface[@type='hostdev']/source/address")
_PARTS = ("domain", "bus", "slot", "function")


@dataclass(frozen=True)
class GuestDomain:
    """One guest. *running* is false for one that is only defined: it names devices, but does not hold them."""

    uuid: str
    name: str
    running: bool
    devices: tuple[PciAddress, ...]


def parse_domain(text: str) -> GuestDomain:
    """Return the guest that *text* describes; ValueError when it is no domain of libvirt's.

    Shape: the root is <domain> in /etc/libvirt/qemu/NAME.xml (what is defined) and <domstatus state="running"> around
    it in /run/libvirt/qemu/NAME.xml (what runs; src/conf/domain_conf.c, virDomainObjFormat).
    """
    try:
        root = ElementTree.fromstring(text)
    except ElementTree.ParseError as error:
        raise ValueError(f"is no XML ({error})") from error
    domain = root if root.tag == "domain" else root.find("./domain")
    uuid = None if domain is None else domain.findtext("uuid")
    if domain is None or uuid is None:
        raise ValueError("describes no guest")
    return GuestDomain(
        uuid=uuid.strip().lower(),
        name=(domain.findtext("name") or "").strip(),
        running=root.tag == "domstatus",
        devices=tuple(_address(element) for source in _SOURCES for element in domain.findall(source)),
    )


def _address(element: ElementTree.Element) -> PciAddress:
    try:
        return PciAddress(*(int(element.get(part, "0"), 0) for part in _PARTS))
    except ValueError as error:
        raise ValueError(f"has a PCI address that is none ({error})") from error


def merge_guests(domains: list[GuestDomain]) -> tuple[GuestDomain, ...]:
    """Return each guest once, sorted by name: as it runs, where it does."""
    found: dict[str, GuestDomain] = {}
    for domain in sorted(domains, key=lambda item: item.running):
        found[domain.uuid] = domain
    return tuple(sorted(found.values(), key=lambda item: (item.name, item.uuid)))
