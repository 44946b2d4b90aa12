# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of modules/diagnose_cloud_info.py, and with it of _cloud/diagnosis.py, against a stand-in of the services."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("ansible.module_utils.testing")
pytest.importorskip("openstack")

from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.modules import diagnose_cloud_info

pytestmark = pytest.mark.filterwarnings("ignore")  # openstacksdk warns about itself


def run(capsys, **options):
    with patch_module_args({"cloud": "here", **options}), pytest.raises(SystemExit):
        diagnose_cloud_info.main()
    return json.loads(capsys.readouterr().out)


def test_a_flavor_that_is_not_there(capsys, nova):
    facts = run(capsys, flavor="gpu")["facts"]
    assert (facts["asked"], facts["flavor"], facts["room"]) == ("gpu", None, None)
    assert nova.written == []


@pytest.mark.parametrize("given", [{}, {"flavor": "a", "server": "b"}, {"flavor": "", "server": ""}])
def test_one_of_the_two_is_needed(capsys, nova, given):
    assert "diagnose_flavor" in run(capsys, **given)["msg"]


@pytest.mark.parametrize("server", ["nobody", ".."])
def test_a_server_that_is_not_there(capsys, nova, server):
    assert "is the id of no server of this cloud" in run(capsys, server=server)["msg"]
