"""Elapsed-time lines, so that nobody has to guess whether a slow step is alive."""

from __future__ import annotations

import sys
import time
from typing import TextIO


class Progress:
    """Prints ``[  12 s] what`` on standard error; standard output stays for results."""

    def __init__(self, label: str = "", stream: TextIO | None = None) -> None:
        """Start the clock; `label` is put before every line (the machine's name)."""
        self._label = f"{label}: " if label else ""
        self._stream = stream
        self._start = time.monotonic()
        self._last_line = self._start

    @property
    def elapsed(self) -> float:
        """Seconds since the clock was started."""
        return time.monotonic() - self._start

    def say(self, text: str) -> None:
        """Print one line now."""
        self._last_line = time.monotonic()
        stream = self._stream or sys.stderr
        print(f"[{self.elapsed:5.0f} s] {self._label}{text}", file=stream, flush=True)

    def heartbeat(self, text: str, every: float = 15.0) -> None:
        """Print a line only when the last one is old; for use inside waiting loops."""
        if time.monotonic() - self._last_line >= every:
            self.say(text)
