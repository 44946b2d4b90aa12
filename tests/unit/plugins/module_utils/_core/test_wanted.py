# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import copy

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_edit import LineEdit
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import PassthroughError
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import ServiceUnit
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.wanted import read_plan

PLAN = {
    "version": 1,
    "host": {"boot_id": "b"},
    "devices": [
        {"address": "0000:02:00.0", "driver": "vfio-pci", "driver_now": "e1000e", "role": "chosen"},
        {"address": "0000:03:00.0", "driver": "vfio-pci", "driver_now": None, "role": "refused"},
        {"address": "0000:04:00.0", "driver": None, "driver_now": "igb", "num_vfs": 4, "role": "parent"},
        {"address": "0000:04:10.0", "driver": "vfio-pci", "driver_now": "igbvf", "device_type": "type-VF"},
        {"address": "0000:05:00.0", "driver": None, "driver_now": "nvme", "num_vfs": 0, "role": "chosen"},
    ],
    "kernel_arguments": {
        "wanted": ["a=1", "b=2"],
        "rows": [{"token": "a=1", "configured": True}, {"token": "b=2", "configured": False}],
    },
    "files": [
        {"path": "/etc/a", "layer": "l", "kind": "file", "mode": "0600", "template": "a.j2", "secret": True},
        {"path": "/etc/b", "layer": "l", "kind": "file", "mode": None, "content": "b", "foreign": True},
        {"path": "/etc/c", "layer": "m", "kind": "symlink", "target": "a"},
    ],
    "tools": [
        {"name": "t", "layers": ["l"], "argv": ["t", "-x"], "undo": ["t"], "touches": ["/boot/*"], "force": True}
    ],
    "runtime": {"apply": True, "argv": ["/s", "apply"], "release_argv": ["/s", "release"], "actions": ["bind it"]},
    "reboot": {"required": True, "reasons": ["r"], "waits_for": ["b=2"], "ineffective": ["c"]},
}
CONTENTS = {"a.j2": "\u00e4\n"}


def test_everything_is_taken_over():
    wanted = read_plan(PLAN, CONTENTS)
    assert [file.path for file in wanted.files] == ["/etc/a", "/etc/b", "/etc/c"]
    assert (wanted.files[0].content, wanted.files[0].mode, wanted.files[0].secret) == ("ä\n".encode(), 0o600, True)
    assert (wanted.files[1].content, wanted.files[1].mode, wanted.files[1].foreign) == (b"b", None, True)
    assert wanted.files[2].target == "a"
    assert wanted.tools[0].argv == ("t", "-x")
    assert wanted.tools[0].force is True
    assert wanted.apply_argv == ("/s", "apply")
    assert wanted.boot_id == "b"
    assert (wanted.reboot_required, wanted.waits_for, wanted.ineffective) == (True, ("b=2",), ("c",))


def test_only_arguments_that_are_not_configured_yet_become_ours():
    assert read_plan(PLAN, CONTENTS).new_arguments == ("b=2",)


def test_former_drivers_are_those_of_devices_taken_in_hand():
    assert read_plan(PLAN, CONTENTS).drivers_now == {"0000:02:00.0": "e1000e", "0000:04:00.0": "igb"}


@pytest.mark.parametrize(
    ("row", "disturbed"),
    [
        ({"driver": "vfio-pci", "driver_now": "e1000e"}, True),
        ({"driver": "vfio-pci", "driver_now": None}, False),
        ({"driver": "vfio-pci", "driver_now": "vfio-pci"}, False),
        ({"driver": None, "driver_now": "vfio-pci"}, False),  # libvirt gives it back to its native driver
        ({"driver": None, "driver_now": "igb", "num_vfs": 8, "num_vfs_now": 4}, True),
        ({"driver": None, "driver_now": "igb", "num_vfs": 0, "num_vfs_now": 4}, True),
        ({"driver": None, "driver_now": "igb", "num_vfs": 4, "num_vfs_now": 4}, False),
        ({"driver": None, "driver_now": "igb", "num_vfs": 4, "num_vfs_now": 0}, False),
        ({"driver": "vfio-pci", "driver_now": "e1000e", "role": "refused"}, False),
    ],
)
def test_devices_that_lose_their_driver_or_their_functions(row, disturbed):
    plan = {**PLAN, "devices": [{"address": "0000:02:00.0", "role": "chosen", **row}]}
    assert read_plan(plan, CONTENTS).disturbed == (("0000:02:00.0",) if disturbed else ())


