# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Random file trees, command lines and environments, each drawn from its own seed."""

from __future__ import annotations

import random
from dataclasses import asdict, dataclass, field

HOME = "/var/lib/nova"
CWD = "/srv/work"
PROGRAM = "nova-compute"

FILES = (
    "/etc/nova/nova.conf", "/etc/nova/nova-compute.conf", "/etc/nova.conf", "/etc/nova-compute.conf",
    f"{HOME}/.nova/nova.conf", f"{HOME}/nova.conf", f"{HOME}/nova-compute.conf",
)  # fmt: skip
DIRECTORIES = (
    "/etc/nova/nova.conf.d", "/etc/nova/nova-compute.conf.d", "/etc/nova.conf.d", "/etc/nova-compute.conf.d",
    f"{HOME}/.nova/nova.conf.d", f"{HOME}/nova.conf.d", f"{HOME}/.nova/nova-compute.conf.d",
)  # fmt: skip
NAMED_FILES = ("/etc/nova/nova.conf", "/etc/nova/nova-compute.conf", "/srv/a.conf", f"{CWD}/b.conf", f"{HOME}/c.conf")
NAMED_DIRECTORIES = ("/etc/nova/nova.conf.d", "/srv/conf.d", f"{CWD}/d", f"{HOME}/e")
DROP_INS = ("a.conf", "B.conf", "10-x.conf", "9-y.conf", "nova-pci-passthrough.conf", "é.conf",
            ".hidden.conf", "a.conf.bak", "c.CONF", "conf")  # fmt: skip
SPELLINGS = {
    "/srv/a.conf": ("/srv/a.conf", "/srv/../srv/./a.conf", "/srv//a.conf", "../a.conf"),
    f"{CWD}/b.conf": (f"{CWD}/b.conf", "b.conf", "./b.conf"),
    f"{HOME}/c.conf": (f"{HOME}/c.conf", "~/c.conf"),
    "/srv/conf.d": ("/srv/conf.d", "/srv/conf.d/", "../conf.d"),
    f"{CWD}/d": (f"{CWD}/d", "d", "./d/"),
    f"{HOME}/e": (f"{HOME}/e", "~/e"),
}

SECTIONS = ("pci", "pci", "pci", "PCI", "Pci", "DEFAULT", "DEFAULT", "default", " pci ", "filter_scheduler",
            "filter_scheduler", "FILTER_SCHEDULER", "other", "a]b")  # fmt: skip
NAMES = {
    "pci": (
        "alias",
        "alias",
        "device_spec",
        "passthrough_whitelist",
        "report_in_placement",
        "local",
        "Alias",
        "device-spec",
    ),
    "filter_scheduler": ("enabled_filters", "available_filters", "pci_in_placement"),
    "DEFAULT": ("pci_alias", "pci_passthrough_whitelist", "scheduler_default_filters", "my_ip", "host", "state_path"),
}
TEXTS = ("", "a", "b", "x y", "yes", "no", "True", "FALSE", "on", "0", "1", "maybe", '{"name": "a1"}', "A,B,C", "A, B ,", ",A,,B",
         "[A, B]", "'q'", '"q"', "'q", "''q''", '"', "x # y", "x ; y", "a = b", "k: v", "%(x)s", "\\n", "é", "...")  # fmt: skip
REFERENCES = ("$my_ip", "${my_ip}", "$host", "x$state_path/y", "${pci.local}", "$local", "$$my_ip", "\\$my_ip", "$", "a$",
              "$1", "[0-3]$", '$"', "$nothing", "${nothing.at_all}", "${PCI.local}", "${DEFAULT.my_ip}", "$pci", "${my_ip",
              "$my_ip.", "$MY_IP", "$ſtate", "\\\\$host", "$$$host")  # fmt: skip
ODD = ("\x0b", "\x0c", "\x1c", "\x85", "\xa0", "\u2028", "\u200b", "\0")
WRONG = ("]", "}", "nonsense", "[pci", "[]", "= x", ": x", "[pci] # x", "  # indented", "\ufeff")
VARIABLES = ("OS_PCI__ALIAS", "OS_FILTER_SCHEDULER__ENABLED_FILTERS", "OS_PCI__REPORT_IN_PLACEMENT", "OS_DEFAULT__MY_IP",
             "OS_PCI__PASSTHROUGH_WHITELIST", "os_pci__alias")  # fmt: skip


@dataclass
class Case:
    """One tree and one start of the service.

    Shape: *files* is text by path, where each character is one byte; *folders* exist without being files (one may be called
    x.conf); *dead* are symbolic links to nothing. *added* is the one of *files* that is to be put there by with_file().
    """

    seed: int
    files: dict[str, str] = field(default_factory=dict)
    folders: list[str] = field(default_factory=list)
    dead: list[str] = field(default_factory=list)
    arguments: list[str] = field(default_factory=list)
    environment: dict[str, str] = field(default_factory=dict)
    default_files: list[str] | None = None
    added: str | None = None

    def to_dict(self) -> dict[str, object]:
        return {**asdict(self), "home": HOME, "cwd": CWD, "program": PROGRAM}


