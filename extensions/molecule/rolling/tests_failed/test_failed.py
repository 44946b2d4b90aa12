"""The first host did not boot what it was told to: it stays drained, and the second is as it was."""

from __future__ import annotations

from lab.recorded import failed_findings, reboots


def test_the_run_failed_with_the_reason(kept, own_run):
    assert kept("failed")["rc"] != 0
    assert [row["check"] for row in failed_findings(own_run("failed"))] == ["kernel argument nmi_watchdog=0"]
    assert reboots(own_run("failed")) == [True]


def test_the_first_host_stays_drained(seen, computes):
    nova = seen("failed", "nova")
    assert nova["services"]["cmp1"]["status"] == "disabled"
    assert nova["services"]["cmp1"]["reason"] == "nova_pci.passthrough: reboot for PCI passthrough"
    assert nova["servers"]["on-cmp1"]["status"] == "SHUTOFF"
    assert [guest["running"] for guest in seen("failed", "cmp1")["guests"]] == [False]
    assert computes["cmp1"].file("/var/lib/nova-pci-passthrough/drained.json").exists


def test_its_server_is_there_to_be_started(seen):
    ids = [seen(stage, "nova")["servers"]["on-cmp1"]["id"] for stage in ("servers", "failed")]
    assert ids[0] == ids[1]


def test_the_second_host_was_not_even_asked(own_run, hosts_in_turn):
    assert hosts_in_turn(own_run("failed")) == ["cmp1"]


def test_nothing_of_the_second_host_changed(seen):
    assert seen("failed", "cmp2") == seen("changed", "cmp2")
    for key, name in (("services", "cmp2"), ("servers", "on-cmp2")):
        before, after = (seen(stage, "nova")[key][name] for stage in ("changed", "failed"))
        assert after == before
    assert seen("failed", "nova")["servers"]["on-cmp2"]["status"] == "ACTIVE"
