# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finds the Nova services of a host: what runs or would be started, with which configuration, log and port.

What runs is asked first, in procfs; for what does not, systemd's units, Debian's init scripts and Apache's sites are read.
Nothing is changed, and only libvirt's and QEMU's own programs are run, to name their versions.
"""

from __future__ import annotations

import glob
import os
import posixpath
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from .._core.config_search import Source, search, wsgi_program, wsgi_search
from .._core.errors import InputProblem
from .._core.nova_release import NEWEST, NovaVersion, parse_release
from .._core.nova_service import APACHE, API, COMPUTE, DAEMON, SERVICES, UWSGI, NovaNode, NovaService
from .._core.nova_start import (
    API_PORT,
    PROGRAMS,
    UNITS,
    ApacheSite,
    Start,
    apache_site,
    default_files,
    init_command,
    is_uwsgi,
    local_url,
    parse_unit,
    uwsgi_inis,
    uwsgi_options,
    uwsgi_url,
)
from .._core.oslo_config import ConfigFile, SyntaxTrouble, parse_config
from .._core.service_config import ServiceConfig
from .nova_version import packages_of, read_libvirt_version, read_nova_version, read_qemu_version
from .processes import Process, read_processes

_UNIT_FOLDERS = ("/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system",
                 "/lib/systemd/system", "/run/systemd/generator.late")  # fmt: skip
_APACHE_UNITS = {"/etc/apache2/sites-enabled/*.conf": "apache2.service", "/etc/apache2/conf-enabled/*.conf": "apache2.service",
                 "/etc/httpd/conf.d/*.conf": "httpd.service"}  # fmt: skip
_APACHE_LOGS = {"apache2.service": "/var/log/apache2", "httpd.service": "/etc/httpd"}
_DISTRIBUTION_FILE = "/usr/share/nova/nova-dist.conf"
_USUAL_PROGRAMS = tuple(
    f"/usr/bin/{name}"
    for name in ("nova-compute", "nova-scheduler", "nova-conductor", "nova-api-wsgi", "nova-api", "nova-manage")
)


@dataclass(frozen=True)
class _Found:
    """A service before its configuration is looked for. *start* holds the words of what runs, where something does."""

    name: str
    unit: str
    start: Start
    home: str
    process: Process | None = None
    site: ApacheSite | None = None
    options: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # uwsgi's

    @property
    def kind(self) -> str:
        if self.site is not None:
            return APACHE
        return UWSGI if is_uwsgi(self.start.argv) else DAEMON

    @property
    def program(self) -> tuple[str, str, tuple[str, ...]]:
        """(its name, its path, its arguments) of a daemon."""
        for index, word in enumerate(self.start.argv):
            name = posixpath.basename(word)
            name = name[:-3] if name.endswith(".py") else name
            if name in PROGRAMS[self.name]:
                return name, word, self.start.argv[index + 1 :]
        return PROGRAMS[self.name][0], "", ()

    @property
    def scripts(self) -> tuple[str, ...]:
        """Paths of scripts whose first line names the Python that runs Nova."""
        environments = [folder for name in ("virtualenv", "venv", "home") for folder in self.options.get(name, ())]
        return (
            *(path for path in (self.program[1], *self.options.get("wsgi-file", ())) if path.startswith("/")),
            *(f"{folder}/bin/{name}" for folder in environments for name in ("nova-api-wsgi", "nova-manage")),
        )


def read_nova(root: str = "/") -> NovaNode:
    """Return the Nova services of the machine below *root*; a host without any gives an empty node."""
    return _Reader(root).node()


class _Reader:
    def __init__(self, root: str) -> None:
        self._root = root
        self._base = root.rstrip("/")
        self._problems: dict[str, str] = {}
        self._files: dict[str, ConfigFile] = {}
        self._texts: dict[str, str] = {}
        self._modified: dict[str, float] = {}

    def node(self) -> NovaNode:
        found = self._services()
        if not found:
            return NovaNode(unreadable=tuple(sorted(self._problems.items())))
        scripts = (*(script for one in found for script in one.scripts), *_USUAL_PROGRAMS)
        version, source = self._version(scripts)
        major = version.major if version else NEWEST
        distribution_file = self._distribution_file(scripts)
        services = tuple(self._service(one, major, distribution_file) for one in found)
        on_compute = any(one.name == COMPUTE for one in found)
        return NovaNode(
            services=services,
            version=version,
            version_source=source,
            libvirt_version=read_libvirt_version(self._root) if on_compute else None,
            qemu_version=read_qemu_version(self._root) if on_compute else None,
            texts=self._texts,
            modified=self._modified,
            unreadable=tuple(sorted(self._problems.items())),
        )

    # ---- files

    def _text(self, path: str) -> str | None:
        """The text of *path* with its own line ends; None when it is not there, or cannot be read, which is noted."""
        try:
            with open(self._base + path, "rb") as file:
                return file.read().decode("utf-8", "surrogateescape")
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            self._problems[path] = error.strerror or str(error)
            return None

    def _paths(self, pattern: str) -> list[str]:
        return [path[len(self._base) :] for path in sorted(glob.glob(glob.escape(self._base) + pattern))]

    def _exists(self, path: str) -> bool:
        return os.path.exists(self._base + path)

    # ---- services

    def _services(self) -> list[_Found]:
        units = {name: self._units(name) for name in SERVICES}
        sites = {name: self._site(name) for name in SERVICES}
        wanted = {unit for starts in units.values() for unit in starts} | {site[0] for site in sites.values() if site}
        processes = read_processes(self._root, wanted) if wanted else {}
        found = []
        for name in SERVICES:
            active = [unit for unit in units[name] if unit in processes]
            site = sites[name]
            if active:
                found.append(self._daemon(name, active[0], units[name][active[0]], processes[active[0]]))
            elif site is not None:
                found.append(self._site_service(name, *site, processes.get(site[0], ())))
            elif units[name]:
                unit, start = next(iter(units[name].items()))
                found.append(self._daemon(name, unit, start, ()))
        return found

    def _units(self, service: str) -> dict[str, Start]:
        """What each unit of the service that is there starts, by the name under which systemd runs it."""
        found = {}
        for name in UNITS[service]:
            path = next(
                (f"{folder}/{name}.service" for folder in _UNIT_FOLDERS if self._exists(f"{folder}/{name}.service")),
                None,
            )
            if path is not None and os.path.isfile(self._base + path):  # a masked unit is a link to /dev/null
                real = posixpath.basename(os.path.realpath(self._base + path))
                unit = real if real.endswith(".service") else f"{name}.service"
                texts = [self._text(one) for one in (path, *self._unit_drop_ins(unit))]
                found[unit] = parse_unit([text for text in texts if text is not None])
        return found

    def _unit_drop_ins(self, unit: str) -> list[str]:
        by_name = {}
        for folder in reversed(_UNIT_FOLDERS):
            by_name.update({posixpath.basename(path): path for path in self._paths(f"{folder}/{unit}.d/*.conf")})
        return [by_name[name] for name in sorted(by_name)]

    def _site(self, service: str) -> tuple[str, ApacheSite] | None:
        for pattern, unit in _APACHE_UNITS.items():
            for path in self._paths(pattern):
                site = apache_site(service, self._text(path) or "")
                if site is not None:
                    return unit, site
        return None

    def _daemon(self, name: str, unit: str, start: Start, processes: Sequence[Process]) -> _Found:
        start = self._explained(start)
        if processes:
            running = next((one for one in processes if _runs(name, one)), processes[0])
            start = self._as_it_runs(running, start if not _runs(name, running) else replace(start, argv=running.argv))
            found = _Found(name, unit, start, self._home(running.user), running)
        else:
            found = _Found(name, unit, start, self._home(start.user or "root"))
        if found.kind == UWSGI:
            texts = [self._text(posixpath.join(start.working_directory or "/", ini)) for ini in uwsgi_inis(start.argv)]
            found = replace(found, options=uwsgi_options(start.argv, [text for text in texts if text is not None]))
        return found

    def _site_service(self, name: str, unit: str, site: ApacheSite, processes: Sequence[Process]) -> _Found:
        start = Start(user=site.user, working_directory="/")
        if processes:
            start = replace(start, environment={**processes[0].environment, "HOME": self._home(site.user or "root")})
        return _Found(name, unit, start, self._home(site.user or "root"), processes[0] if processes else None, site)

    def _as_it_runs(self, process: Process, start: Start) -> Start:
        if process.unreadable is not None:
            self._problems[f"/proc/{process.number}/environ"] = process.unreadable
            return start
        return replace(start, environment=process.environment, working_directory=process.working_directory)

    def _explained(self, start: Start) -> Start:
        """The start with what its words stand for: variables, and what an init script executes."""
        texts = [self._text(path) for path in start.environment_files]
        start = start.with_variables([text for text in texts if text is not None])
        if start.argv and start.argv[0].startswith("/etc/init.d/"):
            script = self._text(start.argv[0]) or ""
            defaults = [self._text(path) for path in default_files(script)]
            if not defaults:
                self._problems[start.argv[0]] = "it does not tell how it starts the service"
            start = replace(
                start, argv=init_command(script, [text for text in defaults if text is not None], self._exists)
            )
        if start.working_directory == "~":
            start = replace(start, working_directory=self._home(start.user or "root"))
        return start

    def _home(self, user: str | int | None) -> str:
        for line in (self._text("/etc/passwd") or "").splitlines():
            fields = line.split(":")
            if len(fields) > 5 and str(user) in (fields[0], fields[2]):
                return fields[5] or "/"
        return "/"

    # ---- versions

    def _version(self, scripts: Iterable[str]) -> tuple[NovaVersion | None, str | None]:
        read = read_nova_version(self._root, scripts)
        if read is None:
            self._problems["nova"] = "its package's metadata are not where its Python keeps them"
            return None, None
        text, path = read
        try:
            return parse_release(text, path), path
        except InputProblem as error:
            self._problems[path] = str(error)
            return None, None

    def _distribution_file(self, scripts: Iterable[str]) -> str | None:
        """RDO's oslo.config reads one more file, up to Wallaby; its source tells."""
        if not self._exists(_DISTRIBUTION_FILE):
            return None
        folder = packages_of(self._root, scripts, "oslo_config")
        source = self._text(f"{folder[len(self._base) :]}/cfg.py") if folder else None
        return _DISTRIBUTION_FILE if "-dist" in (source or "") else None

    # ---- one service

    def _service(self, found: _Found, major: int, distribution_file: str | None) -> NovaService:
        environment = {**found.start.environment, **_variables(found.options.get("env", ()))}
        place = found.start.working_directory or "/"
        program, path, arguments = found.program
        if found.kind == DAEMON:
            if not path:
                self._problems[found.unit] = (
                    f"its command line does not name {program}, so what it hands over is not known"
                )
            sources = search(program, arguments, environment, found.home, place, distribution_file=distribution_file)
        else:
            program = wsgi_program(found.name, found.kind, major)
            words = "".join(found.options.get("pyargv", ())[-1:]).split()
            sources = wsgi_search(program, words, environment, found.home, place, major)
        config = self._config(program, sources, environment)
        return NovaService(
            name=found.name,
            unit=found.unit,
            kind=found.kind,
            active=found.process is not None,
            config=config,
            logs=_logs(found, config, arguments),
            probe=_probe(found, config),
            started=found.process.started if found.process else None,
        )

    def _config(self, program: str, sources: Sequence[Source], environment: Mapping[str, str]) -> ServiceConfig:
        contents: dict[str, ConfigFile] = {}
        existing = set()
        for path, directory in {(path, source.directory): None for source in sources for path in source.candidates}:
            if not self._exists(path):
                continue
            if not directory:
                contents[path] = self._config_file(path)
                continue
            existing.add(path)
            contents.update({one: self._config_file(one) for one in self._paths(f"{glob.escape(path)}/*.conf")})
        overrides = {name: value for name, value in environment.items() if name.startswith("OS_") and "__" in name}
        return ServiceConfig(program, tuple(sources), contents, frozenset(existing), overrides)

    def _config_file(self, path: str) -> ConfigFile:
        if path not in self._files:
            try:
                with open(self._base + path, "rb") as file:
                    text = file.read().decode("utf-8", "surrogateescape")
                    modified = os.fstat(file.fileno()).st_mtime
            except OSError as error:
                self._problems[path] = error.strerror or str(error)
                trouble = SyntaxTrouble(path, 0, "", f"cannot be read ({self._problems[path]})")
                self._files[path] = ConfigFile(path, (), trouble)
            else:
                self._texts[path], self._modified[path] = text, modified
                self._files[path] = parse_config(path, text)
        return self._files[path]


