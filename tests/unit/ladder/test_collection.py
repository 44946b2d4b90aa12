# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import shutil
import subprocess

import pytest

from ansible_collections.nova_pci.passthrough.tests.ladder import collection
from ansible_collections.nova_pci.passthrough.tests.ladder.machine import MissingError


@pytest.fixture(name="checkout")
def fixture_checkout(tmp_path):
    if shutil.which("git") is None:
        pytest.skip("git is missing")
    root = tmp_path / "checkout"
    (root / "roles").mkdir(parents=True)
    subprocess.run(["git", "init", "-q", str(root)], check=True)
    for name, text in (
        (".gitignore", "*.log\n"),
        ("tracked.py", ""),
        ("roles/new file.yml", ""),
        ("x.log", ""),
        ("gone", ""),
    ):
        (root / name).write_text(text, encoding="utf-8")
    subprocess.run(["git", "-C", str(root), "add", "tracked.py", "gone"], check=True)
    (root / "gone").unlink()
    return root


def test_untracked_files_belong_and_ignored_and_removed_ones_do_not(checkout):
    assert collection.files(checkout) == [".gitignore", "roles/new file.yml", "tracked.py"]


def test_the_copy_lies_where_ansible_wants_it(checkout, tmp_path):
    place = collection.copied(tmp_path / "copy", checkout)
    assert place == tmp_path / "copy/ansible_collections/nova_pci/passthrough"
    assert sorted(path.name for path in place.rglob("*") if path.is_file()) == [
        ".gitignore",
        "new file.yml",
        "tracked.py",
    ]


def test_the_link_can_be_made_twice(checkout, tmp_path):
    for _time in range(2):
        assert collection.linked(tmp_path / "link", checkout).resolve() == checkout


def test_no_checkout_is_one_sentence(tmp_path):
    with pytest.raises(MissingError, match="is no git checkout"):
        collection.files(tmp_path)
