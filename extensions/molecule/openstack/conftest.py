"""The tests of this scenario use what all scenarios of a cloud share."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parents[3] / "tests")]

from lab.scenario_fixtures import *
