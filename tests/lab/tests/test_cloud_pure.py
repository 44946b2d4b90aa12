"""The parts of a cloud that need neither root nor QEMU."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import asdict
from pathlib import Path

import pytest

from lab import (
    another_compute,
    cloud,
    cloud_cli,
    compute,
    container,
    controller,
    disk_files,
    guest_images,
    host_tools,
    image,
    ini,
    network,
    probe,
    zoo,
)
from lab import openstack_settings as settings
from lab.errors import LabError
from lab.machine import CLOUDS, Lab

CONF = """[DEFAULT]
# a comment stays
my_ip = 192.0.2.2
log = {
  "a": 1 }
state_path = /var/lib/nova

[database]
connection = sqlite:////var/lib/nova/novadb
"""


class TestIni:
    def test_an_option_is_replaced_and_all_else_stays(self) -> None:
        after = ini.with_options(CONF, {"DEFAULT": {"my_ip": "10.77.0.1"}})
        assert after == CONF.replace("my_ip = 192.0.2.2\n", "").replace("[DEFAULT]\n", "[DEFAULT]\nmy_ip = 10.77.0.1\n")

    def test_continuation_lines_go_with_their_option(self) -> None:
        after = ini.with_options(CONF, {"DEFAULT": {"log": "x"}})
        assert '"a": 1' not in after
        assert "state_path" in after

    def test_none_removes(self) -> None:
        assert "connection" not in ini.with_options(CONF, {"database": {"connection": None}})

    def test_a_section_that_is_missing_is_added(self) -> None:
        assert ini.with_options("[a]\nb = 1\n", {"pci": {"alias": "{}"}}) == "[a]\nb = 1\n\n[pci]\nalias = {}\n"

    def test_the_same_option_of_another_section_stays(self) -> None:
        text = "[a]\nx = 1\n[b]\nx = 2\n"
        assert ini.with_options(text, {"b": {"x": "3"}}) == "[a]\nx = 1\n[b]\nx = 3\n"


class TestSettings:
    def test_every_password_carries_the_mark(self) -> None:
        for options in (
            settings.keystone(),
            settings.placement(),
            settings.glance(),
            settings.nova_controller(),
            settings.nova_compute(),
        ):
            for values in options.values():
                assert all(str(value).startswith("lab-secret-") for name, value in values.items() if name == "password")
        url = settings.nova_compute()["DEFAULT"]["transport_url"]
        assert url == "rabbit://openstack:lab-secret-rabbit@10.77.0.1:5672/"

    def test_the_compute_host_reaches_no_database(self) -> None:
        text = ini.with_options(CONF, settings.nova_compute())
        assert "connection" not in text
        assert "lab-secret-db" not in text

    def test_nothing_is_said_about_pci(self) -> None:
        for options in (settings.nova_controller(), settings.nova_compute()):
            assert "pci" not in options
            assert "filter_scheduler" not in options

    def test_clouds_yaml_names_the_lab(self) -> None:
        lines = settings.clouds_yaml().splitlines()
        assert lines[:2] == ["clouds:", "  lab:"]
        assert "      auth_url: http://10.77.0.1:5000/v3" in lines


class TestController:
    def test_workers(self) -> None:
        uwsgi = "plugins = python3,apparmor\napparmor-profile = keystone\nprocesses = 8\nthreads = 32\n"
        assert (
            controller.with_few_workers("keystone-uwsgi.ini", uwsgi)
            == "plugins = python3\nprocesses = 1\nthreads = 4\n"
        )
        assert controller.with_few_workers("nova-api-uwsgi.ini", "processes = 16\nthreads = 1\n").endswith(
            "threads = 1\n"
        )

    def test_every_database_has_an_owner_before_tables_are_made(self) -> None:
        names = [what for what, _command, _text in controller.steps()]
        assert names[0] == "making databases"
        statements = controller.steps()[0][2]
        for databases in settings.DATABASES.values():
            for name in databases:
                assert f"CREATE DATABASE {name};" in statements

    def test_files_meant_to_run_say_so(self) -> None:
        assert controller.files("bookworm")["usr/local/sbin/neutron-stub"].startswith("#!")


class TestContainer:
    def test_arguments_say_which_container_it_is(self) -> None:
        argv = container.nspawn_argv(Path("/run/x/root"), network.Network("dev"))
        assert argv[:3] == ["systemd-nspawn", "--directory", "/run/x/root"]
        assert "--network-namespace-path=/run/netns/nova-pci-lab-dev" in argv

    @pytest.mark.parametrize(
        ("mounts", "asked"),
        [
            ("cgroup2 /sys/fs/cgroup cgroup2 rw 0 0\n", {}),
            (
                "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\n",
                {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "1"},
            ),
            (
                "tmpfs /sys/fs/cgroup tmpfs rw 0 0\ncgroup /sys/fs/cgroup/systemd cgroup rw 0 0\n",
                {"SYSTEMD_NSPAWN_UNIFIED_HIERARCHY": "0"},
            ),
        ],
    )
    def test_version_2_of_cgroups_wherever_it_is(self, mounts: str, asked: dict[str, str]) -> None:
        assert container.nspawn_environment(mounts) == asked


class TestNetwork:
    def test_everything_is_made_once(self) -> None:
        assert network.plan("lo  DOWN  00:00:00:00:00:00 <LOOPBACK>\n")[0] == ["link", "set", "lo", "up"]
        assert network.plan("lo UNKNOWN x\nbr0 UP x\ntap0 UP x\n") == []

    def test_a_lost_tap_is_made_again(self) -> None:
        assert network.plan("lo UNKNOWN x\nbr0 UP x\n")[0] == ["tuntap", "add", "tap0", "mode", "tap"]

    def test_a_tap_for_each_compute(self) -> None:
        added = [steps[2] for steps in network.plan("lo UNKNOWN x\nbr0 UP x\ntap0 UP x\n", 2) if steps[0] == "tuntap"]
        assert added == ["tap1"]

    def test_computes_count_from_one(self) -> None:
        assert [network.compute_address(number) for number in (1, 2)] == ["10.77.0.11", "10.77.0.12"]
        assert [network.tap(number) for number in (1, 2)] == ["tap0", "tap1"]

    def test_commands_enter_only_the_network(self) -> None:
        assert network.Network("dev").prefix == ["nsenter", "--net=/run/netns/nova-pci-lab-dev", "--"]


class TestCompute:
    def test_it_starts_bare(self) -> None:
        recipe = compute.recipe(Lab().cache)
        assert recipe.zoo == zoo.CLOUD
        assert not recipe.data_disk

    def test_its_devices(self) -> None:
        table = {device.name: device for device in zoo.devices(zoo.CLOUD)}
        assert table["nic_a"].ids == table["nic_b"].ids == "8086:10d3"
        assert table["root_disk"].address == "0000:00:03.0"
        assert table["ssh_nic"].address == "0000:00:04.0"
        args = zoo.qemu_args(zoo.CLOUD, 3072, {"disk": "D", "disk_format": "qcow2", "network": "tap,id=ssh"})
        assert not [arg for arg in args if "{" in arg]
        assert "tap,id=ssh" in args

    def test_nova_compute_may_take_its_time(self) -> None:
        text = compute.files("bookworm", "uuid")["etc/systemd/system/nova-compute.service.d/lab.conf"]
        assert "TimeoutStartSec=900\n" in text


class TestAnotherCompute:
    def identity(self) -> dict[str, str]:
        first = compute.files("bookworm", "uuid")
        conf = ini.with_options(CONF, settings.nova_compute())
        former = {another_compute.NETWORK_FILE: first[another_compute.NETWORK_FILE.lstrip("/")]}
        return another_compute.identity(2, {**former, another_compute.NOVA_CONF: conf})

    def test_nothing_of_the_first_compute_is_left(self) -> None:
        texts = self.identity()
        assert texts["/etc/hostname"] == "cmp2\n"
        assert "10.77.0.12 cmp2\n" in texts["/etc/hosts"]
        for path in (another_compute.NETWORK_FILE, another_compute.NOVA_CONF):
            assert "10.77.0.12" in texts[path]
            assert "10.77.0.11" not in texts[path]
        assert zoo.cloud_nic_mac(2) in texts[another_compute.NETWORK_FILE]
        assert zoo.CLOUD_NIC_MAC not in texts[another_compute.NETWORK_FILE]

    def test_the_rest_of_novas_settings_is_the_first_ones(self) -> None:
        conf = self.identity()[another_compute.NOVA_CONF]
        first = ini.with_options(CONF, settings.nova_compute())
        assert sorted(conf.replace("10.77.0.12", "10.77.0.11").splitlines()) == sorted(first.splitlines())

    def test_each_has_a_machine_id_of_its_own(self) -> None:
        assert self.identity()["/etc/machine-id"] != self.identity()["/etc/machine-id"]

    def test_its_network_card(self) -> None:
        values = {"disk": "D", "disk_format": "qcow2", "network": "tap,id=ssh"}
        first = " ".join(zoo.qemu_args(zoo.CLOUD, 3072, values))
        other = " ".join(zoo.qemu_args(zoo.CLOUD, 3072, {**values, "cloud_nic_mac": zoo.cloud_nic_mac(2)}))
        assert first.count(zoo.CLOUD_NIC_MAC) == other.count(zoo.cloud_nic_mac(2)) == 1
        assert other.replace(zoo.cloud_nic_mac(2), zoo.CLOUD_NIC_MAC) == first


@pytest.mark.skipif(
    not all(map(shutil.which, ("mke2fs", "debugfs", "e2fsck"))), reason="the programs of e2fsprogs are not installed"
)
class TestDiskFiles:
    def disk(self, folder: Path, mode: int = 0o640) -> Path:
        tree = folder / "tree"
        (tree / "etc").mkdir(parents=True)
        (tree / "etc/hostname").write_text("cmp1\n")
        (tree / "etc/hostname").chmod(mode)
        raw = folder / "disk.raw"
        with raw.open("wb") as disk:
            disk.truncate(16 * 2**20)
        image._mke2fs(raw, "0d1ac1d2-3d6c-4d3a-8f2a-0f6d9a1b2c3d", 8 * 1024, tree, 2048 * 512)
        return raw

    def test_a_file_is_replaced_and_the_file_system_is_sound(self, tmp_path: Path) -> None:
        raw = self.disk(tmp_path)
        files = disk_files.DiskFiles(raw, tmp_path)
        before = files._debugfs("-R", "stat /etc/hostname")
        files.replace({"/etc/hostname": "cmp2\n"})
        assert files.read("/etc/hostname") == "cmp2\n"
        after = files._debugfs("-R", "stat /etc/hostname")
        assert disk_files._OWNED.search(after).groups() == disk_files._OWNED.search(before).groups()  # type: ignore[union-attr]
        assert disk_files._OWNED.search(after)["mode"] == "0640"  # type: ignore[index]
        assert subprocess.run(["e2fsck", "-fn", files.where], capture_output=True, check=False).returncode == 0

    def test_a_file_that_is_not_there(self, tmp_path: Path) -> None:
        files = disk_files.DiskFiles(self.disk(tmp_path), tmp_path)
        with pytest.raises(LabError, match="has no file /etc/none"):
            files.replace({"/etc/none": "x"})


class TestGuestImages:
    @pytest.mark.skipif(shutil.which("cpio") is None, reason="cpio is not installed")
    def test_an_archive_of_one_file(self) -> None:
        archive = guest_images.newc([("init", 0o100755, b"abc")])
        listed = subprocess.run(["cpio", "-t", "--quiet"], input=archive, capture_output=True, check=True).stdout
        assert listed == b"init\n"


class TestLastWords:
    def test_the_end_of_a_console_without_what_moves_a_cursor(self, tmp_path: Path) -> None:
        log = tmp_path / "serial.log"
        log.write_bytes(b"one\r\n\x1b[6n\x1b[32766;32766H\r\n\x1b[!p\x1b[?7htwo \xff\r\n\r\nthree")
        assert cloud_cli.last_lines(log, 2) == ["two \ufffd", "three"]

    def test_no_console_at_all(self, tmp_path: Path) -> None:
        assert cloud_cli.last_lines(tmp_path / "none") == []


class TestCloud:
    def lab(self, folder: Path) -> Lab:
        return Lab(folder / "cache", folder / "run")

    def state(self, there: cloud.Cloud) -> cloud.State:
        return cloud.State(
            name=there.name,
            suite="bookworm",
            namespace=there.network.namespace,
            hosts=cloud.hosts(1),
            ssh_user="root",
            ssh_key="/key",
            ssh_common_args="-o X=y",
            ssh_control_dir=str(there.network.sockets),
            clouds_yaml="/c/clouds.yaml",
            cloud="lab",
            logs=cloud.logs(there.directory),
            controller_tree="/tree",
        )

    def test_clouds_with_the_same_addresses_share_no_connection(self, tmp_path: Path) -> None:
        one, other = (cloud.Cloud(self.lab(tmp_path), name) for name in ("one", "other"))
        assert self.state(one).hosts == self.state(other).hosts
        assert self.state(one).ssh_control_dir != self.state(other).ssh_control_dir
        inventory = Path(cloud.__file__).with_name("cloud_inventory") / "hosts.yml"
        assert 'ansible_control_path_dir: "{{ lab_cloud.ssh_control_dir }}"' in inventory.read_text(encoding="utf-8")

    def test_what_is_written_is_read_again(self, tmp_path: Path) -> None:
        there = cloud.Cloud(self.lab(tmp_path), "unit-test")
        there.directory.mkdir(parents=True)
        there.state_file.write_text(json.dumps(asdict(self.state(there))))
        assert there.state == self.state(there)
        assert there.environment() == {
            "NOVA_PCI_LAB_CLOUD": str(there.state_file),
            "OS_CLIENT_CONFIG_FILE": "/c/clouds.yaml",
            "OS_CLOUD": "lab",
        }
        assert cloud.trees_in_use(there.lab) == {Path("/tree")}

    def test_a_cloud_that_does_not_exist(self, tmp_path: Path) -> None:
        with pytest.raises(LabError, match="There is no cloud unit-test"):
            _state = cloud.Cloud(self.lab(tmp_path), "unit-test").state

    @pytest.mark.parametrize("name", ["../x", "", "A", "a/b", "-x"])
    def test_names_cannot_leave_the_run_folder(self, tmp_path: Path, name: str) -> None:
        with pytest.raises(LabError, match="is no name of a cloud"):
            cloud.Cloud(self.lab(tmp_path), name)

    def test_clouds_are_no_machines(self, tmp_path: Path) -> None:
        lab = self.lab(tmp_path)
        (lab.run_root / CLOUDS / "unit-test").mkdir(parents=True)
        assert lab.machines() == []
        assert [there.name for there in cloud.clouds(lab)] == ["unit-test"]

    def test_down_is_idempotent_and_removes_a_half_made_cloud(self, tmp_path: Path) -> None:
        there = cloud.Cloud(self.lab(tmp_path), "unit-test")
        (there.directory / "controller" / "changes").mkdir(parents=True)
        assert there.left_overs() == [f"folder {there.directory}"]
        there.down()
        there.down()
        assert there.left_overs() == []

    def test_down_finds_a_container_by_its_arguments(self, tmp_path: Path) -> None:
        there = cloud.Cloud(self.lab(tmp_path), "unit-test")
        there.controller.directory.mkdir(parents=True)
        words = ["--directory", str(there.controller.root), "end"]
        script = "import time; print('up', flush=True); time.sleep(60)"
        with subprocess.Popen([sys.executable, "-c", script, *words], stdout=subprocess.PIPE) as process:
            assert process.stdout is not None
            process.stdout.readline()
            assert there.controller.pids == [process.pid]
            there.down()
            process.wait()
        assert there.left_overs() == []

    def test_mounts_below(self) -> None:
        mounts = "a /run/c/x/root overlay rw 0 0\nb /run/c/xy ext4 rw 0 0\nc /run/c/x ext4 rw 0 0\n"
        assert cloud.mounts_below(Path("/run/c/x"), mounts) == ["mount /run/c/x/root", "mount /run/c/x"]

    def test_a_cloud_made_before_there_were_two_has_one_compute(self, tmp_path: Path) -> None:
        there = cloud.Cloud(self.lab(tmp_path), "unit-test")
        there.directory.mkdir(parents=True)
        old = {name: value for name, value in asdict(self.state(there)).items() if name != "computes"}
        there.state_file.write_text(json.dumps(old))
        assert there.computes == (there.compute,)

    def test_two_computes(self, tmp_path: Path) -> None:
        there = cloud.Cloud(self.lab(tmp_path), "unit-test")
        there.directory.mkdir(parents=True)
        there.state_file.write_text(json.dumps({**asdict(self.state(there)), "computes": 2}))
        assert [compute.name for compute in there.computes] == ["compute", "compute2"]
        assert cloud.hosts(2) == {"controller": "10.77.0.1", "compute": "10.77.0.11", "compute2": "10.77.0.12"}
        assert there.ssh("compute2").argv[-1] == "compute2"
        assert cloud.logs(there.directory, 2)["compute2"].endswith("/compute2/serial.log")

    def test_no_such_host(self, tmp_path: Path) -> None:
        with pytest.raises(LabError, match="has no host 'x'; choose one of controller, compute"):
            cloud.Cloud(self.lab(tmp_path), "unit-test").ssh("x")


def test_nobody_to_ask() -> None:
    answer = probe.ask("http://127.0.0.1:9", "http://127.0.0.1:9", "admin", "x", "cmp1")
    assert answer.missing == "Keystone"


def test_a_cloud_needs_more_of_its_host() -> None:
    assert set(host_tools.NEEDS) < set(host_tools.CLOUD_NEEDS)
