"""What the lab needs on the machine it runs on, and how to say what is missing."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from .apt_sources import KEYRING
from .errors import NotPossibleHereError
from .progress import Progress


@dataclass(frozen=True)
class Need:
    """A program (or a file) and the Debian package that brings it."""

    what: str
    package: str


NEEDS = (
    Need("mmdebstrap", "mmdebstrap"),
    Need("mke2fs", "e2fsprogs"),
    Need("ssh", "openssh-client"),
    Need("ssh-keygen", "openssh-client"),
    Need("unshare", "util-linux"),
    Need("setpriv", "util-linux"),
    Need("as", "binutils"),
    Need("ld", "binutils"),
    Need(KEYRING, "debian-archive-keyring"),
)
"""QEMU is not here: `qemu.py` brings its own where the machine's is too old."""

CLOUD_NEEDS = (
    *NEEDS,
    Need("systemd-nspawn", "systemd-container"),
    Need("ip", "iproute2"),
    Need("nsenter", "util-linux"),
    Need("debugfs", "e2fsprogs"),
)
"""What a cloud needs besides a machine that stands alone."""


def is_there(what: str) -> bool:
    """Whether a program can be found (also in the folders of root) or a file exists."""
    if what.startswith("/"):
        return Path(what).exists()
    path = os.environ.get("PATH", os.defpath) + ":/usr/sbin:/sbin"
    return shutil.which(what, path=path) is not None


def missing(needs: Sequence[Need] = NEEDS, present: Callable[[str], bool] = is_there) -> list[Need]:
    """The needs that this machine does not meet."""
    return [need for need in needs if not present(need.what)]


def sentence(lacking: Sequence[Need]) -> str:
    """One sentence that names what is missing and the command that brings it."""
    names = ", ".join(need.what for need in lacking)
    packages = " ".join(sorted({need.package for need in lacking}))
    verb = "is" if len(lacking) == 1 else "are"
    return f"{names} {verb} missing here: run the lab's setup, or apt-get install {packages}."


def require(needs: Sequence[Need] = NEEDS) -> None:
    """Refuse with one sentence where the lab cannot work."""
    if os.geteuid() != 0:
        raise NotPossibleHereError("The lab builds root file systems and must be run as root.")
    lacking = missing(needs)
    if lacking:
        raise NotPossibleHereError(sentence(lacking))


def install(progress: Progress, needs: Sequence[Need] = NEEDS) -> None:
    """Bring what is missing, through apt only, and only if something is missing."""
    if os.geteuid() != 0:
        raise NotPossibleHereError("The lab's setup installs packages and must be run as root.")
    if not is_there("apt-get"):
        raise NotPossibleHereError("The lab's setup needs apt-get, so a Debian-like machine.")
    lacking = missing(needs)
    if not lacking:
        progress.say("nothing to install")
        return
    packages = sorted({need.package for need in lacking})
    progress.say(f"installing {' '.join(packages)}")
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    steps = (
        ("apt-get", "update", "-q"),
        ("apt-get", "install", "-y", "-q", "--no-install-recommends", *packages),
    )
    for step in steps:
        done = subprocess.run(step, env=environment, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise NotPossibleHereError(f"{' '.join(step[:2])} failed: {reason}")
    require(needs)
    progress.say("installed")
