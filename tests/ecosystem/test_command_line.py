# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What ansible-playbook itself makes of the collection: tags for --tags, README's commands, defaults for a group of modules."""

from __future__ import annotations

import json
import re
import shlex

import pytest

from ansible_collections.nova_pci.passthrough.tests.ecosystem import site_builder
from ansible_collections.nova_pci.passthrough.tests.ecosystem.packing import TOOLS, run
from ansible_collections.nova_pci.passthrough.tests.unit import machine_builder
from ansible_collections.nova_pci.passthrough.tests.unit.documented_examples import ROOT, RUN, blocks, every_block

README = ROOT / "README.md"


@pytest.fixture(name="settings", scope="module")
def fixture_settings(installed, tmp_path_factory):
    home = tmp_path_factory.mktemp("ansible")
    return {"ANSIBLE_COLLECTIONS_PATH": str(installed), "ANSIBLE_HOME": str(home), "ANSIBLE_LOCALHOST_WARNING": "false"}


@pytest.fixture(name="place", scope="module")
def fixture_place(tmp_path_factory):
    """A folder with README's inventory, as it tells to have one."""
    folder = tmp_path_factory.mktemp("place")
    (inventory,) = [code.text for code in every_block("yaml") if code.page == README and "nova_compute:\n" in code.text]
    (folder / "inventory.yml").write_text(inventory, encoding="utf-8")
    return folder


def shown_commands():
    """Each command line of README that runs a playbook, without its comment and the dots that stand for more."""
    lines = [line for code in blocks(README) if code.language == "console" for line in code.text.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if RUN.match(line)]


@pytest.mark.parametrize("words", shown_commands(), ids=" ".join)
def test_a_command_of_readme_finds_its_hosts_and_its_tags(words, place, settings):
    """It is the whole command but for its end: ansible-playbook lists what it would do and does nothing."""
    argv = [word for word in words if word != "..."]
    done = run([*argv, "--list-hosts", "--list-tags"], place, **settings)
    assert done.returncode == 0, done.stderr
    assert "WARNING" not in done.stderr
    book = ROOT / f"playbooks/{RUN.search(' '.join(argv))[1]}.yml"
    plays = re.split(r"^  play #", done.stdout, flags=re.MULTILINE)[1:]
    expected = list(site_builder.plays(book))
    assert len(plays) == len(expected)
    for shown, play in zip(plays, expected):
        (tags,) = re.findall(r"TASK TAGS: \[(.*)\]", shown)
        documented = {tag for _role, _entry, tags_of_role in site_builder.roles_of(play) for tag in tags_of_role}
        # ansible-playbook validates a role's options whatever is chosen.
        assert set(tags.split(", ")) - {"always"} == documented - {"always"}
        (count,) = re.findall(r"hosts \((\d+)\)", shown)
        assert int(count) > 0


def test_every_playbook_is_in_one_of_these_commands():
    shown = {RUN.search(" ".join(words))[1] for words in shown_commands()}
    # README says of the other three that "site" is them, one after the other.
    assert shown | {"host", "nova", "flavors"} == {path.stem for path in site_builder.playbooks()}


def test_a_group_of_modules_takes_defaults(tmp_path, settings):
    """The root of a made-up host reaches the module as a default of the group alone."""
    machine_builder.build("sriov-8-vfs", tmp_path / "root")
    defaults = {"group/nova_pci.passthrough.passthrough": {"root": str(tmp_path / "root")}}
    look = {"name": "Look", "nova_pci.passthrough.pci_devices_info": {}, "register": "seen"}
    addresses = "{{ seen.devices | map(attribute='address') }}"
    write = {
        "name": "Say",
        "ansible.builtin.copy": {"dest": str(tmp_path / "seen"), "content": addresses, "mode": "0600"},
    }
    play = {"hosts": "localhost", "gather_facts": False, "module_defaults": defaults, "tasks": [look, write]}
    (tmp_path / "play.yml").write_text(json.dumps([play]), encoding="utf-8")
    python = f"ansible_python_interpreter={TOOLS / 'python'}"
    done = run(["ansible-playbook", "-e", python, "play.yml"], tmp_path, **settings)
    assert done.returncode == 0, done.stdout + done.stderr
    seen = json.loads((tmp_path / "seen").read_text(encoding="utf-8").replace("'", '"'))
    of_the_machine = {path.name for path in (tmp_path / "root/sys/bus/pci/devices").iterdir()}
    assert seen
    assert set(seen) <= of_the_machine
