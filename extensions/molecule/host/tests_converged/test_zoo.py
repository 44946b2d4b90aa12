"""The lab's own table of devices, held against this machine: what was done to it moved nothing."""

from __future__ import annotations

from lab.tests.test_booted_zoo import *  # noqa: F403
