# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One report out of what every host answered."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.drift import (
    CLOUD,
    CloudAnswer,
    HostAnswer,
    LayerAnswer,
    drift_report,
    findings_of,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.verify import Finding

NIC = '{"name": "nic", "vendor_id": "8086", "product_id": "10d3"}'
PROVIDER = {"address": "0000:02:00.0", "resource_class": "CUSTOM_PCI_8086_10D3", "total": 1}


def finding(check="iommu", state="ok", **more):
    return Finding(check, state, "on", "on" if state == "ok" else "off", **more).to_dict()


def layer(*rows, notes=(), alias=None, service="nova-compute", providers=None):
    settings = [] if alias is None else [{"service": service, "option": "[pci]alias", "now": [alias]}]
    plan = {"notes": list(notes), "settings": settings, "providers": providers}
    return LayerAnswer({"plan": plan}, {"findings": list(rows)})


def compute(**more):
    return HostAnswer(("c",), {"survey": {}}, {"host": layer(finding()), "compute": layer(finding("alias"), **more)})


def report(hosts, cloud=None):
    return drift_report(hosts, cloud or CloudAnswer())


def rows(found, host):
    return [(row["layer"], row["check"], row["state"]) for row in found["hosts"][host]["findings"]]


def test_every_layer_of_every_host_is_in_it():
    controller = HostAnswer(("ctl",), {}, {"controller": layer(finding("filters", "failed"))})
    found = report({"c1": compute(), "ctl": controller})
    assert rows(found, "c1") == [("host", "iommu", "ok"), ("compute", "alias", "ok")]
    assert rows(found, "ctl") == [("controller", "filters", "failed")]
    assert (found["schema"], found["state"]) == (1, "failed")
    assert found["counts"] == {
        "hosts": {"ok": 1, "pending reboot": 0, "failed": 1},
        "findings": {"ok": 2, "pending reboot": 0, "failed": 1},
    }


@pytest.mark.parametrize(
    ("states", "worst"),
    [(("ok",), "ok"), (("ok", "pending reboot"), "pending reboot"), (("failed", "pending reboot", "ok"), "failed")],
)
def test_a_host_is_as_good_as_its_worst_finding(states, worst):
    answer = HostAnswer(("c",), {}, {"host": layer(*(finding(state, state) for state in states))})
    found = report({"c1": answer})
    assert (found["hosts"]["c1"]["state"], found["state"]) == (worst, worst)


def test_a_host_that_cannot_be_reached_is_one_finding_and_hides_nobody():
    silent = HostAnswer(
        ("c2",), {"unreachable": True, "msg": "Failed to\n connect"}, {"host": LayerAnswer({"skipped": True})}
    )
    found = report({"c1": compute(), "c2": silent})
    assert rows(found, "c2") == [("host", "answer", "failed")]
    assert found["hosts"]["c2"]["findings"][0]["found"] == "Failed to connect"
    assert found["hosts"]["c1"]["state"] == "ok"


def test_a_controller_that_cannot_be_reached():
    silent = HostAnswer(
        ("ctl",), {}, {"controller": LayerAnswer({"unreachable": True, "msg": "x"}, {}, {"msg": "no plan"})}
    )
    assert rows(report({"ctl": silent}), "ctl") == [("controller", "answer", "failed")]


def test_a_layer_that_could_not_be_read_says_why_and_the_other_is_there():
    broken = LayerAnswer({}, {}, {"msg": "pci_passthrough_devices[0]: matches no device", "findings": []})
    found = report({"c1": HostAnswer(("c1",), {}, {"host": broken, "compute": layer(finding())})})
    assert rows(found, "c1") == [("host", "layer host", "failed"), ("compute", "iommu", "ok")]
    assert found["hosts"]["c1"]["findings"][0]["found"] == "pci_passthrough_devices[0]: matches no device"


def test_findings_of_a_module_that_failed_by_itself_count_as_they_are():
    failed = LayerAnswer({}, {}, {"msg": "The host does not show ...", "findings": [finding(state="failed")]})
    assert rows(report({"c1": HostAnswer(("c1",), {}, {"host": failed})}), "c1") == [("host", "iommu", "failed")]


def test_an_all_in_one_host_says_everything_once():
    both = {"compute": layer(finding("a"), finding("b")), "controller": layer(finding("a"), finding("b"))}
    assert rows(report({"aio": HostAnswer(("aio",), {}, both)}), "aio") == [
        ("compute", "a", "ok"),
        ("compute", "b", "ok"),
    ]


def test_the_fleet_s_aliases_are_compared():
    other = NIC.replace("10d3", "10d4")
    found = report({"c1": compute(alias=NIC), "c2": compute(alias=NIC), "c3": compute(alias=other)})
    assert rows(found, "c3")[-1] == ("fleet", "alias nic of nova-compute", "failed")
    assert rows(found, "c1")[-1] == ("fleet", "aliases", "ok")


def test_placement_is_held_against_the_computes_that_report():
    cloud = CloudAnswer({"asked": True, "inventories": {"c": []}})
    found = report({"c1": compute(providers=[PROVIDER])}, cloud)
    assert rows(found, "c1")[-1] == ("placement", "Placement of 0000:02:00.0", "failed")
    assert found["not_checked"] == []


def test_without_credentials_it_says_what_was_not_checked():
    cloud = CloudAnswer({"asked": False}, has_flavors=True)
    found = report({"c1": compute(providers=[PROVIDER])}, cloud)
    assert [row["layer"] for row in found["not_checked"]] == ["flavor", "placement"]
    assert found["state"] == "ok"


def test_a_release_or_choice_without_pci_in_placement_is_told_what_was_compared_instead():
    (row,) = report({"c1": compute()})["not_checked"]
    assert "pci_devices" in row["why"]
    assert "device_spec" in row["why"]


def test_a_cloud_that_cannot_be_asked_is_a_failure_of_the_cloud():
    cloud = CloudAnswer({"msg": "Keystone refuses"}, {}, {"msg": "Keystone refuses"}, has_flavors=True)
    found = report({"c1": compute(providers=[PROVIDER])}, cloud)
    assert [(row["layer"], row["state"]) for row in found["cloud"]["findings"]] == [
        ("flavor", "failed"),
        ("placement", "failed"),
    ]
    assert found["hosts"]["c1"]["state"] == "ok"
    assert found["state"] == "failed"


def test_nobody_who_reports_nothing_is_told_of_placement():
    assert report({"c1": compute()}, CloudAnswer({"msg": "Placement is down"}))["cloud"]["findings"] == []


def test_flavors_are_findings_of_the_cloud():
    found = report({"c1": compute()}, CloudAnswer({}, {"actions": ["make flavor a"], "notes": ["n"]}))
    assert [(row["check"], row["found"]) for row in found["cloud"]["findings"]] == [
        ("flavors", "the role would make flavor a")
    ]
    assert found["cloud"]["notes"] == ["n"]
    assert list(findings_of(found)) == ["c1", CLOUD]
    good = report({"c1": compute()}, CloudAnswer({}, {"actions": []}))
    assert good["cloud"]["state"] == "ok"
    assert list(findings_of(report({"c1": compute()}))) == ["c1"]


def test_the_notes_of_all_plans_are_kept_once():
    found = report({"c1": compute(notes=["override"])})
    assert found["hosts"]["c1"]["notes"] == ["override"]


def test_without_any_host():
    assert report({})["state"] == "ok"
