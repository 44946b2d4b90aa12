# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.truth import truth


@pytest.mark.parametrize("word", ["1", "t", "TRUE", " on ", "y", "Yes", True, 1])
def test_true(word):
    assert truth(word) is True


@pytest.mark.parametrize("word", ["0", "f", "False", "off", "n", " NO", False, 0])
def test_false(word):
    assert truth(word) is False


@pytest.mark.parametrize("word", ["", "maybe", "2", "yes!", None, [], 1.5])
def test_neither(word):
    assert truth(word) is None
