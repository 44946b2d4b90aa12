# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ladder itself: every step as one row, the quickest first. docs/testing.md tells it in words."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass

from .collection import PLACE, ROOT, files
from .cores import CORES, Core, core_for_host
from .machine import bring_programs, dotted, require_debian_root
from .report import count_pytest, count_sanity
from .workshop import Command, Workshop

CHECK = "check"
TEST = "test"
TEST_LONG = "test-long"
TARGETS = (CHECK, TEST, TEST_LONG)  # each one includes those before it, but for test-long, which stands alone

# Every molecule scenario and the target that runs it; tests/unit/test_collected.py holds the table against the folders.
SCENARIOS = {"host": TEST, "openstack": TEST, "placement": TEST_LONG, "rolling": TEST_LONG, "diagnose": TEST_LONG}

# Every folder of test files, by the step that collects it.
CONTRACT_PATHS = ("tests/unit",)
UNIT_PATHS = ("tests/unit/playbooks", "tests/unit/plugins", "tests/unit/roles")
LAB_PATHS = ("tests/lab/tests",)
FUZZ_PATHS = ("tests/fuzz",)
FAULTS_PATHS = ("tests/faults",)
BROWSER_PATHS = ("tests/browser",)
ECOSYSTEM_PATHS = ("tests/ecosystem",)
ROOMS_WITHOUT_ANSIBLE = ("tests/unit/plugins/module_utils/_core", "tests/unit/plugins/module_utils/_host")
MODULE_TESTS = "tests/unit/plugins/modules"
PYTEST_PATHS = CONTRACT_PATHS + UNIT_PATHS + LAB_PATHS + FUZZ_PATHS + FAULTS_PATHS + BROWSER_PATHS + ECOSYSTEM_PATHS

WORKERS = str(min(os.cpu_count() or 1, 4))
HOST_PYTHONS = tuple((3, minor) for minor in range(9, 15))  # what a managed host may run
QUICK_PYTHONS = ((3, 9), (3, 13), (3, 14))  # the oldest and the newest: what breaks on one between them breaks on these

# Programs that the unit tests run: shells for what the roles print, the program that reads it, and GRUB's generator.
# program -> Debian package. grub-common alone writes nothing to a boot disk; that is what grub-pc and grub-efi do.
PROGRAMS = {
    "bash": "bash",
    "busybox": "busybox",
    "dash": "dash",
    "grub-mkconfig": "grub-common",
    "mksh": "mksh",
    "shellcheck": "shellcheck",
    "/usr/lib/klibc/bin/sh": "klibc-utils",  # what an initramfs may run; never on a PATH
}

# The same for the lab's unit tests: what they hold the lab's own archives against.
LAB_PROGRAMS = {"cpio": "cpio"}

# The browser that opens the page of a fleet; letters to draw with come along, as fontconfig wants them.
BROWSER_PROGRAMS = {"chromium": "chromium"}

# Python of which mypy asks everything.
TYPED = ("plugins", "tests/ladder")


@dataclass(frozen=True)
class Step:
    """One row: *target* is the quickest that runs it, *plan* says what to run or raises MissingError.

    *beside*: it works on one core for the most part, in folders of its own, and no clock is held against it.
    """

    name: str
    target: str
    plan: Callable[[Workshop], list[Command]]
    beside: bool = False


def _ruff(*words: str) -> Callable[[Workshop], list[Command]]:
    return lambda shop: [Command([shop.check_environment.tool("ruff"), *words])]


def _mypy(shop: Workshop) -> list[Command]:
    # From the folder above ansible_collections, where absolute imports are at home.
    config = ["--config-file", str(ROOT / "pyproject.toml"), "--cache-dir", str(ROOT / ".mypy_cache")]
    typed = [name for name in files() if name.endswith(".py") and name.startswith(tuple(TYPED))]
    program = [shop.check_environment.python, "-m", "mypy", *config]
    return [Command([*program, *(str(PLACE / name) for name in typed)], cwd=shop.collections)]


def _yamllint(shop: Workshop) -> list[Command]:
    names = [name for name in files() if name.endswith((".yml", ".yaml")) or name in (".yamllint", ".ansible-lint")]
    return [Command([shop.check_environment.tool("yamllint"), "--strict", *names])]


