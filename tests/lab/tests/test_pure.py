"""The parts of the lab that need neither root nor QEMU."""

from __future__ import annotations

import io
import itertools
import json
import os
import struct
import subprocess
import sys
from pathlib import Path

import pytest

from lab import apt_sources, cache, host_tools, image, machine, qemu, ssh, suites, zoo
from lab.errors import LabError
from lab.progress import Progress


def _nothing(folder: Path) -> None:
    """Build an empty entry."""


def _everything(what: str) -> bool:
    return True


class TestCache:
    def test_digest_ignores_order_but_no_value(self) -> None:
        assert cache.digest({"a": 1, "b": 2}) == cache.digest({"b": 2, "a": 1})
        assert cache.digest({"a": 1}) != cache.digest({"a": 2})
        assert cache.digest({"a": 1}, epoch=1) != cache.digest({"a": 1}, epoch=2)

    def test_a_comment_does_not_make_code_new(self) -> None:
        assert cache.code_digest("a = 1  # one\n") == cache.code_digest("a=1\n")
        assert cache.code_digest("a = 1\n") != cache.code_digest("a = 2\n")

    def test_builds_once(self, tmp_path: Path) -> None:
        calls: list[Path] = []

        def build(folder: Path) -> None:
            calls.append(folder)
            (folder / "result").write_text("x")

        store = cache.Cache(tmp_path)
        first = store.get_or_build("kind", {"a": 1}, build)
        assert store.get_or_build("kind", {"a": 1}, build) == first
        assert len(calls) == 1
        assert (first / "result").read_text() == "x"
        assert json.loads((first / "inputs.json").read_text()) == {"a": 1}

    def test_a_failed_build_leaves_no_entry(self, tmp_path: Path) -> None:
        def build(folder: Path) -> None:
            (folder / "half").write_text("x")
            raise LabError("No.")

        store = cache.Cache(tmp_path)
        with pytest.raises(LabError):
            store.get_or_build("kind", {}, build)
        assert not (tmp_path / "kind").exists()
        assert list((tmp_path / "tmp").iterdir()) == []

    def test_what_an_interrupted_build_left_is_removed(self, tmp_path: Path) -> None:
        (tmp_path / "tmp" / "kind-1").mkdir(parents=True)
        cache.Cache(tmp_path).get_or_build("kind", {}, _nothing)
        assert list((tmp_path / "tmp").iterdir()) == []

    def test_prune_keeps_the_newest_two_and_those_in_use(self, tmp_path: Path) -> None:
        store = cache.Cache(tmp_path)
        entries = [store.get_or_build("kind", {"n": n}, _nothing) for n in range(4)]
        for age, entry in enumerate(reversed(entries)):
            os.utime(entry, (1000 - age, 1000 - age))
        removed = store.prune("kind", in_use={entries[0]})
        assert removed == [entries[1]]

    def test_environment_chooses_the_folder(self, tmp_path: Path) -> None:
        assert cache.default_root({"NOVA_PCI_LAB_CACHE": str(tmp_path)}) == tmp_path
        assert cache.default_root({"XDG_CACHE_HOME": "/x"}) == Path("/x/nova-pci-passthrough-lab")


class TestHostTools:
    def test_one_sentence_names_everything(self) -> None:
        present = {"mke2fs", "ssh", "unshare", "setpriv", "as", "ld", apt_sources.KEYRING}
        lacking = host_tools.missing(present=present.__contains__)
        assert host_tools.sentence(lacking) == (
            "mmdebstrap, ssh-keygen are missing here: run the lab's setup,"
            " or apt-get install mmdebstrap openssh-client."
        )

    def test_one_missing_tool_is_singular(self) -> None:
        sentence = host_tools.sentence([host_tools.Need("mke2fs", "e2fsprogs")])
        assert sentence.startswith("mke2fs is missing here: ")

    def test_nothing_missing(self) -> None:
        assert host_tools.missing(present=_everything) == []


