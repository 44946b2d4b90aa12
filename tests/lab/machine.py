"""Machines: start, wait, reboot, cut the power, and leave nothing behind.

A machine is one daemonised QEMU and one run directory. Everything needed to find it again is in
that directory, so any later process (a playbook, a test, a person) can take over or clean up,
also after the one that started it died half-way.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from . import image, qemu, ssh, zoo
from .cache import Cache, default_root
from .errors import HungError, LabError
from .processes import processes_with
from .progress import Progress

# Three times the slowest seen under emulation, on two processors that much else kept busy
# (README.md, "Measured").
BOOT_SECONDS = 1200
REBOOT_SECONDS = 1200
HUNG = "blocked for more than 120 seconds"  # kernel/hung_task.c

CLOUDS = "clouds.d"
"""Folder of the clouds among the run folders; no machine can have this name."""

MEMORY_MIB = {"intel": 2048, "amd": 2048, "small": 1024, "faults": 768, "moved": 2048, zoo.CLOUD: 3072}

_NAME = re.compile(r"[a-z][a-z0-9-]{0,30}")
_PORT_TRIES = 5
_DISKS = ("disk.qcow2", "data.qcow2")
_MOMENT = "frozen"


@dataclass(frozen=True)
class State:
    """What machine.json remembers of a machine; the repository's inventory reads ssh_*."""

    name: str
    suite: str
    zoo: str
    memory_mib: int
    golden: str
    ssh_port: int
    ssh_key: str
    ssh_host: str = "127.0.0.1"
    ssh_common_args: str = ssh.common_args()


