# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the boot configuration from trees on disk, and the real generators where this machine has them."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jinja2
import pytest

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.boot import (
    GRUB_D,
    GRUB_FILE,
    GRUBBY,
    KERNEL_INSTALL,
    choose_backend,
    kernel_argument_plan,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.boot_facts import DROP_IN, with_block
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.grub_menu import parse_grub_cfg
from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.kernel_cmdline import (
    KernelCommandLine,
    merge_rules,
)
from ansible_collections.nova_pci.passthrough.plugins.module_utils._host.boot import (
    LOADER_INFO,
    read_boot,
    run_command,
)

TEMPLATE = Path(__file__).resolve().parents[5] / "roles/host/templates/grub-drop-in.cfg.j2"
MKCONFIG = "#!/bin/sh\n. ${sysconfdir}/default/grub\nfor x in ${sysconfdir}/default/grub.d/*.cfg ; do . $x ; done\n"
EL_MKCONFIG = "#!/usr/bin/sh\n. ${sysconfdir}/default/grub\n"
GRUB_CFG = "menuentry 'D' {\n\tlinux /boot/vmlinuz-6.1 root=UUID=a ro quiet\n}\n"
WANTED = ("intel_iommu=on",)


def tool(root: Path, name: str, text: str = "#!/bin/sh\necho called >>/dev/null; exit 99\n") -> None:
    write(root, f"usr/sbin/{name}", text).chmod(0o755)


def write(root: Path, path: str, text: str) -> Path:
    file = root / path
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


def drop_in(wanted: Sequence[str] = WANTED, remove: Sequence[str] = ()) -> str:
    environment = jinja2.Environment(trim_blocks=True, keep_trailing_newline=True, undefined=jinja2.StrictUndefined)
    environment.filters["quote"] = shlex.quote
    merge = [rule.to_dict() for rule in merge_rules(wanted, remove)]
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        plan={"kernel_arguments": {"merge": merge}}
    )


@pytest.fixture
def debian(tmp_path: Path) -> Path:
    tool(tmp_path, "grub-mkconfig", MKCONFIG)
    tool(tmp_path, "update-grub")
    write(tmp_path, "etc/default/grub", 'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX="a  intel_iommu=off"\n')
    write(tmp_path, "boot/grub/grub.cfg", GRUB_CFG)
    write(tmp_path, "proc/cmdline", "BOOT_IMAGE=/boot/vmlinuz-6.1 root=UUID=a ro quiet\n")
    return tmp_path


@pytest.fixture
def el9(tmp_path: Path) -> Path:
    tool(tmp_path, "grub2-mkconfig", EL_MKCONFIG)
    tool(tmp_path, "grubby")
    write(tmp_path, "etc/default/grub", 'GRUB_CMDLINE_LINUX="crashkernel=1G"\n')
    write(tmp_path, "boot/grub2/grub.cfg", "insmod blscfg\nblscfg\n")
    write(tmp_path, "boot/grub2/grubenv", "# GRUB Environment Block\nsaved_entry=m-5.14.0-2\n####")
    for number in (1, 2):
        write(tmp_path, f"boot/loader/entries/m-5.14.0-{number}.conf",
              f"version 5.14.0-{number}\nlinux /vmlinuz-5.14.0-{number}\noptions root=/dev/a ro n={number}\n")  # fmt: skip
    return tmp_path


def test_debian(debian: Path) -> None:
    facts = read_boot(str(debian))
    assert choose_backend(facts) == GRUB_D
    assert facts.tools == ("update-grub", "grub-mkconfig")
    assert facts.running == "BOOT_IMAGE=/boot/vmlinuz-6.1 root=UUID=a ro quiet"
    assert facts.evaluated_without is not None
    assert (facts.evaluated_without.linux, facts.evaluated_without.linux_default) == ("a  intel_iommu=off", "quiet")
    assert facts.evaluated == facts.evaluated_without
    assert facts.grub_cfg_path == "/boot/grub/grub.cfg"
    assert facts.next_boot_tokens == ("root=UUID=a", "ro", "quiet")


