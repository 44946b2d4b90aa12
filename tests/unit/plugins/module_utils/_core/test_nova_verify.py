# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_service import COMPUTE, SCHEDULER
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_verify import setting_table, verify_nova
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.verify import FAILED, OK
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_nova import MAIN, ZED, node

ROW = {
    "service": SCHEDULER,
    "option": "[filter_scheduler]enabled_filters",
    "wanted": ["A,B"],
    "now": [],
    "origins": [f"{MAIN}:2"],
    "state": "to change",
}
PLAN = {"settings": [ROW]}
GOOD = node({MAIN: "[filter_scheduler]\nenabled_filters = A,B\n"}, (SCHEDULER,), modified={MAIN: 50.0})


def states(nova, actions=()) -> list[tuple[str, str]]:
    return [(finding.check, finding.state) for finding in verify_nova(PLAN, nova, ZED, actions)]


def test_all_is_well() -> None:
    assert states(GOOD) == [
        ("[filter_scheduler]enabled_filters of nova-scheduler", OK),
        ("nova-scheduler runs with its configuration", OK),
    ]


def test_another_value_is_named_with_its_place() -> None:
    nova = node({MAIN: "[filter_scheduler]\nenabled_filters = A\n"}, (SCHEDULER,))
    finding = verify_nova(PLAN, nova, ZED)[0]
    assert (finding.state, finding.expected, finding.found) == (FAILED, "A,B", "A")
    assert finding.fix == f"look at {MAIN}:2, or run the role again"


def test_a_value_that_is_gone() -> None:
    finding = verify_nova(PLAN, node({MAIN: ""}, (SCHEDULER,)), ZED)[0]
    assert (finding.state, finding.found, finding.fix) == (FAILED, "unset", "run the role again")


def test_a_service_that_is_gone() -> None:
    finding = verify_nova(PLAN, node({MAIN: ""}, (COMPUTE,)), ZED)[0]
    assert (finding.state, finding.found) == (FAILED, "the service is gone")


def test_an_option_that_the_release_does_not_know() -> None:
    plan = {"settings": [{**ROW, "service": COMPUTE, "option": "[pci]report_in_placement", "wanted": ["true"]}]}
    nova = node({MAIN: "[pci]\nreport_in_placement = true\n"})
    assert verify_nova(plan, nova, ZED)[0].state == OK
    assert verify_nova(plan, nova, NovaVersion(25))[0].state == FAILED


def test_a_service_that_does_not_run() -> None:
    stopped = replace(GOOD, services=tuple(replace(service, active=False) for service in GOOD.services))
    finding = verify_nova(PLAN, stopped, ZED)[1]
    assert (finding.state, finding.fix) == (FAILED, "systemctl start nova-scheduler.service")


def test_a_service_older_than_the_file_its_setting_stands_in() -> None:
    finding = verify_nova(PLAN, replace(GOOD, modified={MAIN: 101.0, "/etc/nova/other.conf": 99.0}), ZED)[1]
    assert (finding.state, finding.found) == (FAILED, f"{MAIN} changed since it started")
    assert finding.fix == "systemctl restart nova-scheduler.service"
    assert states(replace(GOOD, modified={"/etc/nova/other.conf": 101.0}))[1][1] == OK


def test_what_a_dry_run_would_still_do_is_a_difference() -> None:
    assert states(GOOD, actions=["write /x"])[0] == ("files and services", FAILED)
    assert verify_nova(PLAN, GOOD, ZED, ["write /x"])[0].found == "write /x"


def test_the_table() -> None:
    rows = [ROW, {**ROW, "option": "[pci]alias", "wanted": ["{}", "{1}"], "origins": ["/a:1", "/b:2"]}]
    rows.append({**ROW, "option": "[pci]x", "wanted": [], "origins": []})
    assert setting_table(rows) == [
        "SERVICE         OPTION                             FROM                   VALUE",
        "nova-scheduler  [filter_scheduler]enabled_filters  /etc/nova/nova.conf:2  A,B",
        "nova-scheduler  [pci]alias                         /a:1                   {}",
        "nova-scheduler  [pci]alias                         /b:2                   {1}",
        "nova-scheduler  [pci]x                             -                      (unset)",
    ]
