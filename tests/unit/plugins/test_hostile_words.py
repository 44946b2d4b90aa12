# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Hostile words in every place where a user may write one: an error in words, or a plan that holds them as plain data."""

from __future__ import annotations

import json
import re
import shlex

import jinja2
import pytest

pytest.importorskip("ansible.module_utils.testing")
pytest.importorskip("openstack")

from ansible.module_utils.testing import patch_module_args

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.declaration import KEYS, SELECTORS
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import PassthroughError
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_request import KEYS as FLAVOR_KEYS
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.flavor_request import parse_flavors
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.oslo_config import parse_config
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.wanted import read_plan
from ansible_collections.nova_pci.passthrough.plugins.modules import (
    compute_drain,
    diagnose_cloud_info,
    diagnose_host_info,
    flavors,
    guest_devices_info,
    host_plan,
    nova_lint,
    nova_plan,
    pci_devices_info,
    pci_providers_info,
    pci_survey_info,
    smoke_plan,
    smoke_server,
    smoke_verify,
)
from ansible_collections.nova_pci.passthrough.tests.tried import tried
from ansible_collections.nova_pci.passthrough.tests.unit import machine_builder
from ansible_collections.nova_pci.passthrough.tests.unit.plugins.module_utils._host.nova_hosts import (
    debian_compute,
    process,
    write,
)
from ansible_collections.nova_pci.passthrough.tests.unit.roles.host.test_grub_drop_in import REPOSITORY

WORDS = (
    '"; id; "', "$(id)", "`id`", "$my_ip", "a\n[pci]\nalias = x", "\0", "..", "../../etc/passwd", "{{ 7 * 7 }}", "²", "\ud800", "a" * 5000, "(",
)  # fmt: skip
MORE_WORDS = (
    "'", '"', "'; id; '", "${HOME}", "%", "%(x)s", "a\nb", "a\r\nb", "a\x0bb", "a\x85b", "a\u2028b", "/etc/shadow", "{% raw %}", "a; id",
    "a && id", "a | id", "a > /b", "#", "\\", "-rf", "--", "*", ".", " ", "", "9" * 5000, "٣٣٣٣", "١", "\udcff", "ﬀ", "İ", "[", "(" * 2000,
    "{9999999999}",
)  # fmt: skip


def spelled(word):
    return ascii(word)[:30]


every_word = [*WORDS, *(pytest.param(word, marks=pytest.mark.slow) for word in MORE_WORDS)]
each_word = pytest.mark.parametrize("word", every_word, ids=spelled)

NIC = {"alias": "nic", "vendor_id": "8086", "product_id": "10d3", "device_type": "type-PCI"}
VFS = {"alias": "vf", "vendor_id": "8086", "product_id": "10c9", "num_vfs": 4, "vf_product_id": "10ca"}
BOOT = {
    "usr/sbin/update-initramfs": "mkinitramfs",
    "usr/sbin/mkinitramfs": "",
    "usr/sbin/update-grub": "",
    "usr/sbin/grub-mkconfig": "for x in /etc/default/grub.d/*.cfg",
    "etc/default/grub": 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\n',
    "boot/grub/grub.cfg": "menuentry 'Debian' {\n\tlinux /boot/vmlinuz root=/dev/vda1 ro quiet\n}\n",
}
PLAIN_LINE = re.compile(r"[A-Za-z0-9_:. \t-]*")
asked: list[object] = []  # what this test has given to a plan, a parser or a module


@pytest.fixture(autouse=True)
def counted():
    asked.clear()
    yield
    tried("hostile inputs", len(asked))


@pytest.fixture(scope="module")
def machine(tmp_path_factory):
    """The lab's machine, with Nova on it. Nothing is written here: it is planned for."""
    root = tmp_path_factory.mktemp("hostile") / "root"
    machine_builder.build("lab-bookworm-iommu-on", root)
    for path, text in BOOT.items():
        write(root, path, text).chmod(0o755)
    (root / "proc/self").rename(root / "proc/1")  # the built host has a link there
    debian_compute(root)
    process(
        root, 30, "nova-compute.service", "/usr/bin/python3 /usr/bin/nova-compute --config-file=/etc/nova/nova.conf"
    )
    return str(root)


def refused_or(work, *given):
    """What comes out of *work*, None when it is refused. Anything but an error of ours ends the test."""
    asked.append(work)
    try:
        return work(*given)
    except PassthroughError as error:
        words = str(error)
    assert words
    return None


# ---- the host's plan

NOWHERE = "0000:7f:1f.7"  # what no machine here has


def host_plan_of(machine, devices, arguments=(), overrides=()):
    given = {"root": machine, "devices": devices, "iommu_pt": False, "kernel_arguments": list(arguments)}
    given["overrides"] = list(overrides)
    found = refused_or(host_plan.plan_host, given)
    return None if found is None else json.loads(json.dumps(found["plan"]))


