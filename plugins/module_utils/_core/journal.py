# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The host's memory of what this collection changed: records, their JSON, and whether a file is still as we left it.

Nothing is decided here about a run (see changes.py) and nothing is read or written (see _host/journal_store.py).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
from dataclasses import dataclass, field, replace
from typing import Any

from .config_edit import LineEdit, undo_edits
from .oslo_config import split_lines

VERSION = 1
STATE_DIRECTORY = "/var/lib/nova-pci-passthrough"  # of the host's own plan
NOVA_STATE_DIRECTORY = "/var/lib/nova-pci-passthrough-nova"  # of the plan for its Nova services
STATE_DIRECTORIES = (STATE_DIRECTORY, NOVA_STATE_DIRECTORY)
MARK = b"nova_pci.passthrough"  # every file of ours carries it in its first lines

ABSENT = "absent"
FILE = "file"
SYMLINK = "symlink"
OTHER = "other"  # a directory, device, socket or pipe: never ours
KINDS = (ABSENT, FILE, SYMLINK, OTHER)

APPLY = "apply"
REMOVE = "remove"

UNDONE = "undone"  # the stamp of a tool whose undo has run while an administrator's file kept its record alive


@dataclass(frozen=True)
class FileState:
    """One path at one moment.

    Shape: *content*, *mode*, *uid*, *gid* and *context* belong to a file, *target* to a symlink. *sealed* is the sha256
    that stands for the content of a file which is never kept because it may hold secrets; *content* is empty then.
    """

    kind: str = ABSENT
    content: bytes = b""
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    context: str | None = None
    target: str | None = None
    sealed: str | None = None

    @property
    def fingerprint(self) -> str:
        """Equal for equal content; mode and owner are left out, for changing them is no edit of what we wrote."""
        if self.kind == FILE:
            return f"file:{self.sealed or hashlib.sha256(self.content).hexdigest()}"
        if self.kind == SYMLINK:
            return f"symlink:{self.target}"
        return self.kind

    @property
    def carries_mark(self) -> bool:
        return self.kind == FILE and MARK in b"\n".join(self.content.split(b"\n", 6)[:6])

    @property
    def text(self) -> str:
        """The content as text, from which `with_text` makes the same bytes again whatever they are."""
        return self.content.decode("utf-8", "surrogateescape")

    def with_text(self, text: str) -> FileState:
        """The same file with another content; it keeps mode, owner and context."""
        return replace(self, content=text.encode("utf-8", "surrogateescape"))

    def without_content(self) -> FileState:
        return replace(self, content=b"", sealed=self.sealed or hashlib.sha256(self.content).hexdigest())

    def to_dict(self) -> dict[str, Any]:
        if self.kind == FILE:
            content = base64.b64encode(self.content).decode("ascii")
            return {
                "kind": FILE,
                **({"content": content} if self.sealed is None else {"sha256": self.sealed}),
                "mode": mode_text(self.mode),
                "uid": self.uid,
                "gid": self.gid,
                "context": self.context,
            }
        if self.kind == SYMLINK:
            return {"kind": SYMLINK, "target": self.target}
        return {"kind": self.kind}


@dataclass(frozen=True)
class Written:
    """What we put at a path: enough to know it again. *edits* are the lines of ours in a file that we only edited."""

    fingerprint: str
    mode: int | None = None
    edits: tuple[LineEdit, ...] = ()

    def matches(self, state: FileState) -> bool:
        return self.fingerprint == state.fingerprint

    def to_dict(self) -> dict[str, Any]:
        edits = [edit.to_dict() for edit in self.edits]
        return {"fingerprint": self.fingerprint, "mode": mode_text(self.mode), **({"edits": edits} if edits else {})}


