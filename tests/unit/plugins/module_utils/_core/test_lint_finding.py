# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.lint_finding import (
    ERROR,
    INFO,
    WARNING,
    Finding,
    finding_table,
    in_order,
)

BAD = Finding(ERROR, "spec-refused", "/etc/nova/nova.conf:7", '{\n"a"', "Nova would not start", "Mend it")
DOUBT = Finding(WARNING, "alias-no-type", "/etc/nova/nova.conf:3", "{}", "Nova takes any", "Add device_type")
HINT = Finding(INFO, "spec-empty", "/etc/nova/nova.conf:1", "[]", "Nova takes none", "Remove the line")


def test_the_worst_comes_first_and_each_once() -> None:
    assert in_order([HINT, DOUBT, BAD, HINT, BAD]) == (BAD, DOUBT, HINT)


def test_the_table_is_two_lines_each() -> None:
    assert finding_table([BAD, DOUBT]) == [
        'ERROR   /etc/nova/nova.conf:7 [spec-refused] { "a"',
        "        Nova would not start. Mend it.",
        "WARNING /etc/nova/nova.conf:3 [alias-no-type] {}",
        "        Nova takes any. Add device_type.",
    ]
    assert finding_table([]) == ["no findings"]


def test_a_question_keeps_its_mark() -> None:
    asked = Finding(INFO, "x", "y", "z", "Nova ignores it", "Did you mean vendor_id?")
    assert finding_table([asked])[1].endswith("Nova ignores it. Did you mean vendor_id?")


def test_as_plain_data() -> None:
    assert BAD.to_dict() == {
        "severity": "error",
        "check": "spec-refused",
        "where": "/etc/nova/nova.conf:7",
        "value": '{\n"a"',
        "effect": "Nova would not start",
        "fix": "Mend it",
    }
