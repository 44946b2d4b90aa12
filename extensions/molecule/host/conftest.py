"""What the scenario's tests share: the lab machine, its zoo, and the record of every playbook that was run on it."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import testinfra

sys.path[:0] = [str(Path(__file__).parents[3] / "tests")]

DEVICES = "/sys/bus/pci/devices"


@pytest.fixture(scope="session")
def host():
    """The lab machine by its own SSH settings: those of the inventory are templates."""
    folder = Path(os.environ["NOVA_PCI_LAB_MACHINE"]).resolve().parent
    return testinfra.get_host(f"ssh://{folder.name}", ssh_config=str(folder / "ssh_config"))


@pytest.fixture(scope="session")
def address():
    """The zoo's names -> addresses."""
    from lab.machine import Lab

    return Lab.machine_at(Path(os.environ["NOVA_PCI_LAB_MACHINE"])).expected


@pytest.fixture(scope="session")
def driver(host):
    """address -> the driver it is bound to, None for none."""

    def read(address: str) -> str | None:
        link = host.run(f"readlink {DEVICES}/{address}/driver")
        return link.stdout.strip().rpartition("/")[2] or None

    return read


@pytest.fixture(scope="session")
def functions(host):
    """address -> the links to its virtual functions."""

    def read(address: str) -> list[str]:
        return host.run(f"ls -d {DEVICES}/{address}/virtfn*").stdout.split()

    return read


@pytest.fixture(scope="session")
def runs() -> dict[str, list[dict]]:
    """Each run of a playbook by its name."""
    from lab.recorded import runs_of

    return runs_of(Path(os.environ["NOVA_PCI_RECORD"]))
