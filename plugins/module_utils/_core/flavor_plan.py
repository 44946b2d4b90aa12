# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From declared flavors and those that Nova has to the requests that make them so: pure functions.

Nova can change a flavor's extra specs and description; vcpus, ram, disk, ephemeral, swap and is_public it cannot. Such a
change deletes the flavor and makes it again under the same id and name. Servers keep the copy they were made with.

How a flavor of ours is known
  - extra specs: MANAGED ("created" or "adopted"), and FORMER with a number, together the JSON of what stood before ours;
  - and its id, which own_id() makes from the name: it is there from the first request on, so that a flavor whose extra
    specs could not be set any more is ours all the same.
Why extra specs, and why this name: the description is the administrator's text. Nothing in Nova 22 to 34 looks at an
extra spec in a namespace that it does not know: ComputeCapabilitiesFilter takes names without a colon and
"capabilities:", AggregateInstanceExtraSpecsFilter those without one and "aggregate_instance_extra_specs:"
(nova/scheduler/filters/), nova/scheduler/utils.py "resources" and "trait"; and the check of names with microversion
2.86 passes a namespace that no validator claims (nova/api/validation/extra_specs/validators.py, validate).
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from .cloud_call import COMPUTE, Call
from .errors import InputProblem, PassthroughError, raise_problems
from .flavor_request import FlavorEntry

NAMESPACE = "nova_pci_passthrough"
MANAGED = f"{NAMESPACE}:managed"
FORMER = f"{NAMESPACE}:former"
CREATED = "created"
ADOPTED = "adopted"
SMOKE = "smoke"  # a flavor of the role smoke, which looks after it itself

SIZES = ("vcpus", "ram", "disk", "ephemeral", "swap", "is_public")
_LONGEST = 255  # of an extra spec's value: nova/api/validation/parameter_types.py, metadata
_IDS = uuid.UUID("5f2f7a30-7c53-4a7e-9d0a-6a3d6f3b1c55")


@dataclass(frozen=True)
class Flavor:
    """A flavor as Nova has it. *projects* are those that may use one that is not public."""

    id: str
    name: str
    vcpus: int
    ram: int
    disk: int
    ephemeral: int = 0
    swap: int = 0
    is_public: bool = True
    description: str | None = None
    extra_specs: Mapping[str, str] = field(default_factory=dict)
    projects: tuple[str, ...] = ()

    @property
    def origin(self) -> str | None:
        """CREATED, ADOPTED or SMOKE; None when it is not ours."""
        mark = self.extra_specs.get(MANAGED)
        if mark in (CREATED, ADOPTED, SMOKE):
            return mark
        return CREATED if self.id == own_id(self.name) else None

    @property
    def former(self) -> dict[str, str | None]:
        """What stood before ours, by extra spec: None where nothing did. {} when it cannot be read."""
        pieces = [value for key, value in sorted(self.extra_specs.items()) if key.startswith(FORMER)]
        try:
            found = json.loads("".join(pieces) or "{}")
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    @property
    def shown(self) -> str:
        """For Ansible's diff: one line a value."""
        lines = [f"name: {self.name}", *(f"{size}: {getattr(self, size)}" for size in SIZES)]
        lines += [f"description: {self.description}"] if self.description else []
        lines += [f"{key}: {value}" for key, value in sorted(self.extra_specs.items())]
        return "\n".join(lines) + "\n"

    def to_dict(self) -> dict[str, Any]:
        return {
            "id": self.id,
            "name": self.name,
            **{size: getattr(self, size) for size in SIZES},
            "description": self.description,
            "extra_specs": dict(self.extra_specs),
            "origin": self.origin,
        }


@dataclass(frozen=True)
class FlavorStep:
    """What is done to one flavor. *after* is None when it goes."""

    name: str
    sentence: str
    calls: tuple[Call, ...]
    before: Flavor | None
    after: Flavor | None

    def to_diff(self) -> dict[str, str]:
        sides = {"before": self.before, "after": self.after}
        texts = {side: "" if flavor is None else flavor.shown for side, flavor in sides.items()}
        return {"before_header": f"flavor {self.name}", "after_header": f"flavor {self.name}", **texts}


@dataclass(frozen=True)
class FlavorPlan:
    """*steps* in order; *unlisted* are flavors of ours that the declaration does not name and that stay."""

    steps: tuple[FlavorStep, ...] = ()
    unlisted: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def own_id(name: str) -> str:
    """The id of every flavor that we make under *name*."""
    return str(uuid.uuid5(_IDS, name))


def parse_flavor(raw: Mapping[str, Any], projects: Sequence[str] = ()) -> Flavor:
    """Return the flavor of *raw*, one row of GET /flavors/detail with microversion 2.61 or newer."""
    return Flavor(
        id=raw["id"],
        name=raw["name"],
        vcpus=raw["vcpus"],
        ram=raw["ram"],
        disk=raw["disk"],
        ephemeral=raw.get("OS-FLV-EXT-DATA:ephemeral", 0),
        swap=raw.get("swap") or 0,  # "" before 2.75 when there is none
        is_public=raw.get("os-flavor-access:is_public", True),
        description=raw.get("description"),
        extra_specs=dict(raw.get("extra_specs", {})),
        projects=tuple(projects),
    )


