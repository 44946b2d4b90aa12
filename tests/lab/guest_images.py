"""Images for the servers of a cloud: they print the PCI functions they see on the serial console and cost nearly nothing.

``bootsect`` is 512 bytes without any kernel; ``tiny`` is a Linux kernel, which also takes hold of a device's configuration.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from . import apt_sources
from .cache import Cache, code_digest
from .debian_root import OUTLIVES_NOTHING
from .errors import LabError
from .progress import Progress

SUITE = "bookworm"
PACKAGES = ("linux-image-cloud-amd64", "busybox-static")
DISK_BYTES = 1 << 20
"""Firmware takes no disk that is one sector long for bootable."""

LAST_WORD = "TINY-DONE"
"""What both images print after the functions they see."""

_SOURCES = Path(__file__).with_name("guest")
_BOOT_SECTOR = _SOURCES / "bootsect.S"
_INIT = _SOURCES / "tiny_init.sh"


def build(cache: Cache, progress: Progress) -> Path:
    """The folder with bootsect.img, tiny.img, vmlinuz and initrd."""
    inputs = {
        "suite": SUITE,
        "packages": list(PACKAGES),
        "sources": [path.read_text(encoding="utf-8") for path in (_BOOT_SECTOR, _INIT)],
        "script": code_digest(Path(__file__).read_text(encoding="utf-8")),
    }
    return cache.get_or_build("cloud-guests", inputs, lambda scratch: _make(scratch, progress))


def newc(entries: list[tuple[str, int, bytes]]) -> bytes:
    """A cpio archive as the kernel unpacks it: (name, mode, content)."""
    archive = b""
    for number, (name, mode, content) in enumerate([*entries, ("TRAILER!!!", 0, b"")], start=1):
        path = name.encode() + b"\0"
        fields = (number, mode, 0, 0, 1, 0, len(content), 0, 0, 0, 0, len(path), 0)
        archive += _padded(b"070701" + b"".join(b"%08X" % field for field in fields) + path)
        archive += _padded(content)
    return archive


def _padded(part: bytes) -> bytes:
    return part + bytes(-len(part) % 4)


def _make(scratch: Path, progress: Progress) -> None:
    progress.say("fetching a kernel and a shell for the servers")
    tree = scratch / "tree"
    argv = [*OUTLIVES_NOTHING, "nice", "mmdebstrap", "--quiet", "--variant=extract"]
    argv += [f"--include={','.join(PACKAGES)}", '--aptopt=APT::Install-Recommends "false"']
    argv += [f"--aptopt={line}" for line in apt_sources.inherited_options()]
    argv += ["--dpkgopt=path-exclude=/usr/share/*", "--dpkgopt=path-exclude=/lib/modules/*"]
    argv += [SUITE, str(tree), *apt_sources.mirrors().source_lines(SUITE)]
    _run(argv, "The kernel for the servers could not be fetched")
    max((tree / "boot").glob("vmlinuz-*")).replace(scratch / "vmlinuz")
    busybox = next(path for path in (tree / "usr/bin/busybox", tree / "bin/busybox") if path.exists())
    entries = [
        ("bin", 0o040755, b""),
        ("sys", 0o040755, b""),
        ("bin/busybox", 0o100755, busybox.read_bytes()),
        ("init", 0o100755, _INIT.read_bytes()),
    ]
    (scratch / "initrd").write_bytes(newc(entries))
    _run(["rm", "-rf", "--one-file-system", str(tree)], "The unpacked packages could not be removed")
    # Nova wants a disk even where kernel and initramfs come beside it.
    (scratch / "tiny.img").write_bytes(bytes(DISK_BYTES))
    _assemble(scratch)


def _assemble(scratch: Path) -> None:
    made, linked = scratch / "bootsect.o", scratch / "bootsect.bin"
    _run(["as", "--32", "-o", str(made), str(_BOOT_SECTOR)], "The boot sector could not be assembled")
    words = ["-m", "elf_i386", "-Ttext", "0x7c00", "--oformat", "binary", "-o", str(linked), str(made)]
    _run(["ld", *words], "The boot sector could not be linked")
    sector = linked.read_bytes()
    if len(sector) != 512 or sector[510:] != b"\x55\xaa":
        raise LabError("The boot sector does not fit into 512 bytes.")
    (scratch / "bootsect.img").write_bytes(sector.ljust(DISK_BYTES, b"\0"))
    made.unlink()
    linked.unlink()


def _run(argv: list[str], failure: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, check=False)
    if done.returncode:
        raise LabError(f"{failure}: {(done.stderr.strip().splitlines() or ['no reason given'])[-1]}")
