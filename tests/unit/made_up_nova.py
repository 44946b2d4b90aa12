# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small made-up hosts with Nova's services, for the tests of the decisions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_edit import LineEdit, apply_edits
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_search import (
    search,
    wsgi_program,
    wsgi_search,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion, parse_release
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_service import (
    API,
    COMPUTE,
    DAEMON,
    UWSGI,
    NovaNode,
    NovaService,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.service_config import ServiceConfig

MAIN = "/etc/nova/nova.conf"
API_PASTE = "/etc/nova/api-paste.ini"
COMPUTE_CONF = "/etc/nova/nova-compute.conf"
# As Debian's init scripts start the daemons: nova.conf is named, so it is read after every directory.
DEBIAN = ("--config-file=/etc/nova/nova.conf",)
RDO: tuple[str, ...] = ()
ZED = NovaVersion(26, 2, 2)


def node(
    texts: Mapping[str, str],
    services: Iterable[str] = (COMPUTE,),
    arguments: tuple[str, ...] = DEBIAN,
    version: NovaVersion | str = ZED,
    **more: object,
) -> NovaNode:
    """A host with *services*, each started with *arguments* (nova-api by uwsgi), and these configuration files."""
    found = parse_release(version) if isinstance(version, str) else version
    texts = {API_PASTE: "[composite:osapi_compute]\n", **texts} if API in services else texts
    made = tuple(service(name, texts, arguments, found) for name in services)
    base = NovaNode(made, found, "nova of /usr/lib/python3/dist-packages", (9, 0, 0), (7, 2, 0), dict(texts))
    return replace(base, **more)  # type: ignore[arg-type]


def service(name: str, texts: Mapping[str, str], arguments: tuple[str, ...], version: NovaVersion) -> NovaService:
    if name == API:
        program = wsgi_program(name, UWSGI, version.major)
        sources = wsgi_search(program, (), {}, "/var/lib/nova", "/", version.major)
        config = ServiceConfig.of_texts(program, sources, texts)
        return NovaService(name, f"{name}.service", UWSGI, True, config, probe="http://127.0.0.1:8774/")
    named = (
        *arguments,
        *((f"--config-file={COMPUTE_CONF}",) if name == COMPUTE and arguments and COMPUTE_CONF in texts else ()),
    )
    config = ServiceConfig.of_texts(name, search(name, named, home="/var/lib/nova"), texts)
    return NovaService(name, f"{name}.service", DAEMON, True, config, (f"/var/log/nova/{name}.log",), started=100.0)


def carried_out(before: NovaNode, files: Iterable[Mapping[str, object]], modified: float = 50.0) -> NovaNode:
    """*before* with the files of a plan written."""
    texts = dict(before.texts)
    for file in files:
        path = str(file["path"])
        if "edits" in file:
            edits = [LineEdit(row["line"], tuple(row["old"]), tuple(row["new"])) for row in file["edits"]]  # type: ignore[attr-defined]
            texts[path] = apply_edits(texts[path], edits)
        else:
            texts[path] = str(file["content"])
    services = tuple(
        replace(one, config=ServiceConfig.of_texts(one.config.program, one.config.sources, texts))
        for one in before.services
    )
    return replace(before, services=services, texts=texts, modified=dict.fromkeys(texts, modified))
