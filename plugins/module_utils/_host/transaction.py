# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One run of host_apply or nova_apply on the machine: look, decide, and carry out all of it or nothing.

Order: lock, journal, copies of what the tools rewrite, release, directories, files, tools, runtime, journal. A service
that a tool restarts has to be up for a while before the next tool runs. A failure
anywhere brings everything back that this run did. A crash anywhere leaves a journal that says `unfinished`; every file
is then its old or its new self, and the next run, whichever it is, starts from there.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import signal
import threading
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import FrameType
from typing import Any, Callable

from .._core.decision import Decision, FileChange, Goal, Look, ToolRun
from .._core.errors import MachineProblem, PassthroughError
from .._core.journal import ABSENT, FILE, FileState, Journal, Snapshot
from .._core.steps import Step, steps_of
from .command import Commands, Completed
from .files import Files
from .journal_store import JournalStore
from .recollection import Recollection, recollect
from .service import Services

_SLACK = 256 * 1024  # room for the journal and directories, beside what is counted
_INODES = 16
_MEND = "Mend what it complains about and run again"


@dataclass(frozen=True)
class Outcome:
    """What a run did or, in check mode, would do."""

    decision: Decision | None
    steps: tuple[Step, ...] = ()

    def diff(self) -> list[dict[str, str]]:
        return [] if self.decision is None else [change.to_diff() for change in self.decision.changes]

    def to_dict(self, diff: bool = False) -> dict[str, Any]:
        decision = self.decision
        return {
            **({"diff": self.diff()} if diff else {}),
            "changed": decision is not None and decision.changed,
            "actions": [] if decision is None else list(decision.actions),
            "steps": [step.to_dict() for step in self.steps],
            "kept": [] if decision is None else [kept.to_dict() for kept in decision.kept],
            "notes": [] if decision is None else list(decision.notes),
            "reboot": {
                "required": decision is not None and decision.reboot_required,
                "reasons": [] if decision is None else list(decision.reboot_reasons),
            },
        }


def read_texts(files: Files, paths: Iterable[str]) -> list[str]:
    """Return the texts of those of *paths* that are files, links followed; MachineProblem when one cannot be read."""
    with _in_words():
        states = [files.read(files.real(path)) for path in paths]
    return [state.text for state in states if state.kind == FILE]


def recall(files: Files, store: JournalStore, goal: Goal) -> Journal | None:
    """Return the journal that a run for *goal* starts from: the host's own or, where that is lost, one made up."""
    with _in_words():
        return recollect(files, store, goal).journal


