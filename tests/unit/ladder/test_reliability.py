# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import sys

import pytest

from ansible_collections.nova_pci.passthrough.tests import tried
from ansible_collections.nova_pci.passthrough.tests.ladder import main, reliability
from ansible_collections.nova_pci.passthrough.tests.ladder.reliability import Row
from ansible_collections.nova_pci.passthrough.tests.ladder.report import Reporter
from ansible_collections.nova_pci.passthrough.tests.ladder.steps import Step
from ansible_collections.nova_pci.passthrough.tests.ladder.workshop import Command

PAGE = "# Title\n\n" + "\n".join(reliability.HEAD) + "\n"


def test_tests_and_ladder_name_the_same_file():
    assert tried.FILE == reliability.TRIED


def test_counts_of_the_same_words_add_up(tmp_path, monkeypatch):
    monkeypatch.setenv(tried.FILE, str(tmp_path / "lines"))
    tried.tried("power cuts", 2)
    tried.tried("faults", 1)
    tried.tried("power cuts", 3)
    rows = reliability.counted((tmp_path / "lines").read_text(encoding="utf-8"), "lab", "2026-11-24")
    assert rows == [Row("faults", 1, "lab", "2026-11-24"), Row("power cuts", 5, "lab", "2026-11-24")]


def test_without_a_ladder_nothing_is_kept(tmp_path, monkeypatch):
    monkeypatch.delenv(tried.FILE, raising=False)
    monkeypatch.chdir(tmp_path)
    tried.tried("power cuts", 2)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("name", "end", "rows"),
    [("lab", "", 1), ("lab", "; raise SystemExit(1)", 0), ("unit tests on Python 3.9", "", 0)],
)
def test_only_a_step_that_passed_counts_and_only_once(tmp_path, monkeypatch, name, end, rows):
    text = f"import os; open(os.environ['{tried.FILE}'], 'a').write('{{\"what\": \"faults\", \"count\": 7}}\\n'){end}"
    step = Step(name, "check", lambda shop: [Command([sys.executable, "-c", text])])
    monkeypatch.setattr(main, "_fresh_logs", lambda: tmp_path)
    monkeypatch.setattr(Reporter, "say", lambda self, text: None)
    main.run_steps([step])
    (tmp_path / "logs").mkdir()
    tmp_path.joinpath(reliability.FILE).rename(tmp_path / "logs" / reliability.FILE)
    assert [(row.what, row.count, row.step) for row in reliability.kept(tmp_path)] == [("faults", 7, "lab")] * rows


def test_the_newest_count_of_a_row_stands_and_a_row_of_another_day_stays():
    page = reliability.renewed(
        PAGE, [Row("faults", 7, "lab", "2026-11-23"), Row("power cuts", 1234, "lab", "2026-11-23")]
    )
    assert "| power cuts | 1,234 | lab | 2026-11-23 |" in page
    page = reliability.renewed(page, [Row("faults", 6, "lab", "2026-11-24"), Row("faults", 70, "long", "2026-11-24")])
    assert reliability.table(page) == [
        Row("faults", 6, "lab", "2026-11-24"),
        Row("faults", 70, "long", "2026-11-24"),
        Row("power cuts", 1234, "lab", "2026-11-23"),
    ]
    assert reliability.renewed(page, []) == page
    assert page.startswith("# Title\n\n| what | how often |")


def test_the_page_of_this_repository_can_be_renewed():
    page = reliability.PAGE.read_text(encoding="utf-8")
    assert reliability.renewed(page, []) == page
