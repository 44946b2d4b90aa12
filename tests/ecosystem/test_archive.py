# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the archive of the collection holds: all that users need, and nothing that serves its development alone."""

from __future__ import annotations

import tarfile
from pathlib import Path

from ansible_collections.nova_pci.passthrough.tests.ladder.collection import files

DEVELOPMENT = ("tests/", "extensions/molecule/", ".ci/")
# Hidden ones as well. README and LICENSE are users', and so are these two.
OF_THE_ROOT = {"CHANGELOG.md", "CODE_OF_CONDUCT.md", "CONTRIBUTING.md", "LICENSE", "README.md"}
GALAXY_S_OWN = {"MANIFEST.json", "FILES.json"}


def test_the_archive_holds_what_users_need_and_nothing_else(archive):
    with tarfile.open(archive) as opened:
        found = {member.name for member in opened if member.isfile()}
    wanted = {name for name in files() if "/" in name and not name.startswith(DEVELOPMENT)} | OF_THE_ROOT | GALAXY_S_OWN
    assert found == wanted
    assert {Path(name).parts[0] for name in found if "/" in name} == {
        "changelogs",
        "docs",
        "extensions",
        "meta",
        "playbooks",
        "plugins",
        "roles",
    }


def test_the_questions_of_a_job_template_are_shipped(installed):
    """Molecule's scenarios, which need the lab, are not; both stand in the folder that Ansible leaves to other tools."""
    place = installed / "ansible_collections/nova_pci/passthrough/extensions"
    assert sorted(path.name for path in place.iterdir()) == ["awx"]
    assert [path.name for path in (place / "awx").iterdir()] == ["survey_spec_site.json"]
