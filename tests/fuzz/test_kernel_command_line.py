# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Kernel command lines: tokens as the kernel's next_arg() sees them, and a merge that changes nothing else."""

from __future__ import annotations

from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.iommu_arguments import wanted_arguments
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.iommu_state import split_command_line
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.kernel_cmdline import (
    Argument,
    KernelCommandLine,
    check_arguments,
    merge_rules,
    merge_texts,
)
from ansible_collections.nova_pci.passthrough.tests.fuzz.generated import cases, hostile_among, only_ours
from ansible_collections.nova_pci.passthrough.tests.unit.roles.host.test_grub_drop_in import check_one

WORDS = (
    "intel_iommu", "intel-iommu", "amd_iommu", "iommu", "iommu.strict", "hugepages", "hugepagesz", "console", "quiet", "a", "b",
    "on", "off", "pt", "nopt", "sm_on", "force", "1G", "ttyS0", "=", "=", ",", "-", "_", '"', '"', '"', " ", " ", "  ", "\t", "\n",
    "--", " -- ", "=on", "=off", '="on"', '"a="', '""', "root=", "init=",
)  # fmt: skip
BLANKS = " \t\n\v\f\r"

# The kernel works on bytes, and its isspace() takes the byte A0 for a blank even within a letter of two bytes. No argument
# of ours holds such a letter, and none of our keys can begin behind half of one, so these stay out.
lines = hostile_among(*WORDS).filter(
    lambda text: "\0" not in text and b"\xa0" not in text.encode("utf-8", "surrogatepass")
)
tokens = hostile_among(*WORDS)


def next_arg(memory: list[str], args: int) -> tuple[int, int | None, int]:
    """lib/cmdline.c next_arg(), statement by statement, in a *memory* that ends in NUL: name, value and rest as pointers."""
    equals = 0
    quoted = in_quote = memory[args] == '"'
    args += quoted
    end = 0
    while memory[args + end] != "\0":
        character = memory[args + end]
        if character in BLANKS and not in_quote:
            break
        if equals == 0 and character == "=":
            equals = end
        if character == '"':
            in_quote = not in_quote
        end += 1
    value = None
    if equals:
        memory[args + equals] = "\0"
        value = args + equals + 1
        if memory[value] == '"':
            value += 1
            if memory[args + end - 1] == '"':
                memory[args + end - 1] = "\0"
    if quoted and end > 0 and memory[args + end - 1] == '"':
        memory[args + end - 1] = "\0"
    rest = args + end
    if memory[rest] != "\0":
        memory[rest] = "\0"
        rest += 1
    return args, value, skip_spaces(memory, rest)


def skip_spaces(memory: list[str], at: int) -> int:
    while memory[at] in BLANKS:
        at += 1
    return at


def string(memory: list[str], at: int) -> str:
    return "".join(memory[at : memory.index("\0", at)])


def parse_args(line: str) -> list[tuple[str, str | None]]:
    """kernel/params.c parse_args(): every name and value up to a bare "--"."""
    memory = [*line, "\0"]
    found: list[tuple[str, str | None]] = []
    args = skip_spaces(memory, 0)
    while memory[args] != "\0":
        name, value, args = next_arg(memory, args)
        if value is None and string(memory, name) == "--":
            break
        found.append((string(memory, name).replace("-", "_"), None if value is None else string(memory, value)))
    return found


@cases(3000)
@given(lines)
def test_the_kernel_sees_the_same_names_and_values(text: str) -> None:
    line = KernelCommandLine(text)
    assert [argument.meaning for argument in line.arguments] == parse_args(text)
    assert "".join(piece.space + piece.argument.text for piece in line.pieces) + line.trailing == text
    assert split_command_line(text) == tuple(argument.text for argument in line.arguments)


@cases(1500)
@given(st.lists(tokens, max_size=4), st.booleans(), st.sampled_from(("x86_64", "aarch64", "")), lines)
def test_what_a_user_may_ask_for(wanted: list[str], passthrough: bool, architecture: str, running: str) -> None:
    accepted = only_ours(check_arguments, wanted)
    for text in accepted or ():
        assert text.isascii()
        assert text.isprintable() or "\t" in text
        assert not set(text) & set("$`\\';|&<>\n\r\0")
        (argument,) = KernelCommandLine(text).arguments
        assert (argument.text, parse_args(text)) == (text, [argument.meaning])
    only_ours(
        lambda: wanted_arguments(architecture, "GenuineIntel", iommu_pt=passthrough, extra=wanted, running=running)
    )


usual = st.sampled_from(
    (
        "intel_iommu=on",
        "intel_iommu=on,sm_on",
        "iommu=pt",
        "console=ttyS0",
        "hugepagesz=1G",
        "hugepages=8",
        "nosmt",
        'a="b c"',
    )
)
removals = st.lists(st.sampled_from(("iommu=off", "intel_iommu=off", "amd_iommu=off")), max_size=2, unique=True)


@cases(1500)
@given(st.tuples(lines, lines), st.lists(st.one_of(usual, tokens), max_size=3), removals)
def test_a_merge_brings_what_is_wanted_and_nothing_else(
    texts: tuple[str, str], wanted: list[str], remove: list[str]
) -> None:
    accepted = only_ours(check_arguments, wanted)
    assume(accepted is not None)
    rules = merge_rules(accepted, remove)
    merged = merge_texts(texts, rules)
    if not all(KernelCommandLine(text).balanced for text in texts):
        assert merged == texts
        return
    check_one(texts, merged, rules, 0)


@cases(500)
@given(lines, lines)
def test_two_spellings_of_one_meaning(first: str, second: str) -> None:
    for text in (first, second):
        for argument in KernelCommandLine(text).tokens:
            assert Argument(argument.text) == argument
            assert argument.same in (argument.text, argument.key + argument.text[len(argument.key) :])
