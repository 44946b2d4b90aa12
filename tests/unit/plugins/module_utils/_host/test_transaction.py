# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import replace

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.toy_host import (
    CMDLINE,
    CONF,
    GRUB,
    GUARD,
    HOOK,
    JOURNAL,
    NEXT_BOOT,
    SCRIPT,
    STATE,
    UNIT,
    WANTS,
    ToyHost,
    in_memory,
)


@pytest.fixture
def host():
    with in_memory() as folder:
        yield ToyHost(folder)


def journal_of(host):
    return json.loads(host.text(JOURNAL))


FIRST_ACTIONS = [
    "make directory /etc/nova-pci-passthrough",
    "make directory /usr/local/lib/nova-pci-passthrough",
    "make directory /etc/systemd/system/multi-user.target.wants",
    "make directory /etc/systemd/system/nova-compute.service.d",
    f"write {GRUB}",
    f"write {CMDLINE}",
    f"write {CONF}",
    f"write {SCRIPT}",
    f"write {UNIT}",
    f"link {WANTS} to ../nova-pci-passthrough.service",
    f"write {GUARD}",
    f"write {HOOK}",
    "run update-initramfs",
    "run update-grub",
    "bind 0000:02:00.0 to vfio-pci (now e1000e)",
]


class TestCaseMatrix:
    def test_check_says_exactly_what_the_run_then_does_and_writes_nothing(self, host):
        before = host.identities()
        checked = host.check().to_dict()
        assert host.identities() == before
        assert host.log() == []
        done = host.run().to_dict()
        assert checked["actions"] == done["actions"] == FIRST_ACTIONS
        assert checked["changed"] is done["changed"] is True
        assert checked["reboot"] == done["reboot"]

    def test_the_first_run_does_all_of_it_in_order(self, host):
        outcome = host.run().to_dict()
        assert host.log() == ["update-initramfs", "update-grub", "devices.sh apply"]
        assert "intel_iommu=on" in host.text("/boot/grub/grub.cfg")
        assert host.text(CMDLINE) == "root=/dev/vda1 quiet intel_iommu=on\n"
        assert os.readlink(host.at(WANTS)) == "../nova-pci-passthrough.service"
        assert oct(host.at(SCRIPT).stat().st_mode & 0o7777) == "0o755"
        assert oct(host.at(CMDLINE).stat().st_mode & 0o7777) == "0o640"
        assert outcome["steps"] == [
            {"status": "changed", "address": "0000:02:00.0", "message": "bound to vfio-pci"},
        ]
        assert outcome["reboot"] == {
            "required": True,
            "reasons": ["kernel argument intel_iommu=on is not running yet"],
        }

    def test_a_second_run_writes_nothing_and_runs_nothing(self, host):
        host.run()
        host.log()
        before = host.identities()
        outcome = host.run()
        assert outcome.to_dict()["changed"] is False
        assert outcome.to_dict()["actions"] == []
        assert host.log() == []
        assert host.identities() == before

    def test_a_change_runs_only_the_tools_it_concerns(self, host):
        host.run()
        host.log()
        host.token = "amd_iommu=force_enable"
        checked = host.check().to_dict()
        done = host.run().to_dict()
        assert checked["actions"] == done["actions"] == [f"write {GRUB}", f"write {CMDLINE}", "run update-grub"]
        assert host.log() == ["update-grub"]
        assert host.run().to_dict()["changed"] is False

    def test_removal_brings_every_byte_and_mode_back_and_leaves_no_trace(self, host):
        before = host.tree(leave_out=("/boot",))
        host.run()
        checked = host.check("absent").to_dict()
        done = host.run("absent").to_dict()
        assert checked["actions"] == done["actions"]
        assert done["actions"][0] == f"run {SCRIPT} release"
        assert f"restore {CMDLINE}" in done["actions"]
        assert host.tree(leave_out=("/boot",)) == before
        assert "intel_iommu" not in host.text("/boot/grub/grub.cfg")
        assert host.text("/boot/initrd.img-6.1") == "initrd\n"
        assert done["kept"] == []

    def test_a_second_removal_changes_nothing(self, host):
        host.run()
        host.run("absent")
        before = host.identities()
        assert host.run("absent").to_dict()["changed"] is False
        assert host.check("absent").to_dict()["changed"] is False
        assert host.identities() == before

    def test_removal_on_a_host_that_never_saw_us(self, host):
        before = host.identities()
        assert host.run("absent").to_dict() == {
            "changed": False,
            "actions": [],
            "steps": [],
            "kept": [],
            "notes": [],
            "reboot": {"required": False, "reasons": []},
        }
        assert host.identities() == before

    def test_removal_after_several_changes_goes_back_to_the_very_first_state(self, host):
        before = host.tree(leave_out=("/boot",))
        host.run()
        host.token = "iommu=pt"
        host.addresses.append("0000:03:00.0")
        host.run()
        host.reboot()
        host.run()
        host.write("/proc/cmdline", "root=/dev/vda1 quiet\n")
        host.run("absent")
        assert host.tree(leave_out=("/boot",)) == before

    def test_removal_says_that_the_running_kernel_still_has_our_argument(self, host):
        host.run()
        host.reboot()
        assert host.run("absent").to_dict()["reboot"] == {
            "required": True,
            "reasons": ["the running kernel still has intel_iommu=on; it goes with the next reboot"],
        }

    def test_an_argument_that_was_there_before_us_is_not_ours(self, host):
        host.write(GRUB, f"# by hand {host.token}\n")
        host.run()
        host.reboot()
        assert host.run("absent").to_dict()["reboot"]["required"] is False

    def test_a_declaration_that_became_empty_gives_everything_back(self, host):
        before = host.tree(leave_out=("/boot", JOURNAL, STATE))
        host.run()
        host.addresses = []
        checked = host.check().to_dict()
        done = host.run().to_dict()
        assert checked["actions"] == done["actions"]
        assert done["actions"][0] == f"run {SCRIPT} release"
        assert host.tree(leave_out=("/boot", JOURNAL, STATE)) == before
        assert host.run().to_dict()["changed"] is False

    def test_a_device_that_left_the_declaration_is_given_back_while_its_row_is_known(self, host):
        host.addresses = ["0000:02:00.0", "0000:03:00.0"]
        host.run()
        host.log()
        host.addresses = ["0000:02:00.0"]
        checked = host.check().to_dict()
        done = host.run().to_dict()
        assert checked["actions"] == done["actions"]
        assert done["actions"][0] == f"run {SCRIPT} release 0000:03:00.0"
        assert host.log()[0] == "devices.sh release 0000:03:00.0"
        assert host.text("/sys/bound").split() == ["0000:02:00.0"]
        assert host.run().to_dict()["changed"] is False


