"""The controller of a cloud: a container with Debian's MariaDB, RabbitMQ, Keystone, Glance, Placement and Nova.

Its tree is made in two steps, each an entry of the cache: the packages, then one boot in which they are configured as an
administrator would, with their real units. A cloud starts from the second by an overlay.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

from . import debian_root, guest_images, ini, openstack_settings, ssh, suites
from .cache import Cache, code_digest
from .container import Container
from .network import COMPUTE, CONTROLLER, Network
from .openstack_settings import secret
from .progress import Progress

PACKAGES = (
    "systemd-sysv",
    "dbus",
    "udev",
    "openssh-server",
    "python3",
    "iproute2",
    "procps",
    "sudo",
    "mariadb-server",
    "mariadb-client",
    "python3-pymysql",
    "rabbitmq-server",
    "keystone",
    "placement-api",
    "glance-api",
    "nova-api",
    "nova-scheduler",
    "nova-conductor",
    "python3-openstacksdk",
    "python3-openstackclient",
)

UNITS = ("keystone", "placement-api", "glance-api", "nova-api", "nova-scheduler", "nova-conductor")
LOGS = ("keystone", "placement", "glance", "nova")

_UNUSED_UNITS = ("nova-api-metadata.service",)
_GUEST = Path(__file__).with_name("guest")
_STEP_SECONDS = 900


def build(suite: str, cache: Cache, progress: Progress) -> Path:
    """The configured tree (a folder `root`) from the cache, built when its inputs changed."""
    suites.require(suite)
    key = ssh.ensure_key(cache.root)
    packages = _packages(suite, cache, key, progress)
    images = guest_images.build(cache, progress)
    inputs = {
        "packages": packages.name,
        "images": images.name,
        "guest": [path.read_text(encoding="utf-8") for path in sorted(_GUEST.glob("*.py"))],
        "code": [code_digest(Path(module).read_text(encoding="utf-8")) for module in _configuring()],
    }

    def make(scratch: Path) -> None:
        _Configuration(suite, scratch, packages / "root", images, key, progress).run()

    return cache.get_or_build(kind(suite), inputs, make)


def kind(suite: str) -> str:
    """The cache's name for configured trees."""
    return f"controller-{suite}"


def system_files(hostname: str) -> dict[str, str]:
    """What both hosts of a cloud have in common."""
    return {
        "etc/hostname": f"{hostname}\n",
        "etc/hosts": f"127.0.0.1 localhost\n{CONTROLLER} ctl\n{COMPUTE} cmp1\n",
        # The usual 90 s are not enough on processors that others keep busy.
        "etc/systemd/system.conf.d/lab.conf": "[Manager]\nDefaultTimeoutStartSec=900s\n",
    }


def files(suite: str) -> dict[str, str]:
    """Files of the controller, by path relative to its root."""
    return {
        **system_files("ctl"),
        **suites.sshd_files(suite),
        "etc/mysql/mariadb.conf.d/99-lab.cnf": (
            "[mariadb]\nskip-log-bin\nskip-name-resolve\nmax_connections=400\n"
            "innodb_buffer_pool_size=64M\ninnodb_flush_log_at_trx_commit=0\n"
        ),
        "etc/openstack/clouds.yaml": openstack_settings.clouds_yaml(),
        "usr/local/sbin/neutron-stub": (_GUEST / "neutron_stub.py").read_text(encoding="utf-8"),
        "etc/systemd/system/neutron-stub.service": (
            "[Unit]\nDescription=Empty answers in the place of Neutron\n"
            "[Service]\nExecStart=/usr/local/sbin/neutron-stub\nDynamicUser=yes\n"
            "[Install]\nWantedBy=multi-user.target\n"
        ),
    }