class TestAptSources:
    def test_mirrors_are_those_of_the_machine(self) -> None:
        text = (
            "nodistro\thttps://other.example/\n"
            "bookworm-security\thttp://mirror.example/debian-security/\n"
            "bookworm-updates\thttp://mirror.example/updates/\n"
            "bookworm\thttp://mirror.example/debian/\n"
        )
        found = apt_sources.parse_index_targets(text)
        assert found == apt_sources.Mirrors("http://mirror.example/debian/", "http://mirror.example/debian-security/")
        assert [line.split("] ")[1] for line in found.source_lines("trixie")] == [
            "http://mirror.example/debian/ trixie main",
            "http://mirror.example/debian-security/ trixie-security main",
        ]
        assert len(found.source_lines("bullseye")) == 1, "its security archive has no files any more"

    def test_no_debian_at_all(self) -> None:
        assert apt_sources.parse_index_targets("noble\thttp://ubuntu.example/\n") is None

    def test_the_environment_wins(self) -> None:
        found = apt_sources.mirrors({"NOVA_PCI_LAB_MIRROR": "http://a.example http://b.example"})
        assert found == apt_sources.Mirrors("http://a.example", "http://b.example")

    def test_only_the_way_to_the_mirror_is_inherited(self) -> None:
        text = (
            'APT::Install-Recommends "1";\n'
            'Acquire::Check-Valid-Until "false";\n'
            'Acquire::http::Proxy "http://proxy.example:3128";\n'
            'Acquire::Languages "none";\n'
        )
        assert apt_sources.parse_apt_config(text) == [
            'Acquire::Check-Valid-Until "false";',
            'Acquire::http::Proxy "http://proxy.example:3128";',
        ]


class TestImage:
    def test_cmdline_line_is_replaced_and_nothing_else(self) -> None:
        before = 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX=""\nX=1\n'
        after = 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX="a=b c"\nX=1\n'
        assert image.with_cmdline(before, "a=b c") == after

    def test_cmdline_line_must_be_there(self) -> None:
        with pytest.raises(LabError, match="no GRUB_CMDLINE_LINUX line"):
            image.with_cmdline("X=1\n", "a")

    def test_the_data_disk_is_waited_for_longer_than_a_slow_boot_takes(self) -> None:
        fstab = image.guest_files("bookworm", "root-uuid", "data-uuid", "")["etc/fstab"]
        assert "UUID=data-uuid /srv/data ext4 defaults,nofail,x-systemd.device-timeout=900" in fstab

    def test_only_a_new_sshd_is_told_not_to_punish(self) -> None:
        name = "etc/ssh/sshd_config.d/lab.conf"
        assert name not in image.guest_files("bookworm", "r", "d", "")
        assert image.guest_files("trixie", "r", "d", "")[name] == "PerSourcePenalties no\n"

    def test_machines_start_with_the_iommu_off(self) -> None:
        assert "intel_iommu=off" in image.START_CMDLINE.split()

    def test_partition_table(self) -> None:
        sector = image.partition_table(8192, 0x12345678)
        assert len(sector) == 512
        assert sector[510:] == b"\x55\xaa"
        assert struct.unpack_from("<I", sector, 440) == (0x12345678,)
        assert sector[446] == 0x80
        assert sector[450] == 0x83
        assert struct.unpack_from("<II", sector, 454) == (2048, 8192 - 2048)

    def test_only_the_ssh_nic_is_configured(self) -> None:
        files = image.guest_files("bookworm", "root-uuid", "data-uuid", "ssh-ed25519 AAAA lab\n")
        network = [text for name, text in files.items() if name.endswith(".network")]
        assert len(network) == 1
        assert f"MACAddress={zoo.SSH_NIC_MAC}\n" in network[0]


