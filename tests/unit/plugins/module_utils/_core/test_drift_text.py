# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The report for the terminal: what is the same stands there once, within 100 columns, for a thousand hosts too."""

from __future__ import annotations

import time

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.drift import (
    CloudAnswer,
    HostAnswer,
    LayerAnswer,
    drift_report,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.drift_text import drift_text
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.terminal import WIDTH
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.verify import Finding


def failed(check="iommu", found="off", fix="mend it"):
    return Finding(check, "failed", "on", found, fix).to_dict()


def host(*rows, notes=()):
    return HostAnswer(("c",), {}, {"host": LayerAnswer({"plan": {"notes": list(notes)}}, {"findings": list(rows)})})


def shown(hosts, cloud=None):
    lines = drift_text(drift_report(hosts, cloud or CloudAnswer()))
    assert max(map(len, lines)) <= WIDTH
    return lines


def test_a_fleet_as_declared_is_one_line():
    ok = Finding("iommu", "ok", "on", "on").to_dict()
    assert shown({"c1": host(ok), "c2": host(ok)}) == ["2 hosts: 2 as declared"]


def test_what_many_hosts_have_stands_there_once():
    hosts = {f"c{number:04}": host(failed()) for number in range(999)}
    hosts["d"] = host(Finding("driver of x", "pending reboot", "a", "b", "reboot the host").to_dict())
    assert shown(hosts) == [
        "1,000 hosts: 1 waiting for a reboot, 999 with failed findings",
        "",
        "failed: iommu (host), 999 hosts: c0000, c0001, c0002, c0003, c0004, c0005 and 993 more",
        "    found: off",
        "    expected: on",
        "    fix: mend it",
        "",
        "pending reboot: driver of x (host), 1 host: d",
        "    found: b",
        "    expected: a",
        "    fix: reboot the host",
    ]


def test_a_check_that_finds_something_else_on_each_host_stays_short():
    hosts = {f"c{number:04}": host(failed(found=f"root=UUID={number}")) for number in range(1000)}
    lines = shown(hosts)
    assert len(lines) < 20
    assert lines[-1] == "  otherwise on 998 more hosts: see verify.json or verify.html"


def test_a_thousand_hosts_with_a_hundred_checks_each_are_quick_and_short():
    hosts = {f"c{number:04}": host(*(failed(f"check {one}") for one in range(100))) for number in range(1000)}
    begin = time.process_time()
    lines = shown(hosts)
    assert time.process_time() - begin < 20
    assert len(lines) < 250
    assert "and 60 checks more: see verify.json or verify.html" in lines


def test_the_cloud_notes_and_what_was_not_checked():
    cloud = CloudAnswer({"asked": False}, {"actions": ["make flavor a"]}, has_flavors=True)
    lines = shown({"c1": host(notes=["an override"]), "c2": host(notes=["an override"])}, cloud)
    assert "failed: flavors (flavor), the cloud" in lines
    assert lines[lines.index("Worth knowing") + 1] == "  - an override (2 hosts: c1, c2)"
    assert lines[lines.index("Not checked") + 1].startswith("  - the flavors of the cloud: no cloud is named")


def test_hostile_words_move_no_cursor_and_break_no_line():
    hosts = {"c\x1b[2J": host(failed("a\nb\rc", "x\x07\u2028" * 500, None), notes=["\x1b]0;title\x07"])}
    lines = shown(hosts)
    assert all(letter.isprintable() for line in lines for letter in line)
    assert len(lines) < 20


def test_nobody_answered():
    assert shown({}) == ["No host answered"]


def test_quotes_are_single_for_ansible_would_escape_the_double_ones():
    assert "    found: {'name': 'nic'}" in shown({"c1": host(failed(found='{"name": "nic"}'))})
