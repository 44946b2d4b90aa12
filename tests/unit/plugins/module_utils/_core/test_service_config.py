# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a service gets. tests/oracle/oslo_config holds the same code against real oslo.config."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.config_search import search
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import NovaRefusal
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.oslo_config import ConfigFile, parse_config
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.service_config import ServiceConfig, Setting

MAIN = "/etc/nova/nova.conf"
COMPUTE = "/etc/nova/nova-compute.conf"
DROP_IN = "/etc/nova/nova.conf.d/x.conf"
OWN_DROP_IN = "/etc/nova/nova-compute.conf.d/x.conf"
DEBIAN = (f"--config-file={MAIN}", f"--config-file={COMPUTE}")
OLD = (("pci", "passthrough_whitelist"), ("DEFAULT", "pci_passthrough_whitelist"))


def config(
    texts: Mapping[str, str], arguments: Sequence[str] = (), environment: Mapping[str, str] | None = None
) -> ServiceConfig:
    return ServiceConfig.of_texts(
        "nova-compute", search("nova-compute", arguments, {}, "/root"), texts, (), environment
    )


def setting(name: str, *values: str) -> str:
    return "".join(f"[pci]\n{name} = {value}\n" for value in values)


def spread() -> dict[str, str]:
    return {path: setting("alias", name) for path, name in
            ((MAIN, "main"), (COMPUTE, "compute"), (DROP_IN, "drop-in"), (OWN_DROP_IN, "own drop-in"))}  # fmt: skip


def test_red_hat_s_order() -> None:
    found = config(spread()).multi("pci", "alias")
    assert found.values == ("main", "compute", "drop-in", "own drop-in")
    assert [origin.path for origin in found.origins] == [MAIN, COMPUTE, DROP_IN, OWN_DROP_IN]
    assert config(spread()).last("pci", "alias").values == ("own drop-in",)


def test_debian_s_order() -> None:
    debian = config(spread(), DEBIAN)
    assert debian.multi("pci", "alias").values == ("drop-in", "own drop-in", "main", "compute")
    assert debian.last("pci", "alias").values == ("compute",)
    assert debian.last("pci", "alias").origins[0].line == 2


def test_only_the_first_place_of_the_search_is_read() -> None:
    there = config(
        {
            **spread(),
            "/etc/nova.conf": setting("alias", "etc"),
            "/root/.nova/nova.conf.d/a.conf": "[pci]\nalias = home\n",
        }
    )
    assert there.multi("pci", "alias").values == ("main", "compute", "home", "own drop-in")
    assert there.directories == ("/root/.nova/nova.conf.d", "/etc/nova/nova-compute.conf.d")
    assert config({}).directories == ("/etc/nova/nova.conf.d", "/etc/nova/nova-compute.conf.d")


@pytest.mark.parametrize("name", [".a.conf", "a.conf.bak", "below/a.conf", "a.CONF"])
def test_what_is_no_drop_in(name: str) -> None:
    path = f"/etc/nova/nova.conf.d/{name}"
    assert not config({}).reads(path)
    assert config({path: setting("alias", "x")}).multi("pci", "alias") == Setting()


def test_a_file_that_is_named_twice_counts_twice() -> None:
    twice = config({MAIN: setting("alias", "a")}, [DEBIAN[0], DEBIAN[0]])
    assert twice.multi("pci", "alias").values == ("a", "a")


def test_a_setting_s_values_are_in_the_order_of_the_lines_whatever_the_spelling_of_the_group() -> None:
    assert config({MAIN: "[PCI]\nalias = a\n[pci]\nalias =\n[Pci]\nalias = a\n"}).multi("pci", "alias").values == (
        "a",
        "",
        "a",
    )


def test_former_names_of_a_multi_option_come_first_within_each_file() -> None:
    text = "[DEFAULT]\npci_passthrough_whitelist = oldest\n[pci]\ndevice_spec = new\npassthrough_whitelist = old\n"
    there = config({MAIN: text, DROP_IN: text})
    assert there.multi("pci", "device_spec", *OLD).values == ("oldest", "old", "new") * 2
    assert there.multi("pci", "device_spec").values == ("new", "new")


