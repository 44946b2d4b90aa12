# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""devices.sh under every shell it may meet, against a simulated kernel.

The machine is a folder of plain files and links. The script's one writing function, put(), is replaced by KERNEL
below, which notes every write and moves the links as the kernel's PCI core does (drivers/pci/pci-driver.c,
drivers/base/dd.c). So these tests show what the script decides and writes; that a kernel takes it is shown in the lab.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

import pytest

TEMPLATE = Path(__file__).parents[4] / "roles" / "host" / "templates" / "devices.sh.j2"
DROP_IN = TEMPLATE.with_name("nova-compute-guard.conf.j2")
SCRIPT = "/usr/local/lib/nova-pci-passthrough/devices.sh"
SHELLS = {
    "dash": ("dash",),
    "bash": ("bash", "--posix"),
    "busybox": ("busybox", "sh"),
    "klibc": ("/usr/lib/klibc/bin/sh",),
    "mksh": ("mksh",),
}
NIC = "0000:02:00.0"
NIC_2 = "0000:03:00.0"
CARD = "0000:04:00.0"
VF_1 = "0000:04:10.0"
VF_2 = "0000:04:10.2"

PUT = """put() { { echo "$1" > "$2"; } 2>/dev/null; }  # VALUE FILE\n"""
KERNEL = r"""
modprobe() {
    echo "modprobe $*" >> "$SIM/modprobe"
    if [ ! -e "$SIM/module-$1" ]; then return 1; fi
    mkdir "$drivers/$1"
}
put() {
    echo "${2#$root/sys/bus/pci/} <- $1" >> "$SIM/log"
    case $2 in
        */driver_override)
            [ -e "$2" ] || return 1
            if [ -n "$1" ]; then echo "$1" > "$2"; else echo "(null)" > "$2"; fi ;;
        */driver/unbind)
            if [ -e "$SIM/stuck" ]; then return 1; fi
            rm "$devices/$1/driver" ;;
        */drivers_probe) sim_probe "$1" ;;
        */bind)
            k_name=${2%/bind}
            sim_take "$1" "${k_name##*/}" ;;
        */sriov_numvfs) k_card=${2%/sriov_numvfs}; sim_functions "${k_card##*/}" "$1" ;;
        *) echo "$1" > "$2" ;;
    esac
}
sim_take() {
    [ -d "$drivers/$2" ] || return 1
    case " $(cat "$SIM/refuses" 2>/dev/null) " in *" $1/$2 "*) return 1 ;; esac
    case $2 in *vfio*) [ -e "$devices/$1/iommu_group" ] || return 1 ;; esac
    ln -s "../../drivers/$2" "$devices/$1/driver"
}
sim_probe() {
    if [ -e "$devices/$1/driver" ]; then return 0; fi
    k_card=; k_override=
    read -r k_override < "$devices/$1/driver_override"
    if [ "$k_override" != "(null)" ]; then sim_take "$1" "$k_override"; return; fi
    if [ -e "$devices/$1/physfn" ]; then
        read -r k_auto < "$devices/$1/physfn/sriov_drivers_autoprobe"
        if [ "$k_auto" = 0 ]; then return 0; fi
    fi
    read -r k_native < "$SIM/native/$1"
    if [ -n "$k_native" ]; then sim_take "$1" "$k_native"; fi
}
sim_functions() {
    read -r k_now < "$devices/$1/sriov_numvfs"
    if [ "$2" != 0 ] && [ "$k_now" != 0 ]; then return 1; fi
    if [ "$2" != 0 ] && [ -e "$SIM/novfs" ]; then return 1; fi
    for k_link in "$devices/$1"/virtfn*; do
        [ -e "$k_link" ] || continue
        k_path=$(cd -P "$k_link" && pwd -P)
        rm -r "$k_path" "$k_link"
    done
    k_i=0
    while [ "$k_i" -lt "$2" ]; do
        k_vf=${1%.*:*}
        k_vf=${1%:*}:10.$((k_i * 2))
        mkdir "$devices/$k_vf"
        echo "(null)" > "$devices/$k_vf/driver_override"
        echo 0x8086 > "$devices/$k_vf/vendor"
        echo 0x10ca > "$devices/$k_vf/device"
        ln -s "../$1" "$devices/$k_vf/physfn"
        ln -s "../$k_vf" "$devices/$1/virtfn$k_i"
        if [ ! -e "$SIM/nogroups" ]; then
            mkdir -p "$root/sys/kernel/iommu_groups/$((30 + k_i))"
            ln -s "../../../../kernel/iommu_groups/$((30 + k_i))" "$devices/$k_vf/iommu_group"
        fi
        echo igbvf > "$SIM/native/$k_vf"
        k_i=$((k_i + 1))
        sim_probe "$k_vf"
    done
    echo "$2" > "$devices/$1/sriov_numvfs"
}
"""


def _shell_parameters() -> list[object]:
    found: list[object] = []
    for name, argv in SHELLS.items():
        missing = shutil.which(argv[0]) is None
        found.append(
            pytest.param(argv, id=name, marks=pytest.mark.skipif(missing, reason=f"{argv[0]} is not installed"))
        )
    return found


