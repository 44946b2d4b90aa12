"""The verbs of `lab.py cloud`."""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from pathlib import Path

from . import cloud, compute, controller, host_tools, network, suites
from .errors import LabError
from .machine import Lab
from .progress import Progress

DEFAULT_NAME = "cloud"
CONSOLE_LINES = 25

_CONTROL = re.compile(r"\x1b[^A-Za-z]*[A-Za-z]|[\x00-\x08\x0b-\x1f]")


def add_verbs(parser: argparse.ArgumentParser) -> None:
    """`cloud up`, `cloud down` and so on."""
    verbs = parser.add_subparsers(dest="cloud_verb", required=True, metavar="VERB")
    up = verbs.add_parser("up", help="start a cloud and wait until its compute service is up")
    up.add_argument("name", nargs="?", default=DEFAULT_NAME)
    up.add_argument("--suite", choices=suites.SUITES, default="bookworm")
    _add_computes(up)
    up.add_argument("--fresh", action="store_true", help="throw an existing cloud away first")
    down = verbs.add_parser("down", help="stop and remove clouds, prove that nothing is left")
    down.add_argument("name", nargs="?")
    down.add_argument("--all", action="store_true")
    verbs.add_parser("status", help="list clouds")
    for verb, text in (
        ("path", "print the path of cloud.json, for NOVA_PCI_LAB_CLOUD"),
        ("reboot", "reboot the first compute host from inside"),
        ("cut", "kill the first compute host, as a power cut does; `cloud up` starts it again"),
    ):
        verbs.add_parser(verb, help=text).add_argument("name", nargs="?", default=DEFAULT_NAME)
    run = verbs.add_parser("exec", help="run a command of this machine in the cloud's network: exec NAME -- COMMAND")
    run.add_argument("name")
    run.add_argument("command", nargs=argparse.REMAINDER)
    whole = verbs.add_parser(
        "run", help="start a cloud, run a command in its network, take the cloud away whatever comes"
    )
    whole.add_argument("name")
    whole.add_argument("--suite", choices=suites.SUITES, default="bookworm")
    _add_computes(whole)
    whole.add_argument("--keep", action="store_true", help="leave the cloud when the command failed")
    whole.add_argument("command", nargs=argparse.REMAINDER)
    login = verbs.add_parser("ssh", help="run a command on a host: ssh NAME controller|compute|compute2 -- COMMAND")
    login.add_argument("name")
    login.add_argument("host", choices=cloud.hosts(network.MOST_COMPUTES))
    login.add_argument("command", nargs=argparse.REMAINDER)


def _add_computes(parser: argparse.ArgumentParser) -> None:
    numbers = range(1, network.MOST_COMPUTES + 1)
    parser.add_argument("--computes", type=int, choices=numbers, default=1, help="how many compute hosts: cmp1, cmp2")


def build(lab: Lab, suite: str) -> None:
    """Build everything that a cloud of this suite starts from, and print where it lies."""
    host_tools.require(host_tools.CLOUD_NEEDS)
    progress = Progress("build")
    print(controller.build(suite, lab.cache, progress))
    print(lab.build(suite, progress, compute.recipe(lab.cache)).disk)


def run(lab: Lab, arguments: argparse.Namespace) -> int:
    """Run one verb."""
    verb = arguments.cloud_verb
    if verb == "status":
        _status(lab)
    elif verb == "down":
        _down(lab, arguments)
    elif verb == "run":
        host_tools.require(host_tools.CLOUD_NEEDS)
        return _run_in_its_own(cloud.Cloud(lab, arguments.name), arguments)
    elif verb == "up":
        host_tools.require(host_tools.CLOUD_NEEDS)
        cloud.Cloud(lab, arguments.name).up(arguments.suite, arguments.fresh, arguments.computes)
    else:
        _run_on_cloud(cloud.Cloud(lab, arguments.name), arguments)
    return 0


def _run_on_cloud(there: cloud.Cloud, arguments: argparse.Namespace) -> None:
    _state = there.state
    verb = arguments.cloud_verb
    if verb == "path":
        print(there.state_file)
    elif verb == "reboot":
        print(f"{there.compute.reboot():.0f} s")
    elif verb == "cut":
        there.compute.cut()
    else:
        command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
        if verb == "exec":
            if not command:
                raise LabError("Say what to run: cloud exec NAME -- COMMAND.")
            os.environ.update(there.environment())
            argv = [*there.network.prefix, *command]
        else:
            argv = [*there.ssh(arguments.host).argv, *(["--", *command] if command else [])]
        os.execvp(argv[0], argv)


def _run_in_its_own(there: cloud.Cloud, arguments: argparse.Namespace) -> int:
    """One command and the cloud it needs: whatever happens, the cloud goes."""
    command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
    if not command:
        raise LabError("Say what to run: cloud run NAME -- COMMAND.")
    status = None
    try:
        there.up(arguments.suite, fresh=True, computes=arguments.computes)
        environment = {**os.environ, **there.environment()}
        status = subprocess.run([*there.network.prefix, *command], env=environment, check=False).returncode
        return status
    finally:
        if status and arguments.keep:
            print(f"the cloud {there.name} stays for a look: cloud ssh {there.name} compute; cloud down {there.name}")
        else:
            if status != 0:
                _show_last_words(there)
            there.down()


def _show_last_words(there: cloud.Cloud) -> None:
    """The ends of both consoles: the cloud goes, and why it failed should not go with it."""
    logs = cloud.logs(there.directory, network.MOST_COMPUTES)
    machines = {compute.name: compute for compute in there.every_compute if compute.directory.exists()}
    for host, party in {"controller": there.controller, **machines}.items():
        state = "runs" if party.running else "has ended"
        print(f"the {host} of {there.name} {state}; the end of its console:", file=sys.stderr)
        for line in last_lines(Path(logs[host])):
            print(f"    {line}", file=sys.stderr)


def last_lines(file: Path, count: int = CONSOLE_LINES) -> list[str]:
    """The end of a console's log, without what moves a cursor; nothing when there is none."""
    try:
        text = file.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return []
    lines = [_CONTROL.sub("", line).strip() for line in text.splitlines()]
    return [line for line in lines if line][-count:]


def _status(lab: Lab) -> None:
    for there in cloud.clouds(lab):
        try:
            state = there.state
        except LabError:
            print(f"{there.name}: half made; `cloud down {there.name}` removes it")
            continue
        if not there.running:
            print(f"{there.name}: off or half off, {state.suite}; `cloud up {there.name}` starts it again")
            continue
        answers = [there.ask(number) for number in range(1, state.computes + 1)]
        missing = [f"{answer.missing} is not there: {answer.detail}" for answer in answers if answer.missing]
        words = "; ".join(dict.fromkeys(missing)) or "nova-compute is up"
        print(f"{there.name}: running, {state.suite}, {words}")


def _down(lab: Lab, arguments: argparse.Namespace) -> None:
    if arguments.all == bool(arguments.name):
        raise LabError("Name one cloud to take down, or say --all.")
    names = [there.name for there in cloud.clouds(lab)] if arguments.all else [arguments.name]
    for name in names:
        cloud.Cloud(lab, name).down()
    print(f"nothing is left of: {', '.join(names)}" if names else "there was nothing to take down")
