# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one run of `host_apply` or `nova_apply` has to do: pure decisions over plan, journal and what stands at each path.

The goals Applied and Removed return a Decision; check mode prints it, _host/transaction.py carries it out.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from .config_edit import LineEdit, apply_edits, undo_edits
from .decision import Decision, FileChange, Kept, Look, ToolRun
from .devices_conf import PATH as DEVICES_CONF
from .devices_conf import listed_devices
from .errors import MachineProblem
from .journal import (
    ABSENT,
    APPLY,
    FILE,
    OTHER,
    REMOVE,
    SYMLINK,
    UNDONE,
    FileRecord,
    FileState,
    Journal,
    PendingReboot,
    ToolRecord,
    Written,
    mode_text,
)
from .places import Places
from .wanted import DEFAULT_MODE, Tool, Wanted, WantedFile


@dataclass(frozen=True)
class Applied:
    """The goal of `state: present`."""

    wanted: Wanted

    def paths(self, journal: Journal | None) -> dict[str, bool]:
        paths = Removed().paths(journal)
        paths.update({file.path: file.foreign for file in self.wanted.files})
        return paths

    def secrets_from(self, journal: Journal | None) -> tuple[str, ...]:
        edited = [file.path for file in self.wanted.files if file.edits]
        return _union(Removed().secrets_from(journal), (*self.wanted.secrets_from, *edited))

    def marked_paths(self) -> dict[str, bool]:
        return {}

    def recall(self, states: Mapping[str, FileState], lost: str) -> Journal | None:  # noqa: ARG002
        return None

    def decide(self, journal: Journal | None, look: Look) -> Decision | None:
        return decide_apply(self.wanted, journal, look)


@dataclass(frozen=True)
class Removed:
    """The goal of `state: absent`.

    Shape: *places* are for a host that has lost its journal, *devices* those that no guest may hold meanwhile, besides
    the ones that the journal knows itself.
    """

    places: Places = field(default_factory=Places)
    devices: tuple[str, ...] = ()

    def paths(self, journal: Journal | None) -> dict[str, bool]:
        if journal is None:
            return {}
        more = {} if journal.lost is None else self.places.paths
        return {**more, **{record.path: record.foreign for record in journal.files.values()}}

    def secrets_from(self, journal: Journal | None) -> tuple[str, ...]:
        if journal is None:
            return ()
        more = () if journal.lost is None else self.places.foreign
        edited = [path for path, record in journal.files.items() if record.is_edited]
        return _union(journal.secrets_from, (*edited, *more))

    def marked_paths(self) -> dict[str, bool]:
        return self.places.paths

    def recall(self, states: Mapping[str, FileState], lost: str) -> Journal | None:
        return self.places.recall(states, lost)

    def decide(self, journal: Journal | None, look: Look) -> Decision | None:
        if journal is None:
            return None
        decision = decide_remove(journal, look)
        decision = replace(decision, frees=_union(decision.frees, self.devices))
        if journal.lost is None:
            return decision
        return replace(
            decision,
            actions=(*([f"keep the unreadable journal as {look.aside}"] if look.aside else []), *decision.actions),
            aside=look.aside,
            kept=(*decision.kept, *self.places.kept(look.states, journal)),
            notes=self.places.told(decision, journal.lost),
        )