def test_of_the_names_of_another_option_the_new_one_wins_within_a_file_and_the_later_file_over_both() -> None:
    old = ("DEFAULT", "scheduler_default_filters")
    both = "[filter_scheduler]\nenabled_filters = new\n[DEFAULT]\nscheduler_default_filters = old\n"
    assert config({MAIN: both}).last("filter_scheduler", "enabled_filters", old).values == ("new",)
    later = config({MAIN: both, DROP_IN: "[DEFAULT]\nscheduler_default_filters = old\n"})
    assert later.last("filter_scheduler", "enabled_filters", old).values == ("old",)


@pytest.mark.parametrize(
    ("value", "items"),
    [("A,B", ("A", "B")), (" A , B ,", ("A", "B")), ("A,,B", ("A", "", "B")), ("", ()), (",,", ()), ("A,\n  B", ("A", "B")),
     ("A\n  B", ("A\nB",)), ("[A, 'B']", ("[A", "'B']"))],
)  # fmt: skip
def test_lists(value: str, items: tuple[str, ...]) -> None:
    assert config({MAIN: f"[f]\nk = {value}\n"}).list("f", "k").items == items
    assert config({}).list("f", "k").items == ()


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("True", True),
        ("YES", True),
        ("on", True),
        ("1", True),
        ("False", False),
        ("off", False),
        ("0", False),
        ("no", False),
    ],
)
def test_booleans(value: str, expected: bool) -> None:
    assert config({MAIN: setting("report_in_placement", value)}).boolean("pci", "report_in_placement") is expected


def test_what_is_no_boolean_is_refused_by_name() -> None:
    with pytest.raises(NovaRefusal) as caught:
        config({MAIN: setting("report_in_placement", "t")}).boolean("pci", "report_in_placement")
    assert str(caught.value) == (
        "'t' in [pci]report_in_placement (/etc/nova/nova.conf line 2) is neither true nor false. "
        "Write report_in_placement = true or report_in_placement = false"
    )
    assert config({}).boolean("pci", "report_in_placement") is None


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("$my_ip", "10.0.0.1"),
        ("${my_ip}x", "10.0.0.1x"),
        ("$local", "here"),
        ("${pci.local}", "here"),
        ("$url", "http://10.0.0.1"),
        ("$$my_ip", "$my_ip"),
        ("\\$my_ip", "$my_ip"),
        ('{"address": "[0-3]$"}', '{"address": "[0-3]$"}'),
        ("$1 $ $)", "$1 $ $)"),
    ],
)
def test_references(value: str, expected: str) -> None:
    main = "[DEFAULT]\nmy_ip = 10.0.0.1\nurl = http://$my_ip\nlocal = elsewhere\n[pci]\nlocal = here\n"
    found = config({MAIN: main + f"alias = {value}\n"}).multi("pci", "alias")
    assert found.values == (expected,)
    assert found.problem is None


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("a $nothing", "$nothing names an option that no configuration file sets"),
        ("${DEFAULT.my_ip}", "$DEFAULT.my_ip names an option"),
        ("${PCI.alias}", "$PCI.alias names an option"),
        ("$my_ip.", "$my_ip. names an option"),
        ("$loop", "$loop refers to itself"),
    ],
)
def test_a_reference_that_leads_nowhere_is_a_problem_and_no_crash(value: str, problem: str) -> None:
    found = config({MAIN: f"[DEFAULT]\nmy_ip = x\nloop = $back\nback = $loop\n[pci]\nalias = {value}\n"}).multi(
        "pci", "alias"
    )
    assert problem in (found.problem or "")
    assert "$" in found.values[0]


