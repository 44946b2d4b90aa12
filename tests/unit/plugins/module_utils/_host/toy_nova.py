# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A toy host with Nova: a configuration full of secrets, services that a small systemctl restarts, and plans for it."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.changes import Applied, Removed
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_edit import MARK
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import NOVA_STATE_DIRECTORY
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.secrets import redact, secret_values
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.wanted import read_plan
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.command import Commands
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.files import Files
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.journal_store import JournalStore
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.service import Services
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.transaction import Transaction
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.toy_host import ToyHost

NOVA_CONF = "/etc/nova/nova.conf"
DROP_IN = "/etc/nova/nova-compute.conf.d/nova-pci-passthrough.conf"
SCHEDULER = "nova-scheduler.service"
COMPUTE = "nova-compute.service"
LOG = "/var/log/nova/nova-compute.log"
UNITS = "/run/units"

SECRET = "S3cr3t"  # every secret below holds it, and nothing else does
NOVA_CONF_TEXT = f"""\
[DEFAULT]
transport_url = rabbit://openstack:{SECRET}-rabbit@one:5672,openstack:{SECRET}%40two@two:5672/
log_dir = /var/log/nova

[api_database]
connection = mysql+pymysql://nova:{SECRET}-db@controller/nova_api

[filter_scheduler]
# the defaults of this cloud
enabled_filters = ComputeFilter
[keystone_authtoken]
password = {SECRET}-keystone
memcache_secret_key = "{SECRET}-memcache"
"""

# One unit is a file of properties in /run/units. What a service read at its last start is UNIT.read beside it.
# UNIT.break makes it fail while our settings are there: fail (restart fails), loop (crashes and is started again), die
# (comes up and ends a moment later); with "always" behind it whatever the settings are.
_SYSTEMCTL = r"""#!/bin/sh
root=$NOVA_PCI_ROOT; units=$root/run/units; verb=$1
for unit in "$@"; do :; done
state() { { echo LoadState=loaded; for word in "$@"; do echo "$word"; done; } > "$units/$unit"; }
if [ "$verb" = show ]; then
  if [ ! -e "$units/$unit" ]; then echo LoadState=not-found; echo ActiveState=inactive; exit 0; fi
  cat "$units/$unit"
  if [ -e "$units/$unit.dying" ]; then
    rm "$units/$unit.dying"
    state ActiveState=failed SubState=failed MainPID=0 NRestarts=0 Type=simple Result=exit-code
  fi
  exit 0
fi
echo "$verb $unit" >> "$root/../log"
[ "$verb" = restart ] || { [ "$verb" = stop ] && state ActiveState=inactive SubState=dead MainPID=0; exit 0; }
cat "$root/etc/nova/nova.conf" "$root"/etc/nova/nova-compute.conf.d/*.conf > "$units/$unit.read" 2>/dev/null
how=$(cat "$root/../break-$unit" 2>/dev/null)
case $how in *always) ;; *) grep -qs nova_pci "$units/$unit.read" || how= ;; esac
if [ -n "$how" ]; then
  {
    echo "2026-01-01 10:00:00.000 7 INFO nova.service [-] Starting with password S3cr3t-keystone"
    echo "2026-01-01 10:00:00.001 7 CRITICAL nova [-] Unhandled error: cannot use rabbit://openstack:S3cr3t-rabbit@one:5672"
    echo "2026-01-01 10:00:00.001 7 ERROR nova Traceback (most recent call last):"
    echo "2026-01-01 10:00:00.001 7 ERROR nova   File \"manager.py\", line 1, in connect('S3cr3t@two')"
    echo "2026-01-01 10:00:00.001 7 ERROR nova nova.exception.PciConfigInvalidSpec: Invalid [pci]device_spec S3cr3t-db"
  } >> "$root/var/log/nova/nova-compute.log"
fi
case $how in
  fail*) state ActiveState=failed SubState=failed MainPID=0 NRestarts=0 Type=notify Result=exit-code
    echo "Job for $unit failed." >&2; exit 1 ;;
  loop*) state ActiveState=activating SubState=auto-restart MainPID=0 NRestarts=3 Type=simple Result=exit-code ;;
  *) state ActiveState=active SubState=running MainPID=$$ NRestarts=0 Type=simple Result=success
    case $how in die*) : > "$units/$unit.dying" ;; esac ;;
esac
"""
_JOURNALCTL = """#!/bin/sh
echo "Main process exited, code=exited, status=1/FAILURE"
echo "Traceback (most recent call last):"
echo "  in open S3cr3t-memcache"
echo "ValueError: no good: S3cr3t-memcache"
"""
_UP = "LoadState=loaded\nActiveState=active\nSubState=running\nMainPID=1\nNRestarts=0\nType=simple\nResult=success\n"


