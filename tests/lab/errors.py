"""The exceptions of the lab."""

from __future__ import annotations


class LabError(Exception):
    """Something the person at the keyboard can act on; its text is one whole sentence."""


class NotPossibleHereError(LabError):
    """Not root, not Debian-like, or a package is missing on this machine: exit status 3."""


class HungError(LabError):
    """The guest's kernel says that one of its tasks has hung for two minutes."""
