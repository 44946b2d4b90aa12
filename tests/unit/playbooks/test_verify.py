# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/verify.yml for real over a fleet: one host drifted in each of several layers, one that gives no answer, all told at once."""

from __future__ import annotations

import copy
import json
import re
import shutil
from pathlib import Path

import pytest

pytest.importorskip("openstack")

from ansible_collections.nova_pci.passthrough.tests.unit.cloud_stand_in import running
from ansible_collections.nova_pci.passthrough.tests.unit.playbooks.marked_cloud import INVENTORY, ROOT, MarkedCloud

pytestmark = pytest.mark.slow

COMPUTES = ("compute1", "edited", "settings", "forgetful", "declared")
SILENT = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9}


def inventory() -> dict[str, object]:
    """Five computes, one that gives no answer, and a controller. `declared` has a declaration of its own."""
    found = copy.deepcopy(INVENTORY)
    hosts = found["all"]["children"]["nova_compute"]["hosts"]
    hosts.update({name: {} for name in COMPUTES}, silent=SILENT)
    other = {**found["all"]["vars"]["pci_passthrough_devices"][0], "numa_policy": "required"}
    hosts["declared"]["pci_passthrough_devices"] = [other]
    return found


@pytest.fixture(scope="module")
def applied(tmp_path_factory):
    """The hosts and the cloud as site.yml leaves them, every compute alike."""
    with running(tmp_path_factory.mktemp("cloud")) as stand_in:
        cloud = MarkedCloud(tmp_path_factory.mktemp("fleet") / "hosts", stand_in)
        cloud.build()
        status, shown = cloud.play("site")
        assert status == 0, shown
        for name in COMPUTES[1:]:
            shutil.copytree(cloud.base / "compute1", cloud.base / name, symlinks=True)
        cloud.inventory = inventory()
        yield cloud


@pytest.fixture(scope="module")
def drifted(applied):
    """What a run over the drifted fleet said and wrote, and every file of every host before and after it."""
    (applied.base / "edited/root/etc/nova-pci-passthrough/devices.conf").write_text("# mine now\n", encoding="utf-8")
    conf = applied.base / "settings/root/etc/nova/nova-compute.conf"
    with conf.open("a", encoding="utf-8") as file:
        file.write('[pci]\nalias = {"name": "nic", "vendor_id": "1af4", "product_id": "1041"}\n')
    shutil.rmtree(applied.base / "forgetful/root/var/lib/nova-pci-passthrough")
    scheduler = applied.controller / "etc/nova/nova.conf"
    text = scheduler.read_text(encoding="utf-8")
    assert "PciPassthroughFilter" in text
    scheduler.write_text(text.replace(",PciPassthroughFilter", ""), encoding="utf-8")
    (flavor,) = applied.stand_in.control()["flavors"].values()
    flavor["extra_specs"]["pci_passthrough:alias"] = "nic:2"
    applied.stand_in.control(flavors={flavor["id"]: flavor})
    before, written = files(applied.base), applied.stand_in.written
    status, shown = applied.play("verify")
    report = json.loads((applied.work / "pci-verify/verify.json").read_text(encoding="utf-8"))
    page = (applied.work / "pci-verify/verify.html").read_text(encoding="utf-8")
    assert applied.stand_in.written == written
    return status, shown, report, page, before, files(applied.base)


def files(base: Path) -> dict[str, tuple[object, ...]]:
    """Content, mode and time of change of everything below *base*."""
    found: dict[str, tuple[object, ...]] = {}
    for path in sorted(base.rglob("*")):
        if path.is_file() and not path.is_symlink():
            status = path.stat()
            found[str(path.relative_to(base))] = (path.read_bytes(), status.st_mode, status.st_mtime_ns)
    return found


def bad(report: dict[str, object], host: str) -> list[tuple[str, str, str]]:
    rows = report["hosts"][host]["findings"]  # type: ignore[index]
    return [(row["layer"], row["check"], row["found"]) for row in rows if row["state"] == "failed"]


