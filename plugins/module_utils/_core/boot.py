# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How this machine boots: which boot configuration is in charge, what the next boot hands to the kernel, and the plan."""

from __future__ import annotations

import re
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any

from .boot_facts import DROP_IN, GRUB_DEFAULT, KERNEL_CMDLINE, BootFacts, Evaluation, SourceFile, with_block
from .errors import MachineProblem
from .grub_menu import MenuEntry
from .kernel_cmdline import SPACES, Argument, KernelCommandLine, MergeRule, merge_rules, merge_texts

GRUB_D = "grub-d"
GRUBBY = "grubby"
KERNEL_INSTALL = "kernel-install"
GRUB_FILE = "grub-file"
NONE = "none"

DROP_IN_TEMPLATE = "grub-drop-in.cfg.j2"
LAYER = "kernel_arguments"

RUNNING = "running"
PENDING = "pending reboot"
TO_CHANGE = "to change"
INEFFECTIVE = "ineffective"

LOOKED_FOR = (
    "a grub.cfg under /boot/grub or /boot/grub2 with grub-mkconfig or grub2-mkconfig, grubby with entries under "
    "/boot/loader/entries, kernel-install with entries under loader/entries of /efi, /boot or /boot/efi"
)


@dataclass(frozen=True)
class BootEntry:
    """One file of loader/entries. *options* is None where a variable in it is not known."""

    name: str  # the file's name without .conf and without the count of boot tries
    path: str
    version: str
    linux: str | None
    options: tuple[Argument, ...] | None

    @property
    def is_rescue(self) -> bool:
        return "rescue" in self.name or "recovery" in self.name

    def is_named(self, chosen: str) -> bool:
        if not chosen:
            return False
        chosen = chosen[: -len(".conf")] if chosen.endswith(".conf") else chosen
        return fnmatchcase(self.name, chosen)


def parse_entry(file: SourceFile, environment: dict[str, str]) -> BootEntry:
    fields: dict[str, list[str]] = {}
    for line in (file.reading.text or "").split("\n"):
        key, *rest = re.split("[ \t]+", line.strip(SPACES), maxsplit=1)
        if key and not key.startswith("#"):
            fields.setdefault(key, []).extend(rest or [""])
    name = re.sub(r"(\+\d+(-\d+)?)?\.conf\Z", "", file.path.rsplit("/", 1)[-1])
    options: tuple[Argument, ...] | None = ()
    for token in KernelCommandLine(" ".join(fields.get("options", []))).arguments:
        if options is None or not token.text.startswith("$"):
            options = None if options is None else (*options, token)
        elif token.text in ("$tuned_params", "$tuned_initrd"):
            options = (*options, *KernelCommandLine(environment.get(token.text[1:], "")).arguments)
        else:
            value = environment.get(token.text.strip("${}"))
            options = None if value is None else (*options, *KernelCommandLine(value).arguments)
    versions = fields.get("version", [""])
    return BootEntry(name, file.path, versions[0] or name, next(iter(fields.get("linux", [])), None), options)


def boot_entries(facts: BootFacts) -> tuple[BootEntry, ...]:
    """The entries of the Boot Loader Specification, the one that boots first."""
    entries = [parse_entry(file, facts.environment) for file in facts.entries if file.reading.text is not None]
    entries.sort(key=lambda entry: (entry.is_rescue, [-number for number in _numbers(entry.version)], entry.name))
    chosen = facts.environment.get("next_entry") or facts.environment.get("saved_entry") or _loader_default(facts)
    return tuple(sorted(entries, key=lambda entry: not entry.is_named(chosen)))


def _numbers(version: str) -> list[int]:
    return [int(number) for number in re.findall(r"[0-9]{1,18}", version)]  # int() refuses thousands of digits


def _loader_default(facts: BootFacts) -> str:
    match = re.search(r"^default[ \t]+(\S+)", facts.loader_conf.text or "", re.MULTILINE)
    return "" if match is None or match.group(1).startswith("@") else match.group(1)


