# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request's way through nova-api, nova-conductor and nova-scheduler."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .alias import Aliases, read_aliases
from .diagnosis_layer import (
    API_ALIAS,
    CONTROLLER_CONFIG,
    CONTROLLER_RESTART,
    CONTROLLER_SERVICE,
    PLACEMENT_SWITCH,
    SCHEDULER_FILTER,
    Layer,
    doubt,
    failed,
    ok,
    unknown,
)
from .diagnosis_request import Request
from .errors import NovaRefusal
from .nova_release import NovaVersion, parse_release
from .nova_service import API, CONDUCTOR, SCHEDULER
from .scheduler_filters import NUMA_FILTER, PCI_FILTER

_ROLE = "run the role controller with this declaration, or write it there and restart"
_UNANSWERED = "no host of the play runs it"


@dataclass(frozen=True)
class Service:
    """One service of one host, as diagnosis_host.py put it down."""

    host: str
    version: NovaVersion
    facts: Mapping[str, Any]

    @property
    def name(self) -> str:
        return str(self.facts["name"])

    @property
    def refusals(self) -> Sequence[Mapping[str, str]]:
        return list(self.facts["refusals"])

    @property
    def restart(self) -> str:
        return f"systemctl restart {self.facts['unit']} on {self.host}"

    def aliases(self) -> Aliases:
        """NovaRefusal where Nova does not take them."""
        return read_aliases(self.facts["aliases"], self.version, bool(self.facts["pci_in_placement"]))


@dataclass(frozen=True)
class Controllers:
    """Shape: *layers* in the order in which a request comes to them, *aliases* those of nova-api (None: not known),
    *by_placement* whether the scheduler asks Placement for PCI devices."""

    layers: tuple[Layer, ...]
    aliases: Aliases | None
    by_placement: bool


def services_of(hosts: Mapping[str, Mapping[str, Any]], *names: str) -> list[Service]:
    """Return the services called one of *names*, by host."""
    found = []
    for host, facts in hosts.items():
        if facts.get("version"):
            version = parse_release(facts["version"], host)
            found += [Service(host, version, one) for one in facts["services"] if one["name"] in names]
    return found


def judge_controllers(
    request: Request, hosts: Mapping[str, Mapping[str, Any]], cloud: Mapping[str, Any]
) -> Controllers:
    """Judge the cloud's part; *cloud* and *hosts* are what the modules diagnose_cloud_info and diagnose_host_info found."""
    services = services_of(hosts, API, CONDUCTOR, SCHEDULER)
    apis = [one for one in services if one.name == API]
    schedulers = [one for one in services if one.name == SCHEDULER]
    layers = [
        _config(services),
        _running(services, cloud.get("controllers")),
        _alias(request, apis),
        _filters(request, schedulers),
        _switch(services),
        _restart(services),
    ]
    return Controllers(tuple(layers), _common_aliases(apis), any(one.facts["pci_in_placement"] for one in schedulers))


def _common_aliases(apis: Sequence[Service]) -> Aliases | None:
    for api in apis:
        try:
            return api.aliases()
        except NovaRefusal:
            continue
    return None


def _config(services: Sequence[Service]) -> Layer:
    if not services:
        return unknown(CONTROLLER_CONFIG, "", "no host of the play runs nova-api, nova-conductor or nova-scheduler")
    for service in services:
        for refusal in service.refusals:
            if refusal["exception"] == "SchedulerHostFilterNotFound" and service.facts["active"]:
                continue  # the layer of the filters tells it; one that is started with them ends at once
            seen = f"{service.name}: {refusal['text']} ({refusal['exception']})"
            if service.facts["active"] and service.facts["changed"]:
                return doubt(CONTROLLER_CONFIG, service.host, f"{seen}; it would not start again", refusal["fix"])
            return failed(CONTROLLER_CONFIG, service.host, seen, f"{refusal['fix']}; then {service.restart}")
    return ok(CONTROLLER_CONFIG, "", f"Nova takes those of {_names(services)}")


def _running(services: Sequence[Service], rows: Sequence[Mapping[str, str]] | None) -> Layer:
    for service in services:
        if not service.facts["active"]:
            unit = service.facts["unit"]
            fix = f"systemctl start {unit} on {service.host}; journalctl -u {unit} says why it ended"
            return failed(CONTROLLER_SERVICE, service.host, f"{service.name} does not run ({unit})", fix)
    for name in (CONDUCTOR, SCHEDULER):
        mine = [row for row in rows or () if row["binary"] == name]
        if mine and not any(row["state"] == "up" and row["status"] == "enabled" for row in mine):
            seen = "; ".join(f"{row['host']} {row['state']}, {row['status']}" for row in mine)
            fix = "Start it and look at RabbitMQ; `openstack compute service list`"
            return failed(CONTROLLER_SERVICE, str(mine[0]["host"]), f"Nova counts no {name} as up ({seen})", fix)
    if not services and not rows:
        return unknown(CONTROLLER_SERVICE, "", _UNANSWERED)
    return ok(CONTROLLER_SERVICE, "", "all run")


