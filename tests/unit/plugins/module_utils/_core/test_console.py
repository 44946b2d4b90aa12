# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.console import (
    Shown,
    compile_pattern,
    shown_devices,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import InputProblem

TINY = "TINY-GUEST-UP bootsect\r\nTINY-PCI 0000 8086:29c0\r\nTINY-PCI 0028 8086:10D3\r\nTINY-GUEST-DONE\r\n"
LSPCI = """\
[   4.2] cloud-init[88]: 00:00.0 Host bridge [0600]: Intel Corporation 82G33 [8086:29c0] (rev 00)
00:05.0 Ethernet controller [0200]: Intel Corporation 82574L [8086:10d3] (rev 01)
0000:01:00.0 VGA compatible controller [0300]: NVIDIA Corporation GA100 [A100 PCIe 40GB] [10de:20f1] (rev a1)
"""
NUMBERS = "00:00.0 0600: 8086:29c0\n00:05.0 0200: 8086:10d3 (rev 01)\n"
KERNEL = """\
[    0.31] pci 0000:00:00.0: [8086:29c0] type 00 class 0x060000
[    0.32] pci 0000:00:05.0: [8086:10d3] type 00 class 0x020000 PCIe Endpoint
[    0.33] pci 0000:00:05.0: reg 0x10: [mem 0xfe000000-0xfe01ffff]
[    0.91] pci 0000:00:05.0: [8086:10d3] type 00 class 0x020000
"""


@pytest.mark.parametrize(
    ("console", "found"),
    [
        (TINY, [("0000", "8086:29c0"), ("0028", "8086:10d3")]),
        (LSPCI, [("00:00.0", "8086:29c0"), ("00:05.0", "8086:10d3"), ("0000:01:00.0", "10de:20f1")]),
        (NUMBERS, [("00:00.0", "8086:29c0"), ("00:05.0", "8086:10d3")]),
        (KERNEL, [("0000:00:00.0", "8086:29c0"), ("0000:00:05.0", "8086:10d3")]),
        (KERNEL + LSPCI, [("00:00.0", "8086:29c0"), ("00:05.0", "8086:10d3"), ("0000:01:00.0", "10de:20f1")]),
        ("", []),
        ("login:", []),
    ],
    ids=["tiny", "lspci -nn", "lspci -n", "kernel", "told twice", "empty", "nothing"],
)
def test_what_guests_print(console: str, found: list[tuple[str, str]]) -> None:
    assert list(shown_devices(console)) == [Shown(*one) for one in found]


def test_a_pattern_of_the_user_s_replaces_ours() -> None:
    text = TINY + "have 10DE:20F1 at gpu0\nhave 10de:20f1 at gpu1\n"
    pattern = r"have (?P<ids>\S+) at (?P<address>\S+)"
    assert shown_devices(text, pattern) == (Shown("gpu0", "10de:20f1"), Shown("gpu1", "10de:20f1"))


def test_without_an_address_every_match_is_a_device() -> None:
    assert shown_devices("x 8086:10d3 8086:10d3", r"(?P<ids>\w{4}:\w{4})") == (
        Shown("0", "8086:10d3"),
        Shown("1", "8086:10d3"),
    )


EXAMPLE = r"Write one like 'PCI (?P<address>\S+) (?P<ids>[0-9a-f]{4}:[0-9a-f]{4})'"


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (
            "(",
            f"smoke_console_pattern: '(' is no regular expression (missing ), unterminated subpattern at position 0). {EXAMPLE}",
        ),
        (
            "x{99999999999}",
            f"smoke_console_pattern: 'x{{99999999999}}' is no regular expression (the repetition number is too large). {EXAMPLE}",
        ),
        ("8086", f"smoke_console_pattern: '8086' has no group named ids. {EXAMPLE}"),
    ],
)
def test_a_pattern_that_can_tell_nothing(pattern: str, message: str) -> None:
    with pytest.raises(InputProblem) as caught:
        compile_pattern(pattern, "smoke_console_pattern")
    assert str(caught.value) == message


def test_a_pattern_nested_too_deeply() -> None:
    with pytest.raises(InputProblem, match="is no regular expression"):
        compile_pattern("(" * 5000, "smoke_console_pattern")


def test_a_match_without_ids_shows_no_device() -> None:
    assert shown_devices("a 8086:10d3 b", "a (?P<ids>[0-9a-f:]+)|b") == (Shown("0", "8086:10d3"),)


def test_a_good_pattern() -> None:
    assert compile_pattern("(?P<ids>x)", "p").groupindex == {"ids": 1}
