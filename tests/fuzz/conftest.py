# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Makes the collection importable, as for the unit tests, keeps what hypothesis remembers out of the checkout, counts the cases."""

from __future__ import annotations

import functools
import importlib
import sys
from collections import Counter
from pathlib import Path
from typing import Any, Callable

import pytest
from hypothesis.configuration import set_hypothesis_home_dir

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / "unit"))
pytest_configure = importlib.import_module("conftest").pytest_configure

from ansible_collections.nova_pci.passthrough.tests.ladder.environments import cache_root  # noqa: E402
from ansible_collections.nova_pci.passthrough.tests.tried import tried  # noqa: E402

set_hypothesis_home_dir(cache_root() / "hypothesis")

# Cases that ran to their end, by test file. A case that assume() turned away, or that failed, is none.
ran: Counter[str] = Counter()


def counting(file: str, test: Callable[..., None]) -> Callable[..., None]:
    @functools.wraps(test)
    def counted(*given: Any, **named: Any) -> None:
        test(*given, **named)
        ran[file] += 1

    return counted


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        handle = getattr(getattr(item, "obj", None), "hypothesis", None)
        if handle is not None and not hasattr(handle, "counted"):  # a parametrised test is collected more than once
            handle.inner_test = counting(item.path.stem, handle.inner_test)
            handle.counted = True


def pytest_sessionfinish() -> None:
    for file, cases in sorted(ran.items()):
        tried(f"fuzz cases: {file}", cases)