def decide_apply(wanted: Wanted, journal: Journal | None, look: Look) -> Decision:
    before = journal or Journal()
    back = _GiveBack(look)
    changes: list[FileChange] = []
    records: dict[str, FileRecord] = {}
    for file in wanted.files:
        decide = _decide_edited if file.edits else _decide_file
        record, change = decide(file, before.files.get(file.path), look)
        if change is not None:
            changes.append(change)
        if record is not None:
            records[file.path] = record
    listed = {file.path for file in wanted.files}
    for path, record in before.files.items():
        if path not in listed:
            back.add(record)
    changes += back.changes
    records.update(back.records)
    gone = back.gone

    changed_layers = {change.layer for change in changes}
    runs, tools = _decide_tools(wanted, before, changed_layers, records, look)
    release = _release(wanted, before, gone) if look.release_ready else ()
    runtime = wanted.apply_argv if wanted.runtime_apply else ()
    made = _directories_to_make([change for change in changes if change.after.kind != ABSENT], look)
    removed = _directories_to_remove(before.directories, gone, set(listed), look)
    directories = tuple(path for path in (*before.directories, *made) if path not in removed)

    actions = _sentences(release, made, changes, removed, runs)
    if runtime:
        actions += list(wanted.runtime_actions) or [f"run {' '.join(runtime)}"]
    end = Journal(
        files=records,
        directories=directories,
        tools=tools,
        apply_argv=wanted.apply_argv if records else (),
        release_argv=wanted.release_argv if records else (),
        former_drivers=_former_drivers(wanted, before, bool(actions)) if records else {},
        kernel_arguments=_union(
            tuple(token for token in before.kernel_arguments if token in (*wanted.arguments, *look.running)),
            wanted.new_arguments if actions else (),
        ),
        pending_reboot=_pending(wanted, before.pending_reboot),
        secrets_from=wanted.secrets_from if records or tools else (),
    )
    begin = _begin(APPLY, before, end, changes, runs, made)
    return Decision(
        operation=APPLY,
        actions=tuple(actions),
        begin=begin,
        end=None if end.is_empty else end,
        release=release,
        directories_made=made,
        changes=tuple(changes),
        directories_removed=removed,
        tools=tuple(runs),
        runtime=runtime,
        kept=tuple(back.kept),
        reboot_required=wanted.reboot_required,
        reboot_reasons=wanted.reboot_reasons,
        frees=_union(_dropped(wanted, before) if release else (), wanted.disturbed if runtime else ()),
    )


def decide_remove(journal: Journal, look: Look) -> Decision:
    back = _GiveBack(look)
    for file_record in reversed(list(journal.files.values())):
        back.add(file_record)
    changes, records = back.changes, back.records
    changed_layers = {change.layer for change in changes}
    kept_layers = {record.layer for record in records.values()}
    runs = []
    tools = {}
    for record in journal.tools.values():
        if _is_to_undo(record, changed_layers, look):
            runs += _undo_runs(record)
        if kept_layers.intersection(record.layers) or (records and record.former is not None):
            tools[record.name] = replace(record, stamp=UNDONE)
    release = journal.release_argv if look.release_ready else ()
    removed = _directories_to_remove(journal.directories, back.gone, set(), look)
    actions = _sentences(release, (), changes, removed, runs)
    end = Journal(
        files=dict(reversed(list(records.items()))),
        directories=tuple(path for path in journal.directories if path not in removed) if records else (),
        tools=tools,
        kernel_arguments=journal.kernel_arguments if records else (),
        secrets_from=journal.secrets_from if records else (),
    )
    still = [token for token in journal.kernel_arguments if token in look.running]
    return Decision(
        operation=REMOVE,
        actions=tuple(actions),
        begin=_begin(REMOVE, journal, end, changes, runs, ()),
        end=None if end.is_empty else end,
        release=release,
        changes=tuple(changes),
        directories_removed=removed,
        tools=tuple(runs),
        kept=tuple(back.kept),
        reboot_required=bool(still),
        frees=listed_devices(look.states[DEVICES_CONF].text) if DEVICES_CONF in journal.files else (),
        reboot_reasons=tuple(f"the running kernel still has {token}; it goes with the next reboot" for token in still),
    )


