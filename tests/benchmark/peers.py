# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a run over a host that is as declared costs, our host part beside that of the nearest peers, in the lab.

    python tests/benchmark/peers.py [--peer NAME=PATH ...] [--only NAME] [--rounds N] [--results FILE] [--write]

PATH is a checkout of the peer; none is shipped. NAME is one of PEERS below. Wants what `make check` builds and what the
lab wants, and the collections that a peer's files use on ANSIBLE_COLLECTIONS_PATH. Each of us gets a machine from the
same image, as delivered: IOMMU off. A first run makes it ready to hand out one card, with the reboot that this takes; then
no-change runs take turns with pings, so that a machine that slows down slows both. Counted is what each executes on the
host, with the facts that it needs; the median of the wall time is put against that of the pings. --results keeps what was
measured, and measures no more than what is missing there; --write puts all of it into docs/performance.md.
"""

from __future__ import annotations

import argparse
import importlib
import json
import os
import statistics
import subprocess
import sys
import tempfile
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/unit"))
importlib.import_module("conftest")  # makes the collection importable

from ansible_collections.nova_pci.passthrough.tests.benchmark.page import measured_on, write_part  # noqa: E402
from ansible_collections.nova_pci.passthrough.tests.benchmark.runs import INVENTORY, PING, run  # noqa: E402
from ansible_collections.nova_pci.passthrough.tests.lab import host_tools  # noqa: E402
from ansible_collections.nova_pci.passthrough.tests.lab.errors import LabError  # noqa: E402
from ansible_collections.nova_pci.passthrough.tests.lab.machine import Lab, Machine  # noqa: E402
from ansible_collections.nova_pci.passthrough.tests.lab.progress import Progress  # noqa: E402

OURS = "nova_pci.passthrough"
MACHINE, ZOO, SUITE = "peers", "small", "bookworm"
CARD = "sriov_nic"  # of the zoo: the only one with its ids, and alone in its group
IDS, ADDRESS = "8086:10c9", "0000:03:00.0"
REBOOT = {"ansible.builtin.reboot": {"reboot_timeout": 1800}}  # an emulated machine takes its time
FEW_FACTS = {"gather_facts": True, "gather_subset": ["!all"]}


@dataclass(frozen=True)
class Peer:
    """*link* is where its checkout belongs in the folder of a run, *book* the play that asks the same of it as of us."""

    covers: str
    link: str
    book: list[dict[str, Any]]
    packages: tuple[str, ...] = ()  # Debian's, that the machine has to have before


PEERS = {
    # Its role iommu includes grubcmdline for each argument, and asks for a processor of Intel's; once for all is cheaper.
    "stackhpc.linux": Peer(
        covers="kernel arguments (role grubcmdline)",
        link="ansible_collections/stackhpc/linux",
        book=[
            {
                **FEW_FACTS,
                "handlers": [{"name": "reboot", **REBOOT}],
                "tasks": [{"ansible.builtin.import_role": {"name": "stackhpc.linux.grubcmdline"}}],
                "vars": {
                    "kernel_cmdline": ["intel_iommu=on", "iommu=pt", f"vfio-pci.ids={IDS}"],
                    "kernel_cmdline_remove": ["^intel_iommu=", "^iommu=", r"^vfio-pci\.ids="],
                },
            }
        ],
    ),
    # The one file of the role that deals with kernel arguments and modules; what else it does is switched off.
    "openstack_hosts": Peer(
        covers="kernel arguments, options of vfio-pci (configure_metal_hosts.yml)",
        link="roles/openstack_hosts",
        book=[
            {
                **FEW_FACTS,
                "vars_files": ["roles/openstack_hosts/defaults/main.yml", "roles/openstack_hosts/vars/debian.yml"],
                "handlers": [{"ansible.builtin.import_tasks": "roles/openstack_hosts/handlers/main.yml"}],
                "tasks": [
                    {
                        "block": [
                            {
                                "ansible.builtin.import_tasks": "roles/openstack_hosts/tasks/configure_metal_hosts.yml",
                            }
                        ],
                        "vars": {
                            "openstack_host_custom_grub_options": [
                                {"key": "intel_iommu", "value": "on"},
                                {"key": "iommu", "value": "pt"},
                            ],
                            "openstack_host_specific_kernel_modules": [{"name": "vfio-pci", "params": f"ids={IDS}"}],
                            "openstack_host_kernel_modules": [],
                            "openstack_host_metal_distro_packages": [],
                            "openstack_host_sysstat_enabled": False,
                            "openstack_host_keep_journals": False,
                            "openstack_kernel_options": [],
                        },
                    }
                ],
            }
        ],
        packages=("python3-apt",),
    ),
    "one-deploy": Peer(
        covers="kernel arguments, modules, binding by driverctl (roles helper/facts, helper/kernel, helper/pci)",
        link="ansible_collections/opennebula/deploy",
        book=[
            {
                "gather_facts": False,
                "module_defaults": REBOOT,
                "roles": [f"opennebula.deploy.helper.{name}" for name in ("facts", "kernel", "pci")],
                "vars": {
                    "kernel_ok_to_reboot": True,
                    "kernel_params": [{"intel_iommu": "on"}, {"iommu": "pt"}],
                    "kernel_modules": [{"load": "vfio-pci"}],
                    "pci_devices": [{"address": ADDRESS, "set_driver": "vfio-pci", "unlisted": False}],
                },
            }
        ],
        packages=("python3-apt", "driverctl"),
    ),
    "bootloader": Peer(
        covers="kernel arguments",
        link="roles/linux-system-roles.bootloader",
        book=[
            {
                **FEW_FACTS,
                "module_defaults": REBOOT,
                "roles": ["linux-system-roles.bootloader"],
                "vars": {
                    "bootloader_reboot_ok": True,
                    "bootloader_settings": [
                        {
                            "kernel": "ALL",
                            "options": [
                                {"name": "intel_iommu", "value": "on"},
                                {"name": "iommu", "value": "pt"},
                                {"name": "vfio-pci.ids", "value": IDS},
                            ],
                        }
                    ],
                },
            }
        ],
        packages=("python3-apt",),
    ),
}
OUR_VARIABLES = {
    "pci_passthrough_devices": [
        {"alias": "card", "vendor_id": IDS[:4], "product_id": IDS[5:], "device_type": "type-PF", "driver": "vfio-pci"}
    ],
    "pci_passthrough_reboot": True,
    "host_iommu_pt": True,
    "host_reboot_timeout": 1800,
}
OURS_COVER = "kernel arguments, binding, journal, and the checks of IOMMU, groups and drivers that a reboot calls for"


@dataclass(frozen=True)
class Measured:
    """What came of one of us; *failure* says why nothing was measured. *changed* are the tasks of the last run."""

    name: str
    commit: str
    covers: str
    failure: str = ""
    modules: int = 0
    changed: tuple[str, ...] = ()
    ratio: float = 0.0
    groups: int = 0
    driver: str = ""


def measure(guest: Machine, name: str, checkout: Path, rounds: int, folder: Path) -> Measured:
    """Start the machine anew, make it ready, and run again *rounds* times with nothing to change."""
    progress = Progress(name)
    covers = PEERS[name].covers if name in PEERS else OURS_COVER
    commit = git(checkout, "log", "-1", "--format=%h")
    settings, play = prepared(name, checkout, folder)
    guest.up(SUITE, ZOO, fresh=True)
    settings["NOVA_PCI_LAB_MACHINE"] = str(guest.directory / "machine.json")
    if name in PEERS:
        install(guest, PEERS[name].packages, folder)
    before = guest.boot_id()
    record = folder / "record.jsonl"
    progress.say("the first run")
    first = run(play, record, settings)
    if first.failure:
        return Measured(name, commit, covers, failure=sentence(first.failure))
    if guest.boot_id() == before:
        progress.say("it left the reboot to others")
        guest.reboot()
    pings, plays = [], []
    for number in range(1, rounds + 1):
        progress.say(f"no-change run {number} of {rounds}")
        pings.append(run(PING, record, settings))
        plays.append(run(play, record, settings))
        progress.say(f"{plays[-1].seconds:.1f} s, a ping {pings[-1].seconds:.1f} s, {len(plays[-1].modules)} modules")
        for done in (pings[-1], plays[-1]):
            if done.failure:
                return Measured(name, commit, covers, failure=sentence(done.failure))
    ping, whole = (statistics.median(one.seconds for one in several) for several in (pings, plays))
    return Measured(
        name=name,
        commit=commit,
        covers=covers,
        modules=len(plays[-1].modules),
        changed=plays[-1].changed,
        ratio=whole / ping,
        groups=len(guest.ssh.output("ls /sys/kernel/iommu_groups").split()),
        driver=guest.ssh.output(f"basename $(readlink /sys/bus/pci/devices/{ADDRESS}/driver) || true").strip(),
    )


def prepared(name: str, checkout: Path, folder: Path) -> tuple[dict[str, str], list[str]]:
    """The environment of a run, in which nothing of the user's own settings counts, and the run itself."""
    given = os.environ.get("ANSIBLE_COLLECTIONS_PATH", "")
    (folder / "ansible.cfg").touch()
    settings = {
        **{key: text for key, text in os.environ.items() if not key.startswith("ANSIBLE_")},
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ.get('PATH', os.defpath)}",
        "ANSIBLE_CONFIG": str(folder / "ansible.cfg"),
        "ANSIBLE_HOME": str(folder / "home"),
        "ANSIBLE_COLLECTIONS_PATH": os.pathsep.join([str(folder), *([given] if given else [])]),
    }
    link = PEERS[name].link if name in PEERS else "ansible_collections/nova_pci/passthrough"
    (folder / link).parent.mkdir(parents=True, exist_ok=True)
    (folder / link).symlink_to(checkout.resolve())
    words = ["ansible-playbook", "-i", INVENTORY]
    if name not in PEERS:
        return settings, [*words, "nova_pci.passthrough.host", "-e", json.dumps(OUR_VARIABLES)]
    book = folder / "book.json"
    plays = [{"name": name, "hosts": "nova_compute", **play} for play in PEERS[name].book]
    book.write_text(json.dumps(plays), encoding="utf-8")
    return settings, [*words, str(book)]