class Machine:
    """One guest of the lab."""

    def __init__(self, lab: Lab, name: str, directory: Path | None = None, prefix: Sequence[str] = ()) -> None:
        """Name a machine; it need not exist yet. `prefix` runs a command where its network is."""
        if not _NAME.fullmatch(name):
            raise LabError(f"{name!r} is no machine name: use small letters, digits and hyphens.")
        self.lab = lab
        self.name = name
        self.directory = directory or lab.run_root / name
        self.serial_log = self.directory / "serial.log"
        self.ssh_config = self.directory / "ssh_config"
        self.prefix = tuple(prefix)
        self.ssh = ssh.Ssh(self.ssh_config, name, prefix)

    @property
    def state(self) -> State:
        """What is remembered of this machine."""
        try:
            text = (self.directory / "machine.json").read_text(encoding="utf-8")
            return State(**json.loads(text))
        except (OSError, ValueError, TypeError) as error:
            raise LabError(f"There is no machine {self.name}; start it with `up`.") from error

    @property
    def expected(self) -> dict[str, str | list[str]]:
        """Device name -> PCI address in this machine."""
        return zoo.expected(self.state.zoo)

    @property
    def pids(self) -> list[int]:
        """The QEMU processes of this machine, found by their arguments (no pid file needed)."""
        return processes_with(["-pidfile", str(self.directory / "qemu.pid")])

    @property
    def running(self) -> bool:
        """Whether QEMU runs; whether the guest answers is another question."""
        return bool(self.pids)

    def up(
        self,
        suite: str = "bookworm",
        zoo_name: str = "intel",
        memory_mib: int | None = None,
        fresh: bool = False,
    ) -> Machine:
        """Start the machine and wait for SSH; a running one is only waited for.

        An existing overlay is kept, with the suite and the zoo it was made for, unless `fresh`.
        """
        progress = Progress(self.name)
        if fresh:
            self.down()
        if not (self.directory / "machine.json").exists():
            self._create(suite, zoo_name, memory_mib or MEMORY_MIB[zoo_name], progress)
        if not self.running:
            self._start(progress)
        self._wait_for_boot(progress)
        return self

    def reboot(self) -> float:
        """Reboot from inside, as Ansible does; returns the seconds until SSH is back."""
        progress = Progress(self.name)
        before = self.boot_id()
        progress.say("rebooting")
        self.ssh.run("systemctl --no-block reboot", timeout=60)
        self._wait_for_ssh(progress, REBOOT_SECONDS, other_than=before)
        return progress.elapsed

    def power_cycle(self, zoo_name: str | None = None) -> float:
        """Off and on again without asking the guest, with the devices of another zoo if one is named.

        Returns the seconds until SSH is back.
        """
        progress = Progress(self.name)
        state = self.state
        progress.say("power off")
        self._quit()
        if zoo_name is not None:
            self._remember(dataclasses.replace(state, zoo=zoo_name))
        self._start(progress)
        self._wait_for_boot(progress)
        return progress.elapsed

    def cut(self) -> None:
        """Kill QEMU: whatever it had not yet written is lost. `up` starts the machine again."""
        for pid in self.pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._wait_gone(10)

    def freeze(self) -> None:
        """Keep this moment, memory and all, and stop: `thaw` goes on from it as often as wanted. For the zoo `faults`."""
        refusal = self.monitor("human-monitor-command", {"command-line": f"savevm {_MOMENT}"})
        if refusal:
            raise LabError(f"QEMU cannot freeze {self.name}: {str(refusal).strip()}.")
        self._quit()
        for name in _DISKS:
            (self.directory / name).replace(self.directory / f"{_MOMENT}-{name}")

    def thaw(self) -> None:
        """Go on from the moment of `freeze`, with the disks and the memory of then."""
        progress = Progress(self.name)
        self._quit()
        for name in _DISKS:
            shutil.copyfile(self.directory / f"{_MOMENT}-{name}", self.directory / name)
        self._start(progress, "-loadvm", _MOMENT)
        self._wait_for_ssh(progress, BOOT_SECONDS)

    def down(self) -> None:
        """Stop the machine, remove all of it, and prove that nothing is left."""
        self._quit()
        if self.directory.exists():
            shutil.rmtree(self.directory)
        left = self.left_overs()
        if left:
            raise LabError(f"Machine {self.name} left behind: {'; '.join(left)}.")

    def left_overs(self) -> list[str]:
        """What of this machine still exists outside its run directory, in words."""
        found = [f"process {pid}" for pid in self.pids]
        mounts = Path("/proc/self/mounts").read_text(encoding="utf-8").splitlines()
        inside = (str(self.directory), f"{self.directory}/")
        for line in mounts:
            where = line.split()[1]
            if where == inside[0] or where.startswith(inside[1]):
                found.append(f"mount {where}")
        return found

    @property
    def recipe(self) -> image.Recipe:
        """The golden image it starts from."""
        return image.MACHINE

    def greets(self) -> bool:
        """Whether its SSH server greets."""
        return ssh.answers(self.state.ssh_port)

    def boot_id(self) -> str:
        """The guest's identity of this boot."""
        return self.ssh.output("cat /proc/sys/kernel/random/boot_id", timeout=120).strip()

    def last_console_line(self) -> str:
        """The newest readable line of the serial console."""
        try:
            with self.serial_log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - 4096))
                return last_line(log.read().decode("utf-8", "replace"))
        except OSError:
            return ""

    def monitor(self, command: str, arguments: Mapping[str, object] | None = None) -> object:
        """One QMP command to this machine's QEMU, for tests that hot-plug or cut a link."""
        with Qmp(self.directory / "qmp.sock") as session:
            return session.execute(command, arguments)

    def _create(self, suite: str, zoo_name: str, memory_mib: int, progress: Progress) -> None:
        golden = self.lab.build(suite, progress, self.recipe)
        self.directory.mkdir(parents=True, exist_ok=True, mode=0o700)
        host, port = self._address()
        for source, target in zip((golden.disk, golden.data_disk), _DISKS, strict=True):
            if not source.exists():
                continue
            overlay = str(self.directory / target)
            options = ("-q", "-f", "qcow2", "-F", "qcow2", "-b", str(source), overlay)
            self.lab.qemu(progress).image("create", *options)
        self._remember(
            State(
                self.name,
                suite,
                zoo_name,
                memory_mib,
                golden=str(golden.directory),
                ssh_port=port,
                ssh_key=str(ssh.ensure_key(self.lab.cache.root)),
                ssh_host=host,
            )
        )

    def _address(self) -> tuple[str, int]:
        """Where its SSH server will be reached."""
        return "127.0.0.1", ssh.free_port()

    def _network_options(self) -> dict[str, object]:
        """What fills the placeholders of the zoo that are about the network."""
        return {"ssh_port": self.state.ssh_port}

    def _remember(self, state: State) -> None:
        config = ssh.config_text(self.name, state.ssh_port, Path(state.ssh_key), state.ssh_host)
        self.ssh_config.write_text(config, encoding="utf-8")
        text = json.dumps(dataclasses.asdict(state), indent=1) + "\n"
        temporary = self.directory / "machine.json.new"
        temporary.write_text(text, encoding="utf-8")
        temporary.replace(self.directory / "machine.json")

    def _start(self, progress: Progress, *more: str) -> None:
        """Start QEMU; its port is kept across starts and changed only if somebody took it."""
        state = self.state
        for _try in range(_PORT_TRIES):
            argv = [*self._argv(state, progress), *more]
            done = subprocess.run(argv, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False)
            if done.returncode == 0:
                progress.say(f"started {state.suite}, zoo {state.zoo}, SSH port {state.ssh_port}")
                return
            if "host forwarding rule" not in done.stderr:
                break
            state = dataclasses.replace(state, ssh_port=ssh.free_port())
            self._remember(state)
        raise LabError(f"QEMU did not start {self.name}: {done.stderr.strip()[-500:]}")

    def _argv(self, state: State, progress: Progress) -> list[str]:
        here = self.directory
        values = {
            "disk": here / "disk.qcow2",
            "disk_format": "qcow2",
            "data_disk": here / "data.qcow2",
            **self._network_options(),
        }
        found = self.lab.qemu(progress)
        return [
            *self.prefix,
            *found.system,
            *("-name", f"{self.name},process=lab-{self.name}"),
            *("-daemonize", "-pidfile", str(here / "qemu.pid")),
            *("-machine", "q35,kernel-irqchip=split"),
            *qemu.accelerator(found, self.lab.cache, progress),
            *("-nodefaults", "-display", "none"),
            *("-chardev", f"file,id=serial,path={self.serial_log},append=on"),
            *("-serial", "chardev:serial"),
            *("-monitor", f"unix:{here / 'monitor.sock'},server=on,wait=off"),
            *("-qmp", f"unix:{here / 'qmp.sock'},server=on,wait=off"),
            *zoo.qemu_args(state.zoo, state.memory_mib, values),
        ]

    def _wait_for_boot(self, progress: Progress) -> None:
        """Wait for SSH after a start. A kernel that says that it hangs is started once more: emulation loses a request."""
        try:
            self._wait_for_ssh(progress, BOOT_SECONDS, give_up_on=HUNG)
        except HungError:
            progress.say("the kernel hangs; starting it once more")
            self._quit()
            self._start(progress)
            self._wait_for_ssh(progress, BOOT_SECONDS)

    def _wait_for_ssh(
        self, progress: Progress, seconds: float, other_than: str = "", give_up_on: str | None = None
    ) -> None:
        deadline = time.monotonic() + seconds
        seen = self.serial_log.stat().st_size if self.serial_log.exists() else 0
        while time.monotonic() < deadline:
            if not self.running:
                raise LabError(f"QEMU of {self.name} ended; console: {self.last_console_line()}")
            if self.greets():
                with contextlib.suppress(LabError):
                    if self.boot_id() != other_than:
                        progress.say("SSH answers")
                        return
            if give_up_on is not None and self._console_since(seen, give_up_on):
                raise HungError(f"{self.name}: {self.last_console_line()}")
            progress.heartbeat(f"waiting for SSH; console: {self.last_console_line()}")
            time.sleep(1)
        raise LabError(
            f"{self.name} did not answer over SSH within {seconds:.0f} s; console: {self.last_console_line()}"
        )

    def _console_since(self, offset: int, words: str) -> bool:
        if not self.serial_log.exists():
            return False
        with self.serial_log.open("rb") as log:
            log.seek(offset)
            return words.encode() in log.read()

    def _quit(self) -> None:
        """Ask QEMU to end (it closes its files properly), and insist if it does not."""
        if not self.running:
            return
        with contextlib.suppress(OSError, LabError):
            self.monitor("quit")
        if not self._wait_gone(10):
            self.cut()
        if self.running:
            raise LabError(f"QEMU of {self.name} cannot be stopped.")

    def _wait_gone(self, seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while self.running and time.monotonic() < deadline:
            time.sleep(0.1)
        return not self.running


class Lab:
    """All machines that share a cache and a run directory."""

    def __init__(self, cache_root: Path | None = None, run_root: Path | None = None) -> None:
        """Take the folders from the environment unless they are given."""
        self.cache = Cache(cache_root or default_root())
        chosen = os.environ.get("NOVA_PCI_LAB_RUN")
        default_run = Path(chosen).absolute() if chosen else self.cache.root / "run"
        self.run_root = run_root or default_run
        self._qemu: qemu.Qemu | None = None

    def machine(self, name: str) -> Machine:
        """One machine by name, whether it exists or not."""
        return Machine(self, name)

    @classmethod
    def machine_at(cls, state_file: Path) -> Machine:
        """The machine whose machine.json this is, as NOVA_PCI_LAB_MACHINE names it."""
        folder = state_file.resolve().parent
        return cls(run_root=folder.parent).machine(folder.name)

    def machines(self) -> list[Machine]:
        """Every machine that has a run directory, sound or half made."""
        if not self.run_root.is_dir():
            return []
        names = sorted(entry.name for entry in self.run_root.iterdir() if entry.is_dir())
        return [Machine(self, name) for name in names if _NAME.fullmatch(name)]

    def qemu(self, progress: Progress) -> qemu.Qemu:
        """QEMU for this lab, looked for once."""
        if self._qemu is None:
            self._qemu = qemu.find(self.cache, progress)
        return self._qemu

    def build(self, suite: str, progress: Progress, recipe: image.Recipe = image.MACHINE) -> image.Golden:
        """The golden image of a suite; older images that no machine uses are removed."""
        found = self.qemu(progress)
        accelerator = qemu.accelerator(found, self.cache, progress)
        golden = image.build(suite, self.cache, found, accelerator, progress, recipe)
        self.cache.prune(recipe.kind(suite), in_use={golden.directory, *self._goldens_in_use()})
        return golden

    def down_all(self) -> list[str]:
        """Take every machine down; returns their names."""
        names = [machine.name for machine in self.machines()]
        for name in names:
            self.machine(name).down()
        return names

    def _goldens_in_use(self) -> Iterator[Path]:
        for file in (*self.run_root.glob("*/machine.json"), *self.run_root.glob(f"{CLOUDS}/*/*/machine.json")):
            with contextlib.suppress(LabError):
                yield Path(self.machine_at(file).state.golden)


class Qmp:
    """A short conversation with QEMU's machine protocol."""

    def __init__(self, path: Path) -> None:
        """Connect and say hello."""
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.settimeout(30)
        self._socket.connect(str(path))
        self._reader = self._socket.makefile("r", encoding="utf-8")
        self._reader.readline()
        self.execute("qmp_capabilities")

    def __enter__(self) -> Qmp:
        return self

    def __exit__(self, *unused: object) -> None:
        self._reader.close()
        self._socket.close()

    def execute(self, command: str, arguments: Mapping[str, object] | None = None) -> object:
        """Send one command and return what it returns, passing over events."""
        request = {"execute": command, **({"arguments": dict(arguments)} if arguments else {})}
        self._socket.sendall(json.dumps(request).encode() + b"\n")
        for line in self._reader:
            answer = json.loads(line)
            if "error" in answer:
                raise LabError(f"QEMU refused {command}: {answer['error'].get('desc')}")
            if "return" in answer:
                return answer["return"]
        return None


def last_line(console: str) -> str:
    """The last line with words on it, without the terminal's control sequences."""
    text = re.sub(r"\x1b(\[[0-9;?=]*[A-Za-z]|[()][A-Z0-9]|c)", "", console)
    lines = [line.strip() for line in re.split(r"[\r\n]+", text)]
    return next((line for line in reversed(lines) if line), "")[:120]


def inventory(machines: list[Machine]) -> str:
    """An Ansible inventory (YAML) of these machines as the group nova_compute."""
    lines = ["nova_compute:", "  hosts:"]
    for machine in machines:
        state = machine.state
        lines += [
            f"    {machine.name}:",
            f"      ansible_host: {state.ssh_host}",
            f"      ansible_port: {state.ssh_port}",
            "      ansible_user: root",
            f"      ansible_ssh_private_key_file: {state.ssh_key}",
            f"      ansible_ssh_common_args: {state.ssh_common_args}",
            "      ansible_python_interpreter: /usr/bin/python3",
        ]
    return "\n".join(lines) + "\n"
