# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/advice.py: what is told, and above all when nothing is."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.advice import advice
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import AUDIO, GPU, NIC, NIC_2, device, host

RESETS = replace(NIC_2, reset_methods=("flr", "bus"))


def told(inventory, *devices) -> list[str]:
    return [" ".join(sentence.split()[:4]) for sentence in advice(inventory, devices or (inventory.devices[0],))]


def test_a_host_as_it_should_be_gets_no_advice():
    assert advice(host(NIC, NIC_2), (NIC, NIC_2)) == ()


@pytest.mark.parametrize(
    ("remapping", "enabled", "words"),
    [(False, True, ["Interrupts are not remapped,"]), (False, False, []), (True, True, []), (None, True, [])],
)
def test_interrupts(remapping, enabled, words):
    inventory = host(NIC)
    iommu = replace(inventory.iommu, enabled=enabled, interrupt_remapping=remapping)
    assert told(replace(inventory, iommu=iommu)) == words


@pytest.mark.parametrize(
    ("lockdown", "words"),
    [
        ("integrity", ["Kernel lockdown is at"]),
        ("confidentiality", ["Kernel lockdown is at"]),
        ("none", []),
        (None, []),
    ],
)
def test_lockdown(lockdown, words):
    assert told(replace(host(NIC), lockdown=lockdown)) == words


def test_nothing_is_told_where_nothing_is_handed_out():
    assert advice(replace(host(NIC), lockdown="integrity"), ()) == ()


def test_a_device_that_cannot_be_reset_is_named():
    (sentence,) = advice(host(NIC, RESETS), (NIC, RESETS))
    assert sentence.startswith(f"The kernel knows no way to reset {NIC.label}: what one guest leaves")


def test_an_old_kernel_shows_no_reset_and_nothing_is_told():
    assert advice(host(NIC, NIC_2), (NIC,)) == ()


def test_many_devices_are_cut():
    many = [device(f"0000:{bus:02x}:00.0") for bus in range(0x20, 0x27)]
    (sentence,) = advice(host(RESETS, *many), many)
    assert f"{many[3].label} and 3 more: what one" in sentence


def test_a_reset_of_the_bus_alone_matters_to_the_other_functions():
    gpu, audio = (replace(one, reset_methods=("bus",)) for one in (GPU, AUDIO))
    (sentence,) = advice(host(gpu, audio), (gpu,))
    assert sentence.startswith(f"Only a reset of the whole bus is known for {gpu.label}:")
    assert advice(host(gpu), (gpu,)) == ()


PORT = device("0000:00:01.0", class_code="060400", acs=False)
UPPER = device("0000:00:00.0", class_code="060400", acs=True)


def below(number: str, *members: str, parent: object = PORT.address):
    return device(number, iommu_group=3, parent=parent, group_members=tuple(map(parse_address, members)))


@pytest.mark.parametrize(
    ("port", "one", "words"),
    [
        (PORT, below("0000:02:00.0", "0000:03:00.0"), ["Several cards share one"]),
        (replace(PORT, acs=None), below("0000:02:00.0", "0000:03:00.0"), []),
        (replace(PORT, acs=True), below("0000:02:00.0", "0000:03:00.0"), []),
        (replace(PORT, parent=UPPER.address), below("0000:02:00.0", "0000:03:00.0"), ["Several cards share one"]),
        (PORT, below("0000:02:00.0", "0000:02:00.1"), []),
        (PORT, below("0000:02:00.0"), []),
        (PORT, below("0000:02:00.0", "0000:03:00.0", parent=None), []),
        (PORT, below("0000:02:00.0", "0000:03:00.0", parent=parse_address("0000:77:00.0")), []),
    ],
    ids=["shared", "unknown", "on", "two ports", "one card", "alone", "no port", "hidden port"],
)
def test_cards_that_share_a_group_below_a_port_without_acs(port, one, words):
    assert told(host(UPPER, port, one, below("0000:03:00.0", "0000:02:00.0")), one) == words