def plan_flavors(
    wanted: Sequence[FlavorEntry], existing: Iterable[Flavor], adopt: bool = False, prune: bool = False
) -> FlavorPlan:
    """Return the way to *wanted*. Every refusal is raised before anything is done.

    *adopt*: put the property on a flavor that is not ours. *prune*: take back flavors of ours that *wanted* lacks.
    """
    by_name = {flavor.name: flavor for flavor in existing}
    problems: list[PassthroughError] = []
    steps: list[FlavorStep] = []
    notes: list[str] = []
    for entry in wanted:
        found = by_name.get(entry.name)
        refusals = _refusals(entry, found, adopt)
        problems += refusals
        if not refusals:
            steps += _steps(entry, found)
        if found is not None and found.origin != CREATED and entry.description not in (None, found.description):
            notes.append(f"{entry.name}: its description stays as its owner wrote it")
    raise_problems(problems)
    names = {entry.name for entry in wanted}
    rest = [flavor for flavor in by_name.values() if flavor.origin in (CREATED, ADOPTED) and flavor.name not in names]
    if prune:
        steps += [_take_back(flavor) for flavor in rest]
        rest = []
    return FlavorPlan(tuple(steps), tuple(sorted(flavor.name for flavor in rest)), tuple(notes))


def plan_removal(existing: Iterable[Flavor], names: Sequence[str] | None = None) -> FlavorPlan:
    """Return the way back for every flavor of ours, or for those of *names* alone; foreign ones are never touched."""
    ours = [flavor for flavor in existing if flavor.origin in (CREATED, ADOPTED)]
    chosen = [flavor for flavor in ours if names is None or flavor.name in names]
    rest = tuple(sorted(flavor.name for flavor in ours if flavor not in chosen))
    return FlavorPlan(tuple(_take_back(flavor) for flavor in sorted(chosen, key=lambda item: item.name)), rest)


def create_calls(flavor: Flavor) -> tuple[Call, ...]:
    """Make *flavor*; the second request gives it its extra specs, as the first cannot."""
    body = {
        "id": flavor.id,
        "name": flavor.name,
        "vcpus": flavor.vcpus,
        "ram": flavor.ram,
        "disk": flavor.disk,
        "OS-FLV-EXT-DATA:ephemeral": flavor.ephemeral,
        "swap": flavor.swap,
        "os-flavor-access:is_public": flavor.is_public,
        "description": flavor.description,
    }
    return (
        Call(COMPUTE, "POST", "/flavors", {"flavor": body}),
        _set(flavor.id, flavor.extra_specs),
        *(
            Call(
                COMPUTE,
                "POST",
                f"/flavors/{_in_path(flavor.id)}/action",
                {"addTenantAccess": {"tenant": project}},
                (409,),
            )
            for project in flavor.projects
        ),
    )


def delete_call(flavor_id: str) -> Call:
    return Call(COMPUTE, "DELETE", f"/flavors/{_in_path(flavor_id)}", fine=(404,))


def _refusals(entry: FlavorEntry, found: Flavor | None, adopt: bool) -> list[PassthroughError]:
    reserved = [key for key, _value in entry.extra_specs if key.startswith(f"{NAMESPACE}:")]
    if reserved:
        fix = "Leave it out; this collection keeps its own notes there"
        return [InputProblem(f"{entry.place}.extra_specs", reserved[0], "is a name of this collection", fix)]
    if found is None or found.origin == CREATED:
        return []
    if found.origin is None and not adopt:
        return [
            InputProblem(
                f"{entry.place}.name",
                entry.name,
                "is the name of a flavor that this collection did not make",
                "Choose another name, or set flavor_adopt: true to put the devices on the flavor that is there",
            )
        ]
    differ = [size for size in SIZES if getattr(entry, size) != getattr(found, size)]
    if differ:
        have = ", ".join(f"{size}: {getattr(found, size)}" for size in differ)
        problem = "is a flavor that this collection did not make, so it cannot be made again with other sizes"
        return [InputProblem(f"{entry.place}.name", entry.name, problem, f"Write what it has, {have}, or another name")]
    return []


def _steps(entry: FlavorEntry, found: Flavor | None) -> list[FlavorStep]:
    if found is None:
        made = _made(entry, own_id(entry.name))
        return [FlavorStep(entry.name, f"create flavor {entry.name}", create_calls(made), None, made)]
    if any(getattr(entry, size) != getattr(found, size) for size in SIZES):
        return [_again(entry, found)]
    return _change(entry, found)


def _made(entry: FlavorEntry, flavor_id: str) -> Flavor:
    sizes = {size: getattr(entry, size) for size in SIZES}
    specs = {**entry.properties, MANAGED: CREATED, **_notes(dict.fromkeys(entry.properties))}
    return Flavor(flavor_id, entry.name, description=entry.description, extra_specs=specs, **sizes)