class TestJournal:
    def test_it_is_private(self, host):
        host.run()
        assert oct(host.at(JOURNAL).stat().st_mode & 0o7777) == "0o600"
        assert oct(host.at(STATE).stat().st_mode & 0o7777) == "0o700"

    def test_it_holds_what_a_removal_needs(self, host):
        host.run()
        journal = journal_of(host)
        assert journal["version"] == 1
        assert journal["unfinished"] is None
        assert journal["files"][GRUB]["former"] == {"kind": "absent"}
        assert journal["files"][CMDLINE]["former"]["mode"] == "0640"
        assert journal["former_drivers"] == {"0000:02:00.0": "e1000e"}
        assert journal["release_argv"] == [SCRIPT, "release"]
        assert journal["tools"]["update-grub"]["undo"] == ["update-grub"]
        assert journal["kernel_arguments"] == ["intel_iommu=on"]
        assert journal["snapshots"] == {}
        assert sorted(os.listdir(host.at(STATE))) == ["journal.json", "lock"]

    def test_the_former_driver_is_the_one_before_us(self, host):
        host.run()
        host.token = "iommu=pt"
        host.run()
        assert journal_of(host)["former_drivers"] == {"0000:02:00.0": "e1000e"}

    def test_the_pending_reboot_is_remembered_with_its_boot_and_never_shortened(self, host):
        host.run()
        assert journal_of(host)["pending_reboot"] == {
            "boot_id": host.boot_id,
            "waits_for": ["intel_iommu=on"],
            "reasons": ["kernel argument intel_iommu=on is not running yet"],
            "ineffective": [],
        }
        host.token = "iommu=pt"
        host.run()
        assert journal_of(host)["pending_reboot"]["waits_for"] == ["intel_iommu=on", "iommu=pt"]

    def test_a_reboot_that_happened_is_forgotten_without_counting_as_a_change(self, host):
        host.run()
        host.reboot()
        before = host.text(JOURNAL)
        assert host.check().to_dict()["changed"] is False
        assert host.text(JOURNAL) == before
        outcome = host.run().to_dict()
        assert outcome["changed"] is False
        assert outcome["reboot"]["required"] is False
        assert journal_of(host)["pending_reboot"] is None
        quiet = host.identities()
        host.run()
        assert host.identities() == quiet

    def test_an_argument_without_effect_stays_known_over_later_reboots(self, host):
        host.run()
        host.boot_id = NEXT_BOOT
        plan = host.plan()
        plan["reboot"] = {"required": False, "reasons": [], "waits_for": [], "ineffective": ["intel_iommu=on"]}
        host.plan = lambda: plan
        host.run()
        assert journal_of(host)["pending_reboot"]["waits_for"] == ["intel_iommu=on"]
        assert journal_of(host)["pending_reboot"]["boot_id"] != NEXT_BOOT

    @pytest.mark.parametrize(
        ("text", "word"),
        [
            ("{", "is not JSON"),
            ("", "is not JSON"),
            ("[]", "no JSON object"),
            ('{"version": 99}', "has version 99"),
            ('{"version": 1}', "lacks pending_reboot"),
            ("[" * 100000, "JSON"),
        ],
    )
    @pytest.mark.parametrize("state", ["present", "absent"])
    def test_a_journal_that_cannot_be_trusted_stops_everything(self, host, text, word, state):
        host.run()
        host.write(JOURNAL, text)
        before = host.tree()
        with pytest.raises(MachineProblem, match="journal.json") as caught:
            host.run(state)
        if "[[" not in text:
            assert word in str(caught.value)
        assert "nothing has been changed" in str(caught.value)
        assert host.tree() == before

    def test_a_journal_that_is_a_symbolic_link_is_not_followed(self, host):
        host.run()
        host.at(JOURNAL).rename(host.at("/etc/elsewhere"))
        host.at(JOURNAL).symlink_to("/etc/elsewhere")
        with pytest.raises(MachineProblem, match="is no plain file"):
            host.run()

    def test_a_lost_journal_is_not_replaced_by_our_own_files_as_the_former_state(self, host):
        host.run()
        host.at(JOURNAL).unlink()
        host.run()
        assert journal_of(host)["files"][GRUB]["former"] == {"kind": "absent"}
        assert journal_of(host)["files"][WANTS]["former"] == {"kind": "absent"}
        host.run("absent")
        assert not host.at(GRUB).exists()
        assert not os.path.lexists(host.at(WANTS))


