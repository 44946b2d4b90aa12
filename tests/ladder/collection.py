# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection in the place where Ansible's tools want it: .../ansible_collections/nova_pci/passthrough."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from .machine import MissingError

ROOT = Path(__file__).resolve().parents[2]
PLACE = Path("ansible_collections", "nova_pci", "passthrough")


def files(root: Path = ROOT) -> list[str]:
    """What git tracks, and what it would track were it added; paths relative to *root*."""
    command = ["git", "-c", "safe.directory=*", "-C", str(root), "ls-files", "-coz", "--exclude-standard"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError:
        raise MissingError("git is missing; it tells which files belong to the collection.") from None
    if done.returncode:
        raise MissingError(f"{root} is no git checkout, so nobody can say which files belong to the collection.")
    names = sorted({name for name in done.stdout.split("\0") if name})
    return [name for name in names if (root / name).is_file() or (root / name).is_symlink()]


def copied(into: Path, root: Path = ROOT) -> Path:
    """Copy the collection below *into*; ansible-test wants a tree of its own, free of leftovers."""
    place = into / PLACE
    for name in files(root):
        target = place / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(root / name, target, follow_symlinks=False)
    return place


def linked(into: Path, root: Path = ROOT) -> Path:
    """Make the checkout itself visible below *into*."""
    place = into / PLACE
    place.parent.mkdir(parents=True, exist_ok=True)
    if not place.is_symlink():
        place.symlink_to(root, target_is_directory=True)
    return place
