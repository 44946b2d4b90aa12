# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding Nova's services on built hosts: Debian, Ubuntu, RDO, a virtual environment, Apache."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_search import Source
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_service import (
    APACHE,
    API,
    COMPUTE,
    CONDUCTOR,
    DAEMON,
    SCHEDULER,
    UWSGI,
    NovaNode,
    NovaService,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.nova import read_nova
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.nova_hosts import (
    UNIT,
    debian_compute,
    debian_controller,
    host,
    installed,
    process,
    tool,
    write,
)

LOG = "/var/log/nova/{}.log"


def service(node: NovaNode, name: str) -> NovaService:
    found = node.service(name)
    assert found is not None
    return found


def files(found: NovaService) -> list[str]:
    return [file.path for file in found.config.files]


def test_a_host_without_nova(tmp_path: Path) -> None:
    assert read_nova(str(tmp_path)) == NovaNode()
    assert read_nova(str(host(tmp_path))) == NovaNode()


def test_a_debian_compute_whose_service_does_not_run(tmp_path: Path) -> None:
    node = read_nova(str(debian_compute(tmp_path)))
    compute = service(node, COMPUTE)
    assert (compute.unit, compute.kind, compute.active, compute.started) == (
        "nova-compute.service",
        DAEMON,
        False,
        None,
    )
    assert files(compute) == ["/etc/nova/nova.conf", "/etc/nova/nova-compute.conf"]
    assert compute.config.directories == ("/etc/nova/nova.conf.d", "/etc/nova/nova-compute.conf.d")
    assert compute.logs == (LOG.format("nova-compute"),)
    assert compute.probe is None
    assert [one.name for one in node.services] == [COMPUTE]
    assert str(node.version) == "26.2.2"
    assert node.version_source == "/usr/lib/python3/dist-packages/nova-26.2.2.dist-info/METADATA"
    assert (node.libvirt_version, node.qemu_version) == ((9, 0, 0), (7, 2, 11))
    assert node.texts["/etc/nova/nova-compute.conf"] == "[libvirt]\nvirt_type=kvm\n"
    assert node.modified["/etc/nova/nova.conf"] == (tmp_path / "etc/nova/nova.conf").stat().st_mtime
    assert node.unreadable == ()


def test_what_a_debian_administrator_adds_in_etc_default(tmp_path: Path) -> None:
    debian_compute(tmp_path)
    write(tmp_path, "etc/default/nova-compute", 'DAEMON_ARGS="$DAEMON_ARGS --config-dir=/etc/nova/more"\n')
    write(tmp_path, "etc/nova/more/a.conf", "[pci]\nalias = a\n")
    compute = service(read_nova(str(tmp_path)), COMPUTE)
    assert files(compute) == ["/etc/nova/nova.conf", "/etc/nova/nova-compute.conf", "/etc/nova/more/a.conf"]
    assert compute.config.directories == ("/etc/nova/more",)


def test_a_debian_controller_that_runs(tmp_path: Path) -> None:
    node = read_nova(str(debian_controller(tmp_path)))
    assert [one.name for one in node.services] == [API, SCHEDULER, CONDUCTOR]
    assert all(one.active for one in node.services)
    scheduler = service(node, SCHEDULER)
    assert scheduler.started == 1700000000 + 2050 / os.sysconf("SC_CLK_TCK")
    assert scheduler.logs == (LOG.format("nova-scheduler"),)
    assert files(scheduler) == ["/etc/nova/nova.conf"]
    api = service(node, API)
    assert (api.kind, api.unit, api.probe) == (UWSGI, "nova-api.service", "http://127.0.0.1:8774/")
    assert api.logs == (LOG.format("nova-api"),)
    assert files(api) == ["/etc/nova/api-paste.ini", "/etc/nova/nova.conf"]
    assert api.config.program == "uwsgi"
    assert (node.libvirt_version, node.qemu_version) == (None, None)


def test_what_runs_says_more_than_what_would_be_started(tmp_path: Path) -> None:
    debian_compute(tmp_path)
    write(tmp_path, "etc/other.conf", "[DEFAULT]\nlog_file = x.log\n")
    helper = "sudo nova-rootwrap /etc/nova/rootwrap.conf privsep-helper --config-file /etc/nova/nova.conf"
    process(tmp_path, 5, "nova-compute.service", helper, ticks=1)
    variables = {"OS_PCI__REPORT_IN_PLACEMENT": "yes", "SECRET": "x", "OS_PASSWORD": "y", "HOME": "/home/n"}
    process(
        tmp_path,
        6,
        "nova-compute.service",
        "/usr/bin/python3 /usr/bin/nova-compute --config-file ../../../etc/other.conf",
        variables,
    )
    compute = service(read_nova(str(tmp_path)), COMPUTE)
    assert compute.active
    assert files(compute) == ["/etc/other.conf"]
    assert compute.config.environment == {"OS_PCI__REPORT_IN_PLACEMENT": "yes"}
    assert compute.config.boolean("pci", "report_in_placement") is True
    assert compute.config.sources[0].candidates[0] == "/home/n/.nova/nova.conf.d"
    assert compute.logs == ("/var/lib/nova/x.log",)


def test_a_helper_left_alone_in_the_unit_is_no_command_line(tmp_path: Path) -> None:
    debian_compute(tmp_path)
    process(tmp_path, 5, "nova-compute.service", "/bin/sh -c sleep")
    compute = service(read_nova(str(tmp_path)), COMPUTE)
    assert compute.active
    assert files(compute) == ["/etc/nova/nova.conf", "/etc/nova/nova-compute.conf"]


def test_red_hat(tmp_path: Path) -> None:
    host(tmp_path)
    installed(tmp_path, "29.2.1", "usr/lib/python3.9/site-packages")
    write(tmp_path, "usr/lib/systemd/system/openstack-nova-compute.service", UNIT.format("/usr/bin/nova-compute"))
    write(tmp_path, "usr/lib/systemd/system/openstack-nova-api.service", UNIT.format("/usr/bin/nova-api"))
    write(tmp_path, "etc/nova/nova.conf", "[DEFAULT]\nlog_dir=/var/log/nova\nosapi_compute_listen=10.0.0.5\n")
    write(
        tmp_path,
        "etc/nova/nova.conf.d/a.conf",
        "[DEFAULT]\nosapi_compute_listen_port=8775\nenabled_ssl_apis=osapi_compute\n",
    )
    write(tmp_path, "usr/share/nova/nova-dist.conf", "[pci]\nalias = dist\n")
    tool(tmp_path, "usr/libexec/qemu-kvm", "QEMU emulator version 8.2.0 (qemu-kvm-8.2.0-11.el9)")
    tool(tmp_path, "usr/sbin/virtqemud", "/usr/sbin/virtqemud (libvirt) 10.0.0")
    process(tmp_path, 30, "openstack-nova-compute.service", "/usr/bin/python3 -s /usr/bin/nova-compute")
    node = read_nova(str(tmp_path))
    compute = service(node, COMPUTE)
    assert (compute.unit, compute.active) == ("openstack-nova-compute.service", True)
    assert files(compute) == ["/etc/nova/nova.conf", "/etc/nova/nova.conf.d/a.conf"]
    assert service(node, API).probe == "https://10.0.0.5:8775/"
    assert service(node, API).logs == (LOG.format("nova-api"),)
    assert (str(node.version), node.libvirt_version, node.qemu_version) == ("29.2.1", (10, 0, 0), (8, 2, 0))


def test_red_hat_s_file_of_its_own_is_read_where_its_oslo_config_does_so(tmp_path: Path) -> None:
    host(tmp_path)
    installed(tmp_path, "23.2.2", "usr/lib/python3.6/site-packages")
    write(tmp_path, "usr/lib/systemd/system/openstack-nova-compute.service", UNIT.format("/usr/bin/nova-compute"))
    write(tmp_path, "usr/share/nova/nova-dist.conf", "[pci]\nalias = dist\n")
    write(tmp_path, "usr/lib/python3.6/site-packages/oslo_config/cfg.py", "'%s-dist' % project\n")
    assert files(service(read_nova(str(tmp_path)), COMPUTE)) == ["/usr/share/nova/nova-dist.conf"]
    write(tmp_path, "usr/lib/python3.6/site-packages/oslo_config/cfg.py", "project\n")
    assert files(service(read_nova(str(tmp_path)), COMPUTE)) == []


def test_a_virtual_environment_of_openstack_ansible(tmp_path: Path) -> None:
    host(tmp_path)
    venv = "/openstack/venvs/nova-29.0.0"
    installed(tmp_path, "29.3.0", f"{venv}/lib/python3.11/site-packages", f"{venv}/bin/python3")
    installed(tmp_path, "26.2.2")
    uwsgi = "/openstack/venvs/uwsgi/bin/uwsgi --autoload --ini /etc/uwsgi/nova-api-os-compute.ini"
    unit = write(tmp_path, "etc/systemd/system/nova-api-os-compute.service", UNIT.format(uwsgi))
    (tmp_path / "etc/systemd/system/nova-api.service").symlink_to(unit.name)
    ini = f"[uwsgi]\nhttp = 10.0.0.7:8774\nvirtualenv = {venv}\nenv = OS_NOVA_CONFIG_DIR=/srv/nova\npyargv = --config-dir /srv/more\n"
    write(tmp_path, "etc/uwsgi/nova-api-os-compute.ini", ini)
    for name in ("api-paste.ini", "nova.conf"):
        write(tmp_path, f"srv/nova/{name}", "[pci]\nalias = a\n")
    node = read_nova(str(tmp_path))
    api = service(node, API)
    assert (api.unit, api.kind, api.active, api.probe) == (
        "nova-api-os-compute.service",
        UWSGI,
        False,
        "http://10.0.0.7:8774/",
    )
    assert files(api) == ["/srv/nova/api-paste.ini", "/srv/nova/nova.conf"]
    assert str(api.config.trouble).startswith("/srv/more does not exist")
    assert str(node.version) == "29.3.0"


def test_apache(tmp_path: Path) -> None:
    debian_compute(tmp_path)
    site = "<VirtualHost *:8774>\nWSGIDaemonProcess n user=nova\nWSGIScriptAlias / /usr/bin/nova-api-wsgi\nErrorLog ${APACHE_LOG_DIR}/n.log\n"
    write(tmp_path, "etc/apache2/sites-enabled/nova-api.conf", site)
    write(tmp_path, "lib/systemd/system/nova-api.service", UNIT.format("/usr/bin/nova-api"))
    process(tmp_path, 40, "apache2.service", "/usr/sbin/apache2 -k start", {"OS_NOVA_CONFIG_FILES": "nova.conf"})
    api = service(read_nova(str(tmp_path)), API)
    assert (api.unit, api.kind, api.active) == ("apache2.service", APACHE, True)
    assert (api.probe, api.logs) == ("http://127.0.0.1:8774/", ("/var/log/apache2/n.log",))
    assert files(api) == ["/etc/nova/nova.conf"]
    assert api.config.program == "mod_wsgi"


def test_the_unit_that_runs_stands_for_the_service(tmp_path: Path) -> None:
    debian_compute(tmp_path)
    write(tmp_path, "usr/lib/systemd/system/openstack-nova-compute.service", UNIT.format("/usr/bin/nova-compute"))
    process(tmp_path, 30, "openstack-nova-compute.service", "/usr/bin/python3 /usr/bin/nova-compute")
    assert service(read_nova(str(tmp_path)), COMPUTE).unit == "openstack-nova-compute.service"


def test_drop_ins_of_a_unit_and_masked_units(tmp_path: Path) -> None:
    debian_compute(tmp_path)
    text = "[Service]\nEnvironmentFile=-/etc/sysconfig/nova\nExecStart=\nExecStart=/usr/bin/nova-compute $MORE\n"
    write(tmp_path, "etc/systemd/system/nova-compute.service.d/50-a.conf", text)
    write(tmp_path, "lib/systemd/system/nova-compute.service.d/50-a.conf", "[Service]\nExecStart=/usr/bin/hidden\n")
    write(tmp_path, "etc/sysconfig/nova", "MORE='--config-file /etc/nova/nova-compute.conf'\n")
    assert files(service(read_nova(str(tmp_path)), COMPUTE)) == ["/etc/nova/nova-compute.conf"]
    (tmp_path / "etc/systemd/system/nova-compute.service").symlink_to("/dev/null")
    assert read_nova(str(tmp_path)).services == ()


def test_what_cannot_be_read_is_named(tmp_path: Path) -> None:
    debian_compute(tmp_path)
    (tmp_path / "etc/nova/nova.conf.d/x.conf").mkdir(parents=True)
    write(tmp_path, "etc/init.d/nova-compute", "#!/bin/sh\nexec nova-compute\n")
    (tmp_path / "usr/lib/python3/dist-packages/nova-26.2.2.dist-info/METADATA").unlink()
    node = read_nova(str(tmp_path))
    assert node.version is None
    assert dict(node.unreadable) == {
        "/etc/init.d/nova-compute": "it does not tell how it starts the service",
        "/etc/nova/nova.conf.d/x.conf": "Is a directory",
        "nova": "its package's metadata are not where its Python keeps them",
        "nova-compute.service": "its command line does not name nova-compute, so what it hands over is not known",
    }
    assert str(service(node, COMPUTE).config.trouble) == "/etc/nova/nova.conf.d/x.conf cannot be read (Is a directory)"


def test_a_release_that_is_too_old_is_named(tmp_path: Path) -> None:
    debian_compute(tmp_path)
    write(tmp_path, "usr/lib/python3/dist-packages/nova-26.2.2.dist-info/METADATA", "Version: 20.6.1\n\n")
    node = read_nova(str(tmp_path))
    assert node.version is None
    assert "is older than" in node.unreadable[0][1]


@pytest.mark.skipif(os.getuid() == 0, reason="root may read everything")
def test_a_process_of_another_user(tmp_path: Path) -> None:
    debian_compute(tmp_path)
    process(tmp_path, 6, "nova-compute.service", "/usr/bin/python3 /usr/bin/nova-compute")
    (tmp_path / "proc/6/environ").chmod(0)
    assert read_nova(str(tmp_path)).unreadable == (("/proc/6/environ", "Permission denied"),)


def test_odd_bytes_and_line_ends_survive(tmp_path: Path) -> None:
    debian_compute(tmp_path)
    (tmp_path / "etc/nova/nova.conf").write_bytes(b"[DEFAULT]\r\n# caf\xe9\r\n")
    node = read_nova(str(tmp_path))
    assert node.texts["/etc/nova/nova.conf"] == "[DEFAULT]\r\n# caf\udce9\r\n"
    assert "not UTF-8" in str(service(node, COMPUTE).config.trouble)


def test_every_file_of_the_search_is_known_so_that_one_may_be_taken_away(tmp_path: Path) -> None:
    host(tmp_path)
    write(tmp_path, "usr/lib/systemd/system/openstack-nova-compute.service", UNIT.format("/usr/bin/nova-compute"))
    for path in ("/etc/nova/nova.conf", "/etc/nova.conf"):
        write(tmp_path, path, "[pci]\nalias = a\n")
    config = service(read_nova(str(tmp_path)), COMPUTE).config
    assert config.sources[0] == Source(
        tuple(f"{place}/nova.conf" for place in ("/var/lib/nova/.nova", "/var/lib/nova", "/etc/nova", "/etc"))
    )
    assert [file.path for file in config.without(["/etc/nova/nova.conf"]).files] == ["/etc/nova.conf"]
