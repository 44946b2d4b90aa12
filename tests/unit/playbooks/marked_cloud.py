# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A compute, a controller and a cloud full of secrets, each of which holds one word that stands nowhere else."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ansible_collections.nova_pci.passthrough.tests.unit import machine_builder
from ansible_collections.nova_pci.passthrough.tests.unit.cloud_stand_in import MARKER, StandIn
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.nova_hosts import (
    debian_compute,
    debian_controller,
    process,
    write,
)

ROOT = Path(__file__).resolve().parents[3]
MARK = "S3cr3tM4rk"
WITH_ROOT = sorted(
    path.stem
    for path in (ROOT / "plugins/modules").glob("*.py")
    if "ROOT_ARGUMENT_SPEC" in path.read_text(encoding="utf-8")
    or "APPLY_ARGUMENT_SPEC" in path.read_text(encoding="utf-8")
)

# Every kind of place in which a secret stands in a configuration of Nova. The names behind the mark tell where a leak is from.
NOVA_CONF = f"""\
# password = {MARK}-comment
[DEFAULT]
transport_url = rabbit://openstack:{MARK}-rabbit@one:5672,openstack:{MARK}%40two@two:5672/
log_dir = /var/log/nova
vendor_credential = {MARK}-unknown
[api_database]
connection = mysql+pymysql://nova:{MARK}-api-db@controller/nova_api?charset=utf8
[database]
connection = "mysql+pymysql://nova:{MARK}/slash@controller/nova"
[keystone_authtoken]
password = {MARK}%#'$$"percent
memcache_secret_key = "{MARK} quoted"
admin_token = {MARK}-token
[placement]
password = '{MARK}-single'
[neutron]
metadata_proxy_shared_secret = {MARK}-metadata
[key_manager]
fixed_key = {MARK}-fixed
[vault]
root_token_id = {MARK}-vault
[service_user]
password = {MARK}-first
  {MARK}-second
[oslo_messaging_notifications]
transport_url = kafka://{MARK}-user:{MARK}-kafka@queue:9092
[pci]
alias = {{"name": "foreign", "vendor_id": "8086", "product_id": "100e"}}
[filter_scheduler]
enabled_filters = ComputeFilter
"""
SITE_CONF = f"[cinder]\npassword = {MARK}-cinder\n[barbican]\nauth_password: {MARK}-colon\n"

# What a service that will not start says: everything that it knows, in the forms in which Python and libraries say it.
LOG = rf"""2026-01-01 10:00:00.001 7 CRITICAL nova [-] Unhandled error: cannot use rabbit://openstack:{MARK}-rabbit@one:5672
2026-01-01 10:00:00.001 7 ERROR nova Traceback (most recent call last):
2026-01-01 10:00:00.001 7 ERROR nova   File "x.py", line 1, in connect('{MARK}@two', '{MARK}-api-db')
2026-01-01 10:00:00.001 7 ERROR nova sqlalchemy.exc.ArgumentError: mysql+pymysql://nova:{MARK}/slash@controller/nova
2026-01-01 10:00:00.001 7 ERROR nova ValueError: '{MARK}%#\'$"percent' {MARK} quoted {MARK}-token {MARK}-single {MARK}-metadata
2026-01-01 10:00:00.001 7 ERROR nova KeyError: {MARK}-fixed {MARK}-vault {MARK}-first {MARK}-second {MARK}-cinder {MARK}-colon
2026-01-01 10:00:00.001 7 ERROR nova KafkaError: kafka://{MARK}-user:{MARK}-kafka@queue:9092
"""

