# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import errno
import hashlib
import os
import stat

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import FileState
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host import files as files_module
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files


class Watched(Files):
    """Writes down every operation; *broken* ones fail with ENOSPC."""

    def __init__(self, root):
        super().__init__(root)
        self.operations = []
        self.broken = {}

    def step(self, operation, path):
        self.operations.append(operation)
        if self.broken.get(operation, 0) > 0:
            self.broken[operation] -= 1
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)


@pytest.fixture
def root(tmp_path):
    (tmp_path / "etc").mkdir()
    return tmp_path


@pytest.fixture
def files(root):
    return Watched(str(root))


def file(text, mode=0o644):
    return FileState("file", text.encode(), mode)


class TestRead:
    def test_each_kind(self, files, root):
        (root / "etc/a").write_bytes(b"\xff\n")
        (root / "etc/a").chmod(0o640)
        (root / "etc/link").symlink_to("a")
        (root / "etc/dir").mkdir()
        os.mkfifo(root / "etc/pipe")
        found = files.read("/etc/a")
        assert (found.kind, found.content, found.mode, found.uid) == ("file", b"\xff\n", 0o640, os.getuid())
        assert files.read("/etc/link") == FileState("symlink", target="a")
        assert files.read("/etc/dir").kind == "other"
        assert files.read("/etc/pipe").kind == "other"
        assert files.read("/etc/nothing").kind == "absent"
        assert files.read("/etc/a/below").kind == "absent"
        assert files.operations == []

    @pytest.mark.parametrize("before", ["file", "link"])
    @pytest.mark.parametrize("after", ["file", "link", "nothing"])
    def test_what_another_run_put_there_between_two_looks(self, files, root, monkeypatch, before, after):
        place, look = root / "etc/a", os.lstat

        def put(kind):
            place.unlink(missing_ok=True)
            if kind == "file":
                place.write_text("text")
            elif kind == "link":
                place.symlink_to("there")

        def look_and_change(path, **options):
            seen = look(path, **options)
            if path == str(place):
                monkeypatch.setattr(os, "lstat", look)
                put(after)
            return seen

        put(before)
        monkeypatch.setattr(os, "lstat", look_and_change)
        expected = {"file": FileState("file", b"text"), "link": FileState("symlink", target="there")}
        found, wanted = files.read("/etc/a"), expected.get(after, FileState("absent"))
        assert (found.kind, found.content, found.target) == (wanted.kind, wanted.content, wanted.target)

    def test_the_context_is_read_where_there_is_one(self, files, root, monkeypatch):
        (root / "etc/a").write_text("x")
        monkeypatch.setattr(os, "getxattr", lambda *_args, **_more: b"system_u:object_r:etc_t:s0\0")
        assert files.read("/etc/a").context == "system_u:object_r:etc_t:s0"


