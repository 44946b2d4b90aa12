# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.tests.benchmark import page
from ansible_collections.nova_pci.passthrough.tests.benchmark.page import PAGE, measured_on, with_part

SMALL = "before\n<!-- one -->\nold\n<!-- end of one -->\n<!-- two -->\n<!-- end of two -->\nafter\n"


def test_only_the_part_is_replaced():
    written = with_part(SMALL, "one", ["| new |", "", "more"])
    assert written == SMALL.replace("old", "| new |\n\nmore")
    assert with_part(written, "one", ["old"]) == SMALL


def test_an_empty_part_is_filled():
    assert with_part(SMALL, "two", ["new"]) == SMALL.replace("<!-- two -->\n", "<!-- two -->\nnew\n")


@pytest.mark.parametrize("name", ["three", "on"])
def test_a_page_without_the_part_is_an_error(name):
    with pytest.raises(ValueError, match=f"the page has no part {name}: it begins with '<!-- {name} -->'"):
        with_part(SMALL, name, [])


@pytest.mark.parametrize(
    "name", ["scale of survey", "scale of host", "scale of verify", "fleet filters", "detection", "peers"]
)
def test_every_part_has_its_place(name):
    text = PAGE.read_text(encoding="utf-8")
    assert text.count(f"<!-- {name} -->") == text.count(f"<!-- end of {name} -->") == 1


def test_how_busy_the_machine_is_belongs_to_every_number(monkeypatch):
    monkeypatch.setattr(page.os, "getloadavg", lambda: (11.6, 8.0, 3.0))
    monkeypatch.setattr(page.os, "cpu_count", lambda: 2)
    monkeypatch.setattr(page.time, "strftime", lambda form: "2026-11-29")
    monkeypatch.setattr(page.platform, "python_version", lambda: "3.11.7")
    assert measured_on("5 forks.") == "2026-11-29, 2 processors with a load of 12, Python 3.11.7, 5 forks."
