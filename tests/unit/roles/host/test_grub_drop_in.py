# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The GRUB drop-in under real shells: what it changes, what it leaves, and that Python's merge says the same."""

from __future__ import annotations

import os
import random
import re
import shlex
import shutil
import subprocess
from pathlib import Path

import jinja2
import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.kernel_cmdline import (
    KernelCommandLine,
    MergeRule,
    merge_rules,
    merge_texts,
)

REPOSITORY = Path(__file__).resolve().parents[4]
TEMPLATE = REPOSITORY / "roles/host/templates/grub-drop-in.cfg.j2"
SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "bash as bash": ["bash"], "busybox": ["busybox", "ash"], "mksh": ["mksh"]}  # fmt: skip
MAIN_SHELLS = ("dash", "bash")
PLACES = ("GRUB_CMDLINE_LINUX", "GRUB_CMDLINE_LINUX_DEFAULT")
UNSET = "\x01unset"

INTEL = merge_rules(["intel_iommu=on"], ["iommu=off", "intel_iommu=off"])


def shell_of(name: str) -> list[str]:
    argv = SHELLS[name]
    if shutil.which(argv[0]) is None:
        pytest.skip(f"{argv[0]} is not installed here")
    return argv


def render(rules: tuple[MergeRule, ...]) -> str:
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    environment.filters["quote"] = shlex.quote
    plan = {"kernel_arguments": {"merge": [rule.to_dict() for rule in rules]}}
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(plan=plan)


# As grub-mkconfig reads its settings (util/grub-mkconfig.in): set -e, then the file, then grub.d in the shell's order.
EVALUATE = r"""
set -e
if test -f "$1/default/grub" ; then . "$1/default/grub" ; fi
for x in "$1"/default/grub.d/*.cfg ; do
  if [ -e "${x}" ]; then . "${x}" ; fi
done
printf '%s\0%s\0' "${GRUB_CMDLINE_LINUX-@unset}" "${GRUB_CMDLINE_LINUX_DEFAULT-@unset}"
"""
EVALUATE = EVALUATE.replace("@unset", UNSET)


def evaluate(argv: list[str], etc: Path, before: str = "", after: str = "") -> tuple[str, str]:
    script = before + EVALUATE + after
    done = subprocess.run(
        [*argv, "-c", script, "sh", str(etc)],
        capture_output=True,
        timeout=60,
        check=False,
        env={"PATH": os.environ["PATH"]},
    )
    assert done.returncode == 0, done.stderr.decode()
    assert done.stderr == b""
    first, second = done.stdout.decode().split("\0")[:2]
    return first, second


def write_etc(root: Path, default: str, drop_ins: dict[str, str] | None = None) -> Path:
    (root / "default/grub.d").mkdir(parents=True)
    (root / "default/grub").write_text(default, encoding="utf-8")
    for name, text in (drop_ins or {}).items():
        (root / "default/grub.d" / name).write_text(text, encoding="utf-8")
    return root


def both_ways(argv: list[str], etc: Path, rules: tuple[MergeRule, ...]) -> tuple[tuple[str, str], tuple[str, str]]:
    without = evaluate(argv, etc)
    (etc / "default/grub.d/zz-nova-pci-passthrough.cfg").write_text(render(rules), encoding="utf-8")
    return without, evaluate(argv, etc)


def plain(values: tuple[str, str]) -> tuple[str, str]:
    return tuple("" if value == UNSET else value for value in values)  # type: ignore[return-value]


