# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tools run as a user runs them, and the collection packed as ansible-galaxy packs it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import yaml

from ansible_collections.nova_pci.passthrough.tests.ladder import collection

# Galaxy wants an address of the repository, and there is no public one yet: this one goes into the copy that is packed here.
STAND_IN = "https://example.org/nova_pci/passthrough"
TOOLS = Path(sys.executable).parent


def run(argv: list[str], cwd: Path, **settings: str) -> subprocess.CompletedProcess[str]:
    """A tool of this environment, with nothing of the user's own settings of Ansible and a home below *cwd*."""
    home = cwd / "home"
    home.mkdir(exist_ok=True)
    foreign = ("ANSIBLE_", "GALAXY_", "OS_")
    environment = {
        **{key: text for key, text in os.environ.items() if not key.startswith(foreign)},
        "HOME": str(home),
        "PATH": f"{TOOLS}{os.pathsep}{os.environ['PATH']}",
        "ANSIBLE_NOCOLOR": "1",
        **settings,
    }
    program = [str(TOOLS / argv[0]), *argv[1:]]
    return subprocess.run(program, cwd=cwd, env=environment, capture_output=True, text=True, timeout=900, check=False)


def packed(work: Path, **more: str) -> Path:
    """The archive of a copy of this checkout whose galaxy.yml says *more*."""
    place = collection.copied(work)
    described = yaml.safe_load((place / "galaxy.yml").read_text(encoding="utf-8"))
    assert "repository" not in described, (
        "the collection has its address now: the stand-in, and what docs say of it, may go"
    )
    with (place / "galaxy.yml").open("a", encoding="utf-8") as file:
        file.writelines(f"{key}: {text}\n" for key, text in more.items())
    done = run(["ansible-galaxy", "collection", "build", "--output-path", str(work), str(place)], work)
    assert done.returncode == 0, done.stderr
    (archive,) = work.glob("*.tar.gz")
    return archive
