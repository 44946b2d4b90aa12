# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
from __future__ import annotations

from ansible_collections.nova_pci.passthrough.plugins.module_utils._core.nearest import as_key, did_you_mean, nearest

KNOWN = ("vendor_id", "product_id", "address")


def test_the_nearest_or_none():
    assert nearest("vendorid", KNOWN) == "vendor_id"
    assert nearest("zzz", KNOWN) is None
    assert nearest("vendor", KNOWN, cutoff=0.95) is None


def test_a_question_or_what_else_there_is_to_say():
    assert did_you_mean("adress", KNOWN, "The keys are many") == "Did you mean address?"
    assert did_you_mean("zzz", KNOWN, "The keys are many") == "The keys are many"


def test_only_the_letters_count():
    assert as_key("Vendor-ID") == "vendor_id"
    assert as_key(8086) == "8086"