@dataclass(frozen=True)
class FileRecord:
    """One path of ours, or one foreign file we edited.

    Shape: *real* is the path after symbolic links (differs from *path* for foreign files only), *former* the state
    before our first change (without its content, and as of our last write, where only lines are ours), *written* what we
    last left there (None until a first run got through), *intended* what an unfinished run was about to leave there,
    *administrator* that somebody else's edit is mixed into ours.
    """

    path: str
    layer: str
    former: FileState
    real: str = ""
    foreign: bool = False
    secret: bool = False
    written: Written | None = None
    intended: Written | None = None
    administrator: bool = False

    def is_ours(self, state: FileState) -> bool:
        return any(known is not None and known.matches(state) for known in (self.written, self.intended))

    @property
    def is_edited(self) -> bool:
        """Whether only lines of this file are ours. Of such a file no content is ever remembered."""
        return self.former.sealed is not None

    def standing(self, text: str) -> tuple[LineEdit, ...]:
        """Return those of our edits that stand in the file's *text*; ValueError when somebody changed just their lines.

        After a run that was cut off the file may be without our lines, or hold either set of them.
        """
        fingerprint = FileState(FILE).with_text(text).fingerprint
        if fingerprint == self.former.fingerprint:
            return ()
        known = [one for one in (self.intended, self.written) if one is not None]
        for one in known:
            if one.fingerprint == fingerprint:
                return one.edits
        problem = None
        # Somebody edited beside ours. The larger set goes first, for the smaller one may be a part of it.
        for edits in sorted((one.edits for one in known if one.edits), key=len, reverse=True):
            try:
                undo_edits(text, edits)
            except ValueError as error:
                problem = error
            else:
                return edits
        if problem is not None and self._holds_ours(text):
            raise problem
        return ()

    def _holds_ours(self, text: str) -> bool:
        edits = [edit for one in (self.intended, self.written) if one is not None for edit in one.edits]
        ours = {line for edit in edits for line in edit.new if line not in edit.old}
        return not ours.isdisjoint(split_lines(text))

    def left_standing(self, text: str) -> tuple[LineEdit, ...]:
        """As standing(), but lines of ours that somebody changed are theirs now."""
        try:
            return self.standing(text)
        except ValueError:
            return ()

    def pristine(self, text: str) -> str:
        """Return the file's *text* as it would be without us."""
        return undo_edits(text, self.left_standing(text))

    def to_dict(self) -> dict[str, Any]:
        return {
            "layer": self.layer,
            "real": self.real,
            "foreign": self.foreign,
            "secret": self.secret,
            "administrator": self.administrator,
            "former": self.former.to_dict(),
            "written": None if self.written is None else self.written.to_dict(),
            "intended": None if self.intended is None else self.intended.to_dict(),
        }


@dataclass(frozen=True)
class ServiceUnit:
    """A systemd unit that a tool restarts.

    Shape: *logs* are the files it writes besides the system's journal, *probe* an URL that answers when it is up.
    """

    unit: str
    logs: tuple[str, ...] = ()
    probe: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {"unit": self.unit, "logs": list(self.logs), "probe": self.probe}


@dataclass(frozen=True)
class ToolRecord:
    """A tool that ran.

    Shape: *stamp* is what the plan says, else the hash of its layers' wanted files, when it last succeeded (None:
    unfinished), *earlier* the undos of former runs that the last one's does not cover, oldest first: grubby takes back
    only what one run has set. *former* is the stamp of a host without us, *service* what the tool restarts.
    """

    name: str
    layers: tuple[str, ...]
    argv: tuple[str, ...]
    undo: tuple[str, ...]
    touches: tuple[str, ...]
    stamp: str | None
    earlier: tuple[tuple[str, ...], ...] = ()
    former: str | None = None
    service: ServiceUnit | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "layers": list(self.layers),
            "argv": list(self.argv),
            "undo": list(self.undo),
            "touches": list(self.touches),
            "stamp": self.stamp,
            "earlier": [list(undo) for undo in self.earlier],
            **({} if self.former is None else {"former": self.former}),
            **({} if self.service is None else {"service": self.service.to_dict()}),
        }