def install(guest: Machine, packages: tuple[str, ...], folder: Path) -> None:
    """Bring Debian packages into the machine, which has no archive of its own: apt here finds out what it lacks."""
    if not packages:
        return
    status, archives = folder / "status", folder / "archives"
    status.write_text(guest.ssh.output("cat /var/lib/dpkg/status"), encoding="utf-8")
    (archives / "partial").mkdir(parents=True)
    places = ["-o", f"Dir::State::status={status}", "-o", f"Dir::Cache::archives={archives}"]
    argv = ["apt-get", *places, "--yes", "--no-install-recommends", "--download-only", "install", *packages]
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"`{' '.join(argv)}` failed: {done.stderr.strip()[-300:]}")
    with subprocess.Popen(["tar", "-C", str(archives), "-cf", "-", "."], stdout=subprocess.PIPE) as tar:
        into = [*guest.ssh.argv, "--", "mkdir -p /root/packages && tar -C /root/packages -xf -"]
        subprocess.run(into, stdin=tar.stdout, check=True)
    guest.ssh.output("dpkg -i /root/packages/*.deb && rm -r /root/packages", timeout=1200)


def git(checkout: Path, *words: str) -> str:
    done = subprocess.run(["git", "-C", str(checkout), *words], capture_output=True, text=True, check=False)
    return done.stdout.strip() or "unknown"