class TestZoo:
    @pytest.mark.parametrize("name", zoo.ZOOS)
    def test_every_placeholder_is_filled(self, name: str) -> None:
        values = {"disk": "D", "disk_format": "qcow2", "data_disk": "E", "ssh_port": 2222}
        args = zoo.qemu_args(name, 1024, values)
        assert not [arg for arg in args if "{" in arg]
        assert "user,id=ssh,hostfwd=tcp:127.0.0.1:2222-:22" in args

    @pytest.mark.parametrize("name", zoo.ZOOS)
    def test_every_device_says_its_bus_and_no_option_rom_is_loaded(self, name: str) -> None:
        args = [option for device in zoo.devices(name) for option in device.args]
        devices = [b for a, b in itertools.pairwise(args) if a == "-device"]
        for device in devices:
            assert ",bus=" in device or device.startswith("nvme-subsys,")
            if device.startswith(("e1000", "igb", "vmxnet3", "ati-vga")):
                assert ",romfile=" in device

    def test_names_and_addresses_are_unique(self) -> None:
        names = [device.name for device in zoo.DEVICES]
        addresses = [device.address for device in zoo.DEVICES]
        assert len(set(names)) == len(names)
        assert len(set(addresses)) == len(addresses)

    def test_small_zoo_has_the_same_addresses(self) -> None:
        small = zoo.expected("small")
        nics = {"ssh_nic", "spare_nic", "sriov_nic"}
        assert set(small) == {"console_vga", "root_disk", "nvme_data", *nics}
        assert small.items() <= zoo.expected("intel").items()

    def test_a_machine_that_can_be_frozen_has_no_nvme_and_else_the_devices_of_the_small_one(self) -> None:
        faults, small = zoo.expected("faults"), zoo.expected("small")
        assert not [arg for device in zoo.devices("faults") for arg in device.args if arg.startswith("nvme")]
        assert set(small) - set(faults) == {"nvme_data"}
        assert set(faults) - set(small) == {"data_disk"}
        assert all(faults[name] == small[name] for name in set(faults) & set(small))

    def test_the_two_twins_differ_only_by_address(self) -> None:
        twins = [device for device in zoo.DEVICES if device.name in ("ssh_nic", "spare_nic")]
        assert {device.ids for device in twins} == {"8086:10d3"}

    def test_iommu_of_each_zoo(self) -> None:
        values = dict.fromkeys(("disk", "disk_format", "data_disk", "ssh_port"), "x")
        assert zoo.qemu_args("amd", 1024, values)[-1].startswith("amd-iommu")
        for name in ("intel", "small", "faults"):
            args = zoo.qemu_args(name, 1024, values)
            root = next(
                arg for arg in args if arg.startswith("virtio-blk-pci,drive=root,bus=pcie.0,addr=0x3,bootindex=1")
            )
            assert args.index("intel-iommu,intremap=on,caching-mode=on") < args.index(root)

    def test_the_connection_goes_around_amds_iommu(self) -> None:
        nics = {
            zoo_name: next(d for d in zoo.devices(zoo_name) if d.name == "ssh_nic") for zoo_name in ("intel", "amd")
        }
        assert nics["amd"].args[-1] == nics["intel"].args[-1].replace("e1000e", "virtio-net-pci")
        assert (nics["amd"].address, nics["amd"].ids) == (nics["intel"].address, "1af4:1041")

    def test_numa_memory_adds_up(self) -> None:
        values = dict.fromkeys(("disk", "disk_format", "data_disk", "ssh_port"), "x")
        args = zoo.qemu_args("intel", 2049, values)
        sizes = [arg.split("size=")[1] for arg in args if arg.startswith("memory-backend")]
        assert sizes == ["1024M", "1025M"]

    def test_unknown_zoo(self) -> None:
        with pytest.raises(ValueError, match="no zoo named 'arm'"):
            zoo.devices("arm")


class TestSuites:
    def test_no_other_suite(self) -> None:
        with pytest.raises(LabError, match="nothing of 'sid'; choose one of bullseye, bookworm, trixie"):
            suites.require("sid")

    def test_only_new_servers_penalise(self) -> None:
        assert [bool(suites.sshd_files(suite)) for suite in suites.SUITES] == [False, False, True]


class TestQemu:
    def test_tree_runs_through_its_own_loader(self) -> None:
        found = qemu.tree_commands(Path("/t"))
        assert found.system[:3] == (
            "/t/usr/lib64/ld-linux-x86-64.so.2",
            "--library-path",
            "/t/usr/lib/x86_64-linux-gnu",
        )
        assert found.system[3] == "/t/usr/bin/qemu-system-x86_64"

    @pytest.mark.parametrize(
        ("what_it_does", "works"),
        [
            ('echo "TINY-DONE" > "$console"; sleep 60', True),
            ('echo "Linux version" > "$console"; sleep 60', False),  # a kernel that hangs
            ("exit 1", False),
        ],
    )
    def test_only_a_kernel_that_came_up_counts(self, tmp_path: Path, what_it_does: str, works: bool) -> None:
        program = tmp_path / "qemu"
        last = 'for word in "$@"; do console=${word#file:}; done'
        program.write_text(f"#!/bin/sh\n{last}\n{what_it_does}\n", encoding="ascii")
        program.chmod(0o755)
        found = qemu.Qemu((str(program),), ("true",))
        assert qemu.kvm_boots_a_kernel(found, tmp_path, tmp_path / "cache", seconds=1) is works
        assert list((tmp_path / "cache").iterdir()) == []