def _pytest(*words: str) -> Callable[[Workshop], list[Command]]:
    return lambda shop: [Command([shop.check_environment.python, "-m", "pytest", "-q", *words], count=count_pytest)]


def _unit_tests(marker: str) -> Callable[[Workshop], list[Command]]:
    def plan(shop: Workshop) -> list[Command]:
        bring_programs(PROGRAMS, shop.say)
        options = ["-q", "-m", marker, "-n", WORKERS]
        program = [shop.check_environment.python, "-m", "pytest"]
        return [Command([*program, *options, *UNIT_PATHS], count=count_pytest)]

    return plan


def _lab_tests(shop: Workshop) -> list[Command]:
    bring_programs(LAB_PROGRAMS, shop.say)
    return _pytest(*LAB_PATHS)(shop)


def _fuzz(shop: Workshop) -> list[Command]:
    bring_programs(PROGRAMS, shop.say)
    program = [shop.check_environment.python, "-m", "pytest", "-q", "-n", WORKERS, *FUZZ_PATHS]
    if not os.environ.get("NOVA_PCI_FUZZ_CASES"):
        return [Command(program, count=count_pytest)]
    # Millions of cases take hours: who asks for them knows, and a test that takes one of these does not hang.
    return [Command([*program, "-o", "faulthandler_timeout=0"], count=count_pytest, limit=7 * 24 * 60 * 60)]


def _browser(shop: Workshop) -> list[Command]:
    bring_programs(BROWSER_PROGRAMS, shop.say)
    environment = shop.browser_environment
    settings = {"NOVA_PCI_PICTURES": str(shop.scratch / "pictures")}
    return [Command([environment.python, "-m", "pytest", "-q", *BROWSER_PATHS], env=settings, count=count_pytest)]


def _code_ratio(shop: Workshop) -> list[Command]:
    return [Command([shop.check_environment.python, "tests/ladder/code_ratio.py"])]


def _on_python(minor: tuple[int, int]) -> Step:
    def plan(shop: Workshop) -> list[Command]:
        own = shop.python_environment(minor)
        # What the slow tests try is files and crashes, not the language: once is enough.
        options = ["-q", "-p", "no:cacheprovider", "-m", "not slow", "-n", WORKERS]
        bare = Command([own.python, "-m", "pytest", *options, *ROOMS_WITHOUT_ANSIBLE], count=count_pytest)
        core = core_for_host(minor, shop.interpreters)
        environment = shop.core_environment(core)
        settings = shop.ansible_test_settings(core, environment, own.bin)
        place = shop.place_for_ansible_test(f"modules-{dotted(minor)}")
        units = [environment.tool("ansible-test"), "units", "--local", "--color", "no", "--python", dotted(minor)]
        return [bare, Command([*units, "--num-workers", WORKERS, f"{MODULE_TESTS}/"], place, settings, count_pytest)]

    return Step(f"unit tests on Python {dotted(minor)}", TEST if minor in QUICK_PYTHONS else TEST_LONG, plan)


def _ansible_test(core: Core, verb: str) -> Step:
    def plan(shop: Workshop) -> list[Command]:
        environment = shop.core_environment(core)
        bring_programs(PROGRAMS, shop.say)
        settings = shop.ansible_test_settings(core, environment)
        place = shop.place_for_ansible_test(f"{verb}-{core.release}")
        argv = [environment.tool("ansible-test"), verb, "--local", "--color", "no"]
        if verb == "units":
            own = core.interpreter(shop.interpreters)
            # The modules alone import ansible-core; the rooms below them are run on every Python without it.
            argv += ["--python", dotted(own.minor), "--num-workers", WORKERS, f"{MODULE_TESTS}/"]
            return [Command(argv, place, settings, count_pytest)]
        return [Command(argv, place, settings, count_sanity)]

    return Step(f"ansible-test {verb}, ansible-core {core.release}", TEST, plan, beside=True)


def _ansible_lint(shop: Workshop) -> list[Command]:
    environment = shop.release_environment
    place = shop.place_for_ansible_test("lint")
    settings = {**shop.ansible_settings(environment), "ANSIBLE_COLLECTIONS_PATH": str(shop.scratch / "lint")}
    return [Command([environment.tool("ansible-lint"), "--offline", "--nocolor"], place, settings)]


