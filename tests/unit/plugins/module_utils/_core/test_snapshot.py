# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _core/snapshot.py: an empty record says of everything that it is not there."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import ABSENT, Reading
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.snapshot import (
    BlockSnapshot,
    DeviceSnapshot,
    MachineSnapshot,
)


def test_an_empty_machine_has_nothing():
    empty = MachineSnapshot()
    for field in fields(empty):
        found = getattr(empty, field.name)
        assert found in ((), "", ABSENT), field.name


def test_an_empty_device_has_no_identity():
    device = DeviceSnapshot("0000:00:00.0", None, {}, {})
    assert isinstance(device.vpd, Reading)
    assert (device.vpd.is_absent, device.serial_capability.is_absent) == (True, True)


@pytest.mark.parametrize("record", [MachineSnapshot(), BlockSnapshot("sda", "", None)])
def test_records_are_frozen(record):
    with pytest.raises(FrozenInstanceError):
        record.devices = ()