class Transaction:
    """Brings the host to *goal*.

    Shape: *timeout* seconds for each command, *patience* seconds to wait for another run; *store* is where the plan's
    journal lies (default: the host's own), *services* are the ones that its tools restart, *holders* tells in words which
    devices running guests hold.
    """

    def __init__(
        self,
        files: Files,
        commands: Commands,
        goal: Goal,
        timeout: float = 900.0,
        patience: float = 60.0,
        store: JournalStore | None = None,
        services: Services | None = None,
        holders: Callable[[], Mapping[str, str]] = dict,
    ) -> None:
        self._holders = holders
        self._files = files
        self._commands = commands
        self._goal = goal
        self._timeout = timeout
        self._patience = patience
        self._store = store or JournalStore(files)
        self._services = services or Services(files, commands)

    # -- looking

    def look(self) -> tuple[Journal | None, Decision | None]:
        """Return the journal on the disk and what is to be done; writes nothing."""
        with _in_words():
            known = recollect(self._files, self._store, self._goal)
            return known.stored, self._goal.decide(known.journal, self._see(known))

    def _see(self, known: Recollection) -> Look:
        journal = known.journal
        states, reals, missing = {}, {}, {}
        for path, foreign in self._goal.paths(journal).items():
            real = self._files.real(path) if foreign else path
            reals[path] = real
            states[path] = self._files.read(real)
            missing[path] = self._files.missing_directories(real)
        directories = journal.directories if journal else ()
        release = journal.release_argv if journal else ()
        return Look(
            states=states,
            reals=reals,
            missing=missing,
            listings={path: self._files.names(path) if self._files.exists(path) else None for path in directories},
            release_ready=bool(release) and self._files.is_executable(release[0]),
            running=tuple((self._files.text("/proc/cmdline") or "").split()),
            resting=self._services.resting(
                tool.service.unit for tool in (journal.tools.values() if journal else ()) if tool.service is not None
            ),
            aside=known.aside,
        )

    # -- running

    def check(self) -> Outcome:
        """Say what a run would do, having made sure that it could."""
        journal, decision = self.look()
        if decision is not None and decision.changed:
            with _in_words():
                self._preflight(journal, decision)
        return Outcome(decision)

    def run(self) -> Outcome:
        """Do it. An unchanged host is only looked at: no lock, no write, no tool."""
        journal, decision = self.look()
        if not self._has_work(journal, decision):
            return Outcome(decision)
        with _in_words():
            if decision is not None and decision.changed:
                self._refuse_early(journal, decision)
            with self._store.locked(self._patience) as lock, _signals_as_errors():
                return self._run_locked(lock)

    def _refuse_early(self, journal: Journal | None, decision: Decision) -> None:
        """Refuse before even the lock is made; but not for what another run was in the middle of: that one is waited for."""
        try:
            self._preflight(journal, decision)
        except (OSError, MachineProblem):
            if not self._store.is_held() and self.look() == (journal, decision):
                raise

    def _has_work(self, journal: Journal | None, decision: Decision | None) -> bool:
        if decision is not None and (decision.changed or decision.end != journal):
            return True
        return self._store.has_leftovers(journal)

    def _run_locked(self, lock: int) -> Outcome:
        try:
            journal, decision = self.look()  # again: another run may just have ended
            if decision is None or not decision.changed:
                self._note(journal, None if decision is None else decision.end)
                return Outcome(decision)
            self._preflight(journal, decision)
            bench = _Bench(self._files, self._commands, self._store, self._services, self._timeout, lock)
            outcome = Outcome(decision, _Work(bench, journal, decision).carry_out())
        finally:
            self._store.clear()
        return outcome

    def _note(self, journal: Journal | None, end: Journal | None) -> None:
        """Bring the memory up to date when nothing on the host changes."""
        if journal is not None and journal.unfinished:
            _clear_temporaries(self._files, self._store, journal)
        if end is None:
            self._store.forget()
        elif end != journal:
            self._store.write(end)
        self._store.drop_copies()

    # -- before anything is written

    def _preflight(self, journal: Journal | None, decision: Decision) -> None:
        """Refuse now what would fail half-way: no room, not writable, a tool that is not there."""
        self._refuse_held(decision)
        _preflight_tools(self._commands, self._services, decision)
        needs: dict[int, _Need] = {}

        def count(path: str, size: int, temporary: int = 0) -> None:
            room = self._files.room(path)
            if room.read_only:
                raise MachineProblem(
                    path, "lies on a filesystem that is mounted read-only", "Mount it read-write and run again"
                )
            if not room.writable:
                raise MachineProblem(path, "cannot be written: permission denied", "Run as root (become: true)")
            need = needs.setdefault(room.filesystem, _Need(path, room.bytes_free, room.inodes_free))
            need.lasting += size
            need.temporary = max(need.temporary, temporary)
            need.inodes += 1

        count(self._store.lock_path, _SLACK + 2 * sum(len(change.before.content) for change in decision.changes))
        for change in decision.changes:
            size = len(change.after.content)
            count(change.real, max(0, size - len(change.before.content)) if change.after.kind == FILE else 0, size)
        for run in decision.tools:
            for path in (path for pattern in run.touches for path in self._files.matching(pattern)):
                size = self._files.size(path)
                if journal is None or path not in journal.snapshots:
                    count(f"{self._store.copies}/copy", size)
                count(path, 0, size)  # a tool writes the new one beside the old
        for need in needs.values():
            need.check()

    def _refuse_held(self, decision: Decision) -> None:
        """The device script would refuse too, but only when the journal is written and other devices are free already."""
        held = self._holders() if decision.frees else {}
        found = [f"{address} {held[address]}" for address in decision.frees if address in held]
        if found:
            where, _space, problem = "; ".join(found).partition(" ")
            raise MachineProblem(where, problem, "Stop or migrate the guest and run again; nothing has been changed")


