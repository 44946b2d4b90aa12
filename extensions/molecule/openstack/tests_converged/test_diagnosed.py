"""What layers.yml broke is named, and nothing else; once mended nothing is."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
import yaml
from lab.diagnosed import check, rows

FOLDER = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])
PLAY = yaml.safe_load((Path(__file__).parents[1] / "layers.yml").read_text(encoding="utf-8"))[0]
CHOSEN = PLAY["tasks"][0]["vars"]["chosen"]
BROKEN = [row for row in rows() if row["name"] in CHOSEN]


@pytest.mark.parametrize("row", BROKEN, ids=lambda row: row["name"])
def test_what_was_broken_is_named_and_nothing_else(row):
    check(FOLDER, row)


def test_every_chosen_layer_was_broken():
    assert [row["name"] for row in BROKEN] == CHOSEN
