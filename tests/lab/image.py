"""The golden disk image: Debian packages, an MBR disk without loop devices, GRUB by GRUB itself.

The root file system is written into a raw file by `mke2fs -d`. Then the guest is booted once
with its kernel given to QEMU directly, and inside it the real `grub-install` and `update-grub`
run: boot sector and grub.cfg are exactly what the distribution's tools make on this disk, so a
later `update-grub` changes only what a test changed.
"""

from __future__ import annotations

import re
import struct
import subprocess
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from . import debian_root, ssh, suites, zoo
from .cache import Cache, code_digest
from .errors import LabError
from .progress import Progress
from .qemu import Qemu

PACKAGES = (
    "linux-image-amd64",
    "grub-pc",
    "e2fsprogs",
    "initramfs-tools",
    "zstd",
    "systemd-sysv",
    "dbus",
    "udev",
    "kmod",
    "openssh-server",
    "python3",
    "iproute2",
    "procps",
    "sudo",
    "pciutils",
)

START_CMDLINE = "console=tty0 console=ttyS0 intel_iommu=off"
"""Debian's kernels turn the IOMMU on by themselves; "off" is the state that has to be beaten."""

GRUB_DEFAULTS = "GRUB_TIMEOUT=0\nGRUB_RECORDFAIL_TIMEOUT=0\nGRUB_DISABLE_OS_PROBER=true\n"

DATA_MOUNT = "/srv/data"

_FIRST_SECTOR = 2048
_SECTOR = 512
_FINISH_SECONDS = 900
# GRUB 2.06 cannot read file systems that have these.
_EXT4_FEATURES = "^metadata_csum_seed,^orphan_file"


@dataclass(frozen=True)
class Golden:
    """A finished image in the cache."""

    directory: Path

    @property
    def disk(self) -> Path:
        """The system disk; machines boot overlays on it."""
        return self.directory / "golden.qcow2"

    @property
    def data_disk(self) -> Path:
        """A small disk with one file system, which the image mounts on DATA_MOUNT."""
        return self.directory / "data.qcow2"


@dataclass(frozen=True)
class Recipe:
    """What distinguishes one golden image from another."""

    name: str
    make_root: Callable[[Build], None]
    inputs: Callable[[str, Path], dict[str, object]]
    zoo: str = "small"
    values: Callable[[int], dict[str, object]] = lambda port: {"ssh_port": port}
    disk_mib: int = 4096
    data_disk: bool = True
    boot_words: str = ""
    first_boot_steps: tuple[tuple[str, str], ...] = ()

    def kind(self, suite: str) -> str:
        """The cache's name for this sort of entry."""
        return f"{self.name}-{suite}"


def build(
    suite: str, cache: Cache, qemu: Qemu, accelerator: list[str], progress: Progress, recipe: Recipe | None = None
) -> Golden:
    """Return the golden image of a suite from the cache, building it when its inputs changed."""
    recipe = recipe or MACHINE
    key = ssh.ensure_key(cache.root)

    def make(scratch: Path) -> None:
        Build(recipe, suite, scratch, key, qemu, accelerator, progress).run()

    return Golden(cache.get_or_build(recipe.kind(suite), recipe.inputs(suite, key), make))


def inputs(suite: str, key: Path) -> dict[str, object]:
    """Everything that decides what a machine's image contains."""
    suites.require(suite)
    return {
        "suite": suite,
        "packages": list(PACKAGES),
        "public_key": key.with_suffix(".pub").read_text(encoding="ascii"),
        "ssh_nic": zoo.SSH_NIC_MAC,
        "script": build_code_digest(),
    }


def build_code_digest() -> list[str]:
    """Hashes of the code that turns packages into a golden image."""
    sources = (Path(__file__), Path(debian_root.__file__))
    return [code_digest(source.read_text(encoding="utf-8")) for source in sources]