class TestAdministrator:
    def test_what_was_changed_since_is_left_and_named(self, host):
        host.run()
        host.write(UNIT, "# mine now\n")
        host.write(CMDLINE, "root=/dev/vdb1\n")
        done = host.run("absent").to_dict()
        assert {kept["path"] for kept in done["kept"]} == {UNIT, CMDLINE}
        assert all("changed by someone else" in kept["why"] for kept in done["kept"])
        assert host.text(UNIT) == "# mine now\n"
        assert host.text(CMDLINE) == "root=/dev/vdb1\n"
        assert not host.at(GRUB).exists()

    def test_what_was_kept_stays_known_and_a_second_removal_writes_nothing(self, host):
        host.run()
        mine = host.text(CMDLINE)
        host.write(CMDLINE, "root=/dev/vdb1\n")
        host.run("absent")
        host.log()
        before = host.identities()
        again = host.run("absent").to_dict()
        assert again["changed"] is False
        assert [kept["path"] for kept in again["kept"]] == [CMDLINE]
        assert host.identities() == before
        host.write(CMDLINE, mine)
        assert host.run("absent").to_dict()["actions"] == [f"restore {CMDLINE}", "run update-grub"]
        assert host.log() == ["update-grub"]
        assert not host.at(STATE).exists()

    def test_a_foreign_file_edited_between_two_of_our_runs_is_never_restored_over_it(self, host):
        host.run()
        host.write(CMDLINE, "root=/dev/vda1 quiet intel_iommu=on mitigations=off\n")
        assert host.run().to_dict()["actions"] == ["run update-grub"]  # its input differs from what it last saw
        host.token = "iommu=pt"
        host.run()
        done = host.run("absent").to_dict()
        assert [kept["path"] for kept in done["kept"]] == [CMDLINE]
        assert "mitigations=off" in host.text(CMDLINE)

    def test_a_file_of_ours_that_was_removed_is_no_trouble(self, host):
        host.run()
        host.at(GRUB).unlink()
        done = host.run("absent").to_dict()
        assert done["kept"] == []
        assert not host.at(STATE).exists()

    def test_a_foreign_file_that_was_removed_is_kept_so(self, host):
        host.run()
        host.at(CMDLINE).unlink()
        done = host.run("absent").to_dict()
        assert "was removed by someone else" in done["kept"][0]["why"]
        assert not host.at(CMDLINE).exists()

    def test_a_chmod_since_stays(self, host):
        host.run()
        host.at(CMDLINE).chmod(0o600)
        assert host.run("absent").to_dict()["kept"] == []
        assert host.text(CMDLINE) == "root=/dev/vda1 quiet\n"
        assert oct(host.at(CMDLINE).stat().st_mode & 0o7777) == "0o600"

    def test_our_file_edited_is_ours_again_at_the_next_run(self, host):
        host.run()
        host.write(GRUB, "# edited\n")
        assert host.run().to_dict()["actions"] == [f"write {GRUB}", "run update-grub"]
        host.run("absent")
        assert not host.at(GRUB).exists()

    def test_a_file_that_stood_at_our_path_comes_back(self, host):
        host.write(GRUB, "# an administrator was first\n")
        host.at(GRUB).chmod(0o600)
        host.run()
        host.run("absent")
        assert host.text(GRUB) == "# an administrator was first\n"
        assert oct(host.at(GRUB).stat().st_mode & 0o7777) == "0o600"

    def test_a_mode_alone_is_mended_and_given_back(self, host):
        host.run()
        host.at(SCRIPT).chmod(0o644)
        assert host.run().to_dict()["actions"][0] == f"set mode 0755 of {SCRIPT}"

    def test_a_directory_of_ours_with_something_of_others_stays(self, host):
        host.run()
        host.write("/etc/nova-pci-passthrough/mine", "")
        checked = host.check("absent").to_dict()
        done = host.run("absent").to_dict()
        assert checked["actions"] == done["actions"]
        assert "remove directory /etc/nova-pci-passthrough" not in done["actions"]
        assert host.at("/etc/nova-pci-passthrough/mine").exists()
        assert not host.at(STATE).exists()

    def test_a_foreign_symbolic_link_is_edited_at_its_target(self, host):
        host.at(CMDLINE).rename(host.at("/etc/real-cmdline"))
        host.at(CMDLINE).symlink_to("../real-cmdline")
        before = host.tree(leave_out=("/boot",))
        host.run()
        assert host.at(CMDLINE).is_symlink()
        assert "intel_iommu=on" in host.text("/etc/real-cmdline")
        host.run("absent")
        assert host.tree(leave_out=("/boot",)) == before


