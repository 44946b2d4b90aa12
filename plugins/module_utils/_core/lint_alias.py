# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of [pci]alias: one function each, told together by LINE_CHECKS and WHOLE_CHECKS."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace

from .alias import DEFAULT_NUMA_POLICY, Aliases, AliasSpec, read_aliases
from .errors import NovaRefusal
from .flavor_request import AliasRequest
from .lint_finding import ERROR, INFO, WARNING, Finding, place_of
from .lint_spec import has_comment
from .model import TYPE_PCI, TYPE_PF, TYPE_VF
from .nova_service import API, COMPUTE
from .pci_pools import explain, pools, tracked
from .service_start import alias_effect, reads_alias
from .service_view import AliasLine, ServiceView, set_by_variable

_FOR_PLACEMENT = ("resource_class", "traits")


def lint_alias(view: ServiceView) -> Iterator[Finding]:
    """Everything there is to say about the aliases that one service gets."""
    if not reads_alias(view.name, view.version) or set_by_variable(view.alias_setting):  # lint_config.py tells of that
        return
    for line in view.alias_lines:
        if line.refusal is not None:
            yield _refused(line, line.refusal, view)
        elif line.spec is not None:
            for check in LINE_CHECKS:
                yield from check(line.spec, line, view)
    for whole_check in WHOLE_CHECKS:
        yield from whole_check(view)


def lint_alias_between(views: Sequence[ServiceView]) -> Iterator[Finding]:
    """A create uses the aliases of nova-api, a resize or migration those of nova-compute."""
    compute = next((view for view in views if view.name == COMPUTE), None)
    api = next((view for view in views if view.name == API), None)
    if compute is None or api is None:
        return
    known = {line.spec for line in api.alias_lines if line.spec is not None}
    for line in compute.alias_lines:
        if line.spec is None or line.spec in known:
            continue
        others = [other for other in known if other.name == line.spec.name]
        fix = "Give both services the same alias lines"
        if others:
            effect = (
                f"nova-api reads {line.spec.name!r} differently, so a resize may want other devices than the create did"
            )
            yield _finding(WARNING, "alias-differs", line, effect, fix)
        else:
            effect = f"nova-api does not know {line.spec.name!r} and answers 400 to servers that ask for it"
            yield _finding(WARNING, "alias-missing", line, effect, fix)


# ---- lines


def _refused(line: AliasLine, refusal: NovaRefusal, view: ServiceView) -> Finding:
    effect = f"The value {refusal.problem}, which makes all aliases unusable; {alias_effect(view.name, view.version)}"
    if has_comment(line.value):
        fix = "Move the comment to a line of its own: in a value, # is part of the value"
        return _finding(ERROR, "trailing-comment", line, effect, fix)
    return _finding(ERROR, "alias-refused", line, effect, refusal.fix)


def _no_ids(spec: AliasSpec, line: AliasLine, view: ServiceView) -> Iterator[Finding]:
    named_otherwise = view.pci_in_placement and spec.resource_class is not None
    if spec.has_ids or named_otherwise or view.version.checks_alias_at_start:  # then it is refused as a whole
        return
    effect = (
        f"Nova takes any device with the rest of {spec.name!r} for it; from 31.3.1 on no service would start with it"
    )
    yield _finding(WARNING, "alias-no-ids", line, effect, "Add vendor_id and product_id")


def _no_device_type(spec: AliasSpec, line: AliasLine, _view: ServiceView) -> Iterator[Finding]:
    if spec.device_type is None:
        effect = f"Nova takes type-PCI and type-VF devices for {spec.name!r}, and never a card with SR-IOV"
        yield _finding(WARNING, "alias-no-type", line, effect, "Add device_type: type-PCI, type-PF or type-VF")


def _capability_type(spec: AliasSpec, line: AliasLine, _view: ServiceView) -> Iterator[Finding]:
    if spec.capability_type is not None:
        effect = f"Nova takes capability_type and then finds no device for {spec.name!r}, as no device has one"
        yield _finding(ERROR, "alias-capability-type", line, effect, "Remove capability_type")


def _not_in_placement(spec: AliasSpec, line: AliasLine, view: ServiceView) -> Iterator[Finding]:
    given = [key for key in _FOR_PLACEMENT if getattr(spec, key) is not None]
    if given and not view.pci_in_placement and view.name == API:
        effect = f"Nova ignores {' and '.join(given)} of {spec.name!r} while pci_in_placement is off"
        fix = "Set pci_in_placement = true in [filter_scheduler] of nova-api, nova-scheduler and nova-conductor"
        yield _finding(WARNING, "alias-not-in-placement", line, effect, fix)