def _runs(service: str, process: Process) -> bool:
    """Whether it is the service itself and not a helper in its control group (sudo nova-rootwrap, privsep-helper)."""
    names = {posixpath.basename(word) for word in process.argv[:3]}
    return is_uwsgi(process.argv) or any(name in names or f"{name}.py" in names for name in PROGRAMS[service])


def _variables(words: Iterable[str]) -> dict[str, str]:
    return {name: value for name, equals, value in (word.partition("=") for word in words) if equals}


def _logs(found: _Found, config: ServiceConfig, arguments: Sequence[str]) -> tuple[str, ...]:
    """The files of the service's log; oslo_log/log.py _get_log_file_path."""
    logs = [path.partition(":")[2] if path.startswith("file:") else path for path in
            (value for name in ("logto", "logto2", "daemonize", "logger") for value in found.options.get(name, ()))]  # fmt: skip
    if found.site is not None and found.site.log:
        folder = _APACHE_LOGS[found.unit]
        logs.append(posixpath.join(folder, found.site.log.replace("${APACHE_LOG_DIR}", folder)))
    file = _option(arguments, "log-file", "logfile") or _last(config, "log_file", "logfile")
    folder = _option(arguments, "log-dir", "logdir") or _last(config, "log_dir", "logdir") or ""
    if file:
        logs.append(posixpath.join(folder, file))
    elif folder:
        script = found.program[0] if found.kind == DAEMON else next(iter(found.options.get("wsgi-file", ())), "")
        logs += [posixpath.join(folder, f"{posixpath.basename(script)}.log")] if script else []
    place = found.start.working_directory or "/"
    return tuple(dict.fromkeys(posixpath.join(place, log) for log in logs if log))


def _option(arguments: Sequence[str], *names: str) -> str | None:
    value = None
    for word, following in zip(arguments, (*arguments[1:], "")):
        option, equals, text = word.partition("=")
        if option in [f"--{name}" for name in names]:
            value = text if equals else following
    return value


def _last(config: ServiceConfig, name: str, old: str) -> str | None:
    return next(iter(config.last("DEFAULT", name, ("DEFAULT", old)).values), None)


def _probe(found: _Found, config: ServiceConfig) -> str | None:
    if found.name != API:
        return None
    if found.site is not None:
        return found.site.url
    if found.kind == UWSGI:
        return uwsgi_url(found.options)
    secure = "osapi_compute" in config.list("DEFAULT", "enabled_ssl_apis").items
    listening = config.last("DEFAULT", "osapi_compute_listen").values or ("0.0.0.0",)
    port = config.last("DEFAULT", "osapi_compute_listen_port").values or (str(API_PORT),)
    host = f"[{listening[0]}]" if ":" in listening[0] else listening[0]
    return local_url("https" if secure else "http", f"{host}:{port[0]}")