def test_debian_with_our_drop_in_is_read_both_ways(debian: Path) -> None:
    write(debian, DROP_IN[1:], drop_in())
    write(debian, "etc/default/grub.d/50-cloud.cfg", 'GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX b"\n')
    facts = read_boot(str(debian))
    assert facts.evaluated is not None
    assert facts.evaluated_without is not None
    assert (facts.evaluated_without.linux, facts.evaluated_without.linux_default) == ("a  intel_iommu=off b", "quiet")
    assert (facts.evaluated.linux, facts.evaluated.linux_default) == ("a b", "quiet intel_iommu=on")
    assert [file.path.rsplit("/", 1)[1] for file in facts.grub_drop_ins] == [
        "50-cloud.cfg",
        "zz-nova-pci-passthrough.cfg",
    ]
    plan = kernel_argument_plan(facts, WANTED)
    assert plan.tools[0]["force"] is True
    assert "intel_iommu=off comes from /etc/default/grub line 2" in str(plan.kernel_arguments["warnings"])


def test_no_program_of_the_tree_or_of_the_host_is_run(debian: Path) -> None:
    write(debian, "etc/default/grub", f'x=$(touch {debian}/hole)\nGRUB_CMDLINE_LINUX="$(id)"\n')
    calls: list[Sequence[str]] = []

    def run(argv: Sequence[str], environment: Mapping[str, str], seconds: float) -> tuple[int, bytes, bytes]:
        calls.append(argv)
        assert set(environment) == {"PATH", "LC_ALL", "HOME"}
        return run_command(argv, environment, seconds)

    facts = read_boot(str(debian), run)
    assert [argv[0] for argv in calls] == ["/bin/sh"]
    assert not (debian / "hole").exists()
    assert facts.evaluated_without is not None
    assert "not found" in str(facts.evaluated_without.problem)


def test_nothing_on_disk_changes(debian: Path) -> None:
    write(debian, DROP_IN[1:], drop_in())
    before = {path: path.read_bytes() for path in debian.rglob("*") if path.is_file()}
    read_boot(str(debian))
    assert {path: path.read_bytes() for path in debian.rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ('GRUB_CMDLINE_LINUX="a\n', "nterminated"),
        ('GRUB_CMDLINE_LINUX+=" b"\n', "not found"),  # bash's own; grub-mkconfig is #!/bin/sh
        ("false\n", "sh ended with status 1"),
        ("exit 0\n", "sh ended with status 0"),
    ],
)
def test_defaults_that_the_shell_refuses(debian: Path, text: str, problem: str) -> None:
    if "+=" in text and os.path.realpath("/bin/sh").rsplit("/", 1)[-1] != "dash":
        pytest.skip("/bin/sh is not dash here, and other shells know +=")
    write(debian, "etc/default/grub", text)
    evaluated = read_boot(str(debian)).evaluated_without
    assert evaluated is not None
    assert problem in str(evaluated.problem)


def test_a_nul_in_a_file_with_our_block_is_a_problem(tmp_path: Path) -> None:
    tool(tmp_path, "grub2-mkconfig", EL_MKCONFIG)
    write(tmp_path, "etc/default/grub", with_block("GRUB_CMDLINE_LINUX=a\0b\n"))
    evaluated = read_boot(str(tmp_path)).evaluated_without
    assert evaluated is not None
    assert evaluated.problem == "sh cannot be given it: embedded null byte"


def test_a_shell_that_does_not_end(debian: Path) -> None:
    def run(argv: Sequence[str], environment: Mapping[str, str], seconds: float) -> tuple[int, bytes, bytes]:
        raise subprocess.TimeoutExpired(list(argv), seconds)

    evaluated = read_boot(str(debian), run).evaluated_without
    assert evaluated is not None
    assert evaluated.problem == "it did not end within 30 seconds"


def test_a_shell_that_cannot_be_started(debian: Path) -> None:
    def run(argv: Sequence[str], environment: Mapping[str, str], seconds: float) -> tuple[int, bytes, bytes]:
        raise FileNotFoundError(2, "No such file or directory", argv[0])

    evaluated = read_boot(str(debian), run).evaluated_without
    assert evaluated is not None
    assert evaluated.problem == "sh cannot be started: No such file or directory"


def test_what_the_file_prints_is_no_answer(debian: Path) -> None:
    write(debian, "etc/default/grub", 'echo hello\nGRUB_CMDLINE_LINUX="a"\n')
    evaluated = read_boot(str(debian)).evaluated_without
    assert evaluated is not None
    assert evaluated.linux == "a"


def test_unreadable_is_not_absent(debian: Path) -> None:
    (debian / "boot/grub/grub.cfg").unlink()
    assert read_boot(str(debian)).grub_cfg.is_absent
    (debian / "boot/grub/grub.cfg").mkdir()
    facts = read_boot(str(debian))
    assert facts.grub_cfg.problem == "Is a directory"
    assert facts.next_boot_tokens is None


