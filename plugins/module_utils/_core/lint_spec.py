# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The checks of [pci]device_spec (passthrough_whitelist): one function each, told together by CHECKS."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from typing import Any

from .device_spec import ANY, DeviceSpec
from .errors import NovaRefusal
from .lint_finding import ERROR, INFO, WARNING, Finding, place_of
from .listing import listed
from .model import TYPE_PF, PciDevice
from .nearest import as_key, did_you_mean, nearest
from .nova_address import RegexAddress
from .nova_release import first_with_tag
from .nova_service import COMPUTE
from .ownership import TOOL
from .pci_pools import tracked
from .placement_rules import providers
from .service_start import spec_effect
from .service_view import ServiceView, SpecLine, set_by_variable
from .truth import truth

KEYS = ("vendor_id", "product_id", "address", "devname")
_ADDRESS_KEYS = ("domain", "bus", "slot", "function")
_ONE_DIGIT = re.compile(r"[0-9a-f]\Z")
_UPPER_CASE = re.compile(r"(?<!\\)[A-F]")
_PLACEMENT_TAGS = ("resource_class", "traits")
_NO_HARM = ("guest", TOOL)  # what Nova may well hand out: it did, or another tool made it ready
_SHOWN = 4


def lint_spec(view: ServiceView) -> Iterator[Finding]:
    """Everything there is to say about the device_spec that one service gets."""
    if set_by_variable(view.spec_setting):  # lint_config.py tells of it
        return
    if view.name != COMPUTE:
        yield from _elsewhere(view)
        return
    for line in view.spec_lines:
        if line.refusal is not None:
            yield _refused(line, line.refusal, view)
            continue
        for check in LINE_CHECKS:
            yield from check(line, view)
        for spec in line.specs:
            for spec_check in SPEC_CHECKS:
                yield from spec_check(spec, line, view)
    yield from _repeated(view)
    if view.devices is not None:
        yield from _unreached(view)
        yield from _refused_by_placement(view) if view.report_in_placement else _with_its_functions(view)


# ---- lines


def _refused(line: SpecLine, refusal: NovaRefusal, view: ServiceView) -> Finding:
    effect = f"The value {refusal.problem}; {spec_effect(view.name)} ({refusal.exception})"
    if has_comment(line.value):
        fix = "Move the comment to a line of its own: in a value, # is part of the value"
        return _finding(ERROR, "trailing-comment", line, effect, fix)
    return _finding(ERROR, "spec-refused", line, effect, refusal.fix)


def has_comment(value: str) -> bool:
    """Whether the JSON of *value* is followed by what looks like a comment."""
    return re.search(r"[}\]]\s+[#;]", value) is not None


def _elsewhere(view: ServiceView) -> Iterator[Finding]:
    fix = "Move it to a file that nova-compute alone reads, as /etc/nova/nova-compute.conf.d/*.conf"
    for line in view.spec_lines:
        if line.refusal is None:
            effect = f"{view.name} reads it too; one that names an interface or a tag of computes alone would stop {view.name}"
            yield _finding(WARNING, "spec-on-controller", line, effect, fix)
        else:
            effect = f"{view.name} reads it too: the value {line.refusal.problem}; {spec_effect(view.name)}"
            yield _finding(ERROR, "spec-on-controller", line, effect, fix)


def _empty(line: SpecLine, _view: ServiceView) -> Iterator[Finding]:
    if not line.specs:
        effect = "Nova takes no device for an empty list; it does not clear the other lines either"
        yield _finding(INFO, "spec-empty", line, effect, "Remove the line")


def _unknown_address_keys(line: SpecLine, _view: ServiceView) -> Iterator[Finding]:
    for given in _objects(line.value):
        address = given.get("address")
        for key in address if isinstance(address, dict) else ():
            if key not in _ADDRESS_KEYS:
                effect = f"Nova ignores {key!r} in an address, so that it does not narrow the entry down"
                yield _finding(ERROR, "spec-address-key", line, effect, _did_you_mean(key, _ADDRESS_KEYS))


LINE_CHECKS: tuple[Callable[[SpecLine, ServiceView], Iterator[Finding]], ...] = (_empty, _unknown_address_keys)


# ---- one entry of a line


def _everything(spec: DeviceSpec, line: SpecLine, _view: ServiceView) -> Iterator[Finding]:
    if _selects_nothing_certain(spec):
        effect = "Nova takes every PCI device of the host for it, bridges and the host's own disks among them"
        yield _finding(ERROR, "spec-matches-everything", line, effect, "Add vendor_id and product_id, or an address")


