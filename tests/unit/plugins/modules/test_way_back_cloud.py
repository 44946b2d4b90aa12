# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`state: absent` in every state that a cloud can be in, over the flavors and the test servers: test_way_back.py for the cloud.

Each removal is announced by check mode word for word, leaves exactly what is not ours, and a second one changes nothing.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest.mock import Mock

import pytest

pytest.importorskip("ansible.module_utils.testing")
pytest.importorskip("openstack")

from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud import servers, smoke
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_plan import own_id
from ansible_collections.nova_pci.passthrough.plugins.modules import flavors, smoke_server
from ansible_collections.nova_pci.passthrough.tests.tried import tried

pytestmark = pytest.mark.filterwarnings("ignore")  # openstacksdk warns about itself

DEVICES = [{"alias": "a1", "vendor_id": "8086", "product_id": "10d3"}]
GPU = {"name": "gpu", "devices": {"a1": 1}, "extra_specs": {"hw:cpu_policy": "dedicated"}}
NAME = "nova-pci-passthrough-smoke-a1-0badcafe"
PROBE = {"name": NAME, "alias": "a1", "count": 1, "host": "compute1"}
THEIRS = {
    "id": "7",
    "name": "gpu",
    "vcpus": 1,
    "ram": 512,
    "disk": 1,
    "swap": 0,
    "extra_specs": {"hw:cpu_policy": "shared"},
}
SERVER = {"id": "s", "name": "vm", "status": "ACTIVE", "looks": 0, "flavor": {"original_name": "gpu"}, "metadata": {}}


class Cloud:
    """The stand-in, and the modules that write to it."""

    def __init__(self, nova: Any, capsys: Any) -> None:
        self.nova = nova
        self._capsys = capsys

    def run(self, module: Any, check: bool = False, **options: Any) -> dict[str, Any]:
        given = {"cloud": "here", "_ansible_check_mode": check, **options}
        with patch_module_args(given), pytest.raises(SystemExit):
            module.main()
        result: dict[str, Any] = json.loads(self._capsys.readouterr().out)
        result.pop("invocation", None)
        return result

    def flavors(self, **options: Any) -> dict[str, Any]:
        return self.run(flavors, devices=DEVICES, flavors=[GPU], **options)

    def smoke(self) -> dict[str, Any]:
        return self.run(smoke_server, probe=PROBE, image_id="i", hold=5, timeout=30)

    def remove(self, role: str, check: bool = False) -> dict[str, Any]:
        if role == "flavor":
            return self.run(flavors, check, state="absent")
        return self.run(smoke_server, check, state="absent", timeout=5)

    def change(self, kind: str, name: str, /, **changes: Any) -> None:
        rows = self.nova.control()[kind]
        (row,) = [row for row in rows.values() if row["name"] == name]
        row.update(changes)
        self.nova.control(**{kind: rows})

    def specs(self, **specs: str | None) -> None:
        """An administrator sets extra specs of the flavor, or takes them away."""
        now = {**self.nova.flavors["gpu"]["extra_specs"], **specs}
        self.change("flavors", "gpu", extra_specs={key: value for key, value in now.items() if value is not None})

    def holds(self) -> dict[str, list[dict[str, Any]]]:
        state = self.nova.control()
        return {kind: sorted(state[kind].values(), key=str) for kind in ("flavors", "servers")}


def untouched(_cloud: Cloud) -> None:
    pass


# ---- flavors


def made(cloud: Cloud) -> None:
    assert cloud.flavors()["changed"]


def made_twice(cloud: Cloud) -> None:
    made(cloud)
    assert not cloud.flavors()["changed"]


def made_and_removed(cloud: Cloud) -> None:
    made(cloud)
    cloud.remove("flavor")


def half_made(cloud: Cloud) -> None:
    """The flavor is there, and the request for its extra specs never came."""
    cloud.nova.control(broken={"POST compute /flavors/.*": [503, "down"]})
    assert cloud.flavors()["failed"]
    cloud.nova.control(broken={})
    assert cloud.nova.flavors["gpu"]["extra_specs"] == {}


def changed_by_an_administrator(cloud: Cloud) -> None:
    made(cloud)
    cloud.specs(**{"quota:cpu_shares": "7", "pci_passthrough:alias": "b1:2"})
    cloud.change("flavors", "gpu", description="mine")


def marks_taken_away(cloud: Cloud) -> None:
    made(cloud)
    cloud.change("flavors", "gpu", extra_specs={"quota:cpu_shares": "7"})