def _not_migratable(spec: AliasSpec, line: AliasLine, _view: ServiceView) -> Iterator[Finding]:
    if spec.live_migratable == "false":
        effect = f"Nova takes only devices for {spec.name!r} that are tagged live_migratable no; one without the tag does not do"
        yield _finding(INFO, "alias-live-migratable", line, effect, "Remove live_migratable where any device will do")


def _matches_nothing(spec: AliasSpec, line: AliasLine, view: ServiceView) -> Iterator[Finding]:
    """On the compute: whether one device of its own would do, were it asked for alone."""
    if view.name != COMPUTE or not view.devices or any(known.refusal is not None for known in view.spec_lines):
        return
    if _available(spec, view):
        return
    fix = "Add such devices to device_spec, or leave it to the other computes"
    untyped = next((kind for kind in _other_types(spec) if _available(replace(spec, device_type=kind), view)), None)
    if untyped is not None:
        effect = f"Nova finds no device of this host for {spec.name!r}: the devices with these ids are {untyped}"
        yield _finding(ERROR, "alias-wrong-type", line, effect, f"Write device_type: {untyped}")
    elif tracked(view.devices, view.specs):
        effect = f"Nova finds no device of this host for {spec.name!r}"
        yield _finding(INFO, "alias-matches-nothing", line, effect, fix)


LINE_CHECKS: tuple[Callable[[AliasSpec, AliasLine, ServiceView], Iterator[Finding]], ...] = (
    _no_ids,
    _no_device_type,
    _capability_type,
    _not_in_placement,
    _not_migratable,
    _matches_nothing,
)


# ---- all lines together


def _refused_together(view: ServiceView) -> Iterator[Finding]:
    """What Nova refuses although it takes each line."""
    if any(line.refusal is not None for line in view.alias_lines):
        return
    try:
        read_aliases(view.alias_setting.values, view.version, view.pci_in_placement)
    except NovaRefusal as refusal:
        line = _line_of(refusal, view)
        effect = f"{refusal.value!r} {refusal.problem}, which makes all aliases unusable; {_stops(view)}"
        yield _finding(ERROR, "alias-refused", line, effect, refusal.fix)


def _repeated(view: ServiceView) -> Iterator[Finding]:
    first: dict[AliasSpec, AliasLine] = {}
    for line in view.alias_lines:
        if line.spec is None:
            continue
        earlier = first.setdefault(line.spec, line)
        if earlier is not line:
            effect = f"{view.version.label} reads this alias in {place_of(earlier.origin)} already; with pci_in_placement that is refused"
            yield _finding(WARNING, "alias-repeated", line, effect, "Remove one of the two lines")


def _alternatives_in_placement(view: ServiceView) -> Iterator[Finding]:
    if not view.pci_in_placement or view.version.checks_alias_at_start:
        return
    first: dict[str, AliasLine] = {}
    for line in view.alias_lines:
        if line.spec is not None and first.setdefault(line.spec.name, line) is not line:
            effect = f"Nova fails at every server that asks for {line.spec.name!r}: with pci_in_placement it takes one line each"
            fix = "Keep one line for each alias and give all the devices the same resource_class"
            yield _finding(ERROR, "alias-alternatives", line, effect, fix)


WHOLE_CHECKS: tuple[Callable[[ServiceView], Iterator[Finding]], ...] = (
    _refused_together,
    _repeated,
    _alternatives_in_placement,
)


# ---- helpers


def _finding(severity: str, check: str, line: AliasLine, effect: str, fix: str) -> Finding:
    return Finding(severity, check, place_of(line.origin), line.origin.value, effect, fix)


def _stops(view: ServiceView) -> str:
    return alias_effect(view.name, view.version)


def _line_of(refusal: NovaRefusal, view: ServiceView) -> AliasLine:
    """The refusal's value is a line or, for the rules on all of them, an alias's name."""
    of_it = [line for line in view.alias_lines if line.value == refusal.value]
    of_it += [line for line in view.alias_lines if line.spec is not None and line.spec.name == refusal.value]
    return of_it[-1]


def _other_types(spec: AliasSpec) -> tuple[str, ...]:
    """A type that would make the difference; without one Nova leaves out cards with SR-IOV alone."""
    return tuple(kind for kind in (TYPE_PF, TYPE_PCI, TYPE_VF) if kind != spec.device_type)


def _available(spec: AliasSpec, view: ServiceView) -> int:
    try:
        offered = pools(view.devices or (), view.specs, view.version)
    except NovaRefusal:
        return 1  # lint_spec.py tells of a tag that Nova cannot store
    aliases: Aliases = {spec.name: (DEFAULT_NUMA_POLICY, (spec,))}
    return explain(offered, (AliasRequest(spec.name, 1),), aliases, view.version)[0].available
