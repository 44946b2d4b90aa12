# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A host with Nova for the tests of the Nova modules, and how they are run; every result is held against RETURN."""

from __future__ import annotations

import json

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._host import service
from ansible_collections.nova_pci.passthrough.tests.unit import machine_builder
from ansible_collections.nova_pci.passthrough.tests.unit.documented_returns import (
    COMMON,
    broken_promises,
    missing_promises,
    promises_of_the_caller,
)
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.nova_hosts import (
    debian_compute,
    process,
    write,
)

SYSTEMCTL = """#!/bin/sh
root=${0%/usr/bin/systemctl}
case "$1" in
restart) echo "$2" >> "$root/restarts"; exit $(cat "$root/exit" 2>/dev/null || echo 0) ;;
show) printf 'Id=%s\nLoadState=loaded\nType=notify\nActiveState=active\nSubState=running\nMainPID=30\nNRestarts=0\nResult=success\n\n' "${2}" ;;
esac
"""


def settle_quickly(monkeypatch):
    for name in ("SETTLING_OTHERS", "SETTLING_NOTIFY"):
        monkeypatch.setattr(service, name, 0.05, raising=False)


@pytest.fixture(autouse=True)
def documented(monkeypatch):
    """No test of a module passes whose result has other keys than the documentation names, or lacks one of those."""
    basic = pytest.importorskip("ansible.module_utils.basic")
    really_exit = basic.AnsibleModule.exit_json

    def exit_json(module, **result):
        promised = promises_of_the_caller()
        returned = {key: value for key, value in result.items() if key not in COMMON}
        broken = [*broken_promises(returned, promised)]
        if not result.get("failed"):
            broken += missing_promises(returned, promised)
        assert not broken, "\n".join(dict.fromkeys(broken))
        really_exit(module, **result)

    monkeypatch.setattr(basic.AnsibleModule, "exit_json", exit_json)


@pytest.fixture
def compute(tmp_path, monkeypatch):
    """Debian's compute with the lab's devices behind a running IOMMU."""
    settle_quickly(monkeypatch)
    root = tmp_path / "root"
    machine_builder.build("lab-bookworm-iommu-on", root)
    (root / "proc/self").rename(root / "proc/1")  # the built host has a link there
    debian_compute(root)
    start = "/usr/bin/python3 /usr/bin/nova-compute --config-file=/etc/nova/nova.conf --config-file=/etc/nova/nova-compute.conf"
    process(root, 30, "nova-compute.service", start)
    write(root, "usr/bin/systemctl", SYSTEMCTL).chmod(0o755)
    write(
        root,
        "etc/nova/nova.conf",
        '[DEFAULT]\ntransport_url = rabbit://nova:marked-secret@ctl\n[pci]\nalias = {"name": "nic"}\n',
    )
    return root


@pytest.fixture
def run(capsys):
    def run_module(module, root, **params):
        from ansible.module_utils.testing import patch_module_args  # the rooms below are tested without ansible, too

        with patch_module_args({"root": str(root), **params}), pytest.raises(SystemExit):
            module.main()
        text = capsys.readouterr().out
        assert "marked-secret" not in text
        return json.loads(text)

    return run_module