@dataclass
class Machine:
    root: Path
    shell: tuple[str, ...]

    @property
    def devices(self) -> Path:
        return self.root / "sys/bus/pci/devices"

    def add(self, address: str, native: str, driver: str | None, group: int | None, ids: str = "8086:10d3") -> None:
        folder = self.devices / address
        folder.mkdir()
        vendor, product = ids.split(":")
        (folder / "vendor").write_text(f"0x{vendor}\n")
        (folder / "device").write_text(f"0x{product}\n")
        (folder / "driver_override").write_text("(null)\n")
        (self.root / "sim/native" / address).write_text(f"{native}\n")
        if group is not None:
            (self.root / f"sys/kernel/iommu_groups/{group}").mkdir(parents=True, exist_ok=True)
            (folder / "iommu_group").symlink_to(f"../../../../kernel/iommu_groups/{group}")
        if driver is not None:
            (folder / "driver").symlink_to(f"../../drivers/{driver}")

    def add_card(self, driver: str | None = "igb", total: int = 7) -> None:
        self.add(CARD, "igb", driver, 20, "8086:10c9")
        for name, number in (("sriov_totalvfs", total), ("sriov_numvfs", 0), ("sriov_drivers_autoprobe", 1)):
            (self.devices / CARD / name).write_text(f"{number}\n")

    def driver(self, address: str) -> str | None:
        link = self.devices / address / "driver"
        return os.readlink(link).rsplit("/", 1)[-1] if link.exists() else None

    def override(self, address: str) -> str:
        return (self.devices / address / "driver_override").read_text().strip()

    def show_serial(self, address: str, number: str | None, before: bytes = b"") -> None:
        """The config space as sysfs shows it to root; *before* are other extended capabilities, each of 12 bytes."""
        config = bytearray(4096)
        config[0x100 : 0x100 + len(before)] = before
        at = 0x100 + len(before)
        config[at : at + 4] = (0x00010003 if number else 0x0001000B).to_bytes(4, "little")
        config[at + 4 : at + 12] = bytes.fromhex((number or "").replace("-", "") or "00" * 8)[::-1]
        (self.devices / address / "config").write_bytes(config)

    def show_interface(self, name: str, address: str, mac: str, through: str = "") -> Path:
        """A network interface of the device, its MAC the card's own; *through* is a bus between (virtio0)."""
        folder = self.root / "sys/devices/pci0000:00" / address / through / "net" / name
        folder.mkdir(parents=True)
        (folder / "address").write_text(f"{mac}\n")
        (folder / "addr_assign_type").write_text("0\n")
        (folder / "device").symlink_to(self.devices / address)
        (self.root / "sys/class/net").mkdir(parents=True, exist_ok=True)
        (self.root / "sys/class/net" / name).symlink_to(folder)
        return folder

    def hold(self, group: int, name: str | None = None) -> None:
        fds = self.root / "proc/4711/fd"
        fds.mkdir(parents=True, exist_ok=True)
        (fds / "7").symlink_to("/dev/kvm")
        (fds / "8").symlink_to(name or f"/dev/vfio/{group}")

    def simulate(self, name: str, text: str = "") -> None:
        (self.root / "sim" / name).write_text(text)

    def conf(self, *rows: str) -> None:
        path = self.root / "etc/nova-pci-passthrough/devices.conf"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("# a comment\n\n" + "\n".join(rows) + "\n")

    def run(self, *arguments: str) -> tuple[int, list[str]]:
        """Return the exit status and the lines; the writes of this run are in `log` afterwards."""
        self.simulate("log")
        environment = {
            "PATH": os.environ["PATH"],
            "NOVA_PCI_ROOT": str(self.root),
            "NOVA_PCI_PATIENCE": "1",
            "SIM": str(self.root / "sim"),
        }
        argv = [*self.shell, str(self.root / "devices.sh"), *arguments]
        done = subprocess.run(argv, env=environment, capture_output=True, text=True, timeout=30, check=False)
        assert done.stderr == "" or done.returncode == 2, done.stderr
        return done.returncode, done.stdout.splitlines()

    @property
    def log(self) -> list[str]:
        return (self.root / "sim/log").read_text().splitlines()


@pytest.fixture(params=_shell_parameters())
def machine(request: pytest.FixtureRequest, tmp_path: Path) -> Machine:
    text = TEMPLATE.read_text()
    assert text.count(PUT) == 1, "put() is the one place that writes"
    (tmp_path / "devices.sh").write_text(text.replace(PUT, KERNEL))
    for folder in ("sys/bus/pci/devices", "sim/native", "proc", "run"):
        (tmp_path / folder).mkdir(parents=True)
    for driver in ("e1000e", "igb", "igbvf", "vfio-pci"):
        (tmp_path / "sys/bus/pci/drivers" / driver).mkdir(parents=True)
    machine = Machine(tmp_path, request.param)
    machine.add(NIC, "e1000e", "e1000e", 14)
    machine.add(NIC_2, "e1000e", "e1000e", 15)
    machine.add_card()
    return machine


# ---- binding


