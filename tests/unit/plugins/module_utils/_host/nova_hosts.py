# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hosts with Nova, built below a directory: files, units, and processes as procfs shows them."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

PASSWD = "root:x:0:0:root:/root:/bin/sh\nnova:x:64060:64060::/var/lib/nova:/bin/sh\n"
UNIT = "[Service]\nUser=nova\nWorkingDirectory=~\nExecStart={}\n"
COMPUTE_SCRIPT = """#!/bin/sh
PROJECT_NAME=nova
NAME=${PROJECT_NAME}-compute
DAEMON_ARGS=""
if [ -f '/etc/nova/nova-compute.conf' ] ; then
\tDAEMON_ARGS="--config-file=/etc/nova/nova-compute.conf"
fi
# The content after this line comes from openstack-pkg-tools
"""
UWSGI_INI = "[uwsgi]\nlogto = /var/log/nova/nova-api.log\nwsgi-file = /usr/bin/nova-api-wsgi\n"


def write(root: Path, path: str, text: str) -> Path:
    file = root / path.lstrip("/")
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(text.encode("utf-8", "surrogateescape"))
    return file


def tool(root: Path, path: str, says: str) -> None:
    write(root, path, f"#!/bin/sh\necho '{says}'\n").chmod(0o755)


def process(
    root: Path, number: int, unit: str, argv: str, environment: Mapping[str, str] | None = None, ticks: int = 100
) -> None:
    """One process of *unit*, *ticks* hundredths of a second after the boot."""
    own = f"proc/{number}"
    write(root, f"{own}/cgroup", f"0::/system.slice/{unit}\n")
    write(root, f"{own}/cmdline", "".join(f"{word}\0" for word in argv.split()))
    write(root, f"{own}/environ", "".join(f"{name}={text}\0" for name, text in (environment or {}).items()))
    write(root, f"{own}/stat", f"{number} (nova (x) y) S 1 {'0 ' * 17}{ticks} 0 0\n")
    (root / own / "cwd").symlink_to("/var/lib/nova")


def installed(
    root: Path, version: str, folder: str = "usr/lib/python3/dist-packages", python: str = "/usr/bin/python3"
) -> None:
    """Nova's metadata and its programs, which *python* runs."""
    write(
        root,
        f"{folder}/nova-{version}.dist-info/METADATA",
        f"Metadata-Version: 2.1\nName: nova\nVersion: {version}\n\nVersion: 1\n",
    )
    bin_folder = os.path.dirname(python)
    for name in ("nova-compute", "nova-scheduler", "nova-conductor", "nova-api-wsgi"):
        write(root, f"{bin_folder}/{name}", f"#!{python} -s\nimport sys\n")


def host(root: Path) -> Path:
    write(root, "etc/passwd", PASSWD)
    write(root, "proc/stat", "cpu 1 2\nbtime 1700000000\n")
    write(root, "proc/1/cgroup", "0::/init.scope\n")
    (root / "proc/self").symlink_to("1")
    return root


def debian_compute(root: Path) -> Path:
    host(root)
    installed(root, "26.2.2")
    write(root, "lib/systemd/system/nova-compute.service", UNIT.format("/etc/init.d/nova-compute systemd-start"))
    write(root, "etc/init.d/nova-compute", COMPUTE_SCRIPT)
    write(root, "etc/nova/nova.conf", "[DEFAULT]\nlog_dir = /var/log/nova\n")
    write(root, "etc/nova/nova-compute.conf", "[libvirt]\nvirt_type=kvm\n")
    write(root, "usr/lib/x86_64-linux-gnu/libvirt.so.0.9000.0", "")
    tool(root, "usr/bin/qemu-system-x86_64", "QEMU emulator version 7.2.11 (Debian 1:7.2+dfsg-7+deb12u7)")
    return root


def debian_controller(root: Path) -> Path:
    host(root)
    installed(root, "26.2.2")
    for name in ("nova-scheduler", "nova-conductor", "nova-api"):
        write(root, f"lib/systemd/system/{name}.service", UNIT.format(f"/etc/init.d/{name} systemd-start"))
        write(root, f"etc/init.d/{name}", f"#!/bin/sh\nPROJECT_NAME=nova\nNAME={name}\n# openstack-pkg-tools\n")
    write(root, "etc/nova/nova.conf", "[pci]\nalias = a\n")
    write(root, "etc/nova/api-paste.ini", "[composite:x]\n/: y\n")
    write(root, "etc/nova/nova-api-uwsgi.ini", UWSGI_INI)
    start = "/usr/bin/python3 /usr/bin/{0} --config-file=/etc/nova/nova.conf --log-file=/var/log/nova/{0}.log"
    process(root, 20, "nova-scheduler.service", start.format("nova-scheduler"), ticks=2050)
    process(root, 9, "nova-scheduler.service", start.format("nova-scheduler"), ticks=2070)
    process(root, 21, "nova-conductor.service", start.format("nova-conductor"))
    uwsgi = "/usr/bin/uwsgi_python311 --http-socket :8774 --ini /etc/nova/nova-api-uwsgi.ini"
    process(root, 22, "nova-api.service", uwsgi, {"HOME": "/var/lib/nova"})
    return root
