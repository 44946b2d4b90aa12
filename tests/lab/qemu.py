"""A QEMU that has the devices of the zoo, and the fastest accelerator that really works.

The SR-IOV NIC (`igb`) came with QEMU 8, so Debian 12's own QEMU is too old. Where the machine's
QEMU lacks it, packages of a newer Debian are unpacked into the cache (not installed) and the
program is started through that Debian's own dynamic loader with that Debian's libraries: no
chroot, no mount, nothing to take down again.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import apt_sources
from .cache import Cache
from .errors import LabError
from .progress import Progress

TREE_SUITE = "trixie"
TREE_PACKAGES = ("qemu-system-x86", "qemu-utils", "seabios")
NEEDED_DEVICES = ("igb", "nvme", "pxb-pcie", "intel-iommu", "amd-iommu")

_KIND = "qemu"
_PROBE_SECONDS = 8
_PROBE_STATUS = 0x21
# mov al,0x10 ; out 0xf4,al ; hlt -- QEMU's debug-exit device ends with (value << 1) | 1.
_PROBE_CODE = bytes((0xB0, 0x10, 0xE6, 0xF4, 0xF4))


@dataclass(frozen=True)
class Qemu:
    """How to call QEMU's programs on this machine."""

    system: tuple[str, ...]
    img: tuple[str, ...]

    def image(self, *args: str) -> None:
        """Run qemu-img; its last words become the error."""
        done = subprocess.run([*self.img, *args], capture_output=True, text=True, check=False)
        if done.returncode:
            raise LabError(f"qemu-img {args[0]} failed: {done.stderr.strip() or 'no reason'}.")


def find(cache: Cache, progress: Progress) -> Qemu:
    """The machine's own QEMU if it is new enough, else the one kept in the cache."""
    system, img = shutil.which("qemu-system-x86_64"), shutil.which("qemu-img")
    if system and img and _has_devices((system,)):
        return Qemu((system,), (img,))
    inputs = {"suite": TREE_SUITE, "packages": list(TREE_PACKAGES)}
    entry = cache.get_or_build(_KIND, inputs, lambda scratch: _unpack(scratch / "root", progress))
    cache.prune(_KIND, in_use=(entry,))
    return tree_commands(entry / "root")


def tree_commands(root: Path) -> Qemu:
    """Call the programs of an unpacked Debian tree by that tree's loader and libraries."""
    loader = [str(root / "usr/lib64/ld-linux-x86-64.so.2"), "--library-path"]
    loader.append(str(root / "usr/lib/x86_64-linux-gnu"))
    firmware: list[str] = []
    for folder in ("usr/share/seabios", "usr/share/qemu"):
        firmware += ["-L", str(root / folder)]
    return Qemu(
        system=(*loader, str(root / "usr/bin/qemu-system-x86_64"), *firmware),
        img=(*loader, str(root / "usr/bin/qemu-img")),
    )


def accelerator(qemu: Qemu, cache: Cache, progress: Progress) -> list[str]:
    """KVM where a guest truly starts under it, else emulation.

    /dev/kvm can exist and open while every guest hangs (nested virtualisation), so only a
    guest that ran counts. The verdict holds until this machine reboots.
    """
    emulated = ["-accel", "tcg,thread=multi", "-cpu", "max"]
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return emulated
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    remembered = cache.root / "kvm-verdict.json"
    verdict = _read_verdict(remembered, boot_id)
    if verdict is None:
        progress.say("trying whether a guest really starts under KVM")
        verdict = _kvm_starts_a_guest(qemu, cache.root)
        record = {"boot_id": boot_id, "kvm_works": verdict}
        remembered.write_text(json.dumps(record) + "\n", encoding="ascii")
        progress.say("KVM works" if verdict else "KVM does not start a guest: emulating")
    return ["-accel", "kvm", "-cpu", "host"] if verdict else emulated


def probe_image() -> bytes:
    """A boot sector that reports through the debug-exit port, padded to a plausible disk."""
    return (_PROBE_CODE.ljust(510, b"\0") + b"\x55\xaa").ljust(1 << 20, b"\0")


def _kvm_starts_a_guest(qemu: Qemu, folder: Path) -> bool:
    disk = folder / "kvm-probe.img"
    folder.mkdir(parents=True, exist_ok=True)
    disk.write_bytes(probe_image())
    argv = [*qemu.system, "-machine", "q35,kernel-irqchip=split", "-accel", "kvm", "-cpu", "host"]
    argv += ["-m", "64", "-display", "none", "-nodefaults", "-snapshot"]
    argv += ["-drive", f"file={disk},format=raw,if=ide"]
    argv += ["-device", "isa-debug-exit,iobase=0xf4,iosize=1"]
    try:
        done = subprocess.run(argv, capture_output=True, timeout=_PROBE_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        return False
    finally:
        disk.unlink(missing_ok=True)
    return done.returncode == _PROBE_STATUS


def _read_verdict(path: Path, boot_id: str) -> bool | None:
    try:
        record = json.loads(path.read_text(encoding="ascii"))
    except (OSError, ValueError):
        return None
    if not isinstance(record, dict) or record.get("boot_id") != boot_id:
        return None
    return record.get("kvm_works") is True


def _has_devices(system: Sequence[str]) -> bool:
    done = subprocess.run([*system, "-device", "help"], capture_output=True, text=True, check=False)
    return all(f'name "{device}"' in done.stdout for device in NEEDED_DEVICES)


def _unpack(root: Path, progress: Progress) -> None:
    progress.say(f"this machine's QEMU lacks igb: unpacking Debian {TREE_SUITE}'s into the cache")
    argv = ["nice", "mmdebstrap", "--quiet", "--variant=extract"]
    argv += [f"--include={','.join(TREE_PACKAGES)}", '--aptopt=APT::Install-Recommends "false"']
    argv += [f"--aptopt={line}" for line in apt_sources.inherited_options()]
    argv += ["--dpkgopt=path-exclude=/usr/share/doc/*", TREE_SUITE, str(root)]
    argv += apt_sources.mirrors().source_lines(TREE_SUITE)
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no reason given"])[-1]
        raise LabError(f"QEMU could not be unpacked: {reason}")
    if not _has_devices(tree_commands(root).system):
        raise LabError(f"Debian {TREE_SUITE}'s QEMU lacks a device of the zoo.")
    progress.say("QEMU unpacked")
