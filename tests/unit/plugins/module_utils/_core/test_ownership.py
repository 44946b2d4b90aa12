# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/ownership.py: the files of other tools, and which devices they mean."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.model import Use
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.ownership import (
    named_devices,
    reservations,
    reserved_uses,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import unreadable, value
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.snapshot import (
    InterfaceSnapshot,
    MachineSnapshot,
)

NIC = "0000:3b:00.0"
ETH = InterfaceSnapshot("ens1f0", f"../../devices/pci0000:3a/0000:3a:00.0/{NIC}/net/ens1f0")
SRIOV = "/var/lib/os-net-config/sriov_config.yaml"
MANAGED = (NIC, Use("tool", f"os-net-config manages it ({SRIOV})"))


@pytest.mark.parametrize(
    ("path", "text", "found"),
    [
        (f"/etc/driverctl.d/{NIC}", "vfio-pci", [(NIC, f"driverctl binds it to vfio-pci (/etc/driverctl.d/{NIC})")]),
        (f"/etc/driverctl.d/pci-{NIC}", "", [(NIC, f"driverctl binds it to a driver (/etc/driverctl.d/pci-{NIC})")]),
        ("/etc/driverctl.d/vmbus-1f2", "uio", []),
        ("/etc/driverctl.d/README", NIC, []),
    ],
)
def test_driverctl(path, text, found):
    snapshot = MachineSnapshot(driverctl=((path, value(text)),))
    assert [(name, use.detail) for name, use in named_devices(snapshot, [])] == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("- device_type: pf\n  name: ens1f0\n  numvfs: 4", [MANAGED]),
        ("- {device_type: vf, device: {name: 'ens1f0', vfid: 1}}", [MANAGED]),
        (f"- pci_address: '{NIC}'\n  name: ens1f0", [MANAGED]),
        (f"- pci_address: {NIC.upper()}", [MANAGED]),
        ("- device_type: pf\n  name: ens9", []),
        ("- mac_address: 0000:3b:00.0:11", []),
        ("", []),
    ],
)
def test_os_net_config(text, found):
    snapshot = MachineSnapshot(os_net_config=((SRIOV, value(text)),), interfaces=(ETH,))
    assert list(named_devices(snapshot, [])) == found


@pytest.mark.parametrize("field", ["driverctl", "os_net_config", "modprobe"])
def test_a_file_that_cannot_be_read_is_a_named_problem(field):
    snapshot = MachineSnapshot(**{field: (("/etc/x", unreadable("Permission denied")),)})
    problems: list = []
    assert (list(named_devices(snapshot, problems)), reservations(snapshot, problems)) == ([], ())
    assert problems == [("/etc/x", "Permission denied")]


GPU = ("10de", "1eb8", "10de", "12a2")


@pytest.mark.parametrize(
    ("text", "line"),
    [
        ("options vfio-pci ids=10de:1eb8", 1),
        ("options vfio_pci ids=8086:10d3,10DE:1EB8 disable_vga=1", 1),
        ('options pci-stub "ids=10de:1eb8"', 1),
        ("# why\n\noptions vfio-pci \\\n  ids=10de:1eb8", 3),
        ("options vfio-pci ids=10de:ffffffff", 1),
        ("options vfio-pci ids=10de:1eb8:10de:12a2", 1),
        ("options vfio-pci ids=10de:1eb8:ffffffff:ffffffff:030000:ffffff", 1),
        ("softdep nouveau pre: vfio-pci", 1),
        ("softdep nvidia_drm pre: i2c_core vfio_pci post: x", 1),
    ],
)
def test_a_line_that_means_the_device(text, line):
    found = reservations(MachineSnapshot(modprobe=(("/etc/modprobe.d/a.conf", value(text)),)), [])
    (use,) = reserved_uses(found, GPU, ("nouveau", "nvidia-drm"))
    assert use.kind == "tool"
    assert use.detail.endswith(f"means it (/etc/modprobe.d/a.conf:{line})")


@pytest.mark.parametrize(
    "text",
    [
        "options vfio-pci ids=10de:1eb9",
        "options vfio-pci ids=10de:1eb8:1043:12a2",
        "options vfio-pci disable_idle_d3=1",
        "options vfio-pci ids=",
        "options nouveau ids=10de:1eb8",
        "# options vfio-pci ids=10de:1eb8",
        "softdep nouveau post: vfio-pci",
        "softdep nouveau pre: drm",
        "softdep ixgbe pre: vfio-pci",
        "blacklist nouveau",
        "options",
        "softdep",
        "",
    ],
)
def test_a_line_that_does_not(text):
    found = reservations(MachineSnapshot(modprobe=(("/etc/modprobe.d/a.conf", value(text)),)), [])
    assert reserved_uses(found, GPU, ("nouveau",)) == ()