def with_few_workers(name: str, uwsgi: str) -> str:
    """uwsgi's settings for two processors: one process; Nova's API stays at one thread, as it is packaged."""
    changed = re.sub(r"(?m)^processes = .*$", "processes = 1", uwsgi)
    if not name.startswith("nova"):
        changed = re.sub(r"(?m)^threads = .*$", "threads = 4", changed)
    # A container has no AppArmor to confine itself with.
    changed = re.sub(r"(?m)^apparmor-profile = .*\n", "", changed)
    return re.sub(r"(?m)^(plugins = .*),apparmor\b", r"\1", changed)


def steps() -> list[tuple[str, str, str]]:
    """(what, command, standard input): the administrator's work, in order, in the booted container."""
    nova = "runuser -u nova -- nova-manage"
    user = "keystone --keystone-group keystone"
    cell0 = openstack_settings.database("nova", "nova_cell0")
    urls = " ".join(
        f"--bootstrap-{kind}-url {openstack_settings.KEYSTONE}/" for kind in ("admin", "internal", "public")
    )
    bootstrap = f"--bootstrap-password {secret('admin')} {urls} --bootstrap-region-id {openstack_settings.REGION}"
    objects = {
        "users": {name: secret(name) for name in ("nova", "glance", "placement", "neutron")},
        "endpoints": openstack_settings.ENDPOINTS,
        "region": openstack_settings.REGION,
        "images": "/root/images",
    }
    rabbit = f"add_user openstack {secret('rabbit')} && rabbitmqctl set_permissions openstack '.*' '.*' '.*'"
    return [
        ("making databases", f"{_waiting_for('mariadb-admin --silent ping')} && mariadb", _database_statements()),
        ("making RabbitMQ's user", f"rabbitmqctl await_startup && rabbitmqctl {rabbit}", ""),
        ("Keystone's tables", "runuser -u keystone -- keystone-manage db_sync", ""),
        ("Keystone's keys", f"keystone-manage fernet_setup --keystone-user {user}", ""),
        ("Keystone's credentials", f"keystone-manage credential_setup --keystone-user {user}", ""),
        ("Keystone's administrator", f"keystone-manage bootstrap {bootstrap}", ""),
        ("Placement's tables", "runuser -u placement -- placement-manage db sync", ""),
        ("Glance's tables", "runuser -u glance -- glance-manage db_sync", ""),
        ("Nova's API tables", f"{nova} api_db sync", ""),
        ("Nova's cells", f"{nova} cell_v2 map_cell0 --database_connection {cell0}", ""),
        ("Nova's cell", f"{nova} cell_v2 create_cell --name cell1", ""),
        ("Nova's tables", f"{nova} db sync", ""),
        (
            "starting Keystone and Glance",
            f"systemctl enable --now keystone glance-api && {_listening(5000)} && {_listening(9292)}",
            "",
        ),
        ("users, endpoints, images", "python3 /root/openstack_objects.py", json.dumps(objects)),
        ("enabling the services", f"systemctl enable {' '.join(UNITS)} neutron-stub", ""),
        ("tidying", f"rm -rf /root/images /root/openstack_objects.py; {_emptying_logs()}", ""),
    ]


def _waiting_for(question: str) -> str:
    """A shell command that ends when `question` is answered with yes."""
    return f"timeout 300 bash -c 'until {question} </dev/null >/dev/null 2>&1; do sleep 1; done'"


def _listening(port: int) -> str:
    """Bash's own network redirection spares another package."""
    return _waiting_for(f"(exec 3<>/dev/tcp/{CONTROLLER}/{port})")


def _emptying_logs() -> str:
    return "; ".join(f"truncate -s 0 /var/log/{name}/*.log" for name in LOGS)


def _database_statements() -> str:
    lines = []
    for user, names in openstack_settings.DATABASES.items():
        words = f"IDENTIFIED BY '{secret(f'db-{user}')}'"
        lines += [f"CREATE USER {user}@localhost {words};", f"CREATE USER {user}@'127.0.0.1' {words};"]
        for name in names:
            lines.append(f"CREATE DATABASE {name};")
            lines += [f"GRANT ALL ON {name}.* TO {user}@'{host}';" for host in ("localhost", "127.0.0.1")]
    return "\n".join(lines) + "\n"


