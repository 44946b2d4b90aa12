# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.changes import (
    Applied,
    Removed,
    decide_apply,
    decide_remove,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_edit import LineEdit
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.decision import Look
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import (
    FileState,
    Journal,
    PendingReboot,
    ServiceUnit,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.wanted import Tool, Wanted, WantedFile

OURS = WantedFile("/etc/ours/a", "devices", "file", b"# nova_pci.passthrough\n1\n", 0o644)
FOREIGN = WantedFile("/etc/cmdline", "kernel_arguments", "file", b"quiet on\n", foreign=True)
LINK = WantedFile("/etc/wants", "devices", "symlink", target="../unit")
FORMER = FileState("file", b"quiet\n", 0o640, 0, 0)
GRUB = Tool("grub", ("kernel_arguments",), ("grub",), ("ungrub",), ("/boot/grub.cfg",))
INITRD = Tool("initrd", ("devices",), ("initrd",), ("initrd",))
WANTED = Wanted(
    boot_id="one",
    files=(OURS, FOREIGN, LINK),
    tools=(INITRD, GRUB),
    release_argv=("/s", "release"),
    arguments=("on",),
    new_arguments=("on",),
    drivers_now={"0000:02:00.0": "e1000e"},
)
BARE = {"/etc/ours/a": FileState(), "/etc/cmdline": FORMER, "/etc/wants": FileState()}
DONE = {
    "/etc/ours/a": FileState("file", OURS.content, 0o644, 0, 0),
    "/etc/cmdline": FileState("file", FOREIGN.content, 0o640, 0, 0),
    "/etc/wants": FileState("symlink", target="../unit"),
}


def look(states, **more):
    return Look(states={**BARE, **states}, **more)


FIRST = decide_apply(WANTED, None, look({}, missing={"/etc/ours/a": ("/etc/ours",)}))


def test_a_first_run():
    assert FIRST.actions == (
        "make directory /etc/ours",
        "write /etc/ours/a",
        "write /etc/cmdline",
        "link /etc/wants to ../unit",
        "run initrd",
        "run grub",
    )
    assert FIRST.begin.unfinished == "apply"
    assert FIRST.begin.directories == ("/etc/ours",)
    assert FIRST.begin.files["/etc/cmdline"].former == FORMER
    assert FIRST.begin.files["/etc/cmdline"].written is None
    assert FIRST.begin.files["/etc/cmdline"].intended.matches(DONE["/etc/cmdline"])
    assert {tool.stamp for tool in FIRST.begin.tools.values()} == {None}
    assert FIRST.end.unfinished is None
    assert FIRST.end.files["/etc/cmdline"].written.matches(DONE["/etc/cmdline"])
    assert None not in {tool.stamp for tool in FIRST.end.tools.values()}
    assert FIRST.end.kernel_arguments == ("on",)


def test_a_foreign_file_keeps_owner_and_mode_and_ours_gets_its_own():
    changes = {change.path: change.after for change in FIRST.changes}
    assert (changes["/etc/cmdline"].mode, changes["/etc/cmdline"].uid) == (0o640, 0)
    assert (changes["/etc/ours/a"].mode, changes["/etc/ours/a"].uid) == (0o644, None)


def test_an_argument_that_is_declared_no_more_is_ours_until_a_boot_without_it():
    for running, ours in ((("ro", "on"), ("on",)), (("ro",), ())):
        end = decide_apply(replace(WANTED, arguments=(), new_arguments=()), FIRST.end, look(DONE, running=running)).end
        assert end.kernel_arguments == ours


def test_a_second_run_has_nothing_to_do_and_nothing_to_note():
    second = decide_apply(WANTED, FIRST.end, look(DONE))
    assert second.actions == ()
    assert second.end == FIRST.end


def test_after_a_crash_at_the_very_end_the_tools_run_again():
    again = decide_apply(WANTED, FIRST.begin, look(DONE))
    assert again.actions == ("run initrd", "run grub")
    assert again.end.files == FIRST.end.files


def test_after_a_crash_among_the_files_the_rest_is_written():
    again = decide_apply(WANTED, FIRST.begin, look({"/etc/ours/a": DONE["/etc/ours/a"]}))
    assert again.actions == ("write /etc/cmdline", "link /etc/wants to ../unit", "run initrd", "run grub")
    assert again.end.files == FIRST.end.files


def test_an_edit_between_a_crash_and_the_next_run_becomes_the_former_state():
    edited = FileState("file", b"quiet splash\n", 0o640, 0, 0)
    again = decide_apply(WANTED, FIRST.begin, look({"/etc/cmdline": edited}))
    assert again.end.files["/etc/cmdline"].former == edited


def test_force_runs_a_tool_though_nothing_changed():
    forced = replace(WANTED, tools=(INITRD, replace(GRUB, force=True)))
    assert decide_apply(forced, FIRST.end, look(DONE)).actions == ("run grub",)


def test_a_tool_is_not_run_for_foreign_lines_that_were_right_before_us():
    wanted = Wanted(boot_id="one", files=(FOREIGN,), tools=(GRUB,))
    decision = decide_apply(wanted, None, look({"/etc/cmdline": DONE["/etc/cmdline"]}))
    assert decision.actions == ()
    assert decision.end is None


def test_a_lost_journal_adopts_our_own_files_as_new():
    decision = decide_apply(WANTED, None, look(DONE))
    assert decision.end.files["/etc/ours/a"].former.kind == "absent"
    assert decision.end.files["/etc/wants"].former.kind == "absent"
    assert decision.actions == ("run initrd",)


def test_what_left_the_plan_is_given_back_and_its_tool_runs():
    fewer = replace(WANTED, files=(OURS, LINK))
    decision = decide_apply(fewer, FIRST.end, look(DONE))
    assert decision.actions == ("restore /etc/cmdline", "run grub")
    assert "/etc/cmdline" not in decision.end.files


def test_a_tool_that_left_the_plan_is_undone_with_its_files():
    fewer = replace(WANTED, files=(OURS, LINK), tools=(INITRD,))
    decision = decide_apply(fewer, FIRST.end, look(DONE))
    assert decision.actions == ("restore /etc/cmdline", "undo grub")
    assert decision.tools[0].argv == ("ungrub",)
    assert "grub" not in decision.end.tools


def grubby(new, undo):
    argv = ("grubby", f"--args={new}")
    return Wanted(boot_id="one", tools=(Tool("grubby", ("kernel_arguments",), argv, undo, (), True),))


def test_each_run_of_a_tool_that_takes_back_only_its_own_work_is_undone_the_newest_first():
    no_a, no_b = ("grubby", "--remove-args=a"), ("grubby", "--remove-args=b")
    journal = decide_apply(grubby("a", no_a), None, look({})).end
    assert journal.tools["grubby"].earlier == ()
    journal = decide_apply(grubby("b", no_b), journal, look({})).end
    journal = decide_apply(grubby("b", no_b), journal, look({})).end  # forced once more, as after drift
    assert journal.tools["grubby"].earlier == (no_a,)
    assert [run.argv for run in decide_remove(journal, look({})).tools] == [no_b, no_a]
    # What an entry had before cannot be undone, but what an earlier run brought still can.
    journal = decide_apply(grubby("c", ()), journal, look({})).end
    assert [run.argv for run in decide_remove(journal, look({})).tools] == [no_b, no_a]


def test_a_tool_that_is_undone_by_running_it_again_has_no_earlier_undos():
    journal = decide_apply(WANTED, None, look({})).end
    forced = replace(WANTED, tools=(replace(INITRD, force=True, undo=("initrd", "other")), GRUB))
    assert decide_apply(forced, journal, look(DONE)).end.tools["initrd"].earlier == ()


def test_a_tool_that_left_the_plan_unfinished_is_undone_though_no_file_changes():
    nothing = replace(WANTED, files=(), tools=())
    decision = decide_apply(nothing, FIRST.begin, look({}))
    assert decision.actions == ("run initrd", "undo grub")
    assert [run.argv for run in decision.tools] == [("initrd",), ("ungrub",)]
    assert decision.end is None or decision.end.tools == {}


def test_a_strange_thing_at_our_path():
    for state in (FileState("symlink", target="/etc/shadow"), FileState("other")):
        with pytest.raises(MachineProblem, match="/etc/ours/a"):
            decide_apply(WANTED, None, look({"/etc/ours/a": state}))


def test_a_dropped_device_is_released_by_name():
    wanted = replace(WANTED, drivers_now={"0000:09:00.0": None})
    decision = decide_apply(wanted, FIRST.end, look(DONE, release_ready=True))
    assert decision.release == ("/s", "release", "0000:02:00.0")
    assert decision.end.former_drivers == {"0000:09:00.0": None}


LISTINGS = {"/etc/ours": ("a",)}


class TestRemove:
    def test_everything_goes_back_last_first(self):
        decision = decide_remove(FIRST.end, look(DONE, listings=LISTINGS, release_ready=True, running=("on",)))
        assert decision.actions == (
            "run /s release",
            "remove /etc/wants",
            "restore /etc/cmdline",
            "remove /etc/ours/a",
            "remove directory /etc/ours",
            "run initrd",
            "undo grub",
        )
        assert decision.end is None
        assert decision.begin.unfinished == "remove"
        assert decision.reboot_reasons == ("the running kernel still has on; it goes with the next reboot",)

    def test_no_reboot_for_what_does_not_run(self):
        decision = decide_remove(FIRST.end, look(DONE, running=("quiet",)))
        assert decision.reboot_required is False

    def test_what_others_changed_is_kept_and_remembered_with_its_tool(self):
        theirs = FileState("file", b"theirs\n", 0o640, 0, 0)
        decision = decide_remove(FIRST.end, look({**DONE, "/etc/cmdline": theirs}, listings=LISTINGS))
        assert [kept.path for kept in decision.kept] == ["/etc/cmdline"]
        assert list(decision.end.files) == ["/etc/cmdline"]
        assert list(decision.end.tools) == ["grub"]
        again = decide_remove(decision.end, look({"/etc/cmdline": theirs}))
        assert again.actions == ()
        assert again.end == decision.end

    def test_a_link_that_leads_elsewhere_now_is_kept(self):
        decision = decide_remove(FIRST.end, look(DONE, reals={"/etc/cmdline": "/etc/other"}))
        assert "leads elsewhere now" in decision.kept[0].why

    def test_after_a_crash_in_the_middle_the_rest_goes(self):
        first = decide_remove(FIRST.end, look(DONE, listings=LISTINGS))
        half = {**DONE, "/etc/wants": FileState(), "/etc/cmdline": FORMER}
        again = decide_remove(first.begin, look(half, listings=LISTINGS))
        assert again.actions == ("remove /etc/ours/a", "remove directory /etc/ours", "run initrd", "undo grub")

    def test_apply_after_a_crash_in_a_removal_brings_ours_back(self):
        first = decide_remove(FIRST.end, look(DONE, listings=LISTINGS))
        half = {**DONE, "/etc/cmdline": FORMER}
        again = decide_apply(WANTED, first.begin, look(half))
        assert again.actions == ("write /etc/cmdline", "run initrd", "run grub")
        assert again.end.files["/etc/cmdline"].administrator is False
        assert again.end.files["/etc/cmdline"].former == FORMER

    def test_a_directory_with_something_else_in_it_stays(self):
        decision = decide_remove(FIRST.end, look(DONE, listings={"/etc/ours": ("a", "theirs")}))
        assert "remove directory /etc/ours" not in decision.actions


class TestPendingReboot:
    def pending(self, old, **reboot):
        wanted = replace(WANTED, **{"boot_id": "one", **reboot})
        return decide_apply(wanted, replace(FIRST.end, pending_reboot=old), look(DONE)).end.pending_reboot

    def test_it_is_noted_with_the_boot(self):
        found = self.pending(None, reboot_required=True, waits_for=("a",), reboot_reasons=("r",))
        assert found == PendingReboot("one", ("a",), ("r",))

    def test_it_is_never_shortened_in_the_same_boot(self):
        old = PendingReboot("one", ("a", "b"), ("r",))
        assert self.pending(old, reboot_required=True, waits_for=("c",)).waits_for == ("a", "b", "c")

    def test_in_another_boot_it_starts_anew_and_knows_what_had_no_effect(self):
        old = PendingReboot("zero", ("a",))
        found = self.pending(old, reboot_required=True, waits_for=("b",), ineffective=("a",))
        assert found == PendingReboot("one", ("b",), (), ("a",))

    def test_it_goes_when_nothing_waits(self):
        assert self.pending(PendingReboot("zero", ("a",))) is None

    def test_it_stays_as_it_is_while_something_had_no_effect(self):
        old = PendingReboot("zero", ("a",), ("r",))
        assert self.pending(old, ineffective=("a",)) is old


CONF = "/etc/nova-pci-passthrough/devices.conf"


class TestDevicesThatLoseSomething:
    ROWS = FileState(
        "file", b"# nova_pci.passthrough\n0000:02:00.0 driver vfio-pci\n0000:04:00.0 vfs 4 native\n", 0o644
    )
    WANTED = replace(
        WANTED,
        files=(WantedFile(CONF, "devices", "file", ROWS.content, 0o644),),
        drivers_now={"0000:02:00.0": "e1000e", "0000:04:00.0": "igb"},
    )
    END = decide_apply(WANTED, None, look({CONF: FileState()})).end

    def test_a_removal_takes_all_that_the_list_names_now(self):
        edited = replace(self.ROWS, content=self.ROWS.content + b"0000:05:00.0 driver vfio-pci\n")
        assert decide_remove(self.END, look({CONF: self.ROWS})).frees == ("0000:02:00.0", "0000:04:00.0")
        assert decide_remove(self.END, look({CONF: edited})).frees[-1] == "0000:05:00.0"
        assert decide_remove(self.END, look({CONF: FileState()})).frees == ()
        assert decide_remove(FIRST.end, look(DONE)).frees == ()

    def test_a_removal_takes_those_that_it_is_told_besides(self):
        goal = Removed(devices=("0000:04:00.0", "0000:06:00.0"))
        frees = ("0000:02:00.0", "0000:04:00.0", "0000:06:00.0")
        assert goal.decide(self.END, look({CONF: self.ROWS})).frees == frees

    def test_a_change_takes_those_that_left_the_plan(self):
        fewer = replace(self.WANTED, drivers_now={"0000:04:00.0": "igb"})
        seen = look({CONF: self.ROWS}, release_ready=True)
        assert decide_apply(fewer, self.END, seen).frees == ("0000:02:00.0",)
        assert decide_apply(self.WANTED, self.END, seen).frees == ()
        assert decide_apply(fewer, self.END, look({CONF: self.ROWS})).frees == ()

    def test_and_those_that_the_run_itself_disturbs(self):
        moving = replace(self.WANTED, disturbed=("0000:04:00.0",))
        assert decide_apply(moving, self.END, look({CONF: self.ROWS})).frees == ()
        moving = replace(moving, runtime_apply=True, apply_argv=("/s", "apply"))
        assert decide_apply(moving, self.END, look({CONF: self.ROWS})).frees == ("0000:04:00.0",)


def test_goals_name_the_paths_they_need_to_see():
    assert Removed().paths(None) == {}
    assert Removed().paths(FIRST.end) == {"/etc/ours/a": False, "/etc/cmdline": True, "/etc/wants": False}
    assert Applied(Wanted(files=(OURS,))).paths(FIRST.end) == Removed().paths(FIRST.end)
    assert Removed().decide(None, look({})) is None
    assert Applied(Wanted(boot_id="one")).decide(None, look({})).end is None
    assert Journal().is_empty


UNIT = ServiceUnit("nova.service", ("/var/log/nova",))
RESTART = Tool("restart", (), ("restart",), ("restart",), stamp="with us", former="without", service=UNIT)
WITH_UNIT = Wanted(boot_id="one", files=(OURS,), tools=(RESTART,), secrets_from=("/etc/nova.conf",))
AFTER = decide_apply(WITH_UNIT, None, look({}))
THERE = {"/etc/ours/a": DONE["/etc/ours/a"]}


class TestStampedTools:
    def runs(self, wanted, journal, **seen):
        return [run.name for run in decide_apply(wanted, journal, look(THERE, **seen)).tools]

    def stamped(self, **changes):
        return replace(WITH_UNIT, tools=(replace(RESTART, **changes),))

    def test_the_first_run(self):
        assert AFTER.actions == ("write /etc/ours/a", "restart")
        assert AFTER.tools[0].service == UNIT
        assert AFTER.tools[0].fallback == (("restart",),)
        assert (AFTER.begin.tools["restart"].stamp, AFTER.end.tools["restart"].stamp) == (None, "with us")
        assert AFTER.end.tools["restart"].service == UNIT
        assert AFTER.end.secrets_from == AFTER.begin.secrets_from == ("/etc/nova.conf",)

    def test_it_is_due_by_its_stamp_alone(self):
        assert self.runs(WITH_UNIT, AFTER.end) == []
        assert self.runs(WITH_UNIT, AFTER.begin) == ["restart"]  # unfinished
        assert self.runs(self.stamped(stamp="other"), AFTER.end) == ["restart"]
        assert self.runs(self.stamped(former="other"), AFTER.end) == []
        assert self.runs(self.stamped(force=True), AFTER.end) == ["restart"]

    def test_without_a_record_it_is_due_when_we_make_a_difference(self):
        assert self.runs(WITH_UNIT, None) == ["restart"]
        same = decide_apply(self.stamped(former="with us"), None, look(THERE))
        assert (same.tools, same.end.tools) == ((), {})

    def test_removal_undoes_it_when_it_made_a_difference(self):
        assert [run.argv for run in decide_remove(AFTER.end, look(THERE)).tools] == [("restart",)]
        alike = decide_apply(self.stamped(stamp="without"), AFTER.end, look(THERE)).end
        assert decide_remove(alike, look(THERE)).tools == ()

    def test_a_resting_service_is_left_so(self):
        removal = decide_remove(AFTER.end, look(THERE, resting=frozenset({"nova.service"})))
        assert removal.tools == ()
        assert removal.end is None

    def test_one_that_left_the_plan_is_undone_or_remembered_while_it_rests(self):
        fewer = replace(WITH_UNIT, tools=())
        assert self.runs(fewer, AFTER.end) == ["restart"]
        assert self.runs(fewer, AFTER.end, resting=frozenset({"nova.service"})) == []
        resting = decide_apply(fewer, AFTER.end, look(THERE, resting=frozenset({"nova.service"})))
        assert list(resting.end.tools) == ["restart"]
        assert decide_apply(fewer, AFTER.end, look(THERE)).end.tools == {}

    def test_the_goals_name_whose_secrets_count(self):
        edited = WantedFile("/etc/e", "nova", "file", foreign=True, edits=(LineEdit(1, ("a",), ("b",)),))
        assert Removed().secrets_from(None) == ()
        assert Removed().secrets_from(AFTER.end) == ("/etc/nova.conf",)
        wanted = replace(WITH_UNIT, files=(edited,), secrets_from=("/etc/other",))
        assert Applied(wanted).secrets_from(AFTER.end) == ("/etc/nova.conf", "/etc/other", "/etc/e")
        seen = look({"/etc/e": FileState("file", b"a\n", 0o600, 1, 2)})
        journal = decide_apply(wanted, None, seen).end
        assert Removed().secrets_from(journal) == ("/etc/other", "/etc/e")


class TestEditedFiles:
    FILE = WantedFile("/etc/e", "nova", "file", foreign=True, edits=(LineEdit(1, ("a",), ("b",)),))

    def decide(self, text, journal=None, wanted=None):
        seen = look({"/etc/e": FileState("file", text, 0o600, 1, 2, "context")})
        return decide_apply(wanted or Wanted(boot_id="one", files=(self.FILE,)), journal, seen)

    def test_owner_mode_and_context_stay(self):
        after = self.decide(b"a\n").changes[0].after
        assert after == FileState("file", b"b\n", 0o600, 1, 2, "context")

    def test_after_two_runs_that_were_cut_off_what_stands_there_is_known(self):
        other = replace(self.FILE, edits=(LineEdit(1, ("a",), ("c",)),))
        first = self.decide(b"a\n").begin
        second = self.decide(b"b\n", first, Wanted(boot_id="one", files=(other,))).begin
        for text in (b"b\n", b"c\n"):
            assert decide_remove(second, look({"/etc/e": FileState("file", text)})).changes[0].after.content == b"a\n"

    def test_the_same_holds_for_a_file_that_is_written_whole(self):
        other = replace(WANTED, files=(replace(FOREIGN, content=b"quiet other\n"),), tools=())
        first = decide_apply(replace(WANTED, files=(FOREIGN,), tools=()), None, look({})).begin
        second = decide_apply(other, first, look({"/etc/cmdline": DONE["/etc/cmdline"]})).begin
        assert second.files["/etc/cmdline"].is_ours(DONE["/etc/cmdline"])
        assert decide_remove(second, look({"/etc/cmdline": DONE["/etc/cmdline"]})).kept == ()

    def test_a_thing_that_is_no_file(self):
        wanted = Wanted(boot_id="one", files=(self.FILE,))
        with pytest.raises(MachineProblem, match="/etc/e: is a directory"):
            decide_apply(wanted, None, look({"/etc/e": FileState("other")}))
        with pytest.raises(MachineProblem, match="/etc/e: changed while this run was planning"):
            decide_apply(wanted, None, look({"/etc/e": FileState()}))
        journal = self.decide(b"a\n").end
        assert "no plain file" in decide_remove(journal, look({"/etc/e": FileState("other")})).kept[0].why
