"""Clouds: a real OpenStack of two or three hosts, in a network namespace of its own.

The controller is a container at native speed, each compute host a QEMU guest with the devices to pass through. All that a
cloud is lies in one folder, so that any later process can take over or clean up.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import re
import shutil
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from . import controller, openstack_settings, probe, ssh
from .another_compute import AnotherCompute
from .compute import Compute
from .container import Container
from .errors import LabError
from .machine import CLOUDS, Lab
from .network import COMPUTE, CONTROLLER, MOST_COMPUTES, Network, compute_address
from .progress import Progress

API_SECONDS = 600
SERVICE_SECONDS = 1200

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")


@dataclass(frozen=True)
class State:
    """What cloud.json says; tests/lab/cloud_inventory and molecule read it."""

    name: str
    suite: str
    namespace: str
    hosts: dict[str, str]
    ssh_user: str
    ssh_key: str
    ssh_common_args: str
    ssh_control_dir: str
    clouds_yaml: str
    cloud: str
    logs: dict[str, str]
    controller_tree: str
    computes: int = 1


class Cloud:
    """One cloud by name, whether it exists or not."""

    def __init__(self, lab: Lab, name: str) -> None:
        """Nothing is made before `up`."""
        if not _NAME.fullmatch(name):
            raise LabError(f"{name!r} is no name of a cloud: use small letters, digits and hyphens.")
        self.lab = lab
        self.name = name
        self.directory = lab.run_root / CLOUDS / name
        self.state_file = self.directory / "cloud.json"
        self.network = Network(name)
        self.controller = Container(self.directory / "controller", self.network)
        self.compute = Compute(self.directory, lab, self.network)
        self.every_compute = (
            self.compute,
            *(AnotherCompute(self.directory, lab, self.network, number) for number in range(2, MOST_COMPUTES + 1)),
        )
        """Those that this cloud does not have are there as well, as what does not exist."""

    @property
    def state(self) -> State:
        """What is remembered of this cloud."""
        try:
            return State(**json.loads(self.state_file.read_text(encoding="utf-8")))
        except (OSError, ValueError, TypeError) as error:
            raise LabError(f"There is no cloud {self.name}; start it with `cloud up`.") from error

    @property
    def computes(self) -> tuple[Compute, ...]:
        """The compute hosts that this cloud has."""
        return self.every_compute[: self.state.computes]

    @property
    def running(self) -> bool:
        """Whether all hosts run; whether OpenStack answers is another question."""
        return self.controller.running and all(compute.running for compute in self.computes)

    def ssh(self, host: str) -> ssh.Ssh:
        """Commands on the controller or a compute host."""
        if host not in hosts(MOST_COMPUTES):
            raise LabError(f"A cloud has no host {host!r}; choose one of {', '.join(hosts(MOST_COMPUTES))}.")
        for compute in self.every_compute:
            if compute.name == host:
                return compute.ssh
        return ssh.Ssh(self.directory / "ssh_config", host, self.network.prefix)

    def up(self, suite: str = "bookworm", fresh: bool = False, computes: int = 1) -> Cloud:
        """Start all hosts side by side and wait until the compute services are there; a running cloud is waited for.

        A cloud that exists keeps its suite and its compute hosts, unless `fresh`.
        """
        progress = Progress(self.name)
        if fresh:
            self.down()
        if not self.state_file.exists():
            self._create(suite, computes, progress)
        self.network.up(self.state.computes)
        if not self.controller.running:
            progress.say("starting the controller (a container)")
            self.controller.up(Path(self.state.controller_tree) / "root")
        for compute in self.computes:
            compute.start(progress)
        self.controller.wait_for_ssh(CONTROLLER, progress)
        progress.say("the controller answers over SSH")
        self._wait_until(("Keystone", "Nova's API"), API_SECONDS, progress)
        progress.say("Keystone and Nova's API answer")
        for number, compute in enumerate(self.computes, start=1):
            compute.wait(progress)
            parts = ("Keystone", "Nova's API", "nova-compute", "nova-scheduler")
            self._wait_until(parts, SERVICE_SECONDS, progress, number)
            progress.say(f"nova-compute of cmp{number} is up and its host is known")
        return self

    def down(self) -> None:
        """Stop all hosts, remove everything, and prove that nothing is left."""
        for compute in self.every_compute:
            compute.down()
        self.controller.kill()
        self.network.down()
        self.controller.down()
        if self.directory.exists():
            shutil.rmtree(self.directory)
        left = self.left_overs()
        if left:
            raise LabError(f"Cloud {self.name} left behind: {'; '.join(left)}.")

    def left_overs(self) -> list[str]:
        """What of this cloud still exists, in words."""
        found = [left for compute in self.every_compute for left in compute.left_overs()]
        found += [f"process {pid}" for pid in self.controller.pids]
        found += [f"process {pid} in the namespace" for pid in self.network.pids()]
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8")
        found += mounts_below(self.directory, mounts)
        if self.network.exists:
            found.append(f"network namespace {self.network.namespace}")
        found += [f"folder {folder}" for folder in (self.directory, self.network.sockets) if folder.exists()]
        return found

    def environment(self) -> dict[str, str]:
        """What a program in the cloud's namespace should find: the way to this cloud."""
        return {
            "NOVA_PCI_LAB_CLOUD": str(self.state_file),
            "OS_CLIENT_CONFIG_FILE": self.state.clouds_yaml,
            "OS_CLOUD": self.state.cloud,
        }

    def ask(self, number: int = 1) -> probe.Answer:
        """How far OpenStack is, with the compute host of this number."""
        words = (
            openstack_settings.KEYSTONE,
            openstack_settings.ENDPOINTS["compute"][1],
            "admin",
            openstack_settings.secret("admin"),
            f"cmp{number}",
        )
        argv = [*self.network.prefix, sys.executable, str(Path(probe.__file__)), *words]
        done = subprocess.run(argv, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
            raise LabError(f"The cloud {self.name} cannot be asked: {reason}")
        return probe.Answer(**json.loads(done.stdout))

    def _create(self, suite: str, computes: int, progress: Progress) -> None:
        tree = controller.build(suite, self.lab.cache, progress)
        self.lab.cache.prune(controller.kind(suite), in_use={tree, *trees_in_use(self.lab)})
        for compute in self.every_compute[:computes]:
            compute.create(suite, progress)
        key = self.lab.cache.root / "ssh" / "id_ed25519"
        clouds_yaml = self.directory / "clouds.yaml"
        clouds_yaml.write_text(openstack_settings.clouds_yaml(), encoding="utf-8")
        clouds_yaml.chmod(0o600)
        config = ssh.config_text("controller", 22, key, CONTROLLER)
        (self.directory / "ssh_config").write_text(config, encoding="utf-8")
        state = State(
            name=self.name,
            suite=suite,
            namespace=self.network.namespace,
            hosts=hosts(computes),
            ssh_user="root",
            ssh_key=str(key),
            ssh_common_args=ssh.common_args(),
            ssh_control_dir=str(self.network.sockets),
            clouds_yaml=str(clouds_yaml),
            cloud="lab",
            logs=logs(self.directory, computes),
            controller_tree=str(tree),
            computes=computes,
        )
        temporary = self.directory / "cloud.json.new"
        temporary.write_text(json.dumps(dataclasses.asdict(state), indent=1) + "\n", encoding="utf-8")
        temporary.replace(self.state_file)

    def _wait_until(self, parts: tuple[str, ...], seconds: float, progress: Progress, number: int = 1) -> None:
        """Wait until none of `parts` is what is missing, with the compute host of this number."""
        deadline = time.monotonic() + seconds
        while True:
            answer = self.ask(number)
            if answer.missing not in parts:
                return
            parties = {"controller": self.controller, **{compute.name: compute for compute in self.computes}}
            for host, party in parties.items():
                if not party.running:
                    raise LabError(f"The {host} of {self.name} ended; see {self.state.logs[host]}.")
            if time.monotonic() > deadline:
                raise LabError(
                    f"{answer.missing} of {self.name} did not come up within {seconds:.0f} s ({answer.detail});"
                    f" see {self.state.logs[answer.missing]}."
                )
            progress.heartbeat(f"waiting for {answer.missing}: {answer.detail}")
            # Every question costs Keystone the check of a password.
            time.sleep(3)


def hosts(computes: int) -> dict[str, str]:
    """The hosts of a cloud with so many compute hosts -> their addresses."""
    others = {f"compute{number}": compute_address(number) for number in range(2, computes + 1)}
    return {"controller": CONTROLLER, "compute": COMPUTE, **others}


def logs(directory: Path, computes: int = 1) -> dict[str, str]:
    """Where to look when a part does not come up; what lies in the compute host is reached over SSH."""
    inside = directory / "controller" / "root" / "var/log"
    return {
        "controller": str(directory / "controller" / "console.log"),
        **{host: str(directory / host / "serial.log") for host in hosts(computes) if host != "controller"},
        "Keystone": str(inside / "keystone"),
        "Nova's API": str(inside / "nova" / "nova-api.log"),
        "nova-scheduler": str(inside / "nova" / "nova-scheduler.log"),
        "nova-compute": "/var/log/nova/nova-compute.log on the compute host",
    }


def mounts_below(directory: Path, mounts: str) -> list[str]:
    """The mounts in or below a folder, in words, from the text of /proc/self/mounts."""
    found = []
    for line in mounts.splitlines():
        where = line.split()[1]
        if where == str(directory) or where.startswith(f"{directory}/"):
            found.append(f"mount {where}")
    return found


def clouds(lab: Lab) -> list[Cloud]:
    """Every cloud that has a folder, sound or half made."""
    folder = lab.run_root / CLOUDS
    if not folder.is_dir():
        return []
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_dir())
    return [Cloud(lab, name) for name in names if _NAME.fullmatch(name)]


def trees_in_use(lab: Lab) -> set[Path]:
    """The entries of the cache that running controllers stand on."""
    found = set()
    for cloud in clouds(lab):
        with contextlib.suppress(LabError):
            found.add(Path(cloud.state.controller_tree))
    return found