def _configuring() -> tuple[str, ...]:
    return (__file__, str(openstack_settings.__file__), str(ini.__file__))


def _packages(suite: str, cache: Cache, key: Path, progress: Progress) -> Path:
    """The tree with the packages and nothing configured; changing a setting does not cost installing again."""
    authorized = {"root/.ssh/authorized_keys": key.with_suffix(".pub").read_text(encoding="ascii")}
    contents = debian_root.Contents(
        PACKAGES,
        late=authorized,
        enable=("ssh.service",),
        disable=(*(f"{unit}.service" for unit in UNITS), *_UNUSED_UNITS),
    )
    inputs = {
        "suite": suite,
        "packages": list(PACKAGES),
        "late": authorized,
        "disable": list(contents.disable),
        "script": code_digest(Path(debian_root.__file__).read_text(encoding="utf-8")),
    }

    def make(scratch: Path) -> None:
        debian_root.build(suite, scratch, scratch / "root", contents, progress)

    return cache.get_or_build(f"controller-packages-{suite}", inputs, make)


class _Configuration:
    """One boot of a copy of the packages, in which OpenStack is set up."""

    def __init__(self, suite: str, scratch: Path, packages: Path, images: Path, key: Path, progress: Progress) -> None:
        self.suite = suite
        self.scratch = scratch
        self.packages = packages
        self.images = images
        self.key = key
        self.progress = progress
        self.network = Network(f"build-{suite}")
        self.container = Container(scratch, self.network)
        self.root = self.container.root

    def run(self) -> None:
        """Copy, configure, boot, set up, power off."""
        self.progress.say("copying the packages")
        subprocess.run(["cp", "-a", "--reflink=auto", str(self.packages), str(self.root)], check=True)
        self._write_files()
        # What a killed build left there.
        self.network.down()
        self.network.up()
        try:
            self.container.boot()
            self._set_up()
            self.container.power_off()
        finally:
            self.container.kill()
            self.network.down()
        self.progress.say("controller finished")

    def _write_files(self) -> None:
        debian_root.write_tree(self.scratch / "files", files(self.suite))
        subprocess.run(["cp", "-a", f"{self.scratch / 'files'}/.", str(self.root)], check=True)
        wants = self.root / "etc/systemd/system/multi-user.target.wants"
        (wants / "neutron-stub.service").symlink_to("/etc/systemd/system/neutron-stub.service")
        changes: dict[str, Callable[[], ini.Options]] = {
            "etc/keystone/keystone.conf": openstack_settings.keystone,
            "etc/placement/placement.conf": openstack_settings.placement,
            "etc/glance/glance-api.conf": openstack_settings.glance,
            "etc/nova/nova.conf": openstack_settings.nova_controller,
        }
        for name, options in changes.items():
            path = self.root / name
            path.write_text(ini.with_options(path.read_text(encoding="utf-8"), options()), encoding="utf-8")
        for path in self.root.glob("etc/*/*-uwsgi.ini"):
            path.write_text(with_few_workers(path.name, path.read_text(encoding="utf-8")), encoding="utf-8")
        shutil.copytree(self.images, self.root / "root/images")
        shutil.copy(_GUEST / "openstack_objects.py", self.root / "root/openstack_objects.py")

    def _set_up(self) -> None:
        config = self.scratch / "ssh_config"
        config.write_text(ssh.config_text("ctl", 22, self.key, CONTROLLER), encoding="utf-8")
        there = ssh.Ssh(config, "ctl", self.network.prefix)
        self.container.wait_for_ssh(CONTROLLER, self.progress)
        for what, command, text in steps():
            self.progress.say(what)
            there.output(command, timeout=_STEP_SECONDS, stdin=text)
