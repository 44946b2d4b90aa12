# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Galaxy's own importer over the archive, as Galaxy runs it when a collection is published; ansible-test has steps of its own."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path

from ansible_collections.nova_pci.passthrough.tests.ecosystem.packing import STAND_IN, packed, run

ROOT = Path(__file__).resolve().parents[2]
SETTINGS = """\
[galaxy-importer]
run_ansible_doc = True
run_ansible_lint = True
offline_ansible_lint = True
run_flake8 = False
check_changelog = True
check_required_tags = True
run_ansible_test = False
local_image_docker = False
infra_osd = False
tmp_root_dir = {0}
ansible_local_tmp = {0}/ansible
"""
# It gives ansible-lint 180 seconds, which are not enough beside a lab; a limit is here in run().
PATIENT = """\
import sys
from galaxy_importer import main
from galaxy_importer.loaders import collection

class Patient(collection.Popen):
    def communicate(self, input=None, timeout=None):
        return super().communicate(input)

collection.Popen = Patient
sys.exit(main.main(sys.argv[1:]))
"""
# What it says although nothing is wrong. It hands ansible-lint the folder "ansible_collections" itself, which Ansible takes for
# its parent; ansible-lint does not, so it finds no playbook by its name. The step "ansible-lint" finds all three.
EXPLAINED = Counter(
    f"WARNING: ERROR    Failed to find nova_pci.passthrough.{name} playbook." for name in ("host", "nova", "flavors")
)


def imported(archive, work):
    """What it said, and what it would have published."""
    (work / "importer.cfg").write_text(SETTINGS.format(work), encoding="utf-8")
    program = ["python", "-c", PATIENT, str(archive)]
    done = run(program, work, GALAXY_IMPORTER_CONFIG=str(work / "importer.cfg"))
    result = work / "importer_result.json"
    return done.stdout + done.stderr, json.loads(result.read_text(encoding="utf-8")) if result.exists() else None


def test_galaxy_imports_the_collection(archive, tmp_path):
    said, result = imported(archive, tmp_path)
    assert result is not None, said
    # ansible-lint's findings are warnings here, and so is each file of entries that ansible-test is to pass over.
    assert Counter(re.findall(r"^(?:WARNING|ERROR|CRITICAL).*$", said, re.MULTILINE)) == EXPLAINED
    assert "ansible-lint run complete" in said
    found = {(row["content_type"], row["name"]) for row in result["contents"]}
    wanted = {("module", path.stem) for path in (ROOT / "plugins/modules").glob("*.py")}
    wanted |= {("filter", path.stem) for path in (ROOT / "plugins/filter").glob("*.py")}
    wanted |= {("role", path.name) for path in (ROOT / "roles").iterdir() if path.is_dir()}
    wanted |= {("playbook", path.name) for path in (ROOT / "playbooks").glob("*.yml")}
    assert {row for row in found if row[0] not in ("module_utils", "doc_fragments")} == wanted
    documented = {row["content_name"] for row in result["docs_blob"]["contents"] if row["doc_strings"]}
    assert documented >= {path.stem for path in (ROOT / "plugins/modules").glob("*.py")}
    pages = {row["name"] for row in result["docs_blob"]["documentation_files"]}
    assert pages == {path.name for path in (ROOT / "docs").glob("*.md")}
    assert result["requires_ansible"] == ">=2.19.0"


def test_the_address_of_the_repository_is_all_that_galaxy_misses(tmp_path):
    said, result = imported(packed(tmp_path), tmp_path)
    assert result is None
    assert re.findall(r"^ERROR: .*$", said, re.MULTILINE) == [
        "ERROR: The import failed for the following reason: Invalid collection metadata. 'repository' is required"
    ], f"{STAND_IN} stands in for it elsewhere"
