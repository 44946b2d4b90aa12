# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
import yaml

from ansible_collections.nova_pci.passthrough.tests.benchmark import peers
from ansible_collections.nova_pci.passthrough.tests.benchmark.peers import Measured
from ansible_collections.nova_pci.passthrough.tests.lab import zoo
from ansible_collections.nova_pci.passthrough.tests.lab.errors import LabError

OURS = Measured(peers.OURS, "1a2b3c4", "all of it", modules=2, ratio=1.25, groups=18, driver="vfio-pci")
PEER = Measured("one-deploy", "38f3937", "a part", modules=14, changed=("Update grub", "Bind"), ratio=9.96, groups=0)
BROKEN = Measured("bootloader", "d24b3d0", "a part", failure="Ensure packages: No package matching 'grubby'")


def test_a_row_for_each_and_below_it_what_has_to_be_said():
    assert peers.table([OURS, PEER, BROKEN])[2:] == [
        "| `nova_pci.passthrough` 1a2b3c4 | all of it | 2 | 0 | 1.2 | 18 groups, card on `vfio-pci` |",
        "| `one-deploy` 38f3937 | a part | 14 | 2 | 10.0 | 0 groups, card on no driver |",
        "",
        "- `bootloader` d24b3d0 (a part) did not get through its run: Ensure packages: No package matching 'grubby'",
        "- `one-deploy` reports a change in every no-change run: Update grub, Bind.",
    ]


def test_where_all_is_well_the_table_is_all():
    assert peers.table([OURS])[-1].startswith("| `nova_pci.passthrough` ")


def test_a_failure_fits_a_cell_of_a_table():
    assert peers.sentence("two\nlines | and a bar") == "two lines \\| and a bar"
    assert len(peers.sentence("word " * 200)) == 300
    assert peers.sentence("word " * 200).endswith("…")


def test_results_come_back_as_they_were_kept(tmp_path):
    file = tmp_path / "results.json"
    assert peers.kept(None) == peers.kept(file) == {}
    file.write_text(json.dumps({one.name: peers.asdict(one) for one in (OURS, PEER, BROKEN)}), encoding="utf-8")
    assert peers.kept(file) == {one.name: one for one in (OURS, PEER, BROKEN)}


def test_a_checkout_is_named_by_a_peer_and_a_folder(tmp_path):
    assert peers.checkouts([f"one-deploy={tmp_path}"]) == {peers.OURS: peers.ROOT, "one-deploy": tmp_path}


@pytest.mark.parametrize("word", ["one-deploy", "one-deploy=nowhere", "somebody=."])
def test_any_other_word_is_an_error(word, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(LabError, match=r"wants NAME=PATH, NAME one of stackhpc\.linux, "):
        peers.checkouts([word])


@pytest.mark.parametrize("name", peers.PEERS)
def test_a_peer_is_put_where_its_play_looks_for_it(name, tmp_path, monkeypatch):
    monkeypatch.setenv("ANSIBLE_COLLECTIONS_PATH", "/given")
    monkeypatch.setenv("ANSIBLE_FORKS", "50")
    (tmp_path / "checkout").mkdir()
    settings, argv = peers.prepared(name, tmp_path / "checkout", tmp_path)
    (play,) = yaml.safe_load(Path(argv[-1]).read_text(encoding="utf-8"))
    assert play["hosts"] == "nova_compute"
    assert (tmp_path / peers.PEERS[name].link).resolve() == tmp_path / "checkout"
    assert settings["ANSIBLE_COLLECTIONS_PATH"] == f"{tmp_path}{os.pathsep}/given"
    assert "ANSIBLE_FORKS" not in settings


def test_ours_is_the_playbook_as_it_is_shipped(tmp_path, monkeypatch):
    monkeypatch.delenv("ANSIBLE_COLLECTIONS_PATH", raising=False)
    settings, argv = peers.prepared(peers.OURS, peers.ROOT, tmp_path)
    assert argv[3] == "nova_pci.passthrough.host"
    assert json.loads(argv[5]) == peers.OUR_VARIABLES
    assert settings["ANSIBLE_COLLECTIONS_PATH"] == str(tmp_path)
    assert (tmp_path / "ansible_collections/nova_pci/passthrough/playbooks/host.yml").exists()


def test_the_card_is_the_only_one_of_its_kind_in_the_machine():
    found = {device.name: device for device in zoo.devices(peers.ZOO)}
    assert found[peers.CARD].address == peers.ADDRESS
    assert [device.name for device in found.values() if device.ids == peers.IDS] == [peers.CARD]