def test_apply_binds_one_of_two_identical_cards(machine: Machine) -> None:
    machine.conf(f"{NIC} driver vfio-pci 8086:10d3")
    assert machine.run("apply") == (0, [f"changed {NIC} bound to vfio-pci (was e1000e)"])
    assert (machine.driver(NIC), machine.driver(NIC_2)) == ("vfio-pci", "e1000e")
    assert machine.log == [
        f"devices/{NIC}/driver_override <- vfio-pci",
        f"devices/{NIC}/driver/unbind <- {NIC}",
        f"drivers_probe <- {NIC}",
    ]
    assert machine.override(NIC_2) == "(null)"


@pytest.mark.parametrize("verb", ["apply", "boot", "early"])
def test_what_is_right_is_ok_and_nothing_is_written(machine: Machine, verb: str) -> None:
    machine.conf(f"{NIC} driver vfio-pci")
    machine.run("apply")
    assert machine.run(verb) == (0, [f"ok {NIC} on vfio-pci"])
    assert machine.log == []


def test_an_absent_address_fails_and_the_others_go_on(machine: Machine) -> None:
    machine.conf("0000:7f:00.0 driver vfio-pci", f"{NIC} driver vfio-pci")
    assert machine.run("apply") == (
        1,
        [
            "failed 0000:7f:00.0 there is no device at this address; read the host again and run the play",
            f"changed {NIC} bound to vfio-pci (was e1000e)",
        ],
    )


def test_a_card_that_has_moved_is_left_alone(machine: Machine) -> None:
    machine.conf(f"{NIC} driver vfio-pci 144d:a808", f"{CARD} vfs 2 native 144d:a808")
    moved = "now, not 144d:a808 as planned (a card was added or moved); left alone; run the play again"
    assert machine.run("apply") == (
        1,
        [f"failed {CARD} holds 8086:10c9 {moved}", f"failed {NIC} holds 8086:10d3 {moved}"],
    )
    assert machine.log == []


def test_a_failed_bind_puts_the_former_driver_back(machine: Machine) -> None:
    machine.simulate("refuses", f"{NIC}/vfio-pci")
    machine.conf(f"{NIC} driver vfio-pci")
    assert machine.run("apply") == (
        1,
        [
            f"failed {NIC} vfio-pci did not take it; its former driver e1000e is back (the kernel's log has the reason)",
        ],
    )
    assert (machine.driver(NIC), machine.override(NIC)) == ("e1000e", "(null)")


def test_a_failed_bind_keeps_a_former_override(machine: Machine) -> None:
    machine.simulate("refuses", f"{NIC}/vfio-pci")
    (machine.devices / NIC / "driver_override").write_text("e1000e\n")
    machine.conf(f"{NIC} driver vfio-pci")
    assert machine.run("apply")[0] == 1
    assert (machine.driver(NIC), machine.override(NIC)) == ("e1000e", "e1000e")


def test_when_nothing_comes_back_the_message_says_so(machine: Machine) -> None:
    machine.simulate("refuses", f"{NIC}/vfio-pci {NIC}/e1000e")
    outcome = "its former driver e1000e did not come back: the device has no driver"
    machine.conf(f"{NIC} driver vfio-pci")
    assert machine.run("apply") == (
        1,
        [f"failed {NIC} vfio-pci did not take it; {outcome} (the kernel's log has the reason)"],
    )


def test_a_kernel_that_does_not_let_go(machine: Machine) -> None:
    machine.simulate("stuck")
    machine.conf(f"{NIC} driver vfio-pci")
    assert machine.run("apply") == (1, [f"failed {NIC} the kernel did not let go of e1000e; left as it was"])
    assert machine.override(NIC) == "(null)"


def test_the_driver_is_loaded_where_it_is_a_module(machine: Machine) -> None:
    (machine.root / "sys/bus/pci/drivers/vfio-pci").rmdir()
    machine.simulate("module-vfio-pci")
    machine.conf(f"{NIC} driver vfio-pci")
    assert machine.run("apply") == (0, [f"changed {NIC} bound to vfio-pci (was e1000e)"])
    assert (machine.root / "sim/modprobe").read_text() == "modprobe vfio-pci\n"


def test_a_driver_that_the_kernel_does_not_have(machine: Machine) -> None:
    (machine.root / "sys/bus/pci/drivers/vfio-pci").rmdir()
    machine.conf(f"{NIC} driver vfio-pci")
    problem = "driver vfio-pci is neither built into this kernel nor a module of it; left on e1000e"
    assert machine.run("apply") == (1, [f"failed {NIC} {problem}"])
    assert machine.log == []


def test_another_driver_than_vfio(machine: Machine) -> None:
    machine.conf(f"{NIC} driver igb")
    assert machine.run("apply") == (0, [f"changed {NIC} bound to igb (was e1000e)"])


@pytest.mark.parametrize("name", [None, "/dev/vfio/devices/vfio3"])
def test_a_held_device_keeps_its_driver(machine: Machine, name: str | None) -> None:
    machine.conf(f"{NIC} driver vfio-pci")
    machine.run("apply")
    (machine.devices / NIC / "vfio-dev/vfio3").mkdir(parents=True)
    machine.hold(14, name)
    machine.conf(f"{NIC} driver igb")
    assert machine.run("apply") == (
        1,
        [f"failed {NIC} is held by a guest on vfio-pci; stop the guest, then run this again"],
    )
    assert machine.log == []