def _changelog(shop: Workshop) -> list[Command]:
    return [Command([shop.release_environment.tool("antsibull-changelog"), "lint"])]


def _ecosystem(shop: Workshop) -> list[Command]:
    environment = shop.ecosystem_environment
    settings = shop.ansible_settings(environment)
    return [Command([environment.python, "-m", "pytest", "-q", *ECOSYSTEM_PATHS], env=settings, count=count_pytest)]


def _built_collection(shop: Workshop) -> list[Command]:
    """Build, install elsewhere, use what arrived: modules, filters and roles document themselves, playbooks parse."""
    environment = shop.check_environment
    place = shop.place_for_ansible_test("build")
    built, installed = shop.scratch / "built", shop.scratch / "installed"
    settings = {**shop.ansible_settings(environment), "ANSIBLE_COLLECTIONS_PATH": str(installed)}
    galaxy = [environment.tool("ansible-galaxy"), "collection"]
    commands = [
        [*galaxy, "build", "--output-path", str(built), str(place)],
        ["/bin/sh", "-c", f'exec "$0" "$@" {built}/*.tar.gz', *galaxy, "install", "--offline", "-p", str(installed)],
    ]
    for kind, folder in (("module", "modules"), ("filter", "filter")):
        for file in sorted((ROOT / "plugins" / folder).glob("*.py")):
            name = f"nova_pci.passthrough.{file.stem}"
            commands.append([environment.tool("ansible-doc"), "--type", kind, "--json", name])
    for role in sorted((ROOT / "roles").glob("*/meta/argument_specs.yml")):
        name = f"nova_pci.passthrough.{role.parents[1].name}"
        commands.append([environment.tool("ansible-doc"), "--type", "role", "--json", name])
    for book in sorted((ROOT / "playbooks").glob("*.yml")):
        name = f"nova_pci.passthrough.{book.stem}"
        commands.append([environment.tool("ansible-playbook"), "-i", "localhost,", "--syntax-check", name])
    return [Command(argv, shop.scratch, settings) for argv in commands]


def _oracle(shop: Workshop) -> list[Command]:
    """Real Novas and real oslo.config against our reading of them; building them comes on top the first time."""
    python = shop.check_environment.python
    return [
        Command([python, program], may_be_impossible=True, limit=60 * 60)
        for program in ("tests/oracle/oslo_config/run.py", "tests/oracle/run.py")
    ]


def _interrupted_demo(shop: Workshop) -> list[Command]:
    require_debian_root("The demo's machine")
    lab = [shop.check_environment.python, "tests/lab/lab.py", "setup"]
    test = [shop.check_environment.python, "-m", "pytest", "-q", "tests/lab/tests/test_demo.py"]
    settings = {"NOVA_PCI_LAB_REAL": "1"}
    return [
        Command(lab, may_be_impossible=True),
        Command(test, env=settings, count=count_pytest, limit=60 * 60),
    ]


def _faults(*words: str) -> Callable[[Workshop], list[Command]]:
    def plan(shop: Workshop) -> list[Command]:
        require_debian_root("The lab machine that faults are put into")
        environment = shop.check_environment
        settings = {**shop.ansible_settings(environment), "NOVA_PCI_LAB_REAL": "1"}
        lab = [environment.python, "tests/lab/lab.py", "setup"]
        # Every point says what it found (-s); a test that takes ten minutes does not hang.
        test = [environment.python, "-m", "pytest", "-q", "-s", "-o", "faulthandler_timeout=0", *words, *FAULTS_PATHS]
        return [
            Command(lab, env=settings, may_be_impossible=True),
            Command(test, env=settings, count=count_pytest, limit=4 * 60 * 60),
        ]

    return plan


