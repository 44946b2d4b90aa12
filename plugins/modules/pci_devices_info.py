#!/usr/bin/python
# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Module pci_devices_info."""

from __future__ import annotations

DOCUMENTATION = r"""
module: pci_devices_info
short_description: Describe the PCI devices of a Linux host
version_added: 0.1.0
description:
  - Describes every PCI function of the host as the kernel shows it, with its IOMMU group, its SR-IOV family, its
    stable identity and what on the host uses it.
  - RV(devices[].device_type) is exactly what OpenStack Nova calls the device.
  - An attribute is a value, V(null) when the device has no such thing, or it is named in RV(devices[].unreadable).
    It is never silently empty.
author:
  - nova_pci contributors (@nova-pci)
extends_documentation_fragment:
  - nova_pci.passthrough.info
  - nova_pci.passthrough.root
options:
  addresses:
    description:
      - Describe only these devices, each by its full address. All of them when left out.
      - An address that the host does not have is an error.
    type: list
    elements: str
  include_bridges:
    description: Whether to describe bridges (class C(06)) too. They can never be passed through.
    type: bool
    default: true
seealso:
  - module: nova_pci.passthrough.iommu_info
"""

EXAMPLES = r"""
- name: Describe the host's devices
  nova_pci.passthrough.pci_devices_info:
  become: true
  register: host_pci

- name: Show what could be passed through
  ansible.builtin.debug:
    msg: "{{ item.address }} {{ item.vendor_id }}:{{ item.product_id }} {{ item.device_type }}"
  loop: "{{ host_pci.devices | rejectattr('uses') }}"
  loop_control:
    label: "{{ item.address }}"

- name: Describe one card
  nova_pci.passthrough.pci_devices_info:
    addresses:
      - "0000:3b:00.0"
      - "0000:3b:00.1"
  become: true
"""

