# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.initramfs import read_initramfs_tool


def install(root: Path, path: str, text: str = "") -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


CASES = [
    ("Debian", {"usr/sbin/update-initramfs": "mkinitramfs -o", "usr/sbin/mkinitramfs": ""}, "initramfs-tools"),
    ("Debian, dracut tried", {"usr/sbin/update-initramfs": "mkinitramfs", "usr/sbin/mkinitramfs": "", "usr/bin/dracut": ""},
     "initramfs-tools"),
    ("Debian with dracut", {"usr/bin/dracut": ""}, "dracut"),
    ("dracut's wrapper", {"usr/sbin/update-initramfs": "dracut -f", "usr/sbin/mkinitramfs": "", "usr/bin/dracut": ""}, "dracut"),
    ("EL", {"usr/bin/dracut": ""}, "dracut"),
    ("old SUSE", {"sbin/dracut": ""}, "dracut"),
    ("Arch", {"usr/bin/mkinitcpio": ""}, None),
    ("a container", {}, None),
]  # fmt: skip


@pytest.mark.parametrize(("files", "tool"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_the_tool_by_what_is_installed(tmp_path: Path, files: dict[str, str], tool: str | None) -> None:
    for path, text in files.items():
        install(tmp_path, path, text)
    assert read_initramfs_tool(tmp_path) == tool


def test_an_update_initramfs_that_cannot_be_looked_at_goes_by_its_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for path in ("usr/sbin/update-initramfs", "usr/sbin/mkinitramfs", "usr/bin/dracut"):
        install(tmp_path, path)
    assert read_initramfs_tool(tmp_path) == "dracut"

    def refuse(path: Path) -> bytes:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert read_initramfs_tool(tmp_path) == "initramfs-tools"