def _alias(request: Request, apis: Sequence[Service]) -> Layer:
    if not apis:
        return unknown(API_ALIAS, "", f"nova-api: {_UNANSWERED}", "Name its host in the group of controllers")
    for api in apis:
        try:
            known = api.aliases()
        except NovaRefusal as refusal:
            seen = f"[pci]alias: {refusal.value!r} {refusal.problem}, so that no alias works"
            return failed(API_ALIAS, api.host, seen, f"{refusal.fix}; then {api.restart}")
        for one in request.devices:
            if one.alias not in known:
                has = f"it has {', '.join(sorted(known))}" if known else "it has none"
                seen = f"nova-api has no alias {one.alias!r} ({has}), and answers 400"
                return failed(API_ALIAS, api.host, seen, f"Add [pci]alias there: {_ROLE} nova-api")
    first = _shown(apis[0], request)
    for api in apis[1:]:
        if _shown(api, request) != first:
            seen = f"{_shown(api, request)}, but {first} on {apis[0].host}"
            return doubt(API_ALIAS, api.host, seen, f"Make [pci]alias the same on both: {_ROLE} nova-api")
    return ok(API_ALIAS, ", ".join(api.host for api in apis), first)


def _shown(service: Service, request: Request) -> str:
    return "; ".join(describe_alias(service.aliases(), one.alias) for one in request.devices)


def describe_alias(aliases: Aliases, name: str) -> str:
    """An alias in a few words: "nic = 8086:10d3 type-PCI"."""
    policy, specs = aliases[name]
    lines = []
    for spec in specs:
        ids = f"{spec.vendor_id or '*'}:{spec.product_id or '*'}".lower()
        more = [spec.device_type, spec.resource_class, spec.traits]
        more += [] if spec.live_migratable is None else [f"live_migratable {spec.live_migratable}"]
        lines.append(" ".join([ids, *(word for word in more if word)]))
    return f"{name} = {' or '.join(sorted(lines))}{'' if policy == 'legacy' else f', NUMA {policy}'}"


def _filters(request: Request, schedulers: Sequence[Service]) -> Layer:
    if not schedulers:
        return unknown(
            SCHEDULER_FILTER, "", f"nova-scheduler: {_UNANSWERED}", "Name its host in the group of controllers"
        )
    for one in schedulers:
        for refusal in one.refusals:
            if refusal["exception"] == "SchedulerHostFilterNotFound":
                return failed(SCHEDULER_FILTER, one.host, refusal["text"], f"{refusal['fix']}; then {one.restart}")
        filters = one.facts["filters"] or ()
        if PCI_FILTER not in filters:
            seen = f"{PCI_FILTER} is not among enabled_filters, so servers go to computes without the device"
            fix = f"Add it to [filter_scheduler]enabled_filters: {_ROLE} nova-scheduler"
            return failed(SCHEDULER_FILTER, one.host, seen, fix)
        if request.numa_cells is not None and NUMA_FILTER not in filters:
            seen = f"{NUMA_FILTER} is not among enabled_filters, and {request.flavor} asks for a NUMA topology"
            return doubt(SCHEDULER_FILTER, one.host, seen, f"Add it: {_ROLE} nova-scheduler")
    return ok(SCHEDULER_FILTER, ", ".join(one.host for one in schedulers), f"{PCI_FILTER} is enabled")


def _switch(services: Sequence[Service]) -> Layer:
    told = [one for one in services if one.version.has_pci_in_placement]
    if not told:
        return ok(
            PLACEMENT_SWITCH, "", "not scheduled by Placement in this release" if services else "not known of any"
        )
    on = [one for one in told if one.facts["pci_in_placement"]]
    off = [one for one in told if not one.facts["pci_in_placement"]]
    if on and off:
        seen = f"it is on for {_names(on)} and off for {_names(off)}"
        fix = "Set [filter_scheduler]pci_in_placement alike for nova-api, nova-scheduler and nova-conductor, and restart them"
        return failed(PLACEMENT_SWITCH, off[0].host, seen, fix)
    return ok(PLACEMENT_SWITCH, "", "on everywhere" if on else "off everywhere")


def _restart(services: Sequence[Service]) -> Layer:
    for service in services:
        if service.facts["active"] and service.facts["changed"]:
            seen = f"{service.name} started before {', '.join(service.facts['changed'])} changed, and may not know it"
            return doubt(CONTROLLER_RESTART, service.host, seen, service.restart)
    return ok(CONTROLLER_RESTART, "", "since the last change of their PCI settings")


def _names(services: Sequence[Service]) -> str:
    return ", ".join(dict.fromkeys(_words(services)))


def _words(services: Sequence[Service]) -> Iterator[str]:
    for one in services:
        yield f"{one.name} on {one.host}"
