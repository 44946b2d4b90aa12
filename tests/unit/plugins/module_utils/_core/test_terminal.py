# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.terminal import WIDTH, counted, plain, wrapped


def test_what_is_not_shown_becomes_a_blank():
    assert plain("a\x1b[31mb\u202ec\nd") == "a [31mb c d"
    assert plain("Größe") == "Größe"


def test_lines_keep_the_width_and_hang_below_their_first():
    lines = wrapped("word " * 60, "  - ")
    assert max(map(len, lines)) <= WIDTH
    assert lines[0].startswith("  - word")
    assert {line[:7] for line in lines[1:]} == {"      w"}


def test_a_number_with_its_word():
    assert (counted(1, "host"), counted(0, "host"), counted(1000, "host")) == ("1 host", "0 hosts", "1,000 hosts")
