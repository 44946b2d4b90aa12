# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the roles compute and controller leave files on one host, and the services that read them."""

from __future__ import annotations

from .changes import Removed
from .config_placement import DROP_IN
from .devices_conf import listed_devices
from .journal import ServiceUnit, ToolRecord
from .nova_plan import LAYER, RESTART_ORDER
from .nova_service import COMPUTE, SERVICES, NovaNode, NovaService
from .places import Places, PlaceTool

_USUAL = ("/etc/nova/nova.conf.d", *(f"/etc/nova/{name}.conf.d" for name in SERVICES))


def nova_removal(node: NovaNode, devices_conf: str) -> Removed:
    """Return the goal of a removal from *node*: no device of *devices_conf* leaves Nova's sight while a guest holds it."""
    return Removed(nova_places(node), listed_devices(devices_conf) if node.service(COMPUTE) is not None else ())


def nova_places(node: NovaNode) -> Places:
    """Return our file in every directory that a service of *node* reads, or would read were it still installed."""
    read = [directory for service in node.services for directory in service.config.directories]
    paths = [f"{directory}/{DROP_IN}" for directory in dict.fromkeys((*read, *_USUAL))]
    found = [node.service(name) for name in RESTART_ORDER]
    return Places(
        files=dict.fromkeys(paths, LAYER),
        foreign=tuple(path for path in sorted(node.texts) if path not in paths),
        tools=tuple(_restart(service, paths) for service in found if service is not None and service.active),
    )


def _restart(service: NovaService, paths: list[str]) -> PlaceTool:
    argv = ("systemctl", "restart", service.unit)
    unit = ServiceUnit(service.unit, service.logs, service.probe)
    record = ToolRecord(f"restart {service.name}", (), argv, argv, (), stamp=None, service=unit)
    return PlaceTool(record, frozenset(path for path in paths if service.config.reads(path)))
