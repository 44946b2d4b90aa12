# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a Nova service looks for its configuration: oslo_config/cfg.py, and nova/api/openstack/wsgi_app.py below WSGI.

Nothing here knows which of the paths exist; service_config.py does.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

PROJECT = "nova"
_PAST_WSGI_PROGRAMS = {
    "uwsgi": "uwsgi",
    "apache": "mod_wsgi",
}  # what the server puts into sys.argv[0], by kind of service
_WSGI_FILES = ("api-paste.ini", "nova.conf")


@dataclass(frozen=True)
class Source:
    """One step of the search: of *candidates* the first that exists is read, a directory's *.conf files one by one.

    Shape: *required* says that the service does not start when none of them exists.
    """

    candidates: tuple[str, ...]
    directory: bool = False
    required: bool = False

    @property
    def usual(self) -> str:
        """Where an administrator would create it: the one below /etc/nova, not one in the service's home."""
        return next((path for path in self.candidates if path.startswith(f"/etc/{PROJECT}/")), self.candidates[0])


def search(
    program: str,
    arguments: Sequence[str] = (),
    environment: Mapping[str, str] | None = None,
    home: str = "/",
    working_directory: str = "/",
    files: Sequence[str] | None = None,
    distribution_file: str | None = None,
) -> tuple[Source, ...]:
    """Return what the service reads, in its reading order: of two that set one option the later wins.

    *program* is the name of the started file without ".py", *arguments* what follows it on the command line. *files* replaces the
    default files (WSGI), *distribution_file* comes before them (RDO up to Wallaby: /usr/share/nova/nova-dist.conf).
    """
    environment = environment or {}
    home = environment.get("HOME") or home
    named = list(_named(arguments, home, working_directory))
    sources: list[Source] = []
    if not any(_is_option(argument, "--config-file") for argument in arguments):
        if files is not None:
            sources += [Source((_absolute(path, home, working_directory),), required=True) for path in files]
        else:
            sources += [Source((distribution_file,))] if distribution_file else []
            sources += _default_sources(program, ".conf", environment, home, working_directory)
    if not any(_is_option(argument, "--config-dir") for argument in arguments):
        sources += _default_sources(program, ".conf.d", environment, home, working_directory)
    return (*sources, *named)


def wsgi_program(service: str, kind: str, major: int) -> str:
    """The program's name of a service inside a web server: the server's own until 33 gave it one (nova/wsgi/*.py PROG)."""
    if major < 33:
        return _PAST_WSGI_PROGRAMS[kind]
    return "nova-api-os-compute" if service == "nova-api" else "nova-api-metadata"


def wsgi_search(
    program: str,
    arguments: Sequence[str],
    environment: Mapping[str, str],
    home: str,
    working_directory: str,
    major: int,
) -> tuple[Source, ...]:
    """search() for a service inside a web server; *arguments* are uwsgi's pyargv, which Nova looks at since 23."""
    directory = environment.get("OS_NOVA_CONFIG_DIR", "/etc/nova").strip()
    names: Sequence[str] = environment.get("OS_NOVA_CONFIG_FILES", "").split(";") if major >= 26 else [""]
    if list(names) == [""]:
        names = _WSGI_FILES
    files = [posixpath.join(directory, name) for name in names]
    return search(program, arguments if major >= 23 else (), environment, home, working_directory, files)


def _default_sources(
    program: str, extension: str, environment: Mapping[str, str], home: str, working_directory: str
) -> list[Source]:
    """cfg.py _find_config_files: the project's, then the program's; of each the first that exists (_get_config_dirs)."""
    places = [_absolute(f"~/.{PROJECT}", home, working_directory), _absolute("~", home, working_directory)]
    places += [f"/etc/{PROJECT}", "/etc"]
    places += [f"{environment[name]}/etc/{PROJECT}" for name in ("SNAP_COMMON", "SNAP") if environment.get(name)]
    return [
        Source(tuple(posixpath.join(place, name + extension) for place in places), directory=extension == ".conf.d")
        for name in (PROJECT, program)
        if name
    ]


def _named(arguments: Sequence[str], home: str, working_directory: str) -> Iterator[Source]:
    """What the command line names, in its order; argparse takes a clear beginning of an option's name for it too."""
    words = iter(arguments)
    for word in words:
        option, equals, path = word.partition("=")
        directory = len(option) > 9 and "--config-dir".startswith(option)
        if not directory and not (len(option) > 9 and "--config-file".startswith(option)):
            continue
        if not equals:
            path = next(words, "")
        yield Source((_absolute(path, home, working_directory),), directory, required=True)


def _is_option(argument: str, option: str) -> bool:
    """The defaults give way to the whole name alone (cfg.py _parse_config_files)."""
    return argument == option or argument.startswith(f"{option}=")


def _absolute(path: str, home: str, working_directory: str) -> str:
    """cfg.py _fixpath; "~name" is left alone, as only the machine knows whose home that is."""
    if path == "~" or path.startswith("~/"):
        path = home.rstrip("/") + path[1:] or "/"
    return posixpath.normpath(posixpath.join(working_directory, path))
