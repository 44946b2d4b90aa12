# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Versions, from metadata, names of libraries and programs of a built host."""

from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.nova_version import (
    packages_of,
    read_libvirt_version,
    read_nova_version,
    read_qemu_version,
)
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.nova_hosts import (
    installed,
    tool,
    write,
)

PROGRAM = "/usr/bin/nova-compute"


def test_the_python_of_the_program_tells(tmp_path: Path) -> None:
    installed(tmp_path, "26.2.2")
    installed(tmp_path, "29.0.0", "srv/venv/lib/python3.11/site-packages", "/srv/venv/bin/python")
    root = str(tmp_path)
    assert read_nova_version(root, [PROGRAM]) == (
        "26.2.2",
        "/usr/lib/python3/dist-packages/nova-26.2.2.dist-info/METADATA",
    )
    assert read_nova_version(root, ["/none", "/srv/venv/bin/nova-compute", PROGRAM]) == (
        "29.0.0", "/srv/venv/lib/python3.11/site-packages/nova-29.0.0.dist-info/METADATA",
    )  # fmt: skip
    assert read_nova_version(root, ["/none"]) is None


@pytest.mark.parametrize(
    "first_lines",
    [
        "#! /usr/bin/python3\n",
        "#!/usr/bin/env python3\n",
        "#!/usr/bin/python3 -s\n",
        "#!/bin/sh\n'''exec' /usr/bin/python3 \"$0\" \"$@\"\n",
    ],
)
def test_a_script_s_first_lines(tmp_path: Path, first_lines: str) -> None:
    installed(tmp_path, "26.2.2")
    write(tmp_path, "/opt/nova", first_lines)
    assert read_nova_version(str(tmp_path), ["/opt/nova"]) is not None


@pytest.mark.parametrize("text", ["\x7fELF", "#!/bin/sh\nexec x\n", ""])
def test_what_is_no_python_script(tmp_path: Path, text: str) -> None:
    installed(tmp_path, "26.2.2")
    write(tmp_path, "/opt/nova", text)
    assert read_nova_version(str(tmp_path), ["/opt/nova"]) is None


def test_egg_info_as_debian_has_it(tmp_path: Path) -> None:
    write(tmp_path, PROGRAM, "#! /usr/bin/python3\n")
    write(tmp_path, "usr/lib/python3/dist-packages/nova-26.2.2.egg-info/PKG-INFO", "Name: nova\nVersion: 26.2.2\n")
    found = read_nova_version(str(tmp_path), [PROGRAM])
    assert found is not None
    assert found[0] == "26.2.2"


def test_what_pip_put_under_usr_local_hides_the_package_and_another_python_s_does_not_count(tmp_path: Path) -> None:
    installed(tmp_path, "26.2.2")
    (tmp_path / "usr/bin/python3").symlink_to("python3.11")
    installed(tmp_path, "25.0.0", "usr/local/lib/python3.9/dist-packages")
    assert read_nova_version(str(tmp_path), [PROGRAM]) is not None
    assert str(read_nova_version(str(tmp_path), [PROGRAM])).startswith("('26.2.2'")
    installed(tmp_path, "29.0.0", "usr/local/lib/python3.11/dist-packages")
    assert str(read_nova_version(str(tmp_path), [PROGRAM])).startswith("('29.0.0'")


@pytest.mark.parametrize(("shared", "found"), [("true", True), ("false", False)])
def test_a_virtual_environment_may_use_the_system_s_packages(tmp_path: Path, shared: str, found: bool) -> None:
    installed(tmp_path, "26.2.2")
    write(tmp_path, "srv/venv/pyvenv.cfg", f"home = /usr/bin\ninclude-system-site-packages = {shared}\n")
    write(tmp_path, "srv/venv/bin/nova-compute", "#!/srv/venv/bin/python\n")
    assert (read_nova_version(str(tmp_path), ["/srv/venv/bin/nova-compute"]) is not None) is found


def test_the_folder_of_a_package(tmp_path: Path) -> None:
    installed(tmp_path, "26.2.2")
    write(tmp_path, "usr/lib/python3/dist-packages/oslo_config/cfg.py", "")
    assert (
        packages_of(str(tmp_path), [PROGRAM], "oslo_config") == f"{tmp_path}/usr/lib/python3/dist-packages/oslo_config"
    )
    assert packages_of(str(tmp_path), [PROGRAM], "oslo_none") is None


@pytest.mark.parametrize(
    ("library", "version"),
    [("usr/lib/x86_64-linux-gnu/libvirt.so.0.9000.0", (9, 0, 0)), ("usr/lib64/libvirt.so.0.6010.1", (6, 10, 1)),
     ("usr/lib64/libvirt.so.0.11006.0", (11, 6, 0)), ("usr/lib64/libvirt.so.0.1.0", None)],
)  # fmt: skip
def test_libvirt_s_library(tmp_path: Path, library: str, version: tuple[int, int, int] | None) -> None:
    write(tmp_path, library, "")
    assert read_libvirt_version(str(tmp_path)) == version


def test_libvirt_s_daemon(tmp_path: Path) -> None:
    tool(tmp_path, "usr/sbin/virtqemud", "virtqemud (libvirt) 10.9.0")
    assert read_libvirt_version(str(tmp_path)) == (10, 9, 0)


def test_qemu(tmp_path: Path) -> None:
    assert read_qemu_version(str(tmp_path)) is None
    tool(tmp_path, "usr/bin/qemu-system-zz", "QEMU emulator version 9.1")
    assert read_qemu_version(str(tmp_path)) == (9, 1, 0)
    tool(tmp_path, "usr/libexec/qemu-kvm", "QEMU emulator version 8.2.0 (qemu-kvm-8.2.0-11.el9)")
    assert read_qemu_version(str(tmp_path)) == (8, 2, 0)
    tool(tmp_path, "usr/libexec/qemu-kvm", "broken")
    assert read_qemu_version(str(tmp_path)) == (9, 1, 0)
