# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files and tools that keep drivers and virtual functions over a reboot, as items of the plan."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from .declaration import DRIVER_NATIVE, DRIVER_VFIO
from .devices_conf import PATH as CONF_PATH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .devices_conf import ConfRow

LAYER_DEVICES = "devices"
LAYER_INITRAMFS = "initramfs"
INITRAMFS_TOOLS = "initramfs-tools"
DRACUT = "dracut"

SCRIPT_PATH = "/usr/local/lib/nova-pci-passthrough/devices.sh"
UNIT_NAME = "nova-pci-passthrough.service"
UNIT_PATH = f"/etc/systemd/system/{UNIT_NAME}"
WANTS_PATH = f"/etc/systemd/system/multi-user.target.wants/{UNIT_NAME}"
# One for each name that nova-compute's unit has (Debian and Ubuntu; RDO). Beside a unit that is not there it does nothing.
GUARD_PATHS = tuple(
    f"/etc/systemd/system/{unit}.service.d/nova-pci-passthrough.conf"
    for unit in ("nova-compute", "openstack-nova-compute")
)
MODULES_PATH = "/etc/modules-load.d/nova-pci-passthrough.conf"
_DRACUT_MODULE = "/usr/lib/dracut/modules.d/90nova-pci-passthrough"


@dataclass(frozen=True)
class DeviceFiles:
    """Items for the plan's `files` and `tools`, and the lists that two of the templates print."""

    files: tuple[dict[str, object], ...] = ()
    tools: tuple[dict[str, object], ...] = ()
    modules: tuple[str, ...] = ()  # modules-load.conf.j2: __host_modules
    initramfs_modules: tuple[str, ...] = ()  # hook and module-setup.sh: __host_initramfs_modules

    def to_dict(self) -> dict[str, object]:
        return {
            "files": [dict(item) for item in self.files],
            "tools": [dict(item) for item in self.tools],
            "modules": list(self.modules),
            "initramfs_modules": list(self.initramfs_modules),
        }


def device_files(
    rows: Sequence[ConfRow], *, vfio_pci: str, vfio_virqfd: str, initramfs_tool: str | None
) -> DeviceFiles:
    """Return what *rows* of devices.conf need. *vfio_pci* and *vfio_virqfd* are "module", "builtin" or "missing".

    The initramfs takes part only where a row binds a device to a driver of ours: virtual functions are made later.
    """
    if not rows:
        return DeviceFiles()
    early = _drivers(rows, "driver", 0)
    wanted = {*early, *_drivers(rows, "vfs", 1)}
    modules = _modules(wanted, vfio_pci, vfio_virqfd)
    files: list[dict[str, object]] = [
        _file(CONF_PATH, LAYER_DEVICES, "devices.conf.j2"),
        _file(SCRIPT_PATH, LAYER_DEVICES, "devices.sh.j2", mode="0755"),
        _file(UNIT_PATH, LAYER_DEVICES, "nova-pci-passthrough.service.j2"),
        {"path": WANTS_PATH, "layer": LAYER_DEVICES, "kind": "symlink", "target": UNIT_PATH},
        *(_file(path, LAYER_DEVICES, "nova-compute-guard.conf.j2") for path in GUARD_PATHS),
    ]
    if modules:
        files.append(_file(MODULES_PATH, LAYER_DEVICES, "modules-load.conf.j2"))
    tools = [daemon_reload()]
    if early and initramfs_tool is not None:
        more_files, tool = initramfs(initramfs_tool)
        files.extend(more_files)
        tools.append(tool)
    return DeviceFiles(tuple(files), tuple(tools), modules, early if initramfs_tool is not None else ())


def _drivers(rows: Sequence[ConfRow], what: str, position: int) -> tuple[str, ...]:
    found = {row.value.split()[position] for row in rows if row.what == what}
    return tuple(sorted(found - {DRIVER_NATIVE}))


def _modules(drivers: set[str], vfio_pci: str, vfio_virqfd: str) -> tuple[str, ...]:
    """What systemd-modules-load loads; a built-in driver needs no line, a missing one would fail the unit."""
    modules = sorted(drivers - {DRIVER_VFIO})
    if DRIVER_VFIO in drivers and vfio_pci == "module":
        modules.append(DRIVER_VFIO)
        if vfio_virqfd == "module":  # a module of its own before Linux 6.2
            modules.append("vfio_virqfd")
    return tuple(modules)


def daemon_reload() -> dict[str, object]:
    return _tool("daemon-reload", (LAYER_DEVICES,), ("systemctl", "daemon-reload"), ())


def initramfs(tool: str) -> tuple[list[dict[str, object]], dict[str, object]]:
    """Return the items of the plan's `files` and `tools` for an initramfs that is built by *tool*."""
    layers = (LAYER_DEVICES, LAYER_INITRAMFS)  # devices.conf and devices.sh lie in the image too
    if tool == INITRAMFS_TOOLS:
        files = [
            _file(
                "/etc/initramfs-tools/hooks/nova-pci-passthrough", LAYER_INITRAMFS, "initramfs-tools-hook.j2", "0755"
            ),
            _file(
                "/etc/initramfs-tools/scripts/init-top/nova-pci-passthrough",
                LAYER_INITRAMFS,
                "initramfs-tools-init-top.j2",
                "0755",
            ),
        ]
        argv = ("update-initramfs", "-u", "-k", "all")
        return files, _tool("update-initramfs", layers, argv, ("/boot/initrd.img-*",))
    if tool == DRACUT:
        files = [
            _file(f"{_DRACUT_MODULE}/module-setup.sh", LAYER_INITRAMFS, "dracut-module-setup.sh.j2", "0755"),
            _file(f"{_DRACUT_MODULE}/nova-pci-passthrough-early.sh", LAYER_INITRAMFS, "dracut-early.sh.j2", "0755"),
            _file("/etc/dracut.conf.d/90-nova-pci-passthrough.conf", LAYER_INITRAMFS, "dracut.conf.j2"),
        ]
        touches = ("/boot/initramfs-*.img", "/boot/initrd.img-*", "/boot/initrd-*", "/boot/*/*/initrd")
        return files, _tool("dracut", layers, ("dracut", "--force", "--regenerate-all"), touches)
    raise ValueError(f"{tool!r} is no initramfs tool; it is {INITRAMFS_TOOLS} or {DRACUT}")


def _file(path: str, layer: str, template: str, mode: str = "0644") -> dict[str, object]:
    return {"path": path, "layer": layer, "kind": "file", "mode": mode, "template": template}


def _tool(name: str, layers: tuple[str, ...], argv: tuple[str, ...], touches: tuple[str, ...]) -> dict[str, object]:
    return {
        "name": name,
        "layers": list(layers),
        "argv": list(argv),
        "undo": list(argv),
        "touches": list(touches),
        "force": False,
    }