def deleted_by_an_administrator(cloud: Cloud) -> None:
    made(cloud)
    cloud.nova.control(flavors={})


def in_use(cloud: Cloud) -> None:
    made(cloud)
    cloud.nova.control(servers={"s": SERVER})


def somebody_else_s(cloud: Cloud) -> None:
    cloud.nova.control(flavors={"7": THEIRS})
    assert cloud.flavors()["failed"]


def adopted(cloud: Cloud) -> None:
    cloud.nova.control(flavors={"7": THEIRS})
    assert cloud.flavors(adopt=True)["changed"]
    assert cloud.nova.flavors["gpu"]["extra_specs"]["hw:cpu_policy"] == "dedicated"


def adopted_and_changed(cloud: Cloud) -> None:
    adopted(cloud)
    cloud.specs(**{"quota:cpu_shares": "7"})


def half_adopted(cloud: Cloud) -> None:
    """Nova took the extra specs, and what was to go stayed."""
    cloud.nova.control(flavors={"7": {**THEIRS, "extra_specs": {"hw:cpu_policy": "shared"}}})
    cloud.flavors(adopt=True)
    cloud.nova.control(broken={"DELETE compute /flavors/.*": [503, "down"]})
    assert cloud.remove("flavor")["failed"]
    cloud.nova.control(broken={})


def half_removed(cloud: Cloud) -> None:
    made(cloud)
    cloud.nova.control(broken={"DELETE compute /flavors/.*": [503, "down"]})
    assert cloud.remove("flavor")["failed"]
    cloud.nova.control(broken={})


def a_test_server_runs(cloud: Cloud) -> None:
    made(cloud)
    cloud.smoke()


# ---- test servers


def interrupted(cloud: Cloud) -> None:
    """A run was killed while its server was there, and so was the second process that looks after it."""
    assert cloud.smoke()["changed"]


def interrupted_and_removed(cloud: Cloud) -> None:
    interrupted(cloud)
    cloud.remove("smoke")


def flavor_alone(cloud: Cloud) -> None:
    interrupted(cloud)
    cloud.nova.control(servers={})


def flavor_without_marks(cloud: Cloud) -> None:
    flavor_alone(cloud)
    cloud.change("flavors", NAME, extra_specs={})


def server_alone(cloud: Cloud) -> None:
    interrupted(cloud)
    cloud.nova.control(flavors={})


def in_error(cloud: Cloud) -> None:
    interrupted(cloud)
    cloud.nova.control(life=["ERROR"])
    cloud.change("servers", NAME, status="ERROR")


def of_two_runs(cloud: Cloud) -> None:
    interrupted(cloud)
    other = NAME.replace("0badcafe", "0badf00d")
    rows = cloud.nova.control()
    (server,), (flavor,) = rows["servers"].values(), rows["flavors"].values()
    cloud.nova.control(servers={**rows["servers"], "s2": {**server, "id": "s2", "name": other}})
    cloud.nova.control(flavors={**rows["flavors"], own_id(other): {**flavor, "id": own_id(other), "name": other}})


def of_the_same_name(cloud: Cloud) -> None:
    """Somebody else's server and flavor, called as ours are, without our marks."""
    cloud.nova.control(
        servers={"s": {**SERVER, "name": NAME}}, flavors={"7": {**THEIRS, "name": NAME, "extra_specs": {}}}
    )


def renamed_by_an_administrator(cloud: Cloud) -> None:
    interrupted(cloud)
    cloud.change("servers", NAME, name="keep-this")


def marks_of_the_server_taken_away(cloud: Cloud) -> None:
    interrupted(cloud)
    cloud.change("servers", NAME, metadata={})


def stuck(cloud: Cloud) -> None:
    """Nova could not let go of the server within the time of an earlier removal."""
    interrupted(cloud)
    cloud.nova.control(deleting=10**6)
    result = cloud.run(smoke_server, state="absent", timeout=0)
    assert "is not gone after 0 s" in result["msg"]
    cloud.nova.control(deleting=0)
    (row,) = cloud.nova.control()["servers"].values()
    row.pop("gone_after")
    cloud.nova.control(servers={row["id"]: row})


def ours_is_declared(cloud: Cloud) -> None:
    """A flavor of the role flavor is none of this role's business."""
    made(cloud)
    interrupted(cloud)


@dataclass(frozen=True)
class Case:
    """Shape: *stays* names the flavors and servers that are there afterwards, as they were; *back* is what becomes of one."""

    role: str
    state: Callable[[Cloud], None]
    does: tuple[str, ...] = ()
    stays: tuple[str, ...] = ()
    back: dict[str, str] | None = None


