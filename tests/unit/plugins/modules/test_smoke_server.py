# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of modules/smoke_server.py against a stand-in of the services."""

from __future__ import annotations

import json
from unittest.mock import Mock

import pytest

pytest.importorskip("ansible.module_utils.testing")
pytest.importorskip("openstack")

import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud import servers, smoke
from ansible_collections.nova_pci.passthrough.plugins.modules import smoke_server

pytestmark = pytest.mark.filterwarnings("ignore")  # openstacksdk warns about itself

NAME = "nova-pci-passthrough-smoke-a1-0badcafe"
PROBE = {"name": NAME, "alias": "a1", "count": 1, "host": "compute1"}


def run(capsys, **options):
    given = {"cloud": "here", "image_id": "i", "probe": PROBE, "hold": 5, "timeout": 30, **options}
    given = {name: value for name, value in given.items() if value is not None}
    with patch_module_args(given), pytest.raises(SystemExit):
        smoke_server.main()
    return json.loads(capsys.readouterr().out)


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    """Without waiting, and without the second process, which test_smoke.py looks at."""
    monkeypatch.setattr(smoke, "start_guard", lambda *_more: Mock())
    monkeypatch.setattr(servers, "POLL_SECONDS", 0.01)


def test_its_whole_life(capsys, nova):
    """Check mode, made, gone in check mode, gone, gone again."""
    assert run(capsys, _ansible_check_mode=True)["changed"]
    assert nova.written == []
    made = run(capsys)
    assert (made["changed"], made["server"]["name"], made["server"]["host"]) == (True, NAME, "compute1")
    assert made["progress"][-1].endswith("ACTIVE")
    assert set(made) - {"changed", "invocation"} < set(yaml.safe_load(smoke_server.RETURN))
    assert nova.servers == [NAME]
    assert run(capsys, state="absent", _ansible_check_mode=True)["changed"]
    assert nova.servers == [NAME]
    assert run(capsys, state="absent")["changed"]
    assert (nova.servers, nova.flavors) == ([], {})
    assert not run(capsys, state="absent")["changed"]


def test_a_failure_names_its_layer_and_leaves_nothing(capsys, nova):
    nova.control(broken={"POST compute /servers": [400, "PCI alias a1 is not defined"]})
    result = run(capsys)
    assert result["failed"]
    assert result["msg"] == (
        "The test server for a1 did not become active. [alias] nova-api does not know the alias a1. Run the role controller "
        "on every host of nova-api with this declaration; it writes [pci]alias and restarts nova-api. It said: PCI alias a1 "
        "is not defined"
    )
    assert result["story"]["layer"] == "alias"
    assert (nova.servers, nova.flavors) == ([], {})


def test_left_overs_of_every_run(capsys, nova):
    run(capsys)
    result = run(capsys, state="absent", probe=None)
    assert (result["changed"], result["cleared"]) == (True, [f"delete left-over server {NAME}"])
    assert nova.servers == []


def test_keystone_down(capsys, nova):
    result = run(capsys, cloud="elsewhere", state="absent")
    assert "Keystone cannot be reached" in result["msg"]


def test_what_is_needed_to_make_one(capsys, nova):
    assert "image_id" in run(capsys, image_id=None)["msg"]
