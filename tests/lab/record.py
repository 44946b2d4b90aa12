"""Take the raw state of a machine's PCI world, for recorded machines in the unit tests."""

from __future__ import annotations

import json
from pathlib import Path

from .errors import LabError
from .machine import Machine

_SCRIPT = Path(__file__).with_name("record_in_guest.py")


def record(machine: Machine) -> str:
    """Run the recorder in the guest (it only reads) and return its JSON."""
    script = _SCRIPT.read_text(encoding="utf-8")
    text = machine.ssh.output("python3 -", timeout=600, stdin=script)
    try:
        json.loads(text)
    except ValueError as error:
        raise LabError("The recorder in the guest printed something that is not JSON.") from error
    return text
