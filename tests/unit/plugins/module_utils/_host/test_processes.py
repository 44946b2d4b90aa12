# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Processes of units, from a built /proc and from this machine's own."""

from __future__ import annotations

import os
import time
from pathlib import Path

from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.processes import read_processes
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.nova_hosts import host, process

UNIT = "nova-compute.service"


def test_the_processes_of_a_unit_the_oldest_first(tmp_path: Path) -> None:
    host(tmp_path)
    process(tmp_path, 7, UNIT, "/usr/bin/b", {"HOME": "/var/lib/nova", "EMPTY": "", "A": "b=c"}, ticks=300)
    process(tmp_path, 8, UNIT, "/usr/bin/a --x y", ticks=200)
    process(tmp_path, 9, "other.service", "/usr/bin/c")
    found = read_processes(str(tmp_path), [UNIT])
    assert list(found) == [UNIT]
    first, second = found[UNIT]
    assert (first.number, first.argv) == (8, ("/usr/bin/a", "--x", "y"))
    assert first.started == 1700000000 + 200 / os.sysconf("SC_CLK_TCK")
    assert second.environment == {"HOME": "/var/lib/nova", "EMPTY": "", "A": "b=c"}
    assert (second.working_directory, second.user, second.unreadable) == ("/var/lib/nova", os.getuid(), None)


def test_control_groups_of_the_first_version_and_below_a_unit(tmp_path: Path) -> None:
    host(tmp_path)
    process(tmp_path, 7, UNIT, "a")
    process(tmp_path, 8, UNIT, "b")
    (tmp_path / "proc/7/cgroup").write_text(f"3:cpu:/\n1:name=systemd:/system.slice/{UNIT}\n0::/\n")
    (tmp_path / "proc/8/cgroup").write_text(f"0::/machine.slice/outer.service/system.slice/{UNIT}/worker\n")
    assert len(read_processes(str(tmp_path), [UNIT])[UNIT]) == 2


def test_what_has_no_words_or_has_gone(tmp_path: Path) -> None:
    host(tmp_path)
    process(tmp_path, 7, UNIT, "")
    process(tmp_path, 8, UNIT, "a")
    (tmp_path / "proc/8/cgroup").unlink()
    assert read_processes(str(tmp_path), [UNIT]) == {}
    assert read_processes(str(tmp_path / "nothing"), [UNIT]) == {}


def test_what_is_missing_of_a_process_is_not_made_up(tmp_path: Path) -> None:
    host(tmp_path)
    process(tmp_path, 7, UNIT, "a")
    for name in ("environ", "stat", "cwd"):
        (tmp_path / "proc/7" / name).unlink()
    (found,) = read_processes(str(tmp_path), [UNIT])[UNIT]
    assert (found.started, found.working_directory, found.environment) == (None, "/", {})
    assert found.unreadable == "No such file or directory"


def test_this_machine_s_own_clock() -> None:
    for rows in read_processes("/", ["systemd-journald.service", "systemd-udevd.service", "ssh.service"]).values():
        for row in rows:
            assert row.started is not None
            assert time.time() - time.clock_gettime(time.CLOCK_BOOTTIME) - 5 <= row.started <= time.time()
