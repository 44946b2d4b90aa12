# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The cloud of the tests that talk to one: one process for all of them, as new for each."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from ansible_collections.nova_pci.passthrough.tests.unit.cloud_stand_in import StandIn, clear_environment, running


@pytest.fixture(scope="session")
def stand_in(tmp_path_factory: pytest.TempPathFactory) -> Iterator[StandIn]:
    with running(tmp_path_factory.mktemp("cloud")) as started:
        yield started


@pytest.fixture
def nova(stand_in: StandIn, monkeypatch: pytest.MonkeyPatch) -> StandIn:
    """A stand-in of Keystone, Nova, Glance, Neutron and Placement, by the name "here" in clouds.yaml."""
    clear_environment(monkeypatch, stand_in.folder)
    stand_in.control(reset=True)
    return stand_in
