# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ansible-runner, which AWX and ansible-navigator run jobs with, carries playbooks of the installed archive out on made-up hosts."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

import pytest

from ansible_collections.nova_pci.passthrough.tests.ecosystem.packing import run
from ansible_collections.nova_pci.passthrough.tests.unit.cloud_stand_in import running
from ansible_collections.nova_pci.passthrough.tests.unit.documented_examples import ROOT, blocks
from ansible_collections.nova_pci.passthrough.tests.unit.playbooks.marked_cloud import INVENTORY, WITH_ROOT, MarkedCloud


class Runner:
    """A private data directory of ansible-runner, as it wants it laid out."""

    def __init__(self, folder, hosts, clouds, installed):
        self.folder = folder
        for name in ("env", "inventory", "project"):
            (folder / name).mkdir(parents=True)
        settings = {
            "ANSIBLE_COLLECTIONS_PATH": str(installed),
            "ANSIBLE_CALLBACK_PLUGINS": str(ROOT / "tests/unit/playbooks/callback_plugins"),
            "ANSIBLE_CALLBACKS_ENABLED": "made_up_roots",
            "ANSIBLE_HOME": str(folder / "ansible"),
            "NOVA_PCI_MADE_UP": str(hosts),
            "NOVA_PCI_MADE_UP_MODULES": " ".join(WITH_ROOT),
            "OS_CLIENT_CONFIG_FILE": str(clouds),
            "PWD": os.sep,  # that of whoever started a service is no folder to write to
        }
        (folder / "env/envvars").write_text(json.dumps(settings), encoding="utf-8")
        (folder / "inventory/hosts.json").write_text(json.dumps(INVENTORY), encoding="utf-8")

    def run(self, book, *words):
        """The status of the job, its events, and the folder in which a playbook's files are."""
        argv = [
            "ansible-runner",
            "run",
            str(self.folder),
            "--playbook",
            f"nova_pci.passthrough.{book}",
            "--ident",
            book,
        ]
        done = run([*argv, f"--cmdline={' '.join(words)}"] if words else argv, self.folder)
        artifacts = self.folder / "artifacts" / book
        events = [json.loads(path.read_text(encoding="utf-8")) for path in (artifacts / "job_events").glob("*.json")]
        status = (artifacts / "status").read_text(encoding="utf-8")
        assert (done.returncode == 0) == (status == "successful"), done.stdout + done.stderr
        return status, events, self.folder / "project", done.stdout


@pytest.fixture(name="runner", scope="module")
def fixture_runner(installed, tmp_path_factory):
    folder = tmp_path_factory.mktemp("runner")
    with running(folder) as stand_in:
        cloud = MarkedCloud(folder / "hosts", stand_in)
        cloud.build()
        yield Runner(folder / "job", cloud.base, folder / "clouds.yaml", installed)


def results(events, module):
    return [
        event["event_data"]["res"]
        for event in events
        if event["event"] == "runner_on_ok"
        and event["event_data"]["resolved_action"] == f"nova_pci.passthrough.{module}"
    ]


def test_a_survey(runner):
    status, events, folder, said = runner.run("survey")
    assert status == "successful", said
    (read,) = results(events, "pci_survey_info")
    record = json.loads((folder / "pci-survey/survey.json").read_text(encoding="utf-8"))
    assert list(record["hosts"]) == ["compute1"]
    assert len(record["hosts"]["compute1"]["devices"]) == len(read["survey"]["devices"]) > 10
    assert (folder / "pci-survey/survey.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_a_host_in_check_mode(runner):
    status, events, _folder, said = runner.run("host", "--check")
    assert status == "successful", said
    (planned,) = results(events, "host_plan")
    assert planned["plan"]["reboot"]["required"]
    (applied,) = results(events, "host_apply")
    assert applied["changed"]
    assert applied["actions"]


def test_a_verification_and_what_the_documentation_makes_of_its_report(runner):
    """Nothing was applied, so there is drift; without -e the job fails by that."""
    status, events, _folder, said = runner.run("verify")
    assert (status, bool(results(events, "pci_survey_info"))) == ("failed", True), said
    shutil.rmtree(runner.folder / "artifacts/verify")
    status, _events, folder, said = runner.run("verify", "-e", "verify_fails_on=nothing")
    assert status == "successful", said
    report = json.loads((folder / "pci-verify/verify.json").read_text(encoding="utf-8"))
    (code,) = [code for code in blocks(ROOT / "docs/verify.md") if code.text.startswith("jq ")]
    done = subprocess.run(["/bin/sh", "-e", "-c", code.text], cwd=folder, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    bad = [host for host, row in report["hosts"].items() if row["state"] == "failed"]
    assert lines[: 1 + len(bad)] == [report["state"], *bad]
