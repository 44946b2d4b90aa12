# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""host_plan over a recorded machine: the whole way from files to a plan, and every refusal on it."""

from __future__ import annotations

import json
import shutil

import pytest
from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.modules import host_plan
from ansible_collections.nova_pci.passthrough.tests.unit import machine_builder

NICS = {"alias": "nic", "vendor_id": "8086", "product_id": "10d3", "device_type": "type-PCI"}
VFS = {"alias": "vf", "vendor_id": "8086", "product_id": "10c9", "num_vfs": 4, "driver": "native"}


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """The lab's machine as it is delivered: Debian's GRUB, intel_iommu=off. Tests read it; one that writes takes `own`."""
    root = tmp_path_factory.mktemp("lab") / "root"
    machine_builder.build("lab-bookworm-iommu-off", root)
    for path, text in {
        "usr/sbin/update-initramfs": "mkinitramfs",
        "usr/sbin/mkinitramfs": "",
        "usr/sbin/update-grub": "",
        "usr/sbin/grub-mkconfig": "for x in /etc/default/grub.d/*.cfg",
        "etc/default/grub": 'GRUB_CMDLINE_LINUX="intel_iommu=off"\nGRUB_CMDLINE_LINUX_DEFAULT=quiet\n',
        "boot/grub/grub.cfg": "menuentry 'Debian' {\n\tlinux /boot/vmlinuz root=/dev/vda1 ro intel_iommu=off quiet\n}\n",
    }.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text, encoding="utf-8")
        file.chmod(0o755)
    return root


@pytest.fixture
def own(machine, tmp_path):
    """The same machine for a test that changes it."""
    return shutil.copytree(machine, tmp_path / "root", symlinks=True)


def run(module, capsys, **params):
    """The module's result as Ansible would get it."""
    with patch_module_args(params), pytest.raises(SystemExit):
        module.main()
    return json.loads(capsys.readouterr().out)


def plan_of(machine, capsys, devices, **params):
    return run(host_plan, capsys, root=str(machine), devices=devices, **params)


def test_the_lab_machine_is_planned_as_its_zoo_says(machine, capsys):
    result = plan_of(machine, capsys, [NICS, VFS])
    assert result["changed"] is False
    rows = [
        (row["address"], row["role"], row["driver"], row["num_vfs"], row["verdict"])
        for row in result["plan"]["devices"]
    ]
    assert rows == [
        ("0000:01:00.0", "refused", None, 0, "refused"),
        ("0000:02:00.0", "chosen", "vfio-pci", 0, "pending reboot"),
        ("0000:03:00.0", "parent", None, 4, "pending reboot"),
    ]
    assert result["plan"]["kernel_arguments"]["wanted"] == ["intel_iommu=on"]
    assert result["plan"]["kernel_arguments"]["backend"] == "grub-d"
    assert result["plan"]["reboot"]["required"] is True
    assert [item["path"] for item in result["plan"]["files"]][:2] == [
        "/etc/default/grub.d/zz-nova-pci-passthrough.cfg",
        "/etc/nova-pci-passthrough/devices.conf",
    ]
    assert any(
        line.startswith("0000:02:00.0  8086:10d3  network") and "pending reboot" in line for line in result["table"]
    )


def test_check_mode_gives_the_same_plan_and_nothing_is_written(machine, capsys):
    before = sorted(str(path) for path in machine.rglob("*"))
    first = plan_of(machine, capsys, [NICS])
    second = plan_of(machine, capsys, [NICS], _ansible_check_mode=True)
    assert first["plan"] == second["plan"]
    assert sorted(str(path) for path in machine.rglob("*")) == before


@pytest.mark.parametrize(
    ("devices", "words"),
    [
        ("10de", "pci_passthrough_devices: '10de' is no list"),
        ([{"vendor_id": 8086}], "pci_passthrough_devices[0].vendor_id: 8086"),
        ([{"vendor_id": "0x8086"}], 'Write vendor_id: "8086"'),
        ([{"vendor_id": "8086", "produkt_id": "10d3"}], "Did you mean product_id?"),
        ([{"vendor_id": "dead"}], "matches no device of this host"),
        ([NICS, NICS], "pci_passthrough_devices[1]"),
        ([{**VFS, "num_vfs": 8}], "7"),
        ([{**VFS, "product_id": "10d3"}], "has no SR-IOV"),
        ([{"address": "0000:01:00.0"}], "is needed by the host"),
        ([{"address": "0000:00:03.0"}], "/ is mounted from vda1"),
    ],
)
def test_each_bad_declaration_is_one_error_that_says_what_to_do(machine, capsys, devices, words):
    result = plan_of(machine, capsys, devices)
    assert result["failed"] is True
    assert words in result["msg"]
    assert "Traceback" not in result["msg"]


