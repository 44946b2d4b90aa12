# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Every text that a host, Nova or a guest hands to a parser: no traceback, and what is made of it keeps its shape."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.boot import boot_entries
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.boot_facts import (
    BLOCK_BEGIN,
    BLOCK_END,
    BootFacts,
    SourceFile,
    with_block,
    without_block,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_edit import undo_edits
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.console import compile_pattern, shown_devices
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.devices_conf import (
    ConfRow,
    devices_conf_rows,
    remembered_identities,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.grub_menu import parse_grub_cfg, parse_grubenv
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.identity import (
    serial_from_capability,
    serial_from_vpd,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import Journal, journal_from_text
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.modalias import ModuleAliases
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.oslo_config import parse_config, split_lines
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.pci_ids import PciIds
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import value
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.secrets import redact, secret_values
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.wanted import read_plan
from ansible_collections.nova_pci.passthrough.tests.fuzz.generated import (
    cases,
    hostile,
    hostile_among,
    json_like,
    only_ours,
)

# A user's own pattern may be one that Python warns of; that is for its author to read.
pytestmark = [
    pytest.mark.filterwarnings("ignore::FutureWarning"),
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
]

ADDRESS = "0000:02:00.0"


# ---- the host's own files


@cases(600)
@given(
    hostile_among(
        "[", "]", "pci", "[pci]", "[DEFAULT]", "alias", "device_spec", " = ", ":", "\n", "\n", "  ", "\t", "#", '"', "a"
    )
)
def test_oslo_config(text: str) -> None:
    """Held against the real one, with 20,000 files a run, by tests/oracle/oslo_config; here what the others stand on."""
    file = parse_config("/etc/nova/nova.conf", text)
    lines = split_lines(text)
    for one in file.assignments:
        assert 1 <= one.line <= one.last_line <= len(lines)
        assert one.name == one.name.strip() != ""
        assert one.name in lines[one.line - 1]
    assert undo_edits(text, ()) == text


@cases(600)
@given(
    hostile_among(
        ADDRESS,
        " driver ",
        " mac ",
        " vfs ",
        " serial dsn ",
        " serial vpd ",
        " slot ",
        "4 ",
        "52:54:00:4c:00:02",
        " 8086:10d3",
        "\n",
        "#",
        "vfio-pci",
        "0000:02:20.0",
    )
)
def test_devices_conf(text: str) -> None:
    for identity in remembered_identities(text):
        rows = devices_conf_rows((), (), [identity])
        if identity.mac is None and identity.vendor_id is not None:
            rows = (
                ConfRow(str(identity.address), "driver", f"native {identity.vendor_id}:{identity.product_id}"),
                *rows,
            )
        again = "\n".join(f"{row.address} {row.what} {row.value}" for row in rows)
        assert remembered_identities(again) == (identity,)


PCI_IDS_WORDS = (
    "8086",
    "10d3",
    "  ",
    "\t",
    "\t\t",
    "\n",
    "C 02",
    "C ff",
    "8086  Intel\n",
    "\t10d3  82574L\n",
    "\t\t8086 0001  Card\n",
    "#",
)


@cases(600)
@given(hostile_among(*PCI_IDS_WORDS))
def test_pci_ids(text: str) -> None:
    ids = PciIds(text)
    names = (ids.vendor("8086"), ids.product("8086", "10d3"), ids.subsystem("8086", "10d3", "8086", "0001"))
    for name in (*names, ids.class_name("020000"), ids.class_name("ff")):
        assert name is None or "\n" not in name


MODALIAS = "pci:v00008086d000010D3sv00008086sd00000001bc02sc00i00"


@cases(600)
@given(
    hostile_among(
        "alias ",
        "pci:v",
        "00008086",
        "d*",
        "sv*",
        "sd*",
        "bc02",
        "sc00",
        "i*",
        " e1000e",
        "\n",
        f"alias {MODALIAS} x\n",
    ),
    hostile_among("e1000e.", "alias=", "pci:v", "00008086", "d*sv*sd*bc*sc*i*", "\0", "x"),
    st.one_of(st.just(MODALIAS), hostile_among("pci:v", "00008086", "d000010D3", "sv", "*")),
)
def test_module_aliases(aliases: str, builtin: str, modalias: str) -> None:
    only_ours(ModuleAliases(aliases, builtin).modules, modalias, also=(ValueError,))


@cases(600)
@given(st.binary(max_size=64), st.binary(max_size=9))
def test_serial_numbers(resource: bytes, capability: bytes) -> None:
    for raw in (resource, b"\x90" + resource, b"\x90\x20\x00SN" + resource):
        serial = only_ours(serial_from_vpd, raw, also=(ValueError,))
        assert serial is None or serial.strip() == serial != ""
    serial = only_ours(serial_from_capability, capability, also=(ValueError,))
    assert serial is None or re.fullmatch("([0-9a-f]{2}-){7}[0-9a-f]{2}", serial)


# ---- boot configurations

GRUB_WORDS = ("menuentry ", "submenu ", "'Linux'", '"a b"', " {", "{\n", "}\n", "\n", "linux ", "\tlinux\t/vmlinuz ", "root=/dev/a ", "quiet ",
              "set default=", '"0"\n', "set x=1\n", "$x", "${x}", "blscfg\n", " --id ", "'", '"', "\\", "#", "if [ a ]; then\n", "fi\n")  # fmt: skip


@cases(800)
@given(hostile_among(*GRUB_WORDS), hostile_among("saved_entry=", "next_entry=", "0", ">", "Linux", "\n", "#"))
def test_grub_cfg(text: str, environment: str) -> None:
    menu = parse_grub_cfg(text)
    entry = menu.default_entry(parse_grubenv(environment))
    assert (entry is None) == (not menu.entries)
    for one in menu.entries:
        assert all("\n" not in title for names in one.path for title in names)
        assert all(argument.text for argument in one.arguments)


@cases(600)
@given(
    hostile_among(
        "GRUB_CMDLINE_LINUX=", "a\n", "\n", BLOCK_BEGIN, BLOCK_END, BLOCK_BEGIN + "\n", BLOCK_END + "\n", " (and", "#"
    )
)
def test_a_block_in_a_file_of_somebody_else_goes_as_it_came(text: str) -> None:
    bare = without_block(text)
    assert with_block(text) == with_block(with_block(text))
    if BLOCK_BEGIN not in bare:
        assert without_block(with_block(text)) == bare


ENTRY_WORDS = (
    "version ",
    "title ",
    "linux ",
    "options ",
    "root=/dev/a ",
    "$kernelopts",
    "$tuned_params",
    "\n",
    "\t",
    "6.1.0-1",
    "#",
    "9" * 5000,
)


@cases(800)
@given(
    st.lists(hostile_among(*ENTRY_WORDS), max_size=3),
    hostile_among("default ", "a-1.conf", "*", "a", "\n", "@saved", "*a" * 20, "b"),
    hostile_among("saved_entry=", "a-1", "*", "*a" * 20, "?", "b", "\n"),
)
def test_boot_entries(texts: list[str], loader: str, environment: str) -> None:
    files = tuple(
        SourceFile(f"/boot/loader/entries/a-{number}{'a' * 40}.conf", value(text)) for number, text in enumerate(texts)
    )
    facts = BootFacts("", entries=files, loader_conf=value(loader), grubenv=value(environment))
    assert sorted(entry.path for entry in boot_entries(facts)) == sorted(file.path for file in files)


# ---- what a guest prints, and what a user looks for in it


@cases(800)
@given(
    hostile_among(
        "(?P<ids>",
        "(?P<address>",
        ")",
        "[0-9a-f]{4}",
        ":",
        r"\S+",
        "*",
        "+",
        "|",
        "?",
        "{2}",
        "(",
        "x",
        "{99999999999}",
        "(?i)",
    ),
    hostile_among("TINY-PCI ", "0000:00:05.0 ", "8086:10d3", "\n", "pci 0000:00:05.0: [8086:10d3]", " [0200]: "),
)
def test_a_console_and_its_pattern(pattern: str, console: str) -> None:
    for device in shown_devices(console):
        assert re.fullmatch("[0-9a-f]{4}:[0-9a-f]{4}", device.ids)
    if only_ours(compile_pattern, pattern, "smoke_console_pattern") is not None:
        shown_devices(console, pattern)


# ---- what this collection wrote itself, and somebody changed

RECORD: dict[str, Any] = {
    "layer": "devices", "real": "/etc/a", "foreign": False, "secret": False, "administrator": False,
    "former": {"kind": "file", "content": "", "mode": "0644", "uid": 0, "gid": 0, "context": None},
    "written": {"fingerprint": "file:0", "mode": None, "edits": [{"line": 1, "old": ["a"], "new": ["b"]}]}, "intended": None,
}  # fmt: skip
JOURNAL: dict[str, Any] = {
    **json.loads(Journal().to_text()),
    "files": {"/etc/a": RECORD, "/etc/b": {**RECORD, "former": {"kind": "symlink", "target": "/etc/c"}}},
    "tools": {"t": {"layers": ["devices"], "argv": ["t"], "undo": [], "touches": [], "stamp": None, "earlier": [["u"]],
                    "service": {"unit": "a.service", "logs": [], "probe": None}}},
    "snapshots": {"/boot/a": {"stored": "a1", "sha256": None, "mode": None, "uid": None, "gid": None, "context": None}},
    "pending_reboot": {"boot_id": "b", "waits_for": ["a=1"], "reasons": [], "ineffective": []},
}  # fmt: skip
PLAN: dict[str, Any] = {
    "version": 1, "host": {"boot_id": "b"},
    "files": [{"path": "/etc/a", "layer": "l", "kind": "file", "mode": "0644", "content": "x"},
              {"path": "/etc/b", "layer": "l", "kind": "symlink", "target": "/etc/a"},
              {"path": "/etc/c", "layer": "l", "foreign": True, "edits": [{"line": 1, "old": ["a"], "new": ["b"]}]}],
    "tools": [{"name": "t", "layers": ["l"], "argv": ["t"], "undo": ["t"], "touches": ["/boot/*"], "force": False},
              {"name": "a.service", "layers": ["l"], "argv": ["t"], "stamp": "s", "former": "f",
               "service": {"unit": "a.service", "logs": ["/var/log/a"], "probe": "http://a/"}}],
    "runtime": {"apply": True, "argv": ["/x", "apply"], "release_argv": [], "actions": []},
    "reboot": {"required": False, "reasons": [], "waits_for": [], "ineffective": []},
    "kernel_arguments": {"wanted": ["a"], "rows": [{"token": "a", "configured": False}]},
    "devices": [{"address": ADDRESS, "driver": "vfio-pci", "driver_now": None, "role": "chosen"}],
    "secrets_from": ["/etc/nova/nova.conf"],
}  # fmt: skip


def places(data: Any, above: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in nested data, the whole included."""
    inner = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    return [above, *(place for key, part in inner for place in places(part, (*above, key)))]


def damaged(data: Any) -> st.SearchStrategy[Any]:
    """*data* with another thing at one or two of its places."""
    anything = json_like(hostile)

    def put(whole: Any, place: tuple[Any, ...], thing: Any) -> Any:
        if not place:
            return thing
        copy = dict(whole) if isinstance(whole, dict) else list(whole) if isinstance(whole, list) else None
        if copy is None or (isinstance(copy, dict) and place[0] not in copy):
            return whole
        if isinstance(copy, list) and not (isinstance(place[0], int) and place[0] < len(copy)):
            return whole
        copy[place[0]] = put(copy[place[0]], place[1:], thing)
        return copy

    change = st.tuples(st.sampled_from(places(data)), anything)
    return st.lists(change, min_size=1, max_size=2).map(
        lambda changes: put(put(data, *changes[0]), *changes[-1]) if len(changes) > 1 else put(data, *changes[0])
    )


def test_the_undamaged_samples_are_taken() -> None:
    assert journal_from_text(json.dumps(JOURNAL)).files.keys() == {"/etc/a", "/etc/b"}
    assert [file.path for file in read_plan(PLAN).files] == ["/etc/a", "/etc/b", "/etc/c"]


@cases(1000)
@given(st.one_of(damaged(JOURNAL).map(json.dumps), hostile_among("{", "}", '"', ":", "[", "]", "version", "1")))
def test_a_journal(text: str) -> None:
    journal = only_ours(journal_from_text, text, also=(ValueError, RecursionError))  # as _host/journal_store.py knows
    if journal is not None:
        assert journal_from_text(journal.to_text()) == journal


@cases(1000)
@given(damaged(PLAN), st.dictionaries(hostile, json_like(hostile), max_size=2))
def test_a_plan_that_somebody_wrote_by_hand(plan: Any, contents: Any) -> None:
    wanted = only_ours(read_plan, plan, contents)
    for file in wanted.files if wanted is not None else ():
        assert file.path.startswith("/")
        assert not {".", "..", ""} & set(file.path[1:].split("/"))


# ---- secrets


@cases(600)
@given(
    hostile_among("pass", "$", "$$", "'", '"', "%41", "a", "://", "@", ":", "/", ","),
    st.sampled_from(("password", "memcache_secret_key")),
)
def test_a_secret_is_never_shown(middle: str, name: str) -> None:
    secret = f"Begin{middle}End"
    assume(not re.search(r"[\r\n\ud800-\udfff]", secret))
    text = f"[keystone]\n{name} = {secret}\nother = 1\n"
    assert secret not in redact(f"{text}the service said {secret}", secret_values([text]))