def test_suse(tmp_path: Path) -> None:
    tool(tmp_path, "grub2-mkconfig", EL_MKCONFIG)
    text = 'GRUB_CMDLINE_LINUX_DEFAULT="splash"\n'
    write(tmp_path, "etc/default/grub", text)
    write(tmp_path, "boot/grub2/grub.cfg", GRUB_CFG)
    write(tmp_path, "etc/default/grub.d/ignored.cfg", "GRUB_CMDLINE_LINUX=never\n")
    facts = read_boot(str(tmp_path))
    assert choose_backend(facts) == GRUB_FILE
    plan = kernel_argument_plan(facts, WANTED)
    content = plan.files[1]["content"]
    assert isinstance(content, str)
    for given in (content, with_block(text[:-1])):
        write(tmp_path, "etc/default/grub", given)
        write(tmp_path, DROP_IN[1:], drop_in())
        facts = read_boot(str(tmp_path))
        assert facts.evaluated is not None
        assert facts.evaluated_without is not None
        assert (facts.evaluated.linux, facts.evaluated.linux_default) == ("", "splash intel_iommu=on")
        assert (facts.evaluated_without.linux, facts.evaluated_without.linux_default) == ("", "splash")
        assert kernel_argument_plan(facts, WANTED).files[1]["content"] == given


def test_el9(el9: Path) -> None:
    facts = read_boot(str(el9))
    assert choose_backend(facts) == GRUBBY
    assert facts.next_boot_tokens == ("root=/dev/a", "ro", "n=2")
    assert facts.entries_path == "/boot/loader/entries"


# A stand-in for grubby with the interface of grubby(8): one --update-kernel=ALL, --args replaces, --remove-args removes.
GRUBBY_STUB = r"""#!/usr/bin/env python3
import pathlib, sys
root = pathlib.Path(__file__).resolve().parents[2]
options = dict(word[2:].partition("=")[::2] for word in sys.argv[1:])
assert options["update-kernel"] == "ALL", options
for path in sorted((root / "boot/loader/entries").glob("*.conf")):
    lines = path.read_text().splitlines()
    for number, line in enumerate(lines):
        if line.startswith("options "):
            words = line.split()[1:]
            for gone in options.get("remove-args", "").split():
                words = [w for w in words if w != gone and ("=" in gone or w.partition("=")[0] != gone)]
            for new in options.get("args", "").split():
                words = [w for w in words if w.partition("=")[0] != new.partition("=")[0]] + [new]
            lines[number] = "options " + " ".join(words)
    path.write_text("\n".join(lines) + "\n")
"""


@pytest.mark.parametrize(
    "options", ["root=/dev/a ro", "root=/dev/a intel_iommu=off ro", "ro intel_iommu=sm_on iommu=off"]
)
def test_grubby_s_documented_interface_reaches_the_plan_and_back(el9: Path, options: str) -> None:
    tool(el9, "grubby", GRUBBY_STUB)
    write(el9, "boot/loader/entries/m-5.14.0-1.conf", f"version 5.14.0-1\nlinux /vmlinuz\noptions {options}\n")
    write(el9, "boot/loader/entries/m-5.14.0-2.conf", f"version 5.14.0-2\nlinux /vmlinuz\noptions {options}\n")
    first = kernel_argument_plan(read_boot(str(el9)), WANTED, ["iommu=off", "intel_iommu=off"])
    assert run_tool(el9, first.tools[0]["argv"]) == 0
    second = kernel_argument_plan(read_boot(str(el9)), WANTED, ["iommu=off", "intel_iommu=off"])
    assert second.tools == ()
    assert run_tool(el9, first.tools[0]["undo"]) == 0
    tokens = read_boot(str(el9)).next_boot_tokens
    assert tokens is not None
    assert sorted(tokens) == sorted(options.split())


def run_tool(root: Path, argv: Any) -> int:
    return subprocess.run([str(root / "usr/sbin" / argv[0]), *argv[1:]], timeout=60, check=False).returncode


