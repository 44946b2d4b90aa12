# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of modules/drain_record.py."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("ansible.module_utils.testing")

from ansible_collections.nova_pci.passthrough.plugins.modules import drain_record

PATH = "var/lib/nova-pci-passthrough/drained.json"
RECORD = {"host": "compute1", "service": {"found": "enabled", "reason": None, "up": True}, "servers": []}


def test_its_whole_life(run, tmp_path):
    assert run(drain_record, tmp_path, record=RECORD, _ansible_check_mode=True)["changed"]
    assert not any(tmp_path.iterdir())
    result = run(drain_record, tmp_path, record=RECORD)
    assert (result["changed"], result["path"]) == (True, f"/{PATH}")
    assert json.loads((tmp_path / PATH).read_text()) == RECORD
    assert not run(drain_record, tmp_path, record=RECORD)["changed"]
    assert run(drain_record, tmp_path, state="absent", _ansible_check_mode=True)["changed"]
    assert (tmp_path / PATH).exists()
    assert run(drain_record, tmp_path, state="absent")["changed"]
    assert not (tmp_path / PATH).parent.exists()
    assert not run(drain_record, tmp_path, state="absent")["changed"]


def test_what_is_no_record_is_not_kept(run, tmp_path):
    assert "is no record of a drained compute" in run(drain_record, tmp_path, record={"host": "a"})["msg"]
    assert "record" in run(drain_record, tmp_path)["msg"]
    assert not any(tmp_path.iterdir())
