# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Runs inside an environment that has oslo.config and answers each case of a file with what the real one makes of it.

    python -X utf8 answers.py CASES FOLDER > ANSWERS      (one JSON document a line each)

The tree of a case is built below FOLDER. Of oslo_config.cfg only the doors to the files are turned there.
"""

from __future__ import annotations

import contextlib
import glob
import io
import json
import logging
import os
import posixpath
import shutil
import sys
from typing import Any

from oslo_config import cfg

OPTIONS: list[tuple[str, Any]] = [
    ("pci", cfg.MultiStrOpt("alias", default=[], deprecated_opts=[cfg.DeprecatedOpt("pci_alias", group="DEFAULT")])),
    ("pci", cfg.MultiStrOpt("device_spec", default=[], deprecated_opts=[
        cfg.DeprecatedOpt("passthrough_whitelist", group="pci"),
        cfg.DeprecatedOpt("pci_passthrough_whitelist", group="DEFAULT")])),
    ("pci", cfg.BoolOpt("report_in_placement")),
    ("pci", cfg.StrOpt("local")),
    ("filter_scheduler", cfg.ListOpt("enabled_filters", deprecated_opts=[
        cfg.DeprecatedOpt("scheduler_default_filters", group="DEFAULT")])),
    ("filter_scheduler", cfg.MultiStrOpt("available_filters", default=[])),
    ("filter_scheduler", cfg.BoolOpt("pci_in_placement")),
    ("DEFAULT", cfg.StrOpt("my_ip")),
    ("DEFAULT", cfg.StrOpt("host")),
    ("DEFAULT", cfg.StrOpt("state_path")),
]  # fmt: skip


class Doors:
    """The names of oslo_config.cfg that lead to files, turned to a tree below *root*."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.cwd = "/"
        self.opened: list[str] = []
        self.path = self

    def __getattr__(self, name: str) -> Any:
        return getattr(os, name) if hasattr(os, name) else getattr(posixpath, name)

    def _below(self, path: str) -> str:
        return self.root + posixpath.join(self.cwd, path)

    def exists(self, path: str) -> bool:
        return posixpath.exists(self._below(path))

    def abspath(self, path: str) -> str:
        return posixpath.normpath(posixpath.join(self.cwd, path))

    def glob(self, pattern: str) -> list[str]:
        cut = len(self.root) if pattern.startswith("/") else len(self._below(""))
        return [path[cut:] for path in glob.glob(self._below(pattern))]

    def open(self, path: str) -> Any:
        self.opened.append(path)
        return open(self._below(path))


def build(case: dict[str, Any], root: str) -> None:
    for folder in (case["cwd"], *case["folders"]):
        os.makedirs(root + folder, exist_ok=True)
    for path, text in case["files"].items():
        os.makedirs(posixpath.dirname(root + path), exist_ok=True)
        with open(root + path, "wb") as file:
            file.write(text.encode("latin-1"))
    for path in case["dead"]:
        os.symlink("/nonexistent/file", root + path)


def ask(conf: Any, group: str, name: str) -> dict[str, Any]:
    try:
        return {"value": conf[name] if group == "DEFAULT" else conf[group][name]}
    except Exception as error:  # noqa: BLE001  whatever it is, it is the answer
        return {"error": type(error).__name__}


def registered() -> Any:
    conf = cfg.ConfigOpts()
    conf.register_cli_opts([cfg.StrOpt("log-file"), cfg.BoolOpt("debug")])
    for group, option in OPTIONS:
        conf.register_opt(option, group=None if group == "DEFAULT" else group)
    return conf


def answer(conf: Any, case: dict[str, Any], doors: Doors) -> dict[str, Any]:
    doors.cwd, doors.opened = case["cwd"], []
    os.environ.clear()
    os.environ.update({**case["environment"], "HOME": case["home"], "COLUMNS": "80", "LINES": "25"})
    try:
        with contextlib.redirect_stderr(io.StringIO()):
            conf(case["arguments"], project="nova", prog=case["program"], default_config_files=case["default_files"])
    except (Exception, SystemExit) as error:  # noqa: BLE001  whatever it is, it is the answer
        return {"refused": type(error).__name__, "words": str(error), "opened": doors.opened}
    sections = [{name: keys for name, keys in file.items() if keys} for file in reversed(conf._namespace._parsed)]
    values = {f"{group}.{option.name}": ask(conf, group, option.name) for group, option in OPTIONS}
    return {"refused": None, "opened": doors.opened, "sections": sections, "values": values}


def main(cases: str, folder: str) -> None:
    logging.disable(logging.CRITICAL)
    doors = Doors(posixpath.join(folder, "tree"))
    conf = registered()
    cfg.os, cfg.glob, cfg.open = doors, doors, doors.open
    with open(cases, encoding="ascii") as file:
        for line in file:
            case = json.loads(line)
            build(case, doors.root)
            print(json.dumps(answer(conf, case, doors)))
            shutil.rmtree(doors.root, ignore_errors=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
