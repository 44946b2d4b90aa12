# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from pathlib import Path

import pytest

from ansible_collections.nova_pci.passthrough.tests.benchmark.page import PAGE
from ansible_collections.nova_pci.passthrough.tests.benchmark.scale import BOOKS
from ansible_collections.nova_pci.passthrough.tests.ladder import steps
from ansible_collections.nova_pci.passthrough.tests.ladder.environments import Environment
from ansible_collections.nova_pci.passthrough.tests.ladder.machine import MissingError
from ansible_collections.nova_pci.passthrough.tests.ladder.workshop import Workshop

BENCHMARKS = {step.name: step for step in steps.steps_of("benchmark")}


@pytest.fixture(name="shop")
def fixture_shop(tmp_path):
    shop = Workshop(tmp_path, str)
    shop.check_environment = Environment(Path("/venv"))
    return shop


def test_every_part_of_the_page_is_written_by_a_step():
    page = PAGE.read_text(encoding="utf-8")
    assert {f"scale: {book}" for book in BOOKS} == {name for name in BENCHMARKS if name.startswith("scale: ")}
    for name in BENCHMARKS:
        assert f"<!-- {name.replace('scale: ', 'scale of ')} -->" in page


@pytest.mark.parametrize("name", [name for name in BENCHMARKS if name != "peers"])
def test_a_benchmark_writes_its_part(name, shop):
    (command,) = BENCHMARKS[name].plan(shop)
    assert command.argv[0] == "/venv/bin/python"
    assert (steps.ROOT / command.argv[1]).exists()
    assert command.argv[-1] == "--write"


def test_the_benchmark_beside_peers_is_given_their_checkouts(shop, monkeypatch):
    monkeypatch.setenv(steps.PEERS, "one-deploy=/a  stackhpc.linux=/b")
    monkeypatch.setattr(steps, "require_debian_root", str)
    lab, command = BENCHMARKS["peers"].plan(shop)
    assert lab.may_be_impossible
    assert command.argv[2:] == ["--peer", "one-deploy=/a", "--peer", "stackhpc.linux=/b", "--write"]


def test_without_a_checkout_it_is_skipped(shop, monkeypatch):
    monkeypatch.delenv(steps.PEERS, raising=False)
    with pytest.raises(MissingError, match="names no checkout of a peer"):
        BENCHMARKS["peers"].plan(shop)
