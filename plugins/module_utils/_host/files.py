# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one class through which this collection changes files. Every change is announced to `step` first.

A test that wants to stop a run at every file operation overrides `step`; nothing else writes to the machine.
Errors are plain OSError; transaction.py puts them into words.
"""

from __future__ import annotations

import contextlib
import errno
import fcntl
import glob
import hashlib
import os
import stat
import struct
from collections.abc import Iterator
from dataclasses import dataclass

from .._core.journal import ABSENT, FILE, OTHER, SYMLINK, FileState, Snapshot, check_path

TEMPORARY_SUFFIX = ".nova-pci-tmp"  # together with a leading dot: ignored by run-parts, systemd, dracut and GRUB
_CHUNK = 1 << 20
_MOST_LINKS = 40
_CONTEXT = "security.selinux"
_CHECKPOINT = 0x4004662B  # EXT4_IOC_CHECKPOINT, linux/fs/ext4/ext4.h


@dataclass(frozen=True)
class Room:
    """What a directory's filesystem has to spare. *inodes* is None where the filesystem does not count them."""

    filesystem: int
    writable: bool
    read_only: bool
    bytes_free: int
    inodes_free: int | None


class Files:
    """Reads and changes files below *root*. Paths are absolute as on the machine ("/etc/..."), whatever the root."""

    def __init__(self, root: str = "/") -> None:
        self.root = root
        self._prefix = "" if root == "/" else root.rstrip("/")

    def step(self, operation: str, path: str) -> None:
        """Called before every single change: open, write, chown, chmod, setxattr, fsync, rename, unlink, ..."""

    # -- where things are

    def real(self, path: str) -> str:
        """Return *path* with every symbolic link followed, inside the root."""
        return self._resolve(path, last=True)

    def on_disk(self, path: str) -> str:
        """Return where *path* lies on this machine: its directories' links are followed inside the root, itself not."""
        return self._prefix + self._resolve(path, last=False)

    def _resolve(self, path: str, last: bool) -> str:
        rest = check_path(path)[1:].split("/")
        done: list[str] = []
        links = 0
        while rest:
            part = rest.pop(0)
            if part in ("", "."):
                continue
            if part == "..":
                done = done[:-1]
                continue
            here = "/" + "/".join([*done, part])
            target = None
            if rest or last:
                with contextlib.suppress(OSError):
                    target = os.readlink(self._prefix + here)
            if target is None:
                done.append(part)
                continue
            links += 1
            if links > _MOST_LINKS:
                raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), path)
            if target.startswith("/"):
                done = []
            rest = target.split("/") + rest
        return "/" + "/".join(done)

    # -- reading

    def read(self, path: str) -> FileState:
        """Return what stands at *path* itself; a symbolic link is never followed."""
        place = self.on_disk(path)
        try:
            return self._read(place)
        except OSError as error:
            if error.errno not in (errno.EINVAL, errno.ELOOP):
                raise
            return self._read(
                place
            )  # another run put a file where a link was, or the other way round, between two looks

    @staticmethod
    def _read(place: str) -> FileState:
        try:
            status = os.lstat(place)
            if stat.S_ISLNK(status.st_mode):
                return FileState(SYMLINK, target=os.readlink(place))
            if not stat.S_ISREG(status.st_mode):
                return FileState(OTHER)
            descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return FileState(ABSENT)
        with open(descriptor, "rb") as stream:
            status = os.fstat(descriptor)
            return FileState(
                FILE,
                stream.read(),
                stat.S_IMODE(status.st_mode),
                status.st_uid,
                status.st_gid,
                _context(descriptor),
            )

    def text(self, path: str) -> str | None:
        """Return the text of a small file of the kernel's, None when it cannot be read."""
        try:
            with open(self._prefix + check_path(path), encoding="utf-8", errors="replace") as stream:
                return stream.read()
        except OSError:
            return None

    def exists(self, path: str) -> bool:
        return os.path.lexists(self.on_disk(path))

    def is_executable(self, path: str) -> bool:
        place = self._prefix + self.real(path)
        return os.path.isfile(place) and os.access(place, os.X_OK)

    def names(self, directory: str) -> tuple[str, ...]:
        """Return what lies in *directory*, our left-over temporary files aside; () when there is no such directory."""
        try:
            found = os.listdir(self._prefix + self._resolve(directory, last=True))
        except (FileNotFoundError, NotADirectoryError):
            return ()
        return tuple(sorted(name for name in found if not name.endswith(TEMPORARY_SUFFIX)))

    def matching(self, pattern: str) -> tuple[str, ...]:
        """Return the files that *pattern* (an absolute glob) names, links followed, each once."""
        found = set()
        for place in glob.glob(self._prefix + pattern):
            with contextlib.suppress(ValueError, OSError):  # a name no one could mean, a loop of links
                path = self.real(place[len(self._prefix) :])
                if os.path.isfile(self._prefix + path):
                    found.add(path)
        return tuple(sorted(found))

    def missing_directories(self, path: str) -> tuple[str, ...]:
        """Return the parents of *path* that do not exist, outermost first."""
        missing: list[str] = []
        directory = parent_of(path)
        while directory != "/" and not os.path.lexists(self.on_disk(directory)):
            missing.insert(0, directory)
            directory = parent_of(directory)
        return tuple(missing)

    def size(self, path: str) -> int:
        try:
            return os.lstat(self.on_disk(path)).st_size
        except OSError:
            return 0

    def room(self, path: str) -> Room:
        """Return what the filesystem has to spare in which *path* lies or would lie."""
        directory = parent_of(path)
        while directory != "/" and not os.path.isdir(self._prefix + self.real(directory)):
            directory = parent_of(directory)
        place = (self._prefix + (self.real(directory) if directory != "/" else "/")) or "/"
        try:
            status = os.statvfs(place)
            filesystem = os.stat(place).st_dev
        except FileNotFoundError:
            if directory == "/":
                raise
            return self.room(directory)  # another run took it away this moment
        free = status.f_bavail
        if os.geteuid() == 0:
            free = max(0, status.f_bfree - self._kept_from_root(filesystem))
        return Room(
            filesystem=filesystem,
            writable=os.access(place, os.W_OK | os.X_OK),
            read_only=bool(status.f_flag & os.ST_RDONLY),
            bytes_free=free * status.f_frsize,
            inodes_free=status.f_ffree if status.f_files else None,
        )

    def _kept_from_root(self, filesystem: int) -> int:
        """Return the blocks that ext4 counts as free and gives to nobody (fs/ext4/super.c, resv_blocks)."""
        number = f"{os.major(filesystem)}:{os.minor(filesystem)}"
        try:
            device = os.path.basename(os.readlink(f"{self._prefix}/sys/dev/block/{number}"))
        except OSError:
            return 0
        kept = (self.text(f"/sys/fs/ext4/{device}/reserved_clusters") or "").strip()
        return int(kept) if kept.isdigit() else 0

    # -- changing

    def put(self, path: str, state: FileState) -> None:
        """Make *path* be *state* in one atomic step, so that a crash leaves the old or the new, never a mixture."""
        if state.kind == FILE and state.sealed is None:
            self._put_file(path, state)
        elif state.kind == SYMLINK:
            self._put_symlink(path, state.target or "")
        elif state.kind == ABSENT:
            self.unlink(path)
        else:
            raise OSError(errno.EINVAL, "is neither a file nor a symbolic link", path)

    def _put_file(self, path: str, state: FileState) -> None:
        place = self.on_disk(path)
        with self._temporary(place) as temporary:
            descriptor = self._create(temporary)
            try:
                self._write(descriptor, temporary, state.content)
                self._dress(descriptor, temporary, place, state)
                self.step("fsync", temporary)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)
            self._rename(temporary, place)

    def _put_symlink(self, path: str, target: str) -> None:
        place = self.on_disk(path)
        with self._temporary(place) as temporary:
            self.step("symlink", temporary)
            os.symlink(target, temporary)
            self._rename(temporary, place)

    @contextlib.contextmanager
    def _temporary(self, place: str) -> Iterator[str]:
        """Yield the temporary name beside *place*: always the same, so that the next run clears what a crash left."""
        directory, name = os.path.split(place)
        temporary = os.path.join(directory, f".{name}{TEMPORARY_SUFFIX}")
        self._discard(temporary)
        try:
            yield temporary
        except OSError:
            with contextlib.suppress(OSError):
                self._discard(temporary)
            raise

    def _discard(self, place: str) -> None:
        if os.path.lexists(place):
            self.step("unlink", place)
            os.unlink(place)

    def discard_temporary(self, path: str) -> None:
        """Clear away what a crash left beside *path*."""
        directory, name = os.path.split(self.on_disk(path))
        self._discard(os.path.join(directory, f".{name}{TEMPORARY_SUFFIX}"))

    def _create(self, temporary: str) -> int:
        self.step("open", temporary)
        return os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)

    def _write(self, descriptor: int, place: str, content: bytes) -> None:
        rest = memoryview(content)
        self.step("write", place)
        while rest:
            rest = rest[os.write(descriptor, rest[:_CHUNK]) :]

    def _dress(self, descriptor: int, temporary: str, place: str, like: FileState | Snapshot) -> None:
        """Give the new file the attributes of the one it replaces, and the owner, mode and context of *like*."""
        self._copy_attributes(descriptor, temporary, place, like.context)
        status = os.fstat(descriptor)
        owner = (status.st_uid if like.uid is None else like.uid, status.st_gid if like.gid is None else like.gid)
        if owner != (status.st_uid, status.st_gid):
            self.step("chown", temporary)
            os.fchown(descriptor, *owner)
        self.step("chmod", temporary)  # after chown, which clears set-user-id bits
        os.fchmod(descriptor, 0o644 if like.mode is None else like.mode)

    def _copy_attributes(self, descriptor: int, temporary: str, place: str, context: str | None) -> None:
        attributes: dict[str, bytes] = {}
        with contextlib.suppress(OSError):
            for name in os.listxattr(place, follow_symlinks=False):
                attributes[name] = os.getxattr(place, name, follow_symlinks=False)
        if context is not None:
            attributes[_CONTEXT] = context.encode("utf-8", "surrogateescape") + b"\0"
        for name, content in attributes.items():
            with contextlib.suppress(OSError):
                if os.getxattr(descriptor, name) == content:
                    continue
            self.step("setxattr", temporary)
            try:
                os.setxattr(descriptor, name, content)
            except OSError as error:
                if error.errno not in (errno.ENOTSUP, errno.EPERM, errno.EINVAL):
                    raise

    def _rename(self, temporary: str, place: str) -> None:
        self.step("rename", place)
        os.replace(temporary, place)
        self._fsync_directory(os.path.dirname(place))

    def _fsync_directory(self, directory: str) -> None:
        self.step("fsync-directory", directory)
        descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def unlink(self, path: str) -> None:
        """Take *path* away; nothing happens when it is not there."""
        place = self.on_disk(path)
        if not os.path.lexists(place):
            return
        self.step("unlink", place)
        os.unlink(place)
        self._fsync_directory(os.path.dirname(place))

    def make_directory(self, path: str, mode: int = 0o755) -> None:
        place = self.on_disk(path)
        if os.path.isdir(place):
            return
        self.step("mkdir", place)
        os.mkdir(place, mode)
        self.step("chmod", place)  # whatever the umask
        os.chmod(place, mode)
        self._fsync_directory(os.path.dirname(place))

    def remove_directory(self, path: str) -> bool:
        """Take an empty directory away; False when it is not empty or is none of ours to take."""
        place = self.on_disk(path)
        if not os.path.lexists(place):
            return True
        self.step("rmdir", place)
        try:
            os.rmdir(place)
        except OSError as error:
            if error.errno in (errno.ENOTEMPTY, errno.EEXIST, errno.EBUSY, errno.ENOTDIR):
                return False
            raise
        self._fsync_directory(os.path.dirname(place))
        return True

    # -- large files that tools rewrite

    def flush(self, path: str) -> None:
        """Let what a tool wrote to *path* (no link) outlast a power cut, as a boot loader sees it; few tools see to that.

        GRUB reads ext4 without its journal: what stands there alone, it boots without.
        """
        place = self.on_disk(path)
        self.step("fsync", place)
        descriptor = os.open(place, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
            self._fsync_directory(os.path.dirname(place))
            with contextlib.suppress(OSError):  # another filesystem, a kernel before 5.14
                fcntl.ioctl(descriptor, _CHECKPOINT, struct.pack("I", 0))
        finally:
            os.close(descriptor)

    def keep(self, path: str, copy: str) -> Snapshot:
        """Copy *path* (no link) to *copy* and return what is needed to bring it back."""
        digest = hashlib.sha256()
        source = os.open(self.on_disk(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        with open(source, "rb") as stream:
            status = os.fstat(source)
            place = self.on_disk(copy)
            with self._temporary(place) as temporary:
                descriptor = self._create(temporary)
                try:
                    self._pour(stream.fileno(), descriptor, temporary, digest)
                    self.step("fsync", temporary)
                    os.fsync(descriptor)
                finally:
                    os.close(descriptor)
                self._rename(temporary, place)
            return Snapshot(
                path,
                os.path.basename(copy),
                digest.hexdigest(),
                stat.S_IMODE(status.st_mode),
                status.st_uid,
                status.st_gid,
                _context(source),
            )

    def bring_back(self, snapshot: Snapshot, copy: str) -> bool:
        """Make snapshot.path what it was; True when it had changed. In place where no second copy has room."""
        if snapshot.stored is None:
            present = self.exists(snapshot.path)
            self.unlink(snapshot.path)
            return present
        if self.digest(snapshot.path) == snapshot.sha256:
            return False
        place = self.on_disk(snapshot.path)
        source = os.open(self.on_disk(copy), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            try:
                with self._temporary(place) as temporary:
                    descriptor = self._create(temporary)
                    try:
                        self._fill_again(source, descriptor, temporary, place, snapshot)
                    finally:
                        os.close(descriptor)
                    self._rename(temporary, place)
            except OSError as error:
                if error.errno not in (errno.ENOSPC, errno.EDQUOT):
                    raise
                self.step("open", place)
                descriptor = os.open(place, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
                try:
                    self._fill_again(source, descriptor, place, place, snapshot)
                finally:
                    os.close(descriptor)
        finally:
            os.close(source)
        return True

    def _fill_again(self, source: int, descriptor: int, name: str, place: str, snapshot: Snapshot) -> None:
        os.lseek(source, 0, os.SEEK_SET)
        self._pour(source, descriptor, name, hashlib.sha256())
        self._dress(descriptor, name, place, snapshot)
        self.step("fsync", name)
        os.fsync(descriptor)

    def _pour(self, source: int, descriptor: int, name: str, digest: hashlib._Hash) -> None:
        self.step("write", name)
        while True:
            chunk = os.read(source, _CHUNK)
            if not chunk:
                return
            digest.update(chunk)
            rest = memoryview(chunk)
            while rest:
                rest = rest[os.write(descriptor, rest) :]

    def digest(self, path: str) -> str | None:
        """Return the sha256 of a file, None when there is no file."""
        try:
            descriptor = os.open(self.on_disk(path), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            return None
        digest = hashlib.sha256()
        with open(descriptor, "rb") as stream:
            for chunk in iter(lambda: stream.read(_CHUNK), b""):
                digest.update(chunk)
        return digest.hexdigest()


def parent_of(path: str) -> str:
    return path.rsplit("/", 1)[0] or "/"


def _context(descriptor: int) -> str | None:
    try:
        return os.getxattr(descriptor, _CONTEXT).rstrip(b"\0").decode("utf-8", "surrogateescape")
    except OSError:
        return None
