# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a managed host keeps the record of what was drained of it, until that is restored."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from .._core.errors import MachineProblem
from .._core.journal import ABSENT, FILE, STATE_DIRECTORY, FileState
from .files import Files
from .journal_store import DRAINED, JournalStore

PATH = f"{STATE_DIRECTORY}/{DRAINED}"
_MODE = 0o600


def read_drained(files: Files) -> Any:
    """Return the record as plain data, None when there is none; MachineProblem when it cannot be read."""
    try:
        state = files.read(PATH)
    except OSError as error:
        raise MachineProblem(PATH, f"cannot be read ({error.strerror})", "Run as root (become: true)") from None
    if state.kind == ABSENT:
        return None
    try:
        return json.loads(state.content.decode("utf-8"))
    except (ValueError, RecursionError):
        fix = (
            "It says what an earlier run has stopped on this host. Enable its nova-compute and start its servers by hand, "
            "then move the file away"
        )
        raise MachineProblem(PATH, "is no JSON", fix) from None


def keep_drained(files: Files, record: Mapping[str, Any], dry_run: bool) -> bool:
    """Write *record* in one atomic step; whether it is another than that which was there."""
    if read_drained(files) == record:
        return False
    if not dry_run:
        JournalStore(files).prepare()
        content = json.dumps(record, indent=1, sort_keys=True).encode("utf-8")
        files.put(PATH, FileState(FILE, content + b"\n", _MODE))
    return True


def forget_drained(files: Files, dry_run: bool) -> bool:
    """Take the record away, and the state directory when nothing else is in it; whether there was one."""
    if not files.exists(PATH):
        return False
    if not dry_run:
        files.unlink(PATH)
        files.remove_directory(STATE_DIRECTORY)
    return True