def _decide_file(
    file: WantedFile, record: FileRecord | None, look: Look
) -> tuple[FileRecord | None, FileChange | None]:
    current = look.states[file.path]
    real = look.reals.get(file.path, file.path) if file.foreign else file.path
    _refuse_strange(file, current, record)
    after = _after(file, current)
    same = after.fingerprint == current.fingerprint and (after.mode == current.mode or file.kind != FILE)
    if record is not None and record.foreign and record.real != real:
        record = None  # the link leads elsewhere now: what we wrote there is out of reach
    if record is not None and record.written is None and not record.is_ours(current) and not current.carries_mark:
        record = replace(
            record, former=current
        )  # a first run was cut off before it came here, and somebody edited since
    if record is None:
        if same and file.foreign:
            return None, None  # an administrator's own line: nothing of ours to remember
        former = (
            FileState() if not file.foreign and (current.carries_mark or (same and file.kind == SYMLINK)) else current
        )
        record = FileRecord(file.path, file.layer, former, real=real, foreign=file.foreign, secret=file.secret)
    written = Written(after.fingerprint, after.mode)
    if same:
        if file.foreign and not record.is_ours(current):
            return replace(record, intended=None), None
        return replace(record, written=written, intended=None), None
    mixed = file.foreign and record.written is not None and not record.is_ours(current)
    if mixed:
        record = replace(record, administrator=current.fingerprint != record.former.fingerprint)
    record = replace(record, layer=file.layer, real=real, secret=file.secret, written=written, intended=None)
    if after.kind == SYMLINK:
        sentence = f"link {file.path} to {after.target}"
    elif after.fingerprint == current.fingerprint:
        sentence = f"set mode {mode_text(after.mode)} of {file.path}"
    else:
        sentence = f"write {file.path}"
    return record, FileChange(file.path, real, file.layer, current, after, sentence, file.secret)


def _decide_edited(
    file: WantedFile, record: FileRecord | None, look: Look
) -> tuple[FileRecord | None, FileChange | None]:
    """Decide about a foreign file of which only lines are ours; everything else in it may be secret."""
    current, real = look.states[file.path], look.reals.get(file.path, file.path)
    _refuse_strange(file, current, record)
    if record is not None and record.real != real:
        record = None  # the link leads elsewhere now: what we wrote there is out of reach
    there = () if record is None else record.left_standing(current.text)
    pristine = undo_edits(current.text, there)
    try:
        after = current.with_text(apply_edits(pristine, file.edits))
    except ValueError:
        problem = "changed while this run was planning"
        raise MachineProblem(file.path, problem, "Run again; nothing has been changed") from None
    record = FileRecord(
        file.path,
        file.layer,
        current.with_text(pristine).without_content(),
        real=real,
        foreign=True,
        secret=file.secret,
        written=Written(after.fingerprint, after.mode, file.edits),
    )
    if after.content == current.content:
        return record, None
    sentence = f"edit {file.path}"
    return record, FileChange(
        file.path, real, file.layer, current, after, sentence, file.secret, standing=there, edits=file.edits
    )


def _refuse_strange(file: WantedFile, current: FileState, record: FileRecord | None) -> None:
    if record is not None and record.is_edited != bool(file.edits):
        how = "line by line" if record.is_edited else "as a whole"
        raise MachineProblem(file.path, f"was changed {how} by an earlier run, and now otherwise", "Run remove first")
    if current.kind in (ABSENT, file.kind) or (record is not None and record.is_ours(current)):
        return
    if current.kind == OTHER:
        found = "is a directory or another thing that is no file"
    elif current.kind == SYMLINK:
        found = f"is a symbolic link to {current.target}, and this collection never writes through one"
    else:
        found = "is a file where a symbolic link belongs"
    raise MachineProblem(file.path, found, "Move it away and run again; nothing has been changed")


def _after(file: WantedFile, current: FileState) -> FileState:
    if file.kind == SYMLINK:
        return FileState(SYMLINK, target=file.target)
    mode = file.mode
    if mode is None:
        mode = current.mode if current.kind == FILE else DEFAULT_MODE
    keep = current.kind == FILE and file.foreign
    return FileState(
        FILE,
        file.content,
        mode,
        current.uid if keep else None,  # a file of ours belongs to root, whoever owned what stood there
        current.gid if keep else None,
        current.context if current.kind == FILE else None,
    )


