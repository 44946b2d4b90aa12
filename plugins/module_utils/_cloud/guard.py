# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deletes what a module made when nobody else will: the module was killed, or the play never came to its end.

A module's `finally` does not run on SIGKILL, and ansible-playbook's `always` not after Ctrl-C. So before the first thing is
made a second process is started, in a session of its own, that no signal to the play reaches. It holds the other end of
a pipe. The module's last word there is DONE (nothing is left), KEEP (what was made stays for the next task, but not for
ever), or none: then the module is dead and everything goes at once.
"""

from __future__ import annotations

import os
import time
from typing import Callable

_DONE = b"d"
_KEEP = b"k"
_PAUSE = 5.0
_TRIES = 60


class Guard:
    """The module's end of the pipe."""

    def __init__(self, pipe: int) -> None:
        self._pipe = pipe

    def done(self) -> None:
        """Nothing is left to be looked after."""
        self._say(_DONE)

    def keep(self) -> None:
        """Leave it in place until it is gone or its time is over."""
        self._say(_KEEP)

    def _say(self, word: bytes) -> None:
        os.write(self._pipe, word)
        os.close(self._pipe)


def start_guard(clear: Callable[[], None], is_gone: Callable[[], bool], seconds: float, pause: float = _PAUSE) -> Guard:
    """Start the second process. *clear* deletes and may be called again; *seconds* is how long KEEP lasts.

    Both run there: they must not use a connection that was open before, nor import what the module had not imported,
    as Ansible removes a module's files when it ends.
    """
    ours, theirs = os.pipe()
    child = os.fork()
    if child:
        os.close(ours)
        os.waitpid(child, 0)
        return Guard(theirs)
    try:
        os.close(theirs)
        os.setsid()
        if os.fork() == 0:
            _detach(ours)
            _watch(ours, clear, is_gone, seconds, pause)
    finally:
        os._exit(0)


def _detach(pipe: int) -> None:
    """Ansible waits for everybody who holds the module's output; a connection's sockets are not ours to use."""
    null = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.closerange(3, pipe)
    os.closerange(pipe + 1, 1024)


def _watch(pipe: int, clear: Callable[[], None], is_gone: Callable[[], bool], seconds: float, pause: float) -> None:
    word = os.read(pipe, 1)
    if word == _DONE:
        return
    end = time.monotonic() + seconds
    while word == _KEEP and time.monotonic() < end:
        if _tried(is_gone):
            return
        time.sleep(pause)
    for _attempt in range(_TRIES):
        if _tried(clear) is not None:
            return
        time.sleep(pause)


def _tried(work: Callable[[], object]) -> object:
    """What *work* returns, True for None; None itself when it failed: the cloud may be away for a while."""
    try:
        found = work()
    except Exception:  # noqa: BLE001 nobody is there to be told; the next run finds what is left by its marks
        return None
    return True if found is None else found
