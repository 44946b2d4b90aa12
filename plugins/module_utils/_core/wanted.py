# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of a plan that host_apply or nova_apply carries out, read strictly: nothing reaches the host out of shape."""

from __future__ import annotations

import contextlib
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable

from .config_edit import LineEdit
from .errors import InputProblem, PassthroughError, raise_problems
from .journal import FILE, STATE_DIRECTORIES, SYMLINK, ServiceUnit, check_path, mode_number, mode_text
from .secrets import secret_values

_PLAN_FIX = "The plan comes from host_plan or nova_plan as it is; do not write one by hand"
_UNIT = re.compile(r"[A-Za-z0-9:_.@\\][A-Za-z0-9:_.@\\-]*\.service")
_URL = re.compile(r"https?://[^\s/@]+(/\S*)?")
DEFAULT_MODE = 0o644


@dataclass(frozen=True)
class WantedFile:
    """One path. *edits* take the place of *content* where only lines of a foreign file are ours."""

    path: str
    layer: str
    kind: str  # file or symlink
    content: bytes = b""
    mode: int | None = None  # None: keep
    target: str | None = None
    foreign: bool = False
    secret: bool = False
    edits: tuple[LineEdit, ...] = ()

    @property
    def identity(self) -> list[str | None]:
        """What a tool's stamp is made of."""
        content = self.content if not self.edits else repr(self.edits).encode("utf-8", "surrogateescape")
        return [self.path, self.kind, mode_text(self.mode), self.target, hashlib.sha256(content).hexdigest()]


@dataclass(frozen=True)
class Tool:
    name: str
    layers: tuple[str, ...]
    argv: tuple[str, ...]
    undo: tuple[str, ...] = ()
    touches: tuple[str, ...] = ()
    force: bool = False
    stamp: str | None = None  # of what the tool gives the host; None: that of the files of its layers
    former: str | None = None  # the stamp of the host without us
    service: ServiceUnit | None = None


@dataclass(frozen=True)
class Wanted:
    """The part of a plan that is carried out."""

    boot_id: str = ""
    files: tuple[WantedFile, ...] = ()
    tools: tuple[Tool, ...] = ()
    runtime_apply: bool = False
    apply_argv: tuple[str, ...] = ()
    release_argv: tuple[str, ...] = ()
    runtime_actions: tuple[str, ...] = ()
    reboot_required: bool = False
    reboot_reasons: tuple[str, ...] = ()
    waits_for: tuple[str, ...] = ()
    ineffective: tuple[str, ...] = ()
    arguments: tuple[str, ...] = ()  # all wanted kernel arguments
    new_arguments: tuple[str, ...] = ()  # wanted kernel arguments that are not configured yet: ours from now on
    drivers_now: Mapping[str, str | None] = field(default_factory=dict)
    secrets_from: tuple[str, ...] = ()
    disturbed: tuple[str, ...] = ()  # devices whose driver or virtual functions change once the files are there


def read_plan(plan: Any, contents: Any = None) -> Wanted:
    """Turn the plan and the rendered templates into a Wanted; every problem is reported at once."""
    reader = _PlanReader(plan, contents)
    wanted = reader.read()
    raise_problems(reader.problems)
    return wanted


