# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The collection as users get it: packed by ansible-galaxy, and installed from that archive."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
pytest_configure = importlib.import_module("conftest").pytest_configure

from ansible_collections.nova_pci.passthrough.tests.ecosystem.packing import STAND_IN, packed, run  # noqa: E402


@pytest.fixture(scope="session")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return packed(tmp_path_factory.mktemp("packed"), repository=STAND_IN)


@pytest.fixture(scope="session")
def installed(archive: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder for ANSIBLE_COLLECTIONS_PATH."""
    folder = tmp_path_factory.mktemp("installed")
    words = ["--offline", "--collections-path", str(folder), str(archive)]
    done = run(["ansible-galaxy", "collection", "install", *words], folder)
    assert done.returncode == 0, done.stderr
    return folder