@dataclass(frozen=True)
class PendingReboot:
    """What the host waits for. *boot_id*: the boot that asked for it; *ineffective*: what a reboot did not bring."""

    boot_id: str
    waits_for: tuple[str, ...] = ()
    reasons: tuple[str, ...] = ()
    ineffective: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        return {
            "boot_id": self.boot_id,
            "waits_for": list(self.waits_for),
            "reasons": list(self.reasons),
            "ineffective": list(self.ineffective),
        }


@dataclass(frozen=True)
class Snapshot:
    """The copy of a foreign file that a tool rewrites, kept in the state directory until the run is through.

    Shape: *stored* is the copy's file name, None when the file was absent before.
    """

    path: str
    stored: str | None
    sha256: str | None = None
    mode: int | None = None
    uid: int | None = None
    gid: int | None = None
    context: str | None = None

    def to_dict(self) -> dict[str, Any]:
        return {
            "stored": self.stored,
            "sha256": self.sha256,
            "mode": mode_text(self.mode),
            "uid": self.uid,
            "gid": self.gid,
            "context": self.context,
        }


@dataclass(frozen=True)
class Journal:
    """Everything remembered of one host. *unfinished* is the operation that has begun and not ended, else None."""

    unfinished: str | None = None
    files: dict[str, FileRecord] = field(default_factory=dict)
    directories: tuple[str, ...] = ()  # made by us, parents first
    tools: dict[str, ToolRecord] = field(default_factory=dict)
    snapshots: dict[str, Snapshot] = field(default_factory=dict)
    apply_argv: tuple[str, ...] = ()
    release_argv: tuple[str, ...] = ()
    former_drivers: dict[str, str | None] = field(default_factory=dict)
    kernel_arguments: tuple[str, ...] = ()  # tokens that we brought, not those that were there before
    pending_reboot: PendingReboot | None = None
    secrets_from: tuple[str, ...] = ()  # configuration files whose secrets must never be shown
    lost: str | None = None  # what is wrong with the journal that this one, made up from our marks, stands in for

    @property
    def is_empty(self) -> bool:
        """True when the host needs no memory of us."""
        return not (self.unfinished or self.files or self.directories or self.tools or self.pending_reboot)

    def with_snapshots(self, snapshots: dict[str, Snapshot]) -> Journal:
        return replace(self, snapshots=snapshots)

    def to_text(self) -> str:
        body = {
            "version": VERSION,
            "written_by": MARK.decode("ascii"),
            "unfinished": self.unfinished,
            "files": {path: record.to_dict() for path, record in self.files.items()},
            "directories": list(self.directories),
            "tools": {name: record.to_dict() for name, record in self.tools.items()},
            "snapshots": {path: snapshot.to_dict() for path, snapshot in self.snapshots.items()},
            "apply_argv": list(self.apply_argv),
            "release_argv": list(self.release_argv),
            "former_drivers": dict(self.former_drivers),
            "kernel_arguments": list(self.kernel_arguments),
            "pending_reboot": None if self.pending_reboot is None else self.pending_reboot.to_dict(),
            **({"secrets_from": list(self.secrets_from)} if self.secrets_from else {}),
            **({} if self.lost is None else {"lost": self.lost}),
        }
        return json.dumps(body, indent=1) + "\n"  # insertion order is kept: the order of the files is the plan's


def journal_from_text(text: str) -> Journal:
    """Parse strictly; ValueError says in words what is wrong."""
    try:
        body = json.loads(text)
    except ValueError as error:
        raise ValueError(f"is not JSON ({error})") from None
    if not isinstance(body, dict):
        raise ValueError("holds no JSON object")
    if body.get("version") != VERSION:
        raise ValueError(f"has version {body.get('version')!r}; this collection reads version {VERSION}")
    reader = _Reader(body, "")
    pending = reader.optional_part("pending_reboot")
    unfinished = reader.optional_text("unfinished")
    if unfinished not in (None, APPLY, REMOVE):
        raise ValueError(f"has an unknown operation {unfinished!r} under 'unfinished'")
    return Journal(
        unfinished=unfinished,
        files={path: _file_record(path, part) for path, part in reader.parts("files")},
        directories=tuple(check_path(path) for path in reader.texts("directories")),
        tools={name: _tool_record(name, part) for name, part in reader.parts("tools")},
        snapshots={path: _snapshot(path, part) for path, part in reader.parts("snapshots")},
        apply_argv=reader.texts("apply_argv"),
        release_argv=reader.texts("release_argv"),
        former_drivers=reader.drivers("former_drivers"),
        kernel_arguments=reader.texts("kernel_arguments"),
        pending_reboot=None
        if pending is None
        else PendingReboot(
            boot_id=pending.text("boot_id"),
            waits_for=pending.texts("waits_for"),
            reasons=pending.texts("reasons"),
            ineffective=pending.texts("ineffective"),
        ),
        secrets_from=tuple(check_path(path) for path in reader.texts("secrets_from"))
        if reader.has("secrets_from")
        else (),
        lost=reader.text("lost") if reader.has("lost") else None,
    )


