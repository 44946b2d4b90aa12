# Copyright: (c) 2026, nova_pci contributors
# GNU General Public License v3.0+ (see LICENSE or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What every read-only module of this collection promises, said once."""

from __future__ import annotations


class ModuleDocFragment:
    DOCUMENTATION = r"""
options: {}
attributes:
  check_mode:
    description: The module only reads, so check mode gives the same result as any run.
    support: full
  diff_mode:
    description: The module changes nothing, so there is nothing to show.
    support: N/A
  platform:
    description: Linux; other systems have no sysfs to read.
    support: full
    platforms: linux
"""
