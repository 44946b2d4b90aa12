"""What the scenario's tests share: the cloud's hosts, its zoo, OpenStack's client, and the record of every playbook run."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
import testinfra

sys.path[:0] = [str(Path(__file__).parents[3] / "tests")]


def pytest_configure(config):
    """openstacksdk warns about itself."""
    config.addinivalue_line("filterwarnings", "ignore")


def _host(name: str):
    folder = Path(os.environ["NOVA_PCI_LAB_CLOUD"]).resolve().parent
    config = folder / ("compute/ssh_config" if name == "compute" else "ssh_config")
    return testinfra.get_host(f"ssh://{name}", ssh_config=str(config))


@pytest.fixture(scope="session")
def compute():
    return _host("compute")


@pytest.fixture(scope="session")
def controller():
    return _host("controller")


@pytest.fixture(scope="session")
def cloud():
    """OpenStack's own client, as admin."""
    import openstack

    return openstack.connect(cloud="lab")


@pytest.fixture(scope="session")
def address():
    """The zoo's names -> addresses."""
    from lab import zoo

    return zoo.expected("cloud")


@pytest.fixture(scope="session")
def runs():
    """Each run of a playbook by its name."""
    from lab.recorded import runs_of

    return runs_of(Path(os.environ["NOVA_PCI_RECORD"]))


@pytest.fixture(scope="session")
def settings(runs):
    """(run, host, service, option) -> what that service was found to get."""

    def read(run: str, host: str, service: str, option: str) -> list[str]:
        from lab.recorded import results

        plan = results(runs[run], "nova_plan", host)[0]["plan"]
        rows = [row for row in plan["settings"] if (row["service"], row["option"]) == (service, option)]
        return rows[0]["wanted"] if rows else []

    return read
