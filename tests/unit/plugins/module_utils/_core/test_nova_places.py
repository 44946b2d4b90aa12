# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from dataclasses import replace

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_search import search
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.journal import ServiceUnit
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_places import nova_places, nova_removal
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_service import (
    COMPUTE,
    CONDUCTOR,
    SCHEDULER,
    NovaNode,
    NovaService,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.service_config import ServiceConfig

OURS = "nova-pci-passthrough.conf"
SHARED = f"/etc/nova/nova.conf.d/{OURS}"


def service(name, *arguments, active=True):
    config = ServiceConfig(name, search(name, arguments, {}, "/var/lib/nova", "/"))
    return NovaService(name, f"{name}.service", "daemon", active, config, logs=(f"/var/log/{name}.log",))


def test_our_file_is_looked_for_where_services_read_and_where_they_usually_would():
    places = nova_places(NovaNode((service(COMPUTE, "--config-dir=/srv/conf.d"),)))
    assert set(places.files.values()) == {"nova"}
    assert f"/srv/conf.d/{OURS}" in places.files
    assert set(nova_places(NovaNode()).files) < set(places.files)
    assert {SHARED, f"/etc/nova/nova-compute.conf.d/{OURS}", f"/etc/nova/nova-scheduler.conf.d/{OURS}"} <= set(
        nova_places(NovaNode()).files
    )


def test_each_running_service_is_restarted_for_what_it_reads_a_compute_last():
    node = NovaNode((service(COMPUTE), service(SCHEDULER), service(CONDUCTOR, active=False)))
    tools = nova_places(node).tools
    assert [tool.record.name for tool in tools] == ["restart nova-scheduler", "restart nova-compute"]
    for tool in tools:
        name = tool.record.name.partition(" ")[2]
        assert tool.record.argv == tool.record.undo == ("systemctl", "restart", f"{name}.service")
        assert tool.record.service == ServiceUnit(f"{name}.service", (f"/var/log/{name}.log",))
        assert SHARED in tool.paths
        own = {one for one in tool.paths if "/etc/nova/nova-" in one}
        assert own == {f"/etc/nova/{name}.conf.d/{OURS}"}


def test_what_services_read_besides_is_looked_through_for_lines_of_ours():
    node = replace(NovaNode((service(COMPUTE),)), texts={SHARED: "", "/etc/nova/nova.conf": ""})
    assert nova_places(node).foreign == ("/etc/nova/nova.conf",)


def test_a_compute_s_devices_have_to_be_free():
    conf = "0000:02:00.0 driver vfio-pci\n"
    for name, devices in ((COMPUTE, ("0000:02:00.0",)), (SCHEDULER, ())):
        node = NovaNode((service(name),))
        assert nova_removal(node, conf).devices == devices
        assert nova_removal(node, conf).places == nova_places(node)
