# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which arguments a processor needs."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import InputProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.iommu_arguments import (
    SEV_SNP_WARNING,
    WantedArguments,
    wanted_arguments,
)


@pytest.mark.parametrize(
    ("architecture", "vendor", "iommu_pt", "wanted", "remove"),
    [
        ("x86_64", "GenuineIntel", False, ("intel_iommu=on",), ("iommu=off", "intel_iommu=off")),
        ("x86_64", "GenuineIntel", True, ("intel_iommu=on", "iommu=pt"), ("iommu=off", "intel_iommu=off")),
        ("x86_64", "AuthenticAMD", False, (), ("iommu=off", "amd_iommu=off")),
        ("x86_64", "AuthenticAMD", True, ("iommu=pt",), ("iommu=off", "amd_iommu=off")),
        ("x86_64", "HygonGenuine", False, (), ("iommu=off", "amd_iommu=off")),
        ("x86_64", None, False, (), ("iommu=off",)),
        ("aarch64", None, False, (), ()),
        ("aarch64", None, True, ("iommu.passthrough=1",), ()),
        ("ppc64le", None, False, (), ()),
    ],
)
def test_by_vendor(
    architecture: str, vendor: str | None, iommu_pt: bool, wanted: tuple[str, ...], remove: tuple[str, ...]
) -> None:
    found = wanted_arguments(architecture, vendor, iommu_pt=iommu_pt)
    assert (found.wanted, found.remove) == (wanted, remove)


def test_pt_on_amd_warns_of_sev_snp_whoever_asks() -> None:
    assert wanted_arguments("x86_64", "AuthenticAMD", iommu_pt=True).warnings == (SEV_SNP_WARNING,)
    assert wanted_arguments("x86_64", "AuthenticAMD", extra=["iommu=pt"]).warnings == (SEV_SNP_WARNING,)
    assert wanted_arguments("x86_64", "GenuineIntel", iommu_pt=True).warnings == ()


def test_the_user_s_arguments_join() -> None:
    found = wanted_arguments("x86_64", "GenuineIntel", extra=["intel_iommu=sm_on", "pci=realloc", "intel_iommu=sm_on"])
    assert found.wanted == ("intel_iommu=on,sm_on", "pci=realloc")
    assert wanted_arguments("x86_64", "GenuineIntel", iommu_pt=True, extra=["iommu=pt"]).wanted[-1] == "iommu=pt"


@pytest.mark.parametrize("extra", ["iommu=nopt", "intel_iommu=off", "amd_iommu=on"])
def test_the_user_cannot_contradict(extra: str) -> None:
    with pytest.raises(InputProblem) as caught:
        wanted_arguments("x86_64", "GenuineIntel", iommu_pt=True, extra=[extra], entry="host_kernel_arguments")
    assert caught.value.entry == "host_kernel_arguments[0]"


def test_warnings_from_the_running_line() -> None:
    assert "interrupt remapping" in wanted_arguments("x86_64", "GenuineIntel", running="intremap=off").warnings[0]
    assert "interrupt remapping" in wanted_arguments("x86_64", "GenuineIntel", running="nointremap").warnings[0]
    assert "bypass the SMMU" in wanted_arguments("aarch64", None, running="iommu.passthrough=1").warnings[0]
    assert "does nothing" in wanted_arguments("x86_64", "AuthenticAMD", extra=["intel_iommu=on"]).warnings[0]


def test_to_dict() -> None:
    assert WantedArguments(("a",), ("b",), ("c",)).to_dict() == {"wanted": ["a"], "remove": ["b"], "warnings": ["c"]}
