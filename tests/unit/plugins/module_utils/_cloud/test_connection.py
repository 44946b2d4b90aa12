# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _cloud/connection.py against a stand-in of the services, with the real openstacksdk."""

from __future__ import annotations

import pytest

pytest.importorskip("openstack")

from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud import connection
from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud.connection import (
    SDK_MISSING,
    connect,
    connect_if_possible,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.cloud_call import (
    COMPUTE,
    IMAGE,
    NETWORK,
    PLACEMENT,
    Call,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem
from ansible_collections.nova_pci.passthrough.tests.unit.cloud_stand_in import clear_environment, running

pytestmark = pytest.mark.filterwarnings("ignore")  # openstacksdk warns about itself

FLAVORS = Call(COMPUTE, "GET", "/flavors/detail")


def test_openstacksdk_is_there():
    assert SDK_MISSING is None


@pytest.mark.parametrize(
    "call",
    [
        FLAVORS,
        Call(IMAGE, "GET", "/images"),
        Call(NETWORK, "GET", "/networks"),
        Call(PLACEMENT, "GET", "/resource_providers"),
    ],
    ids=str,
)
def test_every_service_answers(nova, call):
    assert connect("here").get(call).status == 200


def test_the_environment_names_the_cloud(nova, monkeypatch):
    monkeypatch.setenv("OS_CLOUD", "here")
    for name in (None, ""):
        assert connect(name).name is None
        assert connect(name).get(FLAVORS).body == {"flavors": []}


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("nowhere", "there is no such cloud in clouds.yaml (Cloud nowhere was not found.)"),
        ("no_auth", "there are no credentials: no auth_url is given"),
        (
            "wrong_password",
            "Keystone refuses the credentials (The request you have made requires authentication. (HTTP 401))",
        ),
        ("elsewhere", "Keystone cannot be reached (Could not find versioned identity endpoints"),
        (None, "there are no credentials: no auth_url is given"),
    ],
)
def test_without_a_token_there_is_one_clear_sentence(nova, name, problem):
    with pytest.raises(MachineProblem) as caught:
        connect(name)
    assert caught.value.problem.startswith(problem)
    assert "\n" not in str(caught.value)
    assert "HTTPConnection" not in str(caught.value)
    assert nova.written == []


def test_the_newest_microversion(nova):
    nova.control(microversion="2.100")
    cloud = connect("here")
    assert (cloud.newest(COMPUTE), cloud.newest(NETWORK)) == ((2, 100), ())


def test_no_credentials_are_no_error_where_nobody_has_named_a_cloud(nova, monkeypatch):
    assert connect_if_possible(None) is None
    assert connect_if_possible("") is None
    assert connect_if_possible("here").name == "here"
    for name in ("no_auth", "nowhere", "wrong_password", "elsewhere"):
        with pytest.raises(MachineProblem):
            connect_if_possible(name)
    monkeypatch.setenv("OS_CLOUD", "here")
    assert connect_if_possible(None).get(FLAVORS).status == 200
    monkeypatch.setenv("OS_CLOUD", "no_auth")
    with pytest.raises(MachineProblem):
        connect_if_possible(None)
    monkeypatch.setattr(connection, "SDK_MISSING", "Traceback")
    assert connect_if_possible(None) is None


def test_a_region_that_is_not_there(nova):
    with pytest.raises(MachineProblem) as caught:
        connect("no_region").get(FLAVORS)
    assert caught.value.problem.startswith("the catalog has no endpoint for the service, region and interface (")


def test_a_service_that_went_away(tmp_path, monkeypatch):
    clear_environment(monkeypatch, tmp_path)
    with running(tmp_path):
        cloud = connect("here")
        cloud.get(FLAVORS)
    with pytest.raises(MachineProblem) as caught:
        cloud.get(FLAVORS)
    assert caught.value.problem.startswith("the service cannot be reached (Unable to establish connection to http://")


def test_an_answer_that_is_fine_and_one_that_is_not(nova):
    nova.control(broken={"GET compute /flavors/detail": [404, "no such thing"]})
    cloud = connect("here")
    assert cloud.ask(FLAVORS).message == "no such thing"
    assert cloud.get(Call(COMPUTE, "GET", "/flavors/detail", fine=(404,))).status == 404
    with pytest.raises(MachineProblem) as caught:
        cloud.get(FLAVORS)
    assert str(caught.value) == (
        "cloud here, GET compute /flavors/detail: the service says no (404 no such thing). Mend what it names and run again"
    )


def test_a_page_that_is_no_json(nova):
    nova.control(page_of_a_proxy="<html>Bad gateway</html>")
    assert connect("here").ask(FLAVORS).message == "<html>Bad gateway</html>"


@pytest.mark.parametrize(
    "call",
    [
        FLAVORS,
        Call(COMPUTE, "DELETE", "/servers/none", fine=(404,)),
        Call(COMPUTE, "POST", "/servers/none/action", {"os-getConsoleOutput": {"length": 1}}, fine=(404,), reads=True),
    ],
    ids=str,
)
def test_a_lost_connection_is_made_again_for_what_may_be_asked_twice(nova, call):
    cloud = connect("here")
    nova.control(resets={rf"{call.method} /compute.*": 2})
    cloud.get(call)
    assert list(nova.control()["resets"].values()) == [0]


def test_what_makes_something_is_not_asked_twice(nova):
    cloud = connect("here")
    cloud.get(FLAVORS)
    nova.control(resets={"POST /compute.*": 1})
    with pytest.raises(MachineProblem, match="the service cannot be reached"):
        cloud.get(Call(COMPUTE, "POST", "/flavors", {"flavor": {"name": "twice"}}))
    assert nova.written == []


@pytest.mark.parametrize("lost", ["GET /identity.*", "POST /identity.*"])
def test_keystone_may_lose_a_connection_too(nova, lost):
    nova.control(resets={lost: 1})
    assert connect("here").get(FLAVORS).status == 200
    assert list(nova.control()["resets"].values()) == [0]
