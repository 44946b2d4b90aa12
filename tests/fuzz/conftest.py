# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the collection importable, as for the unit tests, and keeps what hypothesis remembers out of the checkout."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

from hypothesis.configuration import set_hypothesis_home_dir

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
pytest_configure = importlib.import_module("conftest").pytest_configure

from ansible_collections.nova_pci.passthrough.tests.ladder.environments import cache_root  # noqa: E402

set_hypothesis_home_dir(cache_root() / "hypothesis")