class TestStrangePaths:
    @pytest.mark.parametrize("path", [GRUB, SCRIPT, HOOK])
    def test_a_symbolic_link_at_our_path_is_never_written_through(self, host, path):
        host.write("/etc/shadow", "secret\n")
        host.at(path).parent.mkdir(parents=True, exist_ok=True)
        host.at(path).symlink_to("/etc/shadow")
        before = host.tree()
        with pytest.raises(MachineProblem, match="is a symbolic link to /etc/shadow") as caught:
            host.run()
        assert caught.value.where == path
        assert host.tree() == before

    def test_a_directory_at_our_path(self, host):
        host.at(GRUB).mkdir()
        before = host.tree()
        with pytest.raises(MachineProblem, match="is a directory"):
            host.run()
        assert host.tree() == before

    def test_a_file_where_our_link_belongs(self, host):
        host.write(WANTS, "unit\n")
        with pytest.raises(MachineProblem, match="is a file where a symbolic link belongs"):
            host.run()

    def test_a_temporary_file_set_as_a_trap_is_replaced_and_not_followed(self, host):
        host.write("/etc/shadow", "secret\n")
        trap = host.at("/etc/default/grub.d/.zz-nova-pci-passthrough.cfg.nova-pci-tmp")
        trap.symlink_to(host.at("/etc/shadow"))
        host.run()
        assert host.text("/etc/shadow") == "secret\n"
        assert not os.path.lexists(trap)