RETURN = r"""
devices:
  description:
    - One entry a PCI function, sorted by address. Unless another source is named, each attribute is the file or link
      of that name in C(/sys/bus/pci/devices/ADDRESS) (Linux, C(Documentation/ABI/testing/sysfs-bus-pci)).
  type: list
  elements: dict
  returned: success
  contains:
    address:
      description: Domain, bus, slot and function. Source, the name in C(/sys/bus/pci/devices).
      type: str
      returned: always
      sample: "0000:3b:00.0"
    in_nova_reach:
      description: >-
        Whether Nova can name the device; it knows domains up to C(FFFF) only, and Intel VMD uses higher ones.
        Source, C(nova/pci/devspec.py), C(MAX_DOMAIN).
      type: bool
      returned: always
      sample: true
    device_type:
      description: >-
        V(type-PF) with a C(sriov_totalvfs) above 0, even with no VF enabled; V(type-VF) with a C(physfn);
        V(type-PCI) otherwise. Source, C(nova/virt/libvirt/host.py), C(_get_device_type).
      type: str
      returned: always
      sample: type-PF
    vendor_id:
      description: Four lower-case hexadecimal digits without C(0x). Source, C(vendor).
      type: str
      returned: always
      sample: "8086"
    product_id:
      description: Four lower-case hexadecimal digits without C(0x). Source, C(device).
      type: str
      returned: always
      sample: 154d
    subsystem_vendor_id:
      description: Who built the card. Source, C(subsystem_vendor).
      type: str
      returned: always
      sample: "8086"
    subsystem_product_id:
      description: Which card it is. Source, C(subsystem_device).
      type: str
      returned: always
      sample: 7b11
    class_code:
      description: Class, subclass and programming interface, six hexadecimal digits. Source, C(class).
      type: str
      returned: always
      sample: "020000"
    revision:
      description: Two hexadecimal digits. Source, C(revision).
      type: str
      returned: always
      sample: "01"
    vendor_name:
      description: Source, the host's C(pci.ids), V(null) when it has none or does not know the device.
      type: str
      returned: always
      sample: Intel Corporation
    product_name:
      description: Source, the host's C(pci.ids).
      type: str
      returned: always
      sample: Ethernet 10G 2P X520 Adapter
    subsystem_name:
      description: The card's name, else its vendor's. Source, the host's C(pci.ids).
      type: str
      returned: always
      sample: Ethernet 10G 2P X520 Adapter
    class_name:
      description: Source, the host's C(pci.ids).
      type: str
      returned: always
      sample: Ethernet controller
    driver:
      description: The driver that holds the device now, V(null) when none does. Source, the link C(driver).
      type: str
      returned: always
      sample: ixgbe
    driver_override:
      description: The only driver that may bind to it, V(null) when any may. Source, C(driver_override).
      type: str
      returned: always
      sample: vfio-pci
    modalias:
      description: What modules are matched against. Source, C(modalias).
      type: str
      returned: always
      sample: pci:v00008086d0000154Dsv00008086sd00007B11bc02sc00i00
    modules:
      description: >-
        The kernel modules that offer themselves for the modalias. Source, C(modules.alias) and
        C(modules.builtin.modinfo) of the running kernel.
      type: list
      elements: str
      returned: always
      sample: [ixgbe]
    numa_node:
      description: V(null) when the firmware names none (the kernel's C(-1)). Source, C(numa_node).
      type: int
      returned: always
      sample: 0
    iommu_group:
      description: V(null) while the IOMMU is off. Source, the link C(iommu_group).
      type: int
      returned: always
      sample: 14
    group_members:
      description: The other devices of its IOMMU group; they can only be passed through together.
      type: list
      elements: str
      returned: always
      sample: ["0000:3b:00.1"]
    sriov_totalvfs:
      description: How many virtual functions it can have, V(null) without SR-IOV. Source, C(sriov_totalvfs).
      type: int
      returned: always
      sample: 63
    sriov_numvfs:
      description: How many virtual functions it has. Source, C(sriov_numvfs).
      type: int
      returned: always
      sample: 8
    sriov_vf_product_id:
      description: What its virtual functions call themselves. Source, C(sriov_vf_device).
      type: str
      returned: always
      sample: 10ed
    virtual_functions:
      description: The addresses of its virtual functions. Source, the links C(physfn) of those.
      type: list
      elements: str
      returned: always
      sample: ["0000:3b:10.0", "0000:3b:10.2"]
    physical_function:
      description: The card that a virtual function belongs to. Source, the link C(physfn).
      type: str
      returned: always
      sample: "0000:3b:00.0"
    network_interfaces:
      description: Its network interfaces. Source, C(/sys/class/net).
      type: list
      elements: dict
      returned: always
      contains:
        name:
          description: The interface's name.
          type: str
          returned: always
          sample: eno1
        mac:
          description: >-
            The card's own address: a bond's member shows the one it had before. Source, C(address) or
            C(bonding_slave/perm_hwaddr).
          type: str
          returned: always
          sample: a0:36:9f:7a:bc:de
    block_devices:
      description: Its disks and their partitions. Source, C(/sys/class/block).
      type: list
      elements: str
      returned: always
      sample: [nvme0n1, nvme0n1p1]
    boot_vga:
      description: Whether the firmware's display is on it, V(null) when it is no VGA device. Source, C(boot_vga).
      type: bool
      returned: always
      sample: false
    reset_methods:
      description: How the kernel can reset it, best first. Source, C(reset_method) (since Linux 5.15).
      type: list
      elements: str
      returned: always
      sample: [flr, bus]
    d3cold_allowed:
      description: >-
        Whether it may be switched off while nobody uses it. A device that does not come back after a guest often does once
        C(0) is written there. Source, C(d3cold_allowed).
      type: bool
      returned: always
      sample: true
    acs:
      description: >-
        Of a PCI Express bridge, whether it keeps the cards below it apart, so that each gets an IOMMU group of its own;
        V(null) for everything else. Source, C(config), access control services.
      type: bool
      returned: always
      sample: true
    serial:
      description: What tells it from its twin, V(null) when it has no serial number.
      type: str
      returned: always
      sample: a0-36-9f-ff-ff-7a-bc-de
    serial_source:
      description: V(vpd), the C(SN) of its vital product data, or V(dsn), its device serial number capability.
      type: str
      returned: always
      sample: dsn
    physical_slot:
      description: The label of its slot. Source, C(/sys/bus/pci/slots).
      type: str
      returned: always
      sample: "3"
    parent:
      description: The function above it, mostly a bridge. Source, the link in C(/sys/bus/pci/devices).
      type: str
      returned: always
      sample: "0000:3a:00.0"
    express:
      description: >-
        Whether it is a PCI Express function; V(null) for bridges and virtual functions. Source, C(max_link_speed), which
        the kernel shows for PCI Express alone.
      type: bool
      returned: always
      sample: true
    uses:
      description: What on the host needs the device; empty when nothing does.
      type: list
      elements: dict
      returned: always
      contains:
        kind:
          description: >-
            One of V(mount), V(swap), V(volume), V(route), V(address), V(member), V(connection), V(console), V(bmc),
            V(input) (the last keyboard), V(guest), V(process) (DPDK and its like), V(tool) (driverctl, os-net-config, an
            administrator's line for modprobe), V(bridge).
          type: str
          returned: always
          sample: mount
        detail:
          description: Which one, with the chain that leads to it.
          type: str
          returned: always
          sample: / is mounted from vg0-root (dm-0) over md0 over nvme0n1p3
    unreadable:
      description: The attributes that could not be read or understood.
      type: list
      elements: dict
      returned: always
      contains:
        what:
          description: The attribute, by its name in sysfs.
          type: str
          returned: always
          sample: vpd
        why:
          description: The system's word for it.
          type: str
          returned: always
          sample: Permission denied
lockdown:
  description: >-
    The kernel's lockdown, V(none), V(integrity) or V(confidentiality), V(null) where it has none. Source,
    C(/sys/kernel/security/lockdown).
  type: str
  returned: success
  sample: none
advice:
  description: What is no reason to refuse a device and still worth knowing, of the devices returned that are no bridges.
  type: list
  elements: str
  returned: success
  sample: []
groups:
  description: One verdict on each IOMMU group, with every reason; empty while the IOMMU is off.
  type: list
  elements: dict
  returned: success
  contains:
    group:
      description: Its number.
      type: int
      returned: always
      sample: 14
    members:
      description: The addresses of all its devices.
      type: list
      elements: str
      returned: always
      sample: ["0000:3b:00.0", "0000:3b:00.1"]
    verdict:
      description: V(free), V(in a guest), or V(needed), where one member alone is enough.
      type: str
      returned: always
      sample: needed
    reasons:
      description: Every use of every member, by its address.
      type: list
      elements: str
      returned: always
      sample: ["0000:3b:00.1: / is mounted from nvme0n1p2"]
    covered:
      description: Empty here; in the plan of M(nova_pci.passthrough.host_plan), the uses that an override covers.
      type: list
      elements: str
      returned: always
      sample: []
vfio_pci:
  description: V(module), V(builtin) or V(missing). Source, C(modules.builtin) and C(modules.dep) of the running kernel.
  type: str
  returned: success
  sample: module
vfio_virqfd:
  description: The same for C(vfio_virqfd), which kernels since 6.2 no longer have.
  type: str
  returned: success
  sample: missing
unreadable:
  description: What of the machine itself could not be read or understood.
  type: list
  elements: dict
  returned: success
  contains:
    what:
      description: The path, or a word for it.
      type: str
      returned: always
      sample: /proc/self/mountinfo
    why:
      description: The system's word for it.
      type: str
      returned: always
      sample: Permission denied
"""