def _molecule_in_cloud(scenario: str, target: str, suite: str = "bookworm", computes: int = 1) -> Step:
    """A scenario of the lab's OpenStack: molecule runs inside its network, so the cloud is there before and goes after."""

    def plan(shop: Workshop) -> list[Command]:
        require_debian_root(f"The lab cloud of molecule's scenario {scenario}")
        environment = shop.cloud_environment
        settings = {**shop.ansible_settings(environment), "MOLECULE_GLOB": "extensions/molecule/*/molecule.yml"}
        lab = [environment.python, "tests/lab/lab.py"]
        molecule = [environment.tool("molecule"), "test", "--scenario-name", scenario]
        words = ["--suite", suite, "--computes", str(computes)]
        return [
            Command([*lab, "setup"], env=settings, may_be_impossible=True),
            Command(
                [*lab, "cloud", "run", *words, f"molecule-{suite}", "--", *molecule],
                env=settings,
                count=count_pytest,
                limit=75 * 60 * computes,
            ),
        ]

    return Step(f"molecule: {scenario} on {suite}", target, plan)


def _molecule(scenario: str, target: str, suite: str = "bookworm") -> Step:
    def plan(shop: Workshop) -> list[Command]:
        require_debian_root(f"The lab machine of molecule's scenario {scenario}")
        environment = shop.release_environment
        settings = {
            **shop.ansible_settings(environment),
            "MOLECULE_GLOB": "extensions/molecule/*/molecule.yml",
            "NOVA_PCI_LAB_SUITE": suite,
        }
        lab = [environment.python, "tests/lab/lab.py", "setup"]
        molecule = [environment.tool("molecule"), "test", "--scenario-name", scenario]
        return [
            Command(lab, env=settings, may_be_impossible=True),
            Command(molecule, env=settings, count=count_pytest, limit=60 * 60),
        ]

    return Step(f"molecule: {scenario} on {suite}", target, plan)


def _molecule_placement(scenario: str, target: str) -> Step:
    # Debian 12's Nova reports to Placement; the next release was the first to schedule by it.
    return _molecule_in_cloud(scenario, target, "trixie")


def _molecule_rolling(scenario: str, target: str) -> Step:
    return _molecule_in_cloud(scenario, target, computes=2)


_SCENARIO_STEPS = {
    "host": _molecule,
    "openstack": _molecule_in_cloud,
    "placement": _molecule_placement,
    "rolling": _molecule_rolling,
    "diagnose": _molecule_in_cloud,
}

STEPS = (
    Step("ruff check", CHECK, _ruff("check", "--output-format", "concise")),
    Step("ruff format", CHECK, _ruff("format", "--check")),
    Step("mypy", CHECK, _mypy),
    Step("yamllint", CHECK, _yamllint),
    Step("contract tests", CHECK, _pytest(*CONTRACT_PATHS, *(f"--ignore={path}" for path in UNIT_PATHS))),
    Step("unit tests", CHECK, _unit_tests("not slow")),
    Step("code ratio", CHECK, _code_ratio),
    Step("lab's unit tests", CHECK, _lab_tests),
    Step("slow unit tests", TEST, _unit_tests("slow")),
    Step("fuzz", TEST, _fuzz),
    Step("page in a browser", TEST, _browser),
    *(_on_python(minor) for minor in HOST_PYTHONS),
    Step("ansible-lint", TEST, _ansible_lint, beside=True),
    Step("changelog", TEST, _changelog, beside=True),
    Step("documentation site", TEST, _ecosystem, beside=True),
    Step("collection built and installed", TEST, _built_collection, beside=True),
    *(_ansible_test(core, verb) for core in CORES for verb in ("units", "sanity")),
    Step("oracle", TEST, _oracle),
    Step("interrupted demo", TEST, _interrupted_demo),
    Step("faults, a sample", TEST, _faults("-m", "not long")),
    Step("faults, all of them", TEST_LONG, _faults()),
    *(_SCENARIO_STEPS[scenario](scenario, target) for scenario, target in SCENARIOS.items()),
    _molecule("host", TEST_LONG, "trixie"),
    *(_molecule_in_cloud("openstack", TEST_LONG, suite) for suite in ("bullseye", "trixie")),
)


def steps_of(target: str) -> list[Step]:
    """The steps of one target: check and what comes on top of it, or the long ones alone."""
    wanted = {CHECK: (CHECK,), TEST: (CHECK, TEST), TEST_LONG: (TEST_LONG,)}[target]
    return [step for step in STEPS if step.target in wanted]
