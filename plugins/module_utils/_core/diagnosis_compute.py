# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A request's way through one compute: why it cannot take it, the first layer of those that fail."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import diagnosis_layer as layer
from .alias import Aliases, AliasSpec
from .diagnosis_controllers import Service, describe_alias, services_of
from .diagnosis_layer import FAILED, Layer, doubt, failed, first_of, ok, unknown
from .diagnosis_request import Request
from .errors import NovaRefusal
from .flavor_request import AliasRequest
from .model import TYPE_PF
from .nova_release import NovaVersion
from .nova_service import COMPUTE
from .pci_pools import Pool, fits
from .placement_rules import resource_class, traits

Row = Mapping[str, Any]
_AUTOMATIC = "AUTO:"  # nova/virt/libvirt/driver.py DISABLE_PREFIX
_ROLE_COMPUTE = "run the role compute there, or write it and restart nova-compute"
_ROLE_HOST = "run the role host there"
_HYPERVISORS = ("kvm", "qemu")
_NEVER_MATTERS = "preferred"


@dataclass(frozen=True)
class Compute:
    """One compute: *name* is Nova's, *host* the inventory's ("" where it is in none), *facts* its answer (None: none).

    *state* Nova's row of its service, *providers* Placement's of its devices and *has_room* whether Placement offers it for
    processors, memory and disk; None where that is not known. *by_placement*: the scheduler asks Placement for the devices.
    """

    name: str
    host: str
    facts: Mapping[str, Any] | None
    state: Mapping[str, Any] | None
    providers: Sequence[Row] | None = None
    has_room: bool | None = None
    by_placement: bool = False

    @property
    def service(self) -> Service | None:
        return next(iter(services_of({self.host: self.facts}, COMPUTE)), None) if self.facts else None


def judge_compute(request: Request, compute: Compute, aliases: Aliases | None) -> tuple[Layer, ...]:
    """Return the layers of one compute in the order in which a request comes to them; *aliases* are nova-api's."""
    service = compute.service
    if service is None or compute.facts is None or not compute.facts.get("compute"):
        seen = "the host gave no answer" if compute.host else "no host of the play is this compute"
        return (
            _up(compute, None),
            _room(compute),
            unknown(layer.DEVICE, compute.name, seen, "Add it to the inventory's group"),
        )
    asked = aliases if aliases is not None else _own(service)
    layers = [_config(compute, service), _libvirt(compute), _up(compute, service), _restart(compute, service)]
    layers += [_alias(request, compute, service, aliases), _room(compute)]
    if asked is None or any(one.alias not in asked for one in request.devices):
        return (*layers, unknown(layer.DEVICE, compute.name, "what the alias stands for is not known"))
    walk = _Walk(request, compute, asked, service.version)
    return (*layers, *walk.layers())


def _own(service: Service) -> Aliases | None:
    try:
        return service.aliases()
    except NovaRefusal:
        return None


# ---- the service


def _config(compute: Compute, service: Service) -> Layer:
    for refusal in service.refusals:
        seen = f"{refusal['text']} ({refusal['exception']})"
        if service.facts["active"] and service.facts["changed"]:
            return doubt(
                layer.COMPUTE_CONFIG, compute.name, f"{seen}; nova-compute would not start again", refusal["fix"]
            )
        return failed(layer.COMPUTE_CONFIG, compute.name, seen, f"{refusal['fix']}; then {service.restart}")
    return ok(layer.COMPUTE_CONFIG, compute.name, "Nova takes them")


def _libvirt(compute: Compute) -> Layer:
    listening = (compute.facts or {})["compute"]["libvirt"]
    if listening is None:
        return unknown(layer.LIBVIRT, compute.name, "/proc/net/unix could not be read")
    if not listening:
        fix = "systemctl start libvirtd.socket libvirtd there (virtqemud.socket where that is what runs)"
        return failed(layer.LIBVIRT, compute.name, "nobody listens on libvirt's socket", fix)
    return ok(layer.LIBVIRT, compute.name, "on its socket")


