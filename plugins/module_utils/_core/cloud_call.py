# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One request to the cloud and what came back, as plain data; _cloud carries it out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from .secrets import redact

COMPUTE = "compute"
IMAGE = "image"
NETWORK = "network"
PLACEMENT = "placement"


@dataclass(frozen=True)
class Call:
    """Shape: *service* as in the catalog, *path* below its endpoint, *body* goes out as JSON, *fine* besides 2xx.

    *reads*: the request changes nothing, though its method does not say so.
    """

    service: str
    method: str
    path: str
    body: Mapping[str, Any] | None = None
    fine: tuple[int, ...] = ()
    reads: bool = False

    @property
    def is_repeatable(self) -> bool:
        """Whether a second one does no more than the first, which may have arrived before its connection was lost."""
        return self.reads or self.method in ("GET", "PUT", "DELETE")

    def __str__(self) -> str:
        return f"{self.method} {self.service} {self.path}"


@dataclass(frozen=True)
class Answer:
    """Shape: *status* the HTTP status, *body* the JSON object ({} when there was none)."""

    status: int
    body: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300

    @property
    def message(self) -> str:
        """What the service says is wrong: {"badRequest": {"message": ...}}, {"errors": [{"detail": ...}]}, {"message": ...}.

        Without the user and password of an URL: a service that cannot reach its database may name it whole.
        """
        errors = self.body.get("errors")
        if isinstance(errors, list) and errors and isinstance(errors[0], dict):
            return redact(str(errors[0].get("detail") or errors[0].get("title") or ""), ())
        inner = next(
            (value for value in self.body.values() if isinstance(value, dict) and "message" in value), self.body
        )
        return redact(str(inner.get("message", "")), ())