class TestPut:
    def test_a_new_file_is_whole_before_it_has_its_name(self, files, root):
        files.put("/etc/a", file("text", 0o600))
        assert (root / "etc/a").read_text() == "text"
        assert stat.S_IMODE((root / "etc/a").stat().st_mode) == 0o600
        assert files.operations == ["open", "write", "chmod", "fsync", "rename", "fsync-directory"]
        assert os.listdir(root / "etc") == ["a"]

    def test_the_mode_does_not_hang_on_the_umask(self, files, root):
        former = os.umask(0o077)
        try:
            files.put("/etc/a", file("text", 0o755))
            files.make_directory("/etc/d")
        finally:
            os.umask(former)
        assert stat.S_IMODE((root / "etc/a").stat().st_mode) == 0o755
        assert stat.S_IMODE((root / "etc/d").stat().st_mode) == 0o755

    @pytest.mark.parametrize("operation", ["open", "write", "chmod", "fsync", "rename"])
    def test_a_failure_leaves_the_old_file_and_no_litter(self, files, root, operation):
        (root / "etc/a").write_text("old")
        files.broken = {operation: 1}
        with pytest.raises(OSError, match="No space left"):
            files.put("/etc/a", file("new"))
        assert (root / "etc/a").read_text() == "old"
        assert os.listdir(root / "etc") == ["a"]

    def test_what_a_crash_left_is_replaced(self, files, root):
        (root / "etc/.a.nova-pci-tmp").write_text("half")
        files.put("/etc/a", file("new"))
        assert os.listdir(root / "etc") == ["a"]

    def test_a_link_at_the_temporary_name_is_not_followed(self, files, root):
        (root / "etc/shadow").write_text("secret")
        (root / "etc/.a.nova-pci-tmp").symlink_to(root / "etc/shadow")
        files.put("/etc/a", file("new"))
        assert (root / "etc/shadow").read_text() == "secret"

    def test_a_file_that_appears_at_the_temporary_name_is_not_written_to(self, root):
        class Raced(Files):
            def step(self, operation, path):
                if operation == "open":
                    (root / "etc/victim").write_text("whole")
                    os.link(root / "etc/victim", path)

        with pytest.raises(FileExistsError):
            Raced(str(root)).put("/etc/a", file("new"))
        assert (root / "etc/victim").read_text() == "whole"

    def test_a_link_at_the_path_is_replaced_and_not_written_through(self, files, root):
        (root / "etc/shadow").write_text("secret")
        (root / "etc/a").symlink_to("shadow")
        files.put("/etc/a", file("new"))
        assert (root / "etc/shadow").read_text() == "secret"
        assert (root / "etc/a").read_text() == "new"
        assert not (root / "etc/a").is_symlink()

    def test_a_symbolic_link_changes_in_one_step(self, files, root):
        files.put("/etc/a", FileState("symlink", target="one"))
        files.put("/etc/a", FileState("symlink", target="two words"))
        assert os.readlink(root / "etc/a") == "two words"
        assert files.operations == ["symlink", "rename", "fsync-directory"] * 2

    def test_absent_takes_it_away(self, files, root):
        files.put("/etc/a", file("x"))
        files.put("/etc/a", FileState())
        files.put("/etc/a", FileState())
        assert os.listdir(root / "etc") == []

    def test_a_state_without_its_content_is_never_put(self, files, root):
        (root / "etc/a").write_text("all of it")
        with pytest.raises(OSError, match="neither a file nor"):
            files.put("/etc/a", file("all of it").without_content())
        assert (root / "etc/a").read_text() == "all of it"

    def test_a_directory_is_no_file_to_put(self, files):
        with pytest.raises(OSError, match="neither a file nor a symbolic link"):
            files.put("/etc/a", FileState("other"))

    @pytest.mark.skipif(os.getuid() != 0, reason="only root can give files away")
    def test_the_owner(self, files, root):
        files.put("/etc/a", FileState("file", b"x", 0o644, 12, 34))
        assert ((root / "etc/a").stat().st_uid, (root / "etc/a").stat().st_gid) == (12, 34)

    def test_extended_attributes_come_along(self, files, root):
        (root / "etc/a").write_text("old")
        try:
            os.setxattr(root / "etc/a", "user.note", b"kept")
        except OSError:
            pytest.skip("this filesystem has no extended attributes")
        files.put("/etc/a", file("new"))
        assert os.getxattr(root / "etc/a", "user.note") == b"kept"

    def test_the_context_asked_for_is_set(self, files, monkeypatch):
        given = []
        monkeypatch.setattr(os, "setxattr", lambda _place, name, content: given.append((name, content)))
        files.put("/etc/a", FileState("file", b"x", 0o644, context="u:r:t:s0"))
        assert given == [("security.selinux", b"u:r:t:s0\0")]


class TestPaths:
    @pytest.mark.parametrize(
        "path", ["etc/a", "/etc/../a", "/etc/./a", "/etc//a", "/etc/", "/a\nb", "/a\0b", "", "/\u202e"]
    )
    def test_paths_that_no_one_means(self, files, path):
        for call in (files.read, files.real, files.unlink, files.make_directory):
            with pytest.raises(ValueError, match=r"path|component|character"):
                call(path)
        assert files.operations == []

    def test_links_are_followed_inside_the_root_only(self, files, root):
        (root / "usr/lib").mkdir(parents=True)
        (root / "lib").symlink_to("usr/lib")
        (root / "abs").symlink_to("/usr/lib")
        (root / "up").symlink_to("../../../../etc")
        assert files.real("/lib/a") == "/usr/lib/a"
        assert files.real("/abs/a") == "/usr/lib/a"
        assert files.real("/up/passwd") == "/etc/passwd"
        files.put("/abs/a", file("x"))
        assert (root / "usr/lib/a").read_text() == "x"

    def test_a_ring_of_links_ends(self, files, root):
        (root / "etc/a").symlink_to("b")
        (root / "etc/b").symlink_to("a")
        with pytest.raises(OSError, match="symbolic links"):
            files.real("/etc/a")

    def test_matching_names_each_file_once_and_no_directory(self, files, root):
        (root / "etc/one.cfg").write_text("")
        (root / "etc/two.cfg").symlink_to("one.cfg")
        (root / "etc/dir.cfg").mkdir()
        (root / "etc/new\nline.cfg").write_text("")
        assert files.matching("/etc/*.cfg") == ("/etc/one.cfg",)

    def test_the_parents_to_make(self, files):
        assert files.missing_directories("/etc/a/b/c") == ("/etc/a", "/etc/a/b")
        assert files.missing_directories("/etc/c") == ()

    def test_names_leave_our_litter_out(self, files, root):
        (root / "etc/.a.nova-pci-tmp").write_text("")
        (root / "etc/a").write_text("")
        assert files.names("/etc") == ("a",)
        assert files.names("/nothing") == ()


