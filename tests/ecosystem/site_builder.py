# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The documentation as one site: "site_builder.py FOLDER" writes it there, in an environment of tests/requirements/ecosystem.txt.

The pages are the repository's own Markdown files at their own paths, so that a link that holds in one place holds in the
other; modules, filters and roles are antsibull-docs' pages; a playbook's page is made from the playbook and its roles.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).resolve().parents[2]
NAME = "nova_pci.passthrough"
PAGES = ("README.md", "CONTRIBUTING.md", "CODE_OF_CONDUCT.md", "CHANGELOG.md", "tests/lab/README.md")
FOLDERS = ("docs", "roles/*", "tests/unit/machines")  # whose Markdown files are pages too
SCHEMAS = sorted((ROOT / "docs").glob("*.schema.json"))  # what pages link to, for a reader to take along

CONF = """\
project = "nova_pci.passthrough"
html_title = "nova_pci.passthrough"
html_short_title = "nova_pci.passthrough"
extensions = ["myst_parser", "sphinx_antsibull_ext"]
myst_heading_anchors = 4
pygments_style = "ansible"
highlight_language = "YAML+Jinja"
html_theme = "sphinx_ansible_theme"
html_show_sphinx = False
html_copy_source = False
default_role = "any"
nitpicky = True


def outside(app, env, node, contnode):
    # Pages of ansible-core itself: the site is built without a network, so nothing there can be looked up.
    target = node.get("reftarget", "")
    foreign = target.startswith("ansible_collections.") and not target.startswith("ansible_collections.nova_pci.")
    return contnode if foreign or target in OUTSIDE else None


OUTSIDE = ("ansible_configuration_settings", "common_return_values", "list_of_collections")


def setup(app):
    app.connect("missing-reference", outside)
"""


def loaded(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def pages() -> list[Path]:
    found = [ROOT / name for name in PAGES]
    found += [path for folder in FOLDERS for path in sorted(ROOT.glob(f"{folder}/*.md"))]
    return [path for path in found if path.is_file()]


def playbooks() -> list[Path]:
    return sorted((ROOT / "playbooks").glob("*.yml"))


def plays(book: Path) -> Iterator[dict[str, Any]]:
    """Those of a playbook, with those of each one that it imports."""
    for play in loaded(book):
        imported = play.get("ansible.builtin.import_playbook")
        if imported is None:
            yield play
        else:
            yield from plays(ROOT / "playbooks" / f"{imported.removeprefix(NAME + '.')}.yml")


def roles_of(play: dict[str, Any]) -> list[tuple[str, str, list[str]]]:
    """Each role of a play with its entry point and its tags."""
    found = [(role["role"], "main", role.get("tags", [])) for role in play.get("roles", [])]
    for task in play.get("tasks", []):
        role = task.get("ansible.builtin.import_role") or task["ansible.builtin.include_role"]
        found.append((role["name"], role.get("tasks_from", "main").removesuffix(".yml"), task.get("tags", [])))
    return [(name.removeprefix(f"{NAME}."), entry, tags) for name, entry, tags in found]


def options_of(role: str, entry: str) -> dict[str, Any]:
    specs = loaded(ROOT / "roles" / role / "meta/argument_specs.yml")["argument_specs"]
    return dict(specs[entry].get("options") or {}) if entry in specs else {}


def commands_of(book: str) -> list[str]:
    """The command lines of README that run it; the plain one where README has none."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    lines = re.findall(rf"^ansible-playbook .*\b{NAME}\.{book}\b.*$", readme, flags=re.MULTILINE)
    return lines or [f"ansible-playbook -i inventory.yml {NAME}.{book}"]


def text_of(description: Any) -> str:
    """A description of argument_specs as Markdown: markup such as C(text) becomes code."""
    joined = " ".join(description) if isinstance(description, list) else str(description)
    return re.sub(r"\b[A-Z]+\(([^)]*)\)", r"`\1`", joined).replace("|", r"\|").strip()


def playbook_page(book: Path) -> str:
    """Purpose, hosts, layers with their tags, variables and commands, as Markdown."""
    lines = [f"# Playbook {book.stem}", "", "| play | hosts | in batches |", "|---|---|---|"]
    layers, variables = (
        [],
        {"pci_passthrough_hosts": "the computes, with `-e`: a group or pattern; default `nova_compute`"},
    )
    for play in plays(book):
        lines.append(f"| {play['name']} | `{play['hosts']}` | {'yes' if 'serial' in play else 'no'} |")
        if "pci_passthrough_controllers" in play["hosts"]:
            variables["pci_passthrough_controllers"] = "the controllers, with `-e`; default `nova_controller`"
        if "serial" in play:
            variables["pci_passthrough_serial"] = "the batches, with `-e`; default `[1, '10%']`"
        for role, entry, tags in roles_of(play):
            page = f"/collections/nova_pci/passthrough/{role}_role"
            layers.append(f"| {{doc}}`{role} <{page}>` | `{entry}` | {', '.join(f'`{tag}`' for tag in tags)} |")
            for name, option in options_of(role, entry).items():
                default = f"; default `{option['default']}`" if option.get("default") not in (None, "", []) else ""
                variables[name] = f"{text_of(option['description'])}{default}"
    lines += ["", "```console", *commands_of(book.stem), "```", "", "## Layers", "", "| role | entry point | tags |"]
    lines += ["|---|---|---|", *layers, "", "## Variables", "", "| variable | what |", "|---|---|"]
    lines += [f"| `{name}` | {what} |" for name, what in variables.items()]
    return "\n".join(lines) + "\n"


def run(*argv: str, cwd: Path, **settings: str) -> None:
    done = subprocess.run(
        argv, cwd=cwd, env={**os.environ, **settings}, capture_output=True, text=True, timeout=1200, check=False
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(argv)}\n{done.stdout}\n{done.stderr}")


def build(into: Path, collections: Path) -> Path:
    """Write the site; *collections* is what ANSIBLE_COLLECTIONS_PATH names. The folder of its pages."""
    source = into / "source"
    source.mkdir(parents=True, mode=0o755)  # antsibull-docs wants it for its owner alone to write
    for path in [*pages(), *SCHEMAS]:
        place = source / path.relative_to(ROOT)
        place.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, place)
    (source / "playbooks").mkdir()
    for book in playbooks():
        (source / "playbooks" / f"{book.stem}.md").write_text(playbook_page(book), encoding="utf-8")
    shutil.copy2(ROOT / "docs/docsite/index.md", source / "index.md")
    (source / "conf.py").write_text(CONF, encoding="utf-8")
    tools = Path(sys.executable).parent
    words = ["--use-current", "--fail-on-error", "--no-indexes", "--dest-dir", str(source), NAME]
    run(str(tools / "antsibull-docs"), "collection", *words, cwd=into, ANSIBLE_COLLECTIONS_PATH=str(collections))
    pages_folder = into / "html"
    words = ["-b", "html", "-W", "--keep-going", "-q", str(source), str(pages_folder)]
    run(sys.executable, "-m", "sphinx", *words, cwd=into)
    return pages_folder


if __name__ == "__main__":
    folder = Path(sys.argv[1]).resolve()
    place = folder / "collections/ansible_collections/nova_pci/passthrough"
    place.parent.mkdir(parents=True)
    place.symlink_to(ROOT, target_is_directory=True)
    print(build(folder, folder / "collections") / "index.html")