def _unknown_keys(spec: DeviceSpec, line: SpecLine, view: ServiceView) -> Iterator[Finding]:
    known = (*KEYS, *sorted(view.version.device_spec_tags))
    for tag, _value in spec.tags:
        first = first_with_tag(tag)
        if tag in view.version.device_spec_tags:
            continue
        if first is None:
            selects = nearest(tag.lower(), KEYS)
            effect = f"Nova does not know {tag!r} and keeps it as a tag that selects nothing"
            yield _finding(ERROR if selects else WARNING, "spec-unknown-key", line, effect, _did_you_mean(tag, known))
        else:
            effect = f"{view.version.label} ignores {tag!r}, which only {first.label} and later know"
            yield _finding(WARNING, "spec-tag-too-new", line, effect, f"Remove {tag}, or upgrade Nova")


def _upper_case(spec: DeviceSpec, line: SpecLine, _view: ServiceView) -> Iterator[Finding]:
    for key, pattern in _patterns(spec):
        if _UPPER_CASE.search(pattern) and "(?i" not in pattern:
            effect = f"Nova matches {key} {pattern!r} against lower-case digits, so its capital letters never match"
            yield _finding(ERROR, "spec-upper-case", line, effect, f"Write {key}: {pattern.lower()!r}")


def _prefix(spec: DeviceSpec, line: SpecLine, _view: ServiceView) -> Iterator[Finding]:
    for key, pattern in _patterns(spec):
        if key in ("bus", "slot") and _ONE_DIGIT.match(pattern):
            effect = f"Nova matches {key} {pattern!r} from its start, so it means {pattern}0 to {pattern}f"
            fix = f'Write {key}: "0{pattern}", or "{pattern}." where all of these are meant'
            yield _finding(WARNING, "spec-prefix", line, effect, fix)


def _devname(spec: DeviceSpec, line: SpecLine, view: ServiceView) -> Iterator[Finding]:
    if spec.devname is not None and not view.report_in_placement:  # with it, placement's own rule refuses it
        effect = (
            f"Nova finds {spec.devname!r} only while it has its own driver; bound to vfio-pci it has no such interface"
        )
        yield _finding(WARNING, "spec-devname", line, effect, "Name the device by its address")


def _traits_list(spec: DeviceSpec, line: SpecLine, _view: ServiceView) -> Iterator[Finding]:
    traits = dict(spec.tags).get("traits")
    if traits is not None and not isinstance(traits, str):
        effect = (
            "nova-compute fails at traits that are no text (AttributeError with report_in_placement, else ValueError)"
        )
        yield _finding(ERROR, "spec-traits", line, effect, 'Write them as one text with commas, "HW_A,CUSTOM_B"')


def _needs_reporting(spec: DeviceSpec, line: SpecLine, view: ServiceView) -> Iterator[Finding]:
    known = view.version.device_spec_tags
    given = [tag for tag, _value in spec.tags if tag in _PLACEMENT_TAGS and tag in known]
    if given and not view.report_in_placement:
        effect = f"Nova ignores {' and '.join(given)} while report_in_placement is off"
        yield _finding(
            WARNING, "spec-not-reported", line, effect, "Set report_in_placement = true in [pci] of nova-compute"
        )


def _nothing(spec: DeviceSpec, line: SpecLine, view: ServiceView) -> Iterator[Finding]:
    if view.devices is not None and not _matched(spec, view):
        effect = "Nova finds no device of this host for it"
        yield _finding(WARNING, "spec-matches-nothing", line, effect, "Compare it with lspci -nnD, or remove it")


def _bridges(spec: DeviceSpec, line: SpecLine, view: ServiceView) -> Iterator[Finding]:
    bridges = [device for device in _matched(spec, view) if device.is_bridge]
    if bridges:
        effect = f"Nova offers bridges to guests, which libvirt then refuses: {_named(bridges)}"
        yield _finding(WARNING, "spec-bridge", line, effect, "Name the devices behind them")


def _needed_by_host(spec: DeviceSpec, line: SpecLine, view: ServiceView) -> Iterator[Finding]:
    for device in _matched(spec, view):
        use = next((use for use in device.uses if use.kind not in _NO_HARM), None)
        if use is not None:
            effect = f"Nova would give {device.label} to a guest while the host needs it: {use.detail}"
            yield _finding(ERROR, "spec-host-device", line, effect, "Narrow the entry down to devices that are free")


