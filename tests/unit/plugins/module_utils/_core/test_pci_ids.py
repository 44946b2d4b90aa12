# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/pci_ids.py."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.pci_ids import PciIds

TEXT = """#
#\tList of PCI ID's
0001  SafeNet (wrong ID)
8086  Intel Corporation
# a comment inside a section
\t0008  Extended Express System Support Controller
\t154d  Ethernet 10G 2P X520 Adapter
\t\t8086 7b11  10GbE 2P X520 Adapter
\t\t15d9 0001  AOC-STG  i2
\t1592  Ethernet Controller E810-C for QSFP
10de  NVIDIA Corporation
\t154d  Something else

C 02  Network controller
\t00  Ethernet controller
\t\t01  A programming interface
\t80  Network controller
C 03  Display controller"""


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        (("vendor", "8086"), "Intel Corporation"),
        (("vendor", "0001"), "SafeNet (wrong ID)"),
        (("vendor", "154d"), None),
        (("vendor", "ffff"), None),
        (("product", "8086", "0008"), "Extended Express System Support Controller"),
        (("product", "8086", "154d"), "Ethernet 10G 2P X520 Adapter"),
        (("product", "10de", "154d"), "Something else"),
        (("product", "8086", "7b11"), None),
        (("product", "0001", "154d"), None),
        (("subsystem", "8086", "154d", "8086", "7b11"), "10GbE 2P X520 Adapter"),
        (("subsystem", "8086", "154d", "15d9", "0001"), "AOC-STG  i2"),
        (("subsystem", "8086", "1592", "10de", "0001"), "NVIDIA Corporation"),
        (("subsystem", "8086", "9999", "8086", "0001"), "Intel Corporation"),
        (("subsystem", "8086", "154d", "abcd", "0001"), None),
        (("class_name", "020000"), "Ethernet controller"),
        (("class_name", "028000"), "Network controller"),
        (("class_name", "02ff00"), "Network controller"),
        (("class_name", "030000"), "Display controller"),
        (("class_name", "ff0000"), None),
    ],
)
def test_names(question, answer):
    kind, *ids = question
    assert getattr(PciIds(TEXT), kind)(*ids) == answer


def test_a_section_is_cut_once_and_the_same_answer_comes_again():
    ids = PciIds(TEXT)
    assert [ids.product("8086", "154d") for _again in range(2)] == ["Ethernet 10G 2P X520 Adapter"] * 2
    assert ids.subsystem("8086", "154d", "8086", "7b11") == ids.subsystem("8086", "154d", "8086", "7b11")


@pytest.mark.parametrize("text", ["", "\n", "# only a comment"])
def test_a_text_without_names_has_no_answer(text):
    assert PciIds(text).vendor("8086") is None
    assert PciIds(text).class_name("020000") is None
