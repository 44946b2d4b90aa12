# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The role survey for real: ansible-playbook over recorded machines and a host that does not answer."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.tests.unit.machine_builder import build

ROOT = Path(__file__).resolve().parents[4]
PLAYBOOK = Path(sys.executable).parent / "ansible-playbook"
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not PLAYBOOK.exists(), reason="ansible-core is not in this environment"),
]


@pytest.fixture(name="play")
def fixture_play(tmp_path):
    """Run the role in a folder of its own; the finished process and the folder."""
    place = tmp_path / "collections/ansible_collections/nova_pci/passthrough"
    place.parent.mkdir(parents=True)
    place.symlink_to(ROOT)
    hosts = {
        name: {"fleet_root": build(machine, tmp_path / "machines" / name)}
        for name, machine in (("a1", "gpu-with-companions"), ("a2", "gpu-with-companions"), ("b", "sriov-8-vfs"))
    }
    hosts["silent"] = {"fleet_root": "/", "ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9}
    everywhere = {"ansible_connection": "local", "ansible_python_interpreter": sys.executable}
    inventory = {"nova_compute": {"hosts": hosts, "vars": everywhere}}
    (tmp_path / "inventory.yml").write_text(yaml.safe_dump(inventory), encoding="utf-8")
    book = {
        "hosts": "nova_compute",
        "gather_facts": False,
        "module_defaults": {"nova_pci.passthrough.pci_survey_info": {"root": "{{ fleet_root }}"}},
        "roles": ["nova_pci.passthrough.survey"],
    }
    (tmp_path / "book.yml").write_text(yaml.safe_dump([book]), encoding="utf-8")
    here = tmp_path / "here"
    here.mkdir()
    settings = {
        **os.environ,
        "ANSIBLE_COLLECTIONS_PATH": str(tmp_path / "collections"),
        "ANSIBLE_HOME": str(tmp_path / "home"),
        "ANSIBLE_INJECT_FACT_VARS": "false",
        "ANSIBLE_NOCOLOR": "1",
        "PWD": "/",  # where ansible-playbook was started counts, not what a service left in this variable
    }

    def run(*words):
        argv = [str(PLAYBOOK), "-i", str(tmp_path / "inventory.yml"), str(tmp_path / "book.yml"), *words]
        return subprocess.run(argv, cwd=here, env=settings, capture_output=True, text=True, check=False), here

    return run


def test_a_fleet_with_a_silent_host(play):
    done, here = play()
    assert done.returncode == 4  # unreachable, and nothing worse
    assert '"2 hosts: a1, a2",' in done.stdout
    assert "No answer from silent." in done.stdout
    shown = [line for line in done.stdout.splitlines() if line.startswith('        "') and "Written to" not in line]
    assert max(map(len, shown)) <= 100
    hosts = json.loads((here / "pci-survey/survey.json").read_text(encoding="utf-8"))
    assert hosts["schema"] == 1
    assert sorted(hosts["hosts"]) == ["a1", "a2", "b", "silent"]
    assert hosts["hosts"]["silent"] == {}
    drafted = yaml.safe_load((here / "pci-survey/declaration.yml").read_text(encoding="utf-8"))
    assert {entry.alias for entry in parse_declaration(drafted["pci_passthrough_devices"])} == {
        "gpu-1e81",
        "nic-1889-vf",
    }
    page = (here / "pci-survey/survey.html").read_text(encoding="utf-8")
    assert '"hosts":[["a1",0,0,0,[]],["a2",0,0,0,[]],["b",1,1,1,[]],["silent",-1,-1,-1,[]]]' in page
    assert all(alias in page for alias in ("gpu-1e81", "nic-1889-vf"))
    assert (here / "pci-survey/survey.md").read_text(encoding="utf-8").startswith("# PCI survey\n")


@pytest.mark.parametrize("words", [("--check",), ("-e", "survey_directory=")])
def test_no_files_where_none_are_asked_for(play, words):
    done, here = play(*words)
    assert "2 hosts: a1, a2" in done.stdout
    assert list(here.iterdir()) == []


def test_another_folder(play, tmp_path):
    play("-e", f"survey_directory={tmp_path}/elsewhere")
    assert (tmp_path / "elsewhere/survey.json").is_file()