class ToyNova(ToyHost):
    """Shape: *filters* (None: the file's own are right) and *spec* (None: no drop-in) are what the plan asks for."""

    state = NOVA_STATE_DIRECTORY
    journal = NOVA_STATE_DIRECTORY + "/journal.json"

    def __init__(self, base: Path) -> None:
        super().__init__(base)
        self.filters: str | None = "ComputeFilter,PciPassthroughFilter"
        self.spec: str | None = '{"address": "0000:02:00.0"}'
        self.probe: str | None = None
        self.values = secret_values([NOVA_CONF_TEXT])
        self.write(NOVA_CONF, NOVA_CONF_TEXT)
        self.at(NOVA_CONF).chmod(0o640)
        self.write(LOG, f"2026-01-01 09:00:00.000 7 ERROR nova [-] long ago {SECRET}-old\n")
        for path, text in (("/usr/bin/systemctl", _SYSTEMCTL), ("/usr/bin/journalctl", _JOURNALCTL)):
            self.write(path, text)
            self.at(path).chmod(0o755)
        for unit in (SCHEDULER, COMPUTE):
            self.write(f"{UNITS}/{unit}", _UP)
            self.write(f"{UNITS}/{unit}.read", NOVA_CONF_TEXT)

    def store(self) -> JournalStore:
        return JournalStore(Files(str(self.root)), self.state)

    def pristine(self) -> str:
        """nova.conf as a planner starts from it."""
        journal, text = self.store().read(), self.at(NOVA_CONF).read_text(encoding="utf-8")
        record = journal.files.get(NOVA_CONF) if journal is not None else None
        return text if record is None else record.pristine(text)

    def contents(self) -> dict[str, str]:
        return {}

    def plan(self) -> dict[str, Any]:
        lines = self.pristine().splitlines()
        number = next((n for n, line in enumerate(lines, 1) if line.startswith("enabled_filters")), 0)
        files: list[dict[str, Any]] = []
        if self.spec is not None:
            content = f"# nova_pci.passthrough\n[pci]\ndevice_spec = {self.spec}\n"
            files.append({"path": DROP_IN, "layer": "nova", "kind": "file", "mode": "0644", "content": content})
        if self.filters is not None:
            old = lines[number - 1]
            edit = {"line": number, "old": [old], "new": [MARK + old, f"enabled_filters = {self.filters}"]}
            files.append({"path": NOVA_CONF, "layer": "nova", "kind": "file", "mode": None, "foreign": True,
                          "secret": True, "edits": [edit]})  # fmt: skip
        own_filters = lines[number - 1].partition(" = ")[2]
        return {
            "version": 1,
            "host": {"boot_id": self.boot_id},
            "release": {"version": "26.2.2"},
            "files": files,
            "tools": [
                self._tool(SCHEDULER, self.filters or own_filters, own_filters),
                self._tool(COMPUTE, self.spec or "", ""),
            ],
            "secrets_from": [NOVA_CONF, "/etc/nova/is-not-there.conf"],
            "notes": [],
        }

    def _tool(self, unit: str, wanted: str, former: str) -> dict[str, Any]:
        restart = ["systemctl", "restart", unit]
        stamp, without = (hashlib.sha256(text.encode()).hexdigest() for text in (wanted, former))
        service = {"unit": unit, "logs": [LOG] if unit == COMPUTE else [], "probe": self.probe}
        return {"name": f"restart {unit.partition('.')[0]}", "layers": [], "argv": restart, "undo": restart,
                "touches": [], "stamp": stamp, "former": without, "service": service}  # fmt: skip

    def transaction(self, state: str = "present", **options: Any) -> Transaction:
        goal = Applied(read_plan(self.plan())) if state == "present" else Removed(self.places)
        root = str(self.root)
        files, commands = self.files_class(root), Commands(root)
        services = Services(files, commands, lambda text: redact(text, self.values), settling=0.05, patience=0.3)
        store = JournalStore(files, self.state)
        options = {"timeout": 20, "patience": 5, **options}
        return Transaction(files, commands, goal, store=store, services=services, **options)

    def holds_settings_of_old(self) -> list[str]:
        """Return the running services that read something else at their last start than stands there now."""
        drop_in = self.text(DROP_IN) if self.at(DROP_IN).exists() else ""
        now = {SCHEDULER: self.text(NOVA_CONF), COMPUTE: drop_in}
        return [unit for unit, text in now.items() if text not in self.text(f"{UNITS}/{unit}.read")]

    def remembered(self) -> dict[str, Any]:
        body: dict[str, Any] = json.loads(self.text(self.journal))
        return body
