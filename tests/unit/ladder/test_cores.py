# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from ansible_collections.nova_pci.passthrough.tests.ladder import cores
from ansible_collections.nova_pci.passthrough.tests.ladder.cores import CORES, pip_settings, pip_versions
from ansible_collections.nova_pci.passthrough.tests.ladder.environments import Environment
from ansible_collections.nova_pci.passthrough.tests.ladder.machine import Interpreter, MissingError

ROOT = Path(__file__).resolve().parents[3]


def pythons(*minors: int) -> dict[tuple[int, int], Interpreter]:
    return {(3, minor): Interpreter((3, minor, 0), Path(f"/opt/python3.{minor}")) for minor in minors}


def test_the_oldest_core_is_the_one_that_the_collection_requires():
    runtime = yaml.safe_load((ROOT / "meta/runtime.yml").read_text(encoding="utf-8"))
    assert runtime["requires_ansible"] == f">={CORES[0].release}.0"


def test_a_core_without_its_python_is_named():
    with pytest.raises(MissingError) as raised:
        CORES[-1].interpreter(pythons(9, 11))
    assert str(raised.value) == "ansible-core 2.21 needs Python 3.12 to 3.14 and this machine has 3.9, 3.11."
    assert not raised.value.installable


@pytest.mark.parametrize(("minors", "release", "minor"), [((9, 11), "2.19", 11), ((14,), "2.20", 14)])
def test_everyday_work_is_done_with_the_oldest_core_that_runs(minors, release, minor):
    core, interpreter = cores.everyday_core(pythons(*minors))
    assert (core.release, interpreter.minor) == (release, (3, minor))


def test_no_fitting_python_at_all():
    with pytest.raises(MissingError, match="2.19 needs Python 3.11"):
        cores.everyday_core(pythons(9))


@pytest.mark.parametrize(
    ("host", "minors", "release"), [(9, (9, 11, 12), "2.19"), (14, (11, 12, 14), "2.20"), (9, (9, 14), "2.20")]
)
def test_a_hosts_python_is_tested_with_the_oldest_core_that_reaches_it(host, minors, release):
    assert cores.core_for_host((3, host), pythons(*minors)).release == release


@pytest.mark.parametrize(("host", "sentence"), [(20, "No supported ansible-core")])
def test_a_host_that_no_core_here_reaches(host, sentence):
    with pytest.raises(MissingError, match=sentence):
        cores.core_for_host((3, host), pythons(11, host))


def test_the_bootstrapped_pip_is_read_from_the_sources():
    source = "default_packages = dict(\n    pip='25.2',\n)\noverride = {'3.8': dict(pip=\"24.0\"), '3.7': {'pip': '23.1'}}\nzip='9.9'"
    assert pip_versions(source) == ["23.1", "24.0", "25.2"]
    assert pip_versions("pip = install()") == []


def test_the_home_has_a_bootstrap_and_the_users_index(tmp_path, monkeypatch):
    sources = tmp_path / "venv/lib/python3.11/site-packages/ansible_test/_internal"
    sources.mkdir(parents=True)
    (sources / "python_requirements.py").write_text("dict(pip='25.2')", encoding="utf-8")

    class Listed:
        stdout = "global.index-url='https://user:secret@mirror.example/simple'\n"

    monkeypatch.setattr(cores.subprocess, "run", lambda *command, **options: Listed())
    cores.prepare_home(tmp_path / "home", Environment(tmp_path / "venv"))
    script = tmp_path / "home/.ansible/test/cache/get_pip_25_2.py"
    compile(script.read_text(encoding="utf-8"), str(script), "exec")
    settings = tmp_path / "home/.config/pip/pip.conf"
    assert settings.read_text(encoding="utf-8") == "[global]\nindex-url = https://user:secret@mirror.example/simple\n"
    assert settings.stat().st_mode & 0o077 == 0


def test_an_unknown_ansible_test_is_named(tmp_path):
    sources = tmp_path / "venv/lib/python3.11/site-packages/ansible_test/_internal"
    sources.mkdir(parents=True)
    (sources / "python_requirements.py").write_text("", encoding="utf-8")
    with pytest.raises(MissingError, match="names no pip"):
        cores.prepare_home(tmp_path / "home", Environment(tmp_path / "venv"))


def test_pip_settings_keep_what_the_environment_says_last():
    listing = "global.timeout='15'\nglobal.find-links='/a\\n/b'\n:env:.timeout='60'\n:env:.config-file='/x'\nfreeze.all='yes'\nnoise\n"
    assert pip_settings(listing) == "[global]\nfind-links = /a /b\ntimeout = 60\n"


def test_the_folder_for_path_holds_every_python_but_the_environments_own(tmp_path):
    found = pythons(9, 11, 13)
    folder = cores.interpreters_folder(tmp_path / "bin", found, found[(3, 11)])
    assert {link.name: str(link.readlink()) for link in folder.iterdir()} == {
        "python3.9": "/opt/python3.9",
        "python3.13": "/opt/python3.13",
    }
    cores.interpreters_folder(tmp_path / "bin", found, found[(3, 11)])