def test_another_group_held_does_not_matter(machine: Machine) -> None:
    machine.conf(f"{NIC} driver vfio-pci")
    machine.run("apply")
    machine.hold(141)
    assert machine.run("release")[0] == 0
    assert machine.driver(NIC) == "e1000e"


def test_native_takes_a_device_back(machine: Machine) -> None:
    machine.conf(f"{NIC} driver vfio-pci")
    machine.run("apply")
    machine.conf(f"{NIC} driver native 8086:10d3")
    assert machine.run("apply") == (0, [f"changed {NIC} bound to e1000e, its native driver (was vfio-pci)"])
    assert machine.override(NIC) == "(null)"
    assert machine.run("apply") == (0, [f"ok {NIC} on its native driver e1000e"])


def test_native_does_not_ask_twice(machine: Machine) -> None:
    (machine.devices / NIC / "driver").unlink()
    machine.conf(f"{NIC} driver native")
    assert machine.run("apply") == (0, [f"ok {NIC} without a driver, as the kernel left it"])
    assert machine.log == []


def test_native_ends_what_early_began(machine: Machine) -> None:
    (machine.devices / NIC / "driver").unlink()
    (machine.devices / NIC / "driver_override").write_text("vfio-pci\n")
    machine.conf(f"{NIC} driver native")
    assert machine.run("apply") == (0, [f"changed {NIC} bound to e1000e, its native driver (was without driver)"])
    assert machine.override(NIC) == "(null)"


def test_native_leaves_a_device_that_libvirt_lent_to_a_guest(machine: Machine) -> None:
    machine.conf(f"{NIC} driver vfio-pci")
    machine.run("apply")
    machine.hold(14)
    later = "libvirt gives it back to the native driver when the guest lets go"
    machine.conf(f"{NIC} driver native")
    assert machine.run("apply") == (
        0,
        [f"skipped {NIC} is held by a guest on vfio-pci; {later}"],
    )
    assert machine.log == []


# ---- the initramfs


def test_early_binds_a_device_that_has_no_driver_yet(machine: Machine) -> None:
    (machine.devices / NIC / "driver").unlink()
    machine.conf(
        f"{NIC} driver vfio-pci", f"{CARD} vfs 2 vfio-pci", f"{NIC_2} driver native", f"{VF_1} driver vfio-pci"
    )
    assert machine.run("early") == (
        0,
        [
            f"changed {NIC} bound to vfio-pci (was without driver)",
            f"skipped {VF_1} there is no device at this address yet",
        ],
    )


def test_early_keeps_the_native_driver_away_when_the_module_is_not_in_the_image(machine: Machine) -> None:
    (machine.root / "sys/bus/pci/drivers/vfio-pci").rmdir()
    (machine.devices / NIC / "driver").unlink()
    machine.conf(f"{NIC} driver vfio-pci")
    assert machine.run("early") == (0, [f"changed {NIC} kept for vfio-pci, which this initramfs does not have"])
    assert machine.override(NIC) == "vfio-pci"
    # ... and where the module is nowhere at all, "boot" gives the device its native driver again
    problem = "driver vfio-pci is neither built into this kernel nor a module of it; left on e1000e"
    assert machine.run("boot") == (1, [f"failed {NIC} {problem}"])
    assert (machine.driver(NIC), machine.override(NIC)) == ("e1000e", "(null)")


def test_without_an_iommu_early_does_not_keep_the_native_driver_away(machine: Machine) -> None:
    (machine.devices / NIC / "iommu_group").unlink()
    (machine.devices / NIC / "driver").unlink()
    machine.conf(f"{NIC} driver vfio-pci")
    reason = "is in no IOMMU group (the IOMMU is off): vfio-pci cannot take it; left on"
    assert machine.run("early") == (0, [f"skipped {NIC} {reason} its native driver"])
    assert (machine.override(NIC), machine.log) == ("(null)", [])
    assert machine.run("boot") == (1, [f"failed {NIC} {reason} e1000e"])
    assert machine.driver(NIC) == "e1000e"


def test_no_declaration_is_nothing_to_do(machine: Machine) -> None:
    conf = machine.root / "etc/nova-pci-passthrough/devices.conf"
    assert machine.run("early") == (0, [f"skipped - there is no {conf}, so there is nothing to do"])


# ---- virtual functions


def test_functions_for_guests_never_meet_their_native_driver(machine: Machine) -> None:
    machine.conf(f"{CARD} vfs 2 vfio-pci 8086:10c9")
    assert machine.run("apply") == (
        0,
        [
            f"changed {CARD} has 2 virtual functions (had 0)",
            f"changed {VF_1} bound to vfio-pci (was without driver)",
            f"changed {VF_2} bound to vfio-pci (was without driver)",
        ],
    )
    assert machine.log[:5] == [
        f"devices/{CARD}/sriov_drivers_autoprobe <- 0",
        f"devices/{CARD}/sriov_numvfs <- 2",
        f"devices/{VF_1}/driver_override <- vfio-pci",
        f"devices/{VF_2}/driver_override <- vfio-pci",
        f"devices/{CARD}/sriov_drivers_autoprobe <- 1",
    ]
    assert machine.run("apply") == (
        0,
        [f"ok {CARD} has 2 virtual functions", f"ok {VF_1} on vfio-pci", f"ok {VF_2} on vfio-pci"],
    )
    assert machine.log == []


