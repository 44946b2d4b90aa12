# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One report out of what every host answered: findings of all layers, what only the whole fleet shows, what was not checked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from .fleet_alias import compare_aliases
from .provider_check import check_providers
from .verify import FAILED, OK, PENDING, Finding

SCHEMA = 1
HOST, COMPUTE, CONTROLLER = "host", "compute", "controller"
FLAVOR, PLACEMENT, FLEET = "flavor", "placement", "fleet"
LAYERS = (HOST, COMPUTE, CONTROLLER, FLAVOR, PLACEMENT, FLEET)
CLOUD = "the cloud"  # whose findings are those of no host; no inventory has a host with a blank in its name

_STATES = (OK, PENDING, FAILED)
_NO_CREDENTIALS = "no cloud is named in pci_passthrough_cloud, and the environment names none"
_TABLE = (
    "Nova's table pci_devices, which no API shows, of the computes that do not report to Placement; what device_spec selects "
    "from their hardware was compared instead"
)

Result = Mapping[str, Any]  # of a task, as Ansible registers it
Row = dict[str, Any]  # Finding.to_dict() and the layer


@dataclass(frozen=True)
class LayerAnswer:
    """What the tasks of one layer left on one host: what was planned, what was found, and why a task failed; {} without."""

    planned: Result = field(default_factory=dict)
    verified: Result = field(default_factory=dict)
    trouble: Result = field(default_factory=dict)

    @property
    def plan(self) -> Mapping[str, Any]:
        found = self.planned.get("plan")
        return found if isinstance(found, Mapping) else {}


@dataclass(frozen=True)
class HostAnswer:
    """Shape: *names* by which Nova may know the host, the surest first; *survey* the first look; *layers* HOST, COMPUTE and
    CONTROLLER as far as they were read."""

    names: tuple[str, ...] = ()
    survey: Result = field(default_factory=dict)
    layers: Mapping[str, LayerAnswer] = field(default_factory=dict)


@dataclass(frozen=True)
class CloudAnswer:
    """Shape: *providers* as pci_providers_info returned it, *flavors* as the module flavors in check mode, *trouble* why
    that one failed, *has_flavors* whether any is declared."""

    providers: Result = field(default_factory=dict)
    flavors: Result = field(default_factory=dict)
    trouble: Result = field(default_factory=dict)
    has_flavors: bool = False

    @property
    def has_no_credentials(self) -> bool:
        return self.providers.get("asked") is False


def drift_report(hosts: Mapping[str, HostAnswer], cloud: CloudAnswer) -> dict[str, Any]:
    """Return the report as plain data, as docs/verify.schema.json describes it."""
    rows = {host: _of_layers(answer) for host, answer in hosts.items()}
    for host, findings in compare_aliases(_settings(hosts)).items():
        rows[host] += _rows(FLEET, findings)
    reported = cloud.providers.get("inventories")
    for host, providers in _reporting(hosts).items():
        if reported is not None:
            rows[host] += _rows(PLACEMENT, check_providers(providers, reported, hosts[host].names))
    of_cloud = [*_of_flavors(cloud), *_of_placement(cloud, _reporting(hosts))]
    every = [*(row for findings in rows.values() for row in findings), *of_cloud]
    states = [_worst(findings) for findings in rows.values()]
    return {
        "schema": SCHEMA,
        "state": _worst(every),
        "counts": {
            "hosts": {state: states.count(state) for state in _STATES},
            "findings": {state: sum(1 for row in every if row["state"] == state) for state in _STATES},
        },
        "hosts": {
            host: {"state": _worst(findings), "findings": findings, "notes": _notes(hosts[host])}
            for host, findings in rows.items()
        },
        "cloud": {"state": _worst(of_cloud), "findings": of_cloud, "notes": list(cloud.flavors.get("notes") or [])},
        "not_checked": list(_not_checked(hosts, cloud)),
    }


def findings_of(report: Mapping[str, Any]) -> dict[str, list[Row]]:
    """The findings by host, those of the cloud as a host of their own where there are any."""
    found = {host: list(entry["findings"]) for host, entry in report["hosts"].items()}
    return {**found, CLOUD: list(report["cloud"]["findings"])} if report["cloud"]["findings"] else found


def _rows(layer: str, findings: Iterable[Finding]) -> list[Row]:
    return [{"layer": layer, **finding.to_dict()} for finding in findings]


def _worst(rows: Iterable[Row]) -> str:
    return max((row["state"] for row in rows), key=_STATES.index, default=OK)


