# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of modules/flavors.py: the whole way from options to a stand-in of Nova, through openstacksdk."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("ansible.module_utils.testing")
pytest.importorskip("openstack")

import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_plan import own_id
from ansible_collections.nova_pci.passthrough.plugins.modules import flavors

pytestmark = pytest.mark.filterwarnings("ignore")  # openstacksdk warns about itself


DEVICES = [{"alias": "a1", "vendor_id": "8086", "product_id": "10d3"}]
GPU = {"name": "gpu", "devices": {"a1": 1}}


def run(capsys, **options):
    with patch_module_args({"cloud": "here", "devices": DEVICES, **options}), pytest.raises(SystemExit) as ended:
        flavors.main()
    result = json.loads(capsys.readouterr().out)
    assert ended.value.code == (1 if result.get("failed") else 0)
    return result


def test_the_whole_matrix(capsys, nova):
    """Check mode, run, run again, change, run again, remove, run again."""
    planned = run(capsys, flavors=[GPU], _ansible_check_mode=True)
    assert (planned["changed"], planned["actions"], nova.written) == (True, ["create flavor gpu"], [])
    done = run(capsys, flavors=[GPU])
    assert (done["actions"], done["flavors"], done["diff"]) == (planned["actions"], planned["flavors"], planned["diff"])
    assert nova.flavors["gpu"]["extra_specs"]["pci_passthrough:alias"] == "a1:1"
    assert nova.flavors["gpu"]["id"] == own_id("gpu") == done["flavors"][0]["id"]
    before = nova.written
    for check in (True, False):
        again = run(capsys, flavors=[GPU], _ansible_check_mode=check)
        assert (again["changed"], again["actions"], again["diff"], nova.written) == (False, [], [], before)
    bigger = [{**GPU, "devices": {"a1": 2}, "ram": 1024}]
    changed = run(capsys, flavors=bigger)
    assert changed["actions"] == [
        "delete flavor gpu and create it again: ram 512 -> 1024; servers keep the one they have"
    ]
    assert (nova.flavors["gpu"]["ram"], nova.flavors["gpu"]["extra_specs"]["pci_passthrough:alias"]) == (1024, "a1:2")
    assert not run(capsys, flavors=bigger)["changed"]
    planned = run(capsys, state="absent", _ansible_check_mode=True)
    assert (planned["changed"], list(nova.flavors)) == (True, ["gpu"])
    assert run(capsys, state="absent")["actions"] == ["delete flavor gpu"]
    assert nova.flavors == {}
    assert not run(capsys, state="absent")["changed"]


def test_some_are_pruned_or_named(capsys, nova):
    run(capsys, flavors=[GPU, {**GPU, "name": "two"}])
    left = run(capsys, flavors=[GPU])
    assert (left["changed"], left["unlisted"]) == (False, ["two"])
    assert run(capsys, flavors=[GPU], prune=True)["actions"] == ["delete flavor two"]
    assert run(capsys, state="absent", names=["none"])["unlisted"] == ["gpu"]


def test_a_foreign_flavor(capsys, nova):
    row = {"id": "7", "name": "gpu", "vcpus": 1, "ram": 512, "disk": 1, "swap": 0, "extra_specs": {}}
    nova.control(flavors={"7": row})
    refused = run(capsys, flavors=[GPU, {**GPU, "name": "new"}])
    assert refused["failed"]
    assert "is the name of a flavor that this collection did not make" in refused["msg"]
    assert (nova.written, list(nova.flavors)) == ([], ["gpu"])
    assert run(capsys, flavors=[GPU], adopt=True)["actions"] == ["adopt flavor gpu"]
    run(capsys, state="absent")
    assert nova.flavors["gpu"] == row


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (
            {"flavors": [{"name": "gpu", "devices": {"a1": 0}}]},
            "pci_passthrough_flavors[0].devices.a1: 0 is no possible count",
        ),
        ({"flavors": [{"name": "gpu", "devices": {"a1": -2}}]}, "-2 is no possible count"),
        ({"flavors": [{"name": "gpu", "devices": {"a2": 1}}]}, "'a2' is no declared alias. Did you mean a1?"),
        (
            {"flavors": [{"name": "gpu", "devices": {"a1:2": 1}}]},
            "'a1:2' is no declared alias. Write each alias as a key",
        ),
        ({"flavors": ["gpu"]}, "pci_passthrough_flavors[0]: 'gpu' is no mapping"),
        (
            {"devices": [{"alias": "a:1", "vendor_id": "8086"}]},
            "pci_passthrough_devices[0].alias: 'a:1' cannot be an alias",
        ),
        ({"cloud": "nowhere", "flavors": [GPU]}, "cloud nowhere: there is no such cloud in clouds.yaml"),
        ({"cloud": None, "flavors": [GPU]}, "there are no credentials"),
        ({"cloud": "wrong_password", "flavors": [GPU]}, "Keystone refuses the credentials"),
        ({"cloud": "elsewhere", "flavors": [GPU]}, "Keystone cannot be reached"),
    ],
)
def test_bad_input_is_one_clear_error_before_anything_is_written(capsys, nova, options, said):
    result = run(capsys, **options)
    assert result["failed"]
    assert said in result["msg"]
    assert "Traceback" not in result["msg"]
    assert len(result["msg"].splitlines()) == 1
    assert nova.written == []


def test_without_admin_rights(capsys, nova):
    nova.control(admin=False)
    result = run(capsys, flavors=[GPU])
    assert (
        "these credentials may not do that (403 Policy doesn't allow it to be performed.). Use credentials with"
        in result["msg"]
    )
    assert (nova.written, nova.flavors) == ([], {})


def test_aliases_of_other_hosts(capsys, nova):
    assert run(capsys, flavors=[{"name": "gpu", "devices": {"b1": 1}}], aliases=["b1"], devices=[])["changed"]


def test_openstacksdk_missing_is_said_in_ansible_s_words(capsys, nova, monkeypatch):
    monkeypatch.setattr(flavors, "SDK_MISSING", "Traceback: no module named openstack")
    result = run(capsys, flavors=[])
    assert result["msg"].startswith("Failed to import the required Python library (openstacksdk) on ")


def test_what_is_returned_is_documented(capsys, nova):
    result = run(capsys, flavors=[GPU])
    assert set(yaml.safe_load(flavors.DOCUMENTATION)["options"]) | {"cloud"} == set(result["invocation"]["module_args"])
    assert set(yaml.safe_load(flavors.RETURN)) == set(result) - {"changed", "diff", "invocation"}
