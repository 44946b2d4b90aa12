# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tokens under the kernel's rules, the merge, and what a user may ask for."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import InputProblem, SeveralProblems
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.kernel_cmdline import (
    Argument,
    KernelCommandLine,
    MergeRule,
    check_arguments,
    is_repeatable,
    merge_rules,
    merge_texts,
)


# The expected values were worked out by hand from lib/cmdline.c next_arg().
@pytest.mark.parametrize(
    ("text", "key", "value"),
    [
        ("quiet", "quiet", None),
        ("a=b", "a", "b"),
        ("intel-iommu=on", "intel_iommu", "on"),
        ("a-b=c-d", "a_b", "c-d"),
        ("resume=UUID=x", "resume", "UUID=x"),
        ("a=", "a", ""),
        ('a="b c"', "a", "b c"),
        ('"a=b c"', "a", "b c"),
        ('"a b"', "a b", None),
        ('a"b c"=d', 'a"b c"', "d"),
        ("=a=b", "=a", "b"),
        ("--", "__", None),
        ('"a="b""', "a", 'b"'),  # one quote goes at the end, though two went in front
        ('"a="', "a", ""),
        ('a="', "a", ""),
        ('a="b"c', "a", 'b"c'),
    ],
)
def test_one_token(text: str, key: str, value: str | None) -> None:
    assert Argument(text).key == key
    assert Argument(text).value == value


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("", []),
        ("  ", []),
        ("a b", ["a", "b"]),
        ("\ta \n b\r\n", ["a", "b"]),
        ('x="a b" c', ['x="a b"', "c"]),
        ('a"b c"d e', ['a"b c"d', "e"]),
        ('"" b', ['""', "b"]),
        ('a="b c', ['a="b c']),
    ],
)
def test_tokens(text: str, tokens: list[str]) -> None:
    line = KernelCommandLine(text)
    assert [token.text for token in line.tokens] == tokens
    assert "".join(piece.space + piece.argument.text for piece in line.pieces) + line.trailing == text


def test_an_open_quote_is_seen() -> None:
    assert not KernelCommandLine('a="b c').balanced
    assert KernelCommandLine('a="b c"').balanced


@pytest.mark.parametrize("dashes", ["--", '"--"'])
def test_what_follows_two_dashes_is_the_init_program_s(dashes: str) -> None:
    line = KernelCommandLine(f"a=1 {dashes} a=2 b")
    assert [argument.text for argument in line.arguments] == ["a=1"]
    assert [argument.text for argument in line.named("a")] == ["a=1"]
    assert len(line.tokens) == 4


@pytest.mark.parametrize(
    ("text", "wanted", "remove", "expected"),
    [
        ("", ["intel_iommu=on"], [], "intel_iommu=on"),
        ("quiet\n", ["intel_iommu=on"], [], "quiet intel_iommu=on\n"),
        ("a intel_iommu=off b", ["intel_iommu=on"], [], "a b intel_iommu=on"),
        ("intel_iommu=off a", ["intel_iommu=on"], [], "a intel_iommu=on"),
        ("a intel-iommu=on b", ["intel_iommu=on"], [], "a intel-iommu=on b"),
        ("intel_iommu=on,sm_on", ["intel_iommu=on"], [], "intel_iommu=on,sm_on"),
        ("intel_iommu=sm_on", ["intel_iommu=on"], [], "intel_iommu=on,sm_on"),
        ("intel_iommu=off,igfx_off intel_iommu=strict", ["intel_iommu=on"], [], "intel_iommu=on,igfx_off,strict"),
        ("intel_iommu=on x intel_iommu=on", ["intel_iommu=on"], [], "x intel_iommu=on"),
        ("iommu=nopt", ["iommu=pt"], [], "iommu=pt"),
        ("iommu=soft,off amd_iommu=off", [], ["iommu=off", "amd_iommu=off"], "iommu=soft"),
        ("iommu=soft amd_iommu=fullflush", [], ["iommu=off", "amd_iommu=off"], "iommu=soft amd_iommu=fullflush"),
        ("nosmt=force nosmt", ["nosmt"], [], "nosmt"),
        ("x=1", ["x=2"], [], "x=2"),
        ("x=1 xx=1", [], ["x=1"], "xx=1"),
        ("console=tty0", ["console=ttyS0"], [], "console=tty0 console=ttyS0"),
        ("rd.lvm.lv=a", ["rd.lvm.lv=b"], [], "rd.lvm.lv=a rd.lvm.lv=b"),
        ("hugepagesz=1G hugepages=1", ["hugepagesz=1G", "hugepages=1"], [], "hugepagesz=1G hugepages=1"),
        ("hugepages=1 hugepagesz=1G q", ["hugepagesz=1G", "hugepages=1"], [], "q hugepagesz=1G hugepages=1"),
        ("a -- intel_iommu=off", ["intel_iommu=on"], [], "a intel_iommu=on -- intel_iommu=off"),
        ("-- a", ["x=1"], [], "x=1 -- a"),
        ("  a   b\t c ", ["x=1"], [], "  a   b\t c x=1 "),
        ('a="b c', ["x=1"], [], 'a="b c'),
        ('dyndbg="file a +p"', ["x=1"], [], 'dyndbg="file a +p" x=1'),
    ],
)
def test_merge(text: str, wanted: list[str], remove: list[str], expected: str) -> None:
    rules = merge_rules(wanted, remove)
    merged = KernelCommandLine(text).merged(rules)
    assert merged.text == expected
    assert merged.merged(rules) == merged
    if merged.balanced:
        assert all(rule.satisfied_by(merged.arguments) for rule in rules)