def sentence(failure: str) -> str:
    """A failure for a cell of a table."""
    flat = " ".join(failure.split()).replace("|", "\\|")
    return flat if len(flat) <= 300 else f"{flat[:299]}…"


def table(measured: list[Measured]) -> list[str]:
    """A row for each of us, then what ran into an error and what reported changes."""
    rows = [
        f"| `{one.name}` {one.commit} | {one.covers} | {one.modules} | {len(one.changed)} | {one.ratio:.1f} "
        f"| {one.groups} groups, card on {f'`{one.driver}`' if one.driver else 'no driver'} |"
        for one in measured
        if not one.failure
    ]
    notes = [
        f"- `{one.name}` {one.commit} ({one.covers}) did not get through its run: {one.failure}"
        for one in measured
        if one.failure
    ]
    notes += [
        f"- `{one.name}` reports a change in every no-change run: {', '.join(one.changed)}."
        for one in measured
        if one.changed
    ]
    return [
        "| what, commit | covers | modules executed | reported changed | wall time, pings | after its first run and reboot |",
        "|---|---|---:|---:|---:|---|",
        *rows,
        *(["", *notes] if notes else []),
    ]


def head(rounds: int) -> str:
    from ansible.release import __version__

    guest = f"a guest of {SUITE} with the zoo `{ZOO}`, to hand out {CARD} ({IDS})"
    return measured_on(f"ansible-core {__version__}", f"{guest}; medians of {rounds} runs.")


