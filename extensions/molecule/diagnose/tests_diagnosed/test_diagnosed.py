"""Every layer that was broken alone is named, what else suffers from it is not named first, and nothing is blamed once it is mended."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lab.diagnosed import check, rows

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


@pytest.mark.parametrize("row", rows(), ids=lambda row: row["name"])
def test_what_was_broken_is_named_and_nothing_else(row):
    check(FOLDER, row)


def test_enough_layers_were_broken():
    assert len({row["layer"] for row in rows() if row.get("state") != "ok"}) >= 15
