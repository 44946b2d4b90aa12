# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host's survey and plan are the same in a run over the whole fleet, under --limit, and in a slice of it.

A slice is what AWX makes of a job template with job slicing: slice 2 of 3 is a job of its own, whose inventory holds every
third host, from the second on, and no other.
"""

from __future__ import annotations

import json
import subprocess

import pytest

from ansible_collections.nova_pci.passthrough.tests.unit.made_up_fleet import PLAYBOOK, Fleet

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PLAYBOOK.exists(), reason="ansible-core is not in this environment"),
]

# In check mode the plan is all there is. Every host at once: batches are what --limit and slices change for certain.
BOOKS = (("survey",), ("host", "--check", "-e", '{"pci_passthrough_serial": "100%"}'))
HOSTS, LIMIT, SLICES = 6, "host0001:host0004", 2


@pytest.fixture(name="fleet", scope="module")
def fixture_fleet(tmp_path_factory):
    # The small ones, and of each kind one: with a plan that waits for a reboot, one with groups, one with functions.
    machines = ("gpu-with-companions", "sriov-8-vfs", "bmc-display", "no-iommu", "lvm-on-md-root", "amd-ivrs")
    return Fleet(tmp_path_factory.mktemp("fleet"), machines)


def results(fleet, name, hosts, *words):
    """What each module of ours returned, by host and task, and the folder of the run."""
    record, here = fleet.folder / f"{name}.jsonl", fleet.folder / name
    here.mkdir()
    argv = [str(PLAYBOOK), "-i", str(fleet.inventory(name, hosts)), f"nova_pci.passthrough.{words[0]}", *words[1:]]
    settings = {**fleet.settings("recorder"), "NOVA_PCI_RECORD": str(record)}
    done = subprocess.run(argv, cwd=here, env=settings, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    lines = [json.loads(line) for line in record.read_text(encoding="utf-8").splitlines()]
    return {
        (line["host"], line["task"]): line["result"]
        for line in lines
        if line["event"] == "result" and line["action"].startswith("nova_pci.passthrough.")
    }, here


def surveys(here):
    return json.loads((here / "pci-survey/survey.json").read_text(encoding="utf-8"))["hosts"]


@pytest.mark.parametrize("words", BOOKS, ids=lambda words: words[0])
def test_a_host_does_not_notice_who_else_is_in_the_run(words, fleet):
    hosts = fleet.hosts(HOSTS)
    book = words[0]
    whole, here = results(fleet, f"{book}-whole", hosts, *words)
    limited, limited_here = results(fleet, f"{book}-limit", hosts, *words, "--limit", LIMIT)
    sliced, summed_up = {}, {}
    for number in range(SLICES):
        part = dict(list(hosts.items())[number::SLICES])
        found, slice_here = results(fleet, f"{book}-slice-{number}", part, *words)
        assert {host for host, _task in found} == set(part)
        sliced.update(found)
        if book == "survey":
            summed_up.update(surveys(slice_here))
    assert {host for host, _task in limited} == set(LIMIT.split(":"))
    assert limited == {key: result for key, result in whole.items() if key[0] in LIMIT.split(":")}
    assert sliced == whole
    assert len(whole) == HOSTS * (1 if book == "survey" else 2)
    if book == "survey":
        assert summed_up == surveys(here)
        assert surveys(limited_here) == {host: surveys(here)[host] for host in LIMIT.split(":")}
