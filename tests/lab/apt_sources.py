"""The machine's own Debian mirrors, for building roots of any Debian suite.

No mirror is named in the lab: a site that has its own (or none at all to the outside) is
served by whatever its apt configuration already says.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from .errors import NotPossibleHereError

KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

_DEBIAN_SUITES = frozenset(
    {"bullseye", "bookworm", "trixie", "forky", "duke", "sid"}
    | {"oldoldstable", "oldstable", "stable", "testing", "unstable"}
)
# Their support has ended: mirrors still have the index of their security archive, and its files no more.
_WITHOUT_SECURITY = frozenset({"bullseye"})
_FORMAT = "$(RELEASE)\t$(REPO_URI)"
_INHERITED = re.compile(r"Acquire::(Check-Valid-Until|Check-Date|Retries|ForceIPv[46]|https?::[^ ]+) ")


@dataclass(frozen=True)
class Mirrors:
    """The archive's address, and the security archive's where one is configured."""

    main: str
    security: str | None = None

    def source_lines(self, suite: str) -> list[str]:
        """One-line apt sources for a suite."""
        lines = [f"deb [signed-by={KEYRING}] {self.main} {suite} main"]
        if self.security and suite not in _WITHOUT_SECURITY:
            lines.append(f"deb [signed-by={KEYRING}] {self.security} {suite}-security main")
        return lines


def parse_index_targets(text: str) -> Mirrors | None:
    """Find the Debian mirrors in `apt-get indextargets` output, or None if there is none."""
    main = security = None
    for line in text.splitlines():
        release, _tab, uri = line.partition("\t")
        base = re.sub(r"(-security|/updates)$", "", release)
        if base not in _DEBIAN_SUITES or not uri:
            continue
        if base != release:
            security = security or uri
        else:
            main = main or uri
    return Mirrors(main, security) if main else None


def parse_apt_config(text: str) -> list[str]:
    """Keep what decides how this machine reaches its mirrors (proxy, certificates, dates)."""
    return [line for line in text.splitlines() if _INHERITED.match(line)]


def mirrors(environ: Mapping[str, str] | None = None) -> Mirrors:
    """The mirrors to build from: NOVA_PCI_LAB_MIRROR, or what apt on this machine uses."""
    chosen = (os.environ if environ is None else environ).get("NOVA_PCI_LAB_MIRROR", "").split()
    if chosen:
        return Mirrors(chosen[0], chosen[1] if len(chosen) > 1 else None)
    output = _stdout("apt-get", "indextargets", "--format", _FORMAT, "Created-By: Packages")
    found = parse_index_targets(output)
    if found is None:
        raise NotPossibleHereError(
            "No Debian archive is configured in this machine's apt sources; set"
            " NOVA_PCI_LAB_MIRROR to a Debian mirror's address."
        )
    return found


def inherited_options() -> list[str]:
    """The apt options that a root built here must share with this machine."""
    return parse_apt_config(_stdout("apt-config", "dump"))


def _stdout(*argv: str) -> str:
    return subprocess.run(argv, check=True, capture_output=True, text=True).stdout
