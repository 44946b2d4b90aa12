# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What transaction.py does with a plan for Nova: edited lines, restarted services, and nothing of a secret anywhere."""

from __future__ import annotations

import json
import os

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.transaction import read_texts
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.toy_host import in_memory
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.toy_nova import (
    COMPUTE,
    DROP_IN,
    NOVA_CONF,
    NOVA_CONF_TEXT,
    SCHEDULER,
    SECRET,
    UNITS,
    ToyNova,
)

EDITED = NOVA_CONF_TEXT.replace(
    "enabled_filters = ComputeFilter\n",
    "# before nova_pci.passthrough: enabled_filters = ComputeFilter\n"
    "enabled_filters = ComputeFilter,PciPassthroughFilter\n",
)
RESTARTS = [f"restart {SCHEDULER}", f"restart {COMPUTE}"]


@pytest.fixture
def host():
    with in_memory() as folder:
        yield ToyNova(folder)


def configuration(host):
    """Everything but what the toy services write themselves."""
    return host.tree(leave_out=(UNITS, "/var/log"))


def changed(host, state="present"):
    """Run; check mode before has to promise the same and to leave everything alone."""
    host.log()
    before = host.identities()
    checked = host.check(state)
    assert host.identities() == before
    assert host.log() == []
    done = host.run(state)
    assert checked.to_dict() == done.to_dict()
    assert checked.diff() == done.diff()
    return done.to_dict()


class TestCaseMatrix:
    def test_a_first_run_edits_writes_and_restarts_in_order(self, host):
        done = changed(host)
        assert done["actions"] == [
            "make directory /etc/nova/nova-compute.conf.d",
            f"write {DROP_IN}",
            f"edit {NOVA_CONF}",
            "restart nova-scheduler",
            "restart nova-compute",
        ]
        assert host.log() == RESTARTS
        assert host.text(NOVA_CONF) == EDITED
        assert oct(host.at(NOVA_CONF).stat().st_mode & 0o7777) == "0o640"
        assert host.holds_settings_of_old() == []

    def test_a_second_run_writes_nothing_and_restarts_nothing(self, host):
        host.run()
        host.log()
        before = host.identities()
        assert host.run().to_dict()["changed"] is False
        assert host.identities() == before
        assert host.log() == []

    def test_a_change_restarts_only_the_service_that_reads_it(self, host):
        host.run()
        host.log()
        host.spec = '{"address": "0000:09:00.0"}'
        assert changed(host)["actions"] == [f"write {DROP_IN}", "restart nova-compute"]
        assert host.log() == [f"restart {COMPUTE}"]
        assert host.run().to_dict()["changed"] is False

    def test_other_edits_replace_the_former_ones_in_one_write(self, host):
        host.run()
        host.filters = "ComputeFilter,Other"
        outcome = host.check()
        assert outcome.diff() == [
            {
                "before_header": NOVA_CONF,
                "after_header": NOVA_CONF,
                "before": "line 10: # before nova_pci.passthrough: enabled_filters = ComputeFilter\n"
                "line 11: enabled_filters = ComputeFilter,PciPassthroughFilter\n",
                "after": "line 10: # before nova_pci.passthrough: enabled_filters = ComputeFilter\n"
                "line 11: enabled_filters = ComputeFilter,Other\n",
            }
        ]
        assert changed(host)["actions"] == [f"edit {NOVA_CONF}", "restart nova-scheduler"]
        assert host.text(NOVA_CONF) == EDITED.replace("PciPassthroughFilter", "Other")
        host.run("absent")
        assert host.text(NOVA_CONF) == NOVA_CONF_TEXT

    def test_removal_brings_back_every_byte_and_restarts_the_services(self, host):
        before = configuration(host)
        host.run()
        host.log()
        done = changed(host, "absent")
        assert done["actions"] == [
            f"take our lines out of {NOVA_CONF}",
            f"remove {DROP_IN}",
            "remove directory /etc/nova/nova-compute.conf.d",
            "restart nova-scheduler",
            "restart nova-compute",
        ]
        assert configuration(host) == before
        assert host.log() == RESTARTS
        assert host.holds_settings_of_old() == []
        quiet = host.identities()
        assert host.run("absent").to_dict()["changed"] is False
        assert host.identities() == quiet

    def test_what_left_the_plan_is_given_back(self, host):
        before = configuration(host)
        host.run()
        host.log()
        host.filters = host.spec = None
        changed(host)
        assert {path: state for path, state in configuration(host).items() if not path.startswith(host.state)} == before
        assert host.log() == RESTARTS
        assert host.run().to_dict()["changed"] is False

    def test_a_service_that_gets_nothing_is_not_restarted_and_not_remembered(self, host):
        host.spec = None
        host.run()
        assert host.log() == [f"restart {SCHEDULER}"]
        assert list(host.remembered()["tools"]) == ["restart nova-scheduler"]
        host.run("absent")
        assert host.log() == [f"restart {SCHEDULER}"]

    def test_the_host_s_own_journal_is_another_one(self, host):
        host.run()
        assert not host.at("/var/lib/nova-pci-passthrough").exists()
        assert sorted(os.listdir(host.at(host.state))) == ["journal.json", "lock"]


