# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""GRUB: what a shell and the real grub-mkconfig make of /etc/default/grub with our drop-in, and what we say they do."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.boot_facts import DROP_IN, with_block
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.grub_menu import parse_grub_cfg
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.kernel_cmdline import (
    KernelCommandLine,
    MergeRule,
    check_arguments,
    merge_rules,
    merge_texts,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.boot import read_boot
from ansible_collections.nova_pci.passthrough.tests.fuzz.generated import cases, hostile_among, only_ours
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.test_boot import (
    generate,
    real_grub,
)
from ansible_collections.nova_pci.passthrough.tests.unit.roles.host.test_grub_drop_in import (
    MAIN_SHELLS,
    check_one,
    render,
    shell_of,
)

__all__ = ["real_grub"]  # a fixture

WORDS = (
    "intel_iommu", "intel-iommu", "iommu", "hugepages", "hugepagesz", "console", "quiet", "on", "off", "pt", "sm_on", "1G", "ttyS0",
    "=", "=", "=", ",", "-", "_", '"', '"', " ", " ", " ", "  ", "\t", "\n", "\x0b", "--", " -- ", "=on", "=off", "*", "?", "[a]", "\\", "'", "$x",
)  # fmt: skip
USUAL = (
    "intel_iommu=on",
    "intel_iommu=on,sm_on",
    "iommu=pt",
    "console=ttyS0",
    "hugepagesz=1G",
    "hugepages=8",
    "nosmt",
    'a.b="c d"',
)
wanted_arguments = st.lists(st.one_of(st.sampled_from(USUAL), hostile_among(*WORDS)), max_size=3)
removals = st.lists(st.sampled_from(("iommu=off", "intel_iommu=off")), max_size=2, unique=True)
# A shell's variable holds bytes but NUL; a drop-in of ours is read in whatever locale the administrator has, so the letters
# are ASCII, and their classes the same everywhere.
values = hostile_among(*WORDS).filter(lambda text: text.isascii() and "\0" not in text)

MERGE = r"""
drop_in=$1; shift
while [ $# -gt 1 ]; do
  ( set -eu; GRUB_CMDLINE_LINUX=$1 GRUB_CMDLINE_LINUX_DEFAULT=$2; . "$drop_in"
    printf '%s\0%s\0' "$GRUB_CMDLINE_LINUX" "$GRUB_CMDLINE_LINUX_DEFAULT" ) || printf 'failed\0failed\0'
  shift 2
done
"""


def rules_for(wanted: list[str], remove: list[str]) -> tuple[MergeRule, ...]:
    accepted = only_ours(check_arguments, wanted)
    assume(accepted is not None)
    return merge_rules(accepted, remove)


def lines_of(rules: tuple[MergeRule, ...], folder: Path) -> Path:
    drop_in = folder / "drop-in.cfg"
    drop_in.write_text(render(rules), encoding="utf-8")
    return drop_in


@pytest.mark.parametrize("shell", MAIN_SHELLS)
@cases(60, cost=50)
@given(st.data())
def test_the_drop_in_merges_as_python_does(shell: str, tmp_path_factory: pytest.TempPathFactory, data: Any) -> None:
    rules = rules_for(data.draw(wanted_arguments), data.draw(removals))
    pairs = data.draw(st.lists(st.tuples(values, values), min_size=5, max_size=20))
    drop_in = lines_of(rules, tmp_path_factory.getbasetemp())
    done = subprocess.run(
        [*shell_of(shell), "-c", MERGE, "sh", str(drop_in), *(text for pair in pairs for text in pair)],
        capture_output=True, timeout=120, check=False, env={"PATH": "/usr/bin:/bin", "LC_ALL": "C"},
    )  # fmt: skip
    assert done.stderr == b""
    fields = done.stdout.decode().split("\0")[:-1]
    merged = list(zip(fields[::2], fields[1::2]))
    assert merged == [merge_texts(pair, rules) for pair in pairs]
    for before, after in zip(pairs, merged):
        if all(KernelCommandLine(text).balanced for text in before):
            check_one(before, after, rules, 0)


# ---- the whole file. Only words that a shell takes for words: this is run by one, as root.

SAFE = ("quiet", "splash", "intel_iommu=off", "iommu=soft,off", "a=b", "x-y", "--", "*", "?", "~", "!", "é", "\x0b", "\x0c", "\x85", "\u2028",
        " ", " ", "  ", "\t", "\n", "\\\n", "$mine", "${mine}", "$nobody", '\\"', "=", ",")  # fmt: skip
ODD = ("'", '"', "\\", "}", "(", "\xff", "\udcff", "\udc80", "#")
texts = st.lists(st.sampled_from(SAFE), max_size=8).map("".join)
statements = st.tuples(
    st.sampled_from(("GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT", "export GRUB_CMDLINE_LINUX", "mine")),
    st.sampled_from(("'{}'", '"{}"', '"{}"', "{}")),
    texts,
)


def file_of(parts: list[tuple[str, str, str]], odd: str) -> str:
    lines = [f"{name}={form.format(shlex.quote(text) if form == '{}' else text)}\n" for name, form, text in parts]
    return "".join(lines) + odd


@cases(150, cost=50)
@given(st.lists(statements, max_size=5), st.one_of(st.just(""), st.sampled_from(ODD)), st.booleans())
def test_a_defaults_file_reads_as_a_shell_reads_it(
    tmp_path_factory: pytest.TempPathFactory, parts: list[tuple[str, str, str]], odd: str, block: bool
) -> None:
    root = tmp_path_factory.getbasetemp() / "defaults"
    text = file_of(parts, odd)
    given_ = with_block(text) if block else text
    for path, content in (("usr/sbin/grub-mkconfig", "no drop-ins here"), ("etc/default/grub", given_), ("bare", text)):
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode("utf-8", "surrogateescape"))
        file.chmod(0o755)
    evaluated = read_boot(str(root)).evaluated_without
    assert evaluated is not None
    done = subprocess.run(
        ["/bin/sh", "-ec", '. "$1"; printf "%s\\0%s\\0" "${GRUB_CMDLINE_LINUX-}" "${GRUB_CMDLINE_LINUX_DEFAULT-}"', "sh",
         str(root / "bare")],
        capture_output=True, timeout=60, check=False, env={"PATH": "/nonexistent", "LC_ALL": "C"}, cwd=root,
    )  # fmt: skip
    assert (evaluated.problem is None) == (done.returncode == 0)
    if evaluated.problem is None:
        fields = done.stdout.decode("utf-8", "surrogateescape").split("\0")
        assert (evaluated.linux, evaluated.linux_default) == (fields[0], fields[1])


