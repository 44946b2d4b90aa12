"""A search for leaked passwords: which there are to look for, and which words of a host's logs are Ansible's or ours."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

UNIT = "nova-pci-passthrough.service"

# What Ansible, its modules, our files and sudo call themselves there; Nova's services log what they want.
_WRITER = r"ansible-[^\s:\[]+|python3|nova-pci-passthrough[^\s:\[]*|sudo"
_IN_SYSLOG = re.compile(rf"\s(?:{_WRITER})(?:\[\d+\])?:\s")
_ASSIGNED = re.compile(r"^\s*\w*password\w*\s*=\s*(\S+)")
_IN_URL = re.compile(r":([^\s:@/,]+)@")


def passwords(text: str) -> set[str]:
    """Every password in the text of a service's configuration: of an option of that name, and inside URLs."""
    lines = [line for line in text.splitlines() if not line.lstrip().startswith(("#", ";"))]
    return {word for line in lines for pattern in (_ASSIGNED, _IN_URL) for word in pattern.findall(line)}


def journal_command(identifiers: Iterable[str]) -> str:
    """A shell command for every entry of the journal, in full, that one of these *identifiers* of it wrote and is ours.

    The guard before nova-compute writes as that unit's `sh`.
    """
    ours = [f"SYSLOG_IDENTIFIER={name}" for name in sorted(identifiers) if re.fullmatch(_WRITER, name)]
    more = [
        f"_SYSTEMD_UNIT={UNIT}",
        "+",
        f"UNIT={UNIT}",
        "+",
        "_SYSTEMD_UNIT=nova-compute.service",
        "SYSLOG_IDENTIFIER=sh",
    ]
    return shlex.join(["journalctl", "--no-pager", "--output=export", *ours, "+", *more])


def ours_of(syslog: str) -> list[str]:
    """The lines of a syslog file that are Ansible's or ours."""
    return [line for line in syslog.splitlines() if _IN_SYSLOG.search(line)]


def leaks(text: str, words: Iterable[str]) -> list[str]:
    """The lines that hold one of the *words*."""
    return [line for line in text.splitlines() if any(word in line for word in words)]
