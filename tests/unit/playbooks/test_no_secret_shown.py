# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""No secret is ever shown: every playbook as it is shipped, run with -vvv and --diff on hosts and a cloud full of marked ones.

Searched are Ansible's output and its log, what the modules tell syslog, and every file that a run leaves: the journals,
the temporary folders, whatever it wrote on the hosts.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable

import pytest

pytest.importorskip("openstack")

from ansible_collections.nova_pci.passthrough.tests.tried import tried
from ansible_collections.nova_pci.passthrough.tests.unit.cloud_stand_in import running
from ansible_collections.nova_pci.passthrough.tests.unit.playbooks.marked_cloud import MARK, ROOT, MarkedCloud
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.nova_hosts import write

pytestmark = pytest.mark.slow

PLAYBOOKS = sorted(path.stem for path in (ROOT / "playbooks").glob("*.yml"))
PASSWORD, TOKEN = f"{MARK}-cloud", f"{MARK}-issued"
BROKEN_LINE = f"password {MARK}-without-an-equals-sign\n"


def service_breaks(cloud: MarkedCloud) -> None:
    """Nothing starts again, and what was said tells every secret."""
    for root in (cloud.compute, cloud.controller):
        (root.parent / "breaks").touch()


def unreadable_configuration(cloud: MarkedCloud) -> None:
    for root in (cloud.compute, cloud.controller):
        with (root / "etc/nova/nova.conf").open("a", encoding="utf-8") as file:
            file.write(BROKEN_LINE)


def lost_journals(cloud: MarkedCloud) -> None:
    for root in (cloud.compute, cloud.controller):
        for name in ("nova-pci-passthrough", "nova-pci-passthrough-nova"):
            shutil.rmtree(root / "var/lib" / name, ignore_errors=True)


def edited(cloud: MarkedCloud) -> None:
    """An administrator has put secrets where this collection wrote, between its lines and over them."""
    for root in (cloud.compute, cloud.controller):
        for file in root.glob("etc/nova/**/nova-pci-passthrough.conf"):
            file.write_text(
                f"{file.read_text(encoding='utf-8')}[cinder]\npassword = {MARK}-in-ours\n", encoding="utf-8"
            )
        conf = root / "etc/nova/nova.conf"
        lines = conf.read_text(encoding="utf-8").replace("[pci]\n", f"[pci]\nadmin_password = {MARK}-beside\n")
        conf.write_text(
            lines.replace("PciPassthroughFilter", f"PciPassthroughFilter\npassword = {MARK}-behind"), encoding="utf-8"
        )


def cloud_refuses(cloud: MarkedCloud) -> None:
    cloud.stand_in.control(password="another")


def cloud_fails(cloud: MarkedCloud) -> None:
    url = f"mysql+pymysql://nova:{MARK}-of-the-cloud@controller/nova"
    cloud.stand_in.control(
        life=["BUILD", "ERROR"],
        fault={"code": 500, "message": f"(2003) {url}", "details": f"Traceback\nsqlalchemy.exc.ArgumentError: {url}"},
        broken={"(POST|DELETE) compute /flavors.*": [500, f"cannot reach {url}"]},
    )


def server_fails(cloud: MarkedCloud) -> None:
    cloud_fails(cloud)
    cloud.stand_in.control(broken={})


def nothing(_cloud: MarkedCloud) -> None:
    pass


DEVICES = {"alias": "nic", "vendor_id": "8086", "product_id": "10d3", "address": "0000:02:00.0"}
INVALID = json.dumps(
    {"pci_passthrough_devices": [{**DEVICES, "device_type": "type-Q"}], "pci_passthrough_flavors": [{"name": 1}]}
)
CHANGED = json.dumps(
    {
        "pci_passthrough_devices": [{**DEVICES, "device_type": "type-PCI", "numa_policy": "required"}],
        "host_kernel_arguments": ["quiet=1"],
    }
)
CASES: dict[str, tuple[Callable[[MarkedCloud], None], tuple[str, ...]]] = {
    "as it should be": (nothing, ("-e", CHANGED)),
    "check mode": (nothing, ("--check", "-e", CHANGED)),
    "service breaks": (service_breaks, ("-e", CHANGED)),
    "unreadable configuration": (unreadable_configuration, ("-e", CHANGED)),
    "edited": (edited, ()),
    "lost journals": (lost_journals, ()),
    "invalid declaration": (nothing, ("-e", INVALID)),
    "cloud refuses": (cloud_refuses, ()),
    "cloud fails": (cloud_fails, ()),
    "cloud makes nothing": (
        cloud_fails,
        ("-e", json.dumps({"pci_passthrough_flavors": [{"name": "new", "devices": {"nic": 1}}]})),
    ),
    "server fails": (server_fails, ()),
}


@pytest.fixture(scope="module")
def stand_in(tmp_path_factory):
    with running(tmp_path_factory.mktemp("cloud")) as started:
        yield started


