"""The one exception of the lab."""

from __future__ import annotations


class LabError(Exception):
    """Something the person at the keyboard can act on; its text is one whole sentence."""


class NotPossibleHereError(LabError):
    """The lab cannot work on this machine (not root, not Debian-like, a package missing): exit 3."""
