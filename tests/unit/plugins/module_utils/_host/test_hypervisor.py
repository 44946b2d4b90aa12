# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _host/hypervisor.py on files below a folder."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.hypervisor import (
    count_numa_nodes,
    has_kvm,
    read_listening,
    read_node_name,
)
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.nova_hosts import write

HEAD = "Num       RefCount Protocol Flags    Type St Inode Path\n"
LISTENS = "0000000000000000: 00000002 00000000 00010000 0001 01 12 {}\n"
CONNECTED = "0000000000000000: 00000003 00000000 00000000 0001 03 13 {}\n"


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (LISTENS.format("/run/libvirt/libvirt-sock"), True),
        (LISTENS.format("/var/run/libvirt/virtqemud-sock"), True),
        (CONNECTED.format("/run/libvirt/libvirt-sock"), False),
        (LISTENS.format("/run/libvirt/libvirt-sock-ro"), False),
        ("0000000000000000: 00000002 00000000 zz 0001 01 12 /run/libvirt/libvirt-sock\n", False),
        ("0000000000000000: 00000002 00000000 00010000 0001 01 12\n", False),
        ("", False),
    ],
)
def test_who_listens_for_libvirt(tmp_path, rows, expected):
    write(tmp_path, "proc/net/unix", HEAD + rows)
    assert read_listening(str(tmp_path)) is expected


def test_what_cannot_be_read_is_not_known(tmp_path):
    assert read_listening(str(tmp_path)) is None
    assert read_node_name(str(tmp_path)) == ""


def test_kvm_nodes_and_name(tmp_path):
    assert (has_kvm(str(tmp_path)), count_numa_nodes(str(tmp_path))) == (False, 1)
    for path in ("dev/kvm", "sys/devices/system/node/node0/x", "sys/devices/system/node/node1/x"):
        write(tmp_path, path, "")
    write(tmp_path, "sys/devices/system/node/online", "0-1\n")
    write(tmp_path, "proc/sys/kernel/hostname", "cmp1\n")
    assert has_kvm(str(tmp_path))
    assert count_numa_nodes(str(tmp_path)) == 2
    assert read_node_name(str(tmp_path)) == "cmp1"
