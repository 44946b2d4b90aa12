# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of ``pci_passthrough_devices`` against one release of Nova: one function each, told together by CHECKS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from .declaration import DeviceEntry
from .declared_alias import declared_aliases
from .errors import InputProblem, PassthroughError, SeveralProblems
from .lint_finding import ERROR, INFO, WARNING, Finding
from .model import TYPE_VF
from .nova_release import (
    LIVE_MIGRATABLE_MINIMUM,
    NovaVersion,
    first_with_numa_policy,
    first_with_option,
    first_with_tag,
    too_old,
)

_PLACEMENT_TAGS = ("resource_class", "traits")


@dataclass(frozen=True)
class Ground:
    """What the entries are held against; None: not known, then not held against it."""

    version: NovaVersion
    placement: str | None = None  # pci_passthrough_placement: none, report or schedule
    libvirt: tuple[int, int, int] | None = None
    qemu: tuple[int, int, int] | None = None

    @property
    def unreported(self) -> bool:
        return self.placement == "none"


def lint_declaration(entries: Sequence[DeviceEntry], ground: Ground) -> Iterator[Finding]:
    """Everything there is to say about entries that parse_declaration() let pass."""
    yield from _placement_too_new(ground)
    for entry in entries:
        for check in CHECKS:
            yield from check(entry, ground)


def problem_findings(error: PassthroughError, check: str) -> Iterator[Finding]:
    """The problems of the input as findings: of the declaration's grammar, of the devices that it selects."""
    for problem in error.problems if isinstance(error, SeveralProblems) else (error,):
        if isinstance(problem, InputProblem):
            yield Finding(ERROR, check, problem.entry, str(problem.value), _sentence(problem.problem), problem.fix)


def _placement_too_new(ground: Ground) -> Iterator[Finding]:
    needed = {"report": "report_in_placement", "schedule": "pci_in_placement"}.get(ground.placement or "")
    first = None if needed is None else first_with_option(needed)
    if first is not None and ground.version < first:
        effect = f"{ground.version.label} ignores {needed}, which only {first.label} and later know"
        fix = "Write pci_passthrough_placement: none, or upgrade Nova"
        yield Finding(
            ERROR, "declared-placement-too-new", "pci_passthrough_placement", str(ground.placement), effect, fix
        )


def _tags_too_new(entry: DeviceEntry, ground: Ground) -> Iterator[Finding]:
    for tag, value in entry.tags:
        first = first_with_tag(tag)
        if first is not None and tag not in ground.version.device_spec_tags:
            effect = f"{ground.version.label} ignores {tag}, which only {first.label} and later know"
            yield _finding(ERROR, "declared-tag-too-new", entry, tag, value, effect, f"Remove {tag}, or upgrade Nova")


def _policy_too_new(entry: DeviceEntry, ground: Ground) -> Iterator[Finding]:
    policy = entry.numa_policy
    first = None if policy is None else first_with_numa_policy(policy)
    if first is not None and policy not in ground.version.numa_policies:
        effect = f"{ground.version.label} refuses the alias, as only {first.label} and later know {policy}"
        fix = f"Write one of {', '.join(sorted(ground.version.numa_policies))}, or upgrade Nova"
        yield _finding(ERROR, "declared-policy-too-new", entry, "numa_policy", policy, effect, fix)


def _incomplete_alias(entry: DeviceEntry, ground: Ground) -> Iterator[Finding]:
    if entry.alias is None:
        return
    try:
        declared_aliases([entry], ground.version, ground.placement == "schedule")
    except PassthroughError as error:
        yield from problem_findings(error, "declared-alias-incomplete")


def _policy_without_alias(entry: DeviceEntry, _ground: Ground) -> Iterator[Finding]:
    if entry.alias is None and entry.numa_policy is not None:
        effect = "Nova knows a NUMA policy of an alias only, and this entry has none"
        yield _finding(
            WARNING,
            "declared-policy-unused",
            entry,
            "numa_policy",
            entry.numa_policy,
            effect,
            "Remove it, or add an alias",
        )


def _one_time_use(entry: DeviceEntry, ground: Ground) -> Iterator[Finding]:
    value = dict(entry.tags).get("one_time_use")
    if value is None or "one_time_use" not in ground.version.device_spec_tags:
        return
    if entry.alias_type == TYPE_VF:
        effect = "nova-compute would not start: one_time_use is for whole devices, and refused for virtual functions even as no"
        yield _finding(ERROR, "declared-one-time-use", entry, "one_time_use", value, effect, "Remove one_time_use")
    elif value == "true" and ground.unreported:
        effect = "nova-compute would not start: one_time_use needs report_in_placement"
        fix = "Set pci_passthrough_placement: report, or remove one_time_use"
        yield _finding(ERROR, "declared-one-time-use", entry, "one_time_use", value, effect, fix)


def _live_migratable(entry: DeviceEntry, ground: Ground) -> Iterator[Finding]:
    value = dict(entry.tags).get("live_migratable")
    if value is None or "live_migratable" not in ground.version.device_spec_tags:
        return
    for name, here, needed in too_old((ground.libvirt, ground.qemu), LIVE_MIGRATABLE_MINIMUM):
        effect = f"nova-compute would not start: live_migratable, even no, needs {name} {needed}, and here is {here}"
        fix = f"Update {name}, or remove live_migratable"
        yield _finding(ERROR, "declared-live-migratable", entry, "live_migratable", value, effect, fix)
    if value == "false":
        effect = "Nova keeps these devices for aliases with live_migratable no; any other alias takes them too"
        fix = "Remove it, unless an alias of that kind asks for them"
        yield _finding(INFO, "declared-live-migratable", entry, "live_migratable", value, effect, fix)


def _not_reported(entry: DeviceEntry, ground: Ground) -> Iterator[Finding]:
    for tag, value in entry.tags:
        if tag in _PLACEMENT_TAGS and tag in ground.version.device_spec_tags and ground.unreported:
            effect = f"Nova ignores {tag} while report_in_placement is off"
            fix = f"Set pci_passthrough_placement: report, or remove {tag}"
            yield _finding(WARNING, "declared-not-reported", entry, tag, value, effect, fix)


def _taken_by_neutron(entry: DeviceEntry, _ground: Ground) -> Iterator[Finding]:
    network = dict(entry.tags).get("physical_network", "")
    if entry.alias is not None and network != "":
        effect = (
            f"Nova gives the devices to ports of Neutron and to flavors with {entry.alias!r} alike, whoever comes first"
        )
        fix = "Keep either the alias or physical_network in one entry"
        yield _finding(WARNING, "declared-two-users", entry, "physical_network", network, effect, fix)


CHECKS: tuple[Callable[[DeviceEntry, Ground], Iterator[Finding]], ...] = (
    _tags_too_new,
    _policy_too_new,
    _incomplete_alias,
    _policy_without_alias,
    _one_time_use,
    _live_migratable,
    _not_reported,
    _taken_by_neutron,
)


def _finding(
    severity: str, check: str, entry: DeviceEntry, key: str, value: str | None, effect: str, fix: str
) -> Finding:
    return Finding(severity, check, f"{entry.place}.{key}", "null" if value is None else value, effect, fix)


def _sentence(problem: str) -> str:
    return f"It {problem}"
