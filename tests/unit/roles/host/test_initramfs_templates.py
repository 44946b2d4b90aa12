# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The initramfs' and systemd's files: what they print, that their shells read them, and in which order they run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import jinja2
import pytest

TEMPLATES = Path(__file__).parents[4] / "roles" / "host" / "templates"
SHELL_FILES = {
    "initramfs-tools-hook.j2": "sh",
    "initramfs-tools-init-top.j2": "sh",
    "dracut-module-setup.sh.j2": "bash",
    "dracut-early.sh.j2": "sh",
}
MANAGED = "# Ansible managed: nova_pci.passthrough writes this file as a whole."


def render(name: str, **variables: object) -> str:
    """As Ansible's template lookup does it."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(str(TEMPLATES)),
        trim_blocks=True,
        keep_trailing_newline=True,
        undefined=jinja2.StrictUndefined,
        autoescape=False,  # shell files, no HTML
    )
    modules = {"__host_modules": ["vfio-pci"], "__host_initramfs_modules": ["igb_uio", "vfio-pci"]}
    return environment.get_template(name).render({**modules, **variables})


@pytest.mark.parametrize(("name", "shell"), SHELL_FILES.items())
def test_shells_read_them(name: str, shell: str, tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(render(name))
    assert script.read_text().splitlines()[0] == ("#!/usr/bin/env bash" if shell == "bash" else "#!/bin/sh")
    done = subprocess.run([shell, "-n", str(script)], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    shellcheck = shutil.which("shellcheck")
    if shellcheck is not None:
        done = subprocess.run(
            [shellcheck, "-e", "SC1091", "-s", shell, str(script)], capture_output=True, text=True, check=False
        )
        assert done.stdout == ""


@pytest.mark.parametrize("name", [*SHELL_FILES, "dracut.conf.j2", "modules-load.conf.j2"])
def test_they_say_whose_they_are(name: str) -> None:
    assert MANAGED in render(name)


def test_devices_conf_prints_the_rows_and_decides_nothing() -> None:
    rows = [
        {"address": "0000:02:00.0", "what": "driver", "value": "vfio-pci 8086:10d3"},
        {"address": "0000:02:00.1", "what": "driver", "value": "vfio-pci 8086:10d3"},
        {"address": "0000:04:00.0", "what": "vfs", "value": "4 native 8086:10c9"},
    ]
    lines = render("devices.conf.j2", __host_devices_conf_rows=rows).splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "0000:02:00.0 driver vfio-pci 8086:10d3",
        "0000:02:00.1 driver vfio-pci 8086:10d3",
        "0000:04:00.0 vfs 4 native 8086:10c9",
    ]


def test_the_modules() -> None:
    assert render("modules-load.conf.j2", __host_modules=["vfio-pci", "vfio_virqfd"]).splitlines()[-2:] == [
        "vfio-pci",
        "vfio_virqfd",
    ]
    assert "manual_add_modules igb_uio\nmanual_add_modules vfio-pci\n" in render("initramfs-tools-hook.j2")
    assert "    hostonly='' instmods vfio-pci\n" in render("dracut-module-setup.sh.j2")


def test_the_unit_stands_before_everything_that_reads_the_devices() -> None:
    text = render("nova-pci-passthrough.service.j2")
    before = {unit for line in text.splitlines() if line.startswith("Before=") for unit in line[7:].split()}
    assert before >= {
        "libvirtd.service",
        "virtqemud.service",
        "nova-compute.service",
        "openstack-nova-compute.service",
        "neutron-sriov-nic-agent.service",
        "neutron-sriov-agent.service",
        "docker.service",
    }
    assert "TimeoutStartSec=180" in text
    # It holds nothing up but by its order: nobody is made to depend on it.
    assert not [line for line in text.splitlines() if line.startswith(("RequiredBy=", "Requires=", "BindsTo="))]


# ---- the order in the initramfs (initramfs-tools)

# What initramfs-tools 0.142 to 0.148 do (hook-functions, set_initlist, get_prereq_pairs and cache_run_scripts), and
# the scripts of init-top that Debian and Ubuntu ship, none of which names a prerequisite but the last.
ORDER = """
cd "$1"
for x in *; do
    echo "$x $x"
    for prereq in $("./$x" prereqs); do echo "$prereq $x"; done
done | tsort
"""
NEIGHBOURS = {
    "all_generic_ide": "",
    "blacklist": "",
    "console_setup": "",
    "framebuffer": "udev",
    "keymap": "",
    "udev": "",
}


def test_it_runs_before_udev(tmp_path: Path) -> None:
    if shutil.which("tsort") is None:
        pytest.skip("tsort is not installed")
    for name, prerequisites in NEIGHBOURS.items():
        (tmp_path / name).write_text(f'#!/bin/sh\necho "{prerequisites}"\n')
    (tmp_path / "nova-pci-passthrough").write_text(render("initramfs-tools-init-top.j2"))
    for script in tmp_path.iterdir():
        script.chmod(0o755)
    done = subprocess.run(["sh", "-c", ORDER, "sh", str(tmp_path)], capture_output=True, text=True, check=True)
    order = done.stdout.split()
    assert order.index("nova-pci-passthrough") < order.index("udev")


def test_the_init_top_script_never_fails_the_boot(tmp_path: Path) -> None:
    script = tmp_path / "script"
    script.write_text(
        render("initramfs-tools-init-top.j2").replace("/usr/local/lib/nova-pci-passthrough", str(tmp_path))
    )
    assert subprocess.run(["sh", "-e", str(script)], check=False).returncode == 0
    (tmp_path / "devices.sh").write_text("echo failed 0000:02:00.0 x\nexit 1\n")
    text = script.read_text().replace("/dev/kmsg", str(tmp_path / "kmsg"))
    script.write_text(text)
    assert subprocess.run(["sh", str(script)], check=False).returncode == 0
    assert (tmp_path / "kmsg").read_text() == "nova-pci-passthrough: failed 0000:02:00.0 x\n"
