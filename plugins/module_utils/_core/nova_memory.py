# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Nova's configuration on one host as it would be without this collection: what every plan starts from."""

from __future__ import annotations

from dataclasses import replace

from .journal import Journal
from .nova_service import NovaNode, NovaService
from .oslo_config import ConfigFile, parse_config


def without_us(node: NovaNode, journal: Journal | None) -> NovaNode:
    """Return *node* with our files taken away and our edits of foreign files undone, as far as *journal* knows them."""
    if journal is None:
        return node
    ours = {record.path for record in journal.files.values() if not record.foreign}
    texts = {path: text for path, text in node.texts.items() if path not in ours}
    restored: list[ConfigFile] = []
    for record in journal.files.values():
        for path in dict.fromkeys((record.path, record.real)):
            if record.is_edited and path in texts:
                texts[path] = record.pristine(texts[path])
                restored.append(parse_config(path, texts[path]))
    services = tuple(_restored(service, ours, restored) for service in node.services)
    return replace(node, services=services, texts=texts)


def _restored(service: NovaService, ours: set[str], restored: list[ConfigFile]) -> NovaService:
    config = service.config.without(ours)
    for file in restored:
        if config.reads(file.path):
            config = config.with_file(file)
    return replace(service, config=config)
