# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of the files and options themselves, of the scheduler's filters and of placement: one function each.

Only values of the options named here are ever shown: the files hold passwords.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence

from . import nova_options
from .errors import NovaRefusal
from .lint_finding import ERROR, INFO, WARNING, Finding, place_of
from .nearest import as_key, did_you_mean, nearest
from .nova_release import first_with_option
from .nova_service import API, COMPUTE, CONDUCTOR, SCHEDULER
from .oslo_config import DEFAULT, Assignment, normal_group
from .scheduler_filters import NUMA_FILTER, PCI_FILTER, POLICIES_FOR_NUMA, unknown_filter_fix, unknown_filters
from .service_config import Setting
from .service_start import trouble_refusal
from .service_view import ServiceView, set_by_variable

_PCI = ("device_spec", "passthrough_whitelist", "alias", "report_in_placement")
_SCHEDULING = ("enabled_filters", "available_filters", "pci_in_placement")
_OLD_DEFAULTS = {
    "pci_alias": "alias in [pci]",
    "pci_passthrough_whitelist": "passthrough_whitelist in [pci]",
    "scheduler_default_filters": "enabled_filters in [filter_scheduler]",
    "scheduler_available_filters": "available_filters in [filter_scheduler]",
}
_OURS = {"pci": _PCI, "filter_scheduler": _SCHEDULING, DEFAULT: tuple(_OLD_DEFAULTS)}
_GLUED = re.compile(r"([A-Za-z][A-Za-z0-9_-]*)\s*[=:]")
_ZONES = "AvailabilityZoneFilter"
_CONTROLLERS = (API, SCHEDULER, CONDUCTOR)


def lint_config(view: ServiceView) -> Iterator[Finding]:
    """Everything there is to say about the options that one service gets, but for the lines of device_spec and alias."""
    if view.config.trouble is not None:
        refusal = trouble_refusal(view.config.trouble)
        effect = f"This {refusal.problem}; {view.name} would not start"
        yield Finding(ERROR, "config-syntax", str(refusal.value), "", effect, refusal.fix)
    for check in CHECKS:
        yield from check(view)


# ---- files


def _glued(view: ServiceView) -> Iterator[Finding]:
    """An indented line goes on with the value before it, whatever it looks like."""
    ours = {name for names in _OURS.values() for name in names}
    for one in _assignments(view):
        for line in one.value.split("\n")[1:]:
            found = _GLUED.match(line)
            if found is not None and (found.group(1) in ours or _is_ours(one)):
                effect = f"Nova reads the indented line with {found.group(1)} as a part of {one.name}, not as an option"
                fix = f"Begin {found.group(1)} in the first column"
                yield Finding(ERROR, "indented-key", place_of(one), found.group(1), effect, fix)


def _sections(view: ServiceView) -> Iterator[Finding]:
    for one in _assignments(view):
        bare = normal_group(one.group.strip())
        if bare in ("pci", "filter_scheduler") and normal_group(one.group) != bare:
            effect = f"Nova ignores {one.name}, as [{one.group}] is not the section [{bare}]"
            yield Finding(ERROR, "unknown-section", place_of(one), f"[{one.group}]", effect, f"Write [{bare}]")


def _unknown_options(view: ServiceView) -> Iterator[Finding]:
    for one in _assignments(view):
        elsewhere = one.name in (*_SCHEDULING, *_OLD_DEFAULTS)  # _misplaced tells of these
        if normal_group(one.group) == "pci" and one.name not in _PCI and not elsewhere:
            near = nearest(as_key(one.name), _PCI)
            fix = did_you_mean(as_key(one.name), _PCI, f"The options of [pci] are {', '.join(_PCI)}")
            effect = f"Nova has no option {one.name} in [pci] and ignores it"
            yield Finding(ERROR if near else WARNING, "unknown-option", place_of(one), one.name, effect, fix)


def _misplaced(view: ServiceView) -> Iterator[Finding]:
    """Ours in a section where nobody looks for them."""
    for one in _assignments(view):
        group = normal_group(one.group.strip())
        home = next((home for home, names in _OURS.items() if one.name in names), None)
        if home in (None, group) or one.name == "alias":
            continue
        effect = f"Nova looks for {one.name} in [{home}] and ignores it in [{one.group}]"
        yield Finding(ERROR, "wrong-section", place_of(one), one.name, effect, f"Move it below [{home}]")


def _too_new(view: ServiceView) -> Iterator[Finding]:
    for one in _assignments(view):
        first = first_with_option(one.name) if _is_ours(one) else None
        if first is not None and view.version < first:
            effect = f"{view.version.label} ignores {one.name} without a word; only {first.label} and later know it"
            other = view.version.device_spec_option
            fix = f"Write {other}" if one.name == "device_spec" else f"Remove it, or upgrade to {first.label}"
            yield Finding(ERROR, "option-too-new", place_of(one), one.value, effect, fix)


def _old_names(view: ServiceView) -> Iterator[Finding]:
    version = view.version
    for one in _assignments(view):
        if not _is_ours(one):
            continue
        if one.name == "passthrough_whitelist" and version.device_spec_option != one.name:
            effect = "Nova still reads this old name, and adds its devices to those of device_spec"
            yield Finding(INFO, "option-old-name", place_of(one), one.value, effect, "Write device_spec")
        elif one.name in _OLD_DEFAULTS:
            ignored = one.name.startswith("scheduler") and not version.reads_old_scheduler_names
            effect = f"{version.label} {'ignores' if ignored else 'still reads'} this old name"
            severity = ERROR if ignored else INFO
            fix = f"Write {_OLD_DEFAULTS[one.name]}"
            yield Finding(severity, "option-old-name", place_of(one), one.value, effect, fix)