def _again(entry: FlavorEntry, found: Flavor) -> FlavorStep:
    """Delete it and make it again, with what an administrator put on it and with the projects that may use it."""
    made = _made(entry, found.id)
    foreign = {key: value for key, value in found.extra_specs.items() if key not in found.former and not _is_note(key)}
    projects = () if entry.is_public else found.projects
    made = replace(made, extra_specs={**foreign, **made.extra_specs}, projects=projects)
    differ = [f"{size} {getattr(found, size)} -> {getattr(made, size)}" for size in SIZES if _differ(size, found, made)]
    sentence = f"delete flavor {entry.name} and create it again: {', '.join(differ)}; servers keep the one they have"
    return FlavorStep(entry.name, sentence, (delete_call(found.id), *create_calls(made)), found, made)


def _differ(size: str, one: Flavor, other: Flavor) -> bool:
    return bool(getattr(one, size) != getattr(other, size))


def _change(entry: FlavorEntry, found: Flavor) -> list[FlavorStep]:
    origin = found.origin or ADOPTED
    former = found.former
    given_back = {key: former[key] for key in former if key not in entry.properties}
    kept = {key: value for key, value in {**found.extra_specs, **given_back}.items() if not _is_note(key)}
    # What was noted in an earlier run is older than what is there. A flavor that we made had nothing before.
    mine = {key: former.get(key, found.extra_specs.get(key)) for key in entry.properties}
    notes = _notes(dict.fromkeys(mine) if origin == CREATED else mine)
    wanted = {**kept, **entry.properties, MANAGED: origin, **notes}
    specs = {key: value for key, value in wanted.items() if value is not None}
    description = entry.description if origin == CREATED else found.description
    after = replace(found, extra_specs=specs, description=description)
    if after == found:
        return []
    calls = list(_spec_calls(found, specs))
    if description != found.description:
        calls.append(Call(COMPUTE, "PUT", f"/flavors/{_in_path(found.id)}", {"flavor": {"description": description}}))
    verb = "adopt" if found.origin is None else "change"
    return [FlavorStep(entry.name, f"{verb} flavor {entry.name}", tuple(calls), found, after)]


def _take_back(flavor: Flavor) -> FlavorStep:
    if flavor.origin == CREATED:
        return FlavorStep(flavor.name, f"delete flavor {flavor.name}", (delete_call(flavor.id),), flavor, None)
    kept = {key: value for key, value in flavor.extra_specs.items() if not _is_note(key)}
    specs = {key: value for key, value in {**kept, **flavor.former}.items() if value is not None}
    sentence = f"give flavor {flavor.name} back its former extra specs"
    return FlavorStep(
        flavor.name, sentence, tuple(_spec_calls(flavor, specs)), flavor, replace(flavor, extra_specs=specs)
    )


def _in_path(text: str) -> str:
    """Of all that Nova takes in a flavor's id and in an extra spec's name, the blank alone cannot stand in a path."""
    return text.replace(" ", "%20")


def _notes(former: Mapping[str, str | None]) -> dict[str, str]:
    text = json.dumps(former, sort_keys=True, separators=(",", ":"))
    starts = range(0, len(text), _LONGEST)
    return {f"{FORMER}{number}": text[start : start + _LONGEST] for number, start in enumerate(starts, 10)}


def _is_note(key: str) -> bool:
    return key.startswith(f"{NAMESPACE}:")


def _set(flavor_id: str, specs: Mapping[str, str]) -> Call:
    return Call(COMPUTE, "POST", f"/flavors/{_in_path(flavor_id)}/os-extra_specs", {"extra_specs": dict(specs)})


def _spec_calls(found: Flavor, specs: Mapping[str, str]) -> Iterable[Call]:
    """First what is set, the mark among it, then what goes: a run that is cut off in between knows the flavor again."""
    new = {key: value for key, value in specs.items() if found.extra_specs.get(key) != value}
    if new:
        yield _set(found.id, new)
    # Our notes go last, for the same reason.
    for key in sorted(set(found.extra_specs) - set(specs), key=lambda name: (_is_note(name), name)):
        yield Call(COMPUTE, "DELETE", f"/flavors/{_in_path(found.id)}/os-extra_specs/{_in_path(key)}", fine=(404,))


def result_of(plan: FlavorPlan, wanted: Sequence[FlavorEntry], existing: Iterable[Flavor]) -> dict[str, Any]:
    """What the module flavors returns: the declared flavors as they are after *plan*."""
    now = {flavor.name: flavor for flavor in existing}
    now.update({step.name: step.after for step in plan.steps if step.after is not None})
    return {
        "changed": bool(plan.steps),
        "actions": [step.sentence for step in plan.steps],
        "flavors": [now[entry.name].to_dict() for entry in wanted],
        "unlisted": list(plan.unlisted),
        "notes": list(plan.notes),
        "diff": [step.to_diff() for step in plan.steps],
    }
