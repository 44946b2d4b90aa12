# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The Nova services of one host, as _host/nova.py found them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .nova_release import NovaVersion
    from .service_config import ServiceConfig

COMPUTE = "nova-compute"
API = "nova-api"
METADATA = "nova-api-metadata"
SCHEDULER = "nova-scheduler"
CONDUCTOR = "nova-conductor"
SERVICES = (COMPUTE, API, METADATA, SCHEDULER, CONDUCTOR)

DAEMON = "daemon"  # a process of its own, config named on its command line
UWSGI = "uwsgi"
APACHE = "apache"  # mod_wsgi: the unit is the web server's


@dataclass(frozen=True)
class NovaService:
    """One service.

    Shape: *name* as in SERVICES whatever the platform calls its unit, *unit* with its suffix, *config* what it reads (or
    will read when it is started), *logs* the log files it writes besides the system's journal, *probe* an URL that
    answers when it is up (nova-api only), *started* the start of its main process in seconds since the epoch.
    """

    name: str
    unit: str
    kind: str
    active: bool
    config: ServiceConfig
    logs: tuple[str, ...] = ()
    probe: str | None = None
    started: float | None = None


@dataclass(frozen=True)
class NovaNode:
    """Everything the decisions about Nova need of one host.

    Shape: *texts* is each configuration file's text by path (undecodable bytes as surrogates), *modified* its time of
    last change in seconds since the epoch, *version_source* says in words where the version comes from,
    *libvirt_version* and *qemu_version* are what is installed.
    """

    services: tuple[NovaService, ...] = ()
    version: NovaVersion | None = None
    version_source: str | None = None
    libvirt_version: tuple[int, int, int] | None = None
    qemu_version: tuple[int, int, int] | None = None
    texts: Mapping[str, str] = field(default_factory=dict)
    modified: Mapping[str, float] = field(default_factory=dict)
    unreadable: tuple[tuple[str, str], ...] = ()

    def service(self, name: str) -> NovaService | None:
        return next((service for service in self.services if service.name == name), None)