# (name, /etc/default/grub, other drop-ins, rules, expected GRUB_CMDLINE_LINUX, expected GRUB_CMDLINE_LINUX_DEFAULT)
TABLE = [
    ("a fresh Debian", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX=""\n', {}, INTEL, "", "quiet intel_iommu=on"),
    ("nothing set", "", {}, INTEL, UNSET, "intel_iommu=on"),
    ("single quotes", "GRUB_CMDLINE_LINUX_DEFAULT='quiet splash'\n", {}, INTEL, UNSET, "quiet splash intel_iommu=on"),
    ("off in LINUX", 'GRUB_CMDLINE_LINUX="a intel_iommu=off b"\n', {}, INTEL, "a b", "intel_iommu=on"),
    ("off in DEFAULT", 'GRUB_CMDLINE_LINUX_DEFAULT="intel_iommu=off b"\n', {}, INTEL, UNSET, "b intel_iommu=on"),
    ("dashes", 'GRUB_CMDLINE_LINUX_DEFAULT="intel-iommu=off x-y=1"\n', {}, INTEL, UNSET, "x-y=1 intel_iommu=on"),
    ("there already, in LINUX", 'GRUB_CMDLINE_LINUX="intel_iommu=on b"\n', {}, INTEL, "intel_iommu=on b", UNSET),
    ("there already, with a flag", 'GRUB_CMDLINE_LINUX="intel_iommu=sm_on,on"\n', {}, INTEL, "intel_iommu=sm_on,on", UNSET),
    ("a flag to keep", 'GRUB_CMDLINE_LINUX="intel_iommu=sm_on q"\n', {}, INTEL, "q", "intel_iommu=on,sm_on"),
    ("twice", 'GRUB_CMDLINE_LINUX="intel_iommu=on"\nGRUB_CMDLINE_LINUX_DEFAULT="intel_iommu=on"\n', {}, INTEL, "", "intel_iommu=on"),
    ("iommu=off", 'GRUB_CMDLINE_LINUX="iommu=off,soft x"\n', {}, INTEL, "x", "iommu=soft intel_iommu=on"),
    ("iommu=off alone", 'GRUB_CMDLINE_LINUX="iommu=off x"\n', {}, INTEL, "x", "intel_iommu=on"),
    ("a quoted value", "GRUB_CMDLINE_LINUX='dyndbg=\"file a.c  +p\" z'\n", {}, INTEL, 'dyndbg="file a.c  +p" z', "intel_iommu=on"),
    ("ours inside quotes", "GRUB_CMDLINE_LINUX='x=\"intel_iommu=off y\"'\n", {}, INTEL, 'x="intel_iommu=off y"', "intel_iommu=on"),
    ("ours quoted as a whole", "GRUB_CMDLINE_LINUX='\"intel_iommu=off\" y'\n", {}, INTEL, "y", "intel_iommu=on"),
    ("spacing", 'GRUB_CMDLINE_LINUX="  a   b\tc  "\n', {}, INTEL, "  a   b\tc  ", "intel_iommu=on"),
    ("spacing around ours", 'GRUB_CMDLINE_LINUX_DEFAULT="a  intel_iommu=off  b "\n', {}, INTEL, UNSET, "a  b intel_iommu=on "),
    ("ours first", 'GRUB_CMDLINE_LINUX=" intel_iommu=off   b"\n', {}, INTEL, " b", "intel_iommu=on"),
    ("globs", 'GRUB_CMDLINE_LINUX="* ? [a-z] /* intel_iommu=of[f]"\n', {}, INTEL, "* ? [a-z] /*", "intel_iommu=on,of[f]"),
    ("init's part", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet -- intel_iommu=off"\n', {}, INTEL, UNSET, "quiet intel_iommu=on -- intel_iommu=off"),
    ("init's part early", 'GRUB_CMDLINE_LINUX="a -- b"\nGRUB_CMDLINE_LINUX_DEFAULT="intel_iommu=off"\n', {}, INTEL,
     "a intel_iommu=on -- b", "intel_iommu=off"),
    ("an open quote", "GRUB_CMDLINE_LINUX='a=\"b c'\n", {}, INTEL, 'a="b c', UNSET),
    ("a continuation line", 'GRUB_CMDLINE_LINUX="a \\\n  intel_iommu=off \\\nb"\n', {}, INTEL, "a b", "intel_iommu=on"),
    ("a line break in quotes", 'GRUB_CMDLINE_LINUX="a\nintel_iommu=off\nb"\n', {}, INTEL, "a\nb", "intel_iommu=on"),
    ("several assignments", 'GRUB_CMDLINE_LINUX="a"\nGRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX intel_iommu=off"\n', {}, INTEL,
     "a", "intel_iommu=on"),
    ("export and variables", 'mine="x y"\nexport GRUB_CMDLINE_LINUX="$mine ${mine}"\n', {}, INTEL, "x y x y", "intel_iommu=on"),
    ("command substitution", 'GRUB_CMDLINE_LINUX="$(echo a)`echo b`"\n', {}, INTEL, "ab", "intel_iommu=on"),
    ("a drop-in of a cloud image", 'GRUB_CMDLINE_LINUX="q"\n', {"50-cloudimg.cfg": 'GRUB_CMDLINE_LINUX_DEFAULT="console=tty1 intel_iommu=off"\n'},
     INTEL, "q", "console=tty1 intel_iommu=on"),
    ("repeatable", 'GRUB_CMDLINE_LINUX="console=tty0"\n', {}, merge_rules(["console=ttyS0"]), "console=tty0", "console=ttyS0"),
    ("repeatable, there", 'GRUB_CMDLINE_LINUX="console=ttyS0 console=tty0"\n', {}, merge_rules(["console=ttyS0"]),
     "console=ttyS0 console=tty0", UNSET),
    ("huge pages", 'GRUB_CMDLINE_LINUX="hugepages=4 q hugepagesz=1G"\n', {}, merge_rules(["hugepagesz=1G", "hugepages=2", "hugepagesz=2M", "hugepages=9"]),
     "q", "hugepagesz=1G hugepages=2 hugepagesz=2M hugepages=9"),
    ("two keys in one name", "GRUB_CMDLINE_LINUX='\"hugepagesz hugepages\" hugepages=4'\n", {}, merge_rules(["hugepages=2"]),
     '"hugepagesz hugepages"', "hugepages=2"),
    ("huge pages, there", 'GRUB_CMDLINE_LINUX="hugepagesz=1G q hugepages=2"\n', {}, merge_rules(["hugepagesz=1G", "hugepages=2"]),
     "hugepagesz=1G q hugepages=2", UNSET),
    ("a key within a key", 'GRUB_CMDLINE_LINUX="amd_iommu=fullflush xiommu=1 iommu.strict=1 iommu=soft"\n', {}, merge_rules(["iommu=pt"]),
     "amd_iommu=fullflush xiommu=1 iommu.strict=1", "iommu=pt,soft"),
    ("no value", 'GRUB_CMDLINE_LINUX="nosmt=force x"\n', {}, merge_rules(["nosmt"]), "x", "nosmt"),
    ("a wanted value with a blank", 'GRUB_CMDLINE_LINUX="x"\n', {}, merge_rules(['a.b="c d*"']), "x", 'a.b="c d*"'),
    ("no rule at all", 'GRUB_CMDLINE_LINUX=" x  intel_iommu=off"\n', {}, (), " x  intel_iommu=off", UNSET),
]  # fmt: skip


@pytest.mark.parametrize("shell", SHELLS)
@pytest.mark.parametrize("row", TABLE, ids=[row[0] for row in TABLE])
def test_table(
    tmp_path: Path, shell: str, row: tuple[str, str, dict[str, str], tuple[MergeRule, ...], str, str]
) -> None:
    _name, default, drop_ins, rules, first, second = row
    without, merged = both_ways(shell_of(shell), write_etc(tmp_path, default, drop_ins), rules)
    assert merged == (first, second)
    assert merge_texts(plain(without), rules) == plain(merged)


@pytest.mark.parametrize("shell", SHELLS)
def test_sourcing_it_twice_is_the_same_as_once(tmp_path: Path, shell: str) -> None:
    etc = write_etc(tmp_path, 'GRUB_CMDLINE_LINUX="a intel_iommu=off,sm_on -- b"\n', {"zzz.cfg": render(INTEL)})
    _without, merged = both_ways(shell_of(shell), etc, INTEL)
    assert merged == ("a intel_iommu=on,sm_on -- b", UNSET)


@pytest.mark.parametrize("shell", SHELLS)
def test_nothing_is_left_behind_and_nothing_upsets_a_strict_shell(tmp_path: Path, shell: str) -> None:
    argv = shell_of(shell)
    drop_in = tmp_path / "drop-in.cfg"
    drop_in.write_text(
        render(merge_rules(["intel_iommu=on", "console=ttyS0", "hugepages=3"], ["iommu=off"])), encoding="utf-8"
    )
    script = (
        "set -eu; IFS=_o; cd /; path=$PATH; PATH=/nonexistent; GRUB_CMDLINE_LINUX='* intel_iommu=off iommu=off'; set >\"$2.1\"; "
        '. "$1"; set >"$2.2"; PATH=$path; printf %s "$GRUB_CMDLINE_LINUX|$GRUB_CMDLINE_LINUX_DEFAULT|$IFS|$*"'
    )
    done = subprocess.run(
        [*argv, "-c", script, "sh", str(drop_in), str(tmp_path / "set")],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout == f"*|intel_iommu=on console=ttyS0 hugepages=3|_o|{drop_in}_{tmp_path}/set"
    former = {line.split("=")[0] for line in (tmp_path / "set.1").read_text().splitlines()}
    later = {line.split("=")[0] for line in (tmp_path / "set.2").read_text().splitlines()}
    assert later - former <= {"GRUB_CMDLINE_LINUX_DEFAULT", "_", "PIPESTATUS"}
    for name in set(re.findall(r"nova_pci_\w+", drop_in.read_text(encoding="utf-8"))):
        gone = f'. "$1"; if command -v {name} || [ -n "${{{name}+set}}" ]; then exit 3; fi'
        assert subprocess.run([*argv, "-c", gone, "sh", str(drop_in)], timeout=60, check=False).returncode == 0, name


def test_no_external_command_and_no_special_shell() -> None:
    text = render(INTEL)
    code = "\n".join(line for line in text.splitlines() if not line.lstrip().startswith("#"))
    for accident in ("eval", "$(", "`", " local ", "[[ ", "function ", "sed", "awk", "echo", "printf"):
        assert accident not in code


def test_shellcheck_has_nothing_to_say(tmp_path: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed here")
    drop_in = tmp_path / "drop-in.sh"
    drop_in.write_text("#!/bin/sh\n" + render(INTEL), encoding="utf-8")
    done = subprocess.run(
        ["shellcheck", "-s", "sh", "-e", "SC2034", str(drop_in)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.stdout == ""


def test_a_value_cannot_leave_its_quotes(tmp_path: Path) -> None:
    rules = merge_rules([f"x.y='; touch {tmp_path}/hole; '", "a=$(id)", "b=`id`", "c=\\"])
    _without, merged = both_ways(shell_of("dash"), write_etc(tmp_path / "etc", ""), rules)
    assert merged[1].endswith("a=$(id) b=`id` c=\\")
    assert not (tmp_path / "hole").exists()


# ---- generated files ------------------------------------------------------------------------------------------------

COUNTS = (pytest.param(50, id="50 files"), pytest.param(2100, id="2100 files", marks=pytest.mark.slow))
OTHERS = ["quiet", "splash", "ro", "*", "?", "[x]", "console=tty0", "console=ttyS0,115200n8", "rd.lvm.lv=vg/root", "x-y=1", "x_y=2",
          "iommu.strict=0", "vfio-pci.ids=10de:1eb8,8086:154d", "resume=UUID=ab-cd", "crashkernel=1G", "a=*", "dm-mod.x", "==", "=x",
          "xintel_iommu=off", "intel_iommux=off", "memmap=1G@2G", "hugepages=12", "default_hugepagesz=1G", "-", "---", "#x", "~", "!"]  # fmt: skip
OURS = ["intel_iommu=off", "intel-iommu=off", "intel_iommu=on", "intel_iommu=on,sm_on", "intel_iommu=sm_on", "intel_iommu", "intel_iommu=",
        "intel_iommu=igfx_off,,off", "iommu=off", "iommu=soft,off", "iommu=pt", "iommu=nopt", "console=ttyS1", "hugepagesz=2M",
        "hugepages=12", "nosmt", "nosmt=force", "--"]  # fmt: skip
QUOTED = [
    'dyndbg=\\"file a.c +p\\"',
    '\\"intel_iommu=off\\"',
    'x=\\"intel_iommu=off y\\"',
    'a\\"b c\\"d=1',
    '\\"p q\\"=2',
]
WANTED = [["intel_iommu=on"], ["intel_iommu=on", "iommu=pt"], ["intel_iommu=on,sm_on", "console=ttyS1"],
          ["hugepagesz=2M", "hugepages=12", "nosmt"], ["intel_iommu=on", 'vfio.z="a b"', "x_y=3"], []]  # fmt: skip


def generated_file(pick: random.Random) -> str:
    """One defaults file as people write them: its shell features vary, its commands are all a POSIX shell's."""
    lines = [
        "# generated",
        "GRUB_DEFAULT=0",
        "GRUB_TIMEOUT=5",
        "GRUB_DISTRIBUTOR=`echo Debian`",
        'mine="x*y intel_iommu=off"',
    ]
    for _line in range(pick.randint(0, 5)):
        name = pick.choice(PLACES)
        words = [pick.choice(pick.choice([OTHERS, OTHERS, OURS, QUOTED])) for _word in range(pick.randint(0, 6))]
        text = pick.choice(["", " ", "\t"]) + "".join(
            word + pick.choice([" ", " ", " ", "  ", "\t", " \\\n", "\n"]) for word in words
        )
        style = pick.randint(0, 7)
        if style == 0 and "\\" not in text:
            lines.append(f"{name}='{text}'")
        elif style == 1:
            lines.append(f'export {name}="{text}"')
        elif style == 2:
            lines.append(f'{name}="${name} {text}"')
        elif style == 3:
            lines.append(f'{name}="{text}$mine"')
        elif style == 4:
            lines.append(f'{name}="$(echo one two){text}"')
        elif style == 5:
            lines.append(f'{name}="${{{name}:-{pick.choice(OURS)}}} {text}"')
        elif style == 6:
            lines.append(f'if [ -n "${{{name}-}}" ]; then\n  {name}="{text}"; else {name}="{pick.choice(OURS)}"\nfi')
        else:
            lines.append(f'{name}="{text}"')
    return "\n".join(lines) + "\n"


BATCH = r"""
for d in "$1"/*/; do
  ( set -e
    . "$d/default/grub"
    for x in "$d"/default/grub.d/*.cfg ; do
      if [ -e "${x}" ] && { [ -z "$2" ] || [ "${x##*/}" != zz-nova-pci-passthrough.cfg ]; }; then . "${x}" ; fi
    done
    printf '%s\0%s\0' "${GRUB_CMDLINE_LINUX-}" "${GRUB_CMDLINE_LINUX_DEFAULT-}" ) || printf 'failed\0failed\0'
done
"""


def batch(argv: list[str], root: Path, without: bool) -> list[tuple[str, str]]:
    done = subprocess.run(
        [*argv, "-c", BATCH, "sh", str(root), "x" if without else ""], capture_output=True, timeout=600, check=False
    )
    assert done.stderr == b""
    fields = done.stdout.decode().split("\0")[:-1]
    return list(zip(fields[::2], fields[1::2]))


@pytest.fixture(scope="module", params=COUNTS)
def generated(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, list[tuple[MergeRule, ...]]]:
    pick = random.Random(20261122)
    root = tmp_path_factory.mktemp("generated")
    rendered = {}
    rules = []
    for number in range(request.param):
        wanted = tuple(pick.choice(WANTED))
        remove = tuple(pick.choice([(), ("iommu=off",), ("iommu=off", "intel_iommu=off")]))
        rules.append(merge_rules(wanted, remove))
        if rules[-1] not in rendered:
            rendered[rules[-1]] = render(rules[-1])
        drop_ins = {"50-other.cfg": generated_file(pick)} if pick.random() < 0.3 else {}
        drop_ins["zz-nova-pci-passthrough.cfg"] = rendered[rules[-1]]
        write_etc(root / f"{number:05d}", generated_file(pick), drop_ins)
    return root, rules


@pytest.mark.parametrize("shell", MAIN_SHELLS)
def test_generated_files(generated: tuple[Path, list[tuple[MergeRule, ...]]], shell: str) -> None:
    root, rules = generated
    argv = shell_of(shell)
    before, after = batch(argv, root, without=True), batch(argv, root, without=False)
    count = len(rules)
    assert len(before) == len(after) == count
    changed = 0
    for number in range(count):
        assert after[number] == merge_texts(before[number], rules[number]), number
        check_one(before[number], after[number], rules[number], number)
        changed += before[number] != after[number]
    assert changed > count / 2


def check_one(before: tuple[str, str], after: tuple[str, str], rules: tuple[MergeRule, ...], number: int) -> None:
    """Without a word of the merge itself: the wanted stands there, and every other token is the same in the same order."""
    old, new = KernelCommandLine(" ".join(before)), KernelCommandLine(" ".join(after))
    keys = {key for rule in rules for key in rule.keys if rule.kind != "add"}
    added = {token for rule in rules if rule.kind == "add" for token in rule.tokens}
    init = [token.text for token in old.tokens[len(old.arguments) :]]
    assert [token.text for token in new.tokens[len(new.arguments) :]] == init, number
    others = [token.text for token in old.arguments if token.key not in keys]
    kept = [token.text for token in new.arguments if token.key not in keys]
    for token in added:
        assert token in kept, number
        if token not in others:
            kept.remove(token)
    assert kept == others, number
    for rule in rules:
        assert rule.satisfied_by(new.arguments), number
        if rule.kind == "set" and len(rule.keys) == 1:
            assert [token.text for token in new.arguments if token.key in rule.keys] == list(rule.tokens), number
    assert merge_texts(after, rules) == after, number
