# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.cloud_call import COMPUTE, Answer, Call


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"badRequest": {"code": 400, "message": "PCI alias a1 is not defined"}}, "PCI alias a1 is not defined"),
        ({"errors": [{"title": "Not Found", "detail": "No provider"}]}, "No provider"),
        ({"errors": [{"title": "Not Found"}]}, "Not Found"),
        ({"errors": []}, ""),
        ({"message": "plain"}, "plain"),
        ({"x": {"message": "no mysql://nova:S3cr3t@ctl/nova"}}, "no mysql://***@ctl/nova"),
        ({"errors": [{"detail": "no mysql://nova:S3cr3t@ctl/nova"}]}, "no mysql://***@ctl/nova"),
        ({}, ""),
    ],
)
def test_what_each_service_says(body: Mapping[str, Any], message: str) -> None:
    assert Answer(400, body).message == message


def test_success() -> None:
    assert [Answer(status).is_good for status in (199, 200, 202, 204, 300, 404)] == [
        False,
        True,
        True,
        True,
        False,
        False,
    ]


def test_a_call_in_words() -> None:
    assert str(Call(COMPUTE, "DELETE", "/flavors/x")) == "DELETE compute /flavors/x"
