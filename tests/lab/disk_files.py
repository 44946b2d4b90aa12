"""Files of a disk image that is not running, read and replaced by debugfs: neither a loop device nor a boot is needed."""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

from .errors import LabError

_FIRST_PARTITION = 2048 * 512
"""Where image.py puts the root file system, in bytes."""

_OWNED = re.compile(r"Mode:\s+(?P<mode>\d+).*?User:\s+(?P<user>\d+)\s+Group:\s+(?P<group>\d+)", re.DOTALL)


class DiskFiles:
    """The root file system of a raw image that was unmounted properly."""

    def __init__(self, raw: Path, scratch: Path) -> None:
        """`scratch` is a folder for what is to be written."""
        self.where = f"{raw}?offset={_FIRST_PARTITION}"
        self.scratch = scratch

    def read(self, path: str) -> str:
        """The content of a file by its absolute path."""
        return self._debugfs("-R", f"cat {path}")

    def replace(self, texts: Mapping[str, str]) -> None:
        """Give files that exist another content; mode and owner stay. A name that is not there is an error."""
        script = []
        for number, (path, text) in enumerate(texts.items()):
            source = self.scratch / f"file{number}"
            source.write_text(text, encoding="utf-8")
            script += replacing(path, source, self._debugfs("-R", f"stat {path}"))
        commands = self.scratch / "debugfs"
        commands.write_text("\n".join(script) + "\n", encoding="utf-8")
        self._debugfs("-w", "-f", str(commands))
        # debugfs ends with success whatever became of its commands.
        for path, text in texts.items():
            if self.read(path) != text:
                raise LabError(f"{path} could not be replaced in {self.where}.")

    def _debugfs(self, *words: str) -> str:
        done = subprocess.run(["debugfs", *words, self.where], capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"debugfs failed: {done.stderr.strip() or 'no reason given'}")
        return done.stdout


def replacing(path: str, source: Path, stat: str) -> list[str]:
    """debugfs' commands that put `source` in the place of a file, given what its `stat` says of that file."""
    found = _OWNED.search(stat)
    if found is None:
        raise LabError(f"The image has no file {path}.")
    return [
        f"rm {path}",
        f"write {source} {path}",
        f"sif {path} mode 0100{found['mode'][-3:]}",
        f"sif {path} uid {found['user']}",
        f"sif {path} gid {found['group']}",
    ]
