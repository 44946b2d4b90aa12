# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""nova_verify over a built host."""

from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.modules import nova_apply, nova_plan, nova_verify

NIC = {"alias": "nic", "vendor_id": "8086", "product_id": "10d3", "device_type": "type-PCI"}


def test_the_plan_is_held_against_the_services(run, compute):
    plan = run(nova_plan, compute, role="compute", devices=[NIC])["plan"]
    wrong = run(nova_verify, compute, plan=plan)
    assert wrong["failed"]
    assert "[pci]device_spec of nova-compute: unset" in wrong["msg"]
    run(nova_apply, compute, plan=plan)
    found = run(nova_verify, compute, plan=plan, fail=False)
    settings = [finding for finding in found["findings"] if " of nova-compute" in finding["check"]]
    assert [finding["ok"] for finding in settings] == [True, True]
    running = next(finding for finding in found["findings"] if "runs with its configuration" in finding["check"])
    assert not running["ok"], "the process of this host is older than the files just written"
    assert set(found) >= {"findings", "table"}


def test_what_an_administrator_did_to_a_file_since_is_told_once(run, compute):
    plan = run(nova_plan, compute, role="compute", devices=[NIC])["plan"]
    run(nova_apply, compute, plan=plan)
    path = next(row["path"] for row in plan["files"] if not row.get("foreign"))
    (compute / path[1:]).write_text("[DEFAULT]\n", encoding="utf-8")
    again = run(nova_plan, compute, role="compute", devices=[NIC])["plan"]
    actions = run(nova_apply, compute, plan=again, _ansible_check_mode=True)["actions"]
    assert f"write {path}" in actions
    findings = run(nova_verify, compute, plan=again, actions=actions, fail=False)["findings"]
    assert [row["check"] for row in findings if path in row["check"] + row["found"]].count(f"file {path}") == 1
    assert f"write {path}" not in [row["found"] for row in findings]
    told = next(row for row in findings if row["check"] == f"file {path}")
    assert (told["state"], told["found"]) == ("failed", "changed by someone else since")