class _Need:
    """What one filesystem must have to spare."""

    def __init__(self, path: str, bytes_free: int, inodes_free: int | None) -> None:
        self.path = path
        self.bytes_free = bytes_free
        self.inodes_free = inodes_free
        self.lasting = 0
        self.temporary = 0
        self.inodes = 0

    def check(self) -> None:
        wanted = self.lasting + self.temporary + 4096 * self.inodes
        if self.bytes_free < wanted:
            raise MachineProblem(
                self.path,
                f"lies on a filesystem with {self.bytes_free // 1024} KiB free; this run needs {wanted // 1024}",
                "Free some space and run again; nothing has been changed",
            )
        if self.inodes_free is not None and self.inodes_free < self.inodes + _INODES:
            raise MachineProblem(
                self.path,
                f"lies on a filesystem with {self.inodes_free} free inodes; this run needs {self.inodes + _INODES}",
                "Remove some files and run again; nothing has been changed",
            )


def _preflight_tools(commands: Commands, services: Services, decision: Decision) -> None:
    written = {change.path for change in decision.changes if change.after.kind != ABSENT}
    names = [run.argv[0] for run in decision.tools] + [argv[0] for argv in (decision.release, decision.runtime) if argv]
    for name in names:
        if name not in written and commands.find(name) is None:
            raise MachineProblem(
                name, "is not installed on this host", "Install it and run again; nothing has been changed"
            )
    for run in decision.tools:
        if run.service is not None:
            services.require(run.service.unit)


@dataclass(frozen=True)
class _Bench:
    """What a transaction works with. *lock* is the descriptor of the held lock."""

    files: Files
    commands: Commands
    store: JournalStore
    services: Services
    timeout: float
    lock: int