class TestForeignFile:
    def test_only_lines_numbers_and_hashes_are_remembered(self, host):
        host.run()
        record = host.remembered()["files"][NOVA_CONF]
        assert set(record["former"]) == {"kind", "sha256", "mode", "uid", "gid", "context"}
        assert record["written"]["edits"] == [
            {
                "line": 10,
                "old": ["enabled_filters = ComputeFilter"],
                "new": EDITED.splitlines()[9:11],
            }
        ]
        assert record["intended"] is None

    def test_edits_of_others_elsewhere_stay(self, host):
        host.run()
        host.write(NOVA_CONF, "# mine\n\n" + host.text(NOVA_CONF) + "[quota]\n")
        host.log()
        assert host.run().to_dict()["changed"] is False
        quiet = host.identities()
        assert host.run().to_dict()["changed"] is False
        assert host.identities() == quiet
        assert host.log() == []
        done = changed(host, "absent")
        assert done["kept"] == []
        assert host.text(NOVA_CONF) == "# mine\n\n" + NOVA_CONF_TEXT + "[quota]\n"

    def test_our_own_lines_changed_are_kept_and_named_and_remembered(self, host):
        host.run()
        theirs = host.text(NOVA_CONF).replace("PciPassthroughFilter", "PciPassthroughFilter,Theirs")
        host.write(NOVA_CONF, theirs)
        host.log()
        done = changed(host, "absent")
        assert [kept["path"] for kept in done["kept"]] == [NOVA_CONF]
        assert "other lines now" in done["kept"][0]["why"]
        assert host.text(NOVA_CONF) == theirs
        assert not host.at(DROP_IN).exists()
        host.log()
        quiet = host.identities()
        again = host.run("absent").to_dict()
        assert (again["changed"], len(again["kept"])) == (False, 1)
        assert host.identities() == quiet
        host.write(NOVA_CONF, EDITED)
        assert changed(host, "absent")["actions"] == [f"take our lines out of {NOVA_CONF}", *_named(RESTARTS)]
        assert not host.at(host.state).exists()

    def test_our_own_lines_changed_are_theirs_in_the_next_run(self, host):
        host.run()
        theirs = host.text(NOVA_CONF).replace("PciPassthroughFilter", "Theirs")
        host.write(NOVA_CONF, theirs)
        host.filters = "ComputeFilter,Theirs,PciPassthroughFilter"
        changed(host)
        assert "\nenabled_filters = ComputeFilter,Theirs,PciPassthroughFilter\n" in host.text(NOVA_CONF)
        assert host.run().to_dict()["changed"] is False
        assert changed(host, "absent")["kept"] == []
        assert host.text(NOVA_CONF) == theirs

    def test_a_file_that_was_written_anew_without_our_lines_has_nothing_to_give_back(self, host):
        host.run()
        host.write(NOVA_CONF, "[DEFAULT]\n# from another tool\n")
        done = changed(host, "absent")
        assert done["kept"] == []
        assert host.text(NOVA_CONF) == "[DEFAULT]\n# from another tool\n"
        assert not host.at(host.state).exists()

    def test_a_file_that_was_removed_stays_removed(self, host):
        host.run()
        host.at(NOVA_CONF).unlink()
        assert changed(host, "absent")["kept"] == []
        assert not host.at(NOVA_CONF).exists()

    def test_a_line_that_changed_since_the_plan_is_named_and_nothing_is_written(self, host):
        plan = host.plan()
        host.plan = lambda: plan
        host.write(NOVA_CONF, NOVA_CONF_TEXT.replace("= ComputeFilter", "= ComputeFilter,Theirs"))
        before = host.identities()
        for attempt in (host.check, host.run):
            with pytest.raises(MachineProblem, match="changed while this run was planning. Run again") as caught:
                attempt()
            assert caught.value.where == NOVA_CONF
        assert host.identities() == before

    def test_a_symbolic_link_is_edited_at_its_target(self, host):
        host.at(NOVA_CONF).rename(host.at("/etc/real.conf"))
        host.at(NOVA_CONF).symlink_to("../real.conf")
        before = configuration(host)
        host.run()
        assert host.at(NOVA_CONF).is_symlink()
        assert host.text("/etc/real.conf") == EDITED
        host.run("absent")
        assert configuration(host) == before

    def test_a_link_that_leads_elsewhere_since_is_left_alone(self, host):
        host.run()
        host.at(NOVA_CONF).rename(host.at("/etc/real.conf"))
        host.at(NOVA_CONF).symlink_to("../real.conf")
        done = changed(host, "absent")
        assert "leads elsewhere now" in done["kept"][0]["why"]
        assert host.text("/etc/real.conf") == EDITED

    @pytest.mark.parametrize(
        "text",
        [
            NOVA_CONF_TEXT.replace("\n", "\r\n"),
            "[filter_scheduler]\nenabled_filters = ComputeFilter",
            "enabled_filters = A\n\udcff\udcfe = \u00e4\n",
        ],
        ids=["crlf", "no last newline", "no UTF-8"],
    )
    def test_bytes_of_every_kind_come_back(self, host, text):
        content = text.encode("utf-8", "surrogateescape")
        host.at(NOVA_CONF).write_bytes(content)
        plan = host.plan
        host.pristine = lambda: content.decode("utf-8", "replace")
        host.plan = lambda: json.loads(json.dumps(plan()))
        host.run()
        assert host.at(NOVA_CONF).read_bytes() != content
        assert host.run().to_dict()["changed"] is False
        host.run("absent")
        assert host.at(NOVA_CONF).read_bytes() == content

    def test_a_chmod_since_stays(self, host):
        host.run()
        host.at(NOVA_CONF).chmod(0o600)
        host.run("absent")
        assert oct(host.at(NOVA_CONF).stat().st_mode & 0o7777) == "0o600"
        assert host.text(NOVA_CONF) == NOVA_CONF_TEXT

    def test_it_is_never_written_as_a_whole_once_lines_of_it_are_ours(self, host):
        host.run()
        plan = host.plan()
        plan["files"][1] = {"path": NOVA_CONF, "layer": "nova", "foreign": True, "content": "[DEFAULT]\n"}
        host.plan = lambda: plan
        with pytest.raises(MachineProblem, match="line by line"):
            host.run()
        assert host.text(NOVA_CONF) == EDITED