def _release(wanted: Wanted, before: Journal, gone: set[str]) -> tuple[str, ...]:
    """The command that gives devices back while the script and its list still know them."""
    if not before.release_argv:
        return ()
    if before.release_argv[0] in gone:
        return before.release_argv
    dropped = _dropped(wanted, before)
    return (*before.release_argv, *dropped) if dropped else ()


def _dropped(wanted: Wanted, before: Journal) -> tuple[str, ...]:
    return tuple(sorted(set(before.former_drivers) - set(wanted.drivers_now)))


class _GiveBack:
    """Collects the way back of each record.

    Shape: *changes* in order, *records* and *kept* for what stays, *gone* the paths that are empty afterwards.
    """

    def __init__(self, look: Look) -> None:
        self._look = look
        self.changes: list[FileChange] = []
        self.records: dict[str, FileRecord] = {}
        self.kept: list[Kept] = []
        self.gone: set[str] = set()

    def add(self, record: FileRecord) -> None:
        if record.is_edited:
            self._add_edited(record)
            return
        current, former = self._look.states[record.path], record.former
        written = record.written or record.intended
        if current.fingerprint == former.fingerprint:
            if former.kind == FILE and written is not None and current.mode == written.mode != former.mode:
                self._change(record, former, f"set mode {mode_text(former.mode)} of {record.path}")
        else:
            why = self._why_kept(record, current)
            if why is not None:
                self.kept.append(Kept(record.path, why))
                self.records[record.path] = record
                return
            if written is not None and former.kind == current.kind == FILE and written.mode not in (None, current.mode):
                former = replace(former, mode=current.mode)  # an administrator's chmod stays
            verb = "remove" if former.kind == ABSENT else "restore"
            self._change(record, former, f"{verb} {record.path}")
        if former.kind == ABSENT:
            self.gone.add(record.path)

    def _add_edited(self, record: FileRecord) -> None:
        """Only our lines go back; what else the file holds is what its owner made of it since."""
        current = self._look.states[record.path]
        if current.kind == ABSENT:
            return  # and our lines with it
        why = self._why_elsewhere(record)
        if current.kind != FILE:
            why = "is no plain file any more; it is left as it stands"
        if why is None:
            try:
                standing = record.standing(current.text)
            except ValueError:
                why = "has other lines now where this collection wrote its own; it is left as it stands"
        if why is not None:
            self.kept.append(Kept(record.path, why))
            self.records[record.path] = record
        elif standing:
            after = current.with_text(undo_edits(current.text, standing))
            self._change(record, after, f"take our lines out of {record.path}", standing)

    def _why_elsewhere(self, record: FileRecord) -> str | None:
        if record.foreign and self._look.reals.get(record.path, record.real) != record.real:
            return f"leads elsewhere now; what this collection wrote is in {record.real}"
        return None

    def _why_kept(self, record: FileRecord, current: FileState) -> str | None:
        elsewhere = self._why_elsewhere(record)
        if elsewhere is not None:
            return elsewhere
        if not record.is_ours(current):
            happened = "removed" if current.kind == ABSENT else "changed"
            return f"was {happened} by someone else since this collection wrote it; it is left as it stands"
        if record.administrator:
            return "holds edits of someone else between ours; take our words out by hand"
        return None

    def _change(self, record: FileRecord, after: FileState, sentence: str, standing: tuple[LineEdit, ...] = ()) -> None:
        before, edits = self._look.states[record.path], () if record.is_edited else None
        self.changes.append(
            FileChange(record.path, record.real, record.layer, before, after, sentence, record.secret, standing, edits)
        )


