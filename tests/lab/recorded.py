"""What a playbook run left in the record (callback_plugins/recorder.py), asked in words."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

Run = list[dict[str, Any]]


def runs_of(record: Path) -> dict[str, Run]:
    """The record cut at each start of a playbook, by its name; " again" is the second time, "check" the dry run."""
    found: dict[str, Run] = {}
    current: Run = []
    for text in record.read_text(encoding="utf-8").splitlines():
        line = json.loads(text)
        if line["event"] == "run":
            name = "check" if line["check"] else line["playbook"].removesuffix(".yml")
            while name in found:
                name += " again"
            current = found.setdefault(name, [])
        current.append(line)
    return found


def results(run: Run, action: str, host: str | None = None) -> list[dict[str, Any]]:
    """What each execution of one of our modules returned, on one host or on all."""
    return [
        line["result"]
        for line in run
        if line["event"] == "result"
        and line["action"] == f"nova_pci.passthrough.{action}"
        and host in (None, line["host"])
    ]


def reboots(run: Run) -> list[bool]:
    return [
        line["result"]["rebooted"]
        for line in run
        if line["event"] == "result" and line["action"] == "ansible.builtin.reboot" and "rebooted" in line["result"]
    ]


def changed(run: Run) -> list[str]:
    return [line["task"] for line in run if line["event"] == "result" and line["result"].get("changed")]


def executed(run: Run) -> list[str]:
    return [line["module"] for line in run if line["event"] == "module"]


def failed_findings(run: Run) -> list[dict[str, Any]]:
    """What the verifying modules found wrong; a result without any finding is wrong itself."""
    rows = [result for module in ("host_verify", "nova_verify") for result in results(run, module)]
    empty = [{"check": "findings", "ok": False, "found": "none at all"} for row in rows if not row["findings"]]
    return empty + [finding for row in rows for finding in row["findings"] if not finding["ok"]]


def parsed(values: list[str]) -> list[dict[str, Any]]:
    """The JSON objects of a setting's values, as device_spec and alias have them."""
    return [json.loads(value) for value in values]