SPEC_CHECKS: tuple[Callable[[DeviceSpec, SpecLine, ServiceView], Iterator[Finding]], ...] = (
    _everything,
    _unknown_keys,
    _upper_case,
    _prefix,
    _devname,
    _traits_list,
    _needs_reporting,
    _nothing,
    _bridges,
    _needed_by_host,
)


# ---- all lines together


def _repeated(view: ServiceView) -> Iterator[Finding]:
    first: dict[str, SpecLine] = {}
    for line in view.spec_lines:
        earlier = first.setdefault(line.value, line)
        if earlier is not line:
            effect = f"Nova reads the same value in {place_of(earlier.origin)} already, and the first match counts"
            yield _finding(INFO, "spec-repeated", line, effect, "Remove one of the two lines")


def _unreached(view: ServiceView) -> Iterator[Finding]:
    """Entries that match devices of which an earlier entry has them all."""
    taken = {id(spec) for _device, spec in tracked(view.devices or (), view.specs)}
    values: set[str] = set()
    for line in view.spec_lines:
        for spec in line.specs:
            if id(spec) not in taken and _matched(spec, view) and line.value not in values:
                effect = (
                    "Nova never comes to this entry: earlier ones match all its devices, so its tags have no effect"
                )
                yield _finding(WARNING, "spec-shadowed", line, effect, "Put it before the wider entry, or remove it")
        values.add(line.value)


def _with_its_functions(view: ServiceView) -> Iterator[Finding]:
    """A PF and VFs of it: whoever gets one of the two makes the other unavailable."""
    owner = {device.address: spec for device, spec in tracked(view.devices or (), view.specs)}
    lines = {id(spec): line for line in view.spec_lines for spec in line.specs}
    for card in view.devices or ():
        both = card.device_type == TYPE_PF and card.address in owner
        if not both or not any(function in owner for function in card.virtual_functions):
            continue
        line = lines[id(owner[card.address])]
        alone = f'"function": "[{card.address.function}]"'
        fix = f"Keep the card or its functions; an address object with {alone} means the card alone"
        effect = (
            f"Nova offers {card.label} together with its functions, and each that is taken makes the other unavailable"
        )
        yield _finding(WARNING, "spec-pf-and-vfs", line, effect, fix)


def _refused_by_placement(view: ServiceView) -> Iterator[Finding]:
    """What nova-compute finds wrong with the devices together when it reports them."""
    try:
        providers("", view.devices or (), view.specs, view.version)
    except NovaRefusal as refusal:
        line = _line_of(refusal, view)
        if line is not None and refusal.exception != "AttributeError":  # _traits_list
            effect = f"{refusal.value} {refusal.problem}; nova-compute would not start ({refusal.exception})"
            yield _finding(ERROR, "spec-reporting", line, effect, refusal.fix)


# ---- helpers


def _finding(severity: str, check: str, line: SpecLine, effect: str, fix: str) -> Finding:
    return Finding(severity, check, place_of(line.origin), line.origin.value, effect, fix)


def _line_of(refusal: NovaRefusal, view: ServiceView) -> SpecLine | None:
    """The refusal's value is a device's address or an interface's name."""
    owners = {str(device.address): spec for device, spec in tracked(view.devices or (), view.specs)}
    owner = owners.get(str(refusal.value))
    found = (line for line in view.spec_lines for spec in line.specs if spec is owner or spec.devname == refusal.value)
    return next(found, None)


def _objects(value: str) -> list[dict[str, Any]]:
    """Of a value that Nova takes."""
    found = json.loads(value)
    return [found] if isinstance(found, dict) else list(found)


def _patterns(spec: DeviceSpec) -> tuple[tuple[str, str], ...]:
    return spec.address.patterns if isinstance(spec.address, RegexAddress) else ()


def _selects_nothing_certain(spec: DeviceSpec) -> bool:
    anywhere = spec.devname is None and spec.address is not None and spec.address.matches_everything
    managed = truth(dict(spec.tags).get("remote_managed")) is True  # those have to show a serial number as well
    return anywhere and not managed and (spec.vendor_id, spec.product_id) == (ANY, ANY)


def _matched(spec: DeviceSpec, view: ServiceView) -> list[PciDevice]:
    return [device for device in view.devices or () if spec.matches(device, view.card_of(device))]


def _named(devices: list[PciDevice]) -> str:
    return listed([device.label for device in devices], _SHOWN)


def _did_you_mean(key: str, known: tuple[str, ...]) -> str:
    return did_you_mean(as_key(key), known, f"The keys are {', '.join(known)}")