def _decide_tools(
    wanted: Wanted, before: Journal, changed_layers: set[str], files: Mapping[str, FileRecord], look: Look
) -> tuple[list[ToolRun], dict[str, ToolRecord]]:
    runs = []
    records = {}
    for tool in wanted.tools:
        record = before.tools.get(tool.name)
        inputs = [file.identity for file in wanted.files if file.layer in tool.layers]
        ours = any(file.layer in tool.layers and file.path in files for file in wanted.files)
        stamp = tool.stamp or hashlib.sha256(json.dumps(inputs).encode("utf-8")).hexdigest()
        due = tool.force or bool(changed_layers.intersection(tool.layers))
        if record is not None:
            due = due or record.stamp != stamp
        else:
            due = due or (ours if tool.former is None else tool.former != stamp)
        if due:
            runs.append(_run(tool, record))
        if due or record is not None:
            earlier = _earlier_undos(record, tool)
            records[tool.name] = ToolRecord(
                tool.name, tool.layers, tool.argv, tool.undo, tool.touches, stamp, earlier, tool.former, tool.service
            )
    listed = {tool.name for tool in wanted.tools}
    for record in before.tools.values():
        if record.name in listed:
            continue
        if _is_left_to_undo(record, changed_layers, look):
            runs += _undo_runs(record)
        elif record.former is None or record.former != record.stamp:
            records[record.name] = record
    return runs, records


def _run(tool: Tool, record: ToolRecord | None) -> ToolRun:
    if tool.service is not None:  # the same restart brings the former configuration back, once the files are
        return ToolRun(tool.name, tool.argv, tool.touches, (tool.undo or tool.argv,), tool.name, tool.service)
    earlier = record.argv if record is not None and record.stamp is not None else ()
    fallback = tuple(argv for argv in (tool.undo, earlier) if argv)
    return ToolRun(tool.name, tool.argv, tool.touches, fallback, f"run {tool.name}")


def _is_left_to_undo(record: ToolRecord, changed_layers: set[str], look: Look) -> bool:
    """Whether a tool that the plan does not name any more has something to undo."""
    if record.former is not None:
        return _is_to_undo(record, changed_layers, look)
    return record.stamp is None or bool(changed_layers.intersection(record.layers))


def _is_to_undo(record: ToolRecord, changed_layers: set[str], look: Look) -> bool:
    """Whether a removal has to undo what a tool did."""
    if record.service is not None and record.service.unit in look.resting:
        return False  # it runs nothing that could still hold our settings, and who stopped it wants it so
    if record.stamp == UNDONE:
        return bool(changed_layers if record.former is not None else changed_layers.intersection(record.layers))
    return record.former is None or record.former != record.stamp


def _earlier_undos(record: ToolRecord | None, tool: Tool) -> tuple[tuple[str, ...], ...]:
    """What has to be undone besides *tool*'s own run; a tool whose undo is to run it again covers everything."""
    if record is None:
        return ()
    if record.stamp == UNDONE or not record.undo or record.undo in (record.argv, tool.undo, *record.earlier):
        return () if record.stamp == UNDONE else record.earlier
    return (*record.earlier, record.undo)


def _undo_runs(record: ToolRecord) -> list[ToolRun]:
    """The last run's undo, then those of the earlier ones, the newest first."""
    earlier = [
        ToolRun(record.name, undo, record.touches, (), f"undo {record.name}") for undo in reversed(record.earlier)
    ]
    return ([_undo_run(record)] if record.undo else []) + earlier


def _undo_run(record: ToolRecord) -> ToolRun:
    if record.service is not None:
        return ToolRun(record.name, record.undo, record.touches, (record.argv,), record.name, record.service)
    sentence = f"run {record.name}" if record.undo == record.argv else f"undo {record.name}"
    return ToolRun(record.name, record.undo, record.touches, (record.argv,), sentence)


def _directories_to_make(changes: Sequence[FileChange], look: Look) -> tuple[str, ...]:
    return _union((), [directory for change in changes for directory in look.missing.get(change.path, ())])


