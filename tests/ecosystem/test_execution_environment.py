# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An execution environment as ansible-builder makes it, up to what needs a container engine.

The context of the build is made for real. Of the image's own steps two are done here as its Dockerfile does them: the
collection is installed from the context, and what installed collections ask for is gathered.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest
import yaml

from ansible_collections.nova_pci.passthrough.tests.ecosystem.packing import run

ROOT = Path(__file__).resolve().parents[2]
DEFINITION = ROOT / "docs/docsite/execution-environment.yml"
ARCHIVE = "nova_pci-passthrough.tar.gz"  # as the definition wants it named


@pytest.fixture(name="context", scope="module")
def fixture_context(archive, tmp_path_factory):
    work = tmp_path_factory.mktemp("environment")
    shutil.copy(DEFINITION, work)
    shutil.copy(archive, work / ARCHIVE)
    done = run(["ansible-builder", "create", "--file", DEFINITION.name, "--context", "context"], work)
    assert done.returncode == 0, done.stdout + done.stderr
    return work / "context"


def test_a_context_is_made(context):
    (recipe,) = [path for path in context.iterdir() if path.name in ("Containerfile", "Dockerfile")]
    text = recipe.read_text(encoding="utf-8")
    assert "ansible-core>=2.19,<2.22 ansible-runner>=2.4,<3" in text
    assert "WORKDIR /build\n" in text, "what is installed from a file is looked for from there"
    bindep = (context / "_build/bindep.txt").read_text(encoding="utf-8")
    assert bindep.split() == ["openssh-clients", "[platform:rpm]"]


def test_the_image_gets_the_collection_and_what_it_asks_for(context, tmp_path):
    build, into = context / "_build", tmp_path / "collections"
    words = ["--offline", "-r", "requirements.yml", "--collections-path", str(into)]
    done = run(["ansible-galaxy", "collection", "install", *words], build)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (into / "ansible_collections/nova_pci/passthrough/MANIFEST.json").is_file()
    asked = run(["python", "scripts/introspect.py", "introspect", str(into)], build)
    assert asked.returncode == 0, asked.stdout + asked.stderr
    assert yaml.safe_load(asked.stdout) == {
        "python": ["openstacksdk>=4,<5  # from collection nova_pci.passthrough"],
        "system": [],
    }
