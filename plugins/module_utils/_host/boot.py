# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reads how the machine boots. The one program it starts is sh, to read /etc/default/grub as grub-mkconfig does."""

from __future__ import annotations

import glob
import os
import shlex
import subprocess
from collections.abc import Mapping, Sequence
from typing import Callable

from .._core.boot_facts import BLOCK, BLOCK_BEGIN, DROP_IN, BootFacts, Evaluation, SourceFile, without_block
from .._core.reading import ABSENT, Reading, unreadable, value

TOOLS = ("update-grub", "grub-mkconfig", "grub2-mkconfig", "grubby", "kernel-install", "bootctl")
MKCONFIGS = ("grub-mkconfig", "grub2-mkconfig")
GRUB_CFGS = ("boot/grub/grub.cfg", "boot/grub2/grub.cfg", "boot/efi/EFI/redhat/grub.cfg", "boot/efi/EFI/centos/grub.cfg",
             "boot/efi/EFI/rocky/grub.cfg", "boot/efi/EFI/almalinux/grub.cfg")  # fmt: skip
ENTRIES = ("efi/loader/entries", "boot/loader/entries", "boot/efi/loader/entries")
LOADER_INFO = "sys/firmware/efi/efivars/LoaderInfo-4a67b082-0a4c-41cf-b6c7-440b29bb8c4f"
_DIRECTORIES = ("usr/local/sbin", "usr/local/bin", "usr/sbin", "usr/bin", "sbin", "bin")
_SECONDS = 30.0

# (argv, environment, seconds) -> (status, standard output, standard error)
Run = Callable[[Sequence[str], Mapping[str, str], float], "tuple[int, bytes, bytes]"]

# util/grub-mkconfig.in: "set -e", the file, then the drop-ins where this grub-mkconfig reads any ($3). $2: one to leave
# out. $4: the text of the file with our block taken apart, where it has one.
_EVALUATE = """set -e
if test -n "$4"; then eval "$4"; elif test -f "$1/default/grub"; then . "$1/default/grub"; fi
if test -n "$3"; then
  for x in "$1"/default/grub.d/*.cfg; do
    if [ -e "${x}" ] && [ "${x##*/}" != "$2" ]; then . "${x}"; fi
  done
fi
printf 'evaluated\\0%s\\0%s\\0%s\\0%s\\0' "${GRUB_CMDLINE_LINUX-}" "${GRUB_CMDLINE_LINUX_DEFAULT-}" \
  "${GRUB_CMDLINE_LINUX_XEN_REPLACE-}" "${GRUB_CMDLINE_LINUX_XEN_REPLACE_DEFAULT-}"
"""


def run_command(argv: Sequence[str], environment: Mapping[str, str], seconds: float) -> tuple[int, bytes, bytes]:
    # Not AnsibleModule.run_command(): _host knows no ansible, and this needs a time-out.
    done = subprocess.run(  # pylint: disable=ansible-bad-function
        list(argv), stdin=subprocess.DEVNULL, capture_output=True, env=dict(environment), timeout=seconds, cwd="/",
        start_new_session=True, check=False,
    )  # fmt: skip
    return done.returncode, done.stdout, done.stderr


def read_boot(root: str = "/", run: Run = run_command) -> BootFacts:
    """Return what the boot configuration below *root* says; nothing is changed. With another root only sh is run."""
    root = root.rstrip("/") + "/"
    tools = tuple(name for name in TOOLS if _find(root, name))
    mkconfig_name = next((name for name in MKCONFIGS if name in tools), None)
    mkconfig = _read(_find(root, mkconfig_name) or "") if mkconfig_name else ABSENT
    drop_ins = tuple(
        SourceFile("/" + path[len(root) :], _read(path))
        for path in sorted(glob.glob(root + "etc/default/grub.d/*.cfg"))
    )
    grub_default = _read(root + "etc/default/grub")
    grub_cfg_path = next((path for path in GRUB_CFGS if not _read(root + path).is_absent), None)
    entries_path = next((path for path in ENTRIES if glob.glob(f"{root}{path}/*.conf")), None)
    with_drop_ins = "default/grub.d" in (mkconfig.text or "")
    ours = root + DROP_IN.lstrip("/")
    without = with_ours = None
    if mkconfig_name:
        without = _evaluate(root, run, grub_default, with_drop_ins, leave_out=True)
        with_ours = _evaluate(root, run, grub_default, with_drop_ins, False) if os.path.exists(ours) else without
    return BootFacts(
        running=(_read(root + "proc/cmdline").text or "").rstrip("\n"),
        tools=tools,
        mkconfig=mkconfig,
        mkconfig_name=mkconfig_name,
        grub_default=grub_default,
        grub_drop_ins=drop_ins,
        evaluated=with_ours,
        evaluated_without=without,
        grub_cfg_path=None if grub_cfg_path is None else "/" + grub_cfg_path,
        grub_cfg=ABSENT if grub_cfg_path is None else _read(root + grub_cfg_path),
        grubenv=_first(root, ("boot/grub2/grubenv", "boot/grub/grubenv")),
        entries_path=None if entries_path is None else "/" + entries_path,
        entries=_entries(root, entries_path),
        loader_conf=_first(root, ("efi/loader/loader.conf", "boot/loader/loader.conf", "boot/efi/loader/loader.conf")),
        kernel_cmdline=_read(root + "etc/kernel/cmdline"),
        loader_info=_loader_info(root),
        ostree=os.path.exists(root + "run/ostree-booted"),
        kernels=_kernels(root),
    )