def test_loader_info(tmp_path: Path) -> None:
    file = tmp_path / LOADER_INFO
    file.parent.mkdir(parents=True)
    file.write_bytes(b"\x06\0\0\0" + "systemd-boot 252.39\0".encode("utf-16-le"))
    tool(tmp_path, "kernel-install")
    write(tmp_path, "efi/loader/entries/m-6.1.conf", "version 6.1\noptions a b\n")
    write(tmp_path, "efi/loader/loader.conf", "timeout 3\n")
    write(tmp_path, "lib/modules/6.1/modules.dep", "")
    write(tmp_path, "lib/modules/6.2/vmlinuz", "")
    write(tmp_path, "boot/vmlinuz-6.1", "")
    write(tmp_path, "etc/kernel/cmdline", "a b\n")
    facts = read_boot(str(tmp_path))
    assert facts.loader_info.text == "systemd-boot 252.39"
    assert choose_backend(facts) == KERNEL_INSTALL
    assert facts.kernels == (("6.1", "/boot/vmlinuz-6.1"), ("6.2", "/lib/modules/6.2/vmlinuz"))
    assert facts.kernel_cmdline.text == "a b\n"
    assert facts.next_boot_tokens == ("a", "b")


def test_a_loader_variable_that_cannot_be_read_is_not_absent(tmp_path: Path) -> None:
    (tmp_path / LOADER_INFO).mkdir(parents=True)
    assert read_boot(str(tmp_path)).loader_info.problem == "Is a directory"


def test_ostree(tmp_path: Path) -> None:
    write(tmp_path, "run/ostree-booted", "")
    assert read_boot(str(tmp_path)).ostree


# ---- the real programs ------------------------------------------------------------------------------------------------


@pytest.fixture
def real_grub(tmp_path: Path) -> Path:
    """A tree in which the real grub-mkconfig runs: its own text with the paths below *tmp_path*, a stub for grub-probe."""
    found = shutil.which("grub-mkconfig", path=os.environ["PATH"] + ":/usr/sbin:/sbin")
    if found is None:
        pytest.skip("grub-common is not installed here (apt install grub-common runs this test)")
    usr = Path(found).resolve().parents[1]
    ten = usr.parent / "etc/grub.d/10_linux" if usr.name == "usr" else Path("/etc/grub.d/10_linux")
    text = Path(found).read_text(encoding="utf-8")
    if "default/grub.d" not in text or not ten.exists():
        pytest.skip(f"{found} reads no /etc/default/grub.d, so it is not Debian's")
    root = tmp_path / "root"
    text = moved(text, root)
    text = re.sub(r"^sysconfdir=.*$", f'sysconfdir="{root}/etc"', text, flags=re.MULTILINE)
    write(root, "usr/sbin/grub-mkconfig", text).chmod(0o755)
    linux = ten.read_text(encoding="utf-8")
    linux = re.sub(r"(?<![\w$}.\"])/boot/", f"{root}/boot/", linux)
    write(root, "etc/grub.d/10_linux", linux).chmod(0o755)
    probe = 'case "$*" in *target=device*) echo /dev/sda1;; *fs_uuid*) echo 12-34;; *target=fs*) echo ext2;; *abstraction*) :;; *) exit 1;; esac'
    write(root, "usr/sbin/grub-probe", f"#!/bin/sh\n{probe}\n").chmod(0o755)
    library = (usr / "share/grub/grub-mkconfig_lib").read_text(encoding="utf-8")
    write(root, "usr/share/grub/grub-mkconfig_lib", moved(library, root))
    for name in ("grub-file", "grub-script-check", "grub-mkrelpath", "grub-editenv"):
        write(
            root, f"usr/bin/{name}", '#!/bin/sh\nfor last; do :; done\ncase $0 in *relpath) echo "$last";; esac\n'
        ).chmod(0o755)
    write(root, "boot/vmlinuz-6.1.0-1-amd64", "kernel")
    write(root, "boot/initrd.img-6.1.0-1-amd64", "initrd")
    write(root, "proc/cmdline", "quiet\n")
    tool(root, "update-grub")
    return root


def moved(text: str, root: Path) -> str:
    return text.replace('"/usr', f'"{root}/usr')