class TestDirectories:
    def test_only_an_empty_one_goes(self, files, root):
        files.make_directory("/etc/d", 0o700)
        files.make_directory("/etc/d")
        assert stat.S_IMODE((root / "etc/d").stat().st_mode) == 0o700
        (root / "etc/d/x").write_text("")
        assert files.remove_directory("/etc/d") is False
        files.unlink("/etc/d/x")
        assert files.remove_directory("/etc/d") is True
        assert files.remove_directory("/etc/d") is True


class TestCopies:
    def test_a_file_comes_back_with_its_mode(self, files, root):
        (root / "etc/big").write_bytes(b"x" * 3_000_000)
        (root / "etc/big").chmod(0o600)
        snapshot = files.keep("/etc/big", "/etc/copy")
        assert snapshot.sha256 == hashlib.sha256(b"x" * 3_000_000).hexdigest()
        assert files.bring_back(snapshot, "/etc/copy") is False
        (root / "etc/big").write_bytes(b"broken")
        (root / "etc/big").chmod(0o644)
        assert files.bring_back(snapshot, "/etc/copy") is True
        assert (root / "etc/big").read_bytes() == b"x" * 3_000_000
        assert stat.S_IMODE((root / "etc/big").stat().st_mode) == 0o600

    def test_one_that_was_removed_comes_back(self, files, root):
        (root / "etc/a").write_text("x")
        snapshot = files.keep("/etc/a", "/etc/copy")
        (root / "etc/a").unlink()
        assert files.bring_back(snapshot, "/etc/copy") is True
        assert (root / "etc/a").read_text() == "x"

    def test_without_room_for_a_second_copy_it_is_mended_in_place(self, files, root):
        (root / "etc/a").write_text("whole")
        snapshot = files.keep("/etc/a", "/etc/copy")
        (root / "etc/a").write_text("half")
        files.broken = {"write": 1}
        assert files.bring_back(snapshot, "/etc/copy") is True
        assert (root / "etc/a").read_text() == "whole"
        assert sorted(os.listdir(root / "etc")) == ["a", "copy"]

    def test_one_that_was_not_there_goes_again(self, files, root):
        (root / "etc/a").write_text("new")
        snapshot = files_module.Snapshot("/etc/a", None)
        assert files.bring_back(snapshot, "") is True
        assert files.bring_back(snapshot, "") is False


def test_room_is_of_the_nearest_directory_there_is(files):
    room = files.room("/etc/not/yet/there")
    assert room.writable
    assert not room.read_only
    assert room.bytes_free > 0


def test_room_of_a_directory_that_another_run_takes_away_this_moment(files, root, monkeypatch):
    def gone_after_a_look(path):
        monkeypatch.undo()
        found = os.path.isdir(path)
        os.rmdir(path)
        return found

    (root / "etc/ours").mkdir()
    monkeypatch.setattr(os.path, "isdir", gone_after_a_look)
    assert files.room("/etc/ours/file").filesystem == os.stat(root / "etc").st_dev
    assert not (root / "etc/ours").exists()


def test_a_read_only_filesystem_is_seen(files, monkeypatch):
    real = os.statvfs("/")
    values = list(real)
    values[8] |= os.ST_RDONLY
    monkeypatch.setattr(os, "statvfs", lambda _place: os.statvfs_result(values))
    assert files.room("/etc/a").read_only


@pytest.mark.parametrize(("kept", "blocks"), [("1000\n", 4000), ("9000\n", 0), ("what?\n", 5000), (None, 5000)])
def test_what_ext4_gives_to_nobody_is_no_room(files, root, monkeypatch, kept, blocks):
    """Seen on a root filled to its last block: statvfs(2) still told 16 MiB free, and the first mkdir failed."""
    values = list(os.statvfs("/"))
    values[1:4] = [4096, 100000, 5000]  # f_frsize, f_blocks, f_bfree
    monkeypatch.setattr(os, "statvfs", lambda _place: os.statvfs_result(values))
    monkeypatch.setattr(os, "geteuid", lambda: 0)
    number = os.stat(root).st_dev
    (root / "sys/dev/block").mkdir(parents=True)
    (root / f"sys/dev/block/{os.major(number)}:{os.minor(number)}").symlink_to("../../devices/virtual/block/dm-3")
    if kept is not None:
        (root / "sys/fs/ext4/dm-3").mkdir(parents=True)
        (root / "sys/fs/ext4/dm-3/reserved_clusters").write_text(kept)
    assert files.room("/etc/a").bytes_free == blocks * 4096


def test_the_machine_itself_is_the_root_by_default():
    assert Files().on_disk("/etc/hostname").endswith("/etc/hostname")
    assert Files("/").read("/proc/self").kind == "symlink"
    assert "\0" not in (Files().text("/proc/cmdline") or "")
    assert Files().text("/proc/nothing") is None
