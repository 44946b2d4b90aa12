"""What the tests of the scenarios say of a broken layer: right, wrong, and what may not be there at all."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from lab import diagnosed

# The names of files are made from those of rows, and two rows of two files may not share one either.
EVERY_ROW = [row for path in sorted(diagnosed.FILES.glob("*.yml")) for row in diagnosed.rows(path.name)]
ROW: diagnosed.Row = {"name": "a fan, broken", "layer": "compute_service", "nova": "ERROR", "mend": "true"}


def layer(name: str, state: str) -> dict[str, Any]:
    return {"name": name, "state": state, "seen": "it", "fix": None if state == "ok" else "do"}


def found(*layers: dict[str, Any]) -> dict[str, Any]:
    bad = [one for one in layers if one["state"] == "failed"] or [one for one in layers if one["state"] == "doubt"]
    computes = [{"name": "cmp1", "layers": list(layers[1:])}]
    return {"layers": [layers[0]], "computes": computes, "answer": bad[0] if bad else layer("server", "ok")}


OK = found(layer("flavor", "ok"), layer("compute_service", "ok"), layer("room", "ok"))
BAD = found(layer("flavor", "ok"), layer("compute_service", "failed"), layer("room", "ok"))


def keep(folder: Path, broken: dict[str, Any], mended: dict[str, Any], came_to: str = "ERROR") -> None:
    for diagnosis, again in ((broken, False), (mended, True)):
        facts = {"event": "result", "host": "cmp1", "result": {"ansible_facts": {"__diagnose_found": diagnosis}}}
        run = {"event": "run", "playbook": "diagnose.yml", "check": False}
        lines = [run, {"event": "result", "host": "cmp1", "result": {}}, facts]
        record = diagnosed.kept(folder, ROW, again)
        record.write_text("".join(f"{json.dumps(line)}\n" for line in lines), encoding="utf-8")
    said = {"nova": json.dumps({"came_to": came_to})}
    diagnosed.kept(folder, ROW).with_suffix(".json").write_text(json.dumps(said), encoding="utf-8")


def test_a_layer_that_is_named(tmp_path: Path) -> None:
    keep(tmp_path, BAD, OK)
    diagnosed.check(tmp_path, ROW)


def test_the_last_of_several_looks_counts(tmp_path: Path) -> None:
    keep(tmp_path, BAD, BAD)
    record = diagnosed.kept(tmp_path, ROW, mended=True)
    first = record.read_text(encoding="utf-8")
    keep(tmp_path, BAD, OK)
    record.write_text(first + record.read_text(encoding="utf-8"), encoding="utf-8")
    diagnosed.check(tmp_path, ROW)


@pytest.mark.parametrize(
    ("broken", "mended", "came_to"),
    [
        (OK, OK, "ERROR"),
        (BAD, BAD, "ERROR"),
        (BAD, OK, "ACTIVE"),
        (found(layer("flavor", "failed"), layer("compute_service", "failed")), OK, "ERROR"),
        (found(layer("flavor", "ok"), layer("compute_service", "doubt")), OK, "ERROR"),
        (found(layer("flavor", "doubt"), layer("compute_service", "failed")), OK, "ERROR"),
        (found(layer("flavor", "ok"), layer("compute_service", "failed"), layer("room", "failed")), OK, "ERROR"),
        (BAD, found(layer("flavor", "ok"), layer("room", "doubt")), "ERROR"),
    ],
)
def test_what_is_wrong_is_seen(tmp_path: Path, broken: dict[str, Any], mended: dict[str, Any], came_to: str) -> None:
    keep(tmp_path, broken, mended, came_to)
    with pytest.raises(AssertionError):
        diagnosed.check(tmp_path, ROW)


@pytest.mark.parametrize("more", ["ok", "failed"])
def test_what_may_suffer_and_may_not(tmp_path: Path, more: str) -> None:
    keep(tmp_path, found(layer("flavor", "ok"), layer("compute_service", "failed"), layer("room", more)), OK)
    diagnosed.check(tmp_path, {**ROW, "perhaps": ["room"]})


def test_a_row_whose_diagnosis_did_not_run(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        diagnosed.check(tmp_path, ROW)


def test_each_row_has_a_name_and_a_file_of_its_own() -> None:
    files = {diagnosed.kept(Path(), row, mended) for row in EVERY_ROW for mended in (False, True)}
    assert len(files) == 2 * len(EVERY_ROW)
    keys = {"name", "host", "break", "mend", "reboot", "then", "nova", "flavor", "layer", "state", "as_well", "perhaps"}
    for row in EVERY_ROW:
        assert {"name", "host", "layer"} <= set(row) <= keys
        assert row["host"] in ("localhost", "cmp1", "ctl")


def test_the_files_are_named_as_the_tasks_name_them() -> None:
    tasks = (diagnosed.FILES.parent / "tasks/layer.yml").read_text(encoding="utf-8")
    (pattern,) = re.findall(r"diagnosed_\{\{ row.name \| regex_replace\('(.*?)', '_'\)", tasks)
    for row in EVERY_ROW:
        name = re.sub(pattern, "_", row["name"])
        assert diagnosed.kept(Path(), row) == Path(f"diagnosed_{name}.jsonl")