def kept(results: Path | None) -> dict[str, Measured]:
    """What earlier calls left in the file of results."""
    if results is None or not results.exists():
        return {}
    found: dict[str, Measured] = {}
    for name, fields in json.loads(results.read_text(encoding="utf-8")).items():
        found[name] = Measured(**{**fields, "changed": tuple(fields["changed"])})
    return found


def checkouts(words: list[str]) -> dict[str, Path]:
    """NAME=PATH of the command line, ours first."""
    found = {OURS: ROOT}
    for word in words:
        name, _sign, path = word.partition("=")
        if name not in PEERS or not path or not Path(path).is_dir():
            raise LabError(f"{word}: wants NAME=PATH, NAME one of {', '.join(PEERS)}, PATH a folder that is there.")
        found[name] = Path(path)
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--peer", action="append", default=[], metavar="NAME=PATH", help=f"one of {', '.join(PEERS)}")
    parser.add_argument("--only", metavar="NAME", help=f"measure this one now, and no other, e.g. {OURS}")
    parser.add_argument("--rounds", type=int, default=3, help="no-change runs of each (default: %(default)s)")
    parser.add_argument(
        "--results", type=Path, metavar="FILE", help="keep what is measured, and measure only what is missing"
    )
    parser.add_argument("--write", action="store_true", help="put the table into docs/performance.md")
    options = parser.parse_args()
    measured = kept(options.results)
    guest = Lab().machine(MACHINE)
    try:
        host_tools.require()
        chosen = checkouts(options.peer)
        for name in [options.only] if options.only else [name for name in chosen if name not in measured]:
            if name not in chosen:
                raise LabError(f"{name} is not among {', '.join(chosen)}.")
            with tempfile.TemporaryDirectory() as folder:
                measured[name] = measure(guest, name, chosen[name], options.rounds, Path(folder))
            print("\n".join(table([measured[name]])), flush=True)
            if options.results:
                text = json.dumps({key: asdict(one) for key, one in measured.items()}, indent=1)
                options.results.write_text(text + "\n", encoding="utf-8")
    except LabError as error:
        print(error, file=sys.stderr)
        return 1
    finally:
        guest.down()
    order = [name for name in (OURS, *PEERS) if name in measured]
    if options.write:
        write_part("peers", [head(options.rounds), "", *table([measured[name] for name in order])])
    return 0


if __name__ == "__main__":
    sys.exit(main())
