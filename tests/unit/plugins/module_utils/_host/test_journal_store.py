# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import fcntl
import os
import stat

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem, UnreadableJournal
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import NOVA_STATE_DIRECTORY, Journal
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.journal_store import JournalStore


@pytest.fixture
def place(tmp_path):
    (tmp_path / "var/lib").mkdir(parents=True)
    return tmp_path / "var/lib/nova-pci-passthrough"


@pytest.fixture
def store(tmp_path, place):
    return JournalStore(Files(str(tmp_path)))


def test_there_and_back(store, place):
    assert store.read() is None
    store.prepare()
    store.write(Journal(directories=("/etc/ours",)))
    assert store.read() == Journal(directories=("/etc/ours",))
    assert stat.S_IMODE((place / "journal.json").stat().st_mode) == 0o600
    assert stat.S_IMODE(place.stat().st_mode) == 0o700


def test_each_plan_has_a_place_of_its_own(tmp_path, store, place):
    other = JournalStore(Files(str(tmp_path)), NOVA_STATE_DIRECTORY)
    other.prepare()
    other.write(Journal(directories=("/etc/nova",)))
    assert store.read() is None
    assert not place.exists()
    with store.locked(0.2), other.locked(0.2):
        assert other.is_held()
    store.clear()
    assert other.read() == Journal(directories=("/etc/nova",))
    assert (other.lock_path, other.copies) == (NOVA_STATE_DIRECTORY + "/lock", NOVA_STATE_DIRECTORY + "/touched")


def test_missing_parents_are_made(tmp_path):
    store = JournalStore(Files(str(tmp_path)))
    store.prepare()
    assert (tmp_path / "var/lib/nova-pci-passthrough").is_dir()


@pytest.mark.parametrize("content", [b"\xff\xfe", b"{", b"null", b'{"version": 2}'])
def test_what_cannot_be_trusted_is_named_and_left_in_place(store, place, content):
    store.prepare()
    (place / "journal.json").write_bytes(content)
    with pytest.raises(
        MachineProblem, match=r"/var/lib/nova-pci-passthrough/journal\.json: .*nothing has been changed"
    ):
        store.read()
    store.clear()
    assert (place / "journal.json").read_bytes() == content


@pytest.mark.parametrize(
    ("content", "lost"), [(b"{", True), (b"\xff", True), (b'{"version": 1}', True), (b'{"version": 2}', False)]
)
def test_no_journal_at_all_is_told_from_one_of_a_newer_collection(store, place, content, lost):
    store.prepare()
    (place / "journal.json").write_bytes(content)
    with pytest.raises(MachineProblem) as caught:
        store.read()
    assert isinstance(caught.value, UnreadableJournal) is lost


def test_an_unreadable_one_is_copied_aside_and_brought_back(store, place):
    store.prepare()
    journal = place / "journal.json"
    journal.write_bytes(b"{")
    journal.chmod(0o644)
    aside = store.aside()
    state = store.set_aside(aside)
    copy = place / aside.rpartition("/")[2]
    assert (copy.read_bytes(), journal.read_bytes()) == (b"{", b"{")
    assert oct(copy.stat().st_mode & 0o777) == "0o600"
    store.write(Journal())
    store.bring_back(state, aside)
    assert journal.read_bytes() == b"{"
    assert oct(journal.stat().st_mode & 0o777) == "0o644"
    assert not copy.exists()
    journal.write_bytes(b"[")
    assert store.aside() != aside


def test_one_that_was_put_aside_is_no_left_over_and_stays(store, place):
    store.prepare()
    (place / "journal.json").write_bytes(b"{")
    store.set_aside(store.aside())
    store.forget()
    assert not store.has_leftovers(None)
    store.clear()
    assert [path.name.rpartition("-")[0] for path in place.iterdir()] == ["journal.json.unreadable"]
    (place / "lock").touch()
    assert store.has_leftovers(None)


def test_a_directory_in_its_place(store, place):
    (place / "journal.json").mkdir(parents=True)
    with pytest.raises(MachineProblem, match="no plain file"):
        store.read()


def test_one_that_cannot_be_read_is_an_error_and_not_a_host_without_one(store, monkeypatch):
    def refuse(self, path):
        raise PermissionError(13, "Permission denied", path)

    monkeypatch.setattr(Files, "read", refuse)
    with pytest.raises(MachineProblem, match=r"journal\.json: cannot be read \(Permission denied\)\. Run as root"):
        store.read()


def test_forgetting_leaves_no_trace(store, place):
    store.prepare()
    store.write(Journal())
    with store.locked(1):
        store.forget()
        store.clear()
    assert not place.exists()


def test_clearing_spares_a_journal(store, place):
    store.prepare()
    store.write(Journal())
    store.clear()
    assert (place / "journal.json").exists()


def test_left_overs_are_seen(store, tmp_path):
    assert not store.has_leftovers(None)
    store.prepare()
    assert store.has_leftovers(None)
    assert not store.has_leftovers(Journal())
    Files(str(tmp_path)).make_directory(store.copies)
    assert store.has_leftovers(Journal())
    assert not store.has_leftovers(Journal(unfinished="apply"))
    store.drop_copies()
    assert not store.has_leftovers(Journal())


class TestLock:
    def test_looking_whether_it_is_held_makes_nothing_and_holds_nothing(self, store, place):
        assert not store.is_held()
        assert not place.exists()
        with store.locked(1):
            assert store.is_held()
        assert not store.is_held()
        with store.locked(0.2):
            pass

    def test_it_holds_and_names_its_holder(self, store, place):
        with store.locked(1) as descriptor:
            assert (place / "lock").read_text() == f"{os.getpid()}\n"
            with pytest.raises(MachineProblem, match=f"process {os.getpid()}"), store.locked(0.2):
                pass
            os.fstat(descriptor)
        with store.locked(0.2):
            pass

    def test_it_ends_with_an_error_too(self, store):
        with pytest.raises(KeyError), store.locked(1):
            raise KeyError
        with store.locked(0.2):
            pass

    def test_a_lock_file_that_was_taken_away_meanwhile_is_no_lock(self, store, place):
        store.prepare()
        with open(place / "lock", "w", encoding="ascii") as old:
            fcntl.flock(old, fcntl.LOCK_EX)
            (place / "lock").unlink()
            with store.locked(0.2):
                assert (place / "lock").exists()

    @pytest.mark.parametrize(
        ("crossed", "meanwhile"), [("mkdir", os.mkdir), ("chmod", os.rmdir)], ids=["made", "taken away"]
    )
    def test_a_directory_that_another_run_made_or_took_away_meanwhile(self, tmp_path, place, crossed, meanwhile):
        class Crossed(Files):
            crossings = 1

            def step(self, operation, path):
                if (operation, path) == (crossed, str(place)) and self.crossings:
                    self.crossings -= 1
                    meanwhile(path)

        store = JournalStore(Crossed(str(tmp_path)))
        with store.locked(5):
            assert store.is_held()

    def test_what_lies_in_the_way_of_its_directory_is_an_error_in_time(self, store, place):
        place.symlink_to("nowhere")
        with pytest.raises(OSError, match="nova-pci-passthrough"), store.locked(0.3):
            pass

    def test_a_link_in_its_place_is_not_followed(self, store, place, tmp_path):
        store.prepare()
        (tmp_path / "victim").write_text("whole")
        (place / "lock").symlink_to(tmp_path / "victim")
        with pytest.raises(OSError, match="symbolic link"), store.locked(0.2):
            pass
        assert (tmp_path / "victim").read_text() == "whole"
