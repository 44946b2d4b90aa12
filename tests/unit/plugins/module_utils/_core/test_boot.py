# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which boot configuration is in charge, what it boots next, and the plan for each of them."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.boot import (
    GRUB_D,
    GRUB_FILE,
    GRUBBY,
    KERNEL_INSTALL,
    BootEntry,
    KernelArgumentPlan,
    boot_entries,
    choose_backend,
    kernel_argument_plan,
    next_boot,
    parse_entry,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.boot_facts import (
    DROP_IN,
    BootFacts,
    Evaluation,
    SourceFile,
    with_block,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.errors import MachineProblem
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.reading import Reading, unreadable, value

MKCONFIG = ". ${sysconfdir}/default/grub\nfor x in ${sysconfdir}/default/grub.d/*.cfg ; do . $x; done\n"
WANTED = ["intel_iommu=on"]
REMOVE = ["iommu=off", "intel_iommu=off"]


def grub_cfg(arguments: str) -> Reading:
    return value(
        "set default=\"0\"\nmenuentry 'Debian' $menuentry_id_option 'gnulinux-simple-a' {\n"
        f"\tlinux\t/boot/vmlinuz-6.1 root=UUID=a ro {arguments}\n}}\n"
    )


def debian(source: str = "quiet", generated: str = "quiet", running: str = "quiet", **more: Any) -> BootFacts:
    evaluated = Evaluation("", source)
    facts = BootFacts(
        running=f"BOOT_IMAGE=/boot/vmlinuz-6.1 root=UUID=a ro {running}",
        tools=("update-grub", "grub-mkconfig"),
        mkconfig=value(MKCONFIG),
        mkconfig_name="grub-mkconfig",
        grub_default=value(f'# {source}\nGRUB_CMDLINE_LINUX_DEFAULT="{source}"\n'),
        evaluated=evaluated,
        evaluated_without=evaluated,
        grub_cfg_path="/boot/grub/grub.cfg",
        grub_cfg=grub_cfg(generated),
    )
    return replace(facts, **more)


def entry(name: str, options: str, version: str = "5.14.0-1") -> SourceFile:
    text = f"title X\nversion {version}\nlinux /vmlinuz-{version}\ninitrd /initramfs.img $tuned_initrd\noptions {options}\n"
    return SourceFile(f"/boot/loader/entries/{name}.conf", value(text))


def el(*entries: SourceFile, running: str = "root=/dev/a ro", **more: Any) -> BootFacts:
    facts = BootFacts(
        running=running,
        tools=("grub2-mkconfig", "grubby", "kernel-install"),
        mkconfig=value(". /etc/default/grub\n"),
        mkconfig_name="grub2-mkconfig",
        grub_cfg_path="/boot/grub2/grub.cfg",
        grub_cfg=value("insmod blscfg\nblscfg\n"),
        entries_path="/boot/loader/entries",
        entries=entries,
    )
    return replace(facts, **more)


def systemd_boot(options: str, cmdline: Reading, **more: Any) -> BootFacts:
    facts = BootFacts(
        running="initrd=\\x root=/dev/a ro quiet",
        tools=("kernel-install", "bootctl"),
        entries_path="/efi/loader/entries",
        entries=(entry("m-6.1", options, "6.1"),),
        kernel_cmdline=cmdline,
        loader_info=value("systemd-boot 252.39"),
        kernels=(("6.1", "/boot/vmlinuz-6.1"),),
    )
    return replace(facts, **more)


def suse(text: str = 'GRUB_CMDLINE_LINUX=""') -> BootFacts:
    return debian(mkconfig=value(". /etc/default/grub\n"), mkconfig_name="grub2-mkconfig", tools=("grub2-mkconfig",),
                  grub_cfg_path="/boot/grub2/grub.cfg", grub_default=value(text))  # fmt: skip


def row(plan: KernelArgumentPlan, number: int = 0) -> tuple[str, object, object, str]:
    rows: Any = plan.kernel_arguments["rows"]
    return rows[number]["token"], rows[number]["configured"], rows[number]["running"], rows[number]["state"]


# ---- the choice -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("facts", "backend"),
    [
        (debian(), GRUB_D),
        (suse(), GRUB_FILE),
        (el(entry("a", "ro")), GRUBBY),
        (el(), GRUBBY),
        (systemd_boot("ro", value("ro\n")), KERNEL_INSTALL),
        (systemd_boot("ro", value("ro\n"), loader_info=Reading()), KERNEL_INSTALL),
        # both are installed: the loader that started this kernel says so, and GRUB's old versions say nothing
        (debian(tools=("update-grub", "kernel-install"), entries=(entry("a", "ro"),)), GRUB_D),
        (debian(tools=("update-grub", "kernel-install"), entries=(entry("a", "ro"),), loader_info=value("systemd-boot 255")), KERNEL_INSTALL),
        (debian(tools=("update-grub", "kernel-install"), entries=(entry("a", "ro"),), loader_info=value("GRUB 2.12")), GRUB_D),
    ],
)  # fmt: skip
def test_choice(facts: BootFacts, backend: str) -> None:
    assert choose_backend(facts) == backend


