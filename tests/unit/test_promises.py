# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the collection says of itself, held against itself: playbooks that only assemble, README's keys, versions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import KEYS
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.diagnosis_layer import TITLES

ROOT = Path(__file__).resolve().parents[2]
PLAYBOOKS = sorted((ROOT / "playbooks").glob("*.yml"))
PLAY = {
    "name",
    "hosts",
    "become",
    "gather_facts",
    "roles",
    "tasks",
    "serial",
    "tags",
    "any_errors_fatal",
    "max_fail_percentage",
}
IMPORTED_PLAYBOOK = {"name", "ansible.builtin.import_playbook", "tags"}
TASK = {"name", "tags", "ansible.builtin.import_role", "ansible.builtin.include_role"}
ROLE = {"role", "tags"}
EXPRESSIONS = {  # those that a playbook may hold
    "{{ pci_passthrough_hosts | default('nova_compute') }}",
    "{{ pci_passthrough_controllers | default('nova_controller') }}",
    "{{ pci_passthrough_hosts | default('nova_compute') }}:{{ pci_passthrough_controllers | default('nova_controller') }}",
    "{{ pci_passthrough_serial | default([1, '10%']) }}",
}

each_playbook = pytest.mark.parametrize("book", PLAYBOOKS, ids=lambda book: book.stem)


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def texts(data: Any) -> Iterator[str]:
    if isinstance(data, dict):
        data = [*data, *data.values()]
    if isinstance(data, list):
        for item in data:
            yield from texts(item)
    elif isinstance(data, str):
        yield data


@each_playbook
def test_a_playbook_holds_no_logic(book):
    """Imports, roles and lists alone: whoever writes a playbook of their own loses nothing."""
    for play in loaded(book):
        if "ansible.builtin.import_playbook" in play:
            assert set(play) <= IMPORTED_PLAYBOOK
            continue
        assert set(play) <= PLAY
        for task in play.get("tasks", []):
            assert set(task) <= TASK, f"{task['name']} does something by itself; that belongs into a role"
        for role in play.get("roles", []):
            assert set(role) <= ROLE


@each_playbook
def test_a_playbook_computes_nothing_but_its_hosts_and_batches(book):
    text = book.read_text(encoding="utf-8")
    assert "{%" not in text
    assert "set_fact" not in text
    assert {item for item in texts(loaded(book)) if "{{" in item} <= EXPRESSIONS


def plays_that_reboot() -> list[dict[str, Any]]:
    """Those that run the host role, but for its entry points that only look."""
    found = []
    for book in PLAYBOOKS:
        for play in loaded(book):
            roles = [role["role"] for role in play.get("roles", [])]
            imported = [task["ansible.builtin.import_role"] for task in play.get("tasks", [])]
            roles += [role["name"] for role in imported if not role["tasks_from"].endswith("check.yml")]
            found += [play] if "nova_pci.passthrough.host" in roles else []
    return found


def test_a_play_that_may_reboot_goes_in_batches_and_stops_at_the_first_failure():
    plays = plays_that_reboot()
    assert len(plays) == 2
    for play in plays:
        assert (play["max_fail_percentage"], play["any_errors_fatal"]) == (0, True)
        assert play["serial"] == "{{ pci_passthrough_serial | default([1, '10%']) }}"


def test_a_removal_is_refused_before_anything_is_taken_back():
    first = loaded(ROOT / "playbooks/remove.yml")[0]
    assert [task["ansible.builtin.import_role"]["tasks_from"] for task in first["tasks"]] == ["remove_check.yml"]


def test_there_are_playbooks():
    assert {"site", "verify", "remove"} <= {book.stem for book in PLAYBOOKS}


def readme_keys() -> list[str]:
    """The keys in the first column of README's table of a declaration's entry."""
    section = (ROOT / "README.md").read_text(encoding="utf-8").split("### An entry of `pci_passthrough_devices`")[1]
    rows = re.findall(r"^\| (`.*?) \|", section.split("\n\n| role")[0].split("\n#")[0], flags=re.MULTILINE)
    return [key for row in rows for key in re.findall(r"`(\w+)`", row)]


def test_readme_tells_every_key_of_the_declaration_and_no_other():
    assert sorted(readme_keys()) == sorted(KEYS)


def test_the_page_of_diagnose_tells_every_layer_in_its_order_and_no_other():
    section = (ROOT / "docs/diagnose.md").read_text(encoding="utf-8").split("## The layers")[1].split("\n## ")[0]
    rows = re.findall(r"^\| `(\w+)` \| (.*?) \| (.*?) \| (.*?) \|$", section, flags=re.MULTILINE)
    assert [row[:2] for row in rows] == list(TITLES.items())


def numbers(version: str) -> tuple[int, ...]:
    assert re.fullmatch(r"\d+\.\d+\.\d+", version), version
    return tuple(int(part) for part in version.split("."))


def released() -> list[str]:
    """Versions of the changelog; before the first release, the fragment that is named after the release to come."""
    changelog = ROOT / "changelogs/changelog.yaml"
    if changelog.exists():
        return list(loaded(changelog)["releases"])
    return [path.stem for path in (ROOT / "changelogs/fragments").glob("*.*.*.yml")]


def test_galaxy_s_version_is_the_changelog_s_newest():
    assert loaded(ROOT / "galaxy.yml")["version"] == max(released(), key=numbers)


def versions_added(source: Path) -> list[str]:
    return re.findall(r"^\s*version_added:\s*[\"']?([\d.]+)", source.read_text(encoding="utf-8"), flags=re.MULTILINE)


@pytest.mark.parametrize(
    "source",
    [path for folder in ("modules", "filter") for path in sorted((ROOT / "plugins" / folder).glob("*.py"))],
    ids=lambda source: source.stem,
)
def test_nothing_was_added_in_a_version_that_is_still_to_come(source):
    version = numbers(loaded(ROOT / "galaxy.yml")["version"])
    added = versions_added(source)
    assert added, "it does not say since when it is there"
    assert [one for one in added if numbers(one) > version] == []