def test_native_functions(machine: Machine) -> None:
    machine.conf(f"{CARD} vfs 2 native")
    expected = [f"ok {VF_1} on its native driver igbvf", f"ok {VF_2} on its native driver igbvf"]
    assert machine.run("boot") == (0, [f"changed {CARD} has 2 virtual functions (had 0)", *expected])
    assert machine.log == [f"devices/{CARD}/sriov_numvfs <- 2"]
    assert machine.run("boot") == (0, [f"ok {CARD} has 2 virtual functions", *expected])


def test_a_function_with_a_row_of_its_own(machine: Machine) -> None:
    machine.conf(f"{CARD} vfs 2 native", f"{VF_1} driver vfio-pci")
    assert machine.run("apply")[0] == 0
    assert (machine.driver(VF_1), machine.driver(VF_2)) == ("vfio-pci", "igbvf")


def test_another_count_goes_through_zero(machine: Machine) -> None:
    machine.conf(f"{CARD} vfs 2 native")
    machine.run("apply")
    machine.conf(f"{CARD} vfs 3 native")
    status, lines = machine.run("apply")
    assert (status, lines[0]) == (0, f"changed {CARD} has 3 virtual functions (had 2)")
    assert machine.log == [f"devices/{CARD}/sriov_numvfs <- 0", f"devices/{CARD}/sriov_numvfs <- 3"]


def test_a_held_function_keeps_the_count(machine: Machine) -> None:
    machine.conf(f"{CARD} vfs 2 vfio-pci")
    machine.run("apply")
    machine.hold(30)
    machine.conf(f"{CARD} vfs 4 vfio-pci")
    held = f"failed {CARD} keeps its 2 virtual functions: held by a guest: {VF_1}"
    assert machine.run("apply") == (1, [held])
    assert machine.log == []
    assert machine.run("release") == (1, [held])
    assert machine.log == []


def test_a_card_that_refuses_gets_its_probing_back(machine: Machine) -> None:
    machine.simulate("novfs")
    machine.conf(f"{CARD} vfs 2 vfio-pci")
    problem = "driver igb did not create 2 virtual functions; it has 0 (the kernel's log has the reason)"
    assert machine.run("apply") == (1, [f"failed {CARD} {problem}"])
    assert (machine.devices / CARD / "sriov_drivers_autoprobe").read_text() == "1\n"


def test_more_than_the_card_can_have(machine: Machine) -> None:
    machine.conf(f"{CARD} vfs 8 native", f"{NIC} vfs 1 native")
    assert machine.run("apply") == (
        1,
        [
            f"failed {CARD} can have 7 virtual functions at most, not 8",
            f"failed {NIC} has no SR-IOV: no virtual functions can be created",
        ],
    )


def test_boot_waits_for_the_driver_of_the_card_and_gives_up(machine: Machine) -> None:
    (machine.devices / CARD / "driver").unlink()
    machine.conf(f"{CARD} vfs 2 native")
    problem = "no driver of its own is bound after 1 s, so it creates no virtual functions"
    assert machine.run("boot") == (1, [f"failed {CARD} {problem}"])


def test_a_card_on_vfio_goes_back_to_its_own_driver_first(machine: Machine) -> None:
    machine.conf(f"{CARD} driver vfio-pci")
    machine.run("apply")
    machine.conf(f"{CARD} vfs 1 native")
    assert machine.run("apply") == (
        0,
        [
            f"changed {CARD} bound to igb, its native driver (was vfio-pci)",
            f"changed {CARD} has 1 virtual functions (had 0)",
            f"ok {VF_1} on its native driver igbvf",
        ],
    )


def test_a_card_in_a_guest_creates_nothing(machine: Machine) -> None:
    machine.conf(f"{CARD} driver vfio-pci")
    machine.run("apply")
    machine.hold(20)
    machine.conf(f"{CARD} vfs 1 native")
    status, lines = machine.run("apply")
    assert (status, lines[-1]) == (1, f"failed {CARD} creates no virtual functions while it is on vfio-pci itself")


def test_functions_without_an_iommu_work_on_their_native_driver(machine: Machine) -> None:
    machine.simulate("nogroups")
    machine.conf(f"{CARD} vfs 1 vfio-pci")
    reason = "is in no IOMMU group (the IOMMU is off): vfio-pci cannot take it; left on igbvf"
    assert machine.run("boot") == (1, [f"changed {CARD} has 1 virtual functions (had 0)", f"failed {VF_1} {reason}"])
    assert machine.driver(VF_1) == "igbvf"


# ---- twins, told apart by what was recorded

SERIAL = "a0-36-9f-ff-ff-7a-bc-de"
OTHER = "a0-36-9f-ff-ff-7a-bc-df"
ROW = f"{NIC} driver vfio-pci 8086:10d3"
AGAIN = "(a card was added or moved); left alone; run the play again"


