# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.tests.ladder.report import (
    FAILED,
    PASSED,
    SKIPPED,
    Counts,
    Reporter,
    Result,
    count_one,
    count_pytest,
    count_sanity,
    last_line,
    tail,
)


@pytest.mark.parametrize(
    ("log", "ok", "counts"),
    [
        ("12 passed in 0.52s\n", True, Counts(passed=12)),
        ("==== 12 passed, 1 skipped in 0.52s ====\n", True, Counts(passed=12, skipped=1)),
        ("\x1b[31m1 failed\x1b[0m, 2 passed in 65.00s (0:01:05)\n", False, Counts(passed=2, failed=1)),
        ("  │ ======= 29 passed in 61.72s (0:01:01)\n  │ ==== 4 passed in 14.23s\n", True, Counts(passed=33)),
        ("2 passed, 1 error in 1.0s\n", False, Counts(passed=2, failed=1)),
        ("1 passed, 2 errors in 1.0s\n", False, Counts(passed=1, failed=2)),
        ("1 xfailed, 3 deselected in 1.0s\n", True, Counts(passed=1)),
        ("3 passed in 1.0s\n4 passed in 2.0s\n", True, Counts(passed=7)),
        ("3 passed in 1.0s\n", False, Counts(passed=3, failed=1)),
        ("no tests ran in 0.02s\n", False, Counts(failed=1)),
        ("WARNING: All targets skipped.\n", True, Counts(failed=1)),
        ("ImportError\n", False, Counts(failed=1)),
    ],
)
def test_pytest_is_counted_by_its_closing_lines(log, ok, counts):
    assert count_pytest(log, ok) == counts


def test_sanity_is_counted_by_its_tests():
    log = 'Running sanity test "compile"\nRunning sanity test "import" on Python 3.9\nRunning sanity test "pep8"\n'
    assert count_sanity(log, True) == Counts(passed=3)
    failing = log + "FATAL: The 2 sanity test(s) listed below (out of 3) failed. See error output above for details.\n"
    assert count_sanity(failing, False) == Counts(passed=1, failed=2)
    assert count_sanity("ERROR: no collection here\n", False) == Counts(failed=1)


def test_sanity_that_ran_nothing_is_a_failure():
    assert count_sanity("", True) == Counts(failed=1)


def test_one_step_is_one_check():
    assert (count_one("", True), count_one("", False)) == (Counts(passed=1), Counts(failed=1))


def test_the_tail_of_ansible_test_is_its_errors():
    assert tail('Running sanity test "pep8"\nCollecting x\nERROR: a:1: E1\n') == "    | ERROR: a:1: E1"
    assert tail("$ program\n\n\x1b[1mone\x1b[0m\ntwo\nthree\n", lines=2) == "    | two\n    | three"


def test_the_last_line_is_the_last_that_says_something():
    assert last_line("one\n=== 3 passed ===\n\n====\n") == "3 passed"
    assert last_line("│ TASK [Boot it]\n│ ************\n") == "TASK [Boot it]"
    assert last_line("") == ""


def test_the_closing_line_counts_everything(capsys, tmp_path):
    log = tmp_path / "log"
    log.write_text("what went wrong\n", encoding="utf-8")
    reporter = Reporter()
    reporter.finished(Result("units", PASSED, 1.0, Counts(passed=5, skipped=1)))
    reporter.finished(Result("python 3.14", SKIPPED, 0.0, Counts(skipped=1), "Python 3.14 is not on this machine."))
    reporter.finished(Result("lint", FAILED, 2.0, Counts(failed=1)), log)
    assert reporter.close() == 1
    lines = capsys.readouterr().out.splitlines()
    assert lines[-1] == "5 passed, 1 failed, 2 skipped"
    assert "    | what went wrong" in lines
    assert any(line.endswith("Python 3.14 is not on this machine.") for line in lines)


def test_a_run_without_failure_succeeds_and_a_run_without_steps_does_not(capsys):
    reporter = Reporter()
    assert reporter.close() == 1
    reporter.finished(Result("units", PASSED, 1.0, Counts(passed=1)))
    assert reporter.close() == 0
    assert capsys.readouterr().out.endswith("1 passed, 0 failed, 0 skipped\n")
