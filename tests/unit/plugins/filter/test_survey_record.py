# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of filter/survey_record.py."""

from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.filter import survey_record
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.survey import survey
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_hosts import device, host


def test_the_filter_takes_a_fleet():
    fleet = {"a": survey(host(device("0000:02:00.0", iommu_group=2))), "b": {}}
    (found,) = [function(fleet) for function in survey_record.FilterModule().filters().values()]
    assert found == {"schema": 1, "hosts": fleet}