def test_a_machine_whose_devices_cannot_be_read_is_refused(tmp_path, capsys):
    result = plan_of(tmp_path, capsys, [])
    assert result["failed"] is True
    assert "shows no PCI device" in result["msg"]


def test_a_machine_without_a_known_boot_loader_is_refused_by_what_was_looked_for(own, capsys):
    (own / "boot/grub/grub.cfg").unlink()
    (own / "usr/sbin/grub-mkconfig").unlink()
    result = plan_of(own, capsys, [NICS])
    assert "boot loader: none is known here; looked for a grub.cfg" in result["msg"]


def test_a_damaged_journal_is_refused_before_anything_is_planned(own, capsys):
    journal = own / "var/lib/nova-pci-passthrough/journal.json"
    journal.parent.mkdir(parents=True)
    journal.write_text("{", encoding="utf-8")
    result = plan_of(own, capsys, [NICS])
    assert "/var/lib/nova-pci-passthrough/journal.json: is not JSON" in result["msg"]


def test_the_module_needs_its_declaration(capsys, tmp_path):
    result = run(host_plan, capsys, root=str(tmp_path))
    assert result["msg"] == "missing required arguments: devices"


SPARE = {"address": "0000:02:00.0", "reason": "driverctl is going to be removed"}


def test_an_override_is_printed_wherever_its_device_is(own, capsys):
    driverctl = own / "etc/driverctl.d/0000:02:00.0"
    driverctl.parent.mkdir()
    driverctl.write_text("vfio-pci\n", encoding="ascii")
    refused = plan_of(own, capsys, [{"address": "0000:02:00.0"}])
    assert "0000:02:00.0 (8086:10d3 e1000e)' belongs to another tool: driverctl binds it" in refused["msg"]
    result = plan_of(own, capsys, [{"address": "0000:02:00.0"}], overrides=[SPARE])
    (row,) = result["plan"]["devices"]
    assert (row["role"], row["override"]) == ("chosen", SPARE["reason"])
    assert any(note.endswith(f"Reason: {SPARE['reason']}") for note in result["plan"]["notes"])
    assert any(line.endswith(f"pending reboot (override: {SPARE['reason']})") for line in result["table"])


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ("0000:02:00.0", "pci_passthrough_overrides: '0000:02:00.0' is no list"),
        ([{**SPARE, "reason": ""}], "pci_passthrough_overrides[0].reason: '' is no reason"),
        ([{**SPARE, "address": "0000:02:*.*"}], "pci_passthrough_overrides[0].address: '0000:02:*.*' is no exact"),
        ([{**SPARE, "address": "0000:01:00.0"}], "no override covers: the default route (of 4) leaves through enp1s0"),
        ([{**SPARE, "address": "0000:00:03.0"}], "no override covers: / is mounted from vda1"),
    ],
)
def test_an_override_that_cannot_be_is_one_error_that_says_what_to_do(machine, capsys, overrides, words):
    result = plan_of(machine, capsys, [NICS], overrides=overrides)
    assert result["failed"] is True
    assert words in result["msg"]
    assert "Traceback" not in result["msg"]


RECORD = {"host": "compute1", "service": {"found": "enabled", "reason": None, "up": True}, "servers": []}


def test_what_a_run_that_was_cut_off_has_drained(own, capsys):
    assert plan_of(own, capsys, [NICS])["plan"]["drained"] is None
    place = own / "var/lib/nova-pci-passthrough/drained.json"
    place.parent.mkdir(parents=True)
    place.write_text(json.dumps(RECORD))
    plan = plan_of(own, capsys, [NICS])["plan"]
    assert plan["drained"] == RECORD
    assert any(note.startswith("Drained for a reboot and not restored yet") for note in plan["notes"])
    place.write_text('{"host": 1}')
    msg = plan_of(own, capsys, [NICS])["msg"]
    assert msg.startswith("/var/lib/nova-pci-passthrough/drained.json: is no record of a drained compute")
