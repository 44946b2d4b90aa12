# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where in a host's configuration a value has to stand so that each service gets it.

Files of our own in oslo.config's directories, wherever that is enough. A line that beats them (the packaged services of
Debian read nova.conf after every directory) is changed where it stands; a line that doubles ours is commented out.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from .config_edit import LineEdit, apply_edits, replace_assignment, take_over
from .errors import MachineProblem
from .nova_options import NovaOption
from .nova_service import COMPUTE, NovaService
from .oslo_config import Assignment, parse_config
from .service_config import ServiceConfig

DROP_IN = "nova-pci-passthrough.conf"
_HEAD = (
    "# Written by the collection nova_pci.passthrough from pci_passthrough_devices. Changes here are lost at its next run;",
    "# playbook nova_pci.passthrough.remove takes this file away.",
)


def _nothing(_value: str) -> bool:
    return False


@dataclass(frozen=True)
class Want:
    """Values that *services* have to get.

    Shape: *values* all lines of a multi option that are ours, else the one value; *only_compute* that no other service may
    read them; *stands_for* tells which foreign lines of a multi option ours replace.
    """

    option: NovaOption
    values: tuple[str, ...]
    services: tuple[str, ...]
    only_compute: bool = False
    stands_for: Callable[[str], bool] = _nothing


@dataclass(frozen=True)
class Placement:
    """Shape: *drop_ins* text by path, *edits* of foreign files by path, *after* each service's configuration then."""

    drop_ins: Mapping[str, str] = field(default_factory=dict)
    edits: Mapping[str, tuple[LineEdit, ...]] = field(default_factory=dict)
    after: Mapping[str, ServiceConfig] = field(default_factory=dict)


def place(services: Sequence[NovaService], texts: Mapping[str, str], wants: Sequence[Want]) -> Placement:
    """Return where everything goes. *services* and *texts* are the host without us (nova_memory.py).

    MachineProblem where nothing that we may write reaches a service.
    """
    edits = _doubles(services, texts, wants)
    drop_ins: dict[str, list[tuple[NovaOption, str]]] = {}
    for want in wants:
        if want.option.multi:
            for path in _paths(services, want):
                drop_ins.setdefault(path, []).extend((want.option, value) for value in want.values)
    for want in wants:
        if not want.option.multi:
            for path in _paths(services, want):
                trial = {**drop_ins, path: [*drop_ins.get(path, ()), (want.option, want.values[0])]}
                winners = _winners(_after(services, texts, edits, trial), texts, want)
                foreign = dict.fromkeys(winner for winner in winners if winner.path not in trial)
                if not foreign:
                    drop_ins = trial
                for winner in foreign:
                    edit = replace_assignment(winner, texts[winner.path], _escaped(want.values[0]))
                    edits[winner.path] = _added(edits.get(winner.path, ()), edit)
    after = _after(services, texts, edits, drop_ins)
    _check(services, after, wants)
    return Placement(
        drop_ins={path: _text(rows) for path, rows in drop_ins.items()},
        edits={path: rows for path, rows in edits.items() if rows},
        after=after,
    )


# ---- doubles


def _doubles(
    services: Sequence[NovaService], texts: Mapping[str, str], wants: Sequence[Want]
) -> dict[str, tuple[LineEdit, ...]]:
    """Comment out the foreign lines that ours stand for; every line once, whoever reads it."""
    edits: dict[str, tuple[LineEdit, ...]] = {}
    for want in wants:
        for service in services:
            if service.name not in want.services or not want.option.multi:
                continue
            setting = want.option.read(service.config)
            for value, origin in zip(setting.values, setting.origins):
                if origin.path in texts and want.stands_for(value):
                    edits[origin.path] = _added(edits.get(origin.path, ()), take_over(origin, texts[origin.path]))
    return edits


def _added(edits: Iterable[LineEdit], edit: LineEdit) -> tuple[LineEdit, ...]:
    return tuple(sorted({*edits, edit}, key=lambda known: known.line))


# ---- directories