def rendered(plan):
    """The text of each template that a plan names, as the role prints it."""
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    environment.filters["quote"] = shlex.quote
    known = {
        "plan": plan,
        "__host_devices_conf_rows": plan["devices_conf"],
        "__host_modules": plan["modules"],
        "__host_initramfs_modules": plan["initramfs_modules"],
    }
    folder = REPOSITORY / "roles/host/templates"
    names = {file["template"] for file in plan["files"] if "template" in file}
    return {name: environment.from_string((folder / name).read_text(encoding="utf-8")).render(known) for name in names}


def check_host_plan(plan, usual):
    """*plan* writes the files and runs the tools of the *usual* one; what differs in a file are lines of plain words."""
    contents, usual_contents = rendered(plan), rendered(usual)
    wanted, usual_wanted = read_plan(plan, contents), read_plan(usual, usual_contents)
    assert {file.path for file in wanted.files} <= {file.path for file in usual_wanted.files}
    assert {tool.argv for tool in wanted.tools} <= {tool.argv for tool in usual_wanted.tools}
    assert wanted.apply_argv in ((), usual_wanted.apply_argv)
    for name, text in contents.items():
        for line in set(text.split("\n")) - set(usual_contents[name].split("\n")):
            if line.startswith("nova_pci_merge "):
                assert len(shlex.split(line)) == 6
            else:
                assert PLAIN_LINE.fullmatch(line), line
    merged = [line for line in contents["grub-drop-in.cfg.j2"].split("\n") if line.startswith("nova_pci_merge ")]
    rules = [list(rule.values()) for rule in plan["kernel_arguments"]["merge"]]
    assert [shlex.split(line)[1:] for line in merged] == rules


@pytest.fixture(scope="module")
def usual(machine):
    return host_plan_of(machine, [NIC, VFS], ["quiet=1"])


@each_word
def test_a_word_in_any_key_of_a_device_is_refused_or_harmless_to_the_host(machine, usual, word):
    for entry in (NIC, VFS):
        for key in KEYS:
            plan = host_plan_of(machine, [{**entry, key: word}])
            if plan is not None:
                check_host_plan(plan, usual)
    for odd in (
        {**NIC, word: "x"},
        word,
        [word],
        {"address": {"bus": word}},
        {"address": {word: "0"}},
        {**NIC, "traits": [word]},
    ):
        assert host_plan_of(machine, [odd]) is None or "bus" in str(odd) or "traits" in str(odd)
    assert host_plan_of(machine, word) is None


@each_word
def test_a_word_in_any_key_of_an_override_is_refused_or_said_and_nothing_else(machine, usual, word):
    good = {"address": NOWHERE, "reason": "it is spare"}
    for odd in ({**good, "address": word}, {**good, word: "x"}, word, [word]):
        assert host_plan_of(machine, [NIC, VFS], overrides=[odd]) is None
    plan = host_plan_of(machine, [NIC, VFS], overrides=[{**good, "reason": word}])
    if plan is not None:
        check_host_plan(plan, usual)


@each_word
def test_a_kernel_argument_is_refused_or_stays_one_argument(machine, usual, word):
    for text in (word, f"a={word}", f'a="{word}"', f"intel_iommu={word}", f"console={word}", f"hugepages={word}"):
        plan = host_plan_of(machine, [NIC, VFS], [text])
        if plan is not None:
            check_host_plan(plan, usual)
            assert text in plan["kernel_arguments"]["wanted"] or text.startswith("intel_iommu=")


# ---- Nova's plan

OPTIONS = {
    ("pci", "device_spec"),
    ("pci", "alias"),
    ("pci", "report_in_placement"),
    ("filter_scheduler", "enabled_filters"),
}


def nova_plan_of(machine, devices, **more):
    given = {
        "root": machine,
        "devices": devices,
        "overrides": [],
        "role": "compute",
        "release": "",
        "placement": "none",
        "device_spec_by": "address",
    }
    found = refused_or(nova_plan.plan_nova, {**given, "providers_deleted": False, **more})
    return None if found is None else json.loads(json.dumps(found["plan"]))


def settings_of(plan):
    """Every option that a plan sets, as (group, name, value), from the files as Nova will read them."""
    found = []
    for file in plan["files"]:
        text = file.get("content") or "[pci]\n" + "\n".join(line for edit in file["edits"] for line in edit["new"])
        read = parse_config(file["path"], text)
        assert read.trouble is None
        assert all(one.line == one.last_line for one in read.assignments)
        found += [(one.group, one.name, one.value) for one in read.assignments]
    return found


@each_word
def test_a_word_in_any_key_of_a_device_is_refused_or_reaches_nova_as_it_is(machine, word):
    usual = nova_plan_of(machine, [NIC])
    paths = {file["path"] for file in usual["files"]}
    for key in KEYS:
        plan = nova_plan_of(
            machine, [{**NIC, key: word}], placement="report" if key in ("resource_class", "traits") else "none"
        )
        if plan is None:
            continue
        read_plan(plan)
        assert {file["path"] for file in plan["files"]} <= paths
        for group, name, value in settings_of(plan):
            assert (group, name) in OPTIONS
            assert not re.search(r"(?<!\$)(\$\$)*\$(?!\$)", value)
            if name in ("device_spec", "alias"):
                assert value.isascii()
                fields = json.loads(value.replace("$$", "$"))
                if key in fields and key not in SELECTORS:
                    assert fields[key] == word.strip()
    for role in (word, f"29.{word}", f"{word}29"):
        assert nova_plan_of(machine, [NIC], release=role) is None or role.strip() == ""


