# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import os
import signal
import sys
import threading
import time

import pytest

from ansible_collections.nova_pci.passthrough.tests.ladder import main, workshop
from ansible_collections.nova_pci.passthrough.tests.ladder.machine import MissingError
from ansible_collections.nova_pci.passthrough.tests.ladder.report import FAILED, PASSED, SKIPPED, Counts
from ansible_collections.nova_pci.passthrough.tests.ladder.steps import Step
from ansible_collections.nova_pci.passthrough.tests.ladder.workshop import Command, Workshop, run_command


def python(text: str, **more) -> Command:
    return Command([sys.executable, "-c", text], **more)


def step(*commands: Command, problem: MissingError | None = None) -> Step:
    def plan(shop: Workshop) -> list[Command]:
        if problem is not None:
            raise problem
        return list(commands)

    return Step("a step", "check", plan)


@pytest.fixture(autouse=True)
def interrupts_are_heard():
    """A shell without job control starts what runs in its background deaf to SIGINT, and so are all its children."""
    former = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, former)


@pytest.fixture(name="run")
def fixture_run(tmp_path):
    return lambda *commands, **more: main.run_step(step(*commands, **more), Workshop(tmp_path, str), tmp_path / "log")


def test_a_step_that_succeeds_tells_its_last_word(run):
    result = run(python("print('first')"), python("print('fine')"))
    assert (result.verdict, result.counts, result.note) == (PASSED, Counts(passed=2), "fine")


def test_the_first_failure_ends_a_step(run, tmp_path):
    result = run(python("raise SystemExit('broken')"), python("open('never', 'w')", cwd=tmp_path))
    assert (result.verdict, result.counts, result.note) == (FAILED, Counts(failed=1), "broken")
    assert not (tmp_path / "never").exists()


@pytest.mark.parametrize(
    ("installable", "ci", "verdict"),
    [(False, "", SKIPPED), (True, "", SKIPPED), (False, "true", SKIPPED), (True, "true", FAILED)],
)
def test_what_is_missing_skips_a_step_and_fails_in_ci_where_it_could_be_brought(
    run, monkeypatch, installable, ci, verdict
):
    monkeypatch.setenv("CI", ci)
    result = run(problem=MissingError("This needs root.", installable))
    assert (result.verdict, result.note) == (verdict, "This needs root.")
    assert result.counts == (Counts(failed=1) if verdict == FAILED else Counts(skipped=1))


def test_a_program_may_say_that_this_machine_cannot(run):
    text = "import sys; print('It needs root.'); sys.exit(3)"
    result = run(python(text, may_be_impossible=True))
    assert (result.verdict, result.note, result.counts) == (SKIPPED, "It needs root.", Counts(skipped=1))
    assert run(python(text)).verdict == FAILED


def test_a_long_step_says_that_it_is_alive(tmp_path, monkeypatch):
    monkeypatch.setattr(workshop, "HEARTBEAT_SECONDS", 0.05)
    said = []
    text = "import time; print('halfway', flush=True); time.sleep(0.5)"
    assert run_command(python(text), tmp_path / "log", said.append, threading.Event()) == (True, "halfway\n")
    assert said
    assert said[-1].endswith(": halfway")


def test_a_command_that_hangs_is_ended_at_its_limit(run):
    result = run(python("import time; time.sleep(60)", limit=0.3))
    assert (result.verdict, result.note) == (FAILED, "ended after 0 s, its limit")
    assert result.seconds < 30


def test_one_that_ends_well_when_it_is_asked_to_was_too_slow_all_the_same(run):
    text = "import time\ntry:\n    time.sleep(60)\nexcept KeyboardInterrupt:\n    print('tidy')"
    result = run(python(text, limit=1))
    assert (result.verdict, result.note) == (FAILED, "ended after 1 s, its limit")


