"""At the end of all runs: no password of Nova's is in what Ansible and our units told the hosts' logs, nor in what the runs printed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from lab.leaks import journal_command, leaks, ours_of

EPHEMERAL = Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"])


@pytest.fixture(params=["cmp1", "ctl"])
def host(request, compute, controller):
    return compute if request.param == "cmp1" else controller


def test_there_are_passwords_to_look_for(passwords):
    """Of the message queue, of Keystone and Placement, of the database."""
    assert passwords == {"lab-secret-rabbit", "lab-secret-nova", "lab-secret-db-nova"}


def test_no_password_is_in_a_hosts_journal(host, passwords):
    identifiers = host.check_output("journalctl --field SYSLOG_IDENTIFIER").splitlines()
    done = host.run(journal_command(identifiers))
    journal = done.stdout_bytes.decode("utf-8", "replace")
    assert done.rc == 0
    assert "SYSLOG_IDENTIFIER=ansible-nova_pci.passthrough.nova_plan\n" in journal, "there is nothing to search"
    assert "MESSAGE=Invoked with " in journal
    assert leaks(journal, passwords) == []


def test_no_password_is_in_a_hosts_syslog(host, passwords):
    """Where a host has one: rsyslog is none of the lab's packages."""
    syslog = host.run("cat /var/log/syslog 2>/dev/null || true").stdout_bytes.decode("utf-8", "replace")
    assert leaks("\n".join(ours_of(syslog)), passwords) == []


@pytest.mark.parametrize("name", ["ansible.log", "record.jsonl"])
def test_no_password_is_in_what_the_runs_printed(name, passwords):
    text = (EPHEMERAL / name).read_text(encoding="utf-8")
    for module in ("host_apply", "nova_plan", "nova_apply", "flavors"):
        assert module in text
    assert leaks(text, passwords) == []
