# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Why a service of Nova would not start with its configuration, or would fail when it is first asked for a device.

compute: nova/compute/manager.py init_host and nova/virt/libvirt/driver.py _check_pci_whitelist; nova-api and metadata:
nova/api/openstack/wsgi_app.py; all that talk to Neutron: nova/network/neutron.py API; scheduler:
nova/scheduler/host_manager.py.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from . import nova_options
from .alias import read_aliases
from .errors import NovaRefusal
from .model import PciDevice
from .nova_options import NovaOption
from .nova_release import LIVE_MIGRATABLE_MINIMUM, NovaVersion, too_old
from .nova_service import API, COMPUTE, CONDUCTOR, METADATA, SCHEDULER
from .oslo_config import SyntaxTrouble
from .pci_pools import pools
from .placement_rules import providers
from .scheduler_filters import filter_refusal
from .service_config import ServiceConfig
from .service_view import ServiceView

Version = tuple[int, int, int]


def stops(
    service: str,
    config: ServiceConfig,
    version: NovaVersion,
    devices: Sequence[PciDevice] = (),
    libvirt: Version | None = None,
    qemu: Version | None = None,
) -> tuple[NovaRefusal, ...]:
    """Return every reason, the one that Nova itself would name first; none when the service does its work.

    *devices* are those of the host, *libvirt* and *qemu* the versions there; None: not held against anything.
    """
    if config.trouble is not None:
        return (trouble_refusal(config.trouble),)
    view = ServiceView(service, config, version, tuple(devices))
    return tuple(_reasons(view, libvirt, qemu))


def trouble_refusal(trouble: SyntaxTrouble) -> NovaRefusal:
    """What oslo.config raises for a file that it cannot read."""
    fix = "Mend that line: a name begins in the first column, further lines of its value do not"
    if not trouble.line:
        return NovaRefusal(
            trouble.path, trouble.problem, "Create it, or start the service without it", "ConfigFilesNotFoundError"
        )
    exception = "UnicodeDecodeError" if "UTF-8" in trouble.problem else "ConfigFileParseError"
    return NovaRefusal(f"{trouble.path}:{trouble.line}", trouble.problem, fix, exception)


def spec_effect(service: str) -> str:
    """What a device_spec that Nova refuses does to *service*."""
    if service == SCHEDULER:
        return "nova-scheduler would fail at every server"
    return f"{service} would not start"


def alias_effect(service: str, version: NovaVersion) -> str:
    """What an alias that Nova refuses does to *service*."""
    if version.checks_alias_at_start:
        return f"{service} would not start"
    if service == COMPUTE:
        return "nova-compute would fail to resize or migrate servers that ask for any alias"
    return f"{service} would answer 400 to every server that asks for any alias"


def reads_alias(service: str, version: NovaVersion) -> bool:
    """The metadata service looks at the aliases at its start alone."""
    return service in (COMPUTE, API) or (service == METADATA and version.checks_alias_at_start)


def _reasons(view: ServiceView, libvirt: Version | None, qemu: Version | None) -> Iterator[NovaRefusal]:
    """In the order in which the service comes to each of them."""
    aliases = tuple(_aliases(view)) if reads_alias(view.name, view.version) else ()
    early = view.version.checks_alias_at_start
    if view.name == SCHEDULER:
        yield from _filters(view)
    if early and view.name in (API, METADATA):
        yield from aliases
    yield from (line.refusal for line in view.spec_lines if line.refusal is not None)
    if early and view.name == COMPUTE:
        yield from aliases
    if view.name == COMPUTE:
        yield from old_software(view, libvirt, qemu)
        yield from _first_update(view)
    if not early:
        yield from aliases
    yield from _truth_values(view)


def _filters(view: ServiceView) -> Iterator[NovaRefusal]:
    refusal = filter_refusal(view.filters, view.available_filters, view.version)
    if refusal is not None:
        yield refusal


def _aliases(view: ServiceView) -> Iterator[NovaRefusal]:
    try:
        read_aliases(view.alias_setting.values, view.version, view.pci_in_placement)
    except NovaRefusal as refusal:
        yield refusal


def old_software(view: ServiceView, libvirt: Version | None, qemu: Version | None) -> Iterator[NovaRefusal]:
    """Why this libvirt or QEMU does not do for a live_migratable tag, "no" as well: Nova looks whether there is one."""
    if "live_migratable" not in view.version.device_spec_tags:
        return
    if not any(dict(spec.tags).get("live_migratable") for spec in view.specs):
        return
    for name, here, needed in too_old((libvirt, qemu), LIVE_MIGRATABLE_MINIMUM):
        problem = f"is the {name} here, and a live_migratable tag needs {needed}"
        fix = f"Update {name}, or remove the tag from device_spec"
        yield NovaRefusal(here, problem, fix, "InvalidConfiguration")


def _first_update(view: ServiceView) -> Iterator[NovaRefusal]:
    """nova/compute/resource_tracker.py _setup_pci_tracker, then nova/compute/pci_placement_translator.py; part of the start.

    Of a tag that it cannot store, Nova only complains in its log, each minute, and the host gets no servers.
    """
    try:
        if view.report_in_placement:
            providers("", view.devices or (), view.specs, view.version)
        else:
            pools(view.devices or (), view.specs, view.version)
    except NovaRefusal as refusal:
        yield refusal


def _truth_values(view: ServiceView) -> Iterator[NovaRefusal]:
    for option in _truth_options(view):
        try:
            view.config.boolean(option.group, option.name)
        except NovaRefusal as refusal:
            yield refusal


def _truth_options(view: ServiceView) -> tuple[NovaOption, ...]:
    compute = view.name == COMPUTE
    options = []
    if compute and view.version.has_report_in_placement:
        options.append(nova_options.REPORT_IN_PLACEMENT)
    reads_scheduling = view.name in (API, SCHEDULER, CONDUCTOR) or (compute and view.version.checks_alias_at_start)
    if reads_scheduling and view.version.has_pci_in_placement:
        options.append(nova_options.PCI_IN_PLACEMENT)
    return tuple(options)