def test_two_texts_are_one_line() -> None:
    rules = merge_rules(["intel_iommu=on"])
    assert merge_texts(("a intel_iommu=off", "b"), rules) == ("a", "b intel_iommu=on")
    assert merge_texts(("intel_iommu=on", "b"), rules) == ("intel_iommu=on", "b")
    assert merge_texts(("intel_iommu=on", "intel_iommu=on"), rules) == ("", "intel_iommu=on")
    assert merge_texts(("a -- x", "intel_iommu=off"), rules) == ("a intel_iommu=on -- x", "intel_iommu=off")


@pytest.mark.parametrize(
    ("rule", "line", "satisfied"),
    [
        (merge_rules(["a=b"])[0], '"a=b"', True),
        (merge_rules(["a=b"])[0], "a=b a=b", True),
        (merge_rules(["a=b"])[0], "a=b a=c", False),
        (merge_rules(["intel_iommu=on"])[0], "intel_iommu=sm_on,on", True),
        (merge_rules(["intel_iommu=on"])[0], "intel_iommu=on,off", False),
        (merge_rules(["intel_iommu=on"])[0], "xintel_iommu=on", False),
        (merge_rules(["console=a"])[0], "console=b console=a", True),
        (MergeRule("set", ("x",)), "x=1", False),
        (MergeRule("set", ("x",)), "y", True),
    ],
)
def test_satisfied_is_what_the_kernel_would_see(rule: MergeRule, line: str, satisfied: bool) -> None:
    assert rule.satisfied_by(KernelCommandLine(line).arguments) is satisfied


def test_repeatable_keys() -> None:
    assert all(map(is_repeatable, ["console", "rd.lvm.lv", "modprobe.blacklist", "module-blacklist", "memmap"]))
    assert not any(map(is_repeatable, ["intel_iommu", "iommu", "hugepages", "root", "rdx"]))


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "is empty"),
        ("a b", "white space"),
        (" a", "white space"),
        ("a\tb", "white space"),
        ("a\nb", "line break"),
        ("a\0b", "NUL"),
        ("a\x07", "control character 0x07"),
        ("a=é", "not ASCII"),
        ("a=$HOME", "dollar"),
        ("a=`id`", "backtick"),
        ("a=\\n", "backslash"),
        ("a='b'", "single quote"),
        ("a;b", "semicolon"),
        ('a="b', "does not close"),
        ("--", "no kernel argument"),
        ("--a", "no kernel argument"),
        ("=a", "no kernel argument"),
        ('"a=b"', "begins with"),
        ("#a", "begins with"),
        ("root=/dev/sda", "boot loader"),
        ("init=/bin/sh", "boot loader"),
        ("initrd=/x", "boot loader"),
        ("BOOT_IMAGE=/x", "boot loader"),
        ("amd_iommu=on", "not a value the kernel knows"),
        ("amd-iommu=on", "not a value the kernel knows"),
        ("intel_iommu=off", "switches the IOMMU off"),
        ("iommu=off", "switches the IOMMU off"),
        ("iommu", "has no value"),
        ("iommu=pt,nopt", "at once"),
        (7, "is no text"),
    ],
)
def test_bad_input(text: object, problem: str) -> None:
    with pytest.raises(InputProblem, match=problem) as caught:
        check_arguments(["quiet", text])  # type: ignore[list-item]
    assert caught.value.entry == "kernel_arguments[1]"
    assert caught.value.value == text
    assert caught.value.fix


def test_contradictions_name_both_places() -> None:
    with pytest.raises(InputProblem) as caught:
        check_arguments(["a-b=1", "c", "a_b=2"], "host_kernel_arguments")
    assert str(caught.value).startswith(
        "host_kernel_arguments[2]: 'a_b=2' contradicts host_kernel_arguments[0] ('a-b=1')"
    )


def test_all_problems_at_once() -> None:
    with pytest.raises(SeveralProblems) as caught:
        check_arguments(["a b", "", "ok"])
    assert len(caught.value.problems) == 2


def test_good_input_and_duplicates() -> None:
    given = ["iommu=pt", "console=tty0", "console=ttyS0", 'a.b="c d"', "iommu=pt"]
    assert check_arguments(given) == ("iommu=pt", "console=tty0", "console=ttyS0", 'a.b="c d"')
    pages = ["hugepagesz=1G", "hugepages=4", "hugepagesz=2M", "hugepages=4"]
    assert check_arguments(pages) == tuple(pages)
