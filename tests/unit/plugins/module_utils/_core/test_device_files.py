# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.device_files import device_files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.devices_conf import ConfRow

NIC = ConfRow("0000:02:00.0", "driver", "vfio-pci 8086:10d3")
NATIVE = ConfRow("0000:03:00.0", "driver", "native 8086:10d3")
CARD = ConfRow("0000:04:00.0", "vfs", "4 vfio-pci 8086:10c9")
SCRIPT = "/usr/local/lib/nova-pci-passthrough/devices.sh"
UNIT = "/etc/systemd/system/nova-pci-passthrough.service"
WANTS = "/etc/systemd/system/multi-user.target.wants/nova-pci-passthrough.service"
GUARD = "/etc/systemd/system/nova-compute.service.d/nova-pci-passthrough.conf"
GUARD_RDO = "/etc/systemd/system/openstack-nova-compute.service.d/nova-pci-passthrough.conf"
MODULES = "/etc/modules-load.d/nova-pci-passthrough.conf"
CONF = "/etc/nova-pci-passthrough/devices.conf"
HOOK = "/etc/initramfs-tools/hooks/nova-pci-passthrough"
INIT_TOP = "/etc/initramfs-tools/scripts/init-top/nova-pci-passthrough"
DRACUT = "/usr/lib/dracut/modules.d/90nova-pci-passthrough"
DRACUT_CONF = "/etc/dracut.conf.d/90-nova-pci-passthrough.conf"


def files(
    *rows: ConfRow, vfio_pci: str = "module", virqfd: str = "missing", tool: str | None = None
) -> dict[str, object]:
    return device_files(rows, vfio_pci=vfio_pci, vfio_virqfd=virqfd, initramfs_tool=tool).to_dict()


def paths(found: dict[str, object]) -> list[str]:
    listed = found["files"]
    assert isinstance(listed, list)
    return [item["path"] for item in listed]


def test_nothing_declared_is_no_file_at_all() -> None:
    assert files(tool="dracut") == {"files": [], "tools": [], "modules": [], "initramfs_modules": []}


def test_the_items_have_the_shape_of_the_plan() -> None:
    assert files(NIC, tool="initramfs-tools") == {
        "files": [
            {"path": CONF, "layer": "devices", "kind": "file", "mode": "0644", "template": "devices.conf.j2"},
            {"path": SCRIPT, "layer": "devices", "kind": "file", "mode": "0755", "template": "devices.sh.j2"},
            {
                "path": UNIT,
                "layer": "devices",
                "kind": "file",
                "mode": "0644",
                "template": "nova-pci-passthrough.service.j2",
            },
            {"path": WANTS, "layer": "devices", "kind": "symlink", "target": UNIT},
            *(
                {
                    "path": path,
                    "layer": "devices",
                    "kind": "file",
                    "mode": "0644",
                    "template": "nova-compute-guard.conf.j2",
                }
                for path in (GUARD, GUARD_RDO)
            ),
            {"path": MODULES, "layer": "devices", "kind": "file", "mode": "0644", "template": "modules-load.conf.j2"},
            {"path": HOOK, "layer": "initramfs", "kind": "file", "mode": "0755", "template": "initramfs-tools-hook.j2"},
            {
                "path": INIT_TOP,
                "layer": "initramfs",
                "kind": "file",
                "mode": "0755",
                "template": "initramfs-tools-init-top.j2",
            },
        ],
        "tools": [
            {
                "name": "daemon-reload",
                "layers": ["devices"],
                "argv": ["systemctl", "daemon-reload"],
                "undo": ["systemctl", "daemon-reload"],
                "touches": [],
                "force": False,
            },
            {
                "name": "update-initramfs",
                "layers": ["devices", "initramfs"],
                "argv": ["update-initramfs", "-u", "-k", "all"],
                "undo": ["update-initramfs", "-u", "-k", "all"],
                "touches": ["/boot/initrd.img-*"],
                "force": False,
            },
        ],
        "modules": ["vfio-pci"],
        "initramfs_modules": ["vfio-pci"],
    }


def test_dracut() -> None:
    found = files(NIC, tool="dracut")
    assert paths(found)[-3:] == [f"{DRACUT}/module-setup.sh", f"{DRACUT}/nova-pci-passthrough-early.sh", DRACUT_CONF]
    tools = found["tools"]
    assert isinstance(tools, list)
    assert tools[-1]["argv"] == ["dracut", "--force", "--regenerate-all"]


@pytest.mark.parametrize("rows", [(CARD,), (NATIVE,), (CARD, NATIVE)])
def test_no_early_bind_no_initramfs(rows: tuple[ConfRow, ...]) -> None:
    found = files(*rows, tool="initramfs-tools")
    assert paths(found)[:6] == [CONF, SCRIPT, UNIT, WANTS, GUARD, GUARD_RDO]
    assert found["initramfs_modules"] == []
    tools = found["tools"]
    assert isinstance(tools, list)
    assert [tool["name"] for tool in tools] == ["daemon-reload"]


@pytest.mark.parametrize(
    ("vfio_pci", "virqfd", "modules"),
    [
        ("module", "missing", ["vfio-pci"]),
        ("module", "module", ["vfio-pci", "vfio_virqfd"]),
        ("module", "builtin", ["vfio-pci"]),
        ("builtin", "missing", []),
        ("builtin", "module", []),
        ("missing", "missing", []),
    ],
)
def test_modules_by_kernel(vfio_pci: str, virqfd: str, modules: list[str]) -> None:
    found = files(CARD, vfio_pci=vfio_pci, virqfd=virqfd)
    assert found["modules"] == modules
    assert (MODULES in paths(found)) is bool(modules)


def test_other_drivers_are_loaded_as_well() -> None:
    found = files(NIC, ConfRow("0000:05:00.0", "driver", "igb_uio"), NATIVE, tool="dracut")
    assert (found["modules"], found["initramfs_modules"]) == (["igb_uio", "vfio-pci"], ["igb_uio", "vfio-pci"])


def test_an_unknown_tool_is_a_mistake_of_ours() -> None:
    with pytest.raises(ValueError, match="'mkinitcpio' is no initramfs tool"):
        files(NIC, tool="mkinitcpio")


def test_a_host_without_any_tool() -> None:
    assert files(NIC)["initramfs_modules"] == []
