# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation is built as one site: a warning of Sphinx, a link within it that leads nowhere among them, is a failure."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))
import site_builder

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def collections(tmp_path_factory):
    folder = tmp_path_factory.mktemp("collections")
    place = folder / "ansible_collections/nova_pci/passthrough"
    place.parent.mkdir(parents=True)
    place.symlink_to(ROOT, target_is_directory=True)
    return folder


def test_antsibull_docs_finds_nothing_wrong(collections, monkeypatch):
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", str(collections))
    words = ["--plugin-docs", "--validate-collection-refs=all", "--disallow-unknown-collection-refs"]
    tool = str(Path(sys.executable).with_name("antsibull-docs"))
    place = str(collections / "ansible_collections/nova_pci/passthrough")
    done = subprocess.run([tool, "lint-collection-docs", *words, place], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout) == (0, ""), done.stderr


def test_the_site_has_a_page_for_everything(collections, tmp_path):
    pages = site_builder.build(tmp_path, collections)
    generated = pages / "collections/nova_pci/passthrough"
    wanted = [pages / f"playbooks/{path.stem}.html" for path in (ROOT / "playbooks").glob("*.yml")]
    wanted += [generated / f"{path.stem}_module.html" for path in (ROOT / "plugins/modules").glob("*.py")]
    wanted += [generated / f"{path.stem}_filter.html" for path in (ROOT / "plugins/filter").glob("*.py")]
    wanted += [generated / f"{path.name}_role.html" for path in (ROOT / "roles").iterdir() if path.is_dir()]
    wanted += [pages / f"docs/{path.stem}.html" for path in (ROOT / "docs").glob("*.md")]
    assert [str(path.relative_to(pages)) for path in wanted if not path.is_file()] == []
