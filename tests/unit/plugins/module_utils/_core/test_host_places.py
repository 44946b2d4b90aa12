# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import re
from pathlib import Path

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.boot_facts import (
    DROP_IN,
    BootFacts,
    SourceFile,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.device_files import (
    DRACUT,
    INITRAMFS_TOOLS,
    device_files,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.devices_conf import ConfRow
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.host_places import host_places
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import value

GRUB = BootFacts(running="", tools=("update-grub",), grub_cfg_path="/boot/grub/grub.cfg")
ROWS = (ConfRow("0000:02:00.0", "driver", "vfio-pci 8086:10d3"),)
ROOT = Path(__file__).resolve().parents[5]


@pytest.mark.parametrize("tool", [INITRAMFS_TOOLS, DRACUT])
def test_every_file_that_a_plan_can_hold_is_looked_for(tool):
    files = device_files(ROWS, vfio_pci="module", vfio_virqfd="module", initramfs_tool=tool).files
    places = host_places(GRUB, tool)
    assert {file["path"]: file["layer"] for file in files}.items() <= places.files.items()
    assert places.files[DROP_IN] == "kernel_arguments"


def test_they_are_the_paths_of_the_documentation_s_table():
    table = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    table = table.partition("## Who owns what on the host")[2].partition("\n## ")[0]
    for path in host_places(GRUB, None).files:
        # a link by the words "+ wants link", files of a module by the module's folder
        known = "+ wants link" if "multi-user.target.wants" in path else path.replace("module-setup.sh", "*")
        assert known in table or re.sub(r"[^/]+\Z", "*", path) in table, path


@pytest.mark.parametrize("template", sorted((ROOT / "roles/host/templates").glob("*.j2")), ids=lambda path: path.name)
def test_every_template_carries_the_mark_in_its_first_lines(template):
    lines = [line for line in template.read_text(encoding="utf-8").splitlines() if not line.startswith("{#")]
    assert "nova_pci.passthrough" in "\n".join(lines[:6])


@pytest.mark.parametrize(
    ("facts", "tool", "expected"),
    [
        (GRUB, INITRAMFS_TOOLS, ["daemon-reload", "update-initramfs", "update-grub"]),
        (GRUB, None, ["daemon-reload", "update-grub"]),
        (BootFacts(running="", mkconfig_name="grub2-mkconfig"), DRACUT, ["daemon-reload", "dracut", "grub2-mkconfig"]),
        (BootFacts(running=""), None, ["daemon-reload"]),
    ],
)
def test_tools_are_those_that_are_installed(facts, tool, expected):
    places = host_places(facts, tool)
    assert [one.record.name for one in places.tools] == expected
    assert all(one.record.stamp is None and one.record.undo for one in places.tools)
    assert all(one.paths <= set(places.files) for one in places.tools)
    assert any("initramfs" in note for note in places.notes) is (tool is None)


def test_directories_are_those_that_bear_our_name_and_those_of_drop_ins():
    assert host_places(GRUB, None).directories == (
        "/etc/nova-pci-passthrough",
        "/usr/local/lib/nova-pci-passthrough",
        "/etc/systemd/system/nova-compute.service.d",
        "/etc/systemd/system/openstack-nova-compute.service.d",
        "/usr/lib/dracut/modules.d/90nova-pci-passthrough",
    )


def test_arguments_are_read_from_the_drop_in():
    text = (
        "# nova_pci.passthrough\nnova_pci_merge() {\n}\n"
        "nova_pci_merge set intel_iommu 'intel_iommu=on' intel_iommu=on ''\n"
        "nova_pci_merge set 'a b' 'a=1 b=2' '' ''\n"
        "nova_pci_merge flags iommu pt '' off\n"
        "nova_pci_merge set 'broken\n"
    )
    facts = BootFacts(running="", grub_drop_ins=(SourceFile(DROP_IN, value(text)), SourceFile("/x.cfg", value("y"))))
    assert host_places(facts, None).arguments == {DROP_IN: ("intel_iommu=on", "a=1", "b=2")}


@pytest.mark.parametrize(
    ("facts", "told"),
    [
        (GRUB, False),
        (BootFacts(running="", tools=("grubby",)), True),
        (BootFacts(running="", kernel_cmdline=value("quiet\n")), True),
    ],
)
def test_arguments_without_a_mark_are_told(facts, told):
    assert any("/etc/kernel/cmdline" in note for note in host_places(facts, DRACUT).notes) is told
