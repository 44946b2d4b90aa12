# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.steps import Step, steps_of


def test_each_status():
    output = "ok 0000:02:00.0 is bound\nchanged 0000:03:00.0 bound to vfio-pci\nfailed - no\nskipped 0000:04:00.0\n"
    assert steps_of(output) == (
        Step("ok", "0000:02:00.0", "is bound"),
        Step("changed", "0000:03:00.0", "bound to vfio-pci"),
        Step("failed", "-", "no"),
        Step("skipped", "0000:04:00.0", ""),
    )


@pytest.mark.parametrize("line", ["", "ok", "okay 0000:02:00.0 x", "sh: 1: modprobe: not found", "OK 0000:02:00.0 x"])
def test_other_lines_are_no_steps(line):
    assert steps_of(line) == ()


def test_plain_data():
    assert Step("ok", "a", "m").to_dict() == {"status": "ok", "address": "a", "message": "m"}
