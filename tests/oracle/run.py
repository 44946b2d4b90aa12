# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Ask real Novas of several releases and the collection the same questions, and fail where the answers differ.

    python tests/oracle/run.py [--releases 34.0.0,26.3.0] [--cases N] [--seed N] [--minutes N] [--cache FOLDER]

Every release runs in a virtual environment of its own, which is built at the first run and kept.
"""

from __future__ import annotations

import argparse
import importlib
import os
import sys
import time
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path

if __name__ == "__main__" and not __package__:
    # Run as a file: Python put this folder on the path, where the folder above belongs.
    sys.path[0] = str(Path(__file__).resolve().parents[1])
    importlib.import_module("unit.conftest")  # makes the collection importable

from ladder.machine import MissingError, find_interpreters, in_ci
from oracle.real_nova import Nova, NovaError
from oracle.releases import RELEASES, Release
from oracle.trial import Verdict, hold_trial

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import parse_release
from ansible_collections.nova_pci.passthrough.tests.tried import tried

CASES = 20000
EXIT_NOT_POSSIBLE_HERE = 3  # as tests/lab says it


def main(argv: list[str]) -> int:
    arguments = _parser().parse_args(argv)
    started = time.monotonic()
    ready, status = _ready(arguments)
    if not ready:
        return status or EXIT_NOT_POSSIBLE_HERE
    workers = min(len(ready), os.cpu_count() or 1)
    rounds = -(-len(ready) // workers)
    budget = arguments.minutes * 60 / rounds
    with ProcessPoolExecutor(max_workers=workers) as pool:
        trials = {
            pool.submit(_trial, python, release.version, arguments.seed, arguments.cases, budget): release
            for release, python in ready
        }
        for trial in as_completed(trials):
            try:
                status |= _tell(trial.result())
            except NovaError as error:
                _say(f"Nova {trials[trial].version} could not be asked:\n{error}")
                status = 1
    _say(f"{len(ready)} releases, seed {arguments.seed}, {time.monotonic() - started:.0f} s")
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--releases", default=",".join(release.version for release in RELEASES), help="with commas")
    parser.add_argument("--cases", type=int, default=CASES, metavar="N", help="for each release (%(default)s)")
    parser.add_argument("--seed", type=int, default=1, metavar="N", help="other cases (%(default)s)")
    parser.add_argument(
        "--minutes", type=float, default=0, metavar="N", help="go on with more cases for so long in all"
    )
    parser.add_argument("--cache", type=Path, metavar="FOLDER", help="where the environments are kept")
    return parser


def _ready(arguments: argparse.Namespace) -> tuple[list[tuple[Release, str]], int]:
    """The releases that this machine can run, each with its Python, and the exit status so far."""
    wanted = [name for name in arguments.releases.split(",") if name]
    unknown = sorted(set(wanted) - {release.version for release in RELEASES})
    if unknown:
        raise SystemExit(f"No such release: {', '.join(unknown)}.")
    ready, status = [], 0
    interpreters = find_interpreters()
    for release in RELEASES:
        if release.version not in wanted:
            continue
        try:
            ready.append((release, release.environment(interpreters, _say, arguments.cache).python))
        except MissingError as missing:
            _say(f"Nova {release.version} skipped: {missing}")
            status |= missing.installable and in_ci()
    return ready, int(status)


def _trial(python: str, version: str, seed: int, count: int, budget: float) -> Verdict:
    with Nova(python) as nova:
        return hold_trial(nova, parse_release(version), seed, count, time.monotonic() + budget, _say)


def _tell(verdict: Verdict) -> int:
    _say(verdict.line())
    tried(f"oracle cases, Nova {verdict.version}", verdict.cases.total())
    tried(f"oracle disagreements, Nova {verdict.version}", verdict.disagreements.total())
    if verdict.smallest is None:
        return 0
    _say(str(verdict.smallest))
    return 1


def _say(text: str) -> None:
    print(text, flush=True)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