@pytest.mark.parametrize(
    ("facts", "words"),
    [
        (debian(ostree=True), "ostree or bootc"),
        (BootFacts("quiet"), "none is known here; looked for a grub.cfg"),
        (debian(mkconfig=Reading()), "none is known here"),
        (systemd_boot("ro", Reading(), entries=()), "unified kernel images have none"),
        (systemd_boot("ro", Reading(), tools=()), "there is no kernel-install"),
        (debian(grub_cfg=unreadable("Permission denied")), "/boot/grub/grub.cfg: cannot be read: Permission denied"),
    ],
)
def test_refusals(facts: BootFacts, words: str) -> None:
    with pytest.raises(MachineProblem) as caught:
        kernel_argument_plan(facts, WANTED)
    assert words in str(caught.value)
    assert facts.next_boot_tokens is None


def test_nothing_wanted_needs_no_boot_loader() -> None:
    plan = kernel_argument_plan(BootFacts("quiet"), [])
    assert plan.kernel_arguments["backend"] == "none"
    assert (plan.files, plan.tools) == ((), ())


# ---- states -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("generated", "running", "since", "state"),
    [
        ("quiet", "quiet", (), (False, False, "to change")),
        ("quiet intel_iommu=on", "quiet", (), (True, False, "pending reboot")),
        ("quiet intel_iommu=on", "quiet", ("intel_iommu=on",), (True, False, "ineffective")),
        ("quiet", "quiet", ("intel_iommu=on",), (False, False, "ineffective")),
        ("quiet", "intel_iommu=on", ("intel_iommu=on",), (False, True, "to change")),
        ("quiet intel_iommu=on", "intel_iommu=on", (), (True, True, "running")),
        ("quiet", "intel_iommu=on", (), (False, True, "to change")),
        ('quiet "intel_iommu=on,sm_on"', "intel-iommu=on", (), (True, True, "running")),
        ("intel_iommu=on intel_iommu=off", "intel_iommu=off", (), (False, False, "to change")),
        ("-- intel_iommu=on", "-- intel_iommu=on", (), (False, False, "to change")),
    ],
)
def test_states(generated: str, running: str, since: tuple[str, ...], state: tuple[object, ...]) -> None:
    plan = kernel_argument_plan(debian("quiet", generated, running), WANTED, booted_since=since)
    assert row(plan) == ("intel_iommu=on", *state)


def test_what_has_to_go_has_a_row_of_its_own() -> None:
    plan = kernel_argument_plan(
        debian("amd_iommu=off", "amd_iommu=off", "amd_iommu=off"), [], ["amd_iommu=off", "iommu=off"]
    )
    assert plan.kernel_arguments["remove"] == ["amd_iommu=off", "iommu=off"]
    assert row(plan) == ("without amd_iommu=off", False, False, "to change")
    assert len(plan.kernel_arguments["rows"]) == 1  # type: ignore[arg-type]
    later = kernel_argument_plan(debian("amd_iommu=off", "", "amd_iommu=off"), [], ["amd_iommu=off"])
    assert row(later) == ("without amd_iommu=off", True, False, "pending reboot")


