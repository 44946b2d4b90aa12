# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of modules/smoke_plan.py against a stand-in of the services."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("ansible.module_utils.testing")
pytest.importorskip("openstack")

import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.modules import smoke_plan
from ansible_collections.nova_pci.passthrough.tests.unit.cloud_stand_in import MARKER

pytestmark = pytest.mark.filterwarnings("ignore")  # openstacksdk warns about itself


DEVICES = [{"alias": "a1", "vendor_id": "8086", "product_id": "10d3"}, {"alias": "b1", "slot": "1"}]


def run(capsys, **options):
    given = {"cloud": "here", "devices": DEVICES, "image": "tiny", **options}
    with patch_module_args(given), pytest.raises(SystemExit) as ended:
        smoke_plan.main()
    result = json.loads(capsys.readouterr().out)
    assert ended.value.code == (1 if result.get("failed") else 0)
    return result


def test_a_plan(capsys, nova):
    result = run(capsys)
    assert [(probe["alias"], probe["count"], probe["host"]) for probe in result["probes"]] == [
        ("a1", 1, None),
        ("b1", 1, None),
    ]
    assert (result["changed"], result["image_id"], result["network_id"], result["host"]) == (
        False,
        f"{MARKER}00000000000a",
        None,
        None,
    )
    assert nova.written == []
    assert set(yaml.safe_load(smoke_plan.RETURN)) == set(result) - {"changed", "invocation"}


def test_two_runs_have_names_of_their_own(capsys, nova):
    assert run(capsys)["probes"][0]["name"] != run(capsys)["probes"][0]["name"]


def test_one_alias_on_this_compute_with_a_network_by_id(capsys, nova):
    result = run(
        capsys,
        aliases=["b1"],
        compute_names=["", "compute1.example.org"],
        network=f"{MARKER}00000000000b",
        image=f"{MARKER}00000000000a",
    )
    assert [(probe["alias"], probe["host"]) for probe in result["probes"]] == [("b1", "compute1")]
    assert result["network_id"] == f"{MARKER}00000000000b"


@pytest.mark.parametrize(
    ("options", "state", "said"),
    [
        ({"image": ""}, {}, "smoke_image: '' names no image"),
        ({"image": "huge"}, {}, "smoke_image: 'huge' is no image of the cloud. `openstack image list` has those"),
        ({"network": "lan"}, {}, "smoke_network: 'lan' is no network of the cloud"),
        ({"ram": 0}, {}, "smoke_ram: 0 is no amount of memory"),
        (
            {"ram": 32},
            {"images": [{"id": "1", "name": "tiny", "status": "active", "min_ram": 64}]},
            "Write smoke_ram: 64",
        ),
        (
            {},
            {"images": [{"id": "1", "name": "tiny"}, {"id": "2", "name": "tiny"}]},
            "is the name of 2 images. Write the id of one: 1, 2",
        ),
        ({"aliases": ["c1"]}, {}, "smoke_aliases[0]: 'c1' is no declared alias. Did you mean b1?"),
        ({"devices": []}, {}, "pci_passthrough_devices: [] declares no alias"),
        (
            {"devices": [{"alias": "a1", "vendor_id": "x"}]},
            {},
            "pci_passthrough_devices[0].vendor_id: 'x' is not hexadecimal",
        ),
        ({"console_pattern": "x"}, {}, "smoke_console_pattern: 'x' has no group named ids"),
        ({"compute_names": ["gpu7"]}, {}, "'gpu7' is no compute of Nova's, nor is any name of the host"),
        ({}, {"services": []}, "nova-compute: none is up and enabled (Nova lists none)"),
        ({}, {"admin": False}, "these credentials may not do that (403"),
        ({"cloud": "elsewhere"}, {}, "Keystone cannot be reached"),
        ({"cloud": "wrong_password"}, {}, "Keystone refuses the credentials"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_made(capsys, nova, options, state, said):
    nova.control(**state)
    result = run(capsys, **options)
    assert result["failed"]
    assert said in result["msg"]
    assert nova.written == []