def draw_case(seed: int) -> Case:
    draw = random.Random(seed)
    case = Case(seed)
    _draw_arguments(draw, case)
    if draw.random() < 0.8:
        case.files["/etc/nova/nova.conf"] = _bytes(draw)
    for path in FILES:
        if draw.random() < 0.15:
            case.files[path] = _bytes(draw)
    for directory in DIRECTORIES:
        if draw.random() < 0.35:
            _draw_directory(draw, case, directory)
    if draw.random() < 0.1:
        case.environment = {draw.choice(VARIABLES): _value(draw) or "x" for _number in range(draw.randrange(1, 3))}
        case.environment = {name: value.replace("\0", "") for name, value in case.environment.items()}
    drop_ins = [path for path in case.files if path.endswith(".conf")]
    if drop_ins and draw.random() < 0.5:
        case.added = draw.choice(sorted(drop_ins))
    return case


def _draw_arguments(draw: random.Random, case: Case) -> None:
    shape = draw.random()
    if shape < 0.3:
        return
    if shape < 0.4:
        case.default_files = ["/etc/nova/api-paste.ini", "/etc/nova/nova.conf"]
        case.files["/etc/nova/api-paste.ini"] = "[composite:x]\nuse = y\n/: z\n/v2: w\n"
        case.files["/etc/nova/nova.conf"] = _bytes(draw)
        return
    for _number in range(draw.randrange(1, 4)):
        directory = draw.random() < 0.3
        path = draw.choice(NAMED_DIRECTORIES if directory else NAMED_FILES)
        spelled = draw.choice(SPELLINGS.get(path, (path,)))
        option = "--config-dir" if directory else "--config-file"
        if draw.random() < 0.03:
            option = option[: draw.randrange(len("--config-f"), len(option))]
        case.arguments += [f"{option}={spelled}"] if draw.random() < 0.6 else [option, spelled]
        if draw.random() < 0.2:
            case.arguments += draw.choice((["--log-file=/x"], ["--log-file", "/y"], ["--debug"]))
        if draw.random() < 0.02:
            continue  # the service is told to read what is not there
        if directory:
            _draw_directory(draw, case, path)
        else:
            case.files.setdefault(path, _bytes(draw))


def _draw_directory(draw: random.Random, case: Case, directory: str) -> None:
    case.folders.append(directory)
    for name in draw.sample(DROP_INS, draw.randrange(4)):
        case.files.setdefault(f"{directory}/{name}", _bytes(draw))
    if draw.random() < 0.01:
        case.folders.append(f"{directory}/folder.conf")
    if draw.random() < 0.01:
        case.dead.append(f"{directory}/dead.conf")
    if draw.random() < 0.05:
        case.files[f"{directory}/below/x.conf"] = _bytes(draw)


def _bytes(draw: random.Random) -> str:
    """A file's bytes, one character each."""
    raw = _text(draw).encode("utf-8")
    if draw.random() < 0.004:
        place = draw.randrange(len(raw) + 1)
        raw = raw[:place] + draw.choice((b"\xff", b"\xe9", b"\xc3", b"\xed\xa0\x80")) + raw[place:]
    return raw.decode("latin-1")


def _text(draw: random.Random) -> str:
    ends = draw.choice((["\n"],) * 6 + (["\r\n"], ["\r"], ["\n", "\r\n", "\r"]))
    section = draw.choice(SECTIONS)
    lines = [f"[{section}]"] if draw.random() < 0.99 else []
    after_value = False
    for _number in range(draw.randrange(12)):
        line, section, after_value = _line(draw, section, after_value)
        lines.append(line)
    text = "".join(line + draw.choice(ends) for line in lines)
    if draw.random() < 0.3:
        text = text.rstrip("\r\n")
    return ("\ufeff" if draw.random() < 0.003 else "") + text


def _line(draw: random.Random, section: str, after_value: bool) -> tuple[str, str, bool]:
    """A line, the section and whether an indented line may follow."""
    kind = draw.random()
    if kind < 0.003:
        return draw.choice(WRONG), section, after_value
    if kind < 0.15:
        section = draw.choice(SECTIONS)
        return f"[{section}]" + draw.choice(("", "", " ", "\t")), section, False
    if kind < 0.27:
        return draw.choice(("", "  ", "# comment", "; comment", "#", "\t")), section, False
    if kind < 0.4 and after_value:
        return (
            draw.choice(("  ", "\t", " ")) + draw.choice((_value(draw), "# x", "[x]", "= y")).strip() + "x",
            section,
            True,
        )
    names = NAMES.get(section.strip().lower() if section != "DEFAULT" else section, ("unknown",))
    separator = draw.choice(("=", " = ", " = ", " = ", ":", ": ", " =", "\t=\t"))
    return draw.choice(names) + separator + _value(draw), section, True


def _value(draw: random.Random) -> str:
    text = draw.choice(REFERENCES) if draw.random() < 0.12 else draw.choice(TEXTS)
    if draw.random() < 0.1:
        text += draw.choice(TEXTS)
    if draw.random() < 0.03:
        place = draw.randrange(len(text) + 1)
        text = text[:place] + draw.choice(ODD) + text[place:]
    return text + draw.choice(("", "", " ", "\t"))