class TestFailures:
    """After each: the former bytes, no journal that was not there, and a second run that succeeds."""

    def assert_rolled_back(self, host, before, leave_out=("/boot/initrd.img-6.1.new",)):
        assert host.tree(leave_out=leave_out) == {
            path: state for path, state in before.items() if path not in leave_out
        }

    @pytest.mark.parametrize(("how", "words"), [("fail", "ended with status 1"), ("half", "was killed by signal 9")])
    def test_update_grub_that_fails(self, host, how, words):
        before = host.tree()
        broken = host.mark("break-update-grub", how)
        with pytest.raises(MachineProblem, match=words) as caught:
            host.run()
        assert caught.value.where == "update-grub"
        assert "Generating grub configuration" in str(caught.value)
        assert ("no such device" in str(caught.value)) == (how == "fail")
        assert "Everything is back as it was" in str(caught.value)
        # The initramfs was rebuilt before: its former bytes are back too.
        self.assert_rolled_back(host, before)
        broken.unlink()
        assert host.run().to_dict()["actions"] == FIRST_ACTIONS

    def test_update_grub_that_hangs_is_ended(self, host):
        before = host.tree()
        host.mark("break-update-grub", "slow")
        started = time.monotonic()
        with pytest.raises(MachineProblem, match="did not end within 1 seconds"):
            host.run(timeout=1)
        assert time.monotonic() - started < 15
        self.assert_rolled_back(host, before)

    def test_an_initramfs_tool_that_fails(self, host):
        before = host.tree()
        broken = host.mark("break-update-initramfs")
        with pytest.raises(MachineProblem, match="No space left on device"):
            host.run()
        self.assert_rolled_back(host, before)
        broken.unlink()
        host.run()

    def test_a_second_run_that_fails_goes_back_to_the_first(self, host):
        host.run()
        before = host.tree()
        host.token = "iommu=pt"
        broken = host.mark("break-update-grub", "half")
        with pytest.raises(MachineProblem):
            host.run()
        self.assert_rolled_back(host, before)
        broken.unlink()
        assert host.run().to_dict()["actions"] == [f"write {GRUB}", f"write {CMDLINE}", "run update-grub"]

    def test_a_removal_that_fails_puts_everything_back_in_place(self, host):
        host.run()
        before = host.tree()
        broken = host.mark("break-update-grub", "half")
        with pytest.raises(MachineProblem, match="Everything is back"):
            host.run("absent")
        self.assert_rolled_back(host, before)
        assert host.text("/sys/bound").split() == ["0000:02:00.0"]
        broken.unlink()
        host.run("absent")
        assert not host.at(STATE).exists()

    def test_a_bind_that_fails_takes_the_files_back_and_frees_what_was_bound(self, host):
        host.addresses = ["0000:02:00.0", "0000:03:00.0"]
        before = host.tree()
        broken = host.mark("break-0000:03:00.0")
        with pytest.raises(MachineProblem, match="0000:03:00.0 vfio-pci refused it"):
            host.run()
        assert "devices.sh release 0000:02:00.0" in host.log()
        self.assert_rolled_back(host, before)
        broken.unlink()
        host.run()
        assert host.text("/sys/bound").split() == host.addresses

    def test_a_bind_that_fails_later_leaves_the_devices_bound_before(self, host):
        host.run()
        before = host.tree()
        host.addresses = ["0000:02:00.0", "0000:04:00.0", "0000:03:00.0"]
        host.mark("break-0000:03:00.0")
        with pytest.raises(MachineProblem, match="0000:03:00.0"):
            host.run()
        assert host.text("/sys/bound").split() == ["0000:02:00.0"]
        self.assert_rolled_back(host, before)

    def test_a_removal_while_a_guest_holds_a_device_is_refused_before_any_file(self, host):
        host.run()
        before = host.tree()
        held = host.mark("held")
        with pytest.raises(MachineProblem, match="is held by a guest"):
            host.run("absent")
        self.assert_rolled_back(host, before)
        held.unlink()
        host.run("absent")

    def test_a_tool_that_is_not_installed_is_named_before_anything_is_written(self, host):
        host.at("/usr/sbin/update-grub").unlink()
        before = host.identities()
        for attempt in (host.check, host.run):
            with pytest.raises(MachineProblem, match="update-grub: is not installed"):
                attempt()
        assert host.identities() == before

    def test_a_tool_without_touches_is_undone_by_its_own_command(self, host):
        plan = host.plan()
        plan["files"], plan["runtime"] = [], {}
        host.write("/usr/sbin/grubby", '#!/bin/sh\necho "grubby $*" >> "$NOVA_PCI_ROOT/../log"\n')
        host.at("/usr/sbin/grubby").chmod(0o755)
        grubby = {"name": "grubby", "layers": ["kernel_arguments"], "argv": ["grubby", "--args=a"], "force": True}
        plan["tools"] = [
            {**grubby, "undo": ["grubby", "--remove-args=a"]},
            {"name": "update-grub", "layers": [], "argv": ["update-grub"], "touches": [], "force": True},
        ]
        host.plan = lambda: plan
        broken = host.mark("break-update-grub", "fail")
        with pytest.raises(MachineProblem, match="update-grub"):
            host.run()
        assert host.log() == ["grubby --args=a", "update-grub", "grubby --remove-args=a"]
        broken.unlink()
        assert host.run().to_dict()["actions"] == ["run grubby", "run update-grub"]
        for tool in plan["tools"]:
            tool["force"] = False
        assert host.run().to_dict()["changed"] is False
        host.log()
        assert host.run("absent").to_dict()["actions"] == ["undo grubby"]
        assert host.log() == ["grubby --remove-args=a"]

    def test_a_request_to_end_takes_the_way_back(self, host):
        before = host.tree()
        host.mark("break-update-grub", "slow")
        child = os.fork()
        if child == 0:
            try:
                host.run()
            except MachineProblem as problem:
                os._exit(7 if "SIGTERM" in str(problem) else 8)
            os._exit(9)
        until(lambda: host.text("/boot/grub/grub.cfg") == "half\n")
        os.kill(child, signal.SIGHUP)  # a lost connection is no reason to stop
        os.kill(child, signal.SIGTERM)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
        self.assert_rolled_back(host, before)


