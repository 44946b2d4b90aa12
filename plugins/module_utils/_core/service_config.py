# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one service gets out of its configuration files: oslo_config/cfg.py _Namespace and ConfigOpts._do_get.

Every question can also be asked of a configuration that does not exist yet: without(), with_file().
"""

from __future__ import annotations

import posixpath
import string
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace

from .config_search import Source
from .errors import NovaRefusal
from .oslo_config import DEFAULT, Assignment, ConfigFile, SyntaxTrouble, parse_config

ENVIRONMENT = "environment"  # stands for the path of a value that an environment variable sets
_TRUE = ("true", "1", "on", "yes")
_FALSE = ("false", "0", "off", "no")


@dataclass(frozen=True)
class Setting:
    """One option's effective value.

    Shape: *values* after `$` was replaced, *origins* where each of them stands, in the same order; both empty: nobody sets it.
    *problem* says in words what of it could not be worked out; the value then holds the text as it stands in the file.
    """

    values: tuple[str, ...] = ()
    origins: tuple[Assignment, ...] = ()
    problem: str | None = None

    @property
    def items(self) -> tuple[str, ...]:
        """The items of a ListOpt: oslo_config/types.py List."""
        text = self.values[-1].strip().rstrip(",") if self.values else ""
        return tuple(item.strip() for item in text.split(",")) if text else ()


@dataclass(frozen=True)
class ServiceConfig:
    """The configuration of one service.

    Shape: *sources* as config_search.py gives them; *contents* every file that may be read, by path; *existing* the
    directories that are there; *environment* the service's variables as far as oslo.config looks at them.
    """

    program: str
    sources: tuple[Source, ...] = ()
    contents: Mapping[str, ConfigFile] = field(default_factory=dict)
    existing: frozenset[str] = frozenset()
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of_texts(
        cls,
        program: str,
        sources: Iterable[Source],
        texts: Mapping[str, str],
        directories: Iterable[str] = (),
        environment: Mapping[str, str] | None = None,
    ) -> ServiceConfig:
        """From each file's text by path; the directories that these lie in exist too."""
        contents = {path: parse_config(path, text) for path, text in texts.items()}
        existing = frozenset((*directories, *(posixpath.dirname(path) for path in texts)))
        return cls(program, tuple(sources), contents, existing, environment or {})

    # ---- the files

    @property
    def files(self) -> tuple[ConfigFile, ...]:
        """In reading order; a file that is named twice is read twice."""
        return tuple(file for source in self.sources for file in self._read_from(source))

    @property
    def directories(self) -> tuple[str, ...]:
        """Every directory that is read, or that would be if it were created, in reading order."""
        return tuple(self._chosen(source) or source.usual for source in self.sources if source.directory)

    def exists(self, directory: str) -> bool:
        return directory in self.existing

    @property
    def trouble(self) -> SyntaxTrouble | None:
        """The first thing for which the service refuses to start."""
        for source in self.sources:
            if source.required and self._chosen(source) is None:
                what = "directory" if source.directory else "file"
                return SyntaxTrouble(
                    source.candidates[0], 0, "", f"does not exist, and the service is told to read this {what}"
                )
            for file in self._read_from(source):
                if file.trouble is not None:
                    return file.trouble
        return None

    def reads(self, path: str) -> bool:
        """Whether a file at *path* is read, or would be if it and its directory were created."""
        return any(file.path == path for file in self.with_file(ConfigFile(path)).files)

    def order(self, path: str) -> tuple[int, str]:
        """The place of a file that is read, or would be, as a value that sorts: of two files the greater one wins.

        ValueError when it would not be read. A file that is read twice stands where it is read last.
        """
        there = self.with_file(ConfigFile(path))
        places = [
            number
            for number, source in enumerate(self.sources)
            if any(file.path == path for file in there._read_from(source))
        ]
        if not places:
            raise ValueError(f"{self.program} does not read {path}")
        return places[-1], path

    def without(self, paths: Iterable[str]) -> ServiceConfig:
        """The same configuration without the files at *paths*; their directories stay."""
        gone = set(paths)
        return replace(self, contents={path: file for path, file in self.contents.items() if path not in gone})

    def with_file(self, file: ConfigFile) -> ServiceConfig:
        """The same configuration with *file* put there or put in the place of what is there; its directory exists then.

        A directory or file that comes into being may hide another one that comes later in the search.
        """
        contents = {**self.contents, file.path: file}
        return replace(self, contents=contents, existing=self.existing | {posixpath.dirname(file.path)})

    def _chosen(self, source: Source) -> str | None:
        there = self.existing if source.directory else self.contents
        return next((path for path in source.candidates if path in there), None)

    def _read_from(self, source: Source) -> tuple[ConfigFile, ...]:
        chosen = self._chosen(source)
        if chosen is None:
            return ()
        if not source.directory:
            return (self.contents[chosen],)
        return tuple(self.contents[path] for path in sorted(self.contents) if _is_drop_in(path, chosen))

    # ---- the options: *old* are an option's former names as (group, name), in the order of its deprecated_opts

    def multi(self, group: str, name: str, *old: tuple[str, str]) -> Setting:
        """A MultiStrOpt: all values of all files and names; within a file the former names come first, the last of them foremost."""
        variable = self._variable(group, name)
        if variable is not None:
            whole = self._setting(group, (variable,))
            letters = tuple(letter for value in whole.values for letter in value)  # oslo.config really takes it apart
            return Setting(letters, (variable,) * len(letters), whole.problem)
        names = [*reversed(old), (group, name)]
        return self._setting(
            group, tuple(one for file in self.files for names_of in names for one in file.of(*names_of))
        )

    def last(self, group: str, name: str, *old: tuple[str, str]) -> Setting:
        """Any other option: the last file that has one of the names wins; within it the new name, and its last line."""
        return self._setting(group, self._winner(group, name, *old))

    def list(self, group: str, name: str, *old: tuple[str, str]) -> Setting:
        """A ListOpt: the winner as a whole, never merged; see Setting.items."""
        return self.last(group, name, *old)

    def boolean(self, group: str, name: str, *old: tuple[str, str]) -> bool | None:
        """A BoolOpt; None when nobody sets it, NovaRefusal when it is neither true nor false (oslo_config/types.py Boolean)."""
        setting = self.last(group, name, *old)
        if not setting.values:
            return None
        word = setting.values[0].lower()
        if word in (*_TRUE, *_FALSE):
            return word in _TRUE
        problem = f"in [{group}]{name} ({setting.origins[0].place}) is neither true nor false"
        raise NovaRefusal(setting.values[0], problem, f"Write {name} = true or {name} = false", "ConfigFileValueError")

    def _winner(self, group: str, name: str, *old: tuple[str, str]) -> tuple[Assignment, ...]:
        variable = self._variable(group, name)
        if variable is not None:
            return (variable,)
        for file in reversed(self.files):
            for names_of in ((group, name), *old):
                found = file.of(*names_of)
                if found:
                    return found[-1:]
        return ()

    def _variable(self, group: str, name: str) -> Assignment | None:
        """oslo_config/sources/_environment.py: it knows an option's own name alone, and none of them has a capital letter."""
        if name != name.lower():
            return None  # of "$MY_IP" in a value
        key = f"OS_{group.upper()}__{name.upper()}"
        value = self.environment.get(key)
        return None if value is None else Assignment(f"{ENVIRONMENT} variable {key}", 0, 0, group, name, value)

    # ---- `$`

    def _setting(self, group: str, origins: tuple[Assignment, ...]) -> Setting:
        references = _References(self, group, ())
        values = tuple(references.replace_in(origin.value) for origin in origins)
        return Setting(values, origins, "; ".join(references.problems) or None)

    def referenced(self, group: str, key: str) -> tuple[str, Assignment] | None:
        """The group and the assignment that `$key` means in a value of *group*: cfg.py StrSubWrapper."""
        place, dot, name = key.partition(".")
        if dot:
            candidates: Iterator[tuple[str, str]] = iter([(place, name)] if place == place.lower() else [])
        else:
            candidates = iter([(group, key), (DEFAULT, key)])
        for where in candidates:
            for winner in self._winner(*where):
                return where[0], winner
        return None


