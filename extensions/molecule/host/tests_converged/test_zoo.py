"""The lab's own table of devices, held against this machine: what was done to it moved nothing."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[4] / "tests"))

from lab.tests.test_booted_zoo import *  # noqa: F403
