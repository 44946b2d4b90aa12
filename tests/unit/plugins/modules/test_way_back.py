# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`state: absent` in every state that a host can be in, over both engines: each path afterwards, and what was told.

Each removal is announced by check mode word for word, and a second one changes nothing and tells the same.
"""

from __future__ import annotations

import json
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Callable

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.host_places import host_places
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_places import nova_places
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host import service
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.boot import read_boot
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import TEMPORARY_SUFFIX, Files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.initramfs import read_initramfs_tool
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.nova import read_nova
from ansible_collections.nova_pci.passthrough.plugins.modules import host_apply, nova_apply
from ansible_collections.nova_pci.passthrough.tests.tried import tried
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host import nova_hosts
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.test_kill_points import (
    count_points,
    is_killed,
)
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.toy_host import (
    CMDLINE,
    CONF,
    GRUB,
    GUARD,
    HOOK,
    SCRIPT,
    UNIT,
    WANTS,
    ToyHost,
    in_memory,
)
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.toy_nova import (
    COMPUTE,
    DROP_IN,
    NOVA_CONF,
    SCHEDULER,
    SECRET,
    UNITS,
    ToyNova,
)

BROKEN = '{"version": 1, "files": {'
NOT_OURS = ("/boot", UNITS, "/var/log")  # what tools and services write themselves
OUR_FILES = [GRUB, CONF, SCRIPT, UNIT, WANTS, GUARD, HOOK]
WANTS_FOLDER = "/etc/systemd/system/multi-user.target.wants"
NOVA_FOLDER = "/etc/nova/nova-compute.conf.d"
NOVA_LINE = "carries our mark in line 10; bring the former text back by hand"


class Host(ToyHost):
    """With the tools that a removal without a journal looks for."""

    module = host_apply

    def __init__(self, base):
        super().__init__(base)
        nova_hosts.tool(self.root, "usr/sbin/mkinitramfs", "")
        nova_hosts.tool(self.root, "usr/bin/systemctl", "")
        self.write("/usr/sbin/update-initramfs", self.text("/usr/sbin/update-initramfs") + "# mkinitramfs\n")

    def know_places(self):
        root = str(self.root)
        self.places = host_places(read_boot(root), read_initramfs_tool(Path(root)))

    def edit(self):
        self.write(GRUB, self.text(GRUB) + "# mine\n")
        self.write(CMDLINE, "root=/dev/vdb1 mine\n")
        self.at(UNIT).unlink()

    def tells_nothing_of_us(self):
        assert "nova_pci" not in self.text("/boot/grub/grub.cfg")
        assert "vfio" not in self.text("/boot/initrd.img-6.1")
        assert self.text("/sys/bound") == ""


class Nova(ToyNova):
    """With units and processes, by which the services are found."""

    module = nova_apply

    def __init__(self, base):
        super().__init__(base)
        nova_hosts.host(self.root)
        nova_hosts.installed(self.root, "26.2.2")
        for number, unit in ((30, COMPUTE), (31, SCHEDULER)):
            start = f"/usr/bin/python3 /usr/bin/{unit.partition('.')[0]}"
            nova_hosts.write(self.root, f"lib/systemd/system/{unit}", nova_hosts.UNIT.format(start))
            nova_hosts.process(self.root, number, unit, start)

    def know_places(self):
        self.places = nova_places(read_nova(str(self.root)))

    def edit(self):
        self.write(DROP_IN, self.text(DROP_IN) + "# mine\n")
        self.write(NOVA_CONF, self.text(NOVA_CONF).replace("PciPassthroughFilter", "Mine"))

    def tells_nothing_of_us(self):
        assert self.holds_settings_of_old() == []


HOSTS = {"host": Host, "nova": Nova}
ROLES = frozenset(
    {"host", "compute", "controller"}
)  # whose remove.yml calls one of the two; the others: test_way_back_cloud.py


def untouched(_host):
    pass


def applied(host):
    host.run()


def applied_twice(host):
    host.run()
    host.run()


def rebooted(host):
    host.run()
    host.reboot()
    host.run()


def applied_and_removed(host):
    host.run()
    host.run("absent")


def edited(host):
    host.run()
    host.edit()


def without_journal(host):
    host.run()
    shutil.rmtree(host.at(host.state))


def with_broken_journal(host):
    host.run()
    host.write(host.journal, BROKEN)


def marks_gone_too(host):
    """Somebody has written our files anew, and the journal is lost: nothing tells that anything here was ours."""
    without_journal(host)
    for path in (GRUB, UNIT, DROP_IN):
        if host.at(path).exists():
            host.write(path, "# theirs\n")


@dataclass(frozen=True)
class Case:
    """Shape: *stays* is what then differs from the host before us, *kept* the paths told, with words of why, *reboot*
    that the running kernel still has our argument.
    """

    kind: str
    state: Callable[[ToyHost], None]
    stays: tuple[str, ...] = ()
    kept: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    reboot: bool = False


LOST_HOST = ("/var/lib/nova-pci-passthrough/journal.json is missing", *OUR_FILES, "could not be brought back", CMDLINE)
LOST_NOVA = ("/var/lib/nova-pci-passthrough-nova/journal.json is missing", DROP_IN, "could not be brought back")
CASES = (
    *(Case(kind, state) for kind in HOSTS for state in (untouched, applied, applied_twice, applied_and_removed)),
    Case("host", rebooted, stays=("/proc/cmdline",), reboot=True),
    Case(
        "host",
        edited,
        stays=(GRUB, CMDLINE),
        kept=((CMDLINE, "changed by someone else"), (GRUB, "changed by someone else")),
    ),
    Case(
        "nova",
        edited,
        stays=(NOVA_FOLDER, DROP_IN, NOVA_CONF),
        kept=((NOVA_CONF, "has other lines now"), (DROP_IN, "changed by someone else")),
    ),
    Case("host", without_journal, stays=(WANTS_FOLDER, CMDLINE), notes=LOST_HOST),
    Case("nova", without_journal, stays=(NOVA_FOLDER, NOVA_CONF), kept=((NOVA_CONF, NOVA_LINE),), notes=LOST_NOVA),
    Case("host", with_broken_journal, stays=(WANTS_FOLDER, CMDLINE), notes=("is not JSON", "its bytes are kept as")),
    Case(
        "nova",
        with_broken_journal,
        stays=(NOVA_FOLDER, NOVA_CONF),
        kept=((NOVA_CONF, NOVA_LINE),),
        notes=("is not JSON", "its bytes are kept as"),
    ),
    Case(
        "host",
        marks_gone_too,
        stays=(WANTS_FOLDER, CMDLINE, GRUB, UNIT, WANTS),
        kept=((GRUB, "does not carry the mark"), (UNIT, "does not carry the mark"), (WANTS, "leads to")),
        notes=("is missing", CONF),
    ),
    Case(
        "nova",
        marks_gone_too,
        stays=(NOVA_FOLDER, DROP_IN, NOVA_CONF),
        kept=((DROP_IN, "does not carry the mark"), (NOVA_CONF, NOVA_LINE)),
        notes=("is missing", "nothing at its paths carries it"),
    ),
)
each_case = pytest.mark.parametrize("case", CASES, ids=[f"{case.kind} {case.state.__name__}" for case in CASES])


@pytest.fixture
def build():
    with in_memory() as folder:
        yield lambda kind: HOSTS[kind](folder)


@pytest.fixture
def remove(capsys, monkeypatch):
    monkeypatch.setattr(service, "SETTLING_OTHERS", 0.05)

    def run_module(host, check=False):
        given = {"root": str(host.root), "state": "absent", "timeout": 20, "lock_timeout": 2}
        given.update(_ansible_check_mode=check, _ansible_diff=True)
        with patch_module_args(given), pytest.raises(SystemExit):
            host.module.main()
        result = json.loads(capsys.readouterr().out)
        result.pop("invocation", None)
        assert SECRET not in json.dumps(result)
        return result

    return run_module


def tree(host):
    return host.tree(leave_out=(*NOT_OURS, host.state))


def told(result):
    return {key: result[key] for key in ("changed", "actions", "kept", "notes", "reboot", "diff")}


@each_case
def test_a_removal(case, build, remove):
    host = build(case.kind)
    before = tree(host)
    case.state(host)
    there, quiet = tree(host), host.identities()
    host.log()
    promised = remove(host, check=True)
    assert host.identities() == quiet
    assert host.log() == []

    done = remove(host)
    assert told(done) == told(promised)
    now = tree(host)
    expected = {path: state for path, state in before.items() if path not in case.stays}
    expected.update({path: there[path] for path in case.stays})
    assert now == expected
    assert [(kept["path"], words in kept["why"]) for kept, (_path, words) in zip(done["kept"], case.kept)] == [
        (path, True) for path, _words in case.kept
    ]
    assert len(done["kept"]) == len(case.kept)
    assert bool(done["notes"]) == bool(case.notes)
    for word in case.notes:
        assert word in "\n".join(done["notes"])
    assert done["reboot"]["required"] is case.reboot
    if not case.kept:
        host.tells_nothing_of_us()

    quiet = host.identities()
    host.log()
    again = remove(host)
    assert (again["changed"], again["actions"], again["kept"]) == (False, [], done["kept"])
    assert host.identities() == quiet
    assert host.log() == []
    tried("ways back", 1)


@pytest.mark.parametrize("kind", HOSTS)
def test_a_removal_leaves_no_state_but_what_it_needs(kind, build, remove):
    host = build(kind)
    applied(host)
    remove(host)
    assert not host.at(host.state).exists()
    edited(host)
    remove(host)
    assert host.at(host.journal).exists()


@pytest.mark.parametrize("kind", HOSTS)
def test_a_broken_journal_is_kept_byte_for_byte_and_the_next_run_starts_anew(kind, build, remove):
    host = build(kind)
    with_broken_journal(host)
    done = remove(host)
    (kept,) = host.at(host.state).iterdir()
    assert kept.name.startswith("journal.json.unreadable-")
    assert kept.read_text(encoding="utf-8") == BROKEN
    assert oct(kept.stat().st_mode & 0o777) == "0o600"
    assert done["actions"][0] == f"keep the unreadable journal as {host.state}/{kept.name}"
    without_us = tree(host)
    host.run()
    host.run("absent")
    assert kept.read_text(encoding="utf-8") == BROKEN
    assert tree(host) == without_us


def test_a_journal_of_a_newer_collection_is_no_lost_one(build, remove):
    host = build("host")
    applied(host)
    host.write(host.journal, '{"version": 2}')
    before = host.tree()
    assert "has version 2" in remove(host)["msg"]
    assert host.tree() == before


LOST = {"missing": without_journal, "broken": with_broken_journal}
each_loss = pytest.mark.parametrize("loss", LOST)


@pytest.mark.parametrize(("kind", "tool"), [("host", "update-grub"), ("nova", f"{COMPUTE}")])
@each_loss
def test_a_removal_by_marks_that_fails_brings_everything_back(kind, tool, loss, build, remove):
    host = build(kind)
    LOST[loss](host)
    before = host.tree(leave_out=(UNITS, "/var/log"))
    host.mark(f"break-{tool}", "fail" if kind == "host" else "fail always")
    result = remove(host)
    assert result["failed"] is True
    if kind == "host":
        assert "Everything is back as it was before this run" in result["msg"]
        assert host.tree(leave_out=(UNITS, "/var/log")) == before
    else:  # the service does not come up with the former files either, and the journal remembers what is left to do
        host.base.joinpath(f"break-{tool}").unlink()
        assert any("is missing" in note or "is not JSON" in note for note in remove(host)["notes"])
        host.tells_nothing_of_us()


def test_the_tools_of_a_removal_by_marks_are_those_that_read_the_files(build, remove):
    host = build("host")
    without_journal(host)
    host.log()
    actions = remove(host)["actions"]
    assert actions == [
        f"run {SCRIPT} release",
        *(f"remove {path}" for path in reversed([GRUB, CONF, SCRIPT, UNIT, WANTS, GUARD, HOOK])),
        "remove directory /etc/systemd/system/nova-compute.service.d",
        "remove directory /usr/local/lib/nova-pci-passthrough",
        "remove directory /etc/nova-pci-passthrough",
        "run daemon-reload",
        "run update-initramfs",
        "run update-grub",
    ]
    assert host.log() == ["devices.sh release", "update-initramfs", "update-grub"]


def test_a_service_that_reads_none_of_the_files_is_not_restarted(build, remove):
    host = build("nova")
    without_journal(host)
    host.log()
    assert remove(host)["actions"] == [f"remove {DROP_IN}", "restart nova-compute"]
    assert host.log() == [f"restart {COMPUTE}"]


def test_the_reports_to_placement_are_not_silenced_by_a_lost_journal(build, remove):
    host = build("nova")
    without_journal(host)
    host.write(DROP_IN, "# nova_pci.passthrough\n[pci]\nreport_in_placement = true\n")
    before = host.tree()
    assert "nova-compute does not start then" in remove(host)["msg"]
    assert host.tree() == before


def test_the_arguments_of_a_marked_drop_in_wait_for_a_reboot(build, remove):
    host = build("host")
    host.write(GRUB, "# nova_pci.passthrough\nnova_pci_merge set intel_iommu intel_iommu=on intel_iommu=on ''\n")
    host.write("/proc/cmdline", "quiet intel_iommu=on\n")
    assert remove(host)["reboot"] == {
        "required": True,
        "reasons": ["the running kernel still has intel_iommu=on; it goes with the next reboot"],
    }


@pytest.mark.parametrize("kind", HOSTS)
def test_half_applied(kind, build, remove):
    """A sample of the points at which test_kill_points.py stops a first run; the removal is the module's own."""
    host = build(kind)
    before = tree(host)
    host.save()
    points = count_points(host, "present")
    stride = points // 6
    for point in range(1 + stride // 2, points + 1, stride):
        host.go_back()
        assert is_killed(host, "present", point), f"point {point}"
        done = remove(host)
        assert (done["kept"], done["notes"]) == ([], []), f"point {point}"
        assert tree(host) == before, f"point {point}"
        assert not host.at(host.state).exists(), f"point {point}"
        if done["changed"]:
            host.tells_nothing_of_us()
        assert remove(host)["changed"] is False, f"point {point}"
        tried("ways back", 1)


UUID = "5f2f7a30-7c53-4a7e-9d0a-6a3d6f3b1c55"
DOMAIN = (
    f"<domstatus state='running'><domain><name>instance-7</name><uuid>{UUID}</uuid><devices><hostdev type='pci'>"
    "<source><address domain='0x0000' bus='0x02' slot='0x00' function='0x0'/></source></hostdev></devices></domain></domstatus>"
)


def by_libvirt(host):
    host.write("/run/libvirt/qemu/instance-7.xml", DOMAIN)
    return f"0000:02:00.0: is held by the running guest instance-7 ({UUID})"


def by_process(host):
    device = "/sys/bus/pci/devices/0000:02:00.0"
    for name, text in (("vendor", "0x8086"), ("device", "0x10d3"), ("class", "0x020000")):
        host.write(f"{device}/{name}", f"{text}\n")
    host.at(f"{device}/iommu_group").symlink_to("../../../../kernel/iommu_groups/14")
    host.at(f"{device}/driver").symlink_to("../../drivers/vfio-pci")
    host.write("/proc/77/comm", "qemu-kvm\n")
    host.at("/proc/77/fd").mkdir()
    host.at("/proc/77/fd/9").symlink_to("/dev/vfio/14")
    return "0000:02:00.0: is held by a guest: qemu-kvm (process 77) holds it through /dev/vfio/14"


HOLDERS = {"libvirt": (by_libvirt, "/run/libvirt"), "a process": (by_process, "/proc/77")}


@pytest.mark.parametrize("holder", HOLDERS)
@pytest.mark.parametrize("state", [applied, edited, without_journal, with_broken_journal])
@pytest.mark.parametrize("kind", HOSTS)
def test_nothing_is_begun_while_a_guest_holds_a_device(kind, state, holder, build, remove):
    host = build(kind)
    state(host)
    if kind == "nova":  # the role host has been there too
        host.write(CONF, host.conf())
    hold, gone = HOLDERS[holder]
    words = hold(host)
    host.log()
    quiet = host.identities()
    for check in (True, False):
        assert remove(host, check=check)["msg"] == (
            f"{words}. Stop or migrate the guest and run again; nothing has been changed"
        )
        assert host.identities() == quiet
        assert host.log() == []
    shutil.rmtree(host.at(gone))
    assert remove(host)["changed"] is True
    assert host.at(CONF).exists() is (kind == "nova")
    tried("ways back", 1)


def test_a_controller_has_no_guests(build, remove):
    host = build("nova")
    applied(host)
    host.write(CONF, host.conf())
    by_libvirt(host)
    shutil.rmtree(host.at("/proc/30"))
    host.at(f"/lib/systemd/system/{COMPUTE}").unlink()
    assert remove(host)["changed"] is True


STRIDES = (pytest.param(11, id="every eleventh point"), pytest.param(1, id="every point", marks=pytest.mark.slow))


@pytest.mark.parametrize("stride", STRIDES)
@each_loss
@pytest.mark.parametrize("kind", HOSTS)
def test_half_removed_by_marks(kind, loss, stride, build):
    host = build(kind)
    LOST[loss](host)
    host.know_places()
    host.save()
    old = tree(host)
    points = count_points(host, "absent")
    host.files_class = Files
    whole = host.run("absent").to_dict()
    new = tree(host)
    state = host.tree().get(host.state)
    for point in range(1, points + 1, stride):
        host.go_back()
        assert is_killed(host, "absent", point), f"point {point}"
        for path, found in tree(host).items():
            if not path.endswith(TEMPORARY_SUFFIX):
                assert found in (old.get(path), new.get(path)), f"point {point}: {path}"
        done = host.run("absent").to_dict()
        assert tree(host) == new, f"point {point}"
        assert host.tree().get(host.state) == state, f"point {point}"
        assert done["kept"] == whole["kept"], f"point {point}"
        if done["changed"]:
            assert done["notes"][0].partition(". ")[0] == whole["notes"][0].partition(". ")[0], f"point {point}"
        host.tells_nothing_of_us()
        assert host.run("absent").to_dict()["changed"] is False, f"point {point}"
        tried("ways back", 1)
    assert points > 15