def test_an_unreadable_menu_is_not_an_answer() -> None:
    plan = kernel_argument_plan(debian(grub_cfg=value("menuentry 'x' {\n}\n")), WANTED)
    assert row(plan) == ("intel_iommu=on", None, False, "to change")


# ---- GRUB -------------------------------------------------------------------------------------------------------------


def test_grub_d() -> None:
    plan = kernel_argument_plan(debian(), WANTED, REMOVE, ["a warning"])
    assert plan.kernel_arguments == {
        "backend": "grub-d",
        "wanted": WANTED,
        "remove": REMOVE,
        "dropped": [],
        "rows": [{"token": "intel_iommu=on", "configured": False, "running": False, "state": "to change"}],
        "warnings": ["a warning"],
        "merge": [
            {"kind": "flags", "keys": "iommu", "text": "", "same": "", "contrary": "off"},
            {"kind": "flags", "keys": "intel_iommu", "text": "on", "same": "intel_iommu=on", "contrary": "off"},
        ],
    }
    assert plan.files == (
        {
            "path": DROP_IN,
            "layer": "kernel_arguments",
            "kind": "file",
            "mode": "0644",
            "template": "grub-drop-in.cfg.j2",
        },
    )
    assert plan.tools == (
        {"name": "update-grub", "layers": ["kernel_arguments"], "argv": ["update-grub"], "undo": ["update-grub"],
         "touches": ["/boot/grub/grub.cfg"], "force": False},
    )  # fmt: skip


@pytest.mark.parametrize(
    ("source", "generated", "force"),
    [
        ("quiet", "quiet", False),
        ("quiet intel_iommu=on", "quiet", True),
        ("quiet intel_iommu=on", "quiet intel_iommu=on", False),
        ("quiet", "intel_iommu=on", False),
    ],
)
def test_a_generator_that_has_not_run_is_forced(source: str, generated: str, force: bool) -> None:
    assert kernel_argument_plan(debian(source, generated), WANTED).tools[0]["force"] is force


def test_without_update_grub_the_generator_itself_runs() -> None:
    tool = kernel_argument_plan(debian(tools=("grub-mkconfig",)), WANTED).tools[0]
    assert tool["argv"] == ["grub-mkconfig", "-o", "/boot/grub/grub.cfg"]


def test_a_contrary_value_is_named_with_file_and_line() -> None:
    plan = kernel_argument_plan(debian("quiet intel_iommu=off"), WANTED, REMOVE)
    assert plan.kernel_arguments["warnings"] == [
        "intel_iommu=off comes from /etc/default/grub line 2; it is overruled, not edited"
    ]


def test_a_later_drop_in_that_wins_is_named() -> None:
    drop_ins = (SourceFile(DROP_IN, value("")), SourceFile("/etc/default/grub.d/zzz.cfg", value("")))
    facts = debian(grub_drop_ins=drop_ins, evaluated=Evaluation("", "quiet"))
    assert "zzz.cfg is read after our drop-in" in str(kernel_argument_plan(facts, WANTED).kernel_arguments["warnings"])


def test_a_default_entry_of_somebody_else_is_named_and_never_forces() -> None:
    text = (grub_cfg("intel_iommu=on").text or "").replace('set default="0"', 'set default="Mine"')
    facts = debian("intel_iommu=on", grub_cfg=value(text + "menuentry 'Mine' {\n linux /v ro\n}\n"))
    plan = kernel_argument_plan(facts, WANTED)
    assert "'Mine', is not made from /etc/default/grub" in str(plan.kernel_arguments["warnings"])
    assert plan.tools[0]["force"] is False
    assert row(plan)[1] is False


def test_xen_is_named() -> None:
    evaluation = Evaluation("", "", None, (("GRUB_CMDLINE_LINUX_XEN_REPLACE", "x"),))
    plan = kernel_argument_plan(debian(evaluated=evaluation, evaluated_without=evaluation), WANTED)
    assert "Xen" in str(plan.kernel_arguments["warnings"])


@pytest.mark.parametrize(
    ("evaluation", "words"),
    [
        (Evaluation(problem="line 3: syntax error"), "the shell cannot read it: line 3: syntax error"),
        (Evaluation('a="b', ""), "GRUB_CMDLINE_LINUX opens a double quote"),
        (None, "was not evaluated"),
    ],
)
def test_defaults_that_cannot_be_merged(evaluation: Evaluation | None, words: str) -> None:
    with pytest.raises(MachineProblem, match=words.replace("(", "\\(")):
        kernel_argument_plan(debian(evaluated_without=evaluation), WANTED)