def until(condition):
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class RecordingFiles(Files):
    """Remembers each operation."""

    steps: list[tuple[str, str]]

    def step(self, operation, path):
        type(self).steps.append((operation, path))


def test_what_a_tool_wrote_is_flushed_before_the_journal_calls_the_run_finished(host):
    """GRUB's generator and others leave that to the kernel, and a power cut a moment later would boot half a file."""
    recording = type("Recording", (RecordingFiles,), {"steps": []})
    host.files_class = recording
    host.run()
    steps = recording.steps
    ran = steps.index(("ran", "update-grub"))
    flushed = steps.index(("fsync", str(host.at("/boot/grub/grub.cfg"))), ran)
    assert steps.index(("fsync-directory", str(host.at("/boot/grub"))), flushed) == flushed + 1
    finished = max(number for number, step in enumerate(steps) if step == ("rename", str(host.at(host.journal))))
    assert ran < flushed < finished


class FailingFiles(Files):
    """Fails the nth operation with an error of the system."""

    fail_at = 0
    number = errno.ENOSPC
    count = 0

    def step(self, operation, path):
        cls = type(self)
        if operation in ("run", "ran"):
            return
        cls.count += 1
        if cls.count == cls.fail_at:
            raise OSError(cls.number, os.strerror(cls.number), path)