class _Work:
    """One transaction under way: what it has done so far, and the way back from there."""

    def __init__(self, bench: _Bench, before: Journal | None, decision: Decision) -> None:
        self._files = bench.files
        self._commands = bench.commands
        self._store = bench.store
        self._services = bench.services
        self._timeout = bench.timeout
        self._lock = bench.lock
        self._before = before
        self._decision = decision
        self._made: list[str] = []
        self._removed: list[str] = []
        self._changed: list[FileChange] = []
        self._ran: list[ToolRun] = []  # the tools whose work no copy brings back
        self._was_down: set[str] = set()  # units that were not up before this run
        self._snapshots: dict[str, Snapshot] = {}
        self._failures: list[str] = []
        self._released = False
        self._unreadable: FileState | None = None  # the journal that was set aside
        self._bound: list[str] | None = None  # the addresses that the runtime step changed, once it was tried

    def carry_out(self) -> tuple[Step, ...]:
        try:
            return self._forward()
        except (OSError, PassthroughError) as error:
            problem = _worded(error)
            with _signals_ignored():
                failures = self._back()
            if failures:
                raise MachineProblem(
                    problem.where,
                    f"{problem.problem}. Then the way back failed too: {'; '.join(failures)}",
                    f"{problem.fix}. The journal remembers what is left to do: run again, or run remove",
                ) from None
            raise MachineProblem(
                problem.where, f"{problem.problem}. Everything is back as it was before this run", problem.fix
            ) from None

    # -- forward

    def _forward(self) -> tuple[Step, ...]:
        decision = self._decision
        if self._before is not None and self._before.unfinished:
            _clear_temporaries(self._files, self._store, self._before)
        if decision.aside is not None:
            self._unreadable = self._store.set_aside(decision.aside)
        self._keep_copies()
        self._store.write(decision.begin.with_snapshots(self._snapshots))
        steps: tuple[Step, ...] = ()
        if decision.release:
            self._released = True
            steps += self._run_script(decision.release)
        self._files_forward()
        for run in decision.tools:
            if not run.touches:
                self._ran.append(run)
            self._run_tool(run, run.argv)
        if decision.runtime:
            self._bound = []
            steps += self._run_script(decision.runtime)
        if decision.end is None:
            self._store.forget()
        else:
            self._store.write(decision.end)
        self._store.drop_copies()
        return steps

    def _files_forward(self) -> None:
        for directory in self._decision.directories_made:
            self._made.append(directory)
            self._files.make_directory(directory)
        for change in self._decision.changes:
            self._changed.append(change)
            self._files.put(change.real, change.after)
        for directory in self._decision.directories_removed:
            self._removed.append(directory)
            self._files.remove_directory(directory)

    def _keep_copies(self) -> None:
        """Copy what the tools rewrite. A copy that an unfinished run left is older and better: it stays."""
        self._snapshots = dict(self._before.snapshots) if self._before is not None else {}
        patterns = [pattern for run in self._decision.tools for pattern in run.touches]
        if patterns:
            self._files.make_directory(self._store.copies, 0o700)
        for pattern in patterns:
            found = self._files.matching(pattern)
            for path in found:
                if path not in self._snapshots:
                    name = hashlib.sha256(path.encode("utf-8", "surrogateescape")).hexdigest()[:32]
                    self._snapshots[path] = self._files.keep(path, f"{self._store.copies}/{name}")
            if not found and not set(pattern) & set("*?[") and self._files.real(pattern) not in self._snapshots:
                path = self._files.real(pattern)
                self._snapshots[path] = Snapshot(path, None)  # absent before: it goes again

    def _run_tool(self, run: ToolRun, argv: tuple[str, ...]) -> None:
        if run.service is None:
            self._run(argv)
            for path in (path for pattern in run.touches for path in self._files.matching(pattern)):
                self._files.flush(path)
            return
        unit = run.service.unit
        if not self._services.state(unit).is_up:
            self._was_down.add(unit)
        self._files.step("run", argv[0])
        self._services.restart(run.service, argv, self._timeout, (self._lock,))
        self._files.step("ran", argv[0])

    def _run(self, argv: tuple[str, ...]) -> Completed:
        self._files.step("run", argv[0])
        completed = self._commands.run(argv, self._timeout, (self._lock,))
        self._files.step("ran", argv[0])
        if not completed.succeeded:
            words = completed.last_words
            said = f" and said:\n{words}\n" if words else " and said nothing"
            raise MachineProblem(" ".join(argv), f"{completed.outcome}{said}".rstrip(), _MEND)
        return completed

    def _run_script(self, argv: tuple[str, ...]) -> tuple[Step, ...]:
        """Run devices.sh; a step that failed is a failure of the run, in the script's own words."""
        self._files.step("run", argv[0])
        completed = self._commands.run(argv, self._timeout, (self._lock,))
        self._files.step("ran", argv[0])
        steps = steps_of(completed.stdout)
        if self._bound is not None:
            self._bound += [step.address for step in steps if step.status == "changed"]
        failed = [f"{step.address} {step.message}".strip() for step in steps if step.status == "failed"]
        if completed.succeeded and not failed:
            return steps
        words = "; ".join(failed) or f"{completed.outcome}\n{completed.last_words}".rstrip()
        raise MachineProblem(" ".join(argv), words, _MEND)

    # -- back

    def _back(self) -> list[str]:
        """Undo everything, last first, going on whatever fails; returns what could not be undone."""
        begin = self._decision.begin
        if self._bound and begin.release_argv:
            with self._attempt():
                self._run_script((*begin.release_argv, *self._bound))  # while the script and its list are in place
        self._files_back()
        for snapshot in self._snapshots.values():
            with self._attempt():
                self._files.bring_back(snapshot, f"{self._store.copies}/{snapshot.stored}" if snapshot.stored else "")
        for run in reversed(self._ran):
            for argv in run.fallback:
                with self._attempt():
                    self._run_back(run, argv)
        again = begin.apply_argv if self._before is None and self._released else ()
        if self._before is not None:
            again = self._before.apply_argv
        if again and (self._bound is not None or self._released) and self._files.is_executable(again[0]):
            with self._attempt():
                self._run_script(again)
        if not self._failures:
            with self._attempt():
                self._journal_back()
        return self._failures

    def _run_back(self, run: ToolRun, argv: tuple[str, ...]) -> None:
        unit = run.service.unit if run.service is not None else ""
        if unit in self._was_down:
            self._run(("systemctl", "stop", unit))
            return
        if unit:
            self._services.forgive(unit)
        self._run_tool(run, argv)

    @contextlib.contextmanager
    def _attempt(self) -> Iterator[None]:
        try:
            yield
        except (OSError, PassthroughError) as error:
            self._failures.append(str(_worded(error)))

    def _files_back(self) -> None:
        for directory in reversed(self._removed):
            with self._attempt():
                self._files.make_directory(directory)
        for change in reversed(self._changed):
            with self._attempt():
                if self._files.read(change.real) != change.before:
                    self._files.put(change.real, change.before)
        for directory in reversed(self._made):
            with self._attempt():
                self._files.remove_directory(directory)

    def _journal_back(self) -> None:
        if self._unreadable is not None and self._decision.aside is not None:
            self._store.bring_back(self._unreadable, self._decision.aside)
        elif self._before is None:
            self._store.forget()
        else:
            self._store.write(self._before)
        if self._before is None or not self._before.unfinished:
            self._store.drop_copies()