def generate(root: Path) -> str:
    output = root / "boot/grub/grub.cfg"
    output.parent.mkdir(parents=True, exist_ok=True)
    environment = {
        "PATH": f"{root}/usr/sbin:{root}/usr/bin:" + os.environ["PATH"] + ":/usr/sbin:/sbin",
        "EUID": "0",
        "LC_ALL": "C",
    }
    done = subprocess.run(
        ["sh", str(root / "usr/sbin/grub-mkconfig")],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    output.write_text(done.stdout, encoding="utf-8")
    return done.stdout


@pytest.mark.parametrize(
    "default",
    [
        'GRUB_CMDLINE_LINUX_DEFAULT="quiet"\nGRUB_CMDLINE_LINUX=""\n',
        'GRUB_CMDLINE_LINUX_DEFAULT="quiet splash intel_iommu=off"\nGRUB_CMDLINE_LINUX="console=tty0 iommu=off * rd.x=1"\n',
        "GRUB_CMDLINE_LINUX='dyndbg=\"file a.c +p\"  intel-iommu=off'\nexport GRUB_CMDLINE_LINUX_DEFAULT=quiet\n",
    ],
)
def test_the_real_grub_mkconfig(real_grub: Path, default: str) -> None:
    write(real_grub, "etc/default/grub", "GRUB_DISTRIBUTOR=Debian\n" + default)
    before = parse_grub_cfg(generate(real_grub))
    remove = ["iommu=off", "intel_iommu=off"]
    plan = kernel_argument_plan(read_boot(str(real_grub)), WANTED, remove)
    assert plan.kernel_arguments["backend"] == GRUB_D
    assert plan.kernel_arguments["rows"][0]["state"] == "to change"  # type: ignore[index]
    write(real_grub, DROP_IN[1:], drop_in(WANTED, remove))
    assert kernel_argument_plan(read_boot(str(real_grub)), WANTED, remove).tools[0]["force"] is True
    after = parse_grub_cfg(generate(real_grub))
    rules = merge_rules(WANTED, remove)
    assert len(before.entries) == len(after.entries) >= 2
    for old, new in zip(before.entries, after.entries):
        if old.is_recovery:
            assert "intel_iommu=on" not in [token.text for token in new.arguments]
            continue
        expected = KernelCommandLine(" ".join(token.text for token in old.arguments)).merged(rules)
        assert new.arguments == expected.arguments
    facts = read_boot(str(real_grub))
    plan = kernel_argument_plan(facts, WANTED, remove)
    assert plan.kernel_arguments["rows"][0]["state"] == "pending reboot"  # type: ignore[index]
    assert plan.tools[0]["force"] is False
    assert facts.next_boot_tokens is not None
    assert "intel_iommu=on" in facts.next_boot_tokens
    (real_grub / DROP_IN[1:]).unlink()
    assert parse_grub_cfg(generate(real_grub)) == before


def test_the_real_kernel_install(tmp_path: Path) -> None:
    if shutil.which("kernel-install") is None:
        pytest.skip("systemd's kernel-install is not installed here")
    plugin = Path("/usr/lib/kernel/install.d/90-loaderentry.install")
    if not plugin.exists():
        pytest.skip(f"{plugin} is not installed here")
    root = tmp_path
    write(root, "etc/kernel/cmdline", "root=/dev/a  quiet intel_iommu=off\n")
    write(root, "etc/kernel/entry-token", "m\n")
    write(root, "boot/vmlinuz-6.1", "kernel")
    write(root, "lib/modules/6.1/modules.dep", "")
    (root / "efi/m").mkdir(parents=True)
    environment = {
        "PATH": os.environ["PATH"], "KERNEL_INSTALL_CONF_ROOT": str(root / "etc/kernel"), "BOOT_ROOT": str(root / "efi"),
        "MACHINE_ID": "0123456789abcdef0123456789abcdef", "KERNEL_INSTALL_PLUGINS": str(plugin),
    }  # fmt: skip

    def install(argv: Any) -> None:
        command = [*argv[:3], str(root) + argv[3]]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60, check=False)
        assert done.returncode == 0, done.stderr

    install(["kernel-install", "add", "6.1", "/boot/vmlinuz-6.1"])
    tool(root, "kernel-install")
    facts = read_boot(str(root))
    assert choose_backend(facts) == KERNEL_INSTALL
    assert facts.next_boot_tokens == ("root=/dev/a", "quiet", "intel_iommu=off")
    plan = kernel_argument_plan(facts, WANTED)
    content = plan.files[0]["content"]
    assert isinstance(content, str)
    assert content == "root=/dev/a  quiet intel_iommu=on\n"
    write(root, "etc/kernel/cmdline", content)
    assert kernel_argument_plan(read_boot(str(root)), WANTED).tools[0]["force"] is True
    install(plan.tools[0]["argv"])
    facts = read_boot(str(root))
    assert facts.next_boot_tokens == ("root=/dev/a", "quiet", "intel_iommu=on")
    assert kernel_argument_plan(facts, WANTED).tools[0]["force"] is False