def failing(number, fail_at=0):
    return type("Failing", (FailingFiles,), {"number": number, "fail_at": fail_at, "count": 0})


class TestEveryErrorOfTheDisk:
    """Each operation in turn fails: the run either names the error and all is as before, or it was through already."""

    def assert_rolled_back(self, host, words, number, before, leave_out):
        assert os.strerror(number) in words
        assert "Then the way back failed" not in words
        assert host.tree(leave_out) == before, words

    def fail_each(self, host, number, leave_out):
        host.save()
        before = host.tree(leave_out)
        plan = host.plan()
        host.plan = lambda: plan
        point, through = 0, 0
        while True:
            point += 1
            host.files_class = failing(number, point)
            try:
                host.run()
            except MachineProblem as problem:
                self.assert_rolled_back(host, str(problem), number, before, leave_out)
                assert not through, "a failure counts after the run was through"
            else:
                if host.files_class.count < point:
                    break
                through += 1
                host.files_class = Files
                host.run()
                assert set(os.listdir(host.at(STATE))) == {"journal.json", "lock"}
                host.go_back()
        return point - 1, through

    @pytest.mark.parametrize("number", [errno.ENOSPC, errno.EROFS], ids=errno.errorcode.get)
    def test_a_change(self, host, number):
        host.run()
        host.token, host.addresses = "iommu=pt", ["0000:05:00.0"]
        points, through = self.fail_each(host, number, (STATE + "/lock",))
        print(f"{points} operations failed in turn with {errno.errorcode[number]}; {through} of them after the commit")
        assert points > 45
        assert through < 10

    def test_a_first_run_leaves_no_trace(self, host):
        points, through = self.fail_each(host, errno.ENOSPC, ())
        print(f"{points} operations failed in turn; {through} of them after the commit")
        assert points > 60
        assert through < 10


class TestPreflight:
    def room(self, top="/boot/", **changes):
        class Tight(Files):
            def room(self, path):
                found = super().room(path)
                return replace(found, **changes) if path.startswith(top) else found

        return Tight

    @pytest.mark.parametrize("top", ["/boot/", "/etc/"])
    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"read_only": True}, "mounted read-only"),
            ({"writable": False}, "permission denied"),
            ({"filesystem": -1, "bytes_free": 4096}, "with 4 KiB free"),
            ({"filesystem": -1, "inodes_free": 3}, "3 free inodes"),
        ],
    )
    def test_a_place_that_cannot_take_it_is_named_before_anything_is_written(self, host, top, changes, words):
        host.files_class = self.room(top, **changes)
        before = host.identities()
        for attempt in (host.check, host.run):
            with pytest.raises(MachineProblem, match=words) as caught:
                attempt()
            assert caught.value.where.startswith(top)
            assert "\n" not in str(caught.value)
        assert host.identities() == before

    def test_an_unchanged_host_needs_no_room(self, host):
        host.run()
        host.files_class = self.room(read_only=True)
        assert host.run().to_dict()["changed"] is False


