# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What GRUB would hand to the kernel, read from a generated grub.cfg."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.grub_menu import (
    parse_grub_cfg,
    parse_grubenv,
    split_words,
)

DEBIAN = """
if [ -s $prefix/grubenv ]; then
  set have_grubenv=true
  load_env
fi
if [ "${next_entry}" ] ; then
   set default="${next_entry}"
   set next_entry=
   save_env next_entry
   set boot_once=true
else
   set default="0"
fi
function gfxmode {
\tset gfxpayload="${1}"
}
set root_uuid=12-34
menuentry 'Debian GNU/Linux' --class debian --class gnu-linux $menuentry_id_option 'gnulinux-simple-aa' {
\tload_video
\tif [ x$grub_platform = xxen ]; then insmod xzio; insmod lzopio; fi
\techo\t'Loading Linux 6.1.0-1 ...'
\tlinux\t/boot/vmlinuz-6.1.0-1 root=UUID=aa ro  quiet x="a b" 'y z' \\$d intel_iommu=on $vt_handoff
\tinitrd\t/boot/initrd.img-6.1.0-1
}
submenu 'Advanced options for Debian GNU/Linux' $menuentry_id_option 'gnulinux-advanced-aa' {
\tmenuentry 'Debian GNU/Linux, with Linux 6.1.0-1' --class debian $menuentry_id_option 'gnulinux-6.1.0-1-advanced-aa' {
\t\tlinux\t/boot/vmlinuz-6.1.0-1 root=UUID=$root_uuid ro  quiet
\t}
\tmenuentry 'Debian GNU/Linux, with Linux 6.1.0-1 (recovery mode)' $menuentry_id_option 'gnulinux-6.1.0-1-recovery-aa' {
\t\tlinux\t/boot/vmlinuz-6.1.0-1 root=UUID=aa ro single $unknown
\t}
}
menuentry 'Memory test' {
\tlinux16\t/boot/memtest
}
menuentry 'Firmware' {
\tfwsetup
}
"""


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("linux /v a b", ["linux", "/v", "a", "b"]),
        ("a  \t b ", ["a", "b"]),
        ("a='b c'd", ["a=b cd"]),
        ('a="b \\" \\x \\$e" f', ['a=b " \\x $e', "f"]),
        ("a\\ b", ["a b"]),
        ("a # b", ["a"]),
        ("a#b", ["a#b"]),
        ("a; b", ["a"]),
        ("'' b", ["", "b"]),
        ("a=$x$y", ["a=1", "23"]),
        ('"$y"', ["3"]),
        ("${sp} c", ["p", "q", "c"]),
        ('"${sp}" c', ["p q", "c"]),
        ("$", ["$"]),
    ],
)
def test_words(line: str, words: list[str]) -> None:
    assert [word.text for word in split_words(line, {"x": "1 2", "y": "3", "sp": "p q"})] == words


def test_an_unknown_variable_is_marked() -> None:
    words = split_words("a=$nobody b", {})
    assert [(word.text, word.known) for word in words] == [("a=$nobody", False), ("b", True)]


def test_a_debian_menu() -> None:
    menu = parse_grub_cfg(DEBIAN)
    assert [entry.title for entry in menu.entries] == [
        "Debian GNU/Linux",
        "Debian GNU/Linux, with Linux 6.1.0-1",
        "Debian GNU/Linux, with Linux 6.1.0-1 (recovery mode)",
        "Memory test",
        "Firmware",
    ]
    first, second, recovery, memory, firmware = menu.entries
    assert [argument.text for argument in first.arguments] == [
        "root=UUID=aa", "ro", "quiet", '"x=a b"', '"y z"', "$d", "intel_iommu=on",
    ]  # fmt: skip
    assert first.all_known
    assert [argument.meaning for argument in first.arguments][3] == ("x", "a b")
    assert second.arguments[0].text == "root=UUID=12-34"
    assert recovery.is_recovery
    assert not recovery.all_known
    assert not second.is_recovery
    assert memory.linux == ()
    assert firmware.linux is None
    assert menu.defaults == ("${next_entry}", "0")
    assert not menu.uses_bls


@pytest.mark.parametrize(
    ("default", "environment", "title"),
    [
        ("0", {}, "Debian GNU/Linux"),
        ("2", {}, "Memory test"),
        ("1>1", {}, "Debian GNU/Linux, with Linux 6.1.0-1 (recovery mode)"),
        ("1", {}, "Debian GNU/Linux, with Linux 6.1.0-1"),
        ("Memory test", {}, "Memory test"),
        ("gnulinux-advanced-aa>gnulinux-6.1.0-1-advanced-aa", {}, "Debian GNU/Linux, with Linux 6.1.0-1"),
        ("${saved_entry}", {"saved_entry": "Firmware"}, "Firmware"),
        ("${saved_entry}", {}, "Debian GNU/Linux"),
        ("nobody", {}, "Debian GNU/Linux"),
        ("0", {"next_entry": "2"}, "Memory test"),
    ],
)
def test_the_entry_that_boots(default: str, environment: dict[str, str], title: str) -> None:
    entry = parse_grub_cfg(DEBIAN.replace('default="0"', f'default="{default}"')).default_entry(environment)
    assert entry is not None
    assert entry.title == title


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ("a='b c'", '"a=b c"'),
        (
            "'a\tb'",
            "a b",
        ),  # only a blank makes GRUB put quotes around a word (lib/cmdline.c check_arg), so the kernel parts it
        ("'a\"b'", 'a\\"b'),
        ('"it\'s"', "it\\'s"),
        ("'a\\b' 'c\\x20d'", "a\\\\b c\\x20d"),
        ("a\x0bb\x0cc d\x85e f\u2028g", "a b c d\x85e f\u2028g"),  # one line and four words to GRUB
        ("a\r", "a"),
    ],
)
def test_what_the_kernel_gets(words: str, line: str) -> None:
    menu = parse_grub_cfg(f"menuentry 'x' {{\n\tlinux\t/vmlinuz {words}\n}}\n")
    assert " ".join(argument.text for argument in menu.entries[0].arguments) == line


def test_no_entry_at_all() -> None:
    assert parse_grub_cfg("").default_entry({}) is None
    assert parse_grub_cfg("insmod blscfg\nblscfg\n").uses_bls


def test_grubenv() -> None:
    text = "# GRUB Environment Block\nsaved_entry=ab\\\\c\nkernelopts=root=/dev/x ro a=b\n####"
    assert parse_grubenv(text) == {"saved_entry": "ab\\c", "kernelopts": "root=/dev/x ro a=b"}
