# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of modules/nova_lint.py: options, result, documentation."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("ansible.module_utils.testing")

import yaml
from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.lint_finding import SEVERITIES
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_plan import PLACEMENT_CHOICES
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_service import SERVICES, NovaNode
from ansible_collections.nova_pci.passthrough.plugins.modules import nova_lint
from ansible_collections.nova_pci.passthrough.tests.unit.machine_builder import build
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_nova import node
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.nova_hosts import debian_compute

SECRET = "mysql+pymysql://nova:hunter2@db/nova"
CONF = f"""[DEFAULT]
transport_url = {SECRET}
[pci]
device_spec = {{"vendor": "8086"}}
alias = {{"name": "a1", "vendor_id": "8086", "product_id": "154d", "device_type": "type-PCI"}}
"""


def run(capsys, **options):
    """The module's whole way: arguments in, JSON out."""
    with patch_module_args(options), pytest.raises(SystemExit):
        nova_lint.main()
    return json.loads(capsys.readouterr().out)


@pytest.fixture
def root(tmp_path):
    return build("nic-two-ports-one-group", tmp_path)


@pytest.fixture
def host(monkeypatch):
    """What read_nova() finds; its own tests show that it finds it."""
    found = node({"/etc/nova/nova.conf": CONF}, version="29.4.0")
    monkeypatch.setattr(nova_lint, "read_nova", lambda _root: found)
    return found


@pytest.fixture
def other_file(tmp_path):
    (tmp_path / "etc/kolla").mkdir(parents=True)
    (tmp_path / "etc/kolla/nova.conf").write_text("[filter_scheduler]\nenabled_filters = ...\n", encoding="utf-8")
    return "/etc/kolla/nova.conf"


def checks(result):
    return [(finding["severity"], finding["check"]) for finding in result["findings"]]


@pytest.mark.parametrize("check", [False, True])
def test_a_host(capsys, root, host, check):
    result = run(capsys, root=root, _ansible_check_mode=check)
    assert checks(result)[:2] == [("error", "spec-matches-everything"), ("error", "spec-unknown-key")]
    assert result["findings"][0]["where"] == "/etc/nova/nova.conf:4"
    assert (result["changed"], result["release"]) == (False, "Nova 29.4.0 (2024.1 Caracal)")
    assert result["error_count"] == [severity for severity, _check in checks(result)].count("error")
    assert result["warning_count"] == [severity for severity, _check in checks(result)].count("warning")
    assert result["table"][0].startswith("ERROR   /etc/nova/nova.conf:4 [spec-matches-everything]")
    assert "failed" not in result
    assert SECRET not in json.dumps(result)


def test_it_fails_when_it_shall(capsys, root, host):
    result = run(capsys, root=root, fail=True)
    assert result["failed"]
    assert result["msg"].startswith("Nova would fail with this:\nERROR ")
    assert result["error_count"] > 0


def test_another_release(capsys, root, host):
    result = run(capsys, root=root, release="yoga")
    assert result["release"] == "Nova 25 (Yoga)"
    assert ("error", "option-too-new") in checks(result)


def test_the_declaration(capsys, root, host):
    devices = [{"alias": "a1", "vendor_id": "8086", "product_id": "154d", "device_type": "type-PF", "managed": False}]
    result = run(capsys, root=root, devices=devices, placement="schedule", release="zed")
    assert ("error", "declared-tag-too-new") in checks(result)
    assert ("error", "declared-placement-too-new") in checks(result)


def test_the_overrides_go_with_the_declaration(capsys, root, host):
    devices = [{"alias": "a1", "vendor_id": "8086", "product_id": "154d", "device_type": "type-PF"}]
    result = run(capsys, root=root, devices=devices, overrides=[{"address": "0000:3b:00.0", "reason": ""}])
    assert ("error", "declared-wrong") in checks(result)


def test_other_files(capsys, root, host, other_file):
    result = run(capsys, root=root, config_files=[other_file], service="nova-scheduler", release="2025.1")
    assert checks(result) == [("error", "filter-unknown"), ("info", "filter-missing")]
    assert result["findings"][0]["where"] == "/etc/kolla/nova.conf:2"


@pytest.mark.parametrize("path", ["/etc/none.conf", "etc/kolla/nova.conf", "/etc/kolla/../kolla/nova.conf"])
def test_a_file_that_is_none(capsys, root, host, path):
    result = run(capsys, root=root, config_files=[path])
    fix = "Name files of this host that exist, by their whole path"
    assert (result["failed"], result["msg"]) == (True, f"{path}: cannot be read. {fix}")


def test_a_host_without_nova(capsys, root, monkeypatch, other_file):
    monkeypatch.setattr(nova_lint, "read_nova", lambda _root: NovaNode())
    assert run(capsys, root=root)["msg"].startswith("Nova's version: cannot be told from what is installed. Say which")
    assert checks(run(capsys, root=root, release="2024.1")) == [("warning", "no-service")]
    assert run(capsys, root=root, release="2024.1", config_files=[other_file])["error_count"] == 0


@pytest.mark.parametrize("release", [29, 2024.1, "ussuri", True])
def test_what_is_no_release(capsys, root, host, release):
    result = run(capsys, root=root, release=release)
    assert result["failed"]
    assert result["msg"].startswith("release: ")


def test_every_key_is_documented(capsys, root, host):
    result = run(capsys, root=root)
    documented = yaml.safe_load(nova_lint.RETURN)
    assert set(documented) == set(result) - {"changed", "invocation"}
    assert set(documented["findings"]["contains"]) == set(result["findings"][0])
    for severity in SEVERITIES:
        assert f"V({severity})" in documented["findings"]["contains"]["severity"]["description"]


def test_the_choices_are_those_of_the_code():
    options = yaml.safe_load(nova_lint.DOCUMENTATION)["options"]
    assert options["service"]["choices"] == list(SERVICES)
    assert options["placement"]["choices"] == list(PLACEMENT_CHOICES)


def test_the_whole_way_on_a_built_host(capsys, tmp_path):
    debian_compute(tmp_path)
    (tmp_path / "etc/nova/nova.conf").write_text(CONF, encoding="utf-8")
    result = run(capsys, root=str(tmp_path))
    assert ("error", "spec-matches-everything") in checks(result)
    assert result["release"] == "Nova 26.2.2 (Zed)"
    assert SECRET not in json.dumps(result)