class TestTwoRuns:
    def test_a_second_run_names_the_first_and_gives_up_in_time(self, host):
        host.at(STATE).mkdir(mode=0o700)
        with open(host.at(STATE + "/lock"), "w+", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            lock.write("4711\n")
            lock.flush()
            before = host.tree()
            with pytest.raises(MachineProblem, match="process 4711"):
                host.run(patience=0.3)
            assert host.tree() == before
        host.run()

    def test_a_second_run_waits_and_then_finds_nothing_to_do(self, host):
        host.at(STATE).mkdir(mode=0o700)
        code = (
            "import fcntl,sys,time; f=open(sys.argv[1],'w'); fcntl.flock(f,2); print('held',flush=True); time.sleep(1)"
        )
        holder = subprocess.Popen(
            [sys.executable, "-c", code, str(host.at(STATE + "/lock"))], stdout=subprocess.PIPE, text=True
        )
        with holder:
            assert holder.stdout.readline() == "held\n"
            assert host.run(patience=20).to_dict()["changed"] is True

    def test_many_at_once_end_in_one_result(self, host):
        children = []
        for _each in range(6):
            child = os.fork()
            if child == 0:
                try:
                    os._exit(10 if host.run(patience=60).to_dict()["changed"] else 11)
                finally:
                    os._exit(1)
            children.append(child)
        codes = [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children]
        assert set(codes) <= {10, 11}  # each one's plan was made on the untouched host, so each may try the bind
        assert host.log().count("update-grub") == 1
        assert journal_of(host)["unfinished"] is None

    def test_what_another_run_did_since_the_first_look_is_no_refusal(self, host):
        """It removed the script that our removal wants to run: the host is looked at again under the lock."""
        host.run()
        transaction = host.transaction("absent")
        look = transaction.look

        def look_then_lose():
            transaction.look = look
            seen = look()
            host.run("absent")
            return seen

        transaction.look = look_then_lose
        assert transaction.run().to_dict()["changed"] is False
        assert not host.at(STATE).exists()

    def test_a_refusal_while_another_run_holds_the_lock_waits_for_it(self, host):
        host.run()
        removal = host.transaction("absent", patience=0.3)
        seen = removal.look()
        removal.look = lambda: seen
        host.at(SCRIPT).unlink()
        with open(host.at(STATE + "/lock"), "r+", encoding="ascii") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            with pytest.raises(MachineProblem, match="another run is at work"):
                removal.run()
        with pytest.raises(MachineProblem, match="is not installed"):
            removal.run()

    def test_a_run_and_a_removal_at_once_corrupt_nothing(self, host):
        host.run()
        children = []
        # What each is to do is worked out before any of them begins: the toy host's plan reads files without a lock.
        for run in [host.transaction(state, patience=60) for state in ("absent", "present", "absent", "present")]:
            child = os.fork()
            if child == 0:
                try:
                    run.run()
                    os._exit(0)
                finally:
                    traceback.print_exc()  # only an error comes this far
                    os._exit(1)
            children.append(child)
        assert [os.waitpid(child, 0)[1] for child in children] == [0] * 4
        if host.at(JOURNAL).exists():
            assert journal_of(host)["unfinished"] is None
        host.run("absent")
        assert not host.at(STATE).exists()


class TestDiff:
    def test_before_and_after_of_each_path(self, host):
        rows = {row["before_header"]: row for row in host.check().diff()}
        assert rows[CMDLINE]["before"] == "root=/dev/vda1 quiet\n"
        assert rows[CMDLINE]["after"] == "root=/dev/vda1 quiet intel_iommu=on\n"
        assert rows[GRUB]["before"] == ""
        assert rows[WANTS]["after"] == "symbolic link to ../nova-pci-passthrough.service\n"

    def test_a_secret_is_never_shown(self, host):
        plan = host.plan()
        plan["files"][1] = {**plan["files"][1], "secret": True, "content": "password=hunter2\n"}
        host.write(CMDLINE, "password=hunter1\n")
        host.plan = lambda: plan
        shown = json.dumps([host.check().diff(), host.run().diff(), host.check("absent").diff()])
        assert "hunter" not in shown
        assert "secret" in shown