def choose_backend(facts: BootFacts) -> str:
    """Which configuration the machine really boots from; MachineProblem where none of ours can be told.

    The rule where GRUB and systemd-boot are both installed: the loader that started this very kernel says so in the
    EFI variable LoaderInfo. Without that variable GRUB is in charge as soon as it has a grub.cfg, since systemd-boot
    always sets the variable.
    """
    if facts.ostree:
        raise MachineProblem(
            "/run/ostree-booted",
            "this host is deployed as an image (ostree or bootc), whose kernel arguments belong to the deployment",
            "Set them with `rpm-ostree kargs --append-if-missing=...` or in the image's /usr/lib/bootc/kargs.d",
        )
    loader = (facts.loader_info.text or "").lower()
    if loader.startswith("systemd-boot"):
        return _systemd_boot(facts)
    if facts.grub_cfg.is_unreadable:
        raise MachineProblem(
            str(facts.grub_cfg_path), f"cannot be read: {facts.grub_cfg.problem}", "Run this as root (become: true)"
        )
    if facts.grub_cfg.is_value or "grub" in loader:
        backend = _grub_family(facts)
        if backend is not None:
            return backend
    elif facts.entries and KERNEL_INSTALL in facts.tools:
        return _systemd_boot(facts)
    raise MachineProblem(
        "boot loader",
        f"none is known here; looked for {LOOKED_FOR}",
        "Set the kernel arguments by hand and leave the kernel's part of this role out, or report which loader this is",
    )


def _systemd_boot(facts: BootFacts) -> str:
    if not facts.entries or KERNEL_INSTALL not in facts.tools:
        missing = (
            "kernel-install" if facts.entries else "an entry under loader/entries (unified kernel images have none)"
        )
        raise MachineProblem(
            "systemd-boot", f"started this kernel, but there is no {missing}", "Set the kernel arguments by hand"
        )
    return KERNEL_INSTALL


def _grub_family(facts: BootFacts) -> str | None:
    menu = facts.menu
    if GRUBBY in facts.tools and (facts.entries or (menu is not None and menu.uses_bls)):
        return GRUBBY
    if facts.mkconfig.text is None:
        return None
    return GRUB_D if "default/grub.d" in facts.mkconfig.text else GRUB_FILE


def next_boot(facts: BootFacts, backend: str) -> tuple[Argument, ...] | None:
    """The arguments of the entry that boots next, None when that cannot be told."""
    if backend in (GRUBBY, KERNEL_INSTALL):
        entry = next(iter(boot_entries(facts)), None)
        return None if entry is None else entry.options
    grub_entry = _default_entry(facts)
    if grub_entry is None or grub_entry.linux is None:
        return None
    return _kernel_part(grub_entry)


def _default_entry(facts: BootFacts) -> MenuEntry | None:
    menu = facts.menu
    return None if menu is None else menu.default_entry(facts.environment)


def _kernel_part(entry: MenuEntry) -> tuple[Argument, ...]:
    return KernelCommandLine(" ".join(argument.text for argument in entry.arguments)).arguments


def next_boot_tokens(facts: BootFacts) -> tuple[str, ...] | None:
    try:
        backend = choose_backend(facts)
    except MachineProblem:
        return None
    arguments = next_boot(facts, backend)
    return None if arguments is None else tuple(argument.text for argument in arguments)


@dataclass(frozen=True)
class KernelArgumentPlan:
    """The three parts of the plan that kernel arguments fill, each in the shape of docs/architecture.md."""

    kernel_arguments: dict[str, Any]
    files: tuple[dict[str, object], ...]
    tools: tuple[dict[str, object], ...]


def kernel_argument_plan(
    facts: BootFacts,
    wanted: Sequence[str],
    remove: Sequence[str] = (),
    warnings: Sequence[str] = (),
    booted_since: Collection[str] = (),
    dropped: Sequence[str] = (),
) -> KernelArgumentPlan:
    """Plan *wanted* tokens onto, and *remove* tokens off, the next boot's command line.

    *booted_since*: tokens (as in `rows`) that a reboot has come and gone for; such a one that still does not run is
    "ineffective", and nobody reboots for it again. *dropped*: running tokens that go because our file has them no more.
    """
    if not wanted and not remove:
        return KernelArgumentPlan(_block(NONE, (), (), (), [], [], ()), (), ())
    backend = choose_backend(facts)
    rules = merge_rules(wanted, remove)
    planner = {GRUB_D: _grub, GRUB_FILE: _grub, GRUBBY: _grubby, KERNEL_INSTALL: _kernel_install}[backend]
    configured, files, tools, more = planner(facts, backend, rules)
    running = KernelCommandLine(facts.running).arguments
    rows = []
    for token, rule in rows_of(wanted, remove, rules):
        is_configured = None if configured is None else all(rule.satisfied_by(line) for line in configured)
        is_running = rule.satisfied_by(running)
        if not token.startswith("without ") or not (is_configured and is_running):
            rows.append(_row(token, is_configured, is_running, booted_since))
    for token in dropped:
        is_gone = None if configured is None else all(Argument(token) not in line for line in configured)
        rows.append(_row(f"without {token}", is_gone, False, booted_since))
    block = _block(backend, wanted, remove, dropped, rows, (*warnings, *more), rules)
    return KernelArgumentPlan(block, tuple(files), tuple(tools))