def vpd(serial: bytes, name: bytes = b"Card", before: bytes = b"") -> bytes:
    """Vital product data: the card's name, then keywords (PCI 3.0, appendix I)."""
    keywords = before + b"SN" + bytes([len(serial)]) + serial + b"RV\x01\x00"
    resource = b"\x90" + len(keywords).to_bytes(2, "little") + keywords
    return (b"\x82" + len(name).to_bytes(2, "little") + name if name else b"") + resource + b"\x78"


@pytest.mark.parametrize("verb", ["early", "boot", "apply"])
@pytest.mark.parametrize("before", [b"", bytes.fromhex("01 00 c1 10") + bytes(8)])
def test_the_card_with_the_serial_number_is_bound_and_its_twin_is_not(
    machine: Machine, verb: str, before: bytes
) -> None:
    machine.conf(ROW, f"{NIC} serial dsn {SERIAL}")
    machine.show_serial(NIC, OTHER, before)
    wrong = f"has serial number {OTHER} now, not {SERIAL} as planned"
    assert machine.run(verb) == (1, [f"failed {NIC} {wrong} {AGAIN}"])
    assert (machine.driver(NIC), machine.log) == ("e1000e", [])
    machine.show_serial(NIC, SERIAL, before)
    assert machine.run(verb) == (0, [f"changed {NIC} bound to vfio-pci (was e1000e)"])


@pytest.mark.parametrize("serial", [None, "00-00-00-00-00-00-00-00", "ff-ff-ff-ff-ff-ff-ff-ff"])
def test_a_card_without_a_serial_number_is_not_the_one(machine: Machine, serial: str | None) -> None:
    machine.conf(ROW, f"{NIC} serial dsn {SERIAL}")
    machine.show_serial(NIC, serial)
    wrong = f"has serial number none now, not {SERIAL} as planned"
    assert machine.run("boot") == (1, [f"failed {NIC} {wrong} {AGAIN}"])


@pytest.mark.parametrize("content", [None, b"", bytes(64), b"\xff" * 4096])
def test_a_serial_number_that_cannot_be_read_is_no_other_one(machine: Machine, content: bytes | None) -> None:
    machine.conf(ROW, f"{NIC} serial dsn {SERIAL}")
    if content is not None:
        (machine.devices / NIC / "config").write_bytes(content)
    unclear = f"{NIC} its serial number cannot be read, so"
    assert machine.run("early") == (0, [f"skipped {unclear} it may be another card than planned; left alone"])
    assert machine.run("boot") == (1, [f"failed {unclear} it may be another card than planned; left alone"])
    status, lines = machine.run("guard")
    assert (status, lines[0]) == (0, f"skipped {unclear} it cannot be told from another card")
    assert machine.log == []


@pytest.mark.parametrize("text", ["CN0X1234", "two words", "a  b%d\\x"])
def test_a_serial_number_of_the_vital_product_data(machine: Machine, text: str) -> None:
    machine.conf(ROW, f"{NIC} serial vpd {text}")
    place = machine.devices / NIC / "vpd"
    for name, before in ((b"Card", b""), (b"", b"PN\x03abcEC\x00")):
        place.write_bytes(vpd(b" " + text.encode() + b" \x00\x00", name, before))
        assert machine.run("boot")[0] == 0
        assert machine.driver(NIC) == "vfio-pci"
        machine.run("release")
    place.write_bytes(vpd(b"CN0X9999"))
    assert machine.run("boot") == (1, [f"failed {NIC} has serial number CN0X9999 now, not {text} as planned {AGAIN}"])


@pytest.mark.parametrize("content", [b"", b"\x90", b"\xff" * 40, b"\x90\x08\x00SN\x20abc", vpd(b"x")[:-9]])
def test_vital_product_data_that_are_cut_off(machine: Machine, content: bytes) -> None:
    machine.conf(ROW, f"{NIC} serial vpd CN0X1234")
    (machine.devices / NIC / "vpd").write_bytes(content)
    status, lines = machine.run("guard")
    assert (status, "its serial number cannot be read" in lines[0]) == (0, True)


def test_a_card_is_the_one_of_its_slot(machine: Machine) -> None:
    slot = machine.root / "sys/bus/pci/slots/Slot 4"
    slot.mkdir(parents=True)
    (slot / "address").write_text("0000:03:00\n")
    machine.conf(ROW, f"{NIC} slot Slot 4")
    wrong = "is not in slot Slot 4 as planned, which is at 0000:03:00 now"
    assert machine.run("boot") == (1, [f"failed {NIC} {wrong} {AGAIN}"])
    (slot / "address").write_text("0000:02:00\n")
    assert machine.run("boot")[0] == 0
    (slot / "address").unlink()
    assert (
        machine.run("guard")[1][0]
        == f"skipped {NIC} slot Slot 4 cannot be read, so it cannot be told from another card"
    )
    machine.conf(ROW, f"{NIC} slot ../../..")
    assert machine.run("guard") == (0, ["ok - none of 1 addresses holds another device than planned"])


MAC = "52:54:00:4c:00:02"