def guest_files(suite: str, root_uuid: str, data_uuid: str, public_key: str) -> dict[str, str]:
    """Configuration files of the guest, by path relative to its root."""
    return {
        "etc/hostname": "lab\n",
        "etc/hosts": "127.0.0.1 localhost\n127.0.1.1 lab\n",
        "etc/fstab": (
            f"UUID={root_uuid} / ext4 defaults,noatime 0 1\n"
            f"UUID={data_uuid} {DATA_MOUNT} ext4 defaults,nofail,x-systemd.device-timeout=900 0 2\n"
        ),
        f"{DATA_MOUNT.lstrip('/')}/.keep": "",
        "root/.ssh/authorized_keys": public_key,
        # By address of the one NIC: its twin, with the same ids and driver, stays unconfigured.
        "etc/systemd/network/10-ssh.network": (
            f"[Match]\nMACAddress={zoo.SSH_NIC_MAC}\n"
            "[Network]\nDHCP=ipv4\nLinkLocalAddressing=no\nIPv6AcceptRA=no\n"
            "[DHCPv4]\nClientIdentifier=mac\n"
        ),
        **suites.sshd_files(suite),
        # The usual 90 s are not enough on an emulated processor that others keep busy.
        "etc/systemd/system.conf.d/lab.conf": "[Manager]\nDefaultTimeoutStartSec=900s\n",
        "etc/default/grub.d/00-lab.cfg": GRUB_DEFAULTS,
    }


def initramfs_files() -> dict[str, str]:
    """A small initramfs (8 MB, not 36): it must be there before the kernel package is set up."""
    return {
        "etc/initramfs-tools/conf.d/lab": "MODULES=list\nCOMPRESS=zstd\nCOMPRESSLEVEL=1\n",
        "usr/share/initramfs-tools/modules.d/lab": "ext4\nvirtio_pci\nvirtio_blk\n",
    }


def with_cmdline(grub_defaults: str, cmdline: str) -> str:
    """/etc/default/grub with its GRUB_CMDLINE_LINUX set; nothing else changes."""
    line = f'GRUB_CMDLINE_LINUX="{cmdline}"'
    changed, count = re.subn(r"(?m)^GRUB_CMDLINE_LINUX=.*$", line, grub_defaults)
    if count != 1:
        raise LabError("The image's /etc/default/grub has no GRUB_CMDLINE_LINUX line.")
    return changed


def partition_table(disk_sectors: int, signature: int) -> bytes:
    """A master boot record with one bootable Linux partition that fills the disk."""
    entry = struct.pack(
        "<B3sB3sII",
        0x80,
        b"\xfe\xff\xff",
        0x83,
        b"\xfe\xff\xff",
        _FIRST_SECTOR,
        disk_sectors - _FIRST_SECTOR,
    )
    head = bytes(440) + struct.pack("<IH", signature, 0)
    return head + entry.ljust(64, b"\0") + b"\x55\xaa"


