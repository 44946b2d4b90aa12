"""The machine as delivered, as two surveys saw it: one by root, one by a user who may look and no more."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

FILES = ("declaration.yml", "survey.html", "survey.json", "survey.md")


def _surveyed(name):
    return Path(os.environ["MOLECULE_EPHEMERAL_DIRECTORY"]) / f"survey-{name}"


def _machine(name):
    return json.loads((_surveyed(name) / "survey.json").read_text(encoding="utf-8"))["hosts"]["lab"]


@pytest.fixture(scope="module")
def by_root():
    return _machine("root")


@pytest.fixture(scope="module")
def by_onlooker():
    return _machine("onlooker")


@pytest.mark.parametrize("name", ["onlooker", "root"])
def test_every_file_is_written(name):
    assert sorted(path.name for path in _surveyed(name).iterdir()) == list(FILES)
    assert all((_surveyed(name) / file).stat().st_size > 0 for file in FILES)


@pytest.mark.parametrize("name", ["onlooker", "root"])
def test_the_iommu_is_off_and_why(name):
    machine = _machine(name)
    assert machine["iommu"]["enabled"] is False
    assert "intel_iommu=off" in machine["iommu"]["reason"]
    assert machine["first"]


def test_root_reads_everything(by_root):
    assert by_root["needs_root"] == []
    assert {device["address"]: device["needs_root"] for device in by_root["devices"] if device["needs_root"]} == {}


def test_what_only_root_can_read_is_marked(by_onlooker, address):
    marked = {device["address"]: device["needs_root"] for device in by_onlooker["devices"]}
    assert marked[address["sriov_nic"]] == [
        "config"
    ]  # its serial number stands there, beyond the part that everyone may read
    said = "Only root can read config of the functions of lab"
    assert said in (_surveyed("onlooker") / "survey.md").read_text(encoding="utf-8")
    assert said not in (_surveyed("root") / "survey.md").read_text(encoding="utf-8")


def test_both_see_the_same_machine(by_root, by_onlooker):
    kept = (
        "address",
        "vendor_id",
        "product_id",
        "kind",
        "device_type",
        "iommu_group",
        "numa_node",
        "driver",
        "sriov_totalvfs",
    )

    def seen(machine):
        return [{key: device[key] for key in kept} for device in machine["devices"]]

    assert seen(by_onlooker) == seen(by_root)
    assert by_onlooker["iommu"]["reason"] == by_root["iommu"]["reason"]


@pytest.mark.parametrize(
    ("name", "verdict"),
    [("root_disk", "no"), ("ssh_nic", "no"), ("nvme_data", "after"), ("spare_nic", "after"), ("sriov_nic", "after")],
)
def test_both_judge_what_the_host_needs_alike(by_root, by_onlooker, address, name, verdict):
    for machine in (by_root, by_onlooker):
        found = {device["address"]: device["verdict"] for device in machine["devices"]}
        assert found[address[name]] == verdict
