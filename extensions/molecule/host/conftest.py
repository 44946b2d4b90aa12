"""testinfra's host is the lab machine, by its own SSH settings: those of the inventory are templates."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import testinfra


@pytest.fixture(scope="session")
def host():
    folder = Path(os.environ["NOVA_PCI_LAB_MACHINE"]).resolve().parent
    return testinfra.get_host(f"ssh://{folder.name}", ssh_config=str(folder / "ssh_config"))