def _find(root: str, name: str) -> str | None:
    for directory in _DIRECTORIES:
        path = f"{root}{directory}/{name}"
        if os.path.isfile(path) and os.access(path, os.X_OK):
            return path
    return None


def _read(path: str) -> Reading:
    """The whole text, its last newline included, since some of it is written back."""
    try:
        with open(path, "rb") as file:
            return value(file.read().decode("utf-8", "surrogateescape"))
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    except OSError as error:
        return unreadable(error.strerror or str(error))


def _first(root: str, paths: Sequence[str]) -> Reading:
    readings = [_read(root + path) for path in paths]
    return next((reading for reading in readings if not reading.is_absent), ABSENT)


def _entries(root: str, path: str | None) -> tuple[SourceFile, ...]:
    if path is None:
        return ()
    return tuple(SourceFile("/" + name[len(root) :], _read(name)) for name in sorted(glob.glob(f"{root}{path}/*.conf")))


def _loader_info(root: str) -> Reading:
    try:
        with open(root + LOADER_INFO, "rb") as file:
            return value(file.read()[4:].decode("utf-16-le", "replace").rstrip("\0"))
    except (FileNotFoundError, NotADirectoryError):
        return ABSENT
    except OSError as error:
        return unreadable(error.strerror or str(error))


def _kernels(root: str) -> tuple[tuple[str, str], ...]:
    """(version, image) of the kernels whose modules are installed: /lib/modules/VERSION/vmlinuz, else /boot/vmlinuz-VERSION."""
    kernels: list[tuple[str, str]] = []
    for directory in ("lib/modules", "usr/lib/modules"):
        for path in sorted(glob.glob(f"{root}{directory}/*")):
            version = os.path.basename(path)
            images = [f"{path}/vmlinuz", f"{root}boot/vmlinuz-{version}"]
            image = next((image for image in images if os.path.isfile(image)), None)
            if image is not None and version not in dict(kernels):
                kernels.append((version, "/" + image[len(root) :]))
    return tuple(kernels)


def _evaluate(root: str, run: Run, grub_default: Reading, with_drop_ins: bool, leave_out: bool) -> Evaluation:
    if grub_default.is_unreadable:
        return Evaluation(problem=grub_default.problem)
    ours = root + DROP_IN.lstrip("/")
    text = grub_default.text or ""
    apart = ""
    if BLOCK_BEGIN in text:
        # The block names its file under "/": take the file below this root instead, or none.
        there = f". {shlex.quote(ours)}\n" if not leave_out and os.path.exists(ours) else ""
        apart = without_block(text) if not there else text.replace(BLOCK.split("\n")[1], there.rstrip("\n"))
    argv = [_shell(), "-c", _EVALUATE, "sh", root + "etc",
            os.path.basename(DROP_IN) if leave_out else "", "x" if with_drop_ins else "", apart]  # fmt: skip
    path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" if root == "/" else "/nonexistent"
    try:
        status, out, err = run(argv, {"PATH": path, "LC_ALL": "C", "HOME": "/"}, _SECONDS)
    except subprocess.TimeoutExpired:
        return Evaluation(problem=f"it did not end within {_SECONDS:.0f} seconds")
    except ValueError as error:  # a NUL in the text
        return Evaluation(problem=f"sh cannot be given it: {error}")
    except OSError as error:
        return Evaluation(problem=f"sh cannot be started: {error.strerror}")
    marker = out.rfind(b"evaluated\0")
    fields = out[marker:].decode("utf-8", "surrogateescape").split("\0")[1:-1] if marker >= 0 else []
    if status != 0 or len(fields) != 4:
        words = err.decode("utf-8", "replace").strip().splitlines()
        return Evaluation(problem=words[-1] if words else f"sh ended with status {status}")
    names = ("GRUB_CMDLINE_LINUX_XEN_REPLACE", "GRUB_CMDLINE_LINUX_XEN_REPLACE_DEFAULT")
    others = tuple((name, field) for name, field in zip(names, fields[2:]) if field)
    return Evaluation(fields[0], fields[1], None, others)


def _shell() -> str:
    return "/bin/sh"
