"""What a search for leaked passwords looks for, and where."""

from __future__ import annotations

from lab import leaks, openstack_settings
from lab.ini import with_options

SYSLOG = """\
Nov 24 21:05:40 cmp1 ansible-nova_pci.passthrough.nova_plan[434]: Invoked with root=/
2026-11-24T21:05:41.123456+00:00 ctl sudo:     root : COMMAND=/bin/true
Nov 24 21:05:42 cmp1 python3[7]: a traceback
Nov 24 21:05:43 ctl nova-api[9]: DEBUG transport_url = lab-secret-rabbit
Nov 24 21:05:44 cmp1 nova-pci-passthrough: ok 0000:02:00.0 bound
Nov 24 21:05:45 cmp1 kernel: ansible-playbook is no writer here
"""


def test_every_password_of_the_labs_configuration_is_looked_for() -> None:
    sample = "[DEFAULT]\n#password = example\n# transport_url = rabbit://guest:guest@host\n[pci]\n"
    controller = with_options(sample, openstack_settings.nova_controller())
    compute = with_options(sample, openstack_settings.nova_compute())
    assert leaks.passwords(controller) == {"lab-secret-rabbit", "lab-secret-nova", "lab-secret-db-nova"}
    assert leaks.passwords(compute) == {"lab-secret-rabbit", "lab-secret-nova"}


def test_each_host_of_a_url_has_its_password() -> None:
    assert leaks.passwords("transport_url = rabbit://a:one@h1:5672,b:two@h2:5672/") == {"one", "two"}
    assert leaks.passwords("auth_url = http://keystone:5000\nendpoint = http://user@host:80/") == set()


def test_what_nova_itself_logs_is_not_ours() -> None:
    command = leaks.journal_command(
        ["nova-compute", "sudo", "ansible-ansible.legacy.setup", "python3", "nova-pci-passthrough", "sh"]
    )
    assert "nova-compute.service SYSLOG_IDENTIFIER=sh" in command
    assert "SYSLOG_IDENTIFIER=nova-compute" not in command
    for name in ("sudo", "ansible-ansible.legacy.setup", "python3", "nova-pci-passthrough"):
        assert f"SYSLOG_IDENTIFIER={name} " in command
    ours = leaks.ours_of(SYSLOG)
    assert [line.split()[-1] for line in ours] == ["root=/", "COMMAND=/bin/true", "traceback", "bound"]


def test_a_leak_is_the_line_that_holds_it() -> None:
    assert leaks.leaks("one\nlab-secret-nova\n", {"lab-secret-nova", "lab-secret-rabbit"}) == ["lab-secret-nova"]
    assert leaks.leaks("one\n", {"lab-secret-nova"}) == []