def test_a_file_of_ours_without_a_mode_gets_the_usual_one():
    plan = copy.deepcopy(PLAN)
    del plan["files"][0]["mode"]
    assert read_plan(plan, CONTENTS).files[0].mode == 0o644


def test_bytes_that_were_no_text_go_through_a_foreign_file_unchanged():
    plan = copy.deepcopy(PLAN)
    plan["files"][1]["content"] = b"\xff\n".decode("utf-8", "surrogateescape")
    assert read_plan(plan, CONTENTS).files[1].content == b"\xff\n"


@pytest.mark.parametrize(
    ("way", "value", "words"),
    [
        (("version",), 2, "plan.version: 2 is not 1"),
        (("host",), None, "plan.host.boot_id"),
        (("files",), {}, "plan.files: {} is no list of dictionaries"),
        (("files", 0, "path"), "a", "plan.files[0].path: 'a' is no absolute path"),
        (("files", 0, "path"), "/etc/b", "plan.files: '/etc/b' stands there twice"),
        (("files", 0, "path"), "/var/lib/nova-pci-passthrough/x", "own state directory"),
        (("files", 0, "kind"), "directory", "plan.files[0].kind: 'directory'"),
        (("files", 0, "kind"), ["file"], "plan.files[0].kind"),
        (("files", 0, "mode"), 420, "plan.files[0].mode: 420"),
        (("files", 0, "template"), "other.j2", "plan.files[0].template: 'other.j2' has no rendered text"),
        (("files", 0, "layer"), "", "plan.files[0].layer"),
        (("files", 0, "secret"), "yes", "plan.files[0].secret"),
        (("files", 1, "content"), None, "plan.files[1].content"),
        (("files", 1, "content"), "\ud800", "cannot be written"),
        (("files", 1, "kind"), "symlink", "neither 'file' nor 'symlink' (of ours)"),
        (("files", 2, "target"), "a\nb", "plan.files[2].target"),
        (("tools", 0, "argv"), [], "plan.tools[0].argv: [] names no command"),
        (("tools", 0, "argv"), "t -x", "plan.tools[0].argv"),
        (("tools", 0, "argv"), ["t\0"], "plan.tools[0].argv"),
        (("tools", 0, "touches"), ["/boot/../x"], "plan.tools[0].touches"),
        (("tools", 0, "name"), None, "plan.tools[0].name"),
        (("runtime", "argv"), None, "plan.runtime.argv"),
        (("runtime", "apply"), "true", "plan.runtime.apply"),
        (("reboot",), [], "plan.reboot"),
        (("devices", 0, "address"), 7, "plan.devices[0]"),
    ],
)
def test_what_is_out_of_shape_is_named(way, value, words):
    plan = copy.deepcopy(PLAN)
    holder = plan
    for key in way[:-1]:
        holder = holder[key]
    holder[way[-1]] = value
    with pytest.raises(PassthroughError) as caught:
        read_plan(plan, CONTENTS)
    assert words in str(caught.value)


def test_all_problems_come_at_once():
    plan = copy.deepcopy(PLAN)
    plan["files"][0]["path"] = "x"
    plan["tools"][0]["argv"] = []
    with pytest.raises(PassthroughError) as caught:
        read_plan(plan, CONTENTS)
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("plan", [None, [], "plan", 1])
def test_a_plan_that_is_none(plan):
    with pytest.raises(PassthroughError, match="plan: .* is no dictionary"):
        read_plan(plan, {})


def test_contents_that_are_none():
    with pytest.raises(PassthroughError, match="has no rendered text"):
        read_plan(PLAN, None)


EDIT = {"line": 2, "old": ["a = 1"], "new": ["# a = 1", "a = 2"]}
EDITED = {"path": "/etc/nova.conf", "layer": "nova", "mode": None, "foreign": True, "secret": True, "edits": [EDIT]}
RESTART = {"name": "restart a", "argv": ["systemctl", "restart", "a.service"], "stamp": "1", "former": "0"}
SERVICE = {"unit": "a@1.service", "logs": ["/var/log/a"], "probe": "http://127.0.0.1:8774/v2.1"}
NOVA = {
    "version": 1,
    "host": {"boot_id": "b"},
    "files": [EDITED],
    "tools": [{**RESTART, "service": SERVICE}],
    "secrets_from": ["/etc/nova.conf"],
}


