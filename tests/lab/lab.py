"""Command line of the lab: `python3 tests/lab/lab.py VERB`; `--help` lists the verbs."""

from __future__ import annotations

import argparse
import os
import signal
import sys
from pathlib import Path

if __name__ == "__main__" and not __package__:
    # Run as a file: Python put this folder on the path, where the package's parent belongs.
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from lab import cloud_cli, host_tools, machine, record, suites, zoo
from lab.errors import LabError, NotPossibleHereError
from lab.progress import Progress

EXIT_FAILED = 1
EXIT_NOT_POSSIBLE_HERE = 3


def main(argv: list[str] | None = None) -> int:
    """Run one verb; errors are one sentence on standard error."""
    arguments = _parser().parse_args(argv)
    # A polite end runs the clean-up of whatever was under way.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
    try:
        return _run(arguments)
    except NotPossibleHereError as error:
        print(error, file=sys.stderr)
        return EXIT_NOT_POSSIBLE_HERE
    except LabError as error:
        print(error, file=sys.stderr)
        return EXIT_FAILED
    except OSError as error:
        print(f"The lab could not go on: {error}.", file=sys.stderr)
        return EXIT_FAILED
    except KeyboardInterrupt:
        print("Interrupted; `down --all` and `cloud down --all` remove what is left.", file=sys.stderr)
        return 128 + signal.SIGINT


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lab.py", description=__doc__)
    verbs = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    verbs.add_parser("setup", help="install the Debian packages the lab needs here")
    build = verbs.add_parser("build", help="build a golden image, or all that a cloud starts from (cached)")
    build.add_argument("--suite", choices=suites.SUITES, default="bookworm")
    build.add_argument("--kind", choices=("machine", "cloud"), default="machine")
    up = verbs.add_parser("up", help="start a machine and wait for SSH")
    up.add_argument("name")
    up.add_argument("--suite", choices=suites.SUITES, default="bookworm")
    up.add_argument("--zoo", choices=zoo.ZOOS, default="intel")
    up.add_argument("--mem", type=int, metavar="MIB")
    up.add_argument("--fresh", action="store_true", help="throw an existing machine away first")
    down = verbs.add_parser("down", help="stop and remove machines, prove that nothing is left")
    down.add_argument("name", nargs="?")
    down.add_argument("--all", action="store_true")
    for verb, text in (
        ("reboot", "reboot from inside"),
        ("cut", "kill QEMU, as a power cut does"),
    ):
        verbs.add_parser(verb, help=text).add_argument("name")
    cycle = verbs.add_parser("powercycle", help="off and on again")
    cycle.add_argument("name")
    cycle.add_argument("--zoo", choices=zoo.ZOOS, help="with the devices of this zoo from now on")
    run = verbs.add_parser("ssh", help="run a command in a machine: ssh NAME -- COMMAND")
    run.add_argument("name")
    run.add_argument("command", nargs=argparse.REMAINDER)
    verbs.add_parser("status", help="list machines")
    verbs.add_parser("path", help="print the path of machine.json, for NOVA_PCI_LAB_MACHINE").add_argument("name")
    inventory = verbs.add_parser("inventory", help="print an Ansible inventory")
    inventory.add_argument("names", nargs="+", metavar="NAME")
    inventory.add_argument("--out", type=Path)
    dump = verbs.add_parser("record", help="dump a machine's sysfs and boot files as JSON")
    dump.add_argument("name")
    dump.add_argument("--out", type=Path, required=True)
    cloud_cli.add_verbs(verbs.add_parser("cloud", help="a whole OpenStack: controller and compute host"))
    return parser


def _run(arguments: argparse.Namespace) -> int:
    lab = machine.Lab()
    verb = arguments.verb
    if verb == "setup":
        host_tools.install(Progress("setup"), host_tools.CLOUD_NEEDS)
    elif verb == "status":
        _status(lab)
    elif verb == "cloud":
        return cloud_cli.run(lab, arguments)
    elif verb == "build" and arguments.kind == "cloud":
        cloud_cli.build(lab, arguments.suite)
    elif verb == "build":
        host_tools.require()
        print(lab.build(arguments.suite, Progress("build")).disk)
    elif verb == "up":
        host_tools.require()
        guest = lab.machine(arguments.name)
        guest.up(arguments.suite, arguments.zoo, arguments.mem, arguments.fresh)
    elif verb == "down":
        _down(lab, arguments)
    elif verb == "inventory":
        text = machine.inventory([lab.machine(name) for name in arguments.names])
        if arguments.out:
            arguments.out.write_text(text, encoding="utf-8")
        else:
            print(text, end="")
    else:
        return _run_on_machine(lab.machine(arguments.name), arguments)
    return 0


def _run_on_machine(guest: machine.Machine, arguments: argparse.Namespace) -> int:
    _state = guest.state
    if arguments.verb == "ssh":
        command = arguments.command[1:] if arguments.command[:1] == ["--"] else arguments.command
        argv = [*guest.ssh.argv, *(["--", *command] if command else [])]
        os.execvp(argv[0], argv)
    elif arguments.verb == "path":
        print(guest.directory / "machine.json")
    elif arguments.verb == "reboot":
        print(f"{guest.reboot():.0f} s")
    elif arguments.verb == "powercycle":
        print(f"{guest.power_cycle(arguments.zoo):.0f} s")
    elif arguments.verb == "cut":
        guest.cut()
    elif arguments.verb == "record":
        arguments.out.write_text(record.record(guest), encoding="utf-8")
    return 0


def _status(lab: machine.Lab) -> None:
    for guest in lab.machines():
        try:
            state = guest.state
        except LabError:
            print(f"{guest.name}: half made; `down {guest.name}` removes it")
            continue
        power = "running" if guest.running else "off"
        print(f"{guest.name}: {power}, {state.suite}, zoo {state.zoo}, SSH port {state.ssh_port}")


def _down(lab: machine.Lab, arguments: argparse.Namespace) -> None:
    if arguments.all == bool(arguments.name):
        raise LabError("Name one machine to take down, or say --all.")
    names = lab.down_all() if arguments.all else [arguments.name]
    if not arguments.all:
        lab.machine(arguments.name).down()
    print(f"nothing is left of: {', '.join(names)}" if names else "there was nothing to take down")


if __name__ == "__main__":
    sys.exit(main())
