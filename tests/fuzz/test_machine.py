# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Recorded machines whose files are damaged: they are read, described and planned for, or refused in words."""

from __future__ import annotations

import contextlib
import gzip
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import parse_declaration
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration_draft import declaration_draft
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.diagnosis import diagnose
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.diagnosis_text import diagnosis_text
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.survey_text import (
    survey_markdown,
    survey_text,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.terminal import WIDTH
from ansible_collections.nova_pci.passthrough.plugins.modules.diagnose_host_info import read as read_for_diagnosis
from ansible_collections.nova_pci.passthrough.plugins.modules.guest_devices_info import tell as tell_guests
from ansible_collections.nova_pci.passthrough.plugins.modules.host_plan import plan_host
from ansible_collections.nova_pci.passthrough.plugins.modules.iommu_info import describe as describe_iommu
from ansible_collections.nova_pci.passthrough.plugins.modules.nova_lint import lint_host
from ansible_collections.nova_pci.passthrough.plugins.modules.nova_plan import plan_nova
from ansible_collections.nova_pci.passthrough.plugins.modules.pci_devices_info import describe as describe_devices
from ansible_collections.nova_pci.passthrough.plugins.modules.pci_survey_info import describe as describe_survey
from ansible_collections.nova_pci.passthrough.tests.fuzz.generated import HOSTILE, cases, only_ours
from ansible_collections.nova_pci.passthrough.tests.unit import machine_builder
from ansible_collections.nova_pci.passthrough.tests.unit.made_up_cloud import World
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.nova_hosts import (
    debian_compute,
    process,
    write,
)

# One without an IOMMU and one with it, storage of every kind, and a network of every kind.
MACHINES = (
    "lab-bookworm-iommu-off",
    "lab-bookworm-iommu-on",
    "lvm-on-md-root",
    "bond-bridge-vlan",
    "nvme-root-behind-vmd",
    "sriov-8-vfs",
    "needed-in-every-way",
)
BOOT = {
    "usr/sbin/update-initramfs": "mkinitramfs",
    "usr/sbin/mkinitramfs": "",
    "usr/sbin/update-grub": "",
    "usr/sbin/grub-mkconfig": "for x in /etc/default/grub.d/*.cfg",
    "etc/default/grub": 'GRUB_CMDLINE_LINUX="intel_iommu=off"\n',
    "boot/grub/grub.cfg": "menuentry 'Debian' {\n\tlinux /boot/vmlinuz root=/dev/vda1 ro intel_iommu=off quiet\n}\n",
    "boot/grub/grubenv": "# GRUB Environment Block\nsaved_entry=0\n####",
    "etc/nova-pci-passthrough/devices.conf": "0000:02:00.0 mac 52:54:00:4c:00:02 8086:10d3\n",
    "var/lib/nova-pci-passthrough/journal.json": "{}",
}
NEVER_RUN = (
    "etc/default/",
    "/bin/",
    "/sbin/",
)  # a shell or the machine's own programs read these: no random words for them
DEVICES = [
    {"alias": "nic", "vendor_id": "8086", "product_id": "10d3", "device_type": "type-PCI"},
    {"mac": "52:54:00:4c:00:02", "driver": "native"},
    {"vendor_id": "8086", "product_id": "10c9", "num_vfs": 2},
    {"class": "0108", "address": ":*:*.*"},
    {"serial": "x", "physical_network": "net1"},
]
RAW = (
    *(text.encode("utf-8", "surrogatepass") for text in HOSTILE),
    b"\xff\xfe",
    b"\x80",
    bytes(range(256)),
    b"0x",
    b"\x1f\x8b\x08",
)


class Machine:
    """A built machine whose files can be damaged and mended again."""

    def __init__(self, root: Path) -> None:
        self.root = root
        found = [Path(folder, name) for folder, _folders, names in os.walk(root) for name in names]
        found += [
            Path(folder, name)
            for folder, names, _files in os.walk(root)
            for name in names
            if Path(folder, name).is_symlink()
        ]
        self.paths = sorted(
            path for path in found if not any(word in f"{path.relative_to(root)}" for word in NEVER_RUN)
        )

    @property
    def rich(self) -> list[Path]:
        """What is no attribute of a single device: few files with much in them."""
        return [path for path in self.paths if "/sys/" not in str(path)]

    @contextlib.contextmanager
    def damaged(self, damages: list[tuple[int, str, bytes, int]]) -> Iterator[None]:
        with contextlib.ExitStack() as repairs:
            for number, how, raw, place in damages:
                pool = self.rich if number % 2 else self.paths
                path = pool[number // 2 % len(pool)]
                if os.path.islink(path) or os.path.isfile(path):
                    self._damage(path, how, raw, place, repairs)
            yield

    def _damage(self, path: Path, how: str, raw: bytes, place: int, repairs: contextlib.ExitStack) -> None:
        target = os.readlink(path) if path.is_symlink() else None
        content = b"" if target is not None else path.read_bytes()
        repairs.callback(self._repair, path, target, content)
        path.unlink()
        place %= len(content) + 1
        if how == "gone":
            return
        if how == "folder":
            path.mkdir()
        elif target is not None:
            with contextlib.suppress(OSError, ValueError):
                os.symlink(os.fsdecode(raw) if how == "other" else f"{target}/{os.fsdecode(raw)}", path)
        elif how == "cut":
            path.write_bytes(content[:place])
        elif how == "other":
            path.write_bytes(raw)
        else:
            path.write_bytes(content[:place] + raw + content[place + (how == "over") * len(raw) :])

    @staticmethod
    def _repair(path: Path, target: str | None, content: bytes) -> None:
        if os.path.isdir(path) and not path.is_symlink():
            path.rmdir()
        with contextlib.suppress(FileNotFoundError):
            path.unlink()
        if target is not None:
            os.symlink(target, path)
        else:
            path.write_bytes(content)


damages = st.lists(
    st.tuples(
        st.integers(0, 100_000),
        st.sampled_from(("gone", "folder", "cut", "other", "over", "between", "between")),
        st.one_of(st.sampled_from(RAW), st.binary(max_size=6)),
        st.integers(0, 5000),
    ),
    min_size=1,
    max_size=6,
)


@pytest.fixture(scope="session")
def machines(tmp_path_factory: pytest.TempPathFactory) -> list[Machine]:
    built = []
    for name in MACHINES:
        root = tmp_path_factory.mktemp("machines") / name
        machine_builder.build(name, root)
        for path, text in BOOT.items():
            write(root, path, text).chmod(0o755)
        ids = root / "usr/share/misc/pci.ids"
        ids.parent.mkdir(parents=True, exist_ok=True)
        ids.with_suffix(".ids.gz").write_bytes(
            gzip.compress(b"8086  Intel\n\t10d3  82574L\nC 02  Network\n\t00  Ethernet\n")
        )
        ids.unlink(missing_ok=True)
        (root / "proc/config.gz").write_bytes(gzip.compress(b"CONFIG_INTEL_IOMMU=y\n"))
        built.append(Machine(root))
    return built


@cases(250, cost=20)
@given(st.integers(0, len(MACHINES) - 1), damages, st.booleans())
def test_a_damaged_host(
    machines: list[Machine], number: int, done: list[tuple[int, str, bytes, int]], passthrough: bool
) -> None:
    machine = machines[number]
    root = str(machine.root)
    with machine.damaged(done):
        found = describe_devices({"root": root, "addresses": None, "include_bridges": True})
        check_devices(found["devices"])
        surveyed = describe_survey({"root": root, "overrides": []})
        json.dumps([found, surveyed, only_ours(describe_iommu, {"root": root})])
        check_survey(surveyed["survey"])
        given_ = {
            "root": root,
            "devices": DEVICES,
            "iommu_pt": passthrough,
            "kernel_arguments": ["a=b"],
            "overrides": [],
        }
        planned = only_ours(plan_host, given_)
        check_plan(planned)


FORMS = {
    "vendor_id": "[0-9a-f]{4}", "product_id": "[0-9a-f]{4}", "subsystem_vendor_id": "[0-9a-f]{4}", "subsystem_product_id": "[0-9a-f]{4}",
    "class_code": "[0-9a-f]{6}", "revision": "[0-9a-f]{2}", "sriov_vf_product_id": "[0-9a-f]{4}",
}  # fmt: skip


def check_devices(rows: list[dict[str, Any]]) -> None:
    for row in rows:
        for key, form in FORMS.items():
            assert row[key] is None or re.fullmatch(form, row[key]), (key, row[key])
        for key in ("numa_node", "iommu_group", "sriov_totalvfs", "sriov_numvfs"):
            assert row[key] is None or row[key] >= 0


def check_survey(survey: dict[str, Any]) -> None:
    """Whatever names a damaged file brings, the pages stay pages and the draft is a declaration."""
    fleet = {"damaged": survey, "sound": survey}
    assert all(len(line) <= WIDTH and line.isprintable() for line in survey_text(fleet))
    assert all(line.isprintable() for line in survey_markdown(fleet))
    drafted = yaml.safe_load("\n".join(declaration_draft(fleet)))
    parse_declaration(drafted["pci_passthrough_devices"])


def check_plan(planned: dict[str, Any] | None) -> None:
    """A plan that came out holds nothing that a damaged file could smuggle into ours."""
    if planned is None:
        return
    plan = planned["plan"]
    json.dumps(planned)
    for row in plan["devices_conf"]:
        assert re.fullmatch(
            r"[0-9a-f:.]+ (driver|vfs|mac) [A-Za-z0-9_:. -]+", f"{row['address']} {row['what']} {row['value']}"
        )
    for tool in plan["tools"]:
        assert all(isinstance(word, str) and word.isprintable() for word in tool["argv"])
    for file in plan["files"]:
        assert os.path.normpath(file["path"]) == file["path"]


# ---- a host with Nova


@pytest.fixture(scope="session")
def compute(tmp_path_factory: pytest.TempPathFactory) -> Machine:
    root = tmp_path_factory.mktemp("compute") / "root"
    machine_builder.build("lab-bookworm-iommu-on", root)
    (root / "proc/self").rename(root / "proc/1")  # the built host has a link there
    debian_compute(root)
    start = "/usr/bin/python3 /usr/bin/nova-compute --config-file=/etc/nova/nova.conf --config-file=/etc/nova/nova-compute.conf"
    process(root, 30, "nova-compute.service", start)
    write(
        root,
        "etc/nova/nova.conf",
        '[DEFAULT]\nmy_ip = 10.0.0.1\n[pci]\nalias = {"name": "nic"}\ndevice_spec = {"address": "*"}\n',
    )
    write(root, "var/lib/nova-pci-passthrough-nova/journal.json", "{}")
    for unused in ("sys/devices/virtual", "usr/share"):
        shutil.rmtree(root / unused, ignore_errors=True)
    machine = Machine(root)
    words = ("/etc/", "/proc/", "/var/", "/lib/systemd", "/nova")
    machine.paths = [path for path in machine.paths if any(word in str(path) for word in words)]
    return machine


@cases(60, cost=50)
@given(damages, st.sampled_from(("address", "ids")), st.sampled_from(("none", "report", "schedule")))
def test_a_damaged_compute(
    compute: Machine, done: list[tuple[int, str, bytes, int]], spec_by: str, placement: str
) -> None:
    root = str(compute.root)
    with compute.damaged(done):
        given_ = {"root": root, "devices": DEVICES[:1], "role": "compute", "release": "", "placement": placement}
        planned = only_ours(
            plan_nova, {**given_, "device_spec_by": spec_by, "providers_deleted": False, "overrides": []}
        )
        for file in [] if planned is None else planned["plan"]["files"]:
            assert os.path.normpath(file["path"]) == file["path"]
        lint = {
            "root": root,
            "config_files": None,
            "overrides": [],
            "service": "nova-compute",
            "release": "",
            "devices": DEVICES,
            "placement": None,
        }
        json.dumps([planned, only_ours(lint_host, {**lint, "fail": False})])
        guest = {"root": root, "server": "8e3f8c2e-5b1c-4a67-9df0-000000000001", "addresses": []}
        only_ours(tell_guests, {**guest, "gone": False, "timeout": 0})
        check_diagnosis(only_ours(read_for_diagnosis, {"root": root}))


def check_diagnosis(found: dict[str, Any] | None) -> None:
    """Whatever a damaged host says of itself, it can be judged, and the answer printed."""
    if found is None:
        return
    json.dumps(found)
    world = World()
    diagnosis = diagnose(world.cloud(), {"cmp1": found["facts"], "ctl": world.controller()})
    assert diagnosis.answer.seen
    lines = diagnosis_text(diagnosis)
    assert all(len(line) <= WIDTH and (line.isprintable() or not line) for line in lines)