class TestNovaPlans:
    def test_everything_is_taken_over(self):
        wanted = read_plan(NOVA)
        assert wanted.files[0].edits == (LineEdit(2, ("a = 1",), ("# a = 1", "a = 2")),)
        assert (wanted.files[0].foreign, wanted.files[0].mode, wanted.files[0].kind) == (True, None, "file")
        assert wanted.tools[0].service == ServiceUnit("a@1.service", ("/var/log/a",), "http://127.0.0.1:8774/v2.1")
        assert (wanted.tools[0].stamp, wanted.tools[0].former) == ("1", "0")
        assert wanted.secrets_from == ("/etc/nova.conf",)

    def test_edits_count_for_the_stamp_of_a_tool_as_content_does(self):
        other = copy.deepcopy(NOVA)
        other["files"][0]["edits"][0]["new"] = ["a = 3"]
        assert read_plan(NOVA).files[0].identity != read_plan(other).files[0].identity

    @pytest.mark.parametrize(
        ("way", "value", "words"),
        [
            (("files", 0, "foreign"), False, "plan.files[0].foreign: False is not True"),
            (("files", 0, "kind"), "symlink", "plan.files[0].kind: 'symlink'"),
            (("files", 0, "mode"), "0644", "plan.files[0].mode: '0644' is not None"),
            (("files", 0, "content"), "x", "plan.files[0].content"),
            (("files", 0, "edits"), [], "plan.files[0].edits: [] edits nothing"),
            (("files", 0, "edits"), "x", "plan.files[0].edits"),
            (("files", 0, "edits", 0, "line"), 0, "plan.files[0].edits[0].line: 0 is no line number of 1 or more"),
            (("files", 0, "edits", 0, "line"), True, "plan.files[0].edits[0].line"),
            (("files", 0, "edits", 0, "old"), [], "plan.files[0].edits[0].old"),
            (("files", 0, "edits", 0, "new"), ["a\nb"], "plan.files[0].edits[0].new: 'list' holds no list of lines"),
            (("files", 0, "edits", 0, "new"), ["\ud800"], "plan.files[0].edits[0].new"),
            (("files", 0, "edits", 0, "new"), [7], "plan.files[0].edits[0].new"),
            (("files", 0, "path"), "/var/lib/nova-pci-passthrough-nova/lock", "own state directory"),
            (("tools", 0, "service", "unit"), "-x.service", "is no name of a service unit"),
            (("tools", 0, "service", "unit"), "a.timer", "is no name of a service unit"),
            (("tools", 0, "service", "logs"), ["log"], "plan.tools[0].service.logs: 'log' is no absolute path"),
            (("tools", 0, "service", "probe"), "file:///etc/shadow", "is no http or https URL"),
            (("tools", 0, "service", "probe"), "http://u:p@h/", "is no http or https URL"),
            (("tools", 0, "service"), [], "plan.tools[0].service: [] is no dictionary"),
            (("tools", 0, "stamp"), None, "has no stamp and former"),
            (("tools", 0, "former"), 7, "plan.tools[0].former"),
            (("tools", 0, "touches"), ["/boot/x"], "has touches"),
            (("secrets_from",), ["x"], "plan.secrets_from: 'x' is no absolute path"),
        ],
    )
    def test_what_is_out_of_shape_is_named(self, way, value, words):
        plan = copy.deepcopy(NOVA)
        holder = plan
        for key in way[:-1]:
            holder = holder[key]
        holder[way[-1]] = value
        with pytest.raises(PassthroughError) as caught:
            read_plan(plan)
        assert words in str(caught.value)

    @pytest.mark.parametrize("key", ["old", "new"])
    def test_a_secret_in_an_edited_line_is_refused_and_not_shown(self, key):
        plan = copy.deepcopy(NOVA)
        plan["files"][0]["edits"][0][key] = ["enabled_filters = A", "  password = hidden"]
        with pytest.raises(PassthroughError, match="holds a secret, and the journal keeps none") as caught:
            read_plan(plan)
        assert "hidden" not in str(caught.value)

    def test_edits_that_overlap(self):
        plan = copy.deepcopy(NOVA)
        plan["files"][0]["edits"] = [{**EDIT, "old": ["a", "b"]}, {**EDIT, "line": 3}]
        with pytest.raises(PassthroughError, match=r"edits\[1\].line: 3 is no line number of 4 or more"):
            read_plan(plan)
