"""A Debian root file system in a directory, made by mmdebstrap: golden disks and containers start from one."""

from __future__ import annotations

import shlex
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from . import apt_sources
from .errors import LabError
from .progress import Progress

# mmdebstrap mounts /proc and more below its target. In namespaces of its own, and tied to the
# life of its parent, neither a mount nor a process can stay behind, however the build ends.
OUTLIVES_NOTHING = (
    *("setpriv", "--pdeathsig", "KILL"),
    *("unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child"),
)

MASKED_UNITS = (
    "systemd-networkd-wait-online.service",
    "systemd-timesyncd.service",
    "apt-daily.timer",
    "apt-daily-upgrade.timer",
    "dpkg-db-backup.timer",
    "fstrim.timer",
    "e2scrub_all.timer",
    "e2scrub_reap.service",
)


@dataclass(frozen=True)
class Contents:
    """What goes into a root: packages, and files by path relative to it.

    `early` files are there before packages are configured, `late` ones come on top of them.
    """

    packages: Sequence[str]
    early: Mapping[str, str] = field(default_factory=dict)
    late: Mapping[str, str] = field(default_factory=dict)
    enable: Sequence[str] = ("systemd-networkd.service", "ssh.service")
    disable: Sequence[str] = ()


def build(suite: str, scratch: Path, root: Path, contents: Contents, progress: Progress) -> None:
    """Make `root`; `scratch` takes the log and the files until they are copied."""
    progress.say(f"{suite}: installing packages into a directory")
    early, late = scratch / "early", scratch / "late"
    write_tree(early, contents.early)
    write_tree(late, contents.late)
    argv = [*OUTLIVES_NOTHING, "nice", "mmdebstrap", *options(early, late, contents)]
    argv += [suite, str(root), *apt_sources.mirrors().source_lines(suite)]
    with (scratch / "mmdebstrap.log").open("w+") as log:
        process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
        while process.poll() is None:
            time.sleep(0.5)
            progress.heartbeat("installing packages")
        if process.returncode:
            log.seek(0)
            tail = " / ".join(log.read().strip().splitlines()[-4:])
            raise LabError(f"mmdebstrap failed ({process.returncode}): {tail}")


def options(early: Path, late: Path, contents: Contents) -> list[str]:
    """Options of mmdebstrap."""
    apt = [*apt_sources.inherited_options(), 'Acquire::Languages "none"']
    apt.append('APT::Install-Recommends "false"')
    dpkg = ["force-unsafe-io"]
    dpkg += [f"path-exclude=/usr/share/{part}/*" for part in ("doc", "man", "locale")]
    customize = [
        # The building machine's own way to its mirrors is no business of the guest.
        'rm "$1/etc/apt/apt.conf.d/99mmdebstrap"',
        f'cp -a {shlex.quote(str(late))}/. "$1"',
        'chmod 0700 "$1/root" "$1/root/.ssh"',
        f'chroot "$1" systemctl enable {shlex.join(contents.enable)}',
        f'chroot "$1" systemctl mask {shlex.join(MASKED_UNITS)}',
    ]
    if contents.disable:
        customize.append(f'chroot "$1" systemctl disable {shlex.join(contents.disable)}')
    return [
        *("--quiet", "--variant=minbase", "--format=directory"),
        f"--include={','.join(contents.packages)}",
        *(f"--aptopt={line}" for line in apt),
        *(f"--dpkgopt={line}" for line in dpkg),
        f'--essential-hook=cp -a {shlex.quote(str(early))}/. "$1"',
        *(f"--customize-hook={hook}" for hook in customize),
    ]


def write_tree(root: Path, files: Mapping[str, str]) -> None:
    """Write files as a guest should own them; directories become 0755, files 0644, programs 0755."""
    root.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        path.chmod(0o755 if text.startswith("#!") else 0o644)
    root.chmod(0o755)