# ---- flavors

FLAVOR = {"name": "m1.gpu", "devices": {"a1": 1}}


@each_word
def test_a_word_in_any_key_of_a_flavor_is_refused_or_is_text_to_nova(word):
    for key in FLAVOR_KEYS:
        for value in (word, [word], {word: 1}, {"a1": word}, {word: word}):
            made = refused_or(parse_flavors, [{**FLAVOR, key: value}], ("a1",))
            for flavor in made or ():
                assert set(flavor.to_dict()["properties"]) - {"pci_passthrough:alias"} <= {word, "a1"}
                assert flavor.properties["pci_passthrough:alias"] == "a1:1"
                assert "\n" not in flavor.name + (flavor.description or "")
    assert refused_or(parse_flavors, [{**FLAVOR, word: 1}], ("a1",)) is None
    assert refused_or(parse_flavors, word, ("a1",)) is None


# ---- every module that takes a user's text, from its parameters to its JSON

PROBE = {"name": "nova-pci-passthrough-smoke-nic-01234567", "alias": "nic", "count": 1, "host": None}
SERVER = {"id": "s", "host": "compute1", "status": "ACTIVE", "placement_addresses": []}
SMOKE = {"devices": [NIC], "image": "tiny", "cloud": "here"}
OF_THE_CLOUD = [
    (smoke_plan, SMOKE, ("image", "network", "aliases", "compute_names", "console_pattern", "cloud")),
    (
        smoke_verify,
        {"devices": [NIC], "probe": PROBE, "server": SERVER, "cloud": "here", "timeout": 0},
        ("console_pattern",),
    ),
    (
        smoke_server,
        {"probe": PROBE, "image_id": "x", "cloud": "here", "_ansible_check_mode": True},
        ("image_id", "network_id"),
    ),
    (
        flavors,
        {"flavors": [FLAVOR], "aliases": ["a1"], "cloud": "here", "_ansible_check_mode": True},
        ("aliases", "names", "cloud"),
    ),
    (pci_providers_info, {"cloud": "here"}, ("without_devices", "cloud")),
    (diagnose_cloud_info, {"flavor": "pci.nic", "cloud": "here"}, ("flavor", "cloud")),
    (diagnose_cloud_info, {"cloud": "here"}, ("server",)),
    (compute_drain, {"host": ["compute1"], "cloud": "here", "timeout": 0}, ("host", "guests", "cloud")),
]
OF_A_HOST = [
    (host_plan, {"devices": [NIC]}, ("kernel_arguments", "root")),
    (nova_plan, {"devices": [NIC], "role": "compute"}, ("release", "root")),
    (nova_lint, {"devices": [NIC]}, ("config_files", "release", "devices", "root")),
    (pci_devices_info, {}, ("addresses", "root")),
    (diagnose_host_info, {}, ("root",)),
    (pci_survey_info, {}, ("overrides", "root")),
    (guest_devices_info, {}, ("server", "addresses", "root")),
]
LISTS = (
    "aliases",
    "host",
    "guests",
    "compute_names",
    "names",
    "without_devices",
    "kernel_arguments",
    "config_files",
    "addresses",
)


def run(module, capsys, given):
    """The module's result as Ansible gets it: JSON, and a failure in words of ours."""
    if re.search(r"\\ud[89a-f]", json.dumps(given)):
        pytest.skip("ansible-core itself ends on a half of a surrogate pair, before a line of the module has run")
    with patch_module_args(given), pytest.raises(SystemExit):
        module.main()
    result = json.loads(capsys.readouterr().out)
    assert result.get("msg") or not result.get("failed")
    assert "Traceback" not in json.dumps(result)
    assert "exception" not in result
    asked.append(module)
    return result


@each_word
@pytest.mark.parametrize("row", OF_A_HOST, ids=lambda row: row[0].__name__.rsplit(".", 1)[-1])
def test_a_module_of_a_host_takes_any_word(machine, capsys, row, word):
    module, given, options = row
    for option in options:
        value = [word] if option in LISTS else word
        run(module, capsys, {"root": machine, **given, option: value})


@each_word
@pytest.mark.filterwarnings("ignore")  # openstacksdk warns about itself
@pytest.mark.parametrize("row", OF_THE_CLOUD, ids=lambda row: row[0].__name__.rsplit(".", 1)[-1])
def test_a_module_of_the_cloud_takes_any_word(nova, capsys, row, word):
    module, given, options = row
    for option in options:
        value = [word] if option in LISTS else word
        run(module, capsys, {**given, option: value})
    assert nova.written == []
