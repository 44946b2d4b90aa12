# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _host/guests.py."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import value
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.guests import RUNNING, read_guest_files


@pytest.fixture
def root(tmp_path):
    for name in (
        "run/libvirt/qemu/a.xml",
        "etc/libvirt/qemu/a.xml",
        "etc/libvirt/qemu/b.xml",
        "run/libvirt/qemu/a.pid",
    ):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name}\n")
    (tmp_path / "etc/libvirt/qemu/networks").mkdir()
    return tmp_path


def test_what_runs_and_what_is_defined(root):
    assert read_guest_files(str(root)) == (
        (
            ("/run/libvirt/qemu/a.xml", value("run/libvirt/qemu/a.xml")),
            ("/etc/libvirt/qemu/a.xml", value("etc/libvirt/qemu/a.xml")),
            ("/etc/libvirt/qemu/b.xml", value("etc/libvirt/qemu/b.xml")),
        ),
        (),
    )


def test_a_host_without_libvirt(tmp_path):
    assert read_guest_files(str(tmp_path)) == ((), ())


def test_a_folder_that_cannot_be_listed_is_named(root, monkeypatch):
    from ansible_collections.nova_pci.passthrough.plugins.module_utils._host import guests

    monkeypatch.setattr(guests, "list_directory", lambda path: ((), "Permission denied"))
    assert read_guest_files(str(root)) == (
        (),
        (("/run/libvirt/qemu", "Permission denied"), ("/etc/libvirt/qemu", "Permission denied")),
    )


def test_what_runs_alone(root):
    files, _problems = read_guest_files(str(root), (RUNNING,))
    assert [path for path, _text in files] == ["/run/libvirt/qemu/a.xml"]