def test_a_mac_counts_where_it_can_be_seen(machine: Machine) -> None:
    machine.conf(ROW, f"{NIC} mac {MAC} 8086:10d3")
    quiet = (0, ["ok - none of 1 addresses holds another device than planned"])
    assert machine.run("guard") == quiet  # no interface anywhere
    eth0 = machine.show_interface("eth0", NIC, MAC)
    assert machine.run("guard") == quiet
    (eth0 / "address").write_text("52:54:00:4c:00:09\n")
    assert machine.run("guard")[1][0] == f"failed {NIC} has MAC 52:54:00:4c:00:09 now, not {MAC} as planned"
    (eth0 / "addr_assign_type").write_text("3\n")  # set by an administrator
    assert machine.run("guard") == quiet
    port = eth0 / "bonding_slave"
    port.mkdir()
    (port / "perm_hwaddr").write_text(f"{MAC}\n")
    assert machine.run("guard") == quiet


def test_the_twin_gets_its_driver_back_once_the_mac_shows_on_another_card(machine: Machine) -> None:
    machine.conf(ROW, f"{NIC} mac {MAC} 8086:10d3")
    (machine.devices / NIC / "driver").unlink()
    assert machine.run("early") == (0, [f"changed {NIC} bound to vfio-pci (was without driver)"])
    machine.show_interface("ens3", NIC_2, MAC, through="virtio0")
    wrong = f"is not the card with MAC {MAC} as planned, which is interface ens3 now"
    assert machine.run("guard")[1][0] == f"failed {NIC} {wrong}"
    assert machine.run("boot") == (1, [f"failed {NIC} {wrong} {AGAIN}"])
    assert (machine.driver(NIC), machine.override(NIC)) == ("e1000e", "(null)")


def test_a_twin_in_a_guest_stays_there(machine: Machine) -> None:
    machine.conf(ROW, f"{NIC} serial dsn {SERIAL}")
    machine.show_serial(NIC, SERIAL)
    machine.run("boot")
    machine.show_serial(NIC, OTHER)
    machine.hold(14)
    assert machine.run("boot")[0] == 1
    assert (machine.driver(NIC), machine.log) == ("vfio-pci", [])


def test_the_functions_of_another_card_are_neither_made_nor_removed(machine: Machine) -> None:
    machine.conf(f"{CARD} vfs 2 native 8086:10c9", f"{CARD} serial dsn {SERIAL}")
    machine.show_serial(CARD, SERIAL)
    machine.run("boot")
    machine.show_serial(CARD, OTHER)
    wrong = f"has serial number {OTHER} now, not {SERIAL} as planned"
    assert machine.run("boot") == (1, [f"failed {CARD} {wrong} {AGAIN}"])
    assert machine.run("release") == (0, [f"skipped {CARD} {wrong}; left alone"])
    assert machine.log == []
    assert machine.run("guard")[0] == 3


# ---- the guard before nova-compute


def test_the_guard_lets_pass_what_is_as_planned(machine: Machine) -> None:
    machine.conf(ROW, f"{NIC_2} driver native 8086:10d3", f"{CARD} vfs 2 native 8086:10c9")
    assert machine.run("guard") == (0, ["ok - none of 3 addresses holds another device than planned"])
    assert machine.log == []


def test_the_guard_stops_for_another_device_says_why_and_takes_a_person_s_word(machine: Machine) -> None:
    machine.conf(ROW, f"{CARD} vfs 2 native 144d:a808", f"{NIC_2} driver native 8086:10c9")
    word = machine.root / "run/nova-pci-passthrough-start-anyway"
    wrong = [
        f"failed {CARD} holds 8086:10c9 now, not 144d:a808 as planned",
        f"failed {NIC_2} holds 8086:10d3 now, not 8086:10c9 as planned",
    ]
    status, lines = machine.run("guard")
    assert (status, lines[:-1]) == (3, wrong)
    assert lines[-1].startswith(
        f"failed - nova-compute is kept from starting, for Nova would hand out the wrong device at {CARD} {NIC_2}. Run"
    )
    assert lines[-1].endswith(f"To start it all the same: touch {word}")
    word.write_text("")
    status, lines = machine.run("guard")
    assert (status, lines[:-1]) == (0, wrong)
    assert lines[-1].startswith(f"skipped - nova-compute starts all the same, for {word} exists, and Nova may hand out")


def test_the_guard_lets_pass_what_is_gone_or_cannot_be_read(machine: Machine) -> None:
    assert machine.run("guard")[0] == 0  # no devices.conf
    machine.conf("0000:7f:00.0 driver vfio-pci 8086:10d3", ROW, "0000:02:00.9 driver vfio-pci")
    (machine.devices / NIC / "vendor").unlink()
    status, lines = machine.run("guard")
    assert status == 0
    assert lines[0] == "skipped 0000:7f:00.0 there is no device at this address, so Nova hands none out there"
    assert lines[1] == f"skipped {NIC} its vendor and product cannot be read, so it cannot be told from another card"


