# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of modules/pci_providers_info.py against a stand-in of the services."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("ansible.module_utils.testing")
pytest.importorskip("openstack")

from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.module_utils._cloud import providers
from ansible_collections.nova_pci.passthrough.plugins.modules import pci_providers_info

pytestmark = pytest.mark.filterwarnings("ignore")  # openstacksdk warns about itself


def run(capsys, **options):
    with patch_module_args({"cloud": "here", **options}), pytest.raises(SystemExit):
        pci_providers_info.main()
    return json.loads(capsys.readouterr().out)


def test_a_compute_that_has_reported(capsys, nova):
    nova.control(providers={"p1": {"name": "compute1"}, "p2": {"name": "compute1_0000:02:00.0"}})
    found = run(capsys, fail=True)
    assert (found["changed"], found["devices"], found["silent"]) == (False, {"compute1": ["0000:02:00.0"]}, [])
    assert nova.written == []


def test_a_compute_that_has_only_just_started(capsys, nova, monkeypatch):
    """The restart of nova-compute is over before its first report."""
    nova.control(providers={"p1": {"name": "compute1"}})
    waited = []

    def sleep(seconds):
        waited.append(seconds)
        nova.control(providers={"p1": {"name": "compute1"}, "p2": {"name": "compute1_0000:02:00.0"}})

    monkeypatch.setattr(providers.time, "sleep", sleep)
    assert run(capsys, fail=True, timeout=60)["devices"] == {"compute1": ["0000:02:00.0"]}
    assert len(waited) == 1


def test_nobody_is_waited_for_longer_than_asked(capsys, nova, monkeypatch):
    nova.control(providers={"p1": {"name": "compute1"}})
    monkeypatch.setattr(providers, "POLL_SECONDS", 0.1)
    assert run(capsys, timeout=1)["silent"] == ["compute1"]


def test_a_silent_compute(capsys, nova):
    nova.control(providers={"p1": {"name": "compute1"}})
    assert run(capsys)["silent"] == ["compute1"]
    failed = run(capsys, fail=True)
    assert failed["failed"]
    assert "comes too early: compute1 reported no PCI device" in failed["msg"]
    assert run(capsys, fail=True, without_devices=["compute1"])["silent"] == []


def test_what_each_provider_has(capsys, nova):
    inventory = {"CUSTOM_PCI_8086_10D3": {"total": 1, "reserved": 0}}
    nova.control(
        providers={
            "p1": {"name": "compute1", "inventories": {"VCPU": {"total": 8}}},
            "p2": {"name": "compute1_0000:02:00.0", "inventories": inventory},
        }
    )
    found = run(capsys, inventories=True)
    assert found["inventories"] == {
        "compute1": [{"address": "0000:02:00.0", "resource_class": "CUSTOM_PCI_8086_10D3", "total": 1}]
    }
    assert nova.written == []
    assert "inventories" not in run(capsys)


def test_without_credentials_an_optional_cloud_is_not_asked(capsys, nova, monkeypatch):
    monkeypatch.delenv("OS_CLIENT_CONFIG_FILE")
    found = run(capsys, cloud=None, optional=True)
    assert (found["asked"], found["changed"], "devices" in found) == (False, False, False)
    assert run(capsys, cloud=None)["failed"]


def test_a_cloud_that_is_named_is_asked_even_where_it_is_optional(capsys, nova):
    assert run(capsys, optional=True)["asked"] is True
    assert run(capsys, cloud="wrong_password", optional=True)["failed"]
