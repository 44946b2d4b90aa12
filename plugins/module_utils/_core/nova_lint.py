# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong or doubtful in a host's Nova configuration and in the declaration, before Nova says so by failing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

from .config_search import Source
from .declaration import DeviceEntry, parse_declaration
from .errors import MachineProblem, PassthroughError, raise_problems
from .lint_alias import lint_alias, lint_alias_between
from .lint_config import lint_config, lint_placement_between
from .lint_declaration import Ground, lint_declaration, problem_findings
from .lint_finding import ERROR, WARNING, Finding, finding_table, in_order, place_of
from .lint_spec import lint_spec
from .model import HostInventory
from .nova_release import NovaVersion, parse_release
from .nova_service import COMPUTE, DAEMON, NovaNode, NovaService
from .override import overrule, parse_overrides
from .selection import Identity, select
from .service_config import ServiceConfig
from .service_start import old_software
from .service_view import ServiceView


@dataclass(frozen=True)
class Declared:
    """What the user declared: *devices* as written, *placement* the variable pci_passthrough_placement; None: not said.

    *identities* are the MACs kept from an earlier run (devices_conf.py), *overrides* the variable
    pci_passthrough_overrides as written.
    """

    devices: object = None
    placement: str | None = None
    identities: tuple[Identity, ...] = ()
    overrides: object = ()


def release_to_lint(node: NovaNode, release: object) -> NovaVersion:
    """Return the release to hold everything against: the one asked for, which may be one to come, else the installed."""
    if release:
        return parse_release(release, "release")
    if node.version is None:
        fix = 'Say which release is meant, as in release: "2024.1"'
        raise MachineProblem("Nova's version", "cannot be told from what is installed", fix)
    return node.version


def node_of_files(host: NovaNode, service: str, texts: Mapping[str, str | None]) -> NovaNode:
    """Return *host* as if *service* alone ran there and read just these files, in their order; a text of None is missing."""
    fix = "Name files of this host that exist, by their whole path"
    raise_problems([MachineProblem(path, "cannot be read", fix) for path, text in texts.items() if text is None])
    given = {path: text for path, text in texts.items() if text is not None}
    config = ServiceConfig.of_texts(service, [Source((path,), required=True) for path in given], given)
    services = (NovaService(service, f"{service}.service", DAEMON, False, config),)
    return replace(host, services=services, texts=given, unreadable=())


def lint(
    node: NovaNode, version: NovaVersion, inventory: HostInventory, declared: Declared | None = None
) -> tuple[Finding, ...]:
    """Return all findings, the worst first. The devices count where nova-compute runs."""
    if declared is not None:
        inventory = _overruled(inventory, declared)
    views = [ServiceView(service.name, service.config, version, inventory.devices) for service in node.services]
    findings = [*_unread(node)]
    for view in views:
        findings += [*lint_config(view), *lint_spec(view), *lint_alias(view), *_old_software(view, node)]
    findings += [*lint_alias_between(views), *lint_placement_between(views)]
    if declared is not None:
        findings += _declared(declared, node, version, inventory)
    return in_order(findings)


def _overruled(inventory: HostInventory, declared: Declared) -> HostInventory:
    try:
        return overrule(inventory, parse_overrides(declared.overrides)).inventory
    except PassthroughError:
        return inventory  # told with the declaration


def result_of(findings: tuple[Finding, ...], fail: bool) -> dict[str, Any]:
    """The findings as the module returns them; with *fail*, an error among them is the module's failure."""
    errors = [finding for finding in findings if finding.severity == ERROR]
    result: dict[str, Any] = {
        "changed": False,
        "findings": [finding.to_dict() for finding in findings],
        "error_count": len(errors),
        "warning_count": sum(finding.severity == WARNING for finding in findings),
        "table": finding_table(findings),
    }
    if errors and fail:
        result.update(failed=True, msg="Nova would fail with this:\n" + "\n".join(finding_table(errors)))
    return result


def _unread(node: NovaNode) -> Iterator[Finding]:
    for what, why in node.unreadable:
        effect = f"This could not be read ({why}), so nothing is said about it"
        yield Finding(WARNING, "unreadable", what, "", effect, "Run it as root")
    if not node.services:
        effect = "No service of Nova was found, so there is no configuration to look at"
        yield Finding(WARNING, "no-service", "this host", "", effect, "Name files with config_files, or another host")


def _old_software(view: ServiceView, node: NovaNode) -> Iterator[Finding]:
    if view.name != COMPUTE:
        return
    for refusal in old_software(view, node.libvirt_version, node.qemu_version):
        (line, *_others) = [
            line for line in view.spec_lines if any(dict(spec.tags).get("live_migratable") for spec in line.specs)
        ]
        effect = f"nova-compute would not start: {refusal.value} {refusal.problem} ({refusal.exception})"
        yield Finding(ERROR, "spec-live-migratable", place_of(line.origin), line.origin.value, effect, refusal.fix)


def _declared(declared: Declared, node: NovaNode, version: NovaVersion, inventory: HostInventory) -> Iterator[Finding]:
    try:
        entries: tuple[DeviceEntry, ...] = () if declared.devices is None else parse_declaration(declared.devices)
        overrides = parse_overrides(declared.overrides)
    except PassthroughError as error:
        yield from problem_findings(error, "declared-wrong")
        return
    ground = Ground(version, declared.placement, node.libvirt_version, node.qemu_version)
    yield from lint_declaration(entries, ground)
    if node.service(COMPUTE):
        for problem in select(inventory, entries, declared.identities, overrides).problems:
            yield from problem_findings(problem, "declared-devices")
