# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/modalias.py."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.modalias import ModuleAliases

ALIASES = """# Aliases extracted from modules themselves.
alias usb:v8086p0001d*dc*dsc*dp*ic*isc*ip*in* not_pci
alias pci:v00008086d0000154Dsv*sd*bc*sc*i* ixgbe
alias pci:v00008086d0000154Dsv000015D9sd*bc*sc*i* card_module
alias pci:v00008086d0000154Esv*sd*bc*sc*i* other_device
alias pci:v000010DEd*sv*sd*bc03sc00i00* nouveau
alias pci:v000010DEd*sv*sd*bc03sc00i00* nvidia
alias pci:v*d*sv*sd*bc01sc08i02* nvme
alias pci:v*d*sv*sd*bc0Csc03i30* xhci_pci
alias vfio_pci:v00008086d0000154Dsv*sd*bc*sc*i* vfio_pci
alias pci:v00008086d0000154Dsv*sd*bc*sc*i* ixgbe
alias pci:vbroken nonsense
alias virtio:d00000001v* virtio_net"""
BUILTIN = (
    "ahci.license=GPL\0ahci.alias=pci:v*d*sv*sd*bc01sc06i01*\0ahci.alias=pci:v00008086d0000A182sv*sd*bc*sc*i*\0"
    "e1000e.alias=pci:v00008086d000010D3sv*sd*bc*sc*i*\0e1000e.description=alias=pci:v*d*sv*sd*bc*sc*i*\0"
)
X520 = "pci:v00008086d0000154Dsv00008086sd00007B11bc02sc00i00"


@pytest.mark.parametrize(
    ("modalias", "modules"),
    [
        (X520, ("ixgbe",)),
        ("pci:v00008086d0000154Dsv000015D9sd00000001bc02sc00i00", ("ixgbe", "card_module")),
        ("pci:v000010DEd00001EB8sv000010DEsd000012A2bc03sc00i00", ("nouveau", "nvidia")),
        ("pci:v000010DEd00001EB8sv000010DEsd000012A2bc03sc02i00", ()),
        ("pci:v0000144Dd0000A808sv0000144Dsd0000A801bc01sc08i02", ("nvme",)),
        ("pci:v000010DEd00001AD8sv000010DEsd000012A2bc0Csc03i30", ("xhci_pci",)),
        ("pci:v00008086d0000A182sv000015D9sd00000953bc01sc06i01", ("ahci",)),
        ("pci:v00008086d000010D3sv00008086sd00000000bc02sc00i00", ("e1000e",)),
        ("pci:v0000ABCDd00000001sv00000000sd00000000bc00sc00i00", ()),
    ],
)
def test_modules(modalias, modules):
    assert ModuleAliases(ALIASES, BUILTIN).modules(modalias) == modules


def test_the_second_question_has_the_same_answer():
    aliases = ModuleAliases(ALIASES)
    assert aliases.modules(X520) is aliases.modules(X520)


def test_without_files_nothing_offers_itself():
    assert ModuleAliases("").modules(X520) == ()


@pytest.mark.parametrize("text", ["", "pci:", "usb:v1D6Bp0002d0501", X520[:-1], X520 + "x", X520.lower()])
def test_what_is_no_modalias_is_a_problem(text):
    with pytest.raises(ValueError, match="is no modalias of a PCI device"):
        ModuleAliases(ALIASES).modules(text)