def _named(restarts):
    return [line.partition(".service")[0] for line in restarts]


class TestServices:
    @pytest.mark.parametrize("how", ["fail", "loop", "die"])
    def test_one_that_does_not_stay_up_brings_everything_back(self, host, how):
        before = host.tree(leave_out=(UNITS, "/var/log"))
        broken = host.mark(f"break-{COMPUTE}", how)
        with pytest.raises(MachineProblem) as caught:
            host.run()
        words = str(caught.value)
        assert words.startswith(f"{COMPUTE}: ")
        assert "PciConfigInvalidSpec: Invalid [pci]device_spec ***" in words
        assert "Unhandled error: cannot use rabbit://***@one:5672" in words
        assert "Everything is back as it was before this run" in words
        assert "long ago" not in words
        assert SECRET not in words
        assert configuration(host) == before
        assert host.log() == [
            *RESTARTS,
            f"reset-failed {COMPUTE}",
            f"restart {COMPUTE}",
            f"reset-failed {SCHEDULER}",
            f"restart {SCHEDULER}",
        ]
        assert host.holds_settings_of_old() == []
        broken.unlink()
        assert host.run().to_dict()["changed"] is True
        assert host.log() == RESTARTS

    def test_a_later_run_that_fails_goes_back_to_the_first(self, host):
        host.run()
        before = configuration(host)
        host.spec, host.filters = '{"address": "0000:0a:00.0"}', "ComputeFilter,Other"
        host.mark(f"break-{COMPUTE}", "loop")
        with pytest.raises(MachineProblem, match="Then the way back failed too"):
            host.run()  # the toy service breaks on anything of ours
        kept = ("journal.json", "lock")
        journal = f"{host.state}/journal.json"
        assert {path: state for path, state in configuration(host).items() if path != journal} == {
            path: state for path, state in before.items() if path != journal
        }
        assert sorted(os.listdir(host.at(host.state))) == sorted(kept)
        assert host.remembered()["unfinished"] == "apply"

    def test_a_way_back_that_fails_is_told(self, host):
        host.mark(f"break-{COMPUTE}", "fail always")
        with pytest.raises(MachineProblem) as caught:
            host.run()
        assert "Then the way back failed too: nova-compute.service: " in str(caught.value)
        assert "The journal remembers what is left to do" in str(caught.value)
        assert SECRET not in str(caught.value)
        assert host.text(NOVA_CONF) == NOVA_CONF_TEXT
        (host.base / f"break-{COMPUTE}").unlink()
        host.run("absent")
        assert host.holds_settings_of_old() == []
        assert not host.at(host.state).exists()

    def test_one_that_was_down_before_is_stopped_on_the_way_back_and_not_proven(self, host):
        host.write(f"{UNITS}/{COMPUTE}", host.text(f"{UNITS}/{COMPUTE}").replace("=active", "=failed"))
        host.mark(f"break-{COMPUTE}", "fail always")
        with pytest.raises(MachineProblem, match="Everything is back"):
            host.run()
        assert host.log()[2:] == [f"stop {COMPUTE}", f"reset-failed {SCHEDULER}", f"restart {SCHEDULER}"]

    def test_a_removal_that_fails_puts_everything_in_place_again(self, host):
        host.run()
        before = configuration(host)
        broken = host.mark(f"break-{COMPUTE}", "fail always")
        with pytest.raises(MachineProblem):
            host.run("absent")
        assert host.text(NOVA_CONF) == EDITED
        assert host.at(DROP_IN).exists()
        broken.unlink()
        host.run()
        assert configuration(host) == before
        host.run("absent")
        assert not host.at(host.state).exists()

    @pytest.mark.parametrize(("load", "words"), [("not-found", "is not installed"), ("masked", "is masked")])
    def test_one_that_cannot_be_started_is_named_before_anything_is_written(self, host, load, words):
        host.write(f"{UNITS}/{COMPUTE}", f"LoadState={load}\nActiveState=inactive\n")
        before = host.identities()
        for attempt in (host.check, host.run):
            with pytest.raises(MachineProblem, match=f"{words}.*nothing has been changed"):
                attempt()
        assert host.identities() == before
        assert host.log() == []

    @pytest.mark.parametrize("state", ["LoadState=not-found", "LoadState=masked", "LoadState=loaded"])
    def test_a_removal_starts_nothing_that_does_not_run(self, host, state):
        host.run()
        host.log()
        host.write(f"{UNITS}/{COMPUTE}", f"{state}\nActiveState=inactive\n")
        assert "restart nova-compute" not in changed(host, "absent")["actions"]
        assert host.log() == [f"restart {SCHEDULER}"]
        assert not host.at(host.state).exists()

    def test_a_removal_on_a_host_without_systemd(self, host):
        host.run()
        host.at("/usr/bin/systemctl").unlink()
        host.run("absent")
        assert host.text(NOVA_CONF) == NOVA_CONF_TEXT

    def test_a_stopped_service_that_left_the_plan_stays_remembered(self, host):
        host.run()
        host.write(f"{UNITS}/{COMPUTE}", "LoadState=loaded\nActiveState=inactive\n")
        plan = host.plan()
        plan["tools"] = plan["tools"][:1]
        host.plan = lambda: plan
        host.log()
        assert host.run().to_dict()["changed"] is False
        host.write(f"{UNITS}/{COMPUTE}", "LoadState=loaded\nActiveState=active\n")
        host.run("absent")
        assert f"restart {COMPUTE}" in host.log()

    def test_a_plan_made_before_the_other_settings_were_read_restarts_nothing_twice(self, host):
        """A stamp that stays while a file is written again: what the service will get is what it has."""
        host.run()
        host.log()
        host.at(DROP_IN).write_text("# nova_pci.passthrough, edited\n", encoding="utf-8")
        assert changed(host)["actions"] == [f"write {DROP_IN}"]
        assert host.log() == []