def _paths(services: Sequence[NovaService], want: Want) -> tuple[str, ...]:
    """The files of ours that together reach every service of *want*: one for all of them wherever that is possible."""
    paths: dict[str, None] = {}
    for service in services:
        if service.name in want.services:
            path = f"{_directory(service, len(want.services) == 1)}/{DROP_IN}"
            paths[path] = None
            if want.only_compute:
                _refuse_shared(services, path, want)
    needed = list(paths)
    for path in list(paths):
        others = [other for other in needed if other != path]
        readers = [service for service in services if service.name in want.services and service.config.reads(path)]
        if others and all(any(reader.config.reads(other) for other in others) for reader in readers):
            needed = others
    return tuple(needed)


def _directory(service: NovaService, own: bool) -> str:
    directories = service.config.directories
    if not directories:
        raise MachineProblem(
            service.unit,
            "reads no configuration directory, so nothing can be put beside its files",
            "Start it without --config-dir, or with one that exists",
        )
    # A program inside a web server may bear the server's name, and its directory is nobody's expectation.
    own = own and service.config.program.startswith("nova-")
    names = (f"{service.config.program}.conf.d",) if own else ()
    for name in (*names, "nova.conf.d"):
        fitting = [directory for directory in directories if directory.rsplit("/", 1)[-1] == name]
        system = [directory for directory in fitting if directory.startswith("/etc/")]
        if fitting:
            return (system or fitting)[-1]
    return directories[-1]


def _refuse_shared(services: Sequence[NovaService], path: str, want: Want) -> None:
    """A device_spec that is right on a compute stops nova-api and the scheduler (nova/network/neutron.py reads it too)."""
    others = [service.name for service in services if service.name != COMPUTE and service.config.reads(path)]
    if others:
        raise MachineProblem(
            path,
            f"is read by {', '.join(others)} as well as by {COMPUTE}, and {want.option.label} must reach {COMPUTE} alone",
            f"Start {COMPUTE} with a --config-dir of its own",
        )


# ---- trial


def _after(
    services: Sequence[NovaService],
    texts: Mapping[str, str],
    edits: Mapping[str, tuple[LineEdit, ...]],
    drop_ins: Mapping[str, Sequence[tuple[NovaOption, str]]],
) -> dict[str, ServiceConfig]:
    files = [parse_config(path, apply_edits(texts[path], rows)) for path, rows in edits.items() if rows]
    files += [parse_config(path, _text(rows)) for path, rows in drop_ins.items()]
    after = {}
    for service in services:
        config = service.config
        for file in files:
            if config.reads(file.path):
                config = config.with_file(file)
        after[service.name] = config
    return after


def _winners(after: Mapping[str, ServiceConfig], texts: Mapping[str, str], want: Want) -> list[Assignment]:
    """Where the value that a service gets stands, wherever it is not the one wanted."""
    winners = []
    for name in want.services:
        if name in after:
            setting = want.option.read(after[name])
            if setting.values != want.values:
                winners += [origin for origin in setting.origins if origin.path in texts]
    return winners


def _check(services: Sequence[NovaService], after: Mapping[str, ServiceConfig], wants: Sequence[Want]) -> None:
    """What cannot be reached by files (an environment variable, a value with an unknown $name) is refused by name."""
    for want in wants:
        for service in services:
            if service.name not in want.services:
                continue
            setting = want.option.read(after[service.name])
            missing = [value for value in want.values if setting.values.count(value) != 1]
            if missing or (not want.option.multi and setting.values != want.values):
                found = ", ".join(setting.values) or "nothing"
                where = ", ".join(f"{origin.path}:{origin.line}" for origin in setting.origins) or "nowhere"
                raise MachineProblem(
                    service.unit,
                    f"would get {found} (from {where}) for {want.option.label} whatever this collection writes; "
                    f"wanted: {', '.join(want.values)}",
                    "Take that setting away and run again",
                )


# ---- text


def _text(rows: Sequence[tuple[NovaOption, str]]) -> str:
    lines = list(_HEAD)
    for group in dict.fromkeys(option.group for option, _value in rows):
        lines += [f"[{group}]"]
        lines += [f"{option.name} = {_escaped(value)}" for option, value in rows if option.group == group]
    return "\n".join(lines) + "\n"


def _escaped(value: str) -> str:
    """oslo.config reads $name as another option's value, and $$ as a dollar sign."""
    return value.replace("$", "$$")