_Parts = tuple[
    "Sequence[tuple[Argument, ...]] | None", "list[dict[str, object]]", "list[dict[str, object]]", "tuple[str, ...]"
]


def _block(
    backend: str,
    wanted: Sequence[str],
    remove: Sequence[str],
    dropped: Sequence[str],
    rows: list[dict[str, object]],
    warnings: Sequence[str],
    rules: Sequence[MergeRule],
) -> dict[str, object]:
    return {
        "backend": backend,
        "wanted": list(wanted),
        "remove": list(remove),
        "dropped": list(dropped),
        "rows": rows,
        "warnings": list(dict.fromkeys(warnings)),
        "merge": [rule.to_dict() for rule in rules],
    }


def rows_of(wanted: Sequence[str], remove: Sequence[str], rules: Sequence[MergeRule]) -> list[tuple[str, MergeRule]]:
    rows = []
    for token in wanted:
        rows += [(token, rule) for rule in rules if token in rule.tokens]
    for token in remove:
        key, flags = Argument(token).key, Argument(token).flags
        rows.append(
            (f"without {token}", MergeRule("flags", (key,), contrary=flags) if flags else MergeRule("set", (key,)))
        )
    return rows


def _row(token: str, configured: bool | None, running: bool, booted_since: Collection[str]) -> dict[str, object]:
    if not running and token in booted_since:
        state = INEFFECTIVE  # whatever the boot configuration says by now: nobody reboots for it a second time
    elif configured is not True:
        state = TO_CHANGE
    else:
        state = RUNNING if running else PENDING
    return {"token": token, "configured": configured, "running": running, "state": state}


# ---- GRUB with its own generator --------------------------------------------------------------------------------------


def _grub(facts: BootFacts, backend: str, rules: Sequence[MergeRule]) -> _Parts:
    source = facts.evaluated_without
    if source is None or source.problem:
        raise MachineProblem(
            GRUB_DEFAULT,
            f"the shell cannot read it: {source.problem if source else 'it was not evaluated'}",
            "Mend it so that `sh -e /etc/default/grub` succeeds; update-grub fails on it as well",
        )
    for name, text in (("GRUB_CMDLINE_LINUX", source.linux), ("GRUB_CMDLINE_LINUX_DEFAULT", source.linux_default)):
        if not KernelCommandLine(text).balanced:
            raise MachineProblem(
                _place_of(facts, name) or GRUB_DEFAULT, f"{name} opens a double quote and does not close it: {text!r}",
                "Close the quote; what follows it would be one argument to the kernel",
            )  # fmt: skip
    files: list[dict[str, object]] = [
        {"path": DROP_IN, "layer": LAYER, "kind": "file", "mode": "0644", "template": DROP_IN_TEMPLATE}
    ]
    if backend == GRUB_FILE:
        content = with_block(facts.grub_default.text or "")
        files.append(
            {"path": GRUB_DEFAULT, "layer": LAYER, "kind": "file", "mode": None, "content": content, "foreign": True}
        )
    entry = _default_entry(facts)
    configured = None if entry is None or entry.linux is None else [_kernel_part(entry)]
    warnings = (*_grub_warnings(facts, source, rules), *_entry_warnings(facts, entry, rules))
    return configured, files, [_mkconfig(facts, backend, rules)], warnings


def _mkconfig(facts: BootFacts, backend: str, rules: Sequence[MergeRule]) -> dict[str, object]:
    output = facts.grub_cfg_path or ("/boot/grub/grub.cfg" if backend == GRUB_D else "/boot/grub2/grub.cfg")
    if backend == GRUB_D and "update-grub" in facts.tools:
        argv = ["update-grub"]
    else:
        argv = [facts.mkconfig_name or "grub-mkconfig", "-o", output]
    return {"name": argv[0], "layers": [LAYER], "argv": argv, "undo": argv, "touches": [output],
            "force": _is_stale(facts, rules)}  # fmt: skip