def test_the_next_boot() -> None:
    assert debian(generated="quiet $vt_handoff").next_boot_tokens == ("root=UUID=a", "ro", "quiet")
    assert next_boot(debian(), GRUB_D) is not None


# ---- SUSE -------------------------------------------------------------------------------------------------------------


def test_grub_file() -> None:
    plan = kernel_argument_plan(suse(), WANTED)
    assert [file["path"] for file in plan.files] == [DROP_IN, "/etc/default/grub"]
    assert plan.files[1]["foreign"] is True
    assert plan.files[1]["content"] == with_block('GRUB_CMDLINE_LINUX=""')
    assert plan.tools[0]["argv"] == ["grub2-mkconfig", "-o", "/boot/grub2/grub.cfg"]


# ---- grubby -----------------------------------------------------------------------------------------------------------


def test_grubby() -> None:
    plan = kernel_argument_plan(
        el(entry("m-1", "root=/dev/a ro intel_iommu=off"), entry("m-2", "root=/dev/a ro")), WANTED
    )
    assert plan.kernel_arguments["backend"] == "grubby"
    assert plan.files == ()
    assert plan.tools == (
        {"name": "grubby", "layers": ["kernel_arguments"],
         "argv": ["grubby", "--update-kernel=ALL", "--remove-args=intel_iommu=off", "--args=intel_iommu=on"],
         "undo": ["grubby", "--update-kernel=ALL", "--remove-args=intel_iommu=on", "--args=intel_iommu=off"],
         "touches": ["/boot/loader/entries/*.conf", "/etc/default/grub", "/etc/kernel/cmdline", "/boot/grub2/grubenv"],
         "force": True},
    )  # fmt: skip


def test_grubby_sees_drift_in_every_entry() -> None:
    on, off = "ro intel_iommu=on", "ro"
    assert kernel_argument_plan(el(entry("a", on), entry("b", on)), WANTED).tools == ()
    for entries in ((entry("a", on), entry("b", off)), (entry("a", off), entry("b", on))):
        plan = kernel_argument_plan(el(*entries), WANTED)
        assert row(plan)[1] is False
        assert plan.tools[0]["argv"] == ["grubby", "--update-kernel=ALL", "--args=intel_iommu=on"]
        assert plan.tools[0]["undo"] == []


def test_grubby_keeps_flags_and_removes() -> None:
    plan = kernel_argument_plan(el(entry("a", "ro intel_iommu=sm_on iommu=off")), WANTED, REMOVE)
    assert plan.tools[0]["argv"][2:] == ["--remove-args=iommu=off intel_iommu=sm_on", "--args=intel_iommu=on,sm_on"]  # type: ignore[index]


def test_grubby_cannot_add_beside() -> None:
    with pytest.raises(MachineProblem, match="replaces all values of console"):
        kernel_argument_plan(el(entry("a", "console=tty0")), ["console=ttyS0"])
    assert kernel_argument_plan(el(entry("a", "ro")), ["console=ttyS0"]).tools[0]["argv"][2:] == [
        "--args=console=ttyS0"
    ]  # type: ignore[index]


def test_el8_keeps_its_options_in_grubenv() -> None:
    facts = el(entry("a", "$kernelopts $tuned_params"), grubenv=value("kernelopts=root=/dev/a ro intel_iommu=on\n"))
    assert facts.next_boot_tokens == ("root=/dev/a", "ro", "intel_iommu=on")
    assert row(kernel_argument_plan(facts, WANTED))[3] == "pending reboot"
    unknown = el(entry("a", "$kernelopts"))
    assert unknown.next_boot_tokens is None
    assert kernel_argument_plan(unknown, WANTED).tools[0]["argv"][2:] == ["--args=intel_iommu=on"]  # type: ignore[index]


