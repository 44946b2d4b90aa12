# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The three outcomes of reading never look alike."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import ABSENT, unreadable, value


@pytest.mark.parametrize(
    ("reading", "outcome"),
    [(value("x"), "value"), (value(""), "value"), (ABSENT, "absent"), (unreadable("Permission denied"), "unreadable")],
)
def test_exactly_one_of_the_three_holds(reading, outcome):
    found = {"value": reading.is_value, "absent": reading.is_absent, "unreadable": reading.is_unreadable}
    assert [name for name, holds in found.items() if holds] == [outcome]