def test_drift_ends_with_exit_status_2_once_every_host_is_read(drifted):
    status, shown, report, _page, _before, _after = drifted
    assert status == 2, shown
    assert report["state"] == "failed"
    assert sorted(report["hosts"]) == sorted([*COMPUTES, "silent", "controller1"])
    assert report["counts"]["hosts"] == {"ok": 0, "pending reboot": 1, "failed": 6}


def test_nothing_is_written_on_any_host(drifted):
    before, after = drifted[4:]
    assert len(before) > 1000
    assert after == before


def test_no_host_is_changed_by_ansible_s_word(drifted):
    recap = drifted[1].rpartition("PLAY RECAP")[2]
    assert set(re.findall(r"changed=(\d+)", recap)) == {"0"}
    assert re.search(r"silent .*failed=1 .*ignored=1", recap), "it is asked once, and then left alone"


def test_each_drift_is_told_of_its_host_and_of_no_other(drifted):
    report = drifted[2]
    conf = "/etc/nova-pci-passthrough/devices.conf"
    assert bad(report, "compute1") == []
    assert ("host", f"file {conf}", "changed by someone else since") in bad(report, "edited")
    assert not [found for _layer, _check, found in bad(report, "edited") if found == f"write {conf}"], "told twice"
    assert [check for layer, check, _found in bad(report, "settings") if layer == "compute"] != []
    journal = "journal /var/lib/nova-pci-passthrough/journal.json"
    assert {check for _layer, check, _found in bad(report, "forgetful")} == {journal, "configuration"}
    assert ("fleet", "alias nic of nova-compute") in [row[:2] for row in bad(report, "settings")]
    assert [(layer, check) for layer, check, _found in bad(report, "silent")] == [("host", "answer")]
    assert any(layer == "controller" for layer, _check, _found in bad(report, "controller1"))
    (flavor,) = report["cloud"]["findings"]
    assert (flavor["layer"], flavor["state"]) == ("flavor", "failed")


def test_a_declaration_of_its_own_is_drift_of_that_host(drifted):
    assert {layer for layer, _check, _found in bad(drifted[2], "declared")} == {"compute"}


def test_what_could_not_be_checked_is_said(drifted):
    assert [row["layer"] for row in drifted[2]["not_checked"]] == ["placement"]


def test_the_summary_is_grouped_and_fits_a_terminal(drifted):
    shown = drifted[1]
    lines = re.findall(
        r'^        "(.*?)",?$', shown.partition("Show what differs")[2].partition("TASK [")[0], re.MULTILINE
    )
    assert lines[0] == "7 hosts: 1 waiting for a reboot, 6 with failed findings"
    assert "failed: flavors (flavor), the cloud" in lines
    assert max(map(len, lines)) <= 88
    assert any(line.startswith("failed: answer (host), 1 host: silent") for line in lines)


def test_the_report_is_as_its_schema_says(drifted):
    jsonschema = pytest.importorskip("jsonschema")
    schema = json.loads((ROOT / "docs/verify.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator(schema).validate(drifted[2])


def test_the_page_has_the_hosts(drifted):
    page = drifted[3]
    assert page.startswith("<!DOCTYPE html>")
    for text in ("edited", "silent", "controller1", "the cloud", "changed by someone else since"):
        assert text in page


def test_on_request_nothing_fails_and_a_dry_run_writes_no_file(applied, drifted):
    status, shown = applied.play("verify", "--check", "-e", "verify_fails_on=nothing")
    assert status == 0, shown
    assert not (applied.work / "pci-verify").exists()
    assert "7 hosts: 1 waiting for a reboot, 6 with failed findings" in shown


@pytest.mark.parametrize(("fails_on", "status"), [("failed", 0), ("pending", 2)])
def test_a_fleet_that_waits_for_its_reboot(applied, drifted, fails_on, status):
    found, shown = applied.play(
        "verify", "--limit", "compute1", "--tags", "host,compute", "-e", f"verify_fails_on={fails_on}"
    )
    assert found == status, shown
    report = json.loads((applied.work / "pci-verify/verify.json").read_text(encoding="utf-8"))
    assert list(report["hosts"]) == ["compute1"]
    assert report["state"] == "pending reboot"
    assert report["cloud"] == {"state": "ok", "findings": [], "notes": []}