def is_of_a_newer_collection(content: bytes) -> bool:
    """Whether *content*, which journal_from_text() refuses, is a journal all the same: of a version to come."""
    try:
        body = json.loads(content)
    except (ValueError, RecursionError):
        return False
    version = body.get("version") if isinstance(body, dict) else None
    return isinstance(version, int) and version > VERSION


def check_path(path: object) -> str:
    """Return *path* when it is absolute, normal and printable; ValueError says what is wrong with it."""
    if not isinstance(path, str) or not path.startswith("/"):
        raise ValueError("is no absolute path")
    if not path.isprintable():
        raise ValueError("holds a control character or one that cannot be printed")
    if len(path.encode("utf-8")) > 4000:
        raise ValueError("is too long for a path")
    for part in path[1:].split("/"):
        if part in ("", ".", ".."):
            raise ValueError("holds an empty, '.' or '..' component")
        if len(part.encode("utf-8")) > 200:
            raise ValueError("holds a component that is too long for a file name")
    return path


def mode_text(mode: int | None) -> str | None:
    return None if mode is None else f"{mode:04o}"


def mode_number(text: object) -> int | None:
    """Four octal digits as Ansible writes them, or None; ValueError else."""
    if text is None:
        return None
    if not isinstance(text, str) or len(text) not in (3, 4) or any(digit not in "01234567" for digit in text):
        raise ValueError(f"{text!r} is no file mode; write four octal digits in quotes")
    return int(text, 8)


class _Reader:
    """Typed access to one JSON object; every complaint names the place."""

    def __init__(self, body: dict[str, Any], place: str) -> None:
        self._body = body
        self._place = place

    def has(self, key: str) -> bool:
        """Keys that came with Nova's plans are left out where they would be empty, as in every older journal."""
        return key in self._body

    def _get(self, key: str) -> Any:
        if key not in self._body:
            raise ValueError(f"lacks {self._place}{key}")
        return self._body[key]

    def _wrong(self, key: str, wanted: str) -> ValueError:
        return ValueError(f"holds no {wanted} under {self._place}{key}")

    def text(self, key: str) -> str:
        found = self._get(key)
        if not isinstance(found, str):
            raise self._wrong(key, "text")
        return found

    def optional_text(self, key: str) -> str | None:
        return None if self._get(key) is None else self.text(key)

    def texts(self, key: str) -> tuple[str, ...]:
        found = self._get(key)
        if not isinstance(found, list) or not all(isinstance(item, str) for item in found):
            raise self._wrong(key, "list of texts")
        return tuple(found)

    def lists(self, key: str) -> tuple[tuple[str, ...], ...]:
        found = self._get(key)
        if not isinstance(found, list) or not all(isinstance(part, list) for part in found):
            raise self._wrong(key, "list of lists")
        if not all(isinstance(item, str) for part in found for item in part):
            raise self._wrong(key, "list of lists of texts")
        return tuple(tuple(part) for part in found)

    def flag(self, key: str) -> bool:
        found = self._get(key)
        if not isinstance(found, bool):
            raise self._wrong(key, "true or false")
        return found

    def optional_number(self, key: str) -> int | None:
        found = self._get(key)
        if found is not None and (isinstance(found, bool) or not isinstance(found, int)):
            raise self._wrong(key, "number")
        return None if found is None else int(found)

    def optional_mode(self, key: str) -> int | None:
        return mode_number(self._get(key))

    def content(self, key: str) -> bytes:
        try:
            return base64.b64decode(self.text(key), validate=True)
        except binascii.Error:
            raise self._wrong(key, "base64 text") from None

    def part(self, key: str) -> _Reader:
        found = self._get(key)
        if not isinstance(found, dict):
            raise self._wrong(key, "object")
        return _Reader(found, f"{self._place}{key}.")

    def optional_part(self, key: str) -> _Reader | None:
        return None if self._get(key) is None else self.part(key)

    def parts(self, key: str) -> list[tuple[str, _Reader]]:
        inner = self.part(key)
        return [(name, inner.part(name)) for name in inner._body]

    def rows(self, key: str) -> list[_Reader]:
        found = self._get(key)
        if not isinstance(found, list) or not all(isinstance(row, dict) for row in found):
            raise self._wrong(key, "list of objects")
        return [_Reader(row, f"{self._place}{key}[{number}].") for number, row in enumerate(found)]

    def drivers(self, key: str) -> dict[str, str | None]:
        inner = self.part(key)
        return {address: inner.optional_text(address) for address in inner._body}


