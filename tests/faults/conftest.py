# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One lab machine, frozen before its first run: every test goes on from that moment. They boot it, so they run only where asked for."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from faults.guest import Guest
from faults.undisturbed import Undisturbed, undisturbed_run
from lab.machine import Lab

NAME = os.environ.get("NOVA_PCI_FAULTS_MACHINE", "faults")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "long: make test-long runs it, make test a sample without it")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("NOVA_PCI_LAB_REAL") != "1":
        for item in items:
            item.add_marker(pytest.mark.skip(reason="boots a machine; NOVA_PCI_LAB_REAL=1 says that it may"))


@pytest.fixture(scope="session")
def frozen(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Guest]:
    """The machine, asked for everything that a later state is held against, then frozen."""
    machine = Lab().machine(NAME)
    try:
        machine.up(os.environ.get("NOVA_PCI_LAB_SUITE", "bookworm"), "faults", fresh=True)
        guest = Guest(machine, tmp_path_factory.mktemp("runs"))
        guest.keep_pristine()
        machine.freeze()
        yield guest
        guest.close()
    finally:
        machine.down()


@pytest.fixture(scope="session")
def undisturbed(frozen: Guest) -> Undisturbed:
    return undisturbed_run(frozen)


@pytest.fixture
def guest(frozen: Guest) -> Guest:
    """The machine as it was before the first run."""
    frozen.thaw()
    return frozen
