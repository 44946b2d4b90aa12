"""The tests of this scenario use what all scenarios of a cloud share, and what it kept of its own."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from lab.recorded import Run, runs_of
from lab.scenario_fixtures import cloud, compute, pytest_configure, runs, second_compute

__all__ = [
    "cloud",
    "compute",
    "computes",
    "holds_its_devices",
    "hosts_in_turn",
    "kept",
    "own_run",
    "pytest_configure",
    "runs",
    "second_compute",
    "seen",
]

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


@pytest.fixture(scope="session")
def computes(compute, second_compute):
    """Both compute hosts by name."""
    return {"cmp1": compute, "cmp2": second_compute}


@pytest.fixture(scope="session")
def seen():
    """What look.yml saw at a stage, of cmp1, of cmp2 (lines, guests) or of Nova (services, servers)."""

    def read(stage: str, whom: str) -> dict:
        return json.loads((FOLDER / f"seen_{stage}_{whom}.json").read_text(encoding="utf-8"))

    return read


@pytest.fixture(scope="session")
def kept():
    """How a playbook run that had to fail ended, and all that it said in one line; molecule sends failures to stderr."""

    def read(name: str) -> dict:
        run = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
        return {"rc": run["rc"], "said": " ".join((run["stdout"] + run["stderr"]).split())}

    return read


@pytest.fixture(scope="session")
def own_run():
    """The record of such a run."""

    def read(name: str) -> Run:
        return runs_of(FOLDER / f"{name}.jsonl")["host"]

    return read


@pytest.fixture(scope="session")
def hosts_in_turn():
    """The hosts of a run in the order in which the role had them, each as often as it came to it again."""

    def read(run: Run) -> list[str]:
        names = [
            line["host"]
            for line in run
            if line.get("task", "").startswith("nova_pci.passthrough.host : ") and "host" in line
        ]
        return [name for number, name in enumerate(names) if number == 0 or name != names[number - 1]]

    return read


@pytest.fixture(scope="session")
def holds_its_devices(cloud):
    """Whether a server says on its console that it sees both cards; a server that was just started needs its time."""

    def ask(name: str) -> bool:
        server = cloud.compute.find_server(name, ignore_missing=False)
        deadline = time.monotonic() + 900
        while time.monotonic() < deadline:
            answer = cloud.compute.post(f"/servers/{server.id}/action", json={"os-getConsoleOutput": {}})
            lines = [line.strip() for line in answer.json()["output"].splitlines()] if answer.ok else []
            if "TINY-DONE" in lines:
                return len([line for line in lines if line.startswith("TINY-PCI") and line.endswith(" 8086:10d3")]) == 2
            time.sleep(5)
        return False

    return ask