def test_an_interrupt_reaches_the_command_and_its_clean_up_is_awaited(tmp_path, monkeypatch):
    text = (
        "import pathlib, time\n"
        "try:\n    pathlib.Path('started').touch(); time.sleep(60)\n"
        "except KeyboardInterrupt:\n    time.sleep(0.2); pathlib.Path('tidy').touch()\n"
    )

    def interrupt_once_started() -> None:
        deadline = time.monotonic() + 30
        while not (tmp_path / "started").exists() and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(os.getpid(), main.signal.SIGINT)

    threading.Thread(target=interrupt_once_started).start()
    with pytest.raises(KeyboardInterrupt):
        run_command(python(text, cwd=tmp_path), tmp_path / "log", str, threading.Event())
    assert (tmp_path / "tidy").exists()


WAITING = (
    "import pathlib, sys, time\n"
    "mine, other, tidy = map(pathlib.Path, sys.argv[1:])\n"
    "mine.touch()\n"
    "try:\n"
    "    while not other.exists(): time.sleep(0.02)\n"
    "except KeyboardInterrupt:\n"
    "    tidy.touch()\n"
)


@pytest.fixture(name="waiting_step")
def fixture_waiting_step(tmp_path, monkeypatch):
    """(own name, name of the step to wait for) -> a step that may run beside others and ends once both have begun."""
    (tmp_path / "logs").mkdir()
    monkeypatch.setattr(main, "_fresh_logs", lambda: tmp_path / "logs")
    monkeypatch.setattr(main.reliability, "keep", lambda rows, logs: None)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)

    def make(name, other):
        files = [str(tmp_path / file) for file in (name, other, f"{name}-tidy")]
        command = Command([sys.executable, "-c", WAITING, *files], limit=20)
        return Step(name, "check", lambda shop: [command], beside=True)

    return make


def test_neighbours_that_may_run_beside_each_other_do(waiting_step, capsys):
    alone = step(python("print('alone')"))
    assert main.run_steps([alone, waiting_step("one", "two"), waiting_step("two", "one")]) == 0
    printed = capsys.readouterr().out
    assert printed.index("a step passed") < printed.index("one (2 of 3)")
    assert "3 passed, 0 failed" in printed


def test_a_failure_beside_others_fails_the_run_and_stops_none(waiting_step, capsys):
    broken = Step("broken", "check", lambda shop: [python("raise SystemExit('broken')")], beside=True)
    assert main.run_steps([broken, waiting_step("one", "two"), waiting_step("two", "one")]) == 1
    assert "2 passed, 1 failed" in capsys.readouterr().out


def test_an_interrupt_reaches_all_that_runs_beside_each_other(waiting_step, tmp_path, capsys):
    def interrupt_once_started() -> None:
        deadline = time.monotonic() + 30
        while not all((tmp_path / name).exists() for name in ("one", "two")) and time.monotonic() < deadline:
            time.sleep(0.02)
        os.kill(os.getpid(), main.signal.SIGINT)

    threading.Thread(target=interrupt_once_started).start()
    steps = [waiting_step("one", "nobody"), waiting_step("two", "nobody"), waiting_step("three", "nobody")]
    assert main.run_steps(steps) != 0
    assert [(tmp_path / f"{name}-tidy").exists() for name in ("one", "two", "three")] == [True, True, False]
    assert not (tmp_path / "three").exists()


@pytest.mark.parametrize("target", ["check", "test", "test-long", "benchmark"])
def test_every_target_lists_its_steps(target, capsys):
    steps = main.steps_of(target)
    assert main.run_steps(steps, list_only=True) == 0
    names = capsys.readouterr().out.split("\n")[:-1] if steps else []
    assert names == [step.name for step in steps]
    assert len(set(names)) == len(names)


def test_an_unknown_step_is_one_sentence(capsys):
    assert main.main(["check", "--only", "no such step"]) == 1
    assert capsys.readouterr().err == "No step of check has 'no such step' in its name; --list names them.\n"
