# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""oslo.config's grammar. tests/oracle/oslo_config holds the same code against the real one."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.oslo_config import (
    Assignment,
    normal_group,
    parse_config,
    split_lines,
)

PATH = "/etc/nova/nova.conf"


def values(text: str) -> list[tuple[str, str, str]]:
    file = parse_config(PATH, text)
    assert file.trouble is None
    return [(one.group, one.name, one.value) for one in file.assignments]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("# only\n; comments\n\n", []),
        ("[pci]\nalias = a\nalias=b\nalias:c\n", [("pci", "alias", "a"), ("pci", "alias", "b"), ("pci", "alias", "c")]),
        ("[a]\nk = x = y : z\n", [("a", "k", "x = y : z")]),
        ("[a]\nk : x = y\n", [("a", "k", "x = y")]),
        ("[a]\nk =\n", [("a", "k", "")]),
        ("[a]\nk = \n  one\n\ttwo  \n", [("a", "k", "\none\ntwo")]),
        ("[a]\nk = {\n  # not a comment\n  }\n", [("a", "k", "{\n# not a comment\n}")]),
        ("[a]\nk = x\n   \nl = y\n", [("a", "k", "x"), ("a", "l", "y")]),
        ("[a]\nk = x # y\n", [("a", "k", "x # y")]),
        ("[a]\nk = 'x'\nl = \"y\"\nm = 'z\"\nn = \"\no = ''x''\n",
         [("a", "k", "x"), ("a", "l", "y"), ("a", "m", "'z\""), ("a", "n", ""), ("a", "o", "'x'")]),
        ("[a]\nk = 'x\n  y'\n", [("a", "k", "'x\ny'")]),
        ("[a] \nk = x\n[ b ]\nk = y\n[a]\nl = z\n", [("a", "k", "x"), (" b ", "k", "y"), ("a", "l", "z")]),
        ("[a]\r\nk = x\r\n  y\r\rl = z", [("a", "k", "x\ny"), ("a", "l", "z")]),
        ("[a]\nk\x0b = x\x0c\u2028y\n", [("a", "k", "x\x0c\u2028y")]),
        ("[a]\n\xa0k = x\n", [("a", "k", "x")]),
        ("[a]]\nk = x\n", [("a]", "k", "x")]),
    ],
)  # fmt: skip
def test_values(text: str, expected: list[tuple[str, str, str]]) -> None:
    assert values(text) == expected


@pytest.mark.parametrize(
    ("text", "line", "problem"),
    [
        ("k = x\n", 1, "before the first [section]"),
        ("\n  k = x\n", 2, "is indented"),
        ("[a]\n  k = x\n", 2, "is indented"),
        ("[a]\nk = x\n\n  y\n", 4, "is indented"),
        ("[a]\nk = x\n# comment\n  y\n", 4, "is indented"),
        ("[a]\nk = [\nx\n]\n", 3, "neither = nor :"),
        ("[a]\nk = {\n}\n", 3, "neither = nor :"),
        ("[a\n", 1, "does not end in ]"),
        ("[a] # comment\n", 1, "does not end in ]"),
        ("[]\n", 1, "without a name"),
        ("[a]\n= x\n", 2, "to no name"),
        ("\ufeff[a]\nk = x\n", 1, "neither = nor :"),
        ("[a]\nk = x\n# caf\udce9\n", 3, "not UTF-8"),
    ],
)
def test_refusals(text: str, line: int, problem: str) -> None:
    trouble = parse_config(PATH, text).trouble
    assert trouble is not None
    assert trouble.line == line
    assert problem in trouble.problem
    assert str(trouble).startswith(f"{PATH} line {line} ")


def test_what_stands_before_a_trouble_is_kept_and_nothing_after_it() -> None:
    file = parse_config(PATH, "[a]\nk = 1\nnonsense\nk = 2\n")
    assert [one.value for one in file.assignments] == ["1"]


def test_nothing_of_a_file_with_odd_bytes_counts() -> None:
    assert parse_config(PATH, "[a]\nk = 1\n\udcff").assignments == ()


def test_places() -> None:
    file = parse_config(PATH, "# head\n[pci]\nalias = {\n  }\nalias = {}\n")
    assert file.assignments == (
        Assignment(PATH, 3, 4, "pci", "alias", "{\n}"),
        Assignment(PATH, 5, 5, "pci", "alias", "{}"),
    )
    assert file.assignments[0].place == f"{PATH} line 3"
    assert Assignment("environment variable OS_PCI__ALIAS", 0, 0, "pci", "alias", "").place.endswith("ALIAS")


def test_groups_are_compared_without_case_but_for_default_and_names_with_it() -> None:
    file = parse_config(PATH, "[PCI]\nalias = 1\nAlias = 2\n[pci]\nalias = 3\n[default]\nd = 4\n[DEFAULT]\nd = 5\n")
    assert [one.value for one in file.of("pci", "alias")] == ["1", "3"]
    assert [one.value for one in file.of("DEFAULT", "d")] == ["5"]
    assert [one.value for one in file.of("default", "d")] == ["4"]
    assert normal_group("Default") == "default"


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("", []),
        ("a", ["a"]),
        ("a\n", ["a"]),
        ("a\n\nb\r\nc\rd", ["a", "", "b", "c", "d"]),
        ("a\x85b\u2028c\x0b", ["a\x85b\u2028c\x0b"]),
    ],
)
def test_lines(text: str, lines: list[str]) -> None:
    assert split_lines(text) == lines


def test_a_line_that_is_none_is_not_shown_as_it_may_be_a_password() -> None:
    trouble = parse_config("nova.conf", "[DEFAULT]\npassword S3cr3t\n").trouble
    assert str(trouble) == "nova.conf line 2 is no assignment: it has neither = nor :"
