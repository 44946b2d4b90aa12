# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plan for Nova on one host: every setting of every service there, put together as the data of docs/architecture.md."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from . import nova_options, placement_rules
from .alias import parse_alias
from .config_placement import Placement, Want, place
from .declaration import DeviceEntry
from .declared_alias import declared_aliases
from .device_spec import parse_device_spec
from .errors import InputProblem, MachineProblem, NovaRefusal, raise_problems
from .journal import Journal
from .lint_declaration import Ground, lint_declaration
from .lint_finding import ERROR, INFO, Finding, in_order
from .model import HostInventory
from .nova_lint import lint
from .nova_memory import refuse_silence, without_us
from .nova_options import options_of
from .nova_release import ALL_FILTERS, VARIABLE, NovaVersion, parse_release, too_old
from .nova_service import API, COMPUTE, CONDUCTOR, SCHEDULER, NovaNode, NovaService
from .offer import Offer, make_offer, spec_lines
from .override import without_covered
from .scheduler_filters import merged, needed_filters
from .selection import Selection
from .service_config import ServiceConfig
from .service_view import ServiceView
from .smoke_proof import provider_address

VERSION = 1
LAYER = "nova"
FILE_MODE = "0644"  # nothing in our files is secret, and the services' own users have to read them

PLACEMENT_OFF = "none"
PLACEMENT_REPORT = "report"
PLACEMENT_SCHEDULE = "schedule"
PLACEMENT_CHOICES = (PLACEMENT_OFF, PLACEMENT_REPORT, PLACEMENT_SCHEDULE)

OK = "ok"
TO_CHANGE = "to change"

# A line that Nova does not read is a mistake of somebody's, and no reason to refuse our own work.
_WITHOUT_EFFECT = ("option-old-name", "option-too-new", "unknown-option", "unknown-section", "wrong-section")
RESTART_ORDER = (CONDUCTOR, SCHEDULER, API, COMPUTE)  # a compute waits for a conductor that answers
_CONTROLLER = (API, SCHEDULER, CONDUCTOR)
ROLES = {"compute": (COMPUTE,), "controller": _CONTROLLER}


@dataclass(frozen=True)
class NovaWishes:
    """What the user wants of Nova on one host.

    Shape: *role* is compute or controller (which services have to be here), *placement* one of PLACEMENT_CHOICES,
    *providers_deleted* the word that this compute's PCI providers are gone from Placement.
    """

    entries: tuple[DeviceEntry, ...]
    role: str
    release: str | None = None
    placement: str = PLACEMENT_OFF
    spec_by: str = "address"
    providers_deleted: bool = False


@dataclass(frozen=True)
class HostDevices:
    """What a host has, and what of it the declaration chose."""

    inventory: HostInventory
    selection: Selection


def version_of(node: NovaNode, release: str | None) -> NovaVersion:
    """Return the release of *node*; the user's word counts where the host does not tell, and must not contradict it."""
    said = None if not release else parse_release(release)
    if node.version is None:
        if said is None:
            fix = f'Say which release runs here, as in {VARIABLE}: "2024.1"'
            raise MachineProblem("Nova's version", "cannot be told from what is installed", fix)
        return said
    if said is not None and said.major != node.version.major:
        problem = f"is not what is installed here: {node.version.label}, by {node.version_source}"
        raise InputProblem(VARIABLE, release, problem, f"Remove {VARIABLE}, it is found by itself")
    return node.version


def refuse_missing_services(node: NovaNode, role: str) -> None:
    """MachineProblem when the host has none of the services that *role* is for."""
    wanted = ROLES[role]
    if not any(node.service(name) for name in wanted):
        found = ", ".join(service.name for service in node.services) or "no service of Nova"
        what = " nor ".join(wanted) if len(wanted) == 1 else f"any of {', '.join(wanted)}"
        fix = f"Install it, or take the host out of the group that role {role} is run on"
        raise MachineProblem("this host", f"has not {what} (found: {found})", fix)


