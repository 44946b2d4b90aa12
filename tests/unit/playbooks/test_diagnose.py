# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""playbooks/diagnose.yml for real: a flavor, a server that failed, a layer broken on a controller, hosts and a nova-api that give no answer."""

from __future__ import annotations

import copy
import re
from pathlib import Path

import pytest

pytest.importorskip("openstack")

from ansible_collections.nova_pci.passthrough.tests.unit.cloud_stand_in import MARKER, running
from ansible_collections.nova_pci.passthrough.tests.unit.playbooks.marked_cloud import INVENTORY, MarkedCloud
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.nova_hosts import write

pytestmark = pytest.mark.slow

ALIAS = 'alias = {"name": "nic", "vendor_id": "8086", "product_id": "10d3", "device_type": "type-PCI"}\n'
SPEC = 'device_spec = {"address": "0000:02:00.0"}\n'
FILTERS = "[filter_scheduler]\nenabled_filters = ComputeFilter,PciPassthroughFilter\n"
SERVER = f"{MARKER}0000000000ff"
SPECS = {"pci_passthrough:alias": "nic:1"}
FLAVOR = {"id": "f", "name": "pci.nic", "vcpus": 1, "ram": 192, "disk": 1, "swap": "", "extra_specs": SPECS}
FAILED = {
    "id": SERVER,
    "name": "burnt",
    "status": "ERROR",
    "image": {"id": "i"},
    "flavor": {"original_name": "gone", "vcpus": 1, "ram": 192, "disk": 1, "extra_specs": SPECS},
    "fault": {"code": 500, "message": "No valid host was found. There are not enough hosts available."},
}
# "Num RefCount Protocol Flags Type St Inode Path", net/unix/af_unix.c
LIBVIRT = "Num\n0000: 00000002 00000000 00010000 0001 01 1 /run/libvirt/libvirt-sock\n"


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A compute that lacks nothing but its IOMMU, the last layer but two, and a controller."""
    with running(tmp_path_factory.mktemp("cloud")) as stand_in:
        cloud = MarkedCloud(tmp_path_factory.mktemp("fleet") / "hosts", stand_in)
        cloud.build()
        write(cloud.compute, "etc/nova/nova.conf", f"[pci]\n{ALIAS}{SPEC}")
        write(cloud.compute, "etc/nova/nova-compute.conf", "[libvirt]\nvirt_type = qemu\n")
        write(cloud.controller, "etc/nova/nova.conf", f"[pci]\n{ALIAS}{FILTERS}")
        write(cloud.compute, "proc/net/unix", LIBVIRT)
        yield cloud


@pytest.fixture
def cloud(whole):
    """As it is built; what a test writes on the controller is taken back."""
    conf = whole.controller / "etc/nova/nova.conf"
    text = conf.read_text(encoding="utf-8")
    whole.stand_in.control(reset=True)
    row = {"name": "compute1", "inventories": {}, "usages": {}}
    whole.stand_in.control(providers={"u-1": row}, offered=["u-1"], flavors={"f": FLAVOR})
    whole.inventory = copy.deepcopy(INVENTORY)
    yield whole
    conf.write_text(text, encoding="utf-8")


def files(base: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in base.rglob("*") if path.is_file() and not path.is_symlink()}


def told(shown: str) -> list[str]:
    """The lines of the report, as a person sees them."""
    text = shown.partition("Say which layer fails first]")[2].partition("PLAY RECAP")[0]
    return re.findall(r'^        "(.*?)",?$', text, re.MULTILINE)


def answer(shown: str) -> str:
    """From what fails first on to the end: the report wraps it."""
    lines = told(shown)
    (start,) = [number for number, line in enumerate(lines) if line.startswith(("First thing", "Nothing "))]
    return " ".join(line.strip() for line in lines[start:])


def state(shown: str, title: str) -> str:
    (line,) = [line for line in told(shown) if line.startswith(f"  {title} ")]
    return line[len(title) + 2 :].split()[0]


def test_a_flavor_is_walked_down_to_the_layer_that_fails_and_nothing_is_written(cloud):
    before = files(cloud.base)
    status, shown = cloud.play("diagnose", "-e", "diagnose_flavor=pci.nic")
    assert status == 0, shown
    assert told(shown)[0] == "pci.nic asks for nic:1"
    assert answer(shown).startswith("First thing that fails: IOMMU is on on compute1: it is off: ")
    assert "Mend it: Run the role host there with pci_passthrough_reboot: true" in answer(shown)
    for title in ("alias on nova-api", "scheduler's filters", "libvirt listens", "device_spec matches", "hypervisor"):
        assert state(shown, title) == "ok"
    assert max(map(len, told(shown))) <= 88
    assert files(cloud.base) == before
    assert cloud.stand_in.written == []
    assert set(re.findall(r"changed=(\d+)", shown.rpartition("PLAY RECAP")[2])) == {"0"}


def test_a_server_is_asked_for_its_flavor_and_for_what_nova_said(cloud):
    """Its own guest, which libvirt still knows here, does not stand in its way."""
    cloud.stand_in.control(servers={SERVER: FAILED})
    status, shown = cloud.play("diagnose", "-e", f"diagnose_server={SERVER}")
    assert status == 0, shown
    assert told(shown)[:2] == [
        "server burnt asks for nic:1",
        "  Nova said: No valid host was found. There are not enough hosts available.",
    ]
    assert any(re.fullmatch("  flavor asks for devices +ok +gone asks for nic:1", line) for line in told(shown))
    assert answer(shown).startswith("First thing that fails: IOMMU is on on compute1")


def test_a_server_that_came_up(cloud):
    cloud.stand_in.control(servers={SERVER: {**FAILED, "status": "ACTIVE", "OS-EXT-SRV-ATTR:host": "compute1"}})
    status, shown = cloud.play("diagnose", "-e", f"diagnose_server={SERVER}")
    assert status == 0, shown
    assert answer(shown) == "Nothing fails: it is ACTIVE on compute1: nothing stood in its way"


def test_a_device_that_another_server_holds(cloud):
    cloud.stand_in.control(servers={SERVER: FAILED})
    _status, shown = cloud.play("diagnose", "-e", "diagnose_flavor=pci.nic")
    assert answer(shown).startswith("First thing that fails: enough are free on compute1: 0 of 1 are free, ")
    assert f"0000:02:00.0 is held by the server {SERVER}" in answer(shown)


def test_what_is_broken_on_a_controller_comes_before_what_is_broken_on_a_compute(cloud):
    write(cloud.controller, "etc/nova/nova.conf", f"[pci]\n{ALIAS}{FILTERS.replace(',PciPassthroughFilter', '')}")
    _status, shown = cloud.play("diagnose", "-e", "diagnose_flavor=pci.nic")
    assert answer(shown).startswith("First thing that fails: scheduler's filters on controller1: PciPassthroughFilter")
    assert state(shown, "IOMMU is on") == "failed"


def test_a_compute_that_gives_no_answer_is_not_blamed_and_ends_nothing(cloud):
    """It is the first of the play, on which the tasks run that run once."""
    silent = {"ansible_connection": "ssh", "ansible_host": "127.0.0.1", "ansible_port": 9}
    hosts = cloud.inventory["all"]["children"]["nova_compute"]["hosts"]
    cloud.inventory["all"]["children"]["nova_compute"]["hosts"] = {"a-silent": silent, **hosts}
    services = [{**cloud.stand_in.control()["services"][0], "host": name} for name in ("compute1", "a-silent")]
    providers = {f"u-{name}": {"name": name, "inventories": {}, "usages": {}} for name in ("compute1", "a-silent")}
    cloud.stand_in.control(services=services, providers=providers, offered=list(providers))
    status, shown = cloud.play("diagnose", "-e", "diagnose_flavor=pci.nic")
    assert status == 0, shown
    assert answer(shown).startswith("First thing that fails: IOMMU is on on compute1")
    assert "  a-silent: not all is known of it" in told(shown)


def test_a_nova_api_that_gives_no_answer_is_the_answer(cloud):
    cloud.stand_in.control(page_of_a_proxy="<html>Bad Gateway</html>")
    status, shown = cloud.play("diagnose", "-e", "diagnose_flavor=pci.nic")
    assert status == 0, shown
    assert answer(shown).startswith("First thing that fails: controllers' services: nova-api gives no answer: ")


def test_one_of_both_is_to_be_given(cloud):
    status, shown = cloud.play("diagnose")
    assert status == 2
    assert "Write diagnose_flavor=NAME, or diagnose_server=ID of a server that did not come up" in shown
