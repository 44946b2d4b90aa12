# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Made-up services of Nova for the tests of the linter: one file of configuration each, and a handful of devices."""

from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_search import Source
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import (
    NetworkInterface,
    PciDevice,
    Use,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.service_config import ServiceConfig
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.service_view import ServiceView

PATH = "/etc/nova/nova.conf"


def config_of(text: str, name: str = "nova-compute", environment: dict[str, str] | None = None) -> ServiceConfig:
    return ServiceConfig.of_texts(name, [Source((PATH,))], {PATH: text}, environment=environment)


def view_of(
    text: str,
    name: str = "nova-compute",
    version: NovaVersion | int = 30,
    devices: tuple[PciDevice, ...] | None = None,
    environment: dict[str, str] | None = None,
) -> ServiceView:
    release = NovaVersion(version) if isinstance(version, int) else version
    return ServiceView(name, config_of(text, name, environment), release, devices)


def pci(*lines: str) -> str:
    """A section [pci] of these lines; the first stands in line 2."""
    return "\n".join(["[pci]", *lines, ""])


def device(address: str, ids: str = "8086:154d", **more: object) -> PciDevice:
    vendor_id, _colon, product_id = ids.partition(":")
    return PciDevice(parse_address(address), vendor_id=vendor_id, product_id=product_id, **more)


FUNCTIONS = ("0000:3b:10.0", "0000:3b:10.2")
CARD = device(
    "0000:3b:00.0",
    sriov_totalvfs=63,
    sriov_numvfs=2,
    virtual_functions=tuple(parse_address(text) for text in FUNCTIONS),
    network_interfaces=(NetworkInterface("ens1f0", None),),
)
VFS = tuple(device(text, "8086:10ed", physical_function=CARD.address) for text in FUNCTIONS)
GPU = device("0000:81:00.0", "10de:1eb8", class_code="030200")
DISK = device("0000:02:00.0", "144d:a808", uses=(Use("mount", "/ is mounted from nvme0n1p1"),))
BRIDGE = device("0000:00:01.0", "8086:6f02", class_code="060400")
HOST = (BRIDGE, DISK, CARD, *VFS, GPU)