def _references(view: ServiceView) -> Iterator[Finding]:
    """Values with a $name in them."""
    for setting in _settings(view):
        if setting.problem is not None and setting.origins:
            one = setting.origins[0]
            effect = f"Nova replaces $name by another option's value: {setting.problem}; {view.name} may not start"
            fix = "Write $$ for a dollar sign"
            yield Finding(WARNING, "reference", place_of(one), one.value, effect, fix)


def _environment(view: ServiceView) -> Iterator[Finding]:
    for setting in (view.spec_setting, view.alias_setting):
        if set_by_variable(setting):
            one = setting.origins[0]
            effect = f"{view.name} takes each character of the variable for a value of {one.name} of its own, and refuses them"
            yield Finding(ERROR, "environment", place_of(one), one.value, effect, "Set it in a file instead")


def _truth_values(view: ServiceView) -> Iterator[Finding]:
    for option in (nova_options.REPORT_IN_PLACEMENT, nova_options.PCI_IN_PLACEMENT):
        try:
            view.config.boolean(option.group, option.name)
        except NovaRefusal as refusal:
            one = view.config.last(option.group, option.name).origins[0]
            effect = f"The value is neither true nor false; {view.name} would not start or fail when it looks at it"
            yield Finding(ERROR, "no-truth-value", place_of(one), str(refusal.value), effect, refusal.fix)


# ---- filters


def _unknown_filters(view: ServiceView) -> Iterator[Finding]:
    if view.name == SCHEDULER:
        for name in unknown_filters(view.filters, view.available_filters, view.version):
            effect = (
                f"{view.version.label} has no such filter; nova-scheduler would not start (SchedulerHostFilterNotFound)"
            )
            fix = unknown_filter_fix(name, view.version)
            yield Finding(ERROR, "filter-unknown", _filters_place(view), name, effect, fix)


def _no_pci_filter(view: ServiceView) -> Iterator[Finding]:
    if view.name == SCHEDULER and PCI_FILTER not in view.filters:
        severity = WARNING if view.alias_lines else INFO
        effect = (
            "nova-scheduler sends servers with PCI devices to hosts that have none, where they fail and are tried again"
        )
        yield Finding(severity, "filter-missing", _filters_place(view), PCI_FILTER, effect, f"Add {PCI_FILTER}")


def _no_numa_filter(view: ServiceView) -> Iterator[Finding]:
    asked = [line.spec for line in view.alias_lines if line.spec and line.spec.numa_policy in POLICIES_FOR_NUMA]
    if view.name == SCHEDULER and asked and NUMA_FILTER not in view.filters:
        effect = f"nova-scheduler looks at no NUMA node, so the numa_policy of {asked[0].name!r} fails on the compute at best"
        yield Finding(WARNING, "filter-missing", _filters_place(view), NUMA_FILTER, effect, f"Add {NUMA_FILTER}")


def _no_zone_filter(view: ServiceView) -> Iterator[Finding]:
    by_placement = view.config.last("scheduler", "query_placement_for_availability_zone").values
    if view.name != SCHEDULER or _ZONES not in view.version.default_filters or by_placement:
        return
    if _ZONES not in view.filters:
        effect = f"{view.version.label} looks at availability zones with this filter alone, so servers go to any zone"
        yield Finding(WARNING, "filter-missing", _filters_place(view), _ZONES, effect, f"Add {_ZONES}")


# ---- placement


def _scheduling_without_reports(view: ServiceView) -> Iterator[Finding]:
    if view.name == COMPUTE and view.pci_in_placement and not view.report_in_placement:
        option = nova_options.PCI_IN_PLACEMENT
        one = view.config.last(option.group, option.name).origins[0]
        effect = "Placement knows no PCI device of this host, so no server with an alias is ever sent here"
        fix = "Set report_in_placement = true in [pci] of nova-compute"
        yield Finding(WARNING, "placement-unreported", place_of(one), one.value, effect, fix)


CHECKS: tuple[Callable[[ServiceView], Iterator[Finding]], ...] = (
    _glued,
    _sections,
    _unknown_options,
    _misplaced,
    _too_new,
    _old_names,
    _references,
    _environment,
    _truth_values,
    _unknown_filters,
    _no_pci_filter,
    _no_numa_filter,
    _no_zone_filter,
    _scheduling_without_reports,
)


def lint_placement_between(views: Sequence[ServiceView]) -> Iterator[Finding]:
    """nova-api, nova-scheduler and nova-conductor must agree on pci_in_placement."""
    controllers = [view for view in views if view.name in _CONTROLLERS and view.version.has_pci_in_placement]
    without = [view.name for view in controllers if not view.pci_in_placement]
    having = [view for view in controllers if view.pci_in_placement]
    if having and without:
        option = nova_options.PCI_IN_PLACEMENT
        one = having[0].config.last(option.group, option.name).origins[0]
        effect = f"{having[0].name} asks placement for PCI devices and {', '.join(without)} do not, so servers with an alias fail"
        fix = "Set it where nova-api, nova-scheduler and nova-conductor all read it"
        yield Finding(ERROR, "placement-differs", place_of(one), one.value, effect, fix)


# ---- helpers


def _assignments(view: ServiceView) -> Iterator[Assignment]:
    for file in view.config.files:
        yield from file.assignments


def _is_ours(one: Assignment) -> bool:
    return one.name in _OURS.get(normal_group(one.group), ())


def _settings(view: ServiceView) -> tuple[Setting, ...]:
    return (view.spec_setting, view.alias_setting, view.filters_setting)


def _filters_place(view: ServiceView) -> str:
    origins = view.filters_setting.origins
    return place_of(origins[0]) if origins else f"the default of {view.version.label}"