def test_nova_compute_is_kept_down_by_that_answer_alone(machine: Machine) -> None:
    """What systemd makes of the drop-in's line, with the script at another place."""
    line = DROP_IN.read_text().partition("ExecStartPre=+/bin/sh -c ")[2].splitlines()[0]
    command = line.strip("'").replace("$$", "$").replace(SCRIPT, str(machine.root / "devices.sh"))

    def starts() -> bool:
        environment = {"PATH": os.environ["PATH"], "NOVA_PCI_ROOT": str(machine.root), "SIM": str(machine.root / "sim")}
        argv = [*machine.shell, "-c", command.replace("/bin/sh ", f"{' '.join(machine.shell)} ")]
        return subprocess.run(argv, env=environment, capture_output=True, timeout=30, check=False).returncode == 0

    machine.conf(ROW)
    assert starts()
    machine.conf(f"{NIC} driver vfio-pci 144d:a808")
    assert not starts()
    (machine.root / "devices.sh").write_text("if then\n")
    assert starts()
    (machine.root / "devices.sh").unlink()
    assert starts()


# ---- release, status, hostile rows


def test_release_gives_everything_back(machine: Machine) -> None:
    machine.conf(f"{NIC} driver vfio-pci", f"{CARD} vfs 2 vfio-pci")
    machine.run("apply")
    assert machine.run("release") == (
        0,
        [
            f"changed {CARD} has no virtual functions any more (had 2)",
            f"changed {NIC} bound to e1000e, its native driver (was vfio-pci)",
        ],
    )
    assert machine.override(NIC) == "(null)"
    assert machine.run("release") == (0, [f"ok {CARD} has no virtual functions", f"ok {NIC} is not on vfio-pci"])
    assert machine.log == []


def test_release_of_one_address(machine: Machine) -> None:
    machine.conf(f"{NIC} driver vfio-pci", f"{NIC_2} driver vfio-pci")
    machine.run("apply")
    assert machine.run("release", NIC_2) == (0, [f"changed {NIC_2} bound to e1000e, its native driver (was vfio-pci)"])
    assert machine.driver(NIC) == "vfio-pci"


def test_release_leaves_a_held_device(machine: Machine) -> None:
    machine.conf(f"{NIC} driver vfio-pci")
    machine.run("apply")
    machine.hold(14)
    assert machine.run("release") == (1, [f"failed {NIC} is held by a guest; stop the guest, then run this again"])
    assert machine.log == []


def test_status_writes_nothing(machine: Machine) -> None:
    machine.conf(f"{NIC} driver vfio-pci", f"{CARD} vfs 2 vfio-pci", f"{NIC_2} driver native")
    assert machine.run("status") == (
        1,
        [
            f"failed {CARD} has 0 virtual functions, expected 2",
            f"failed {NIC} on e1000e, IOMMU group 14, expected vfio-pci",
            f"ok {NIC_2} on e1000e, IOMMU group 15",
        ],
    )
    assert machine.log == []
    machine.run("apply")
    assert machine.run("status")[0] == 0
    assert machine.log == []


@pytest.mark.parametrize(
    ("row", "shown"),
    [
        ("../../../etc driver vfio-pci", "driver vfio-pci"),
        ("0000:02:00.0 driver ../../x", "driver ../../x"),
        ("0000:02:00.9 driver vfio-pci", "driver vfio-pci"),
        ("0000:04:00.0 vfs -1 native", "vfs -1 native"),
        ("0000:04:00.0 vfs 010 native", "vfs 010 native"),
        ("0000:04:00.0 vfs 2", "vfs 2 "),
        ("0000:04:00.0 vfs 2 $(reboot)", "vfs 2 $(reboot)"),
    ],
)
def test_a_row_that_cannot_be_read_fails_alone(machine: Machine, row: str, shown: str) -> None:
    machine.conf(row, f"{NIC_2} driver vfio-pci")
    conf = machine.root / "etc/nova-pci-passthrough/devices.conf"
    status, lines = machine.run("apply")
    assert status == 1
    assert f"failed {row.split(maxsplit=1)[0]} this row of {conf} cannot be read: {shown}" in lines
    assert machine.driver(NIC_2) == "vfio-pci"


def test_comments_rows_of_others_and_a_last_line_without_its_newline(machine: Machine) -> None:
    machine.conf(f"{NIC} mac 52:54:00:12:34:56 8086:10d3", "# 0000:09:00.0 driver vfio-pci")
    conf = machine.root / "etc/nova-pci-passthrough/devices.conf"
    conf.write_text(conf.read_text() + f"{NIC} driver vfio-pci   # shares a group")
    assert machine.run("apply") == (0, [f"changed {NIC} bound to vfio-pci (was e1000e)"])


def test_an_unknown_verb(machine: Machine) -> None:
    machine.conf()
    assert machine.run("start") == (2, [])


def test_shellcheck() -> None:
    shellcheck = shutil.which("shellcheck")
    if shellcheck is None:
        pytest.skip("shellcheck is not installed")
    done = subprocess.run([shellcheck, "-s", "sh", str(TEMPLATE)], capture_output=True, text=True, check=False)
    assert done.stdout == ""


def test_the_template_holds_no_jinja() -> None:
    """Roles print it through the template lookup; what runs here is what is written there."""
    text = TEMPLATE.read_text()
    assert [mark for mark in ("{{", "{%", "{#") if mark in text] == []
