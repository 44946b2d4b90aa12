# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.tests.benchmark import fleet_filters

FAST = {"survey_text": 0.1, "survey_markdown": 0.25, "survey_declaration": 5.0, "fleet_page": 1.0}
SLOW = {"survey_text": 1.555, "survey_markdown": 5.01, "survey_declaration": 0.5, "fleet_page": 2.0}


def test_a_row_for_each_filter_and_a_column_for_each_fleet():
    lines = fleet_filters.table({"all hosts alike": FAST, "no two alike": SLOW}, 1000, 50)
    assert "1,000 hosts with 50 functions each" in lines[0]
    assert lines[1:] == [
        "",
        "| filter | all hosts alike | no two alike |",
        "|---|---:|---:|",
        "| `survey_text` | 0.10 | 1.55 |",
        "| `survey_markdown` | 0.25 | 5.01 |",
        "| `survey_declaration` | 5.00 | 0.50 |",
        "| `fleet_page` | 1.00 | 2.00 |",
    ]


@pytest.mark.parametrize(
    ("measured", "sentences"),
    [
        ({"all hosts alike": FAST}, []),
        (
            {"all hosts alike": FAST, "no two alike": SLOW},
            ["survey_markdown takes 5.01 times json.dumps (no two alike), and has 5."],
        ),
    ],
    ids=["at the limit", "above it"],
)
def test_a_filter_above_the_limit_is_named(measured, sentences):
    assert fleet_filters.too_slow(measured) == sentences


def test_what_is_too_slow_fails(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["fleet_filters.py", "--hosts", "2", "--functions", "3"])
    monkeypatch.setattr(fleet_filters, "ratios", lambda fleet: SLOW)
    assert fleet_filters.main() == 1
    assert "survey_markdown takes 5.01 times json.dumps (no two alike)" in capsys.readouterr().out


def test_no_two_hosts_of_the_second_fleet_are_alike():
    found = fleet_filters.fleets(3, 4)
    ids = {
        name: [[row["product_id"] for row in surveyed["devices"]] for surveyed in fleet.values()]
        for name, fleet in found.items()
    }
    assert ids["all hosts alike"] == [ids["all hosts alike"][0]] * 3
    assert len({tuple(row) for row in ids["no two alike"]}) == 3
    assert fleet_filters.ratios(found["no two alike"]).keys() == fleet_filters.FILTERS.keys()
