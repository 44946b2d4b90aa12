"""What layers.yml broke is named, and nothing else; once mended nothing is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lab.diagnosed import check, rows

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


@pytest.mark.parametrize("row", rows("placement.yml"), ids=lambda row: row["name"])
def test_what_was_broken_is_named_and_nothing_else(row):
    check(FOLDER, row)
