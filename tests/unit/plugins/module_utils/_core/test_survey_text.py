# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The summary for the terminal and the Markdown page, whole."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.address import parse_address
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.inventory import build_inventory
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import Use
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.override import Override
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.survey import survey
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.survey_text import (
    survey_markdown,
    survey_text,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.terminal import WIDTH
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.machine import read_machine
from ansible_collections.nova_pci.passthrough.tests.unit.machine_builder import build, machine_names
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import GUEST, ROOT, card, device, host

HOST = host(
    device("0000:00:00.0", class_code="060000", driver=None),
    device(
        "0000:01:00.0",
        "144d:a808",
        class_code="010802",
        driver="nvme",
        iommu_group=1,
        uses=(replace(ROOT, vital=True),),
    ),
    device("0000:02:00.0", iommu_group=2, numa_node=0, vendor_name="Intel", product_name="82574L"),
    *card(3),
)


def test_a_fleet_on_the_terminal():
    assert survey_text({"b": survey(HOST), "a": survey(HOST), "c": {}}) == [
        "2 hosts surveyed, 1 kind of hardware",
        "",
        "2 hosts: a, b",
        "  IOMMU on (intel, 0 groups); kernel 6.1.0",
        "  can be passed through:",
        "    0000:02:00.0  8086:10d3  Intel 82574L",
        "      type-PCI, group 2, NUMA node 0, driver e1000e",
        "    0000:04:10.0 to 0000:04:10.2 (3)  8086:10ca  network",
        "      type-VF, driver igbvf",
        "  could be, after something:",
        "    0000:04:00.0  8086:10c9  network",
        "      type-PF, group 20, driver igb, 3 of 7 VFs",
        "      because it has 3 virtual functions, and cannot be handed out itself beside them",
        "      first: Set them to 0 first, or hand out the virtual functions instead",
        "        (device_type: type-VF)",
        "  must not be:",
        "    0000:01:00.0  144d:a808  storage",
        "      type-PCI, group 1, driver nvme",
        "      because it is needed by the host: / is mounted from nvme0n1p2",
        "  and 1 function of the board itself (bridges, system, management)",
        "",
        "Worth knowing",
        "  - No answer from c.",
    ]


def test_what_the_whole_host_waits_for_is_said_once():
    lines = survey_text({"a": survey(replace(HOST, vfio_pci="missing"))})
    assert sum("has no vfio-pci" in line for line in lines) == 1


def test_a_device_in_a_guest():
    held = host(device("0000:02:00.0", driver="vfio-pci", uses=(GUEST,)))
    assert "      type-PCI, driver vfio-pci, in a guest now" in survey_text({"a": survey(held)})


@pytest.mark.parametrize("machine", machine_names())
def test_no_line_is_wider_than_a_terminal(machine, tmp_path):
    surveyed = survey(build_inventory(read_machine(build(machine, tmp_path))))
    lines = survey_text({f"{machine}-{number}": surveyed for number in range(1000)})
    assert max(map(len, lines)) <= WIDTH
    assert len(lines) < 120  # a thousand hosts that are alike take no more room than one


def test_the_page():
    page = survey_markdown({"a": survey(HOST)})
    start = page.index("## 1 host: a")
    assert page[start + 2] == "IOMMU on (intel, 0 groups); kernel 6.1.0"
    assert "| 0000:02:00.0 | 8086:10d3 | Intel 82574L | type-PCI | 2 | 0 | e1000e | can be passed through |  |" in page
    assert page[-1] == "```"
    assert "pci_passthrough_devices:" in page


def test_a_name_of_a_host_cannot_become_markup():
    named = device("0000:02:00.0", product_name="<script>| `x`\n# [a](b)")
    page = survey_markdown({"a": survey(host(named))})
    (line,) = [line for line in page if line.startswith("| 0000:02:00.0")]
    assert r"\<script\>\| \`x\` \# \[a\](b)" in line


def test_an_override_stands_beside_its_device():
    data = Use("mount", "/srv is mounted from nvme1n1")
    override = Override(0, parse_address("0000:02:00.0"), "nobody needs /srv")
    surveyed = survey(host(device("0000:02:00.0", uses=(data,))), [override])
    assert "      type-PCI, driver e1000e, override: nobody needs /srv" in survey_text({"a": surveyed})
    assert any("Reason: nobody needs /srv" in line for line in survey_markdown({"a": surveyed}))
