# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a request for PCI devices finds no host: everything that was read, walked from the flavor to the device.

One answer: the first layer that fails. Of several computes the one counts that a request gets furthest on, for that is the
one that can take it with the least to mend; each of the others has its own first failing layer beside it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .compute_name import matching_compute
from .diagnosis_compute import Compute, judge_compute
from .diagnosis_controllers import judge_controllers
from .diagnosis_layer import (
    CONTROLLER_CONFIG,
    CONTROLLER_SERVICE,
    DOUBT,
    FAILED,
    FLAVOR,
    OK,
    SERVER,
    UNKNOWN,
    Layer,
    failed,
    first_of,
    ok,
    order,
    unknown,
)
from .diagnosis_request import Request, read_request
from .server_story import LIBVIRT, Clues, tell

Facts = Mapping[str, Any]
_LIBVIRT_LAST = "It came as far as libvirt, so the request is good"


@dataclass(frozen=True)
class Judged:
    """One compute with its layers."""

    name: str
    layers: tuple[Layer, ...]

    @property
    def stop(self) -> Layer | None:
        return first_of(self.layers, FAILED)

    @property
    def is_known(self) -> bool:
        return all(layer.state != UNKNOWN for layer in self.layers)


@dataclass(frozen=True)
class Diagnosis:
    """Shape: *asked* what was to be diagnosed, *layers* those of the cloud, *answer* the layer that counts.

    *answer* is a failed layer, else one in doubt, else one that says that nothing is known to fail.
    """

    asked: str
    request: Request | None
    layers: tuple[Layer, ...]
    computes: tuple[Judged, ...]
    answer: Layer
    others: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        request = self.request
        return {
            "asked": self.asked,
            "devices": {} if request is None else {one.alias: one.count for one in request.devices},
            "said": [] if request is None else list(request.said),
            "layers": [layer.to_dict() for layer in self.layers],
            "computes": [
                {
                    "name": judged.name,
                    "fails": None if judged.stop is None else judged.stop.name,
                    "layers": [layer.to_dict() for layer in judged.layers],
                }
                for judged in self.computes
            ],
            "answer": self.answer.to_dict(),
            "others": list(self.others),
        }


def diagnose(cloud: Facts, hosts: Mapping[str, Facts]) -> Diagnosis:
    """Return the diagnosis; *cloud* as diagnose_cloud_info found it, *hosts* as diagnose_host_info did, {} for a silent one."""
    asked = str(cloud["asked"])
    if cloud.get("unanswered"):
        return _without_api(asked, cloud, hosts)
    request, flavor = read_request(cloud, asked)
    if request is None:
        return Diagnosis(asked, None, (flavor,), (), flavor)
    if request.is_served:
        on = f" on {request.host}" if request.host else ""
        served = ok(SERVER, "", f"it is {request.status}{on}: nothing stood in its way")
        return Diagnosis(asked, request, (flavor, served), (), served)
    controllers = judge_controllers(request, hosts, cloud)
    layers = (flavor, *controllers.layers)
    computes = tuple(
        Judged(one.name, judge_compute(request, one, controllers.aliases))
        for one in _computes(cloud, hosts, controllers.by_placement)
    )
    answer, others = _answer(request, layers, computes)
    return Diagnosis(asked, request, layers, computes, answer, others)


def _without_api(asked: str, cloud: Facts, hosts: Mapping[str, Facts]) -> Diagnosis:
    """No request gets further than a nova-api that gives no answer, and what is asked for is not known either."""
    flavor = unknown(FLAVOR, "", "nova-api could not be asked for it")
    found = judge_controllers(Request(asked), hosts, cloud).layers
    layers = [flavor, *(layer for layer in found if layer.name in (CONTROLLER_CONFIG, CONTROLLER_SERVICE))]
    answer = first_of(layers, FAILED)
    if answer is None:
        why = cloud["unanswered"]
        answer = layers[-1] = failed(CONTROLLER_SERVICE, "", f"nova-api gives no answer: {why['seen']}", why["fix"])
    return Diagnosis(asked, None, tuple(layers), (), answer)


def _computes(cloud: Facts, hosts: Mapping[str, Facts], by_placement: bool) -> list[Compute]:
    """Every compute that Nova lists, and every host with a nova-compute that it does not list."""
    rows = {str(row["host"]): row for row in cloud.get("computes") or ()}
    owners: dict[str, str] = {}
    strangers: list[tuple[str, str]] = []
    for host, facts in hosts.items():
        names = [*map(str, facts.get("names") or ()), host]
        name = matching_compute(rows, names)
        if name is not None:
            owners[name] = host
        elif facts.get("compute"):
            strangers.append((names[0], host))
    room = cloud.get("room")
    found = []
    for name, host in [*((name, owners.get(name, "")) for name in sorted(rows)), *strangers]:
        found.append(
            Compute(
                name=name,
                host=host,
                facts=hosts.get(host) or None,
                state=rows.get(name),
                providers=_providers_of(name, cloud.get("providers"), list(rows)),
                has_room=None if room is None else matching_compute([name], room) is not None,
                by_placement=by_placement,
            )
        )
    return found


def _providers_of(
    name: str, providers: Sequence[Mapping[str, Any]] | None, known: Sequence[str]
) -> tuple[Mapping[str, Any], ...] | None:
    """Those of one compute; nova/compute/pci_placement_translator.py names each `<hypervisor_hostname>_<ADDRESS>`."""
    if providers is None:
        return None
    return tuple(row for row in providers if matching_compute(known, (row["name"].rpartition("_")[0],)) == name)


def _answer(request: Request, layers: Sequence[Layer], computes: Sequence[Judged]) -> tuple[Layer, tuple[str, ...]]:
    stop = first_of(layers, FAILED)
    if stop is not None:
        return stop, ()
    if not computes:
        return Layer("compute_service", "", FAILED, "Nova has no compute at all", "Start nova-compute somewhere"), ()
    open_ones = [judged for judged in computes if judged.stop is None]
    stops = [judged.stop for judged in computes if judged.stop is not None]
    fit = next((judged for judged in open_ones if judged.is_known), None)
    if fit is None and stops:
        furthest = max(stops, key=order)
        silent = tuple(f"{judged.name}: not all is known of it" for judged in open_ones)
        return furthest, (*silent, *_others(stops, furthest))
    fit = fit or open_ones[0]
    return _nothing_fails(request, layers, fit), _others(stops, None)


def _others(stops: Sequence[Layer], answer: Layer | None) -> tuple[str, ...]:
    return tuple(f"{stop.where}: {stop.seen}" for stop in stops if stop is not answer)


def _nothing_fails(request: Request, layers: Sequence[Layer], fit: Judged) -> Layer:
    """One compute could take it: what is in doubt there, else what the server itself has to say."""
    all_layers = (*layers, *fit.layers)
    dubious = first_of(all_layers, DOUBT)
    if dubious is not None:
        return dubious
    story = tell(
        Clues(request.devices[0].alias, request.devices[0].count, request.said, status="ERROR", host=request.host)
    )
    if request.said and story.layer == LIBVIRT:
        return Layer(SERVER, fit.name, DOUBT, f"{_LIBVIRT_LAST}: {story.what}", story.fix)
    unsure = first_of(all_layers, UNKNOWN)
    if unsure is not None:
        return unsure
    again = ": make the server again" if request.status == "ERROR" else ""
    return Layer(SERVER, fit.name, OK, f"nothing fails, {fit.name} can take it now{again}")
