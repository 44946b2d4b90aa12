# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the journal lives, and the lock that lets one run at a time change the host."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import hashlib
import os
import time
from collections.abc import Iterator
from dataclasses import replace

from .._core.errors import MachineProblem, UnreadableJournal
from .._core.journal import (
    ABSENT,
    FILE,
    STATE_DIRECTORY,
    FileState,
    Journal,
    is_of_a_newer_collection,
    journal_from_text,
)
from .files import Files

_PAUSE = 0.1
_ASIDE = "journal.json.unreadable-"
DRAINED = "drained.json"  # _host/drain_record.py has its own life there

_FIX = (
    "It is this host's memory of what to give back, so nothing has been changed. Bring the file back from a backup; "
    "or move it away when you are sure, and the present files of the host count as its former state"
)


class JournalStore:
    """Reads and writes the journal of one plan through *files*; it lies in *directory*.

    Shape: *copies* is the folder for copies of what tools rewrite, while a run is under way.
    """

    def __init__(self, files: Files, directory: str = STATE_DIRECTORY) -> None:
        self._files = files
        self.directory = directory
        self.path = f"{directory}/journal.json"
        self.lock_path = f"{directory}/lock"
        self.copies = f"{directory}/touched"

    def read(self) -> Journal | None:
        """Return the journal, None when the host has none; MachineProblem when it cannot be trusted.

        UnreadableJournal when what stands there is no journal at all.
        """
        try:
            state = self._files.read(self.path)
        except OSError as error:
            raise MachineProblem(
                self.path, f"cannot be read ({error.strerror})", "Run as root (become: true)"
            ) from None
        if state.kind == ABSENT:
            return None
        if state.kind != FILE:
            raise MachineProblem(self.path, "is no plain file", _FIX)
        try:
            return journal_from_text(state.content.decode("utf-8"))
        except (ValueError, RecursionError) as error:
            problem = "is not UTF-8" if isinstance(error, UnicodeDecodeError) else str(error)
            if is_of_a_newer_collection(state.content):
                raise MachineProblem(self.path, problem, _FIX) from None
            raise UnreadableJournal(self.path, problem, _FIX) from None

    def aside(self) -> str:
        """Return where the bytes of an unreadable journal are kept: never the same path for other bytes."""
        content = self._files.read(self.path).content
        return f"{self.directory}/{_ASIDE}{hashlib.sha256(content).hexdigest()[:12]}"

    def set_aside(self, path: str) -> FileState:
        """Copy the journal to *path*, which aside() gave, and return what bring_back() needs of it."""
        state = self._files.read(self.path)
        self._files.put(path, replace(state, mode=0o600))
        return state

    def bring_back(self, state: FileState, path: str) -> None:
        """Make the journal the unreadable one again that was set aside at *path*."""
        self._files.put(self.path, state)
        self._files.unlink(path)

    def write(self, journal: Journal) -> None:
        self._files.put(self.path, FileState(FILE, journal.to_text().encode("utf-8"), 0o600))

    def forget(self) -> None:
        """Take the journal away: nothing of this host is to be remembered."""
        self._files.unlink(self.path)

    def drop_copies(self) -> None:
        """Take the copies away. The run is through by now, so trouble here is left to the next one (has_leftovers)."""
        with contextlib.suppress(OSError):
            self._drop_copies()

    def _drop_copies(self) -> None:
        for name in self._all_names(self.copies):
            self._files.unlink(f"{self.copies}/{name}")
        self._files.remove_directory(self.copies)

    def has_leftovers(self, journal: Journal | None) -> bool:
        """True when a crash left something that the journal does not speak of."""
        names = self._all_names(self.directory)
        if journal is None:
            kept = [name for name in names if name.startswith(_ASIDE) or name == DRAINED]
            return len(kept) < len(names) or (not kept and self._files.exists(self.directory))
        return journal.unfinished is None and "touched" in names

    def _all_names(self, directory: str) -> tuple[str, ...]:
        try:
            return tuple(os.listdir(self._files.on_disk(directory)))
        except (FileNotFoundError, NotADirectoryError):
            return ()

    def prepare(self) -> None:
        """Make the state directory."""
        for directory in self._files.missing_directories(self.directory):
            self._files.make_directory(directory)
        self._files.make_directory(self.directory, 0o700)

    def clear(self) -> None:
        """With no journal left: take the lock and the state directory away, as far as that goes."""
        with contextlib.suppress(OSError, MachineProblem):
            if self.read() is None:
                self._files.discard_temporary(self.path)
                self._drop_copies()
                self._files.unlink(self.lock_path)
                self._files.remove_directory(self.directory)

    def is_held(self) -> bool:
        """Whether another run is at work this moment; looks only."""
        try:
            descriptor = os.open(self._files.on_disk(self.lock_path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return False
        try:
            return not _try_lock(descriptor)
        finally:
            os.close(descriptor)

    @contextlib.contextmanager
    def locked(self, patience: float) -> Iterator[int]:
        """Hold the lock; yields its descriptor. MachineProblem naming the process when another holds it too long."""
        deadline = time.monotonic() + patience
        while True:
            try:
                descriptor = self._lock_once(deadline, patience)
            except OSError:
                with contextlib.suppress(OSError):
                    self._files.remove_directory(self.directory)  # when it is empty, it is new
                raise
            if descriptor is not None:
                break
        try:
            yield descriptor
        finally:
            os.close(descriptor)

    def _lock_once(self, deadline: float, patience: float) -> int | None:
        """Return the locked descriptor; None when another run took the file or its directory away, or made it, meanwhile."""
        try:
            self.prepare()
        except (FileExistsError, FileNotFoundError):
            if time.monotonic() >= deadline:
                raise  # it is no other run that is in the way
            time.sleep(_PAUSE)
            return None
        place = self._files.on_disk(self.lock_path)
        self._files.step("open", place)
        flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            descriptor = os.open(place, flags, 0o600)
        except FileNotFoundError:
            return None  # a removal that ended this moment took the directory
        try:
            while not _try_lock(descriptor):
                if time.monotonic() >= deadline:
                    holder = os.pread(descriptor, 32, 0).decode("ascii", "replace").strip() or "unknown"
                    raise MachineProblem(
                        self.lock_path,
                        f"another run is at work on this host (process {holder}, or a tool it started); "
                        f"waited {patience:g} seconds",
                        "Wait for it to end and run again",
                    )
                time.sleep(_PAUSE)
            if not self._is_still_there(place, descriptor):
                os.close(descriptor)
                return None
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode("ascii"), 0)
        except BaseException:
            with contextlib.suppress(OSError):
                os.close(descriptor)
            raise
        return descriptor

    @staticmethod
    def _is_still_there(place: str, descriptor: int) -> bool:
        try:
            return os.path.samestat(os.lstat(place), os.fstat(descriptor))
        except FileNotFoundError:
            return False


def _try_lock(descriptor: int) -> bool:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno in (errno.EAGAIN, errno.EACCES):
            return False
        raise
    return True
