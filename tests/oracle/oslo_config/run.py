# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holds plugins/module_utils/_core/{oslo_config,config_search,service_config}.py against real oslo.config.

    python tests/oracle/oslo_config/run.py [--cases N] [--seed N] [--only SEED] [--environments FOLDER]

Ends with 0 when both agree in every case, with 1 when they do not, with 3 and one sentence when oslo.config cannot be
installed here. The number of cases also comes from NOVA_PCI_ORACLE_CASES.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import posixpath
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[2]
sys.path.insert(0, str(ROOT / "tests/unit"))
importlib.import_module("conftest")  # makes the collection importable

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_search import search  # noqa: E402
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import NovaRefusal  # noqa: E402
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.oslo_config import (  # noqa: E402
    ConfigFile,
    SyntaxTrouble,
    parse_config,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.service_config import (  # noqa: E402
    ServiceConfig,
    Setting,
)
from ansible_collections.nova_pci.passthrough.tests.ladder.environments import (  # noqa: E402
    Environment,
    environment,
    read_requirements,
)
from ansible_collections.nova_pci.passthrough.tests.ladder.machine import Interpreter, MissingError  # noqa: E402
from ansible_collections.nova_pci.passthrough.tests.oracle.oslo_config.cases import (  # noqa: E402
    CWD,
    HOME,
    PROGRAM,
    Case,
    draw_case,
)
from ansible_collections.nova_pci.passthrough.tests.tried import tried  # noqa: E402

VERSIONS = {"10.7.0": 1, "8.3.4": 4}  # that of Nova 34 gets every case, that of Victoria each fourth
CASES = 20_000
NOT_POSSIBLE_HERE = 3
SHOWN = 10

OLD = {
    "pci.alias": (("DEFAULT", "pci_alias"),),
    "pci.device_spec": (("pci", "passthrough_whitelist"), ("DEFAULT", "pci_passthrough_whitelist")),
    "filter_scheduler.enabled_filters": (("DEFAULT", "scheduler_default_filters"),),
}
MULTI = ("pci.alias", "pci.device_spec", "filter_scheduler.available_filters")
LISTS = ("filter_scheduler.enabled_filters",)
BOOLEANS = ("pci.report_in_placement", "filter_scheduler.pci_in_placement")
UNSET = tuple(f"${name} names" for name in ("my_ip", "host", "state_path", "local", "pci.local"))
LINELESS = "Section must be started before assignment"  # oslo.config names the line after the one at fault


def configuration(case: Case) -> ServiceConfig:
    """What our code makes of the case; the file that it calls added is put there by with_file()."""
    files = {path: _read(path, text) for path, text in case.files.items()}
    files.update({path: _unreadable(path) for path in (*case.dead, *case.folders) if path.endswith(".conf")})
    added = files.pop(case.added) if case.added is not None else None
    existing = {
        folder for path in (*files, *(f"{folder}/x" for folder in (CWD, *case.folders))) for folder in _above(path)
    }
    sources = search(PROGRAM, case.arguments, case.environment, HOME, CWD, case.default_files)
    config = ServiceConfig(PROGRAM, sources, files, frozenset(existing), case.environment)
    return config if added is None else config.with_file(added)


def _read(path: str, text: str) -> ConfigFile:
    return parse_config(path, text.encode("latin-1").decode("utf-8", "surrogateescape"))


def _unreadable(path: str) -> ConfigFile:
    return ConfigFile(path, (), SyntaxTrouble(path, 0, "", "cannot be read"))


def _above(path: str) -> Iterator[str]:
    while path not in ("", "/"):
        path = posixpath.dirname(path)
        yield path


def sections(file: ConfigFile) -> dict[str, dict[str, list[str]]]:
    found: dict[str, dict[str, list[str]]] = {}
    for one in file.assignments:
        found.setdefault(one.group, {}).setdefault(one.name, []).append(one.value)
    return found


def differences(config: ServiceConfig, real: dict[str, Any]) -> Iterator[str]:
    """In words, what our code and the real answer do not agree on."""
    trouble = config.trouble
    if real["refused"] or trouble is not None:
        if not real["refused"] or trouble is None:
            yield f"refused: {real['refused']} {real.get('words')}; ours: {trouble}"
        elif _names_another_line(trouble, real):
            yield f"refused: {real['words']}; ours: {trouble}"
        return
    read = [file.path for file in config.files]
    if read != real["opened"]:
        yield f"read: {real['opened']}; ours: {read}"
    elif [sections(file) for file in config.files] != real["sections"]:
        yield f"sections: {real['sections']}; ours: {[sections(file) for file in config.files]}"
    if len(set(read)) == len(read) and sorted(read, key=config.order) != read:
        yield f"order: {sorted(read, key=config.order)}; ours: {read}"
    for label, value in real["values"].items():
        yield from _value_differs(config, label, value)


def _names_another_line(trouble: SyntaxTrouble, real: dict[str, Any]) -> bool:
    if real["refused"] != "ConfigFileParseError" or not trouble.line or LINELESS in real["words"]:
        return False
    return f"{trouble.path}:{trouble.line}," not in real["words"]


def _value_differs(config: ServiceConfig, label: str, real: dict[str, Any]) -> Iterator[str]:
    group, _dot, name = label.partition(".")
    names = (group, name, *OLD.get(label, ()))
    setting = config.multi(*names) if label in MULTI else config.last(*names)
    try:
        ours = _ours(config, label, setting, names)
    except NovaRefusal as refusal:
        ours = refusal.exception
    if len(setting.values) != len(setting.origins):
        yield f"{label}: {len(setting.values)} values from {len(setting.origins)} places"
    if setting.problem is not None:
        # Whether there is an option of that name, and its default, our code does not know: here they are these, without one.
        if "error" not in real and not any(word in setting.problem for word in UNSET):
            yield f"{label}: {real['value']!r}; ours: {setting.problem}"
        return
    expected = real["error"].replace("ConfigSource", "ConfigFile") if "error" in real else real["value"]
    if ours != expected:
        yield f"{label}: {expected!r}; ours: {ours!r}"


def _ours(config: ServiceConfig, label: str, setting: Setting, names: Any) -> Any:
    if label in MULTI:
        return list(setting.values)
    if label in BOOLEANS:
        return config.boolean(*names)
    if not setting.values:
        return None
    return list(setting.items) if label in LISTS else setting.values[0]


def _environment(version: str, environments: Path | None) -> Environment:
    interpreter = Interpreter(sys.version_info[:3], Path(sys.executable))
    requirements = read_requirements(HERE / f"requirements-{version}.txt")
    return environment(f"oslo-config-{version}", interpreter, requirements, _say, environments)


def ask_real(python: str, cases: Sequence[Case], folder: Path) -> subprocess.Popen[str]:
    """Start the real oslo.config of the environment of *python*: one line of standard output for each case."""
    folder.mkdir()
    file = folder / "cases"
    file.write_text("".join(json.dumps(case.to_dict()) + "\n" for case in cases), encoding="ascii")
    argv = [python, "-X", "utf8", str(HERE / "answers.py"), str(file), str(folder)]
    return subprocess.Popen(argv, stdout=subprocess.PIPE, text=True, encoding="ascii", cwd=folder)


def _say(text: str) -> None:
    print(text, file=sys.stderr)


def compare(seeds: range, environments: Path | None) -> int:
    """Return the exit status of the whole comparison; its last line on standard output holds the counts."""
    begin = time.monotonic()
    cases = [draw_case(seed) for seed in seeds]
    with tempfile.TemporaryDirectory(prefix="nova-pci-oracle-", dir=_memory()) as scratch:
        try:
            venvs = {version: _environment(version, environments) for version in VERSIONS}
        except MissingError as error:
            print(f"oslo.config oracle: skipped: {error}")
            return NOT_POSSIBLE_HERE
        processes = {
            version: ask_real(venv.python, cases[:: VERSIONS[version]], Path(scratch) / version)
            for version, venv in venvs.items()
        }
        disagreements, refused, values = _compare_all(cases, processes)
        failed = [version for version, process in processes.items() if process.wait()]
    print(
        f"oslo.config oracle: {len(cases)} cases from seed {seeds.start} against oslo.config {' and '.join(VERSIONS)}, "
        f"{refused} refusals, {values} values, {disagreements} disagreements, {time.monotonic() - begin:.0f} s"
    )
    return 1 if disagreements or failed else 0


def _compare_all(cases: Sequence[Case], processes: Mapping[str, subprocess.Popen[str]]) -> tuple[int, int, int]:
    refused = values = 0
    disagreements = dict.fromkeys(processes, 0)
    for number, case in enumerate(cases):
        config = configuration(case)
        for version, process in processes.items():
            if number % VERSIONS[version]:
                continue
            assert process.stdout is not None
            real = json.loads(process.stdout.readline() or '{"refused": "nothing: it has ended", "words": ""}')
            refused += bool(real["refused"])
            values += len(real.get("values", ()))
            for difference in differences(config, real):
                disagreements[version] += 1
                if sum(disagreements.values()) <= SHOWN:
                    print(f"seed {case.seed}, oslo.config {version}: {difference}")
    for version, wrong in disagreements.items():
        tried(f"oracle cases, oslo.config {version}", len(cases[:: VERSIONS[version]]))
        tried(f"oracle disagreements, oslo.config {version}", wrong)
    return sum(disagreements.values()), refused, values


def _memory() -> str | None:
    return "/dev/shm" if os.access("/dev/shm", os.W_OK) else None


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--cases", type=int, default=int(os.environ.get("NOVA_PCI_ORACLE_CASES", str(CASES))))
    parser.add_argument("--seed", type=int, default=1, help="the first of the seeds")
    parser.add_argument("--only", type=int, help="show one seed's case and compare it")
    parser.add_argument("--environments", type=Path, help="where the virtual environments are kept")
    arguments = parser.parse_args()
    if arguments.only is not None:
        print(json.dumps(draw_case(arguments.only).to_dict(), indent=1))
        return compare(range(arguments.only, arguments.only + 1), arguments.environments)
    return compare(range(arguments.seed, arguments.seed + arguments.cases), arguments.environments)


if __name__ == "__main__":
    sys.exit(main())