def _up(compute: Compute, service: Service | None) -> Layer:
    unit = "nova-compute" if service is None else service.facts["unit"]
    start = f"systemctl start {unit} there; journalctl -u {unit} says why it ended"
    if service is not None and not service.facts["active"]:
        return failed(layer.COMPUTE_SERVICE, compute.name, f"{unit} does not run", start)
    state = compute.state
    if state is None:
        if service is None:
            return unknown(layer.COMPUTE_SERVICE, compute.name, "Nova's list of services is not known")
        seen = f"Nova lists no nova-compute of the name {' or '.join((compute.facts or {})['names'])}"
        fix = "See nova-compute's log; `nova-manage cell_v2 discover_hosts` makes a new compute known to the scheduler"
        return failed(layer.COMPUTE_SERVICE, compute.name, seen, fix)
    if state["status"] != "enabled":
        reason = str(state.get("reason") or "")
        seen = f"its service is disabled{f': {reason}' if reason else ''}"
        fix = f"openstack compute service set --enable {compute.name} nova-compute, once the reason is gone"
        if reason.startswith(_AUTOMATIC):
            fix = f"See libvirt there, then {fix}"
        return failed(layer.COMPUTE_SERVICE, compute.name, seen, fix)
    if state["state"] != "up":
        fix = f"{start}; RabbitMQ or its clock, where it runs" if service is not None else start
        return failed(layer.COMPUTE_SERVICE, compute.name, "Nova counts it as down", fix)
    return ok(layer.COMPUTE_SERVICE, compute.name, "up, enabled")


def _restart(compute: Compute, service: Service) -> Layer:
    changed = service.facts["changed"]
    if service.facts["active"] and changed:
        seen = f"nova-compute started before {', '.join(changed)} changed, and may not know it"
        return doubt(layer.COMPUTE_RESTART, compute.name, seen, f"systemctl restart {service.facts['unit']} there")
    return ok(layer.COMPUTE_RESTART, compute.name, "since the last change of its PCI settings")


def _alias(request: Request, compute: Compute, service: Service, asked: Aliases | None) -> Layer:
    """A compute reads its own alias when a server is resized or migrated, nova-api's counts when one is made."""
    try:
        own = service.aliases()
    except NovaRefusal as refusal:
        seen = f"[pci]alias: {refusal.value!r} {refusal.problem}"
        stops = service.version.checks_alias_at_start and not service.facts["changed"]
        return (failed if stops else doubt)(layer.COMPUTE_ALIAS, compute.name, seen, f"{refusal.fix}; then restart it")
    for one in request.devices:
        if one.alias not in own:
            seen = f"it has no alias {one.alias!r}: resizing and migrating such servers fails"
            return doubt(layer.COMPUTE_ALIAS, compute.name, seen, f"Add [pci]alias as on nova-api: {_ROLE_COMPUTE}")
        if (
            asked is not None
            and one.alias in asked
            and describe_alias(own, one.alias) != describe_alias(asked, one.alias)
        ):
            seen = f"{describe_alias(own, one.alias)} here, {describe_alias(asked, one.alias)} on nova-api"
            return doubt(layer.COMPUTE_ALIAS, compute.name, seen, f"Make [pci]alias the same: {_ROLE_COMPUTE}")
    return ok(layer.COMPUTE_ALIAS, compute.name, "the same as on nova-api" if asked is not None else "defined")


def _room(compute: Compute) -> Layer:
    if compute.has_room is None:
        return unknown(layer.ROOM, compute.name, "Placement could not be asked")
    if not compute.has_room:
        fix = "Free some there or take a smaller flavor; `openstack allocation candidate list` asks the same"
        return failed(
            layer.ROOM, compute.name, "Placement does not offer it for the flavor's size: this is not PCI", fix
        )
    return ok(layer.ROOM, compute.name, "Placement offers it for the flavor's size")


# ---- the devices