# ---- the real generator

# What GRUB itself takes for its own (a line's end, a dollar, a backslash, braces) is for tests of its grammar. Quotes stand
# around a value or a whole word only: GRUB drops them and puts its own around the word, which the kernel reads alike then.
PLAIN = ("quiet", "splash", "intel_iommu=off", "intel-iommu=on", "iommu=soft,off", "a=b", "x-y", "*", "?", "~", "é", "\x0b", "\x0c", "\x85",
         "\u2028", " ", " ", " ", "  ", "\t", ' dyndbg="file a.c +p" ', ' "iommu=off" ', ' "p q" ', "=", ",", "--", " -- ")  # fmt: skip
plain_texts = st.lists(st.sampled_from(PLAIN), max_size=8).map("".join)


def entries_of(root: Path) -> list[tuple[bool, list[tuple[str, str | None]]]]:
    """(whether it is the recovery entry, what the kernel gets) of each generated entry, without what GRUB adds."""
    found = []
    for entry in parse_grub_cfg(generate(root)).entries:
        meanings = [
            argument.meaning for argument in KernelCommandLine(" ".join(one.text for one in entry.arguments)).arguments
        ]
        assert meanings[:2] == [("root", "/dev/sda1"), ("ro", None)] or meanings[0][0] == "root"
        found.append((entry.is_recovery, meanings[2:]))
    return found


@cases(8, cost=2000)
@given(plain_texts, plain_texts, removals)
def test_the_generated_menu_says_what_the_defaults_say(
    real_grub: Path, first: str, second: str, remove: list[str]
) -> None:
    assume(all(KernelCommandLine(text).balanced for text in (first, second)))
    rules = merge_rules(["intel_iommu=on", "console=ttyS1"], remove)
    defaults = f"GRUB_DISTRIBUTOR=Debian\nGRUB_CMDLINE_LINUX={shlex.quote(first)}\nGRUB_CMDLINE_LINUX_DEFAULT={shlex.quote(second)}\n"
    drop_in = real_grub / DROP_IN[1:]
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    (real_grub / "etc/default/grub").write_text(defaults, encoding="utf-8")
    for text in ("", render(rules)):
        drop_in.write_text(text, encoding="utf-8")
        linux, default = merge_texts((first, second), rules) if text else (first, second)
        expected = [argument.meaning for argument in KernelCommandLine(f"{linux} {default}").arguments]
        entries = entries_of(real_grub)
        assert entries
        for recovery, meanings in entries:
            if not recovery:
                assert meanings == expected