def regenerating_tool(facts: BootFacts) -> dict[str, object] | None:
    """The tool that writes GRUB's menu anew from the files it is made of, None where there is none."""
    if "update-grub" in facts.tools:
        return _mkconfig(facts, GRUB_D, ())
    return None if facts.mkconfig_name is None else _mkconfig(facts, GRUB_FILE, ())


def _is_stale(facts: BootFacts, rules: Sequence[MergeRule]) -> bool:
    """Whether the sources say what is wanted and no generated entry does: the generator has not run since."""
    if facts.evaluated is None or not all(rule.satisfied_by(facts.evaluated.line.arguments) for rule in rules):
        return False
    menu = facts.menu
    entries = [entry for entry in menu.entries if entry.linux and not entry.is_recovery] if menu else []
    return not any(all(rule.satisfied_by(_kernel_part(entry)) for rule in rules) for entry in entries)


def _grub_warnings(facts: BootFacts, source: Evaluation, rules: Sequence[MergeRule]) -> list[str]:
    warnings = []
    for rule in rules:
        for token in source.line.arguments:
            if rule.kind != "add" and rule.concerns(token) and rule.change(source.line.arguments) is not None:
                place = _place_of(facts, token.text) or "a file that GRUB reads"
                warnings.append(f"{token.text} comes from {place}; it is overruled, not edited")
    ours_there = any(file.path.endswith(DROP_IN) for file in facts.grub_drop_ins)
    if ours_there and facts.evaluated is not None and facts.evaluated.problem is None:
        expected = merge_texts((source.linux, source.linux_default), rules)
        if all(rule.satisfied_by(KernelCommandLine(" ".join(expected)).arguments) for rule in rules):
            later = [
                file.path for file in facts.grub_drop_ins if file.path.rsplit("/", 1)[-1] > DROP_IN.rsplit("/", 1)[-1]
            ]
            if later and not all(rule.satisfied_by(facts.evaluated.line.arguments) for rule in rules):
                warnings.append(f"{', '.join(later)} is read after our drop-in and sets the arguments anew")
    for name, value in source.others:
        if name.startswith("GRUB_CMDLINE_LINUX_XEN_REPLACE") and value:
            warnings.append(f"{name} is set: entries for the Xen hypervisor do not get these arguments")
    return warnings


def _entry_warnings(facts: BootFacts, entry: MenuEntry | None, rules: Sequence[MergeRule]) -> list[str]:
    menu = facts.menu
    if entry is None or menu is None or all(rule.satisfied_by(_kernel_part(entry)) for rule in rules):
        return []
    for other in menu.entries:
        if other.linux and not other.is_recovery and all(rule.satisfied_by(_kernel_part(other)) for rule in rules):
            return [f"the entry that boots, {entry.title!r}, is not made from {GRUB_DEFAULT}: set the arguments there"]
    return []


def _place_of(facts: BootFacts, text: str) -> str | None:
    """The last file and line in which *text* stands outside a comment: a search in text, so the best guess."""
    found = None
    for file in (SourceFile(GRUB_DEFAULT, facts.grub_default), *facts.grub_drop_ins):
        if file.path.endswith(DROP_IN):
            continue
        for number, line in enumerate((file.reading.text or "").split("\n"), 1):
            if text in line and not line.lstrip().startswith("#"):
                found = f"{file.path} line {number}"
    return found


# ---- entries of the Boot Loader Specification -------------------------------------------------------------------------


def _grubby(facts: BootFacts, _backend: str, rules: Sequence[MergeRule]) -> _Parts:
    """grubby(8): --args replaces the value of a name that is there, --remove-args takes "name" or "name=value"."""
    lines = [entry.options for entry in boot_entries(facts)]
    if not lines or any(line is None for line in lines):
        return None, [], _grubby_tools([], rules), ()
    known = [line for line in lines if line is not None]
    for rule in rules:
        _refuse_replacement(rule, known)
    tools = [] if all(rule.satisfied_by(line) for rule in rules for line in known) else _grubby_tools(known, rules)
    return known, [], tools, ()


