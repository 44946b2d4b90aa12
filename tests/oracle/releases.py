# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The releases of Nova that are asked, and the environments that hold them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ladder.environments import Environment, environment, read_requirements
from ladder.machine import Interpreter, MissingError, dotted

_REQUIREMENTS = Path(__file__).resolve().parent / "requirements"


@dataclass(frozen=True)
class Release:
    """*version* of Nova, and the *python* that its requirements were resolved for."""

    version: str
    python: tuple[int, int]

    def environment(
        self, interpreters: dict[tuple[int, int], Interpreter], say: Callable[[str], None], root: Path | None
    ) -> Environment:
        """Return the environment with this Nova, building it when there is none; MissingError says what it lacks."""
        interpreter = interpreters.get(self.python)
        if interpreter is None:
            raise MissingError(f"Nova {self.version} needs Python {dotted(self.python)}, which is not on this machine.")
        requirements = read_requirements(_REQUIREMENTS / f"{self.version}.txt")
        return environment(f"nova-{self.version}", interpreter, requirements, say, root)


RELEASES = (
    Release("34.0.0", (3, 11)),
    Release("31.3.1", (3, 11)),
    Release("29.4.0", (3, 11)),
    Release("26.3.0", (3, 9)),
    Release("25.3.0", (3, 9)),
    Release("22.4.0", (3, 8)),
)
