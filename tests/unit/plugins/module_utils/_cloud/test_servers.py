# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _cloud/servers.py against a stand-in of the services."""

from __future__ import annotations

import pytest

pytest.importorskip("openstack")

from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud import servers
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.connection import connect
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import InputProblem, MachineProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_plan import own_id
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.server_story import ComputeService, PciProvider
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.smoke_plan import Probe
from ansible_collections.nova_pci.passthrough.tests.unit.cloud_stand_in import MARKER

pytestmark = pytest.mark.filterwarnings("ignore")  # openstacksdk warns about itself

NAME = "nova-pci-passthrough-smoke-a1-0badcafe"
WANTED = servers.Wanted(Probe(NAME, "a1", 1, None), "image", None, 64, 1, 2_000_000_000, 60)
PROVIDER = {
    "name": "compute1_0000:02:00.0",
    "inventories": {"CUSTOM_PCI_8086_10D3": {"total": 1, "reserved": 0}},
    "usages": {"CUSTOM_PCI_8086_10D3": 1},
}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(servers, "POLL_SECONDS", 0.01)


def test_computes(nova):
    assert servers.read_computes(connect("here")) == (ComputeService("compute1", "up", "enabled"),)


def test_images_and_networks_by_name_and_id(nova):
    cloud = connect("here")
    for name in ("tiny", f"{MARKER}00000000000a"):
        assert servers.find_image(cloud, name)["name"] == "tiny"
    for name in ("net", f"{MARKER}00000000000b"):
        assert servers.find_network(cloud, name)["name"] == "net"
    for name in ("a/b c", "..", ".", "../flavors"):
        with pytest.raises(InputProblem, match="is no image of the cloud"):
            servers.find_image(cloud, name)


def test_a_server_that_becomes_active(nova):
    nova.control(life=["BUILD", "BUILD", "ACTIVE"], providers={"p1": PROVIDER}, allocated=["p1"])
    cloud = connect("here")
    outcome = servers.make_server(cloud, WANTED)
    assert outcome.progress == ("0 s BUILD spawning", "0 s ACTIVE")
    assert outcome.clues is None
    assert servers.placement_addresses(cloud, outcome.server["id"]) == ("0000:02:00.0",)
    assert servers.summary(outcome.server, ["0000:02:00.0"]) == {
        "id": outcome.server["id"],
        "name": NAME,
        "status": "ACTIVE",
        "host": "compute1",
        "instance_name": None,
        "placement_addresses": ["0000:02:00.0"],
    }
    assert servers.read_console(cloud, outcome.server["id"]) == "TINY-PCI 0028 8086:10d3\n"
    assert servers.read_console(cloud, "none") is None
    assert nova.flavors[NAME]["os-flavor-access:is_public"] is False
    (row,) = nova.control()["servers"].values()
    assert (row["networks"], row["metadata"]["nova_pci_passthrough:managed"]) == ("none", "smoke")


def test_a_request_that_is_refused(nova):
    nova.control(broken={"POST compute /servers": [400, "PCI alias a1 is not defined"]}, candidates=0)
    clues = servers.make_server(connect("here"), WANTED).clues
    assert (clues.refused, clues.texts, clues.candidates) == (400, ("PCI alias a1 is not defined",), 0)
    assert (clues.computes, clues.providers) == ((ComputeService("compute1", "up", "enabled"),), ())


def test_what_is_known_of_a_server_that_failed(nova):
    event = {"event": "compute__do_build_and_run_instance", "result": "Error", "details": "group 14 is not viable"}
    nova.control(
        life=["BUILD", "ERROR"],
        fault={"message": "No valid host was found.", "details": "Traceback"},
        events=[{"result": "Success", "details": "fine"}, {**event, "traceback": "line\n last word"}],
        providers={"p1": PROVIDER, "p2": {**PROVIDER, "name": "compute1"}},
    )
    clues = servers.make_server(connect("here"), WANTED).clues
    assert clues.texts == ("No valid host was found.", "Traceback", "Error", "group 14 is not viable", " last word")
    assert (clues.status, clues.host, clues.refused) == ("ERROR", "compute1", None)
    assert clues.providers == (PciProvider("compute1_0000:02:00.0", 1, 1),)


def test_a_fault_names_no_password(nova):
    url = "mysql+pymysql://nova:S3cr3t@ctl/nova"
    event = {"result": "Error", "details": url, "traceback": f"line\nArgumentError: {url}"}
    nova.control(life=["ERROR"], fault={"message": url, "details": f"Traceback {url}"}, events=[event])
    texts = servers.make_server(connect("here"), WANTED).clues.texts
    assert "ArgumentError: mysql+pymysql://***@ctl/nova" in texts
    assert "S3cr3t" not in "".join(texts)


def test_what_may_not_be_asked_is_not_known(nova):
    nova.control(
        broken={
            "POST compute /servers": [409, "no"],
            "GET compute /os-services": [403, "no"],
            "GET placement .*": [403, "no"],
        }
    )
    clues = servers.make_server(connect("here"), WANTED).clues
    assert (clues.computes, clues.candidates, clues.providers) == (None, None, None)


def test_one_that_never_ends(nova):
    nova.control(life=["BUILD"])
    clues = servers.make_server(connect("here"), servers.replace(WANTED, timeout=0)).clues
    assert (clues.status, clues.task_state, clues.host) == ("BUILD", "spawning", None)


def test_deleting_waits_for_nova_and_placement(nova):
    cloud = connect("here")
    assert not servers.has_server(cloud, NAME)
    servers.make_server(cloud, WANTED)
    assert servers.has_server(cloud, NAME)
    nova.control(deleting=3)
    assert servers.delete_server(cloud, NAME, own_id(NAME), 60)
    assert (nova.servers, nova.flavors) == ([], {})
    assert not servers.delete_server(cloud, NAME, own_id(NAME), 60)


def test_one_that_does_not_go(nova):
    cloud = connect("here")
    servers.make_server(cloud, WANTED)
    nova.control(deleting=1000)
    with pytest.raises(MachineProblem, match="is not gone after 0 s"):
        servers.delete_server(cloud, NAME, own_id(NAME), 0)


def test_left_overs_of_a_dead_run(nova):
    cloud = connect("here")
    old = servers.replace(WANTED, until=100)
    servers.make_server(cloud, old)
    servers.make_server(cloud, servers.replace(old, probe=Probe(f"{NAME[:-1]}f", "a1", 1, None)))
    servers.make_server(cloud, servers.replace(WANTED, probe=Probe(f"{NAME[:-1]}d", "a1", 1, None)))
    nova.control(servers={key: row for key, row in nova.control()["servers"].items() if not row["name"].endswith("f")})
    said = (f"delete left-over server {NAME}", f"delete left-over flavor {NAME[:-1]}f")
    before = nova.written
    assert servers.clear_stale(cloud, 60, 101, dry_run=True) == said
    assert nova.written == before
    assert servers.clear_stale(cloud, 60, 101) == said
    assert nova.servers == list(nova.flavors) == [f"{NAME[:-1]}d"]
    assert servers.clear_stale(cloud, 60, 101) == ()