def make_nova_plan(node: NovaNode, wishes: NovaWishes, journal: Journal | None, host: HostDevices) -> dict[str, Any]:
    """Return the plan as plain data; a problem of the input, the host or what Nova would do is raised."""
    refuse_missing_services(node, wishes.role)
    devices = host if node.service(COMPUTE) else None  # a controller's own devices are nobody's business
    if devices is not None:
        raise_problems(devices.selection.problems)
    version = version_of(node, wishes.release)
    clean = without_us(node, journal)
    _refuse_unreadable(clean)
    _refuse_old_software(node, version)
    ground = Ground(version, wishes.placement, node.libvirt_version, node.qemu_version)
    declared = in_order(lint_declaration(wishes.entries, ground))
    _refuse_findings(declared)
    offer = Offer() if devices is None else make_offer(devices.selection)
    wants = _wants(clean, version, wishes, offer, devices)
    placement = place(clean.services, clean.texts, wants)
    if not wishes.providers_deleted:
        refuse_silence(node, _after(clean, placement))
    inventory = without_covered(host.inventory, host.selection.covered)
    findings = in_order((*declared, *lint(_after(clean, placement), version, inventory)))
    if placement.drop_ins or placement.edits:
        _refuse_findings(findings)
    return {
        "version": VERSION,
        "host": {"boot_id": host.inventory.boot_id},
        "release": {"version": str(version), "name": version.series, "source": node.version_source},
        "devices": _device_rows(offer),
        "providers": _providers(_after(clean, placement), version, host.inventory),
        "settings": _rows(node, placement, version),
        "files": _files(placement),
        "tools": _tools(clean, placement, version),
        "secrets_from": sorted(clean.texts),
        "findings": [finding.to_dict() for finding in findings],
        "notes": [*_override_notes(devices), *offer.withheld, *_notes(clean, wants), *_warnings(findings)],
    }


# ---- refusals


def _refuse_unreadable(node: NovaNode) -> None:
    for service in node.services:
        trouble = service.config.trouble
        if trouble is not None:
            fix = "Mend it: a name begins in the first column, further lines of its value do not"
            raise MachineProblem(trouble.path, f"cannot be read by {service.name} as it stands ({trouble})", fix)


def _refuse_findings(findings: Iterable[Finding]) -> None:
    """Raise what the linter calls an error; nothing has been written yet."""
    raise_problems(
        [
            MachineProblem(finding.where, f"{finding.value!r}: {finding.effect} [{finding.check}]", finding.fix)
            for finding in findings
            if finding.severity == ERROR and finding.check not in _WITHOUT_EFFECT
        ]
    )


def _refuse_old_software(node: NovaNode, version: NovaVersion) -> None:
    if node.service(COMPUTE) is None:
        return
    least = (version.libvirt_minimum, version.qemu_minimum)
    for name, here, needed in too_old((node.libvirt_version, node.qemu_version), least):
        problem = f"is older than {needed}, which {version.label} needs"
        raise MachineProblem(f"{name} {here}", problem, f"Update {name} first")


# ---- what is wanted


def _wants(
    node: NovaNode, version: NovaVersion, wishes: NovaWishes, offer: Offer, devices: HostDevices | None
) -> list[Want]:
    schedule = wishes.placement == PLACEMENT_SCHEDULE
    aliases = declared_aliases(wishes.entries, version, schedule)
    wants: list[Want] = []
    if devices is not None:
        wants += _compute_wants(version, wishes, offer, devices)
    readers = tuple(service.name for service in node.services if service.name in (COMPUTE, API))
    if aliases and readers:
        names = {alias.name for alias in aliases}
        lines = tuple(alias.to_json() for alias in aliases)
        wants.append(Want(nova_options.ALIAS, lines, readers, stands_for=lambda value: _names(value, version, names)))
    if node.service(SCHEDULER) is not None and aliases:
        wants += _scheduler_wants(node, version, wishes)
    if schedule:
        present = tuple(service.name for service in node.services if service.name in _CONTROLLER)
        if present:
            wants.append(Want(nova_options.PCI_IN_PLACEMENT, ("true",), present))
    return wants


def _compute_wants(version: NovaVersion, wishes: NovaWishes, offer: Offer, devices: HostDevices) -> list[Want]:
    wants = []
    lines = spec_lines(offer, devices.inventory, wishes.spec_by)
    if lines:
        stands_for = _covers_only(offer, devices.inventory, version)
        option = nova_options.device_spec(version)
        wants.append(Want(option, lines, (COMPUTE,), only_compute=True, stands_for=stands_for))
    if wishes.placement != PLACEMENT_OFF:
        wants.append(Want(nova_options.REPORT_IN_PLACEMENT, ("true",), (COMPUTE,), only_compute=True))
    return wants


def _scheduler_wants(node: NovaNode, version: NovaVersion, wishes: NovaWishes) -> list[Want]:
    scheduler = node.service(SCHEDULER)
    if scheduler is None:
        return []
    option = nova_options.enabled_filters(version)
    setting = option.read(scheduler.config)
    present = None
    if setting.values:
        present = setting.items
    wanted = merged(present, version, needed_filters(wishes.entries))
    wants = [] if wanted == present else [Want(option, (",".join(wanted),), (SCHEDULER,))]
    offered = nova_options.available_filters(version).read(scheduler.config).values
    if offered and ALL_FILTERS not in offered:
        wants.append(Want(nova_options.available_filters(version), (ALL_FILTERS,), (SCHEDULER,)))
    return wants


def _names(value: str, version: NovaVersion, names: set[str]) -> bool:
    """Whether the foreign line *value* defines one of our aliases: ours is the declaration's word, so it goes."""
    try:
        return parse_alias(value, version).name in names
    except NovaRefusal:
        return False


