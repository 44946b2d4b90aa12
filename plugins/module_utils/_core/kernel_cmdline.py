# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kernel command line under the kernel's own rules, and the keyed merge of whole tokens into it.

The rules are those of lib/cmdline.c next_arg() and kernel/params.c parse_args(): white space splits, a double quote
protects wherever it stands, '-' and '_' are one character in a name (parameq), and what follows a bare "--" is init's.
The same merge exists a second time, as the shell of roles/host/templates/grub-drop-in.cfg.j2; the tests hold the two
against one another.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from .errors import InputProblem, PassthroughError, raise_problems

SPACES = " \t\n\v\f\r"

# Keys that may stand on the line several times with each one counting (Documentation/admin-guide/kernel-parameters.txt
# and dracut.cmdline(7)). A wanted token of such a key is added when it is absent; no other token of the key goes.
REPEATABLE_KEYS = frozenset(
    {
        "blacklist", "bootdev", "console", "crashkernel", "cryptdevice", "dyndbg", "earlycon", "earlyprintk", "ifname",
        "initcall_blacklist", "ip", "ip6", "kgdboc", "luks", "mce", "memmap", "module_blacklist", "modules_load",
        "modprobe.blacklist", "mtdparts", "nameserver", "netconsole", "noprobe", "nvme_core.quirks", "pci", "pstore",
        "rdsosreport", "s390_iommu", "stacktrace_filter", "team", "trace_event", "usbcore.quirks", "vlan",
    }
)  # fmt: skip
REPEATABLE_PREFIXES = ("rd.", "systemd.", "luks.", "bond", "bridge")

# A page size governs the counts that follow it (mm/hugetlb.c), so these two keys form one ordered block.
HUGE_PAGE_KEYS = ("hugepagesz", "hugepages")

# Comma lists of independent flags: flags of others stay. flag -> the flags that it cannot stand beside.
FLAG_LISTS: dict[str, dict[str, tuple[str, ...]]] = {
    "intel_iommu": {"on": ("off",), "sm_on": ("sm_off",), "sm_off": ("sm_on",)},  # drivers/iommu/intel/iommu.c
    "amd_iommu": {"force_enable": ("off",)},  # drivers/iommu/amd/init.c
    "iommu": {  # arch/x86/kernel/pci-dma.c
        "pt": ("nopt", "off"), "nopt": ("pt",), "force": ("noforce", "off"), "noforce": ("force",),
        "merge": ("nomerge",), "nomerge": ("merge",),
    },
}  # fmt: skip

_NEVER_OURS = (
    "root", "init", "rdinit", "initrd", "BOOT_IMAGE", "rootflags", "rootfstype", "resume", "systemd.machine_id",
)  # fmt: skip
_SPECIAL = {
    "$": "a dollar sign", "`": "a backtick", "\\": "a backslash", "'": "a single quote", ";": "a semicolon",
    "|": "a pipe sign", "&": "an ampersand", "<": "a less-than sign", ">": "a greater-than sign",
}  # fmt: skip


def normal_key(name: str) -> str:
    return name.replace("-", "_")


@dataclass(frozen=True)
class Argument:
    """One token of a command line, spelled as it stands there."""

    text: str

    @property
    def _bare(self) -> str:
        if not self.text.startswith('"'):
            return self.text
        return self.text[1:-1] if self.text.endswith('"') and len(self.text) > 1 else self.text[1:]

    @property
    def key(self) -> str:
        bare = self._bare
        equals = bare.find("=", 1)  # next_arg() takes no '=' in the first place for the one that ends the name
        return normal_key(bare if equals < 0 else bare[:equals])

    @property
    def value(self) -> str | None:
        """What the kernel hands to the parameter: the quotes around a value are not part of it."""
        bare = self.text.removeprefix('"')
        equals = bare.find("=", 1)
        if equals < 0:
            return None
        value = bare[equals + 1 :].removeprefix('"')
        is_quoted = '"' in (self.text[0], bare[equals + 1 : equals + 2])
        # next_arg() takes one quote off the end, even where it took two off in front.
        return value.removesuffix('"') if is_quoted and bare.endswith('"') else value

    @property
    def same(self) -> str:
        """Two tokens with this in common are spelled alike but for '-' and '_' in the name."""
        if self.text.startswith('"'):
            return self.text
        return self.key + self.text[len(self.key) :]

    @property
    def meaning(self) -> tuple[str, str | None]:
        """Two tokens with this in common say the same to the kernel, however quoted."""
        return self.key, self.value

    @property
    def flags(self) -> tuple[str, ...]:
        """The parts of a comma list; none where a quote or a blank stands within it."""
        text = self.text.partition("=")[2].removeprefix('"').removesuffix('"')
        if '"' in text or any(space in text for space in SPACES):
            return ()
        return tuple(flag for flag in text.split(",") if flag)

    @property
    def ends_kernel_part(self) -> bool:
        return self.key == "__" and self.value is None and self._bare == "--"


