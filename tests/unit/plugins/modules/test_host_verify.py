# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""host_verify over a recorded machine: what is as planned, what waits, what fails, and that a failure fails."""

from __future__ import annotations

import json
import shutil

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.modules import host_verify
from ansible_collections.nova_pci.passthrough.tests.unit import machine_builder

SPARE = "0000:02:00.0"


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """The lab's machine with its IOMMU on and its spare NIC still on its own driver; tests only read it."""
    root = tmp_path_factory.mktemp("lab") / "root"
    machine_builder.build("lab-bookworm-iommu-on", root)
    return root


def plan(driver=None, wanted=(), required=False):
    row = {"address": SPARE, "role": "chosen", "driver": driver, "num_vfs": 0, "vf_driver": None, "because": None}
    return {
        "devices": [{**row, "verdict": "to change"}],
        "kernel_arguments": {"wanted": list(wanted), "remove": [], "dropped": []},
        "reboot": {"required": required},
    }


@pytest.fixture
def verify(machine, capsys):
    def run_module(**params):
        with patch_module_args({"root": str(machine), **params}), pytest.raises(SystemExit):
            host_verify.main()
        return json.loads(capsys.readouterr().out)

    return run_module


def states(result):
    return {finding["check"]: finding["state"] for finding in result["findings"]}


def test_what_is_as_planned_is_ok_and_the_table_says_ready(verify):
    result = verify(plan=plan("e1000e"))
    assert states(result) == {f"driver of {SPARE}": "ok"}
    assert not result.get("failed")
    assert result["changed"] is False
    line = next(line for line in result["table"] if line.startswith(SPARE))
    assert line.endswith(" ready")


def test_a_difference_fails_the_module_with_every_finding_in_words(verify):
    result = verify(plan=plan("vfio-pci", wanted=["no_such_argument=1"]))
    assert result["failed"] is True
    assert result["msg"].startswith("The host does not show what was planned:\nkernel argument no_such_argument=1: ")
    assert f"\ndriver of {SPARE}: e1000e, expected vfio-pci; systemctl status" in result["msg"]
    assert states(result)["iommu"] == "ok"
    assert len(result["msg"].splitlines()) == 3


def test_on_request_a_difference_is_only_reported(verify):
    result = verify(plan=plan("vfio-pci"), fail=False)
    assert not result.get("failed")
    assert states(result)[f"driver of {SPARE}"] == "failed"


def test_what_waits_for_a_reboot_is_pending_and_no_failure(verify):
    result = verify(plan=plan("vfio-pci", required=True))
    assert not result.get("failed")
    assert states(result)[f"driver of {SPARE}"] == "pending reboot"
    assert next(line for line in result["table"] if line.startswith(SPARE)).endswith(" pending reboot")


def test_what_a_dry_run_would_still_do_is_a_difference(verify):
    result = verify(plan=plan("e1000e"), actions=["write /etc/nova-pci-passthrough/devices.conf"])
    assert result["failed"] is True
    assert "write /etc/nova-pci-passthrough/devices.conf" in result["msg"]


def test_a_failure_on_a_drained_host_says_how_to_go_on(verify):
    servers = [{"id": "1", "name": "db", "found": "ACTIVE", "action": "stop"}]
    record = {"host": "compute1", "service": {"found": "enabled", "reason": None, "up": True}, "servers": servers}
    told = verify(plan={**plan("vfio-pci"), "drained": record})["msg"]
    assert "The host stays drained" in told
    assert "stop of db (1)" in told
    assert "drained" not in verify(plan={**plan("vfio-pci"), "drained": None})["msg"]
    assert not verify(plan={**plan("e1000e"), "drained": record}).get("failed")


DEVICES_CONF = "etc/nova-pci-passthrough/devices.conf"


@pytest.fixture
def remembering(machine, tmp_path, verify):
    """A copy of the machine with a devices.conf, and the states that are found there."""
    root = tmp_path / "copy"
    shutil.copytree(machine, root, symlinks=True)

    def find(text):
        (root / DEVICES_CONF).parent.mkdir(parents=True, exist_ok=True)
        (root / DEVICES_CONF).write_text(text, encoding="utf-8")
        return verify(root=str(root), plan={**plan("e1000e"), "files": [{"path": f"/{DEVICES_CONF}"}]})

    return find


def test_a_card_that_is_not_the_recorded_one_is_a_failure(remembering):
    good = states(remembering(f"{SPARE} driver vfio-pci 8086:10d3\n"))
    assert good[f"card at {SPARE}"] == "ok"
    bad = remembering(f"{SPARE} driver vfio-pci 8086:10c9\n")
    assert states(bad)[f"card at {SPARE}"] == "failed"
    assert f"card at {SPARE}: 8086:10d3, expected 8086:10c9; run playbooks/site.yml" in bad["msg"]


def test_files_of_ours_without_a_journal_are_a_failure(remembering):
    found = states(remembering("# nova_pci.passthrough\n"))
    assert found["journal /var/lib/nova-pci-passthrough/journal.json"] == "failed"