from typing import Any

from ansible.module_utils.basic import AnsibleModule

from ansible_collections.nova_pci.passthrough.plugins.module_utils._adapter import ROOT_ARGUMENT_SPEC, run_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.advice import advice
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import InputProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import HostInventory, PciDevice
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.verdict import group_verdicts
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine


def describe(params: dict[str, Any]) -> dict[str, Any]:
    """The module's result for its parameters."""
    inventory = build_inventory(read_machine(params["root"]))
    devices = inventory.devices if params["addresses"] is None else _named(inventory, params["addresses"])
    return {
        "changed": False,
        "devices": [device.to_dict() for device in devices if params["include_bridges"] or not device.is_bridge],
        "lockdown": inventory.lockdown,
        "advice": list(advice(inventory, [device for device in devices if not device.is_bridge])),
        "groups": [group.to_dict() for group in group_verdicts(inventory)],
        "vfio_pci": inventory.vfio_pci,
        "vfio_virqfd": inventory.vfio_virqfd,
        "unreadable": [{"what": what, "why": why} for what, why in inventory.unreadable],
    }


def _named(inventory: HostInventory, addresses: list[str]) -> tuple[PciDevice, ...]:
    wanted = set()
    for index, text in enumerate(addresses):
        try:
            device = inventory.device(parse_address(text))
        except ValueError:
            raise InputProblem(
                f"addresses[{index}]", text, "is no PCI address", "Write domain:bus:slot.function, as in 0000:3b:00.0"
            ) from None
        if device is None:
            raise InputProblem(
                f"addresses[{index}]", text, "is no device of this host", "Leave addresses out to see all that it has"
            )
        wanted.add(device.address)
    return tuple(device for device in inventory.devices if device.address in wanted)


def main() -> None:
    run_module(
        AnsibleModule(
            argument_spec={
                "addresses": {"type": "list", "elements": "str"},
                "include_bridges": {"type": "bool", "default": True},
                **ROOT_ARGUMENT_SPEC,
            },
            supports_check_mode=True,
        ),
        describe,
    )


if __name__ == "__main__":
    main()
