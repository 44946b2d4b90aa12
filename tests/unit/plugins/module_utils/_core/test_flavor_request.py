# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import NovaRefusal
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_request import (
    AliasRequest,
    parse_request,
)

ALIASES = {"a1": None, "b": None, "": None}

READ = [
    ("a1:2", [("a1", 2)]),
    ("a1:2,b:1", [("a1", 2), ("b", 1)]),
    (" a1 : 2 , b : 1 ", [("a1", 2), ("b", 1)]),
    ("a1:1,a1:1", [("a1", 1), ("a1", 1)]),
    ("a1:0,b:-3", [("a1", 0), ("b", -3)]),
    ("a1:+1_0", [("a1", 10)]),
    ("a1:\u0662", [("a1", 2)]),
    (":1", [("", 1)]),
]


@pytest.mark.parametrize(("text", "requests"), READ)
def test_what_nova_reads(text: str, requests: list[tuple[str, int]]) -> None:
    assert parse_request(text, ALIASES) == tuple(AliasRequest(*request) for request in requests)


REFUSED = [
    ("", "ValueError", "has '', which is not name:count"),
    ("a1", "ValueError", "has 'a1', which is not name:count"),
    ("a1:1:2", "ValueError", "has 'a1:1:2', which is not name:count"),
    ("a1:1,", "ValueError", "has '', which is not name:count"),
    ("a1:1;b:1", "ValueError", "has 'a1:1;b:1', which is not name:count"),
    ("a1:", "ValueError", "has '' as the count of 'a1', which is no whole number"),
    ("a1:x", "ValueError", "has 'x' as the count of 'a1', which is no whole number"),
    ("a1:1.0", "ValueError", "has '1.0' as the count"),
    ("A1:1", "PciRequestAliasNotDefined", "asks for 'A1', which is no alias. The aliases are , a1, b"),
    ("c:x", "PciRequestAliasNotDefined", "asks for 'c'"),
    ("a1,c:1", "ValueError", "has 'a1'"),
    ("c:1,a1", "PciRequestAliasNotDefined", "asks for 'c'"),
]


@pytest.mark.parametrize(("text", "exception", "problem"), REFUSED)
def test_what_nova_refuses(text: str, exception: str, problem: str) -> None:
    with pytest.raises(NovaRefusal) as caught:
        parse_request(text, ALIASES)
    assert caught.value.exception == exception
    assert problem in str(caught.value)


def test_without_any_alias() -> None:
    with pytest.raises(NovaRefusal, match="which is no alias. Add a line to"):
        parse_request("a1:1", ())
