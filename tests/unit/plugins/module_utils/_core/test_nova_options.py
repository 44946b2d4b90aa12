# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_options import (
    available_filters,
    device_spec,
    enabled_filters,
    options_of,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_release import NovaVersion
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_service import (
    API,
    COMPUTE,
    CONDUCTOR,
    METADATA,
    SCHEDULER,
)
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_nova import MAIN, node


def labels(service: str, major: int) -> list[str]:
    return [option.label for option in options_of(service, NovaVersion(major))]


def test_the_name_of_the_device_list_by_release() -> None:
    assert device_spec(NovaVersion(25)).label == "[pci]passthrough_whitelist"
    assert device_spec(NovaVersion(26)).label == "[pci]device_spec"


def test_every_former_name_counts() -> None:
    text = "[DEFAULT]\npci_passthrough_whitelist = 1\n[pci]\npassthrough_whitelist = 2\ndevice_spec = 3\n"
    config = node({MAIN: text}).services[0].config
    assert sorted(device_spec(NovaVersion(34)).read(config).values) == ["1", "2", "3"]
    assert sorted(device_spec(NovaVersion(22)).read(config).values) == ["1", "2"]


def test_the_scheduler_s_former_names_end_with_wallaby() -> None:
    text = "[DEFAULT]\nscheduler_default_filters = A\nscheduler_available_filters = f\n"
    config = node({MAIN: text}, (SCHEDULER,)).services[0].config
    for read in (enabled_filters, available_filters):
        assert read(NovaVersion(23)).read(config).values
        assert not read(NovaVersion(24)).read(config).values


def test_which_service_reads_what() -> None:
    assert labels(COMPUTE, 25) == ["[pci]passthrough_whitelist", "[pci]alias"]
    assert labels(COMPUTE, 26) == ["[pci]device_spec", "[pci]alias", "[pci]report_in_placement"]
    assert labels(API, 26) == ["[pci]alias"]
    assert labels(API, 27) == ["[pci]alias", "[filter_scheduler]pci_in_placement"]
    assert labels(SCHEDULER, 27) == [
        "[filter_scheduler]enabled_filters",
        "[filter_scheduler]available_filters",
        "[filter_scheduler]pci_in_placement",
    ]
    assert (labels(CONDUCTOR, 26), labels(CONDUCTOR, 27)) == ([], ["[filter_scheduler]pci_in_placement"])
    assert labels(METADATA, 34) == []