def test_the_environment_wins_over_files_and_takes_a_multi_option_apart() -> None:
    variables = {
        "OS_FILTER_SCHEDULER__ENABLED_FILTERS": "A,B",
        "OS_PCI__ALIAS": "{}",
        "OS_PCI__PASSTHROUGH_WHITELIST": "x",
    }
    there = config({MAIN: setting("alias", "a") + "[filter_scheduler]\nenabled_filters = C\n"}, (), variables)
    filters = there.list("filter_scheduler", "enabled_filters")
    assert filters.items == ("A", "B")
    assert filters.origins[0].place == "environment variable OS_FILTER_SCHEDULER__ENABLED_FILTERS"
    assert there.multi("pci", "alias").values == ("{", "}")
    assert len(there.multi("pci", "alias").origins) == 2
    assert there.multi("pci", "device_spec", *OLD) == Setting()


def test_a_reference_in_capitals_does_not_mean_the_option_that_a_variable_sets() -> None:
    """Found by tests/oracle/oslo_config: NoSuchOptError, although a variable for $my_ip is spelled in capitals too."""
    variables = {"OS_DEFAULT__MY_IP": "10.0.0.1"}
    assert config({MAIN: setting("alias", "$my_ip")}, (), variables).multi("pci", "alias").values == ("10.0.0.1",)
    assert config({MAIN: setting("alias", "$MY_IP")}, (), variables).multi("pci", "alias").problem is not None


# ---- what would be


def test_a_drop_in_that_does_not_exist_yet() -> None:
    debian = config({MAIN: setting("alias", "main")}, DEBIAN[:1])
    assert not debian.exists("/etc/nova/nova.conf.d")
    assert debian.reads(DROP_IN)
    assert debian.reads(OWN_DROP_IN)
    assert not debian.reads("/etc/nova/nova-api.conf.d/x.conf")
    assert debian.order(DROP_IN) < debian.order(OWN_DROP_IN) < debian.order(MAIN)
    after = debian.with_file(parse_config(DROP_IN, setting("alias", "new")))
    assert after.multi("pci", "alias").values == ("new", "main")
    assert after.exists("/etc/nova/nova.conf.d")
    assert after.without([DROP_IN]).multi("pci", "alias") == debian.multi("pci", "alias")
    with pytest.raises(ValueError, match="does not read /srv"):
        debian.order("/srv/x.conf")


def test_a_drop_in_among_others_stands_in_the_order_of_names() -> None:
    there = config({DROP_IN: "", MAIN: ""})
    assert (
        there.order("/etc/nova/nova.conf.d/a.conf") < there.order(DROP_IN) < there.order("/etc/nova/nova.conf.d/y.conf")
    )
    assert there.order(MAIN) < there.order("/etc/nova/nova.conf.d/a.conf")


def test_a_directory_that_comes_into_being_may_hide_another() -> None:
    there = config({"/etc/nova.conf.d/a.conf": setting("alias", "hidden")})
    assert there.reads(DROP_IN)
    assert there.with_file(ConfigFile(DROP_IN)).multi("pci", "alias") == Setting()
    assert not there.with_file(ConfigFile(DROP_IN)).reads("/etc/nova.conf.d/a.conf")


def test_a_file_that_is_edited() -> None:
    there = config(spread(), DEBIAN)
    edited = there.with_file(parse_config(MAIN, ""))
    assert edited.multi("pci", "alias").values == ("drop-in", "own drop-in", "compute")
    assert there.multi("pci", "alias").values[2] == "main"


# ---- troubles


def test_the_first_trouble_in_reading_order() -> None:
    there = config({MAIN: "oops\n", DROP_IN: "  oops\n"}, DEBIAN[:1])
    assert there.trouble is not None
    assert there.trouble.path == DROP_IN
    assert config(spread(), DEBIAN).trouble is None


@pytest.mark.parametrize(("option", "what"), [("--config-file", "file"), ("--config-dir", "directory")])
def test_what_is_named_has_to_be_there(option: str, what: str) -> None:
    trouble = config({MAIN: ""}, [f"{option}=/etc/none"]).trouble
    assert str(trouble) == f"/etc/none does not exist, and the service is told to read this {what}"
    assert config({}).trouble is None