@dataclass(frozen=True)
class _Piece:
    space: str
    argument: Argument


@dataclass(frozen=True)
class KernelCommandLine:
    """A command line as text; its parts keep their spelling, and `text` is never rebuilt from parsed values."""

    text: str
    _parsed: tuple[tuple[_Piece, ...], str, bool] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_parsed", _parse(self.text))

    @property
    def pieces(self) -> tuple[_Piece, ...]:
        return self._parsed[0]

    @property
    def trailing(self) -> str:
        return self._parsed[1]

    @property
    def balanced(self) -> bool:
        """False: a quote is opened and never closed; such a line is left alone."""
        return self._parsed[2]

    @property
    def tokens(self) -> tuple[Argument, ...]:
        return tuple(piece.argument for piece in self.pieces)

    @property
    def arguments(self) -> tuple[Argument, ...]:
        """The kernel's own: those before a bare "--"."""
        return kernel_part(self.tokens)

    def named(self, key: str) -> tuple[Argument, ...]:
        return tuple(argument for argument in self.arguments if argument.key == normal_key(key))

    def merged(self, rules: Iterable[MergeRule]) -> KernelCommandLine:
        return KernelCommandLine(merge_texts((self.text,), rules)[0])


def kernel_part(tokens: Sequence[Argument]) -> tuple[Argument, ...]:
    for position, token in enumerate(tokens):
        if token.ends_kernel_part:
            return tuple(tokens[:position])
    return tuple(tokens)


def _parse(text: str) -> tuple[tuple[_Piece, ...], str, bool]:
    pieces: list[_Piece] = []
    position = 0
    balanced = True
    while True:
        start = position
        while position < len(text) and text[position] in SPACES:
            position += 1
        if position == len(text):
            return tuple(pieces), text[start:], balanced
        begin = position
        quoted = False
        while position < len(text) and (quoted or text[position] not in SPACES):
            quoted ^= text[position] == '"'
            position += 1
        balanced = balanced and not quoted
        pieces.append(_Piece(text[start:begin], Argument(text[begin:position])))


@dataclass(frozen=True)
class MergeRule:
    """One step of the merge.

    Shape: *kind* is "set" (the tokens of these keys are exactly `tokens`), "add" (this token stands somewhere) or
    "flags" (a comma list holds `flags` and none of `contrary`); *keys* are normal keys; *tokens* are spelled as wanted.
    """

    kind: str
    keys: tuple[str, ...]
    tokens: tuple[str, ...] = ()
    flags: tuple[str, ...] = ()
    contrary: tuple[str, ...] = ()

    def to_dict(self) -> dict[str, object]:
        """Everything the drop-in template prints, `text` and `same` in the words its shell compares."""
        return {
            "kind": self.kind,
            "keys": " ".join(self.keys),
            "text": ",".join(self.flags) if self.kind == "flags" else " ".join(self.tokens),
            "same": " ".join(Argument(token).same for token in self.tokens),
            "contrary": ",".join(self.contrary),
        }

    def concerns(self, argument: Argument) -> bool:
        if self.kind == "add":
            return argument.same == Argument(self.tokens[0]).same
        return argument.key in self.keys

    def change(self, arguments: Sequence[Argument]) -> str | None:
        """None: *arguments* need no change. Else the text that takes the place of every token this rule concerns."""
        present = [argument for argument in arguments if self.concerns(argument)]
        if self.kind == "add":
            return None if present else self.tokens[0]
        if self.kind == "set":
            wanted = [Argument(token).same for token in self.tokens]
            return None if [argument.same for argument in present] == wanted else " ".join(self.tokens)
        return self._flag_change(present)

    def _flag_change(self, present: Sequence[Argument]) -> str | None:
        found = [flag for argument in present for flag in argument.flags]
        clean = not any(flag in self.contrary for flag in found)
        if not self.flags and clean:
            return None
        if clean and len(present) == 1 and all(flag in found for flag in self.flags):
            return None
        rest = [flag for flag in found if flag not in self.contrary]
        flags = tuple(dict.fromkeys((*self.flags, *rest)))
        return f"{self.keys[0]}={','.join(flags)}" if flags else ""

    def satisfied_by(self, arguments: Iterable[Argument]) -> bool:
        """Whether the kernel would see what is wanted, however often and in whatever quotes it stands there."""
        present = [argument for argument in arguments if argument.key in self.keys]
        meanings = list(dict.fromkeys(argument.meaning for argument in present))
        wanted = [Argument(token).meaning for token in self.tokens]
        if self.kind == "set":
            if len(self.keys) > 1:
                return [argument.meaning for argument in present] == wanted
            return meanings == wanted
        if self.kind == "add":
            return wanted[0] in meanings
        flags = [flag for _key, value in meanings for flag in (value or "").split(",")]
        return all(flag in flags for flag in self.flags) and not any(flag in flags for flag in self.contrary)


