"""What a run left in the record (tests/lab/callback_plugins/recorder.py), asked in words."""

from __future__ import annotations


def results(run: list[dict], action: str) -> list[dict]:
    return [
        line["result"]
        for line in run
        if line["event"] == "result" and line["action"] == f"nova_pci.passthrough.{action}"
    ]


def reboots(run: list[dict]) -> list[bool]:
    return [
        line["result"]["rebooted"]
        for line in run
        if line["event"] == "result" and line["action"] == "ansible.builtin.reboot" and "rebooted" in line["result"]
    ]


def changed(run: list[dict]) -> list[str]:
    return [line["task"] for line in run if line["event"] == "result" and line["result"].get("changed")]


def executed(run: list[dict]) -> list[str]:
    return [line["module"] for line in run if line["event"] == "module"]