@pytest.mark.parametrize(
    ("environment", "token"),
    [("", "new"), ("saved_entry=m-5.14.0-9\n", "old"), ("saved_entry=m-5.14.0-9\nnext_entry=m-5.14.0-10\n", "new")],
)
def test_the_entry_that_boots(environment: str, token: str) -> None:
    rescue = entry("m-0-rescue", "rescue", "9-rescue")
    entries = (entry("m-5.14.0-9", "old", "5.14.0-9"), entry("m-5.14.0-10", "new", "5.14.0-10"), rescue)
    assert el(*entries, grubenv=value(environment)).next_boot_tokens == (token,)


# ---- systemd-boot -----------------------------------------------------------------------------------------------------


def test_kernel_install() -> None:
    plan = kernel_argument_plan(systemd_boot("root=/dev/a quiet", value("root=/dev/a  quiet\n")), WANTED)
    assert plan.files == (
        {"path": "/etc/kernel/cmdline", "layer": "kernel_arguments", "kind": "file", "mode": None,
         "content": "root=/dev/a  quiet intel_iommu=on\n", "foreign": True},
    )  # fmt: skip
    argv = ["kernel-install", "add", "6.1", "/boot/vmlinuz-6.1"]
    assert plan.tools == (
        {"name": "kernel-install 6.1", "layers": ["kernel_arguments"], "argv": argv, "undo": argv,
         "touches": ["/efi/loader/entries/*.conf"], "force": False},
    )  # fmt: skip
    assert row(plan) == ("intel_iommu=on", False, False, "to change")


def test_kernel_install_creates_the_file_from_the_running_line() -> None:
    plan = kernel_argument_plan(systemd_boot("root=/dev/a", Reading()), WANTED)
    assert plan.files[0]["content"] == "root=/dev/a ro quiet intel_iommu=on\n"
    assert plan.files[0]["mode"] == "0644"
    assert "created from the running command line" in str(plan.kernel_arguments["warnings"])


def test_kernel_install_is_forced_when_the_entries_lag_behind() -> None:
    done = systemd_boot("quiet intel_iommu=on", value("quiet intel_iommu=on\n"))
    assert kernel_argument_plan(done, WANTED).tools[0]["force"] is False
    assert kernel_argument_plan(replace(done, entries=(entry("a", "quiet"),)), WANTED).tools[0]["force"] is True


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"kernel_cmdline": unreadable("Permission denied")}, "Permission denied"),
        ({"kernel_cmdline": value('a="b')}, "does not close"),
        ({"kernels": ()}, "no installed kernel"),
    ],
)
def test_kernel_install_refusals(more: dict[str, Any], words: str) -> None:
    with pytest.raises(MachineProblem, match=words):
        kernel_argument_plan(replace(systemd_boot("ro", value("ro\n")), **more), WANTED)


def test_a_version_of_thousands_of_digits_is_a_version() -> None:
    facts = el(entry("a", "n=1", "9" * 5000), entry("b", "n=2", "5.14.0-9"))
    assert sorted(one.name for one in boot_entries(facts)) == ["a", "b"]


def test_a_tab_within_the_options_parts_no_key() -> None:
    file = SourceFile(
        "/boot/loader/entries/a.conf", value("version\t6.1\n options  root=/dev/a\tquiet \x0c b\noptions c\n")
    )
    parsed = parse_entry(file, {})
    assert parsed.version == "6.1"
    assert [token.text for token in parsed.options or ()] == ["root=/dev/a", "quiet", "b", "c"]


def test_a_choice_of_many_stars_is_matched_at_once() -> None:
    name = "a" * 60
    assert BootEntry(name, "", "", None, None).is_named("*a" * 30)
    assert not BootEntry(name, "", "", None, None).is_named("*a" * 30 + "*b")
    assert BootEntry("m-6.1", "", "", None, None).is_named("m-6.?.conf")


def test_loader_conf_chooses() -> None:
    entries = (entry("m-6.1", "old", "6.1"), entry("m-6.2+3-1", "new", "6.2"))
    assert systemd_boot("", value("x\n"), entries=entries).next_boot_tokens == ("new",)
    chosen = systemd_boot("", value("x\n"), entries=entries, loader_conf=value("timeout 3\ndefault m-6.1*\n"))
    assert chosen.next_boot_tokens == ("old",)