class Build:
    """One build, in one scratch directory, which the cache throws away if any step fails."""

    def __init__(
        self,
        recipe: Recipe,
        suite: str,
        scratch: Path,
        key: Path,
        qemu: Qemu,
        accelerator: list[str],
        progress: Progress,
    ) -> None:
        """Nothing is done before `run`."""
        self.recipe = recipe
        self.suite = suite
        self.scratch = scratch
        self.key = key
        self.public_key = key.with_suffix(".pub").read_text(encoding="ascii")
        self.qemu = qemu
        self.accelerator = accelerator
        self.progress = progress
        self.root = scratch / "root"
        self.raw = scratch / "disk.raw"
        self.root_uuid = str(uuid.uuid4())
        self.data_uuid = str(uuid.uuid4())

    def run(self) -> None:
        """Packages, disk, first boot, golden; what only the build needed is removed."""
        self.recipe.make_root(self)
        self._configure()
        self._write_disks()
        self._finish_in_guest()
        self.progress.say("converting the disk")
        self.qemu.image("convert", "-O", "qcow2", str(self.raw), str(self.scratch / "golden.qcow2"))
        self.raw.unlink()
        subprocess.run(["rm", "-rf", "--one-file-system", str(self.root)], check=True)
        self.progress.say("image finished")

    def _configure(self) -> None:
        defaults = self.root / "etc/default/grub"
        text = defaults.read_text(encoding="utf-8")
        defaults.write_text(with_cmdline(text, START_CMDLINE), encoding="utf-8")

    def _write_disks(self) -> None:
        self.progress.say("writing the disk")
        sectors = self.recipe.disk_mib * 2048
        with self.raw.open("wb") as disk:
            disk.write(partition_table(sectors, int(self.root_uuid[:8], 16)))
            disk.truncate(sectors * _SECTOR)
        blocks = (sectors - _FIRST_SECTOR) // 2
        _mke2fs(self.raw, self.root_uuid, blocks, self.root, _FIRST_SECTOR * _SECTOR)
        if not self.recipe.data_disk:
            return
        data = self.scratch / "data.raw"
        data.touch()
        _mke2fs(data, self.data_uuid, 64 * 1024)
        self.qemu.image("convert", "-O", "qcow2", str(data), str(self.scratch / "data.qcow2"))
        data.unlink()

    def _finish_in_guest(self) -> None:
        """Boot once, kernel given directly, and let GRUB install itself."""
        self.progress.say("booting once to install GRUB")
        port = ssh.free_port()
        config = self.scratch / "ssh_config"
        config.write_text(ssh.config_text("build", port, self.key), encoding="utf-8")
        serial = self.scratch / "serial.log"
        argv = ["setpriv", "--pdeathsig", "KILL", *self._qemu_argv(port, serial)]
        with (self.scratch / "qemu.log").open("w+") as log:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)
            try:
                self._wait(process, port)
                self._install_grub(ssh.Ssh(config, "build"))
                process.wait(timeout=180)
            except subprocess.TimeoutExpired as error:
                raise LabError("The guest did not power off after GRUB was installed.") from error
            finally:
                process.kill()
                process.wait()

    def _qemu_argv(self, port: int, serial: Path) -> list[str]:
        kernel = max((self.root / "boot").glob("vmlinuz-*"))
        initrd = kernel.with_name(kernel.name.replace("vmlinuz", "initrd.img"))
        values = {
            "disk": self.raw,
            "disk_format": "raw",
            "data_disk": self.scratch / "data.qcow2",
            **self.recipe.values(port),
        }
        words = f"root=UUID={self.root_uuid} ro quiet {START_CMDLINE} {self.recipe.boot_words}"
        return [
            *self.qemu.system,
            *("-machine", "q35,kernel-irqchip=split", *self.accelerator),
            *("-nodefaults", "-display", "none", "-no-reboot", "-serial", f"file:{serial}"),
            *zoo.qemu_args(self.recipe.zoo, 1536, values),
            *("-kernel", str(kernel), "-initrd", str(initrd)),
            *("-append", words.strip()),
        ]

    def _wait(self, process: subprocess.Popen[bytes], port: int) -> None:
        deadline = time.monotonic() + _FINISH_SECONDS  # of this boot alone: what came before may have taken its time
        while not ssh.answers(port):
            if process.poll() is not None:
                words = (self.scratch / "qemu.log").read_text(encoding="utf-8", errors="replace")
                raise LabError(f"QEMU ended during the first boot: {words.strip()[-300:]}")
            if time.monotonic() > deadline:
                raise LabError("The image did not answer over SSH during its first boot.")
            self.progress.heartbeat("waiting for the first boot")
            time.sleep(1)

    def _install_grub(self, guest: ssh.Ssh) -> None:
        answer = "grub-pc grub-pc/install_devices multiselect /dev/vda"
        steps = (
            # The one built in a folder lacks what only a running system shows (its root's fsck): later ones must differ
            # from this one in nothing but what a test changed.
            ("building the initramfs", "update-initramfs -u -k all"),
            ("installing GRUB", "grub-install /dev/vda"),
            ("generating grub.cfg", f"update-grub && echo {answer} | debconf-set-selections"),
            *self.recipe.first_boot_steps,
            ("powering off", "rm -f /etc/ssh/*.dpkg-*; sync; systemctl --no-block poweroff"),
        )
        for what, command in steps:
            self.progress.say(what)
            guest.output(command, timeout=_FINISH_SECONDS)


def _make_machine_root(build: Build) -> None:
    files = guest_files(build.suite, build.root_uuid, build.data_uuid, build.public_key)
    contents = debian_root.Contents(PACKAGES, early=initramfs_files(), late=files)
    debian_root.build(build.suite, build.scratch, build.root, contents, build.progress)


MACHINE = Recipe("image", _make_machine_root, inputs)
"""The image of a machine that stands alone."""


def _mke2fs(target: Path, fs_uuid: str, kib: int, content: Path | None = None, offset: int = 0) -> None:
    argv = ["nice", "mke2fs", "-q", "-F", "-t", "ext4", "-O", _EXT4_FEATURES, "-U", fs_uuid]
    argv += ["-E", f"offset={offset},lazy_itable_init=1,lazy_journal_init=1,root_owner=0:0"]
    argv += ["-d", str(content)] if content else []
    done = subprocess.run([*argv, str(target), f"{kib}k"], capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"mke2fs failed: {done.stderr.strip()}")