def is_repeatable(key: str) -> bool:
    key = normal_key(key)
    return key in REPEATABLE_KEYS or key.startswith(REPEATABLE_PREFIXES)


def merge_rules(wanted: Sequence[str], remove: Sequence[str] = ()) -> tuple[MergeRule, ...]:
    """Return the steps that bring *wanted* tokens onto a line and take the tokens *remove* ("iommu=off") off it."""
    rules = []
    blocks = {argument.key: argument for argument in map(Argument, wanted)}
    for token in remove:
        argument = Argument(token)
        if argument.key in FLAG_LISTS and argument.key not in blocks:
            rules.append(MergeRule("flags", (argument.key,), contrary=argument.flags))
        elif argument.key not in FLAG_LISTS:
            rules.append(MergeRule("set", (argument.key,)))
    contrary_flags = {Argument(token).key: Argument(token).flags for token in remove}
    block = tuple(token for token in wanted if Argument(token).key in HUGE_PAGE_KEYS)
    for token in wanted:
        argument = Argument(token)
        if argument.key in HUGE_PAGE_KEYS:
            if token == block[0] and not any(rule.keys == HUGE_PAGE_KEYS for rule in rules):
                rules.append(MergeRule("set", HUGE_PAGE_KEYS, block))
        elif argument.key in FLAG_LISTS and argument.flags:
            opposites = FLAG_LISTS[argument.key]
            contrary = [flag for mine in argument.flags for flag in opposites.get(mine, ())]
            contrary += [flag for flag in contrary_flags.get(argument.key, ()) if flag not in argument.flags]
            rules.append(MergeRule("flags", (argument.key,), (token,), argument.flags, tuple(dict.fromkeys(contrary))))
        elif is_repeatable(argument.key):
            rules.append(MergeRule("add", (argument.key,), (token,)))
        else:
            rules.append(MergeRule("set", (argument.key,), (token,)))
    return tuple(dict.fromkeys(rules))


def merge_texts(texts: tuple[str, ...], rules: Iterable[MergeRule]) -> tuple[str, ...]:
    """Merge into one command line that is kept in several texts (GRUB_CMDLINE_LINUX and ..._DEFAULT), in boot order.

    New text goes to the end of the last one, or before the "--" that begins init's part. Texts with an open quote come
    back as they are: where a token of theirs ends is anybody's guess.
    """
    for rule in rules:
        lines = [KernelCommandLine(text) for text in texts]
        if not all(line.balanced for line in lines):
            return texts
        addition = rule.change(kernel_part([token for line in lines for token in line.tokens]))
        if addition is not None:
            texts = _replace(lines, rule, addition)
    return texts


def _replace(lines: Sequence[KernelCommandLine], rule: MergeRule, addition: str) -> tuple[str, ...]:
    texts = []
    init = False
    for number, line in enumerate(lines):
        out = ""
        lead: str | None = None
        for piece in line.pieces:
            argument = piece.argument
            space = piece.space if out or lead is None else lead
            init = init or argument.ends_kernel_part
            if not init and rule.concerns(argument):
                lead = lead if out or lead is not None else piece.space
                continue
            if init and addition:
                out += f"{space}{addition} {argument.text}"
                addition = ""
            else:
                out += space + argument.text
        if addition and number == len(lines) - 1:
            out += f" {addition}" if out else addition
        texts.append(out + line.trailing)
    return tuple(texts)


