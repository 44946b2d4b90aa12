# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a host starts a Nova service: systemd's unit, Debian's init script behind it, uwsgi's options, Apache's site.

Only what tells which configuration is read, which log is written and which port is served; for a service that runs, its
own command line says more than all of these (_host/nova.py).
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Callable

from .nova_service import API, COMPUTE, CONDUCTOR, METADATA, SCHEDULER

# Unit names by platform: Debian, Ubuntu and openstack-ansible, then RDO. The first that is there stands for the service.
UNITS = {
    COMPUTE: ("nova-compute", "openstack-nova-compute"),
    API: ("nova-api-os-compute", "nova-api", "openstack-nova-os-compute-api", "openstack-nova-api"),
    METADATA: ("nova-api-metadata", "openstack-nova-metadata-api"),
    SCHEDULER: ("nova-scheduler", "openstack-nova-scheduler"),
    CONDUCTOR: ("nova-conductor", "openstack-nova-conductor"),
}
# Names of the program files that run a service, without ".py".
PROGRAMS = {
    COMPUTE: ("nova-compute",),
    API: ("nova-api", "nova-api-os-compute"),
    METADATA: ("nova-api-metadata",),
    SCHEDULER: ("nova-scheduler",),
    CONDUCTOR: ("nova-conductor",),
}
API_PORT = 8774