class _PlanReader:
    def __init__(self, plan: Any, contents: Any) -> None:
        self.problems: list[PassthroughError] = []
        self._plan = plan
        self._contents = contents if isinstance(contents, Mapping) else {}

    def _complain(self, entry: str, value: object, problem: str, fix: str = _PLAN_FIX) -> None:
        self.problems.append(InputProblem(entry, value, problem, fix))

    def _mapping(self, holder: Any, key: str, place: str = "plan.") -> Mapping[str, Any]:
        found = holder.get(key)
        if found is None:
            return {}
        if not isinstance(found, Mapping):
            self._complain(f"{place}{key}", found, "is no dictionary")
            return {}
        return found

    def _rows(self, holder: Any, key: str, place: str = "plan.") -> list[Mapping[str, Any]]:
        found = holder.get(key)
        if found is None:
            return []
        if not isinstance(found, list) or not all(isinstance(row, Mapping) for row in found):
            self._complain(f"{place}{key}", found, "is no list of dictionaries")
            return []
        return found

    def _texts(self, holder: Any, key: str, place: str) -> tuple[str, ...]:
        found = holder.get(key)
        if found is None:
            return ()
        if not isinstance(found, list) or not all(
            isinstance(item, str) and item and "\0" not in item for item in found
        ):
            self._complain(f"{place}{key}", found, "is no list of texts")
            return ()
        return tuple(found)

    def _text(self, holder: Any, key: str, place: str) -> str:
        found = holder.get(key)
        if not isinstance(found, str) or not found or not found.isprintable():
            self._complain(f"{place}{key}", found, "is no plain text")
            return ""
        return found

    def _flag(self, holder: Any, key: str, place: str) -> bool:
        found = holder.get(key, False)
        if not isinstance(found, bool):
            self._complain(f"{place}{key}", found, "is neither true nor false")
            return False
        return found

    def read(self) -> Wanted:
        if not isinstance(self._plan, Mapping):
            self._complain("plan", self._plan, "is no dictionary")
            return Wanted()
        if self._plan.get("version") != 1:
            self._complain("plan.version", self._plan.get("version"), "is not 1")
            return Wanted()
        files = tuple(
            self._file(row, f"plan.files[{number}].") for number, row in enumerate(self._rows(self._plan, "files"))
        )
        tools = tuple(
            self._tool(row, f"plan.tools[{number}].") for number, row in enumerate(self._rows(self._plan, "tools"))
        )
        self._refuse_twice("plan.files", [wanted.path for wanted in files])
        self._refuse_twice("plan.tools", [tool.name for tool in tools])
        runtime = self._mapping(self._plan, "runtime")
        reboot = self._mapping(self._plan, "reboot")
        arguments = self._mapping(self._plan, "kernel_arguments")
        wanted = Wanted(
            boot_id=self._text(self._mapping(self._plan, "host"), "boot_id", "plan.host."),
            files=files,
            tools=tools,
            runtime_apply=self._flag(runtime, "apply", "plan.runtime."),
            apply_argv=self._texts(runtime, "argv", "plan.runtime."),
            release_argv=self._texts(runtime, "release_argv", "plan.runtime."),
            runtime_actions=self._texts(runtime, "actions", "plan.runtime."),
            reboot_required=self._flag(reboot, "required", "plan.reboot."),
            reboot_reasons=self._texts(reboot, "reasons", "plan.reboot."),
            waits_for=self._texts(reboot, "waits_for", "plan.reboot."),
            ineffective=self._texts(reboot, "ineffective", "plan.reboot."),
            arguments=self._texts(arguments, "wanted", "plan.kernel_arguments."),
            new_arguments=self._new_arguments(arguments),
            drivers_now=self._drivers(),
            secrets_from=self._paths(self._plan, "secrets_from", "plan."),
            disturbed=self._disturbed(),
        )
        if wanted.runtime_apply and not wanted.apply_argv:
            self._complain("plan.runtime.argv", None, "is missing although runtime.apply is true")
        return wanted

    def _refuse_twice(self, place: str, names: Sequence[str]) -> None:
        for name in sorted({name for name in names if name and names.count(name) > 1}):
            self._complain(place, name, "stands there twice")

    def _path(self, holder: Any, key: str, place: str) -> str:
        found = holder.get(key)
        try:
            path = check_path(found)
        except ValueError as error:
            self._complain(f"{place}{key}", found, str(error))
            return ""
        if any(path == own or path.startswith(own + "/") for own in STATE_DIRECTORIES):
            self._complain(f"{place}{key}", path, "lies in this collection's own state directory")
        return path

    def _paths(self, holder: Any, key: str, place: str) -> tuple[str, ...]:
        paths = self._texts(holder, key, place)
        for path in paths:
            self._check(check_path, path, f"{place}{key}")
        return paths

    def _check(self, check: Callable[[str], object], found: str, entry: str) -> None:
        try:
            check(found)
        except ValueError as error:
            self._complain(entry, found, str(error))

    def _file(self, row: Mapping[str, Any], place: str) -> WantedFile:
        if row.get("edits") is not None:
            return self._edited_file(row, place)
        kind = row.get("kind", FILE)
        foreign = self._flag(row, "foreign", place)
        content, target, mode = b"", None, None
        if kind == FILE:
            content = self._content(row, place)
            try:
                mode = mode_number(row.get("mode"))
            except ValueError as error:
                self._complain(f"{place}mode", row.get("mode"), str(error))
            if mode is None and not foreign:
                mode = DEFAULT_MODE
        elif kind == SYMLINK and not foreign:
            target = self._text(row, "target", place)
        else:
            self._complain(f"{place}kind", kind, "is neither 'file' nor 'symlink' (of ours)")
        return WantedFile(
            path=self._path(row, "path", place),
            layer=self._text(row, "layer", place),
            kind=kind if isinstance(kind, str) else FILE,
            content=content,
            mode=mode,
            target=target,
            foreign=foreign,
            secret=self._flag(row, "secret", place),
        )

    def _edited_file(self, row: Mapping[str, Any], place: str) -> WantedFile:
        given = {"kind": FILE, **row}
        for key, wanted in (("kind", FILE), ("foreign", True), ("mode", None), ("content", None), ("template", None)):
            if given.get(key) != wanted:
                problem = f"is not {wanted!r}, as it is for a file of which only lines are edited"
                self._complain(f"{place}{key}", given.get(key), problem)
        return WantedFile(
            path=self._path(row, "path", place),
            layer=self._text(row, "layer", place),
            kind=FILE,
            foreign=True,
            secret=self._flag(row, "secret", place),
            edits=self._edits(row, place),
        )

    def _edits(self, row: Mapping[str, Any], place: str) -> tuple[LineEdit, ...]:
        edits = []
        end = 1
        rows = self._rows(row, "edits", place)
        for number, edit in enumerate(rows):
            here, line = f"{place}edits[{number}].", edit.get("line")
            if isinstance(line, bool) or not isinstance(line, int) or line < end:
                self._complain(f"{here}line", line, f"is no line number of {end} or more")
                continue
            old, new = self._lines(edit, "old", here), self._lines(edit, "new", here)
            if secret_values(["\n".join(old), "\n".join(new)]):
                fix = "An indented line continues the one above it; begin it in the first column, or take it out"
                self._complain(f"{here}old", "(not shown)", "holds a secret, and the journal keeps none", fix)
            end = line + len(old)
            edits.append(LineEdit(line, old, new))
        if not rows:
            self._complain(f"{place}edits", row.get("edits"), "edits nothing")
        return tuple(edits)

    def _lines(self, edit: Mapping[str, Any], key: str, place: str) -> tuple[str, ...]:
        found = edit.get(key)
        if isinstance(found, list) and found and all(isinstance(line, str) for line in found):
            text = "".join(found)
            with contextlib.suppress(UnicodeEncodeError):
                text.encode("utf-8", "surrogateescape")
                if not re.search(r"[\r\n\0]", text):
                    return tuple(found)
        self._complain(f"{place}{key}", f"{type(found).__name__}", "holds no list of lines without their ends")
        return ()

    def _content(self, row: Mapping[str, Any], place: str) -> bytes:
        template = row.get("template")
        content = row.get("content")
        if template is not None:
            content = self._contents.get(template) if isinstance(template, str) else None
            if not isinstance(content, str):
                fix = "Give its rendered text in 'contents' under that name"
                self._complain(f"{place}template", template, "has no rendered text", fix)
                return b""
        if not isinstance(content, str):
            self._complain(f"{place}content", content, "is no text, and there is no template")
            return b""
        try:
            return content.encode("utf-8", "surrogateescape")  # a foreign file keeps bytes that are no UTF-8
        except UnicodeEncodeError:
            self._complain(f"{place}content", content[:80], "holds characters that cannot be written")
            return b""

    def _tool(self, row: Mapping[str, Any], place: str) -> Tool:
        argv = self._texts(row, "argv", place)
        if not argv:
            self._complain(f"{place}argv", row.get("argv"), "names no command")
        return Tool(
            name=self._text(row, "name", place),
            layers=self._texts(row, "layers", place),
            argv=argv,
            undo=self._texts(row, "undo", place),
            touches=self._paths(row, "touches", place),
            force=self._flag(row, "force", place),
            stamp=self._text(row, "stamp", place) if row.get("stamp") is not None else None,
            former=self._text(row, "former", place) if row.get("former") is not None else None,
            service=self._service(row, place) if row.get("service") is not None else None,
        )

    def _service(self, row: Mapping[str, Any], place: str) -> ServiceUnit:
        service, place = self._mapping(row, "service", place), f"{place}service."
        unit, probe = self._text(service, "unit", place), service.get("probe")
        if unit and not _UNIT.fullmatch(unit):
            self._complain(f"{place}unit", unit, "is no name of a service unit")
        if probe is not None and not (isinstance(probe, str) and _URL.fullmatch(probe)):
            self._complain(f"{place}probe", probe, "is no http or https URL without a user")
            probe = None
        if row.get("stamp") is None or row.get("former") is None:
            self._complain(f"{place}unit", unit, "has no stamp and former that say when it has to be restarted")
        if row.get("touches"):
            self._complain(f"{place}unit", unit, "has touches, which no restart has")
        return ServiceUnit(unit, self._paths(service, "logs", place), probe)

    def _new_arguments(self, arguments: Mapping[str, Any]) -> tuple[str, ...]:
        wanted = self._texts(arguments, "wanted", "plan.kernel_arguments.")
        rows = self._rows(arguments, "rows", "plan.kernel_arguments.")
        configured = {row.get("token") for row in rows if row.get("configured") is True}
        return tuple(token for token in wanted if token not in configured)

    def _disturbed(self) -> tuple[str, ...]:
        found = []
        for row in self._rows(self._plan, "devices"):
            moves = row.get("driver") and row.get("driver_now") and row.get("driver") != row.get("driver_now")
            counts = row.get("num_vfs_now") and row.get("num_vfs") != row.get("num_vfs_now")
            address = row.get("address")
            if isinstance(address, str) and row.get("role") != "refused" and (moves or counts):
                found.append(address)
        return tuple(found)

    def _drivers(self) -> dict[str, str | None]:
        """Return today's driver of every device that the script takes in hand; VFs have none to go back to."""
        drivers: dict[str, str | None] = {}
        for number, row in enumerate(self._rows(self._plan, "devices")):
            if (
                not (row.get("driver") or row.get("num_vfs"))
                or row.get("device_type") == "type-VF"
                or row.get("role") == "refused"
            ):
                continue
            address, driver = row.get("address"), row.get("driver_now")
            if not isinstance(address, str) or not (driver is None or isinstance(driver, str)):
                self._complain(f"plan.devices[{number}]", address, "has no address or driver in words")
                continue
            drivers[address] = driver
        return drivers
