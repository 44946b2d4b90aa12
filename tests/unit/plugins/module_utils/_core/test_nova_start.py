# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Units, init scripts, uwsgi's options and Apache's sites."""

from __future__ import annotations

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_service import API, COMPUTE, METADATA
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nova_start import (
    Start,
    apache_site,
    default_files,
    init_command,
    is_uwsgi,
    local_url,
    parse_unit,
    uwsgi_inis,
    uwsgi_options,
    uwsgi_url,
)

SCRIPT = """#!/bin/sh
DESC="OpenStack Nova Compute (nova-compute)"
PROJECT_NAME=nova
NAME=${PROJECT_NAME}-compute
DAEMON_ARGS=""
if [ -f '/etc/nova/nova-compute.conf' ] ; then
\tDAEMON_ARGS="--config-file=/etc/nova/nova-compute.conf"
fi
#!/bin/sh
# The content after this line comes from openstack-pkg-tools
DAEMON_ARGS=never
"""
API_SCRIPT = """#!/bin/sh
PROJECT_NAME=nova
NAME=${PROJECT_NAME}-api
UWSGI_PORT=8774
UWSGI_INI_PATH=/etc/nova/nova-api-uwsgi.ini
UWSGI_INI_APP=/usr/bin/nova-api-wsgi
# openstack-pkg-tools
"""


def there(_path: str) -> bool:
    return True


def test_a_unit_and_its_drop_ins() -> None:
    unit = """[Unit]
ExecStart=/bin/no
[Service]
User=nova
WorkingDirectory=-~
Environment="OS_NOVA_CONFIG_DIR=/srv/a b" X=1
ExecStart=-/usr/bin/nova-compute \\
  --config-file "/etc/a b"
; comment
EnvironmentFile=-/etc/sysconfig/nova
"""
    assert parse_unit([unit]) == Start(
        ("/usr/bin/nova-compute", "--config-file", "/etc/a b"), "nova",
        {"OS_NOVA_CONFIG_DIR": "/srv/a b", "X": "1"}, ("/etc/sysconfig/nova",), "~",
    )  # fmt: skip
    drop_in = "[Service]\nExecStart=\nExecStart=/usr/bin/nova-compute\nEnvironment=\nUser=\n"
    assert parse_unit([unit, drop_in]).argv == ("/usr/bin/nova-compute",)
    assert parse_unit([unit, drop_in]).environment == {}
    assert parse_unit([]) == Start()


def test_variables_in_a_unit_s_words() -> None:
    start = Start(("/usr/bin/nova-compute", "$OPTIONS", "--log-file=${LOG}/x", "$NONE"), environment={"LOG": "/a"})
    text = 'OPTIONS="--debug --config-dir /d"\nLOG=/b\n'
    assert start.with_variables([text]).argv == (
        "/usr/bin/nova-compute", "--debug", "--config-dir", "/d", "--log-file=/b/x",
    )  # fmt: skip


@pytest.mark.parametrize(
    ("defaults", "exists", "words"),
    [
        (["USE_LOGFILE=no\n"], True, "--config-file=/etc/nova/nova.conf --config-file=/etc/nova/nova-compute.conf"),
        ([], False, "--config-file=/etc/nova/nova.conf --log-file=/var/log/nova/nova-compute.log"),
        (["USE_LOGFILE=no\n"], False, "--config-file=/etc/nova/nova.conf"),
        (['DAEMON_ARGS="$DAEMON_ARGS --config-dir=/etc/nova/x"\n', "# DAEMON_ARGS=y\nUSE_LOGFILE='no' # z\n"], False,
         "--config-file=/etc/nova/nova.conf --config-dir=/etc/nova/x"),
        (["if [ -n x ] ; then\nDAEMON_ARGS=unknown\nelse\nUSE_LOGFILE=no\nfi\n"], False, "--config-file=/etc/nova/nova.conf"),
    ],
)  # fmt: skip
def test_debian_s_init_script(defaults: list[str], exists: bool, words: str) -> None:
    assert init_command(SCRIPT, defaults, lambda _path: exists) == ("/usr/bin/nova-compute", *words.split())


def test_debian_s_init_script_of_nova_api() -> None:
    words = ("--http-socket", ":8774", "--ini", "/etc/nova/nova-api-uwsgi.ini")
    assert init_command(API_SCRIPT, [], there) == ("/usr/bin/uwsgi_python3", *words)
    pyargv = init_command(API_SCRIPT, ['PYARGV="--config-dir /x"\n'], there)
    assert pyargv[-2:] == ("--pyargv", "--config-dir /x")
    assert uwsgi_options(pyargv)["pyargv"] == ("--config-dir /x",)


def test_the_files_that_an_init_script_reads() -> None:
    assert default_files(SCRIPT) == ("/etc/default/openstack", "/etc/default/nova-compute")
    assert default_files("#!/bin/sh\nexec /usr/bin/nova-compute\n") == ()


@pytest.mark.parametrize(
    ("argv", "ini", "url"),
    [
        ("uwsgi --http-socket :8774 --ini /a.ini", "", "http://127.0.0.1:8774/"),
        ("uwsgi --ini /a.ini", "[uwsgi]\nhttp-socket = 10.0.0.5:8774\n", "http://10.0.0.5:8774/"),
        (
            "uwsgi --ini=/a.ini",
            "[other]\nhttp = :1\n[uwsgi]\nhttps-socket = 0.0.0.0:8774,a.crt,a.key\n",
            "https://127.0.0.1:8774/",
        ),
        ("uwsgi --master --http [::]:8774 /a.ini", "", "http://[::1]:8774/"),
        ("uwsgi --ini /a.ini", "[uwsgi]\n#http = :8774\nsocket = :8774\n", None),
    ],
)
def test_uwsgi(argv: str, ini: str, url: str | None) -> None:
    words = tuple(argv.split())
    assert is_uwsgi(words)
    assert uwsgi_inis(words) == ("/a.ini",)
    assert uwsgi_url(uwsgi_options(words, [ini])) == url


def test_what_is_no_uwsgi() -> None:
    assert not is_uwsgi(("/usr/bin/python3", "/usr/bin/nova-compute"))
    assert not is_uwsgi(())
    assert is_uwsgi(("/usr/bin/uwsgi_python311",))


SITE = """Listen 8774
# WSGIScriptAlias / /usr/bin/nova-metadata-wsgi
<VirtualHost *:8774>
  WSGIDaemonProcess nova-api processes=2 \\
    user=nova group=nova
  WSGIScriptAlias / /usr/bin/nova-api-wsgi
  ErrorLog "${APACHE_LOG_DIR}/nova_api.log"
</VirtualHost>
"""


def test_apache() -> None:
    site = apache_site(API, SITE)
    assert site is not None
    assert (site.user, site.log, site.url) == ("nova", "${APACHE_LOG_DIR}/nova_api.log", "http://127.0.0.1:8774/")
    secure = apache_site(API, SITE.replace("</", "SSLEngine On\n</").replace("*:8774", "10.0.0.5:443"))
    assert secure is not None
    assert secure.url == "https://10.0.0.5:443/"
    assert apache_site(METADATA, SITE) is None
    assert apache_site(COMPUTE, SITE) is None
    assert apache_site(API, "WSGIScriptAlias / /usr/lib/python3/dist-packages/nova/wsgi/osapi_compute.py\n") is not None


def test_urls() -> None:
    assert local_url("http", "*:8774") == "http://127.0.0.1:8774/"
    assert local_url("http", "[fd00::1]:8774") == "http://[fd00::1]:8774/"
