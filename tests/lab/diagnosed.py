"""What the scenarios that break a cloud (extensions/molecule/diagnose/tasks/layers.yml) kept of each row of a file in vars/."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

from .recorded import runs_of

FILES = Path(__file__).resolve().parents[2] / "extensions/molecule/diagnose/vars"

Row = dict[str, Any]


def rows(name: str = "layers.yml") -> list[Row]:
    """Every row of the file *name*."""
    found: list[Row] = yaml.safe_load((FILES / name).read_text(encoding="utf-8"))["layers"]
    return found


def kept(folder: Path, row: Row, mended: bool = False) -> Path:
    """The record of the run of diagnose.yml over what that row broke, or mended."""
    name = re.sub("[^a-z0-9]+", "_", row["name"])
    return folder / f"diagnosed_{name}{'_mended' if mended else ''}.jsonl"


def diagnosis(record: Path) -> dict[str, Any]:
    """What the last run of diagnose.yml in *record* found."""
    run = list(runs_of(record).values())[-1]
    facts = [line["result"].get("ansible_facts", {}) for line in run if line["event"] == "result"]
    found: dict[str, Any] = next(one["__diagnose_found"] for one in facts if "__diagnose_found" in one)
    return found


def came_to(record: Path) -> str:
    """What Nova made of a request for a server beside that run: its status, or the HTTP status of a refusal."""
    said = json.loads(record.with_suffix(".json").read_text(encoding="utf-8"))["nova"]
    return str(json.loads(said)["came_to"])


def blamed(found: dict[str, Any]) -> list[str]:
    """The layers of a diagnosis that failed or are in doubt, in the order in which a request comes to them."""
    layers = [*found["layers"], *(layer for compute in found["computes"] for layer in compute["layers"])]
    return [layer["name"] for layer in layers if layer["state"] in ("failed", "doubt")]


def check(folder: Path, row: Row) -> None:
    """That the diagnosis named what *row* broke, what truly suffers from it, and nothing else; once mended nothing at all."""
    found = diagnosis(kept(folder, row))
    answer, state = found["answer"], row.get("state", "failed")
    assert (answer["name"], answer["state"]) == (row["layer"], state), answer
    sound = state == "ok"
    suffer = set() if sound else {row["layer"], *row.get("as_well", [])}
    assert suffer <= set(blamed(found)) <= suffer | set(row.get("perhaps", [])), found
    assert answer["seen"]
    assert sound or answer["fix"]
    if "nova" in row:
        assert came_to(kept(folder, row)) == row["nova"]
    if "mend" in row:
        again = diagnosis(kept(folder, row, mended=True))
        assert (again["answer"]["state"], blamed(again)) == ("ok", [])