class TestTexts:
    def test_what_is_there_is_read_links_followed_and_bytes_kept(self, host):
        host.at("/etc/link").symlink_to(NOVA_CONF)
        host.at("/etc/bytes").write_bytes(b"\xff")
        found = read_texts(Files(str(host.root)), ("/etc/link", "/etc/nothing", "/etc", "/etc/bytes"))
        assert found == [NOVA_CONF_TEXT, "\udcff"]

    def test_what_cannot_be_read_is_an_error(self, host, monkeypatch):
        def refuse(self, path):
            raise PermissionError(13, "Permission denied", path)

        monkeypatch.setattr(Files, "read", refuse)
        with pytest.raises(MachineProblem, match="Permission denied.*Run as root"):
            read_texts(Files(str(host.root)), (NOVA_CONF,))


class TestSecrets:
    def shown(self, host):
        """Everything that the host remembers, its own configuration and logs apart."""
        places = [place for place in host.at(host.state).rglob("*") if place.is_file()]
        return "".join(place.read_text(encoding="utf-8") for place in places)

    def test_nothing_of_them_is_in_results_diffs_errors_or_the_journal_at_any_time(self, host):
        told = []
        journals = []
        note = type(host.files_class("/")).step

        class Watching(host.files_class):
            def step(self, operation, path):
                note(self, operation, path)
                journals.append(self_shown(host))

        self_shown = self.shown
        host.files_class = Watching

        def run(state="present"):
            try:
                outcome = host.run(state)
                told.append(json.dumps([outcome.to_dict(), outcome.diff()]))
            except MachineProblem as problem:
                told.append(str(problem))

        told.append(json.dumps(host.check().diff()))
        run()
        host.spec, host.filters = '{"address": "0000:0b:00.0"}', "Other"
        run()
        host.filters = "Third"
        host.mark(f"break-{SCHEDULER}", "fail")
        run()
        (host.base / f"break-{SCHEDULER}").unlink()
        host.write(NOVA_CONF, "# edited\n" + host.text(NOVA_CONF))
        run()
        told.append(json.dumps(host.check("absent").diff()))
        run("absent")
        assert len(told) == 7
        assert len(journals) > 60
        assert "journal.json" not in "".join(told)
        for text in (*told, *journals):
            assert SECRET not in text
        assert any("ValueError: no good: ***" in text for text in told)
        assert host.text(NOVA_CONF) == "# edited\n" + NOVA_CONF_TEXT

    def test_a_diff_shows_the_lines_that_change_and_no_other(self, host):
        rows = {row["before_header"]: row for row in host.check().diff()}
        assert rows[NOVA_CONF] == {
            "before_header": NOVA_CONF,
            "after_header": NOVA_CONF,
            "before": "line 10: enabled_filters = ComputeFilter\n",
            "after": "line 10: # before nova_pci.passthrough: enabled_filters = ComputeFilter\n"
            "line 11: enabled_filters = ComputeFilter,PciPassthroughFilter\n",
        }
        assert "0000:02:00.0" in rows[DROP_IN]["after"]
