"""What the tests of a cloud's scenarios share: its hosts, its zoo, OpenStack's client, the record of every playbook run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import testinfra

from . import zoo
from .leaks import passwords as passwords_of
from .recorded import results, runs_of


def pytest_configure(config):
    """openstacksdk warns about itself."""
    config.addinivalue_line("filterwarnings", "ignore")


def _host(name: str):
    folder = Path(os.environ["NOVA_PCI_LAB_CLOUD"]).resolve().parent
    config = folder / ("ssh_config" if name == "controller" else f"{name}/ssh_config")
    return testinfra.get_host(f"ssh://{name}", ssh_config=str(config))


@pytest.fixture(scope="session")
def compute():
    return _host("compute")


@pytest.fixture(scope="session")
def second_compute():
    """Only in a cloud with two computes."""
    return _host("compute2")


@pytest.fixture(scope="session")
def controller():
    return _host("controller")


@pytest.fixture(scope="session")
def passwords(compute, controller):
    """What must be shown nowhere, as it stands in Nova's own files on the hosts."""
    return {word for host in (compute, controller) for word in passwords_of(host.check_output("cat /etc/nova/*.conf"))}


@pytest.fixture(scope="session")
def cloud():
    """OpenStack's own client, as admin."""
    import openstack

    return openstack.connect(cloud="lab")


@pytest.fixture(scope="session")
def address():
    """The zoo's names -> addresses."""
    return zoo.expected("cloud")


@pytest.fixture(scope="session")
def runs():
    """Each run of a playbook by its name."""
    return runs_of(Path(os.environ["NOVA_PCI_RECORD"]))


@pytest.fixture(scope="session")
def settings(runs):
    """(run, host, service, option) -> what that service was found to get."""

    def read(run: str, host: str, service: str, option: str) -> list[str]:
        plan = results(runs[run], "nova_plan", host)[0]["plan"]
        rows = [row for row in plan["settings"] if (row["service"], row["option"]) == (service, option)]
        return rows[0]["wanted"] if rows else []

    return read


@pytest.fixture(scope="session")
def spec_option(runs):
    """The option that hands devices out: Zed gave it another name."""
    releases = [result["plan"]["release"]["version"] for run in runs.values() for result in results(run, "nova_plan")]
    return "[pci]device_spec" if int(releases[0].partition(".")[0]) >= 26 else "[pci]passthrough_whitelist"
