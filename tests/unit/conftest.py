# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes ansible_collections.nova_pci.passthrough importable from a checkout that lies anywhere, and names our markers.

Under ansible-test Ansible's own loader serves the name already, and nothing happens here.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # scripts beside the tests use this file too, without pytest
    import pytest

_ROOT = Path(__file__).resolve().parents[2]
_NAME = "ansible_collections.nova_pci.passthrough"


def _is_served() -> bool:
    try:
        return importlib.util.find_spec(_NAME) is not None
    except (ModuleNotFoundError, ValueError):  # ValueError: by this file, which tests/fuzz has loaded already
        return False


def _serve() -> None:
    """Put a package without code, as a namespace folder is one, at every part of the name."""
    name = ""
    for part in _NAME.split("."):
        parent, name = sys.modules.get(name), f"{name}.{part}".lstrip(".")
        package = sys.modules.get(name)
        if package is None:
            package = ModuleType(name)
            package.__path__ = [str(_ROOT)] if name == _NAME else []
            sys.modules[name] = package
        if parent is not None:
            setattr(parent, part, package)


def pytest_configure(config: pytest.Config) -> None:
    """Here and not in pyproject.toml, as ansible-test brings a configuration of its own."""
    config.addinivalue_line("markers", "slow: too slow for make check; make test runs it")


# Tests of which every case is one question to a guard: may this device be handed out? Counted for docs/reliability.md.
GUARDS = tuple(
    f"test_{name}.py" for name in ("network", "override", "ownership", "seat", "selection", "usage", "verdict")
)
_passed = {"guard cases": 0}


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed and report.nodeid.partition("::")[0].endswith(GUARDS):
        _passed["guard cases"] += 1


def pytest_sessionfinish(session: pytest.Session) -> None:
    if hasattr(session.config, "workerinput") or not any(_passed.values()):
        return  # a worker of pytest-xdist hands its reports to the session that started it
    tried = importlib.import_module(f"{_NAME}.tests.tried").tried
    for what, count in _passed.items():
        tried(what, count)


_UNDER_ANSIBLE_TEST = _is_served()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the slow tests out under ansible-test: no ansible-core has a part in them, and they have a step of their own."""
    if _UNDER_ANSIBLE_TEST:
        slow = [item for item in items if item.get_closest_marker("slow")]
        config.hook.pytest_deselected(items=slow)
        items[:] = [item for item in items if item not in slow]


if not _UNDER_ANSIBLE_TEST:
    _serve()
