# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_placement import Want, place
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_options import (
    ALIAS,
    REPORT_IN_PLACEMENT,
    NovaOption,
    device_spec,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_service import (
    API,
    COMPUTE,
    CONDUCTOR,
    SCHEDULER,
)
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_nova import DEBIAN, MAIN, RDO, ZED, node

OWN = "/etc/nova/nova-compute.conf.d/nova-pci-passthrough.conf"
SHARED = "/etc/nova/nova.conf.d/nova-pci-passthrough.conf"
FILTERS = NovaOption("filter_scheduler", "enabled_filters")
SPEC = Want(device_spec(ZED), ("{}",), (COMPUTE,), only_compute=True)


def placed(nova, *wants: Want):
    return place(nova.services, nova.texts, wants)


def test_nothing_wanted_is_nothing_written() -> None:
    nova = node({MAIN: ""})
    result = placed(nova)
    assert (result.drop_ins, result.edits) == ({}, {})
    assert result.after == {COMPUTE: nova.services[0].config}


def test_one_file_serves_several_services() -> None:
    result = placed(node({MAIN: ""}, (COMPUTE, API)), Want(ALIAS, ("a", "b"), (COMPUTE, API)))
    assert list(result.drop_ins) == [SHARED]
    assert result.drop_ins[SHARED].endswith("[pci]\nalias = a\nalias = b\n")


def test_a_directory_of_the_command_line_takes_the_place_of_the_usual_ones() -> None:
    arguments = ("--config-dir=/srv/nova/conf",)
    result = placed(node({"/srv/nova/conf/x.conf": ""}, (COMPUTE,), arguments), SPEC)
    assert list(result.drop_ins) == ["/srv/nova/conf/nova-pci-passthrough.conf"]


def test_two_services_without_a_common_directory_get_a_file_each() -> None:
    """nova-api reads /etc/nova/nova.conf.d, this compute nothing but its own directory."""
    texts = {MAIN: "", "/srv/nova/conf/x.conf": ""}
    compute = node(texts, (COMPUTE,), ("--config-dir=/srv/nova/conf",)).services
    api = node(texts, (API,)).services
    nova = node(texts, (API,))
    result = place((*compute, *api), nova.texts, [Want(ALIAS, ("a",), (COMPUTE, API))])
    assert sorted(result.drop_ins) == [SHARED, "/srv/nova/conf/nova-pci-passthrough.conf"]
    assert all(ALIAS.read(config).values == ("a",) for config in result.after.values())


def test_options_of_one_group_stand_under_one_head() -> None:
    result = placed(node({MAIN: ""}), SPEC, Want(REPORT_IN_PLACEMENT, ("true",), (COMPUTE,), only_compute=True))
    text = result.drop_ins[OWN]
    assert text.count("[pci]") == 1
    assert text.splitlines()[0].startswith("# Written by the collection nova_pci.passthrough")


@pytest.mark.parametrize(
    ("arguments", "edited"),
    [(DEBIAN, True), (RDO, False), (("--config-file=/etc/nova/nova.conf", "--config-dir=/etc/nova/d"), False)],
)
def test_a_foreign_line_is_changed_only_where_it_wins(arguments, edited: bool) -> None:
    texts = {MAIN: "[filter_scheduler]\nenabled_filters = A\n", "/etc/nova/d/x.conf": ""}
    result = placed(node(texts, (SCHEDULER,), arguments), Want(FILTERS, ("A,B",), (SCHEDULER,)))
    assert (MAIN in result.edits) is edited
    assert FILTERS.read(result.after[SCHEDULER]).values == ("A,B",)


def test_the_winner_among_several_foreign_lines_is_changed() -> None:
    texts = {MAIN: "[filter_scheduler]\nenabled_filters = A\nx = 1\nenabled_filters = C\n"}
    result = placed(node(texts, (SCHEDULER,)), Want(FILTERS, ("B",), (SCHEDULER,)))
    assert [edit.line for edit in result.edits[MAIN]] == [4]


def test_a_value_for_two_services_that_read_different_winners() -> None:
    """An option of three services: nova.conf says otherwise, and the daemons of Debian believe it, nova-api does not."""
    option = NovaOption("filter_scheduler", "pci_in_placement")
    texts = {MAIN: "[filter_scheduler]\npci_in_placement = false\n"}
    result = placed(node(texts, (API, SCHEDULER, CONDUCTOR)), Want(option, ("true",), (API, SCHEDULER, CONDUCTOR)))
    assert {option.read(config).values for config in result.after.values()} == {("true",)}


def test_doubles_are_commented_out_once_whoever_reads_them() -> None:
    texts = {MAIN: "[pci]\nalias = x\nalias = mine\nalias = mine\n"}
    want = Want(ALIAS, ("mine",), (COMPUTE, API), stands_for=lambda value: value == "mine")
    result = placed(node(texts, (COMPUTE, API)), want)
    assert [edit.line for edit in result.edits[MAIN]] == [3, 4]
    assert sorted(ALIAS.read(result.after[COMPUTE]).values) == ["mine", "x"]


def test_a_double_that_may_not_be_touched_is_refused() -> None:
    with pytest.raises(
        MachineProblem, match=r"would get mine, mine .from .*nova-pci-passthrough.conf:4, .*nova.conf:2"
    ):
        placed(node({MAIN: "[pci]\nalias = mine\n"}), Want(ALIAS, ("mine",), (COMPUTE,)))


def test_what_only_nova_compute_may_read_is_not_put_where_another_reads_it() -> None:
    nova = node({"/etc/nova/all/x.conf": ""}, (COMPUTE, CONDUCTOR), ("--config-dir=/etc/nova/all",))
    with pytest.raises(MachineProblem, match="is read by nova-conductor as well as by nova-compute"):
        placed(nova, SPEC)
    assert placed(node({MAIN: ""}, (COMPUTE, CONDUCTOR)), SPEC).drop_ins
