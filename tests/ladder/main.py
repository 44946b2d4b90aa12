# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The command line: "tests/run.py check", "test", "test-long", "benchmark", "reliability" and so on."""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import replace
from itertools import groupby
from pathlib import Path

from . import reliability
from .collection import ROOT
from .environments import cache_root
from .machine import MissingError, in_ci, require_debian_root
from .report import FAILED, PASSED, SKIPPED, Counts, Reporter, Result, last_line
from .steps import TARGETS, Step, steps_of
from .workshop import Workshop, run_command, workshop

_LEFTOVERS = (".mypy_cache", ".pytest_cache", ".ruff_cache", ".ansible", "tests/output")


def main(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    signal.signal(signal.SIGTERM, _stop)
    signal.signal(signal.SIGHUP, _stop)
    try:
        if arguments.verb in TARGETS:
            return run_steps(_chosen(arguments.verb, arguments.only), list_only=arguments.list)
        if arguments.verb == "reliability":
            return _renew_reliability()
        if arguments.verb == "clean":
            return _clean(arguments.all)
        if arguments.verb == "pytest":
            return _run_pytest(arguments.words)
        if arguments.verb == "format":
            return _format()
        return _demo(arguments.verb)
    except MissingError as missing:
        print(missing, file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 128 + signal.SIGINT


def _stop(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="tests/run.py", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    for target in TARGETS:
        verb = verbs.add_parser(target, help=f"run the steps of make {target}")
        verb.add_argument("--only", metavar="TEXT", help="only the steps whose name contains TEXT")
        verb.add_argument("--list", action="store_true", help="name the steps and run none")
    verbs.add_parser("reliability", help="bring the table of docs/reliability.md up to date with the kept runs")
    one = verbs.add_parser("pytest", help="run the tests of one file in the environment of make check: pytest FILE ...")
    one.add_argument("words", nargs=argparse.REMAINDER, metavar="FILE", help="and further words for pytest")
    verbs.add_parser("format", help="let ruff lay out the code and mend what it can")
    verbs.add_parser("demo", help="from a bare host to an OpenStack server that holds its PCI devices")
    verbs.add_parser("demo-down", help="remove what the demo started")
    clean = verbs.add_parser("clean", help="remove what the tools left in the checkout")
    clean.add_argument("--all", action="store_true", help="also the virtual environments")
    return parser


def _chosen(target: str, only: str | None) -> list[Step]:
    chosen = [step for step in steps_of(target) if only is None or only in step.name]
    if not chosen:
        raise MissingError(f"No step of {target} has {only!r} in its name; --list names them.")
    return chosen


def run_steps(steps: list[Step], list_only: bool = False) -> int:
    if list_only:
        print("\n".join(step.name for step in steps))
        return 0
    reporter = Reporter()
    logs = _fresh_logs()
    status = 0
    rows: list[reliability.Row] = []
    with workshop(reporter.say) as shop:

        def run(step: Step) -> tuple[Step, Result, Path]:
            number = steps.index(step) + 1
            reporter.say(f"{step.name} ({number} of {len(steps)})")
            log = logs / f"{number:02d}-{step.name.replace(' ', '-').replace(':', '').replace(',', '')}.log"
            return step, run_step(step, shop, log), log

        try:
            for step, result, log in _in_order(steps, run, shop):
                reporter.finished(result, log)
                rows += _tried(step, result, log)
        except KeyboardInterrupt:
            status = 128 + signal.SIGINT
    reliability.keep(rows, logs)
    return reporter.close() or status


def _in_order(
    steps: Sequence[Step], run: Callable[[Step], tuple[Step, Result, Path]], shop: Workshop
) -> Iterator[tuple[Step, Result, Path]]:
    """Run the steps one after the other, but neighbours that leave cores idle as many at a time as there are cores."""
    for beside, group in groupby(steps, key=lambda step: step.beside):
        if not beside:
            yield from map(run, group)
            continue
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            try:
                for future in as_completed([pool.submit(run, step) for step in group]):
                    yield future.result()
            except BaseException:
                shop.stopping.set()
                pool.shutdown(cancel_futures=True)
                raise


def run_step(step: Step, shop: Workshop, log: Path) -> Result:
    """Run one step to its end; a step that the machine cannot run is skipped by its reason.

    In CI a reason that this program should have been able to remove is a failure.
    """
    start = time.monotonic()
    counts, note, verdict = Counts(), "", PASSED

    def say(text: str) -> None:
        shop.say(f"  {step.name}:{text}" if step.beside else text)

    try:
        with shop.planning:
            commands = step.plan(shop)
        for command in commands:
            counting = replace(command, env={reliability.TRIED: str(_tried_file(log)), **command.env})
            ok, text = run_command(counting, log, say, shop.stopping)
            counted = command.count(text, ok)
            counts, note = counts + counted, last_line(text)
            if counted.failed:
                verdict = FAILED
                break
    except MissingError as missing:
        verdict = FAILED if missing.installable and in_ci() else SKIPPED
        counts, note = Counts(failed=1) if verdict == FAILED else Counts(skipped=1), str(missing)
    return Result(step.name, verdict, time.monotonic() - start, counts, note)


def _tried_file(log: Path) -> Path:
    return log.with_suffix(".tried")


def _tried(step: Step, result: Result, log: Path) -> list[reliability.Row]:
    """What the tests of a step that passed have counted."""
    file = _tried_file(log)
    if result.verdict != PASSED or not file.exists() or step.name.startswith(reliability.AGAIN):
        return []
    cases = os.environ.get("NOVA_PCI_FUZZ_CASES")
    name = f"{step.name}, CASES={cases}" if cases else step.name
    return reliability.counted(file.read_text(encoding="utf-8"), name, time.strftime("%Y-%m-%d"))


def _renew_reliability() -> int:
    rows = reliability.renew(cache_root() / "logs")
    print(f"{reliability.PAGE.relative_to(ROOT)}: {rows} rows")
    return 0


def _fresh_logs() -> Path:
    """A folder for this run's output; those of today, which other runs may still be writing, and the last few stay."""
    folder = cache_root() / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.iterdir())[:-5]:
        if time.time() - old.stat().st_mtime > 24 * 3600:
            shutil.rmtree(old, ignore_errors=True)
    logs = folder / time.strftime(f"%Y%m%d-%H%M%S-{os.getpid()}")
    logs.mkdir()
    return logs


def _run_pytest(words: list[str]) -> int:
    reporter = Reporter()
    with workshop(reporter.say) as shop:
        python = shop.check_environment.python
        os.chdir(ROOT)
        return os.spawnv(os.P_WAIT, python, [python, "-m", "pytest", "-q", *words])


def _format() -> int:
    reporter = Reporter()
    with workshop(reporter.say) as shop:
        ruff = shop.check_environment.tool("ruff")
        os.chdir(ROOT)
        status = os.spawnv(os.P_WAIT, ruff, [ruff, "check", "--fix", "--exit-zero", "--quiet"])
        return status or os.spawnv(os.P_WAIT, ruff, [ruff, "format"])


def _demo(verb: str) -> int:
    """Hand over to tests/lab/demo.py, with an environment that has ansible-core and OpenStack's clients in it."""
    require_debian_root(f"make {verb}")
    program = ROOT / "tests/lab/demo.py"
    if not program.exists():
        raise MissingError(f"{program.relative_to(ROOT)} is not written yet.")
    reporter = Reporter()
    with workshop(reporter.say) as shop:
        environment = shop.cloud_environment
        settings = {**os.environ, **shop.ansible_settings(environment)}
    settings.pop("ANSIBLE_HOME")
    os.chdir(ROOT)
    word = "up" if verb == "demo" else "down"
    os.execve(environment.python, [environment.python, str(program), word], settings)


def _clean(everything: bool) -> int:
    for name in _LEFTOVERS:
        shutil.rmtree(ROOT / name, ignore_errors=True)
    for folder in ROOT.rglob("__pycache__"):
        shutil.rmtree(folder, ignore_errors=True)
    if everything:
        shutil.rmtree(cache_root(), ignore_errors=True)
    print("clean" if everything else f"clean; the environments stay in {cache_root()} (clean --all removes them too)")
    return 0