def _refuse_replacement(rule: MergeRule, lines: Sequence[tuple[Argument, ...]]) -> None:
    several = rule.kind == "add" or len(rule.keys) > 1
    if not several or all(rule.satisfied_by(line) for line in lines):
        return
    there = sorted({token.text for line in lines for token in line if token.key in rule.keys})
    if there or len(rule.tokens) > 1:
        raise MachineProblem(
            "grubby",
            f"replaces all values of {rule.keys[0]} ({', '.join(there) or 'none yet'}) by the one it is given, "
            f"so {' '.join(rule.tokens)} cannot be added beside them",
            "Set this argument in the boot entries by hand, or leave it out of the play",
        )


def _grubby_tools(lines: Sequence[tuple[Argument, ...]], rules: Sequence[MergeRule]) -> list[dict[str, object]]:
    add: list[str] = []
    drop: list[str] = []
    everything = [token for line in lines for token in line]
    for rule in rules:
        if lines and all(rule.satisfied_by(line) for line in lines):
            continue
        distinct = [Argument(text) for text in dict.fromkeys(token.text for token in everything)]
        change = rule.change(distinct)
        if change is None:  # each token stands in some entry, not in each
            change = " ".join(rule.tokens) or next(token.text for token in distinct if rule.concerns(token))
        add += [change] if change else []
        drop += [
            token.text for token in distinct if rule.kind != "add" and rule.concerns(token) and token.text != change
        ]
    argv = ["grubby", "--update-kernel=ALL"]
    argv += [f"--remove-args={' '.join(drop)}"] if drop else []
    argv += [f"--args={' '.join(add)}"] if add else []
    undo = ["grubby", "--update-kernel=ALL"]
    new = [token for token in add if token not in [one.text for one in everything]]
    undo += [f"--remove-args={' '.join(new)}"] if new else []
    undo += [f"--args={' '.join(drop)}"] if drop else []
    if len(argv) == 2:
        return []
    return [
        {"name": GRUBBY, "layers": [LAYER], "argv": argv, "undo": undo if len(undo) > 2 else [],
         "touches": ["/boot/loader/entries/*.conf", GRUB_DEFAULT, KERNEL_CMDLINE, "/boot/grub2/grubenv"],
         "force": True}
    ]  # fmt: skip


def _kernel_install(facts: BootFacts, _backend: str, rules: Sequence[MergeRule]) -> _Parts:
    """systemd's kernel-install writes entries from /etc/kernel/cmdline; /proc/cmdline serves it where there is none."""
    if facts.kernel_cmdline.is_unreadable:
        raise MachineProblem(
            KERNEL_CMDLINE, f"cannot be read: {facts.kernel_cmdline.problem}", "Run this as root (become: true)"
        )
    text = facts.kernel_cmdline.text
    if text is None:
        kept = [token.text for token in KernelCommandLine(facts.running).tokens
                if token.key not in ("BOOT_IMAGE", "initrd")]  # fmt: skip
        text = " ".join(kept) + "\n"
    line = KernelCommandLine(text)
    if not line.balanced:
        raise MachineProblem(KERNEL_CMDLINE, "opens a double quote and does not close it", "Close the quote")
    merged = line.merged(rules).text
    files: list[dict[str, object]] = []
    created = facts.kernel_cmdline.text is None
    if created or merged != text:
        mode = "0644" if created else None
        files = [
            {"path": KERNEL_CMDLINE, "layer": LAYER, "kind": "file", "mode": mode, "content": merged, "foreign": True}
        ]
    else:
        files = [
            {"path": KERNEL_CMDLINE, "layer": LAYER, "kind": "file", "mode": None, "content": text, "foreign": True}
        ]
    lines = [entry.options for entry in boot_entries(facts)]
    known = [options for options in lines if options is not None]
    stale = not known or not all(rule.satisfied_by(options) for rule in rules for options in known)
    touches = [f"{facts.entries_path}/*.conf"] if facts.entries_path else []
    tools: list[dict[str, object]] = [
        {"name": f"kernel-install {version}", "layers": [LAYER], "argv": ["kernel-install", "add", version, image],
         "undo": ["kernel-install", "add", version, image], "touches": touches, "force": stale and not created and merged == text}
        for version, image in facts.kernels
    ]  # fmt: skip
    if not tools:
        raise MachineProblem("kernel-install", "no installed kernel was found under /boot or /lib/modules",
                             "See whether /boot is mounted")  # fmt: skip
    warnings = () if not created else (
        f"{KERNEL_CMDLINE} is created from the running command line; it then rules every kernel installed later",
    )  # fmt: skip
    return known or None, files, tools, warnings
