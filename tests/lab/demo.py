"""The demo: a bare host becomes an OpenStack server that prints the PCI devices it holds, as a user does it.

`demo.py up` starts the lab's cloud, whose compute host boots with the IOMMU off, runs playbooks/site.yml against it with
the inventory in cloud_inventory/, creates a server with OpenStack's own client, shows what the server printed, and ends
with playbooks/survey.yml, which writes the page of the compute host.
`demo.py down` takes everything away again. tests/run.py calls both with an environment that has ansible-core and
OpenStack's clients in it.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

if __name__ == "__main__" and not __package__:
    sys.path[0] = str(Path(__file__).resolve().parent.parent)

from lab import guest_images, host_tools
from lab.cloud import Cloud
from lab.errors import LabError, NotPossibleHereError
from lab.machine import Lab
from lab.progress import Progress

NAME = "demo"
SUITE = "bookworm"
SERVER = "test-pci"
FLAVOR = "pci.nic2"
IMAGE = "tiny"
HEARTBEAT_SECONDS = 30
CONSOLE_SECONDS = 600
HERE = Path(__file__).resolve().parent
PAGES = HERE.parent / "output" / "demo"  # git ignores tests/output


def main(argv: list[str]) -> int:
    """Run one verb; an interrupted `up` takes the cloud away before it ends."""
    # A shell's background job is started with SIGINT ignored, and Python leaves that so.
    signal.signal(signal.SIGINT, _interrupt)
    signal.signal(signal.SIGTERM, _interrupt)
    signal.signal(signal.SIGHUP, _interrupt)
    cloud = Cloud(Lab(), NAME)
    try:
        if argv == ["down"]:
            cloud.down()
            print("Nothing is left of the demo's cloud.")
            return 0
        return up(cloud)
    except KeyboardInterrupt:
        print("\nInterrupted: taking the demo's cloud away.", file=sys.stderr)
        cloud.down()
        return 128 + signal.SIGINT
    except NotPossibleHereError as error:
        print(error, file=sys.stderr)
        return 3
    except LabError as error:
        print(error, file=sys.stderr)
        return 1


def _interrupt(number: int, frame: object) -> None:
    raise KeyboardInterrupt


def up(cloud: Cloud) -> int:
    """Start the cloud, run the playbook, create the server, show what it holds."""
    start = time.monotonic()
    progress = Progress(NAME)
    host_tools.install(Progress("setup"), host_tools.CLOUD_NEEDS)
    cloud.up(SUITE, fresh=True)
    groups = cloud.ssh("compute").output("ls /sys/kernel/iommu_groups | wc -l").strip()
    progress.say(f"OpenStack is up; its compute host shows {groups} IOMMU groups (the boot line says intel_iommu=off)")
    progress.say("ansible-playbook nova_pci.passthrough.site: about 6 minutes, one reboot of the compute host")
    with tempfile.TemporaryDirectory(prefix="nova-pci-demo-") as folder:
        record = Path(folder) / "record.jsonl"
        status = _run(cloud, progress, _playbook(), _settings(record))
        tables = _tables(record)
    if status:
        return _stay(f"The playbook failed with status {status}")
    progress.say(f"openstack server create --flavor {FLAVOR} --image {IMAGE} --nic none --wait {SERVER}")
    status = _run(cloud, progress, _openstack("server", "create", *_server_options(), SERVER), {})
    if status:
        return _stay("The server did not come up")
    printed = _console(cloud, progress)
    if printed is None:
        return _stay(f"The server did not say within {CONSOLE_SECONDS} s what it holds")
    progress.say("ansible-playbook nova_pci.passthrough.survey: the page of the compute host")
    status = _run(cloud, progress, _survey(PAGES), _plain_settings())
    if status:
        return _stay(f"The survey failed with status {status}")
    for table in tables:
        print("\n" + "\n".join(table))
    print(f"\nThe server {SERVER} (flavor {FLAVOR}) printed on its console:")
    print("\n".join(printed))
    print(f"\nThe fleet as a page, with what can be passed through and why: {(PAGES / 'survey.html').as_uri()}")
    minutes, seconds = divmod(round(time.monotonic() - start), 60)
    print(
        f"\nDone in {minutes} min {seconds} s. Look around: python3 tests/lab/lab.py cloud ssh {NAME} compute;"
        " make demo-down ends it."
    )
    return 0


def _stay(problem: str) -> int:
    print(
        f"\n{problem}; the cloud stays for a look: python3 tests/lab/lab.py cloud ssh {NAME} compute (or controller)",
        file=sys.stderr,
    )
    return 1


def _playbook() -> list[str]:
    return ["ansible-playbook", "-i", str(HERE / "cloud_inventory" / "hosts.yml"), "nova_pci.passthrough.site"]


def _survey(folder: Path) -> list[str]:
    inventory = str(HERE / "cloud_inventory" / "hosts.yml")
    return ["ansible-playbook", "-i", inventory, "nova_pci.passthrough.survey", "-e", f"survey_directory={folder}"]


def _settings(record: Path) -> dict[str, str]:
    return {
        **_plain_settings(),
        "NOVA_PCI_RECORD": str(record),
        "ANSIBLE_CALLBACK_PLUGINS": str(HERE / "callback_plugins"),
        "ANSIBLE_CALLBACKS_ENABLED": "recorder",
    }


def _plain_settings() -> dict[str, str]:
    return {"ANSIBLE_INJECT_FACT_VARS": "false", "ANSIBLE_PIPELINING": "true"}


def _openstack(*words: str) -> list[str]:
    return ["openstack", "--os-compute-api-version", "2.37", *words]


def _server_options() -> list[str]:
    return ["--flavor", FLAVOR, "--image", IMAGE, "--nic", "none", "--wait"]


def _run(cloud: Cloud, progress: Progress, argv: list[str], settings: dict[str, str]) -> int:
    """Run a command in the cloud's network; while it takes long, say how long by now."""
    environment = {**os.environ, **cloud.environment(), **settings}
    process = subprocess.Popen([*cloud.network.prefix, *argv], env=environment, stdin=subprocess.DEVNULL)
    try:
        while True:
            try:
                return process.wait(HEARTBEAT_SECONDS)
            except subprocess.TimeoutExpired:
                progress.say(f"still at it; console of the compute host: {cloud.compute.last_console_line()}")
    except KeyboardInterrupt:
        process.terminate()
        process.wait(timeout=30)
        raise


def _console(cloud: Cloud, progress: Progress) -> list[str] | None:
    """What the server printed of the PCI functions it sees, None when it has not finished in time."""
    deadline = time.monotonic() + CONSOLE_SECONDS
    environment = {**os.environ, **cloud.environment()}
    argv = [*cloud.network.prefix, *_openstack("console", "log", "show", SERVER)]
    while time.monotonic() < deadline:
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, check=False)
        lines = [line.strip() for line in done.stdout.splitlines()]
        if guest_images.LAST_WORD in lines:
            return [line for line in lines if line.startswith("TINY-PCI")]
        progress.heartbeat("waiting for the server's console")
        time.sleep(5)
    return None


def _tables(record: Path) -> list[list[str]]:
    """The last table that each module showed: the host's devices, then the settings of Nova's services."""
    tables: dict[str, list[str]] = {}
    for line in record.read_text(encoding="utf-8").splitlines() if record.exists() else []:
        row = json.loads(line)
        table = row.get("result", {}).get("table")
        if table:
            tables[f"{row.get('host')} {row.get('action')}".replace("_plan", "_verify")] = table
    return list(tables.values())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
