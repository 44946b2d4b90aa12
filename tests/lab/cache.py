"""A cache of slow-to-build directories, named by a hash of everything they are built from.

An entry appears by one rename, so a reader finds it whole or not at all, and an interrupted
build leaves only a directory under ``tmp`` that the next build removes.
"""

from __future__ import annotations

import ast
import contextlib
import fcntl
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Collection, Iterator, Mapping
from pathlib import Path

CACHE_EPOCH = 1
"""Raise it to make every entry stale at once, for example to take newer packages."""

KEEP_PER_KIND = 2


def default_root(environ: Mapping[str, str] | None = None) -> Path:
    """Where the cache lives: NOVA_PCI_LAB_CACHE, or the user's cache folder."""
    environ = os.environ if environ is None else environ
    chosen = environ.get("NOVA_PCI_LAB_CACHE")
    if chosen:
        return Path(chosen).expanduser().absolute()
    home = Path(environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return home / "nova-pci-passthrough-lab"


def digest(inputs: Mapping[str, object], epoch: int = CACHE_EPOCH) -> str:
    """A short name for `inputs`; the order of keys does not matter, every value does."""
    text = json.dumps({"epoch": epoch, **inputs}, sort_keys=True, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def code_digest(source: str) -> str:
    """A hash of Python code that a comment or another layout does not change."""
    return hashlib.sha256(ast.dump(ast.parse(source)).encode()).hexdigest()


class Cache:
    """Entries live in ``<root>/<kind>/<digest>``."""

    def __init__(self, root: Path) -> None:
        """Nothing is created until something is built."""
        self.root = root

    def path(self, kind: str, key: str) -> Path:
        """Where the entry is, or would be."""
        return self.root / kind / key

    def get_or_build(self, kind: str, inputs: Mapping[str, object], build: Callable[[Path], None]) -> Path:
        """Return the entry for `inputs`, calling ``build(directory)`` when there is none.

        A lock per kind makes a second caller wait for the first one's result instead of
        building the same thing beside it on the same few processors.
        """
        entry = self.path(kind, digest(inputs))
        if entry.is_dir():
            os.utime(entry)
            return entry
        with self._lock(kind):
            if entry.is_dir():
                return entry
            with self._scratch(kind) as scratch:
                build(scratch)
                (scratch / "inputs.json").write_text(
                    json.dumps(dict(inputs), indent=1, sort_keys=True) + "\n", encoding="utf-8"
                )
                entry.parent.mkdir(parents=True, exist_ok=True)
                scratch.rename(entry)
        return entry

    def prune(self, kind: str, in_use: Collection[Path] = ()) -> list[Path]:
        """Remove all but the newest entries of a kind; those in use stay whatever their age.

        Two callers may both have waited for the same build, so this takes the lock as well.
        """
        folder = self.root / kind
        if not folder.is_dir():
            return []
        with self._lock(kind):
            entries = [entry for entry in folder.iterdir() if entry.is_dir()]
            entries.sort(key=lambda entry: entry.stat().st_mtime, reverse=True)
            old = [entry for entry in entries[KEEP_PER_KIND:] if entry not in in_use]
            for entry in old:
                shutil.rmtree(entry)
        return old

    @contextlib.contextmanager
    def _lock(self, kind: str) -> Iterator[None]:
        self.root.mkdir(parents=True, exist_ok=True)
        with (self.root / f".{kind}.lock").open("w") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield

    @contextlib.contextmanager
    def _scratch(self, kind: str) -> Iterator[Path]:
        """A fresh build directory; what earlier, interrupted builds of this kind left is removed.

        Safe because the caller holds the lock of the kind.
        """
        folder = self.root / "tmp"
        folder.mkdir(parents=True, exist_ok=True)
        for leftover in folder.glob(f"{kind}-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        scratch = folder / f"{kind}-{os.getpid()}"
        scratch.mkdir()
        try:
            yield scratch
        finally:
            if scratch.is_dir():
                shutil.rmtree(scratch, ignore_errors=True)
