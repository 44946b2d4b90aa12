# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

import json
import time

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.secrets import (
    redact,
    redact_all,
    secret_values,
)

NOVA_CONF = """\
[DEFAULT]
transport_url = rabbit://openstack:Rabbit-1@one:5672,openstack:Rabbit%402@two:5672/
my_ip = 10.0.0.11
state_path = /var/lib/nova
key = /etc/ssl/console.key
password_length = 12
inject_password = true
# password = of-an-example

[api_database]
connection = "mysql+pymysql://nova:Data#Base@controller/nova_api"
[keystone_authtoken]
www_authenticate_uri = http://controller:5000/
memcache_secret_key = 'Mem$$Cache'
service_token_roles = service
service_token_roles_required = true
username = nova
password: Keystone\\Auth
[service_user]
send_service_user_token = true
[neutron]
metadata_proxy_shared_secret=Meta"Data
[libvirt]
rbd_secret_uuid = 457eb676-33da-42ec-9a8c-9293d545c337
[quota]
key_pairs = 1000
[key_manager]
fixed_key = 00112233445566778899
[vault]
root_token_id = VaultToken
[profiler]
hmac_keys = HmacOne
  HmacTwo
[cache]
backend_argument = url:redis://:RedisPass@cache/0
[vnc]
keymap = en-us
[oslo_messaging_rabbit]
heartbeat_rate = 2
 rabbit_password = Indented1
"""
SECRETS = [
    "Rabbit-1", "Rabbit%402", "Rabbit@2", "Data#Base", "Data%23Base", "Mem$$Cache", "Mem$Cache", "Keystone\\Auth",
    "Keystone\\\\Auth", 'Meta"Data', 'Meta\\"Data', "00112233445566778899", "VaultToken", "HmacOne", "HmacTwo",
    "RedisPass", "Indented1",
]  # fmt: skip
HARMLESS = [
    "openstack", "10.0.0.11", "/var/lib/nova", "/etc/ssl/console.key", "12", "true", "controller", "nova", "service",
    "457eb676-33da-42ec-9a8c-9293d545c337", "1000", "en-us", "of-an-example", "http://controller:5000/",
]  # fmt: skip


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_known_in_every_spelling(secret):
    assert secret in secret_values([NOVA_CONF])


@pytest.mark.parametrize("word", HARMLESS)
def test_what_is_no_secret_is_left(word):
    assert redact(f"<{word}>", secret_values([NOVA_CONF])) == f"<{word}>"


def test_nothing_else_is_taken_for_one():
    """Each value found holds a marked word or a part of one."""
    marked = [
        "Rabbit",
        "Data",
        "Base",
        "Mem",
        "Cache",
        "Keystone",
        "Auth",
        "Meta",
        "00112233",
        "VaultToken",
        "Hmac",
        "Redis",
        "Indented",
    ]
    assert [value for value in secret_values([NOVA_CONF]) if not any(word in value for word in marked)] == []


@pytest.mark.parametrize(
    ("line", "secret"),
    [
        ("admin_token = Tok3n", "Tok3n"),
        ("password = /starts/with/a/slash", "/starts/with/a/slash"),
        ("password = 12345678", "12345678"),
        ("password = it's\"both", "it\\'s\"both"),  # as a traceback shows it
        ("password = true-story", "true-story"),
        ("OS_PLACEMENT__PASSWORD=fromenv", "fromenv"),
        ("export OS_PASSWORD='quoted one'", "quoted one"),
        ("# before nova_pci.passthrough: password = taken-over", "taken-over"),
        ("transport_url = rabbit://u:with/slash@host", "with/slash"),
        ("transport_url = rabbit://u:with/slash@host", "slash"),
        ("transport_url = rabbit://u:with@at@host", "with@at"),
        ("backend_argument = a://:First@h,b://:Second@h", "Second"),
        ("connection = mysql://u:%C3%A4bcd@h/", "äbcd"),
        ("connection = mysql://u:%FFbcd@h/", "\udcffbcd"),
        ("password = before\x85after", "before\x85after"),
        ("password = before\x0cafter", "before\x0cafter"),
    ],
)
def test_single_lines(line, secret):
    assert secret in secret_values([line])


@pytest.mark.parametrize("text", ["", "\n[a]\n", "password =\n", "password", "://", ":// @", "a = b://@c", "= x\n\x00"])
def test_texts_without_any(text):
    assert secret_values([text]) == frozenset()


def test_short_values_are_hidden_in_urls_only():
    values = secret_values(["password = abc\nconnection = mysql://u:abc@db/x\n"])
    assert values == frozenset()
    assert redact("abc mysql://u:abc@db/x", {"abc"}) == "abc mysql://***@db/x"


def test_redaction():
    values = secret_values([NOVA_CONF])
    assert redact("login with Rabbit-1 failed: 'Keystone\\\\Auth'", values) == "login with *** failed: '***'"
    assert redact("amqp://a:b@h:5672,c:d@i/ and http://plain/x@y", values) == "amqp://***@i/ and http://plain/x@y"


def test_a_longer_secret_leaves_no_end_of_it():
    assert redact("secretive secret", {"secret", "secretive"}) == "*** ***"


def test_plain_data_is_redacted_throughout():
    data = {"a": ["x pass1", 1, None, True, {"b": "pass1"}]}
    assert redact_all(data, {"pass1"}) == {"a": ["x ***", 1, None, True, {"b": "***"}]}


def test_a_huge_line_takes_no_time():
    started = time.process_time()  # the clock on the wall also counts what else the machine does
    for line in ("a" * 300_000, "://" * 100_000, "a@" * 100_000, "://" + "a" * 300_000):
        redact(line, {"pass1"})
        secret_values([f"x = {line[:20000]}"])
    assert time.process_time() - started < 5


def test_no_spelling_shows_the_secret_within_json():
    values = secret_values([NOVA_CONF])
    shown = redact(json.dumps(SECRETS), values)
    assert not [secret for secret in SECRETS if secret in shown]
