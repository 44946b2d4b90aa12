# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import time

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._host import command
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.command import Commands, Completed


@pytest.fixture
def tool(tmp_path):
    def write(text, name="tool"):
        place = tmp_path / "usr/sbin" / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("#!/bin/sh\n" + text, encoding="utf-8")
        place.chmod(0o755)
        return Commands(str(tmp_path))

    return write


def test_arguments_reach_the_tool_as_they_are(tool):
    commands = tool('for word in "$@"; do echo "[$word]"; done')
    words = ["$(touch pwned)", "`id`", "a b", "'\"", "*", "%s", "new\nline", "-rf", ";"]
    assert commands.run(["tool", *words], 5).stdout == "".join(f"[{word}]\n" for word in words)


def test_a_word_that_no_program_can_be_given(tool):
    for word in ("a\0b", "\ud800"):
        assert "could not be started" in tool("exit 0").run(["tool", word], 5).outcome


def test_output_and_status(tool):
    completed = tool("echo out; echo err >&2; exit 3").run(["tool"], 5)
    assert (completed.status, completed.stdout, completed.stderr) == (3, "out\n", "err\n")
    assert not completed.succeeded
    assert completed.outcome == "ended with status 3"
    assert completed.last_words == "out\nerr"


def test_success(tool):
    assert tool("exit 0").run(["tool"], 5).succeeded


def test_a_signal_is_named(tool):
    assert tool("kill -9 $$").run(["tool"], 5).outcome == "was killed by signal 9"


def test_a_tool_that_hangs_is_ended_with_its_children(tool, tmp_path):
    started = time.monotonic()
    commands = tool(f"echo before\nsleep 300 & echo $! > {tmp_path}/child\nwait")
    completed = commands.run(["tool"], 0.5)
    assert time.monotonic() - started < 10
    assert completed.status is None
    assert "did not end within 0.5 seconds" in completed.outcome
    assert completed.stdout == "before\n"
    child = int((tmp_path / "child").read_text())
    deadline = time.monotonic() + 5
    while is_running(child):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_a_tool_that_ignores_a_polite_end_is_killed(tool, monkeypatch):
    monkeypatch.setattr(command, "_GRACE", 0.3)
    completed = tool("trap '' TERM; echo before; while :; do sleep 0.1; done").run(["tool"], 0.3)
    assert completed.status is None
    assert completed.stdout == "before\n"


def test_an_interrupt_of_ours_ends_the_tool_first(tool, tmp_path, monkeypatch):
    waited = []

    def interrupted(process, timeout=None):
        if not waited:
            while not (tmp_path / "child").exists():
                time.sleep(0.01)
        waited.append(timeout)
        if len(waited) == 1:
            raise KeyboardInterrupt
        return real(process, timeout=timeout)

    real = command.subprocess.Popen.communicate
    monkeypatch.setattr(command.subprocess.Popen, "communicate", interrupted)
    with pytest.raises(KeyboardInterrupt):
        tool(f"echo $$ > {tmp_path}/new; mv {tmp_path}/new {tmp_path}/child; exec sleep 300").run(["tool"], 60)
    assert not is_running(int((tmp_path / "child").read_text()))


def is_running(number):
    try:
        with open(f"/proc/{number}/stat", encoding="ascii") as stream:
            return stream.read().rsplit(")", 1)[1].split()[0] != "Z"
    except OSError:
        return False


def test_the_environment_is_small_and_in_c(tool, monkeypatch, tmp_path):
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    monkeypatch.setenv("SECRET", "hunter2")
    words = tool("env").run(["tool"], 5).stdout.splitlines()
    assert "LC_ALL=C" in words
    assert f"NOVA_PCI_ROOT={tmp_path}" in words
    assert "hunter2" not in str(words)


def test_nothing_is_read_from_our_standard_input(tool):
    assert tool("cat; echo end").run(["tool"], 5).stdout == "end\n"


def test_below_another_root_the_machine_s_own_tools_are_out_of_reach(tmp_path):
    commands = Commands(str(tmp_path))
    assert commands.find("sh") is None
    assert commands.find("/bin/sh") is None
    assert commands.run(["sh", "-c", "exit 0"], 5).outcome == "is not installed"


def test_on_the_machine_itself():
    assert Commands().find("sh")
    assert Commands().find("/bin/sh") == "/bin/sh"
    assert Commands().find("bin/sh") is None
    assert Commands().find("../bin/sh") is None
    assert Commands("/").run(["sh", "-c", "echo $NOVA_PCI_ROOT."], 5).stdout == ".\n"


def test_a_file_without_a_leave_to_run_is_no_tool(tool, tmp_path):
    commands = tool("exit 0")
    (tmp_path / "usr/sbin/tool").chmod(0o644)
    assert commands.find("tool") is None


def test_a_file_that_cannot_be_started(tool, tmp_path):
    commands = tool("exit 0")
    (tmp_path / "usr/sbin/tool").write_text("#!/nothing/there\n")
    assert "could not be started" in commands.run(["tool"], 5).outcome


def test_bytes_that_are_no_text(tool):
    assert tool("printf '\\377x'").run(["tool"], 5).stdout == "\\xffx"


def test_a_descriptor_can_be_handed_on(tool):
    reading, writing = os.pipe()
    try:
        completed = tool(f"echo through > /proc/self/fd/{writing}").run(["tool"], 5, (writing,))
    finally:
        os.close(writing)  # before reading: a tool that wrote nothing is then an end of file, not a wait for ever
    with open(reading, "rb") as stream:
        assert (completed.outcome, stream.read()) == ("ended with status 0", b"through\n")


def test_only_the_last_lines_are_repeated():
    completed = Completed(("tool",), 1, "\n".join(str(number) for number in range(100)))
    assert completed.last_words.splitlines() == [str(number) for number in range(85, 100)]
