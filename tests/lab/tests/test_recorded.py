"""What the tests of the scenarios ask of a record."""

from __future__ import annotations

import json
from pathlib import Path

from lab import recorded


def run_line(playbook: str, check: bool = False) -> dict[str, object]:
    return {"event": "run", "playbook": playbook, "check": check}


def result_line(module: str, host: str, **result: object) -> dict[str, object]:
    action = f"nova_pci.passthrough.{module}"
    return {"event": "result", "host": host, "task": module, "action": action, "result": result}


def test_a_record_is_cut_at_each_start_of_a_playbook(tmp_path: Path) -> None:
    lines = [
        run_line("converge.yml", check=True),
        run_line("converge.yml"),
        result_line("nova_plan", "ctl", changed=False),
        result_line("nova_apply", "ctl", changed=True),
        run_line("converge.yml"),
    ]
    record = tmp_path / "record.jsonl"
    record.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    runs = recorded.runs_of(record)
    assert list(runs) == ["check", "converge", "converge again"]
    assert recorded.changed(runs["converge"]) == ["nova_apply"]
    assert recorded.results(runs["converge"], "nova_plan", "cmp1") == []
    assert recorded.results(runs["converge"], "nova_plan", "ctl") == [{"changed": False}]


def test_a_finding_that_failed_and_a_proof_without_any() -> None:
    good, bad = {"check": "driver", "ok": True}, {"check": "groups", "ok": False}
    assert recorded.failed_findings([result_line("host_verify", "cmp1", findings=[good])]) == []
    assert recorded.failed_findings([result_line("nova_verify", "ctl", findings=[good, bad])]) == [bad]
    assert [row["found"] for row in recorded.failed_findings([result_line("nova_verify", "ctl", findings=[])])] == [
        "none at all"
    ]