_EXEC_PREFIXES = "@-:+!|"
_SHELL_ASSIGNMENT = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)=(.*)\Z")
_SHELL_VARIABLE = re.compile(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_SHELL_FILE_TEST = re.compile(r"""\s*if\s+\[\s+(!\s+)?-[ef]\s+["']?([^"'\s]+)["']?\s+\]""")
_PKG_TOOLS = "openstack-pkg-tools"  # what follows this word in an init script is the same in all of them
_WSGI_SCRIPT = {
    API: re.compile(r"nova-api-wsgi|nova-api-os-compute|nova[/.]wsgi[/.]osapi_compute"),
    METADATA: re.compile(r"nova-metadata-wsgi|nova-api-metadata|nova[/.]wsgi[/.]metadata"),
}


@dataclass(frozen=True)
class Start:
    """How a process is started: its words, the user's name, further variables and files of them, where it stands."""

    argv: tuple[str, ...] = ()
    user: str | None = None
    environment: Mapping[str, str] = field(default_factory=dict)
    environment_files: tuple[str, ...] = ()
    working_directory: str | None = None

    def with_variables(self, texts: Iterable[str]) -> Start:
        """The same with the variables of the environment files' *texts*, and with $NAME replaced in its words."""
        variables = dict(self.environment)
        for text in texts:
            variables = _shell_variables(text, variables, lambda _path: False)
        words: list[str] = []
        for word in self.argv:
            whole = re.fullmatch(r"\$([A-Za-z_][A-Za-z0-9_]*)", word)
            value = _SHELL_VARIABLE.sub(lambda name: variables.get(name[1] or name[2], ""), word)
            words += value.split() if whole else [value]
        return replace(self, argv=tuple(words), environment=variables)


@dataclass(frozen=True)
class ApacheSite:
    """The part of an Apache site that serves Nova. *log* is as written; *url* where it answers on this host."""

    user: str | None
    log: str | None
    url: str


def parse_unit(texts: Iterable[str]) -> Start:
    """Return what a unit file and its drop-ins, in systemd's order, start (systemd.syntax(7), systemd.service(5))."""
    argv: tuple[str, ...] = ()
    user: str | None = None
    environment: dict[str, str] = {}
    files: tuple[str, ...] = ()
    directory: str | None = None
    for section, key, raw in _ini_lines(texts):
        if section != "Service":
            continue
        if key == "ExecStart":
            argv = _words(raw.lstrip(_EXEC_PREFIXES))
        elif key == "User":
            user = raw or None
        elif key == "WorkingDirectory":
            directory = raw.lstrip("-") or None
        elif key == "Environment":
            pairs = [word.partition("=") for word in _words(raw)]
            environment = {**environment, **{name: value for name, equals, value in pairs if equals}} if raw else {}
        elif key == "EnvironmentFile":
            files = (*files, raw.lstrip("-")) if raw else ()
    return Start(argv, user, environment, files, directory)


def _ini_lines(texts: Iterable[str]) -> Iterable[tuple[str, str, str]]:
    for text in texts:
        section = ""
        for line in _joined(text).splitlines():
            line = line.strip()
            if line.startswith("[") and line.endswith("]"):
                section = line[1:-1]
            elif line and line[0] not in "#;":
                key, equals, value = line.partition("=")
                if equals:
                    yield section, key.strip(), value.strip()


def _joined(text: str) -> str:
    return text.replace("\\\n", " ")


def _words(text: str) -> tuple[str, ...]:
    try:
        return tuple(shlex.split(text))
    except ValueError:  # an open quote
        return tuple(text.split())


# ---- Debian's init scripts


def init_command(script: str, defaults: Sequence[str], exists: Callable[[str], bool]) -> tuple[str, ...]:
    """Return the words that "/etc/init.d/nova-... systemd-start" executes (openstack-pkg-tools, init-script-template).

    *defaults* are the texts of default_files(). Only assignments and tests for a file are followed.
    """
    variables = _shell_variables(_own_part(script), {"PROJECT_NAME": "nova"}, exists)
    name = variables.get("NAME", "")
    wsgi = all(variables.get(key) for key in ("UWSGI_PORT", "UWSGI_INI_PATH", "UWSGI_INI_APP"))
    if wsgi:
        variables["DAEMON_ARGS"] = f"--http-socket :{variables['UWSGI_PORT']} --ini {variables['UWSGI_INI_PATH']}"
    else:
        main = variables.get("CONFIG_FILE") or "/etc/nova/nova.conf"
        variables["DAEMON_ARGS"] = f"--config-file={main} {variables.get('DAEMON_ARGS', '')}"
    for text in defaults:
        variables = _shell_variables(text, variables, exists)
    words = [variables.get("DAEMON") or ("/usr/bin/uwsgi_python3" if wsgi else f"/usr/bin/{name}")]
    words += variables["DAEMON_ARGS"].split()
    if not wsgi and variables.get("USE_LOGFILE") != "no":
        words.append(f"--log-file=/var/log/nova/{name}.log")
    if variables.get("PYARGV"):
        words += ["--pyargv", variables["PYARGV"]]
    return tuple(words)


def default_files(script: str) -> tuple[str, ...]:
    """The files that such a script reads before it starts the service."""
    name = _shell_variables(_own_part(script), {"PROJECT_NAME": "nova"}, lambda _path: False).get("NAME")
    return ("/etc/default/openstack", f"/etc/default/{name}") if name else ()


def _own_part(script: str) -> str:
    return script.partition(_PKG_TOOLS)[0]


def _shell_variables(text: str, known: Mapping[str, str], exists: Callable[[str], bool]) -> dict[str, str]:
    variables = dict(known)
    taken = [True]
    for line in text.splitlines():
        test = _SHELL_FILE_TEST.match(line)
        if test:
            taken.append(exists(test[2]) is (test[1] is None))
        elif re.match(r"\s*if\b", line):
            taken.append(False)
        elif re.match(r"\s*else\b", line) and len(taken) > 1:
            taken[-1] = not taken[-1]
        elif re.match(r"\s*fi\b", line) and len(taken) > 1:
            taken.pop()
        assignment = _SHELL_ASSIGNMENT.match(line)
        if assignment and all(taken):
            variables[assignment[1]] = _shell_value(assignment[2], variables)
    return variables


def _shell_value(raw: str, variables: Mapping[str, str]) -> str:
    if raw.startswith("'"):
        return raw[1:].partition("'")[0]
    text = raw[1:].partition('"')[0] if raw.startswith('"') else (raw.split() or [""])[0]
    return _SHELL_VARIABLE.sub(lambda name: variables.get(name[1] or name[2], ""), text)


# ---- uwsgi


def is_uwsgi(argv: Sequence[str]) -> bool:
    return bool(argv) and argv[0].rsplit("/", 1)[-1].startswith("uwsgi")


def uwsgi_inis(argv: Sequence[str]) -> tuple[str, ...]:
    """The configuration files that uwsgi's command line names."""
    return tuple(value for name, value in _uwsgi_words(argv) if name == "ini")


def uwsgi_options(argv: Sequence[str], texts: Iterable[str] = ()) -> dict[str, tuple[str, ...]]:
    """Every option of the command line and of the section [uwsgi] of each ini text, with all its values."""
    options: dict[str, tuple[str, ...]] = {}
    pairs = list(_uwsgi_words(argv))
    pairs += [(key, value) for section, key, value in _ini_lines(texts) if section == "uwsgi"]
    for name, value in pairs:
        options[name] = (*options.get(name, ()), value)
    return options


def uwsgi_url(options: Mapping[str, tuple[str, ...]]) -> str | None:
    """Where uwsgi answers HTTP on this host; None where it only speaks its own protocol behind another server."""
    for name, scheme in (("https-socket", "https"), ("https", "https"), ("http-socket", "http"), ("http", "http")):
        for value in options.get(name, ()):
            return local_url(scheme, value.partition(",")[0])
    return None


def _uwsgi_words(argv: Sequence[str]) -> Iterable[tuple[str, str]]:
    words = list(argv[1:])
    while words:
        word = words.pop(0)
        if word.startswith("--"):
            name, equals, value = word[2:].partition("=")
            if not equals and words and (name == "pyargv" or not words[0].startswith("--")):
                value = words.pop(0)
            yield name, value
        elif word.endswith(".ini"):
            yield "ini", word


# ---- Apache


def apache_site(service: str, text: str) -> ApacheSite | None:
    """The part of one of Apache's files that serves *service*; None when it does not."""
    lines = [line.split() for line in _joined(text).splitlines() if line.strip() and not line.lstrip().startswith("#")]
    scripts = [" ".join(words) for words in lines if words[0].lower() in ("wsgiscriptalias", "wsgiscriptaliasmatch")]
    if service not in _WSGI_SCRIPT or not any(_WSGI_SCRIPT[service].search(script) for script in scripts):
        return None
    listening, secure, user, log = f":{API_PORT}", False, None, None
    for words in lines:
        name, rest = words[0].lower(), words[1:]
        if name == "<virtualhost" and rest:
            listening = rest[0].rstrip(">")
        elif name == "sslengine":
            secure = [word.lower() for word in rest[:1]] == ["on"]
        elif name == "errorlog" and rest:
            log = rest[0].strip('"')
        elif name == "wsgidaemonprocess":
            user = next((word.partition("=")[2] for word in rest if word.startswith("user=")), user)
    return ApacheSite(user, log, local_url("https" if secure else "http", listening))


def local_url(scheme: str, listening: str) -> str:
    """An URL of this host for what a server listens on: "0.0.0.0:8774", ":8774", "[::]:8774", "10.0.0.5:8774"."""
    host, _colon, port = listening.rpartition(":")
    if host in ("", "0.0.0.0", "*", "_default_"):
        host = "127.0.0.1"
    elif host == "[::]":
        host = "[::1]"
    return f"{scheme}://{host}:{port}/"
