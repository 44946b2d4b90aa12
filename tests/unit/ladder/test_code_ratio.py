# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.tests.ladder.code_ratio import code_lines

SOURCE = '''\
# a comment

"""The file's own
documentation."""

from __future__ import annotations

DOCUMENTATION = r"""
module: x
"""

TEXT = """two
lines"""


def f():
    """What it is for."""
    # why
    return (
        1
    )
'''


def test_only_code_counts():
    assert code_lines(SOURCE) == 7


@pytest.mark.parametrize("source", ["", "\n\n", "# only a comment\n", '"""Only words."""\n'])
def test_no_code(source):
    assert code_lines(source) == 0
