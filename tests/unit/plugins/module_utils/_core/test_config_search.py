# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which files and directories a service reads, and in which order."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_search import (
    Source,
    search,
    wsgi_program,
    wsgi_search,
)

HOME = "/var/lib/nova"
PLACES = ("/var/lib/nova/.nova", "/var/lib/nova", "/etc/nova", "/etc")


def default(name: str) -> Source:
    return Source(tuple(f"{place}/{name}" for place in PLACES), name.endswith(".d"))


FILES = (default("nova.conf"), default("nova-compute.conf"))
DIRECTORIES = (default("nova.conf.d"), default("nova-compute.conf.d"))


def file(path: str) -> Source:
    return Source((path,), required=True)


def directory(path: str) -> Source:
    return Source((path,), directory=True, required=True)


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ([], (*FILES, *DIRECTORIES)),
        (["--log-file", "/x", "--debug"], (*FILES, *DIRECTORIES)),
        (
            ["--config-file=/etc/nova/nova.conf", "--config-file=/etc/nova/nova-compute.conf"],
            (*DIRECTORIES, file("/etc/nova/nova.conf"), file("/etc/nova/nova-compute.conf")),
        ),
        (["--config-file", "/a"], (*DIRECTORIES, file("/a"))),
        (["--config-dir=/d"], (*FILES, directory("/d"))),
        (["--config-dir", "/d", "--config-file", "/a"], (directory("/d"), file("/a"))),
        (["--config-file=/a", "--log-file=/x", "--config-dir=/d"], (file("/a"), directory("/d"))),
        (["--config-file=/a", "--config-file=/a"], (*DIRECTORIES, file("/a"), file("/a"))),
        (["--config-file=~/a", "--config-dir=~"], (file(f"{HOME}/a"), directory(HOME))),
        (["--config-file=a/../b", "--config-file=./c"], (*DIRECTORIES, file("/srv/b"), file("/srv/c"))),
        (["--config-f=/a", "--config-d", "/d"], (*FILES, *DIRECTORIES, file("/a"), directory("/d"))),
        (["--config=/a", "--config-files=/a"], (*FILES, *DIRECTORIES)),
    ],
)
def test_the_command_line(arguments: Sequence[str], expected: tuple[Source, ...]) -> None:
    assert search("nova-compute", arguments, {}, HOME, "/srv") == expected


def test_the_variable_home_wins_over_the_user_s_home() -> None:
    first = search("nova-compute", (), {"HOME": "/root"}, HOME)[0]
    assert first.candidates[:2] == ("/root/.nova/nova.conf", "/root/nova.conf")


def test_snap() -> None:
    found = search("nova-compute", (), {"SNAP": "/snap/1", "SNAP_COMMON": "/var/snap"}, HOME)[0]
    assert found.candidates[4:] == ("/var/snap/etc/nova/nova.conf", "/snap/1/etc/nova/nova.conf")


def test_the_distribution_s_own_file_comes_before_the_default_files_alone() -> None:
    dist = "/usr/share/nova/nova-dist.conf"
    assert search("nova-compute", (), {}, HOME, distribution_file=dist)[0] == Source((dist,))
    assert search("nova-compute", ("--config-file=/a",), {}, HOME, distribution_file=dist)[0] == DIRECTORIES[0]


def test_where_an_administrator_would_create_it() -> None:
    assert default("nova.conf.d").usual == "/etc/nova/nova.conf.d"
    assert directory("/d").usual == "/d"


@pytest.mark.parametrize(
    ("service", "kind", "major", "program"),
    [
        ("nova-api", "uwsgi", 26, "uwsgi"),
        ("nova-api", "apache", 32, "mod_wsgi"),
        ("nova-api", "uwsgi", 33, "nova-api-os-compute"),
        ("nova-api-metadata", "apache", 34, "nova-api-metadata"),
    ],
)
def test_the_program_s_name_below_a_web_server(service: str, kind: str, major: int, program: str) -> None:
    assert wsgi_program(service, kind, major) == program


@pytest.mark.parametrize(
    ("arguments", "environment", "major", "expected"),
    [
        ((), {}, 26, ["/etc/nova/api-paste.ini", "/etc/nova/nova.conf", None, None]),
        ((), {"OS_NOVA_CONFIG_DIR": " /srv/nova "}, 22, ["/srv/nova/api-paste.ini", "/srv/nova/nova.conf", None, None]),
        ((), {"OS_NOVA_CONFIG_FILES": "a;/b/c"}, 26, ["/etc/nova/a", "/b/c", None, None]),
        ((), {"OS_NOVA_CONFIG_FILES": "a"}, 25, ["/etc/nova/api-paste.ini", "/etc/nova/nova.conf", None, None]),
        (("--config-file=/a",), {}, 23, [None, None, "/a"]),
        (("--config-file=/a",), {}, 22, ["/etc/nova/api-paste.ini", "/etc/nova/nova.conf", None, None]),
    ],
)
def test_wsgi(arguments: Sequence[str], environment: dict[str, str], major: int, expected: list[str | None]) -> None:
    """None stands for the two default directories, which come after the default files and before what is named."""
    found = wsgi_search("uwsgi", arguments, environment, HOME, "/", major)
    assert [None if source.directory else source.candidates[0] for source in found] == expected
    assert all(source.required for source in found if not source.directory)
