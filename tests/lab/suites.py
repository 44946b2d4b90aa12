"""The releases of Debian that the lab is made of, and what has to be told apart."""

from __future__ import annotations

from .errors import LabError

SUITES = ("bullseye", "bookworm", "trixie")
"""Nova 22, 26 and 31."""

_WITHOUT_PENALTIES = ("bullseye", "bookworm")


def require(suite: str) -> None:
    """Refuse a suite that nothing is made of."""
    if suite not in SUITES:
        raise LabError(f"The lab makes nothing of {suite!r}; choose one of {', '.join(SUITES)}.")


def sshd_files(suite: str) -> dict[str, str]:
    """Debian 13's sshd shuts out who connects and leaves too often; everybody here has one address."""
    return {} if suite in _WITHOUT_PENALTIES else {"etc/ssh/sshd_config.d/lab.conf": "PerSourcePenalties no\n"}