class _Walk:
    """The devices of one compute, fewer with each layer, for each alias of the request."""

    def __init__(self, request: Request, compute: Compute, aliases: Aliases, version: NovaVersion) -> None:
        self._request = request
        self._compute = compute
        self._aliases = aliases
        self._version = version
        self._facts: Mapping[str, Any] = (compute.facts or {})["compute"]
        self._rows: list[Row] = list(self._facts["devices"])
        self._left: dict[str, list[Row]] = {}
        self._taken: set[str] = set()  # by an earlier alias of the same request

    def layers(self) -> list[Layer]:
        """Every layer until one fails: what comes behind it would be judged by devices that it took away."""
        found: list[Layer] = []
        steps: list[tuple[str, Callable[[AliasRequest], Layer]]] = [
            (layer.DEVICE, self._there),
            (layer.DEVICE_SPEC, self._matched),
            (layer.DEVICE_TYPE, self._of_type),
            (layer.DEVICE_TAGS, self._of_tags),
            (layer.FREE, self._free),
            (layer.NUMA, self._near),
            (layer.PLACEMENT_INVENTORY, self._in_placement),
            (layer.PLACEMENT_TRAITS, self._with_traits),
            (layer.HYPERVISOR, self._hypervisor),
            (layer.IOMMU, self._iommu),
            (layer.IOMMU_GROUP, self._group),
            (layer.DRIVER, self._driver),
        ]
        for name, step in steps:
            answers = [step(one) for one in self._request.devices]
            bad = first_of(answers, FAILED) or next((one for one in answers if one.state != layer.OK), None)
            seen = "; ".join(dict.fromkeys(one.seen for one in answers))
            found.append(bad or ok(name, self._compute.name, seen))
            if found[-1].state == FAILED:
                break
        return found

    def _specs(self, one: AliasRequest) -> tuple[AliasSpec, ...]:
        return self._aliases[one.alias][1]

    def _ids(self, one: AliasRequest) -> str:
        pairs = (f"{spec.vendor_id or '*'}:{spec.product_id or '*'}".lower() for spec in self._specs(one))
        return " or ".join(dict.fromkeys(pairs))

    def _type_of(self, one: AliasRequest) -> str:
        types = [spec.device_type for spec in self._specs(one)]
        return " or ".join(dict.fromkeys(kind or "any type but type-PF" for kind in types))

    def _fail(self, name: str, seen: str, fix: str) -> Layer:
        return failed(name, self._compute.name, seen, fix)

    def _ok(self, name: str, seen: str) -> Layer:
        return ok(name, self._compute.name, seen)

    def _there(self, one: AliasRequest) -> Layer:
        rows = [row for row in self._rows if any(_has_ids(row, spec) for spec in self._specs(one))]
        self._left[one.alias] = rows
        missing = self._facts["missing"]
        if len(rows) >= one.count or (rows and not missing):
            return self._ok(layer.DEVICE, f"{len(rows)} of {self._ids(one)}: {_addresses(rows)}")
        what = f"it has {len(rows) or 'no'} {self._ids(one)}, {one.alias}:{one.count} is asked for"
        if missing:
            seen = f"{what}; device_spec names {', '.join(missing)}, where nothing is"
            return self._fail(
                layer.DEVICE,
                seen,
                "Look for the card (lspci, dmesg; power it off and on), or take it out of the declaration",
            )
        fix = "Mend the ids of the alias where they are wrong; `nova_pci.passthrough.survey` lists what is there"
        return self._fail(layer.DEVICE, what, fix)

    def _matched(self, one: AliasRequest) -> Layer:
        there = self._left[one.alias]
        rows = [row for row in there if row["keys"] is not None]
        if not rows:
            specs = self._facts["specs"]
            has = (
                f"none of the {len(specs)} lines of device_spec matches"
                if specs
                else "it has no device_spec, so none is offered of"
            )
            fix = f"Name the devices in [pci]device_spec: {_ROLE_COMPUTE}"
            return self._fail(layer.DEVICE_SPEC, f"{has} {_addresses(there)}", fix)
        self._left[one.alias] = rows
        return self._ok(layer.DEVICE_SPEC, f"it matches {_addresses(rows)}")

    def _of_type(self, one: AliasRequest) -> Layer:
        matched = self._left[one.alias]
        rows = [row for row in matched if any(_has_type(row, spec) for spec in self._specs(one))]
        if not rows:
            kinds = ", ".join(sorted({str(row["device_type"]) for row in matched}))
            seen = f"{one.alias} asks for {self._type_of(one)}, {_addresses(matched)} is {kinds}"
            elsewhere = [
                row
                for row in self._rows
                if any(_has_ids(row, spec) and _has_type(row, spec) for spec in self._specs(one))
            ]
            fix = f"Write device_type {kinds} into [pci]alias of nova-api and nova-compute (the declaration's device_type)"
            if elsewhere:
                fix = f"Either name {_addresses(elsewhere)} in device_spec, or {fix[0].lower()}{fix[1:]}"
            return self._fail(layer.DEVICE_TYPE, seen, fix)
        self._left[one.alias] = rows
        return self._ok(layer.DEVICE_TYPE, f"{_addresses(rows)} is {rows[0]['device_type']}")

    def _of_tags(self, one: AliasRequest) -> Layer:
        typed = self._left[one.alias]
        rows = [row for row in typed if fits(Pool(row["keys"], 1), self._specs(one), self._version)]
        if not rows:
            keys = {
                key: value for key, value in typed[0]["keys"].items() if key in ("live_migratable", "remote_managed")
            }
            shown = ", ".join(f"{key} {value}" for key, value in sorted(keys.items())) or "no live_migratable"
            seen = f"{one.alias} does not take {_addresses(typed)}, tagged with {shown}"
            fix = "Give alias and device_spec the same live_migratable; a remote_managed device is for Neutron's ports alone"
            return self._fail(layer.DEVICE_TAGS, seen, fix)
        self._left[one.alias] = rows
        return self._ok(layer.DEVICE_TAGS, "those of alias and device_spec agree")

    def _free(self, one: AliasRequest) -> Layer:
        fitting = self._left[one.alias]
        rows = [row for row in fitting if row["held_by"] in (None, self._request.server or None)]
        rows = [row for row in rows if row["address"] not in self._taken]
        if len(rows) < one.count:
            held = [
                f"{row['address']} is held by the server {row['held_by']}"
                for row in fitting
                if row not in rows and row["held_by"]
            ]
            who = f": {'; '.join(held[:4])}{' ...' if len(held) > 4 else ''}" if held else ""
            seen = f"{len(rows)} of {len(fitting)} are free, {one.alias}:{one.count} is asked for{who}"
            return self._fail(
                layer.FREE, seen, "Delete a server that holds one, hand out more devices, or ask for fewer"
            )
        self._taken |= {row["address"] for row in rows[: one.count]}
        self._left[one.alias] = rows
        return self._ok(layer.FREE, f"{len(rows)} of {len(fitting)}, {one.count} asked for")

    def _near(self, one: AliasRequest) -> Layer:
        cells = self._request.numa_cells
        policy = self._request.policy(self._aliases[one.alias][0])
        if cells is None:
            return self._ok(layer.NUMA, "the flavor asks for no NUMA topology, so no policy has an effect")
        if cells > self._facts["numa_nodes"]:
            seen = f"the flavor asks for {cells} NUMA nodes, the host has {self._facts['numa_nodes']}"
            return self._fail(layer.NUMA, seen, "Lower hw:numa_nodes in the flavor")
        if policy == _NEVER_MATTERS:
            return self._ok(layer.NUMA, f"{policy}: any node will do")
        rows = self._left[one.alias]
        nodes: dict[int, int] = {}
        nowhere = 0
        for row in rows:
            if row["numa_node"] is None:
                nowhere += 1
            else:
                nodes[row["numa_node"]] = nodes.get(row["numa_node"], 0) + 1
        best = sum(sorted(nodes.values(), reverse=True)[:cells]) + (nowhere if policy == "legacy" else 0)
        if best < one.count:
            spread = ", ".join(
                [
                    *(f"{count} on node {node}" for node, count in sorted(nodes.items())),
                    *([f"{nowhere} on none"] if nowhere else []),
                ]
            )
            seen = f"policy {policy} wants {one.count} beside the server's {cells} NUMA cell(s), there are {spread}"
            return self._fail(
                layer.NUMA,
                seen,
                "Use numa_policy preferred in the alias, or hw:pci_numa_affinity_policy=preferred in the flavor",
            )
        return self._ok(layer.NUMA, f"policy {policy} can be held")

    # ---- Placement

    def _wanted(self, one: AliasRequest) -> list[tuple[str, frozenset[str]]]:
        return [
            (resource_class(spec.resource_class, spec.vendor_id or "", spec.product_id or ""), traits(spec.traits))
            for spec in self._specs(one)
        ]

    def _in_placement(self, one: AliasRequest) -> Layer:
        if not self._compute.by_placement:
            return self._ok(layer.PLACEMENT_INVENTORY, "the scheduler does not ask it for PCI devices")
        service = self._compute.service
        if service is not None and not service.facts["report_in_placement"]:
            seen = "pci_in_placement is on, but this compute has no [pci]report_in_placement, so Placement knows none of its devices"
            return self._fail(
                layer.PLACEMENT_INVENTORY, seen, "Run the role compute with pci_passthrough_placement: schedule"
            )
        if self._compute.providers is None:
            return unknown(layer.PLACEMENT_INVENTORY, self._compute.name, "Placement could not be asked")
        classes = {name for name, _traits in self._wanted(one)}
        free = sum(_free_of(provider, classes) for provider in self._compute.providers)
        if free < one.count:
            seen = f"of {' or '.join(sorted(classes))} it has {free} free, {one.count} are asked for ({self._inventories(classes)})"
            fix = "Give alias and device_spec the same resource_class; free what is used; a one_time_use device stays reserved until"
            return self._fail(layer.PLACEMENT_INVENTORY, seen, f"{fix} somebody sets reserved to 0")
        return self._ok(layer.PLACEMENT_INVENTORY, f"{free} free of {' or '.join(sorted(classes))}")

    def _inventories(self, classes: set[str]) -> str:
        rows = [
            f"{provider['name']} {one['used']} used, {one['reserved']} reserved of {one['total']}"
            for provider in self._compute.providers or ()
            for name, one in provider["inventories"].items()
            if name in classes
        ]
        others = sorted({name for provider in self._compute.providers or () for name in provider["inventories"]})
        return "; ".join(rows[:4]) or f"it has {', '.join(others) or 'no PCI device at all'}"

    def _with_traits(self, one: AliasRequest) -> Layer:
        wanted = self._wanted(one)
        if (
            not self._compute.by_placement
            or self._compute.providers is None
            or not any(named for _class, named in wanted)
        ):
            return self._ok(layer.PLACEMENT_TRAITS, "none are asked for")
        fitting = [
            provider
            for provider in self._compute.providers
            if any(name in provider["inventories"] and named <= set(provider["traits"]) for name, named in wanted)
        ]
        free = sum(_free_of(provider, {name for name, _named in wanted}) for provider in fitting)
        if free < one.count:
            names = ", ".join(sorted({trait for _class, named in wanted for trait in named}))
            seen = f"{free} free devices have the traits {names}, {one.count} are asked for"
            return self._fail(
                layer.PLACEMENT_TRAITS,
                seen,
                "Give the devices these traits in device_spec, or take them out of the alias",
            )
        return self._ok(layer.PLACEMENT_TRAITS, f"{free} devices have them")

    # ---- below Nova

    def _hypervisor(self, _one: AliasRequest) -> Layer:
        kind = self._facts["virt_type"]
        if kind not in _HYPERVISORS:
            return self._fail(
                layer.HYPERVISOR,
                f"[libvirt]virt_type is {kind}, which passes no devices through",
                "Set it to kvm or qemu",
            )
        if kind == "kvm" and not self._facts["kvm"]:
            fix = "Switch VT-x / AMD-V on in the firmware; modprobe kvm_intel or kvm_amd says the kernel's reason"
            return self._fail(layer.HYPERVISOR, "[libvirt]virt_type is kvm, and there is no /dev/kvm", fix)
        return self._ok(layer.HYPERVISOR, kind)

    def _iommu(self, _one: AliasRequest) -> Layer:
        iommu = self._facts["iommu"]
        if not iommu["enabled"]:
            seen = f"it is off: {iommu['reason'] or 'no IOMMU groups'}"
            return self._fail(
                layer.IOMMU, seen, f"{_ROLE_HOST[0].upper()}{_ROLE_HOST[1:]} with pci_passthrough_reboot: true"
            )
        return self._ok(layer.IOMMU, "groups are there")

    def _group(self, one: AliasRequest) -> Layer:
        free = self._left[one.alias]
        asked = {row["address"] for rows in self._left.values() for row in rows if row["managed"]}
        several = sum(other.count for other in self._request.devices) > 1
        blocked = {}
        for row in free:
            others = [other for other in row["group_blockers"] if not (several and other["address"] in asked)]
            if others:
                blocked[row["address"]] = f"of group {row['iommu_group']}, {others[0]['address']} {others[0]['why']}"
        rows = [row for row in free if row["address"] not in blocked]
        if len(rows) < one.count:
            shown = "; ".join(f"{address} cannot be given out: {why}" for address, why in list(blocked.items())[:4])
            fix = "Declare the other members of the group too, so that they are on vfio-pci, or use a slot with a group of its own"
            return self._fail(layer.IOMMU_GROUP, shown, fix)
        self._left[one.alias] = rows
        return self._ok(layer.IOMMU_GROUP, f"that of {_addresses(rows)} holds nothing that the host keeps")

    def _driver(self, one: AliasRequest) -> Layer:
        if self._facts["vfio_pci"] == "missing":
            seen = f"the kernel {self._facts['kernel_release']} has no vfio-pci"
            return self._fail(
                layer.DRIVER, seen, "Boot one of the distribution that has it; then run the role host there"
            )
        rows = self._left[one.alias]
        fit = [row for row in rows if row["managed"] or "vfio" in (row["driver"] or "")]
        if len(fit) < one.count:
            row = next(row for row in rows if row not in fit)
            seen = f"{row['address']} is tagged managed: no and is bound to {row['driver'] or 'no driver'}, not to vfio-pci"
            return self._fail(layer.DRIVER, seen, f"Bind it: {_ROLE_HOST}")
        odd = [row for row in rows if row["planned_driver"] not in (None, "native", row["driver"])]
        if odd:
            row = odd[0]
            seen = f"{row['address']} is bound to {row['driver'] or 'no driver'}, devices.conf says {row['planned_driver']}"
            return doubt(
                layer.DRIVER, self._compute.name, seen, f"{_ROLE_HOST[0].upper()}{_ROLE_HOST[1:]}: it binds it again"
            )
        used = [row for row in rows if row["uses"]]
        if used:
            seen = f"the host itself uses {used[0]['address']}: {used[0]['uses'][0]}"
            return doubt(layer.DRIVER, self._compute.name, seen, "Take it out of device_spec, or stop that use")
        return self._ok(layer.DRIVER, ", ".join(sorted({str(row["driver"] or "none yet") for row in rows})))


def _has_ids(row: Row, spec: AliasSpec) -> bool:
    return all(
        wanted is None or wanted.lower() == row[key]
        for key, wanted in (("vendor_id", spec.vendor_id), ("product_id", spec.product_id))
    )


def _has_type(row: Row, spec: AliasSpec) -> bool:
    if spec.device_type is None:
        return bool(row["device_type"] != TYPE_PF)
    return bool(row["device_type"] == spec.device_type)


def _free_of(provider: Row, classes: set[str]) -> int:
    return sum(
        max(0, one["total"] - one["reserved"] - one["used"])
        for name, one in provider["inventories"].items()
        if name in classes
    )


def _addresses(rows: Sequence[Row]) -> str:
    shown = ", ".join(str(row["address"]) for row in rows[:4])
    return shown if len(rows) <= 4 else f"{shown} and {len(rows) - 4} more"