def _file_state(part: _Reader) -> FileState:
    kind = part.text("kind")
    if kind == FILE:
        sealed = part.text("sha256") if part.has("sha256") else None
        return FileState(
            FILE,
            part.content("content") if sealed is None else b"",
            part.optional_mode("mode"),
            part.optional_number("uid"),
            part.optional_number("gid"),
            part.optional_text("context"),
            sealed=sealed,
        )
    if kind == SYMLINK:
        return FileState(SYMLINK, target=part.text("target"))
    if kind != ABSENT:
        raise ValueError(f"holds the unknown kind {kind!r}")
    return FileState()


def _written(part: _Reader | None) -> Written | None:
    if part is None:
        return None
    edits = tuple(_line_edit(row) for row in part.rows("edits")) if part.has("edits") else ()
    return Written(part.text("fingerprint"), part.optional_mode("mode"), edits)


def _line_edit(row: _Reader) -> LineEdit:
    line = row.optional_number("line")
    if line is None or line < 1:
        raise ValueError(f"holds no line number but {line!r}")
    return LineEdit(line, row.texts("old"), row.texts("new"))


def _file_record(path: str, part: _Reader) -> FileRecord:
    return FileRecord(
        path=check_path(path),
        layer=part.text("layer"),
        real=check_path(part.text("real")),
        foreign=part.flag("foreign"),
        secret=part.flag("secret"),
        administrator=part.flag("administrator"),
        former=_file_state(part.part("former")),
        written=_written(part.optional_part("written")),
        intended=_written(part.optional_part("intended")),
    )


def _tool_record(name: str, part: _Reader) -> ToolRecord:
    return ToolRecord(
        name=name,
        layers=part.texts("layers"),
        argv=part.texts("argv"),
        undo=part.texts("undo"),
        touches=part.texts("touches"),
        stamp=part.optional_text("stamp"),
        earlier=part.lists("earlier"),
        former=part.optional_text("former") if part.has("former") else None,
        service=_service_unit(part.part("service")) if part.has("service") else None,
    )


def _service_unit(part: _Reader) -> ServiceUnit:
    return ServiceUnit(part.text("unit"), part.texts("logs"), part.optional_text("probe"))


def _snapshot(path: str, part: _Reader) -> Snapshot:
    stored = part.optional_text("stored")
    if stored is not None and (not stored.isalnum() or len(stored) > 64):
        raise ValueError(f"names the copy of {path} {stored!r}")
    return Snapshot(
        path=check_path(path),
        stored=stored,
        sha256=part.optional_text("sha256"),
        mode=part.optional_mode("mode"),
        uid=part.optional_number("uid"),
        gid=part.optional_number("gid"),
        context=part.optional_text("context"),
    )
