# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The marked block in a shell file, and what the records say of themselves."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.boot_facts import (
    BLOCK,
    BootFacts,
    Evaluation,
    with_block,
    without_block,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import value


@pytest.mark.parametrize("text", ["", "a=1\n", "a=1", "a=1\n\n\n", "\n", "# BEGIN\r\nx\r\n", "a\\\n"])
def test_the_block_comes_and_goes_byte_by_byte(text: str) -> None:
    edited = with_block(text)
    assert edited.endswith(BLOCK) or "line break above" in edited
    assert with_block(edited) == edited
    assert without_block(edited) == text
    assert without_block(text) == text


def test_what_an_administrator_adds_after_the_block_stays_and_the_block_stays_last() -> None:
    edited = with_block(with_block("a=1\n") + "b=2\n")
    assert edited == "a=1\nb=2\n" + BLOCK


def test_the_two_variables_are_one_line() -> None:
    assert [token.text for token in Evaluation("a", "b c").line.arguments] == ["a", "b", "c"]


def test_grubenv_and_menu_are_parsed_where_they_are_there() -> None:
    assert BootFacts("").menu is None
    assert BootFacts("").environment == {}
    facts = BootFacts("", grub_cfg=value("menuentry 'x' {\n}\n"), grubenv=value("saved_entry=x\n"))
    assert facts.menu is not None
    assert facts.environment == {"saved_entry": "x"}


def test_an_unknown_boot_loader_has_no_known_next_boot() -> None:
    assert BootFacts("quiet").next_boot_tokens is None