@pytest.fixture(scope="module")
def applied(tmp_path_factory, stand_in) -> MarkedCloud:
    """Hosts and a cloud that site.yml was run on."""
    credentials(stand_in)
    cloud = MarkedCloud(tmp_path_factory.mktemp("applied"), stand_in)
    cloud.build()
    known = set(cloud.marked())
    status, shown = cloud.play("site", ANSIBLE_PIPELINING="false")  # as Ansible comes, with files in a temporary folder
    assert status == 0, shown
    assert hidden(cloud, shown) == set()
    assert set(cloud.marked()) == known
    return cloud


@pytest.fixture(scope="module")
def made(applied) -> dict[str, object]:
    """The flavors of the cloud before any test takes them away."""
    return dict(applied.stand_in.control()["flavors"])


@pytest.fixture
def cloud(tmp_path, applied, made) -> MarkedCloud:
    credentials(applied.stand_in, made)
    base = tmp_path / "hosts"
    shutil.copytree(applied.base, base, symlinks=True)
    return MarkedCloud(base, applied.stand_in)


def credentials(stand_in, flavors: dict[str, object] | None = None) -> None:
    stand_in.control(reset=True)
    stand_in.control(password=PASSWORD, token=TOKEN, flavors=flavors or {})
    clouds = json.loads((stand_in.folder / "clouds.yaml").read_text(encoding="utf-8"))
    clouds["clouds"]["here"]["auth"]["password"] = PASSWORD
    (stand_in.folder / "clouds.yaml").write_text(json.dumps(clouds), encoding="utf-8")


def hidden(cloud: MarkedCloud, shown: str) -> set[str]:
    """Every line of all that could be seen that holds a secret."""
    texts = [shown, *(path.read_text(encoding="utf-8") for path in cloud.work.rglob("*") if path.is_file())]
    return {line for text in texts for line in text.splitlines() if MARK in line}


# A new playbook is in the first row by itself.
RUNS = [
    (book, case)
    for case, books in {
        "as it should be": PLAYBOOKS,
        "check mode": ("site", "remove", "smoke"),
        "service breaks": ("host", "nova", "remove"),
        "unreadable configuration": ("nova", "verify", "diagnose", "remove"),
        "edited": ("nova", "verify", "remove"),
        "lost journals": ("nova", "remove"),
        "invalid declaration": ("host", "nova", "flavors", "smoke", "verify"),
        "cloud refuses": ("flavors", "smoke", "verify", "diagnose", "remove"),
        "cloud fails": ("smoke", "remove"),
        "cloud makes nothing": ("flavors",),
        "server fails": ("smoke",),
    }.items()
    for book in books
]
FAILS = {
    *(
        run
        for run in RUNS
        if run[1]
        in (
            "service breaks",
            "unreadable configuration",
            "invalid declaration",
            "cloud refuses",
            "cloud fails",
            "cloud makes nothing",
            "server fails",
        )
    ),
    ("verify", "as it should be"),  # with a declaration that was not applied
    ("verify", "edited"),
} - {
    ("remove", "unreadable configuration"),  # which lines are ours is told without reading the others
    ("diagnose", "unreadable configuration"),  # that is its answer
}


WRITES = {"verify": {"verify.json", "verify.html"}, "survey": {"survey.json", "survey.html"}}

ASKS = {"diagnose": ("-e", "diagnose_flavor=pci.nic")}  # what a playbook wants to be told


@pytest.mark.parametrize(("book", "case"), RUNS, ids=[f"{book}, {case}" for book, case in RUNS])
def test_nothing_that_is_shown_or_left_holds_a_secret(book, case, cloud):
    prepare, words = CASES[case]
    prepare(cloud)
    known = set(cloud.marked())
    status, shown = cloud.play(book, *words, *ASKS.get(book, ()))
    assert "TASK [" in shown
    assert (status != 0) == ((book, case) in FAILS), shown
    assert hidden(cloud, shown) == set()
    assert {path.name for path in cloud.work.glob("pci-*/*")} >= WRITES.get(book, set()), (
        "what is written was not searched"
    )
    assert {path for path in cloud.marked() if path.parts[2:4] != ("var", "log")} <= known
    tried("playbook runs searched for secrets", 1)


def test_the_search_finds_what_is_shown(cloud, tmp_path):
    """It is no search that finds nothing because it looks nowhere: a task that shows a secret is found in all three places."""
    book = tmp_path / "leak.yml"
    task = {"name": "Show", "ansible.builtin.command": {"cmd": f"echo {MARK}-shown"}, "changed_when": False}
    book.write_text(json.dumps([{"hosts": "compute1", "gather_facts": False, "tasks": [task]}]), encoding="utf-8")
    status, shown = cloud.play(str(book))
    assert status == 0
    assert MARK in shown
    assert MARK in (cloud.work / "ansible.log").read_text(encoding="utf-8")
    assert MARK in (cloud.work / "syslog").read_text(encoding="utf-8")
    write(cloud.compute, "var/lib/left", MARK)
    assert any(path.name == "left" for path in cloud.marked())