def _directories_to_remove(ours: Sequence[str], gone: set[str], staying: set[str], look: Look) -> tuple[str, ...]:
    """Return the directories of ours that will be empty, innermost first."""
    removed: list[str] = []
    for directory in reversed(ours):
        names = look.listings.get(directory)
        if names is None:
            continue
        inside = {f"{directory}/{name}" for name in names}
        needed = any(path.startswith(directory + "/") for path in staying)
        if not needed and inside <= gone.union(removed):
            removed.append(directory)
    return tuple(removed)


def _sentences(
    release: Sequence[str],
    made: Sequence[str],
    changes: Sequence[FileChange],
    removed: Sequence[str],
    runs: Sequence[ToolRun],
) -> list[str]:
    return [
        *([f"run {' '.join(release)}"] if release else []),
        *(f"make directory {path}" for path in made),
        *(change.sentence for change in changes),
        *(f"remove directory {path}" for path in removed),
        *(run.sentence for run in runs),
    ]


def _begin(
    operation: str,
    before: Journal,
    end: Journal,
    changes: Sequence[FileChange],
    runs: Sequence[ToolRun],
    made: Sequence[str],
) -> Journal:
    """Return the journal that must be on disk before the first change, from which any crash can be sorted out."""
    files = dict(before.files)
    for path, record in end.files.items():
        old = before.files.get(path)
        files[path] = replace(
            record, written=None if old is None else old.written, intended=None if old is None else old.intended
        )
    for change in changes:
        record = files[change.path]
        if change.edits is not None:
            record = replace(record, written=Written(change.before.fingerprint, change.before.mode, change.standing))
        elif record.intended is not None and record.intended.matches(change.before):
            record = replace(record, written=record.intended)  # what the run that was cut off still wrote
        intended = Written(change.after.fingerprint, change.after.mode, change.edits or ())
        files[change.path] = replace(record, intended=intended)
    tools = {**before.tools, **{name: record for name, record in end.tools.items() if name not in before.tools}}
    for run in runs:
        tools[run.name] = replace(end.tools.get(run.name) or tools[run.name], stamp=None)
    return replace(
        before,
        unfinished=operation,
        files=files,
        directories=_union(before.directories, made),
        tools=tools,
        apply_argv=end.apply_argv or before.apply_argv,
        release_argv=end.release_argv or before.release_argv,
        former_drivers={**end.former_drivers, **before.former_drivers},
        kernel_arguments=_union(before.kernel_arguments, end.kernel_arguments),
        secrets_from=_union(before.secrets_from, end.secrets_from),
    )


def _former_drivers(wanted: Wanted, before: Journal, changed: bool) -> dict[str, str | None]:
    """Add today's drivers to those remembered, in a run that changes something anyway; the first memory wins."""
    if not changed:
        return dict(before.former_drivers)
    still = {address: driver for address, driver in before.former_drivers.items() if address in wanted.drivers_now}
    return {**wanted.drivers_now, **still}


def _pending(wanted: Wanted, old: PendingReboot | None) -> PendingReboot | None:
    """What to remember of the reboot: never shortened while it is due; arguments without effect are not forgotten."""
    if wanted.reboot_required:
        if old is not None and old.boot_id == wanted.boot_id:
            return PendingReboot(
                old.boot_id,
                _union(old.waits_for, wanted.waits_for),
                _union(old.reasons, wanted.reboot_reasons),
                _union(old.ineffective, wanted.ineffective),
            )
        # another boot since: what it did not bring stands under `ineffective`
        return PendingReboot(wanted.boot_id, wanted.waits_for, wanted.reboot_reasons, wanted.ineffective)
    if wanted.ineffective:
        if old is not None and set(wanted.ineffective) <= {*old.waits_for, *old.ineffective}:
            return old
        return PendingReboot(wanted.boot_id, (), (), wanted.ineffective)
    return None


def _union(first: Sequence[str], second: Sequence[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys((*first, *second)))
