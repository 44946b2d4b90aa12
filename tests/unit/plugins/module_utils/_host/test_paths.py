# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tests of _host/paths.py."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.paths import Paths

PROPERTIES = sorted(name for name, kind in vars(Paths).items() if isinstance(kind, property))


@pytest.mark.parametrize(("given", "root"), [("/", "/"), ("/tmp/x", "/tmp/x/"), ("/tmp/x/", "/tmp/x/")])
def test_the_root_ends_in_a_slash(given, root):
    assert Paths.under(given).root == root


@pytest.mark.parametrize("name", PROPERTIES)
def test_every_path_lies_below_the_root(name):
    found = getattr(Paths.under("/tmp/x"), name)
    for path in (found,) if isinstance(found, str) else found:
        assert path.startswith("/tmp/x/")
        assert "//" not in path


def test_paths_of_the_machine_itself():
    paths = Paths.under("/")
    assert paths.pci_devices == "/sys/bus/pci/devices"
    assert paths.mounts == "/proc/self/mountinfo"
    assert paths.process("12", "environ") == "/proc/12/environ"
    assert paths.modules("6.1.0", "modules.alias") == "/lib/modules/6.1.0/modules.alias"
    assert paths.kernel_configs("6.1.0") == ("/boot/config-6.1.0", "/lib/modules/6.1.0/config", "/proc/config.gz")
    assert paths.pci_ids[0] == "/usr/share/misc/pci.ids"