def _of_layers(answer: HostAnswer) -> list[Row]:
    """Every layer's findings. An all-in-one host has one plan for its services, so its two layers say the same: once."""
    silence = _silence(answer)
    if silence:
        return _rows(*silence)
    found: list[Row] = []
    for layer, given in answer.layers.items():
        rows = [
            {"layer": layer, **row} for row in given.verified.get("findings") or given.trouble.get("findings") or ()
        ]
        if given.trouble and not given.trouble.get("findings"):
            rows = _rows(layer, [_unread(layer, given.trouble)])
        known = [{**row, "layer": layer} for row in found]
        found += [row for row in rows if row not in known]
    return found


def _silence(answer: HostAnswer) -> tuple[str, list[Finding]] | None:
    """The one finding of a host that cannot be reached: what its layers say then is no news."""
    results = [(HOST, answer.survey)]
    results += [(layer, result) for layer, given in answer.layers.items() for result in (given.planned, given.verified)]
    for layer, result in results:
        if result.get("unreachable"):
            fix = "see whether it is up and lets Ansible in, then run the play again"
            return layer, [Finding("answer", FAILED, "the host answers", _message(result), fix)]
    return None


def _unread(layer: str, trouble: Result) -> Finding:
    fix = "mend what it names, then run the play again"
    return Finding(f"layer {layer}", FAILED, "read, and held against the declaration", _message(trouble), fix)


def _message(result: Result) -> str:
    return " ".join(str(result.get("msg") or "no reason was given").split())


def _settings(hosts: Mapping[str, HostAnswer]) -> dict[str, list[Mapping[str, Any]]]:
    """What the services of each host get now; of an all-in-one host one of the two equal plans counts."""
    found: dict[str, list[Mapping[str, Any]]] = {}
    for host, answer in hosts.items():
        for layer in (COMPUTE, CONTROLLER):
            plan = answer.layers.get(layer, LayerAnswer()).plan
            if plan and not _silence(answer):
                found[host] = list(plan["settings"])
    return found


def _reporting(hosts: Mapping[str, HostAnswer]) -> dict[str, list[Mapping[str, Any]]]:
    """What each compute that reports to Placement has to report."""
    plans = {host: answer.layers.get(COMPUTE, LayerAnswer()).plan for host, answer in hosts.items()}
    return {host: list(plan["providers"]) for host, plan in plans.items() if plan.get("providers") is not None}


def _of_flavors(cloud: CloudAnswer) -> list[Row]:
    if cloud.trouble:
        return _rows(FLAVOR, [_unread(FLAVOR, cloud.trouble)])
    actions = cloud.flavors.get("actions")
    if actions is None:
        return []
    wrong = [
        Finding("flavors", FAILED, "as declared", f"the role would {action}", "run playbooks/flavors.yml")
        for action in actions
    ]
    return _rows(FLAVOR, wrong or [Finding("flavors", OK, "as declared", "as declared")])


def _of_placement(cloud: CloudAnswer, reporting: Mapping[str, object]) -> list[Row]:
    """Placement could not be asked although there are credentials."""
    if not reporting or not cloud.providers or "asked" in cloud.providers or cloud.providers.get("skipped"):
        return []
    return _rows(PLACEMENT, [_unread(PLACEMENT, cloud.providers)])


def _notes(answer: HostAnswer) -> list[str]:
    """What the plans want a person to know: overrides, cards that moved, devices that are withheld."""
    notes = [str(note) for given in answer.layers.values() for note in given.plan.get("notes") or ()]
    return list(dict.fromkeys(notes))


def _not_checked(hosts: Mapping[str, HostAnswer], cloud: CloudAnswer) -> Iterable[dict[str, str]]:
    if cloud.has_flavors and cloud.has_no_credentials:
        yield {"layer": FLAVOR, "why": f"the flavors of the cloud: {_NO_CREDENTIALS}"}
    if _reporting(hosts) and cloud.has_no_credentials:
        yield {"layer": PLACEMENT, "why": f"what Placement has of the devices: {_NO_CREDENTIALS}"}
    if any(given.plan and given.plan.get("providers") is None for given in _computes(hosts)):
        yield {"layer": PLACEMENT, "why": _TABLE}


def _computes(hosts: Mapping[str, HostAnswer]) -> list[LayerAnswer]:
    return [answer.layers[COMPUTE] for answer in hosts.values() if COMPUTE in answer.layers]