SYSTEMCTL = """#!/bin/sh
root=$NOVA_PCI_ROOT; verb=$1
for unit in "$@"; do :; done
case $verb in
show) cat "$root/run/units/$unit" 2>/dev/null || printf 'LoadState=not-found\\nActiveState=inactive\\n' ;;
restart)
  if [ -e "$root/../breaks" ]; then
    cat "$root/../says" >> "$root/var/log/nova/${unit%.service}.log"
    cat "$root/../says" >&2
    exit 1
  fi ;;
esac
"""
JOURNALCTL = '#!/bin/sh\ncat "$NOVA_PCI_ROOT/../says"\n'
UP = "LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=30\nNRestarts=0\nType=notify\nResult=success\n"
BOOT = {
    "usr/sbin/update-initramfs": "#!/bin/sh\n# mkinitramfs\n",
    "usr/sbin/mkinitramfs": "#!/bin/sh\n",
    "usr/sbin/update-grub": """#!/bin/sh
[ ! -e "$NOVA_PCI_ROOT/../breaks" ] || { echo "grub-probe: error: no such device" >&2; exit 1; }
is=off; [ ! -e "$NOVA_PCI_ROOT/etc/default/grub.d/zz-nova-pci-passthrough.cfg" ] || is=on
sed -i "s/intel_iommu=[onf]*/intel_iommu=$is/" "$NOVA_PCI_ROOT/boot/grub/grub.cfg"
""",
    "usr/sbin/grub-mkconfig": "#!/bin/sh\n# for x in /etc/default/grub.d/*.cfg\n",
    "etc/default/grub": 'GRUB_CMDLINE_LINUX="intel_iommu=off"\nGRUB_CMDLINE_LINUX_DEFAULT=quiet\n',
    "boot/grub/grub.cfg": "menuentry 'Debian' {\n\tlinux /boot/vmlinuz root=/dev/vda1 ro intel_iommu=off quiet\n}\n",
}

INVENTORY: dict[str, Any] = {
    "all": {
        "vars": {
            "ansible_connection": "local",
            "ansible_python_interpreter": "{{ lookup('ansible.builtin.env', 'NOVA_PCI_MADE_UP_PYTHON', default=undef()) }}",
            "ansible_become": False,
            "pci_passthrough_devices": [
                {"alias": "nic", "vendor_id": "8086", "product_id": "10d3", "address": "0000:02:00.0", "device_type": "type-PCI"},
            ],
            "pci_passthrough_flavors": [{"name": "pci.nic", "devices": {"nic": 1}}],
            "pci_passthrough_cloud": "here",
            "smoke_image": "tiny",
            "smoke_guest_timeout": 3,
            "smoke_timeout": 10,
        },
        "children": {
            "nova_compute": {"hosts": {"compute1": {}}},
            "nova_controller": {"hosts": {"controller1": {}}},
        },
    }
}  # fmt: skip
GUEST = f"""<domstatus state='running'><domain><name>instance-1</name><uuid>{{}}</uuid><devices>
<graphics type='vnc' port='5900' passwd='{MARK}-vnc'/>
<hostdev type='pci'><source><address domain='0x0000' bus='0x02' slot='0x00' function='0x0'/></source></hostdev>
</devices></domain></domstatus>"""


