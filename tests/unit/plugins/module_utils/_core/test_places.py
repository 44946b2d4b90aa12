# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.changes import Removed
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.decision import Look
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import FileState, ToolRecord
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.places import Places, PlaceTool

SCRIPT, LIST, UNIT, LINK, FOREIGN = "/lib/ours/s.sh", "/etc/ours/list", "/etc/unit", "/etc/wants/unit", "/etc/foreign"
RELOAD = ToolRecord("reload", ("devices",), ("reload",), ("reload",), (), stamp=None)
IMAGE = ToolRecord("image", ("devices",), ("image",), ("image",), ("/boot/i",), stamp=None)
PLACES = Places(
    files=dict.fromkeys((LIST, SCRIPT, UNIT, LINK), "devices"),
    foreign=(FOREIGN,),
    directories=("/lib/ours", "/etc/ours"),
    tools=(PlaceTool(RELOAD, frozenset((UNIT,))), PlaceTool(IMAGE, frozenset((LIST,)))),
    script=SCRIPT,
    script_list=LIST,
    arguments={UNIT: ("on",)},
    notes=("look there too",),
)
OURS = FileState("file", b"#!/bin/sh\n# nova_pci.passthrough\n", 0o644, 0, 0)
THEIRS = FileState("file", b"# theirs\n", 0o644, 0, 0)
ALL = {LIST: OURS, SCRIPT: OURS, UNIT: OURS, LINK: FileState("symlink", target="../unit"), FOREIGN: FileState()}
NONE = dict.fromkeys(ALL, FileState())


def removal(states, places=PLACES, **seen):
    """What is decided on a host without a journal; None when nothing there is ours."""
    goal = Removed(places)
    states = {**NONE, **states}
    journal = goal.recall(states, "the journal is missing")
    if journal is None:
        return None
    assert set(goal.paths(journal)) == set(states)
    return goal.decide(journal, Look(states=states, release_ready=bool(journal.release_argv), **seen))


def test_a_host_without_anything_of_ours():
    assert removal({}) is None
    assert removal({FOREIGN: THEIRS}) is None


def test_everything_that_carries_the_mark_goes_and_its_tools_run():
    found = removal(ALL, listings={"/lib/ours": ("s.sh",), "/etc/ours": ("list", "theirs")}, running=("on",))
    assert found.actions == (
        f"run {SCRIPT} release",
        f"remove {LINK}",
        f"remove {UNIT}",
        f"remove {SCRIPT}",
        f"remove {LIST}",
        "remove directory /lib/ours",
        "run reload",
        "run image",
    )
    assert found.end is None
    assert found.begin.lost == "the journal is missing"
    assert found.begin.apply_argv == (SCRIPT, "apply")
    assert found.kept == ()
    assert found.reboot_reasons == ("the running kernel still has on; it goes with the next reboot",)
    assert found.notes == (
        (
            "the journal is missing. This run went by the mark nova_pci.passthrough in files of this collection instead; removed "
            f"by it: {LINK}, {UNIT}, {SCRIPT}, {LIST}"
        ),
        "What stood at these paths before this collection is not known and could not be brought back",
        "look there too",
    )


LEFT = "is left as it stands"


@pytest.mark.parametrize(
    ("path", "state", "why"),
    [
        (UNIT, THEIRS, f"does not carry the mark of this collection; it {LEFT}"),
        (UNIT, FileState("other"), f"does not carry the mark of this collection; it {LEFT}"),
        (
            UNIT,
            FileState("symlink", target="/srv/s"),
            f"leads to /srv/s, which is no file of this collection; it {LEFT}",
        ),
        (LINK, FileState("symlink", target="other"), f"leads to other, which is no file of this collection; it {LEFT}"),
        (LINK, ALL[LINK], f"leads to ../unit, which is no file of this collection; it {LEFT}"),
    ],
)
def test_what_does_not_is_left_and_named(path, state, why):
    found = removal({path: state, SCRIPT: OURS})
    assert [(kept.path, kept.why) for kept in found.kept] == [(path, why)]
    assert found.actions == (f"remove {SCRIPT}",)
    alone = removal({path: state})
    assert (alone.actions, alone.kept, alone.end) == ((), found.kept, None)
    assert alone.notes[0].endswith("nothing at its paths carries it")
    assert len(alone.notes) == 1


def test_the_mark_counts_in_the_first_lines_alone():
    assert removal({UNIT: replace(OURS, content=b"\n" * 6 + OURS.content)}).actions == ()


@pytest.mark.parametrize(
    ("text", "where"),
    [(b"a\n# before nova_pci.passthrough: b\nc\n", "line 2;"), (b"nova_pci.passthrough\n" * 2, "lines 1, 2;")],
)
def test_lines_of_ours_in_a_file_of_others_are_named_with_their_numbers(text, where):
    found = removal({FOREIGN: replace(THEIRS, content=text)})
    (kept,) = found.kept
    assert kept.path == FOREIGN
    assert kept.why.startswith(f"carries our mark in {where} bring the former text back by hand")
    assert "# before" not in kept.why


@pytest.mark.parametrize("missing", [SCRIPT, LIST])
def test_without_script_or_list_nothing_is_given_back_and_that_is_said(missing):
    found = removal({**ALL, missing: THEIRS})
    assert found.release == ()
    told = any("Devices keep their drivers" in note for note in found.notes)
    assert told is (missing == SCRIPT)


def test_an_unreadable_journal_is_put_aside_first_even_where_nothing_else_is_to_do():
    goal = Removed(PLACES)
    journal = replace(goal.recall(ALL, "lost"), files={}, tools={}, release_argv=())
    found = goal.decide(journal, Look(states=NONE, aside="/state/aside"))
    assert found.actions == ("keep the unreadable journal as /state/aside",)
    assert found.aside == "/state/aside"


def test_whose_secrets_count():
    goal = Removed(PLACES)
    assert goal.secrets_from(goal.recall(ALL, "lost")) == (FOREIGN,)
    assert goal.secrets_from(replace(goal.recall(ALL, "lost"), lost=None)) == ()


def test_what_a_run_that_was_cut_off_had_known_as_ours_is_not_told_as_theirs():
    goal = Removed(PLACES)
    journal = replace(goal.recall(ALL, "lost"), unfinished="remove")
    found = goal.decide(journal, Look(states={**ALL, UNIT: FileState()}))
    assert f"remove {LINK}" in found.actions
    assert found.kept == ()
