# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_edit import LineEdit, apply_edits
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import (
    FileRecord,
    FileState,
    Journal,
    Written,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_memory import without_us
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_options import ALIAS
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_service import COMPUTE, SCHEDULER
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_nova import MAIN, node

OURS = "/etc/nova/nova-compute.conf.d/nova-pci-passthrough.conf"
BEFORE = "[pci]\nalias = theirs\n[DEFAULT]\nx = 1\n"
EDIT = LineEdit(2, ("alias = theirs",), ("# before nova_pci.passthrough: alias = theirs",))
AFTER = apply_edits(BEFORE, [EDIT])


def journal(*records: FileRecord) -> Journal:
    return Journal(files={record.path: record for record in records})


def edited(text: str = AFTER, path: str = MAIN) -> FileRecord:
    before, after = FileState("file", BEFORE.encode()).without_content(), FileState("file", text.encode())
    return FileRecord(path, "nova", before, path, True, True, Written(after.fingerprint, None, (EDIT,)))


def own() -> FileRecord:
    return FileRecord(OURS, "nova", FileState(), OURS, written=Written("file:x"))


def test_a_host_without_memory_is_what_it_is() -> None:
    nova = node({MAIN: BEFORE})
    assert without_us(nova, None) is nova


def test_without_a_journal_our_files_are_known_by_their_mark() -> None:
    """Taken for foreign, each would be edited and written at once: "stands there twice"."""
    marked = "# Written by the collection nova_pci.passthrough\n[pci]\nalias = mine\n"
    clean = without_us(node({MAIN: BEFORE, OURS: marked}), None)
    assert clean.texts == {MAIN: BEFORE}
    assert [ALIAS.read(service.config).values for service in clean.services] == [("theirs",)]
    theirs = {MAIN: BEFORE, OURS: "[pci]\nalias = hand-made\n"}
    assert without_us(node(theirs), None).texts == theirs


def test_our_files_and_lines_are_gone_for_every_service() -> None:
    nova = node({MAIN: AFTER, OURS: "[pci]\nalias = mine\n"}, (COMPUTE, SCHEDULER))
    clean = without_us(nova, journal(edited(), own()))
    assert clean.texts == {MAIN: BEFORE}
    assert [ALIAS.read(service.config).values for service in clean.services] == [("theirs",), ("theirs",)]
    assert ALIAS.read(nova.services[0].config).values == ("mine",)


def test_an_edit_elsewhere_in_the_file_stays() -> None:
    nova = node({MAIN: AFTER + "y = 2\n"})
    assert without_us(nova, journal(edited())).texts[MAIN] == BEFORE + "y = 2\n"


def test_a_line_of_ours_that_somebody_changed_is_theirs_now() -> None:
    changed = AFTER.replace("# before nova_pci.passthrough: alias = theirs", "alias = hand-made")
    clean = without_us(node({MAIN: changed}), journal(edited()))
    assert ALIAS.read(clean.services[0].config).values == ("hand-made",)


def test_a_record_of_a_file_that_no_service_reads_any_more_does_no_harm() -> None:
    nova = node({MAIN: BEFORE})
    assert without_us(nova, journal(edited(path="/srv/old/nova.conf"))).texts == {MAIN: BEFORE}