class MarkedCloud:
    """Two hosts below *base* and the running *stand_in* of a cloud; `play` runs a playbook of ours on those of *inventory*.

    Without one it is INVENTORY.
    """

    def __init__(self, base: Path, stand_in: StandIn, inventory: dict[str, Any] | None = None) -> None:
        self.base = base
        self.stand_in = stand_in
        self.inventory = inventory or INVENTORY
        self.compute, self.controller = base / "compute1/root", base / "controller1/root"

    @property
    def work(self) -> Path:
        """Where the last run of Ansible had its home, its temporary folders and its logs."""
        return self.base.with_name(f"{self.base.name}-ansible")

    def build(self, machine: str = "lab-bookworm-iommu-off") -> None:
        machine_builder.build(machine, self.compute)
        (self.compute / "proc/self").rename(self.compute / "proc/1")  # the built host has a link there
        debian_compute(self.compute)
        start = "/usr/bin/python3 /usr/bin/nova-compute --config-file=/etc/nova/nova.conf --config-file=/etc/nova/nova-compute.conf"
        secret = {"OS_PASSWORD": f"{MARK}-environment"}
        process(self.compute, 30, "nova-compute.service", start, secret, ticks=10**11)
        process(self.compute, 31, "mysqld.service", f"/usr/sbin/mysqld --password={MARK}-argument")
        for path, text in BOOT.items():
            write(self.compute, path, text).chmod(0o755)
        debian_controller(self.controller)
        for root, units in (
            (self.compute, ("nova-compute",)),
            (self.controller, ("nova-api", "nova-scheduler", "nova-conductor")),
        ):
            write(root, "etc/nova/nova.conf", NOVA_CONF).chmod(0o640)
            write(root, "etc/nova/nova.conf.d/50-site.conf", SITE_CONF).chmod(0o640)
            for unit in units:
                write(root, f"run/units/{unit}.service", UP)
                write(root, f"var/log/nova/{unit}.log", f"ERROR long ago {MARK}-old\n")
            for path, text in (("usr/bin/systemctl", SYSTEMCTL), ("usr/bin/journalctl", JOURNALCTL)):
                write(root, path, text).chmod(0o755)
            (root.parent / "says").write_text(LOG, encoding="utf-8")
        write(self.controller, "proc/sys/kernel/random/boot_id", "00000000-0000-4000-8000-000000000001\n")
        cmdline = self.controller / "proc/22/cmdline"  # where nova-api answers
        port = self.stand_in.url.rpartition(":")[2]
        cmdline.write_text(cmdline.read_text(encoding="utf-8").replace(":8774", f"127.0.0.1:{port}"), encoding="utf-8")
        for number in (9, 20, 21, 22):  # started after whatever is written now
            stat = self.controller / f"proc/{number}/stat"
            stat.write_text(
                re.sub(r"\d+ 0 0\n$", f"{10**11} 0 0\n", stat.read_text(encoding="utf-8")), encoding="utf-8"
            )

    def play(self, name: str, *words: str, **settings: str) -> tuple[int, str]:
        """The status of `ansible-playbook -vvv --diff` and all that it wrote: its output, its logs, what its modules told syslog."""
        work = self.work
        shutil.rmtree(work, ignore_errors=True)
        place = work / "collections/ansible_collections/nova_pci/passthrough"
        place.parent.mkdir(parents=True)
        place.symlink_to(ROOT, target_is_directory=True)
        # What goes to /dev/log on a real host goes to a file here: the modules are started by this Python.
        (work / "sitecustomize.py").write_text(_SYSLOG.format(str(work / "syslog")), encoding="utf-8")
        (work / "hosts.json").write_text(json.dumps(self.inventory), encoding="utf-8")
        environment = {
            **{key: text for key, text in os.environ.items() if not key.startswith(("ANSIBLE_", "OS_"))},
            "HOME": str(work),
            "TMPDIR": str(work),
            "PYTHONPATH": str(work),
            "PYTHONWARNINGS": "ignore",
            "OS_CLIENT_CONFIG_FILE": str(self.stand_in.folder / "clouds.yaml"),
            "ANSIBLE_COLLECTIONS_PATH": str(work / "collections"),
            "ANSIBLE_LOCAL_TEMP": str(work / "local"),
            "ANSIBLE_REMOTE_TEMP": str(work / "remote"),
            "ANSIBLE_PIPELINING": "true",
            "ANSIBLE_LOG_PATH": str(work / "ansible.log"),
            "ANSIBLE_CALLBACK_PLUGINS": str(Path(__file__).with_name("callback_plugins")),
            "ANSIBLE_CALLBACKS_ENABLED": "made_up_roots",
            "NOVA_PCI_MADE_UP": str(self.base),
            "NOVA_PCI_MADE_UP_MODULES": " ".join(WITH_ROOT),
            **settings,
        }
        argv = [str(Path(sys.executable).with_name("ansible-playbook")), "-vvv", "--diff", "-i", str(work / "hosts.json"),
                name if "/" in name else f"nova_pci.passthrough.{name}", *words]  # fmt: skip
        with self.guest():
            done = subprocess.run(
                argv, env=environment, cwd=work, capture_output=True, text=True, timeout=900, check=False
            )
        return done.returncode, done.stdout + done.stderr

    @contextlib.contextmanager
    def guest(self) -> Iterator[None]:
        """Let libvirt know a guest for as long as Nova has a server that was made meanwhile."""
        over = threading.Event()

        def follow() -> None:
            while not over.wait(0.2):
                made = [one for one in self.stand_in.control()["servers"] if one.startswith(MARKER)]
                for number in made:
                    write(self.compute, "run/libvirt/qemu/instance-1.xml", GUEST.format(number))
                    break
                else:
                    (self.compute / "run/libvirt/qemu/instance-1.xml").unlink(missing_ok=True)

        thread = threading.Thread(target=follow)
        thread.start()
        try:
            yield
        finally:
            over.set()
            thread.join()

    def marked(self) -> Iterator[Path]:
        """Every file below *base* that holds a secret, whatever it is."""
        for path in sorted(self.base.rglob("*")):
            if path.is_file() and not path.is_symlink() and MARK.encode() in path.read_bytes():
                yield path.relative_to(self.base)


_SYSLOG = """\
import syslog

def write(*given):
    with open({0!r}, "a", encoding="utf-8") as log:
        log.write(f"{{given[-1]}}\\n")

syslog.syslog = write
"""