def _covers_only(offer: Offer, inventory: HostInventory, version: NovaVersion) -> Callable[[str], bool]:
    """Tell of a foreign device_spec line whether ours say the same: it matches something, and nothing but what we offer."""
    ours = {item.device.address for item in offer.offered}

    def covers(value: str) -> bool:
        try:
            specs = parse_device_spec(value, version)
        except NovaRefusal:
            return False
        matched = {device.address for device in inventory.devices if any(spec.matches(device) for spec in specs)}
        return bool(matched) and matched <= ours

    return covers


# ---- rows and files


def _rows(node: NovaNode, placement: Placement, version: NovaVersion) -> list[dict[str, Any]]:
    rows = []
    for service in node.services:
        for option in options_of(service.name, version):
            after = option.read(placement.after[service.name])
            now = option.read(service.config)
            if not after.values and not now.values:
                continue
            rows.append(
                {
                    "service": service.name,
                    "option": option.label,
                    "wanted": list(after.values),
                    "now": list(now.values),
                    "origins": [f"{origin.path}:{origin.line}" for origin in after.origins],
                    "state": OK if after.values == now.values else TO_CHANGE,
                }
            )
    return rows


def _after(node: NovaNode, placement: Placement) -> NovaNode:
    """The host as it will be: the linter looks at what the services are going to read."""
    return replace(
        node, services=tuple(replace(service, config=placement.after[service.name]) for service in node.services)
    )


def _override_notes(devices: HostDevices | None) -> tuple[str, ...]:
    return () if devices is None else devices.selection.notes


def _warnings(findings: Iterable[Finding]) -> list[str]:
    return [f"{found.where}: {found.effect}. {found.fix}" for found in findings if found.severity != INFO]


def _files(placement: Placement) -> list[dict[str, Any]]:
    files: list[dict[str, Any]] = [
        {"path": path, "layer": LAYER, "kind": "file", "mode": FILE_MODE, "content": text}
        for path, text in sorted(placement.drop_ins.items())
    ]
    for path, edits in sorted(placement.edits.items()):
        rows = [edit.to_dict() for edit in edits]
        files.append(
            {"path": path, "layer": LAYER, "kind": "file", "mode": None, "foreign": True, "secret": True, "edits": rows}
        )
    return files


def _tools(node: NovaNode, placement: Placement, version: NovaVersion) -> list[dict[str, Any]]:
    """A restart of each running service of ours; nova_apply runs those whose stamp is not the one remembered."""
    tools = []
    for name in RESTART_ORDER:
        service = node.service(name)
        if service is None or not service.active:
            continue
        restart = ["systemctl", "restart", service.unit]
        tools.append(
            {
                "name": f"restart {name}",
                "layers": [],
                "argv": restart,
                "undo": restart,
                "touches": [],
                "stamp": _stamp(service, placement.after[name], version),
                "former": _stamp(service, service.config, version),
                "service": {"unit": service.unit, "logs": list(service.logs), "probe": service.probe},
            }
        )
    return tools


def _stamp(service: NovaService, config: ServiceConfig, version: NovaVersion) -> str:
    """Equal for equal settings: what decides whether a service has to be restarted."""
    settings = [[option.label, list(option.read(config).values)] for option in options_of(service.name, version)]
    return hashlib.sha256(json.dumps(settings).encode("utf-8")).hexdigest()


def _device_rows(offer: Offer) -> list[dict[str, Any]]:
    return [
        {
            "address": str(item.device.address),
            "entry": item.entry.place,
            "alias": item.entry.alias,
            "device_type": item.device.device_type,
            "vendor_id": item.device.vendor_id,
            "product_id": item.device.product_id,
        }
        for item in offer.offered
    ]


def _providers(node: NovaNode, version: NovaVersion, inventory: HostInventory) -> list[dict[str, Any]] | None:
    """What nova-compute will report to Placement, by its device_spec and the hardware; None where it reports nothing."""
    service = node.service(COMPUTE)
    if service is None:
        return None
    view = ServiceView(COMPUTE, service.config, version, inventory.devices)
    if not view.report_in_placement:
        return None
    try:
        found = placement_rules.providers("", inventory.devices, view.specs, version)
    except NovaRefusal:
        return None  # the linter tells of it
    return [
        {"address": provider_address(one.name), "resource_class": one.resource_class, "total": one.total}
        for one in found
    ]


def _notes(node: NovaNode, wants: Sequence[Want]) -> list[str]:
    """What a person should know of services that get something and do not run."""
    getting = {name for want in wants for name in want.services}
    return [
        f"{service.name} does not run; it reads its new settings when it is started"
        for service in node.services
        if service.name in getting and not service.active
    ]