def check_arguments(arguments: Sequence[str], entry: str = "kernel_arguments") -> tuple[str, ...]:
    """Return the user's own *arguments* when each can stand on a command line; else every problem at once.

    *entry* is the name of the list in the user's words; problems name its index.
    """
    problems: list[PassthroughError] = []
    first: dict[str, tuple[int, str]] = {}
    for number, text in enumerate(arguments):
        place = f"{entry}[{number}]"
        found = _problem_of(place, text) or _contradiction(place, text, first, entry)
        if found:
            problems.append(found)
            continue
        first.setdefault(Argument(text).key, (number, text))
    raise_problems(problems)
    return tuple(dict.fromkeys(arguments) if not _has_block(arguments) else arguments)


def _has_block(arguments: Sequence[str]) -> bool:
    return any(Argument(text).key in HUGE_PAGE_KEYS for text in arguments)


def _contradiction(place: str, text: str, first: dict[str, tuple[int, str]], entry: str) -> InputProblem | None:
    argument = Argument(text)
    if is_repeatable(argument.key) or argument.key in HUGE_PAGE_KEYS or argument.key not in first:
        return None
    number, other = first[argument.key]
    if Argument(other).meaning == argument.meaning:
        return None
    return InputProblem(place, text, f"contradicts {entry}[{number}] ({other!r}): {argument.key} can have one value",
                        "Keep one of the two, or write the flags of a comma list in one argument")  # fmt: skip


def _problem_of(place: str, text: object) -> InputProblem | None:
    if not isinstance(text, str):
        return InputProblem(place, text, "is no text", 'Write it in quotes, as in "iommu=pt"')
    return _spelling_problem(place, text) or _meaning_problem(place, text)


def _character_problem(character: str) -> tuple[str, str] | None:
    if character == "\0":
        return "holds a NUL", "No kernel argument can hold one; remove it"
    if character in "\n\r":
        return "holds a line break", "Write one argument per entry, each on one line"
    if (ord(character) < 32 and character != "\t") or ord(character) == 127:
        return f"holds the control character {ord(character):#04x}", "Remove it"
    if ord(character) > 126:
        return f"holds {character!r}, which is not ASCII", "Write it in ASCII"
    if character in _SPECIAL:
        return f"holds {_SPECIAL[character]}, which the shell or GRUB takes for its own", "Choose a spelling without it"
    return None


def _spelling_problem(place: str, text: str) -> InputProblem | None:
    if not text:
        return InputProblem(place, text, "is empty", "Write one kernel argument, as in iommu=pt, or leave it out")
    for character in text:
        found = _character_problem(character)
        if found:
            return InputProblem(place, text, *found)
    line = KernelCommandLine(text)
    if not line.balanced:
        return InputProblem(place, text, "opens a double quote and does not close it", "Close the quote")
    if len(line.pieces) != 1 or line.trailing or line.pieces[0].space:
        return InputProblem(place, text, "holds white space outside double quotes",
                            'Write one argument per entry, or quote the value: name="a b"')  # fmt: skip
    return None


def _meaning_problem(place: str, text: str) -> InputProblem | None:
    argument = Argument(text)
    problem = None
    if argument.ends_kernel_part or text.startswith(("-", "=")):
        problem = "is no kernel argument", 'What follows a bare "--" belongs to init; write a name or name=value'
    elif text.startswith(('"', "#")):
        problem = "begins with a character that GRUB or the kernel strips", 'Quote the value alone: name="a b"'
    elif '"' in argument.key or any(space in argument.key for space in SPACES):
        problem = "has a quote in its name", 'Quote the value alone: name="a b"'
    elif argument.key in {normal_key(key) for key in _NEVER_OURS}:
        problem = "belongs to the boot loader", f"Set {argument.key} there; this collection never touches it"
    else:
        problem = _iommu_problem(argument)
    return InputProblem(place, text, *problem) if problem else None


def _iommu_problem(argument: Argument) -> tuple[str, str] | None:
    opposites = FLAG_LISTS.get(argument.key)
    if opposites is None:
        return None
    flags = argument.flags
    if not flags:
        return "has no value", f"Write {argument.key}=VALUE, or leave the entry out"
    if argument.key == "amd_iommu" and "on" in flags:
        problem = "is not a value the kernel knows: the AMD IOMMU is on unless it is switched off"
        return problem, "Leave the entry out, nothing is needed on AMD (amd_iommu=force_enable is for broken firmware)"
    if "off" in flags:
        return "switches the IOMMU off, and without it no device can be passed through", "Leave the entry out"
    for flag in flags:
        for contrary in opposites.get(flag, ()):
            if contrary in flags:
                return f"says {flag} and {contrary} at once", "Keep one of the two"
    return None
