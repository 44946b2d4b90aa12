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
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from . import apt_sources, guest_images
from .cache import Cache
from .errors import LabError
from .progress import Progress

TREE_SUITE = "trixie"
TREE_PACKAGES = ("qemu-system-x86", "qemu-utils", "seabios")
NEEDED_DEVICES = ("igb", "nvme", "pxb-pcie", "intel-iommu", "amd-iommu")

_KIND = "qemu"
PROBE_SECONDS = 20
_POLL_SECONDS = 0.1


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

    /dev/kvm can exist and open while every kernel hangs (nested virtualisation; a boot sector still runs there), so
    only a kernel that came up counts. The verdict holds until this machine reboots.
    """
    emulated = ["-accel", "tcg,thread=multi", "-cpu", "max"]
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return emulated
    boot_id = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    remembered = cache.root / "kvm-verdict.json"
    verdict = _read_verdict(remembered, boot_id)
    if verdict is None:
        guests = guest_images.build(cache, progress)
        progress.say("trying whether a kernel really comes up under KVM")
        verdict = kvm_boots_a_kernel(qemu, guests, cache.root)
        record = {"boot_id": boot_id, "kvm_works": verdict}
        remembered.write_text(json.dumps(record) + "\n", encoding="ascii")
        progress.say("KVM works" if verdict else "KVM starts no kernel here: emulating")
    return ["-accel", "kvm", "-cpu", "host"] if verdict else emulated


def kvm_boots_a_kernel(qemu: Qemu, guests: Path, folder: Path, seconds: float = PROBE_SECONDS) -> bool:
    """Whether the kernel of the servers' images gets as far as its first process, on the lab's kind of machine."""
    argv = [*qemu.system, "-machine", "q35,kernel-irqchip=split", "-accel", "kvm", "-cpu", "host", "-smp", "2"]
    argv += ["-m", "256", "-nodefaults", "-display", "none", "-device", "intel-iommu,intremap=on,caching-mode=on"]
    argv += ["-kernel", str(guests / "vmlinuz"), "-initrd", str(guests / "initrd"), "-append", "console=ttyS0"]
    folder.mkdir(parents=True, exist_ok=True)
    console = folder / "kvm-probe.log"
    console.unlink(missing_ok=True)
    guest = subprocess.Popen(
        [*argv, "-serial", f"file:{console}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    deadline = time.monotonic() + seconds
    try:
        while time.monotonic() < deadline and guest.poll() is None:
            if console.exists() and guest_images.LAST_WORD in console.read_text(encoding="utf-8", errors="replace"):
                return True
            time.sleep(_POLL_SECONDS)
        return False
    finally:
        guest.kill()
        guest.wait()
        console.unlink(missing_ok=True)


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