class _Template(string.Template):
    idpattern = r"[_a-z][\._a-z0-9]*"  # cfg.py ConfigOpts.Template


class _References(dict[str, str]):
    """What `$name` stands for in a value of *group*. Whether Nova has an option of that name, and its default, is not known."""

    def __init__(self, config: ServiceConfig, group: str, within: tuple[tuple[str, str], ...]) -> None:
        super().__init__()
        self._config = config
        self._group = group
        self._within = within
        self.problems: list[str] = []

    def replace_in(self, value: str) -> str:
        return _Template(value.replace("\\$", "$$")).safe_substitute(self)

    def __missing__(self, key: str) -> str:
        found = self._config.referenced(self._group, key)
        if found is None:
            self.problems.append(f"${key} names an option that no configuration file sets")
            return f"${key}"
        group, assignment = found
        if (group, assignment.name) in self._within:
            self.problems.append(f"${key} refers to itself")
            return f"${key}"
        inner = _References(self._config, group, (*self._within, (group, assignment.name)))
        value = inner.replace_in(assignment.value)
        self.problems += inner.problems
        return value


def _is_drop_in(path: str, directory: str) -> bool:
    """glob.glob("*.conf") in cfg.py: not in a directory below, and nothing that begins with a dot."""
    parent, name = posixpath.split(path)
    return parent == directory and name.endswith(".conf") and not name.startswith(".")