class TestSsh:
    def test_options_survive_a_reset_of_the_guest(self) -> None:
        assert "-o ServerAliveInterval=4" in ssh.common_args()

    def test_config(self) -> None:
        text = ssh.config_text("dev1", 2222, Path("/k"))
        assert text.startswith("Host dev1\n  HostName 127.0.0.1\n  Port 2222\n")
        assert "  IdentityFile /k\n" in text

    def test_nobody_answers_on_a_free_port(self) -> None:
        assert not ssh.answers(ssh.free_port(), seconds=1)


class TestMachine:
    def lab(self, folder: Path) -> machine.Lab:
        return machine.Lab(folder / "cache", folder / "run")

    def test_inventory(self, tmp_path: Path) -> None:
        lab = self.lab(tmp_path)
        guest = lab.machine("dev1")
        guest.directory.mkdir(parents=True)
        state = machine.State("dev1", "bookworm", "intel", 2048, "/golden", 2222, "/key")
        (guest.directory / "machine.json").write_text(json.dumps(vars(state)))
        assert machine.inventory([guest]) == (
            "nova_compute:\n"
            "  hosts:\n"
            "    dev1:\n"
            "      ansible_host: 127.0.0.1\n"
            "      ansible_port: 2222\n"
            "      ansible_user: root\n"
            "      ansible_ssh_private_key_file: /key\n"
            f"      ansible_ssh_common_args: {ssh.common_args()}\n"
            "      ansible_python_interpreter: /usr/bin/python3\n"
        )

        assert machine.Lab.machine_at(guest.directory / "machine.json").state == state

    def test_a_machine_that_does_not_exist(self, tmp_path: Path) -> None:
        with pytest.raises(LabError, match="There is no machine dev1"):
            _state = self.lab(tmp_path).machine("dev1").state

    @pytest.mark.parametrize("name", ["../x", "", "A", "a/b", "-x"])
    def test_names_cannot_leave_the_run_folder(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(LabError, match="is no machine name"):
            self.lab(tmp_path).machine(name)

    def test_down_is_idempotent_and_removes_a_half_made_machine(self, tmp_path: Path) -> None:
        guest = self.lab(tmp_path).machine("half")
        guest.directory.mkdir(parents=True)
        guest.down()
        guest.down()
        assert not guest.directory.exists()

    def test_down_finds_a_process_without_a_pid_file(self, tmp_path: Path) -> None:
        guest = self.lab(tmp_path).machine("lost")
        guest.directory.mkdir(parents=True)
        words = ["-pidfile", str(guest.directory / "qemu.pid"), "end"]
        argv = [sys.executable, "-c", "import time; print('up', flush=True); time.sleep(60)"]
        with subprocess.Popen([*argv, *words], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            assert guest.pids == [process.pid]
            guest.cut()
            process.wait()
        assert not guest.running

    def test_last_console_line_is_readable(self) -> None:
        console = "a\r\n\x1b[0;32mOK\x1b[0m Started \x1b[0;1;39mssh\x1b[0m.\r\n\r\n\x1b[2K\r"
        assert machine.last_line(console) == "OK Started ssh."


def test_progress_lines_carry_the_elapsed_time() -> None:
    stream = io.StringIO()
    progress = Progress("dev1", stream)
    progress.say("hello")
    progress.heartbeat("too early")
    assert stream.getvalue() == "[    0 s] dev1: hello\n"


def test_the_program_runs_as_a_file() -> None:
    script = Path(machine.__file__).with_name("lab.py")
    done = subprocess.run([sys.executable, str(script), "--help"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert "inventory" in done.stdout