def _clear_temporaries(files: Files, store: JournalStore, journal: Journal) -> None:
    """Take away the temporary files beside our paths that a crash left."""
    for record in journal.files.values():
        files.discard_temporary(record.real)
    for snapshot in journal.snapshots.values():
        files.discard_temporary(snapshot.path)
        if snapshot.stored is not None:
            files.discard_temporary(f"{store.copies}/{snapshot.stored}")


# -- errors and signals

_FIXES = {
    errno.ENOSPC: "Free some space and run again",
    errno.EDQUOT: "Free some space and run again",
    errno.EROFS: "Mount the filesystem read-write and run again",
    errno.EACCES: "Run as root (become: true)",
    errno.EPERM: "Run as root (become: true), and look for an immutable flag (lsattr)",
}


def _worded(error: BaseException) -> MachineProblem:
    if isinstance(error, MachineProblem):
        return error
    if isinstance(error, OSError):
        where = error.filename2 or error.filename or "the host"
        fix = _FIXES.get(error.errno or 0, "Mend it and run again")
        return MachineProblem(str(where), f"cannot be read or changed ({error.strerror or error})", fix)
    return MachineProblem("the host", str(error), "Mend it and run again")


@contextlib.contextmanager
def _in_words() -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise _worded(error) from None
    except ValueError as error:  # a link on the host that leads to a path no one could mean
        raise MachineProblem("a path of the plan", str(error), "Look at the symbolic links on the way to it") from None


_SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)


@contextlib.contextmanager
def _signals_as_errors() -> Iterator[None]:
    """A request to end becomes an error, so that the way back is taken; a lost connection (SIGHUP) does not stop us."""

    def stop(number: int, _frame: FrameType | None) -> None:
        name = signal.Signals(number).name
        raise MachineProblem("this run", f"was asked to end ({name})", "Run again")

    with _handlers({signal.SIGTERM: stop, signal.SIGINT: stop, signal.SIGHUP: signal.SIG_IGN}):
        yield


@contextlib.contextmanager
def _signals_ignored() -> Iterator[None]:
    with _handlers(dict.fromkeys(_SIGNALS, signal.SIG_IGN)):
        yield


@contextlib.contextmanager
def _handlers(handlers: dict[signal.Signals, Any]) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    former = {number: signal.signal(number, handler) for number, handler in handlers.items()}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, handler)
