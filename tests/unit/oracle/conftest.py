# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the oracle's own tests count is no case of the oracle."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.tests import tried


@pytest.fixture(autouse=True)
def counts_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(tried.FILE, raising=False)
