# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nova's configuration on one host as it would be without this collection: what every plan starts from."""

from __future__ import annotations

from dataclasses import replace

from .config_placement import DROP_IN
from .errors import MachineProblem
from .journal import FILE, FileState, Journal
from .nova_options import REPORT_IN_PLACEMENT
from .nova_service import COMPUTE, NovaNode, NovaService
from .oslo_config import ConfigFile, parse_config


def without_us(node: NovaNode, journal: Journal | None) -> NovaNode:
    """Return *node* with our files taken away and our edits of foreign files undone, as far as *journal* knows them.

    A file of ours that it does not know, as on a host that has lost its journal, is known by its name and our mark.
    """
    records = () if journal is None else tuple(journal.files.values())
    ours = {record.path for record in records if not record.foreign}
    ours |= {path for path, text in node.texts.items() if path.endswith(f"/{DROP_IN}") and _carries_mark(text)}
    if not records and not ours:
        return node
    texts = {path: text for path, text in node.texts.items() if path not in ours}
    restored: list[ConfigFile] = []
    for record in records:
        for path in dict.fromkeys((record.path, record.real)):
            if record.is_edited and path in texts:
                texts[path] = record.pristine(texts[path])
                restored.append(parse_config(path, texts[path]))
    services = tuple(_restored(service, ours, restored) for service in node.services)
    return replace(node, services=services, texts=texts)


def _carries_mark(text: str) -> bool:
    return FileState(FILE, text.encode("utf-8", "surrogateescape")).carries_mark


def refuse_silence(now: NovaNode, after: NovaNode) -> None:
    """MachineProblem when *after* would switch a compute's reports to Placement off.

    nova/compute/manager.py: a nova-compute whose PCI devices Placement knows does not start without reporting them.
    """
    option = REPORT_IN_PLACEMENT
    before, then = (node.service(COMPUTE) for node in (now, after))
    if before is None or not before.config.boolean(option.group, option.name):
        return
    if then is None or not then.config.boolean(option.group, option.name):
        raise MachineProblem(
            option.label,
            "would be switched off on a compute that has reported its PCI devices to Placement, and nova-compute does not "
            "start then",
            "Keep pci_passthrough_placement: report; or first delete this compute's PCI resource providers (openstack "
            "resource provider delete) and set compute_providers_deleted: true",
        )


def _restored(service: NovaService, ours: set[str], restored: list[ConfigFile]) -> NovaService:
    config = service.config.without(ours)
    for file in restored:
        if config.reads(file.path):
            config = config.with_file(file)
    return replace(service, config=config)