DELETED = ("delete flavor gpu",)
GIVEN_BACK = ("give flavor gpu back its former extra specs",)
LEFT_SERVER, LEFT_FLAVOR = f"delete left-over server {NAME}", f"delete left-over flavor {NAME}"
OTHER = LEFT_SERVER.replace("0badcafe", "0badf00d")
CASES = (
    *(Case("flavor", state) for state in (untouched, made_and_removed, deleted_by_an_administrator)),
    *(Case("flavor", state, DELETED) for state in (made, made_twice, half_made, half_removed)),
    # Servers keep the copy of a flavor that they were made with: what is in use may go.
    Case("flavor", in_use, DELETED, stays=("vm",)),
    # The flavor itself is ours, whoever wrote on it since.
    *(Case("flavor", state, DELETED) for state in (changed_by_an_administrator, marks_taken_away)),
    Case("flavor", somebody_else_s, stays=("gpu",)),
    Case("flavor", adopted, GIVEN_BACK, back={"hw:cpu_policy": "shared"}),
    Case("flavor", adopted_and_changed, GIVEN_BACK, back={"hw:cpu_policy": "shared", "quota:cpu_shares": "7"}),
    Case("flavor", half_adopted, GIVEN_BACK, back={"hw:cpu_policy": "shared"}),
    Case("flavor", a_test_server_runs, DELETED, stays=(NAME, NAME)),
    *(Case("smoke", state) for state in (untouched, interrupted_and_removed)),
    *(Case("smoke", state, (LEFT_SERVER,)) for state in (interrupted, server_alone, in_error, stuck)),
    *(Case("smoke", state, (LEFT_FLAVOR,)) for state in (flavor_alone, flavor_without_marks)),
    Case("smoke", of_two_runs, (LEFT_SERVER, OTHER)),
    Case("smoke", of_the_same_name, stays=(NAME, NAME)),
    Case("smoke", renamed_by_an_administrator, (LEFT_FLAVOR,), stays=("keep-this",)),
    Case("smoke", marks_of_the_server_taken_away, (LEFT_FLAVOR,), stays=(NAME,)),
    Case("smoke", ours_is_declared, (LEFT_SERVER,), stays=("gpu",)),
)
ROLES = frozenset(case.role for case in CASES)


@pytest.fixture
def cloud(nova, capsys, monkeypatch):
    """Without waiting, and without the second process, which test_smoke.py looks at."""
    monkeypatch.setattr(smoke, "start_guard", lambda *_more: Mock())
    monkeypatch.setattr(servers, "POLL_SECONDS", 0.01)
    return Cloud(nova, capsys)


def told(result: dict[str, Any]) -> dict[str, Any]:
    return {key: result.get(key) for key in ("changed", "actions", "cleared", "diff", "unlisted")}


@pytest.mark.parametrize("case", CASES, ids=[f"{case.role} {case.state.__name__}" for case in CASES])
def test_a_removal(case, cloud):
    case.state(cloud)
    before, written = cloud.holds(), cloud.nova.written
    promised = cloud.remove(case.role, check=True)
    assert (cloud.holds(), cloud.nova.written) == (before, written)

    done = cloud.remove(case.role)
    assert told(done) == told(promised)
    assert tuple(done["actions"] if case.role == "flavor" else done["cleared"]) == case.does
    assert done["changed"] is bool(case.does)
    rows = [row for kind in ("flavors", "servers") for row in cloud.holds()[kind]]
    if case.back is None:
        assert sorted(row["name"] for row in rows) == sorted(case.stays)
        assert all(row in [*before["flavors"], *before["servers"]] for row in rows)
    else:
        assert rows == [{**THEIRS, "extra_specs": case.back}]

    written = cloud.nova.written
    again = cloud.remove(case.role)
    assert (again["changed"], cloud.nova.written) == (False, written)
    tried("ways back", 1)


@pytest.mark.parametrize("role", sorted(ROLES))
@pytest.mark.parametrize("trouble", ["wrong_password", "elsewhere"])
def test_a_cloud_that_cannot_be_asked_is_said_and_nothing_is_lost(role, trouble, cloud):
    cloud.flavors()
    cloud.smoke()
    before = cloud.holds()
    module = {"flavor": flavors, "smoke": smoke_server}[role]
    assert cloud.run(module, state="absent", cloud=trouble)["failed"]
    assert cloud.holds() == before
